"""Whether somebody has set this machine's clock: the time of day against the time that has passed."""

from __future__ import annotations

from datetime import datetime, timedelta

from tocsin import limits

MOST = timedelta(seconds=limits.CLOCK_SKEW_SECONDS)
TOLD_LEAST = timedelta(minutes=1)
TOLD_MOST = timedelta(days=1)


class Jumps:
    """Notices jumps of the clock, and knows for how long they matter.

    What was due by the old clock is late by as much as it was set back, or done too early. So a jump is told
    for as long as it is wide; one that is taken back meanwhile is forgotten.
    """

    def __init__(self) -> None:
        self._began: datetime | None = None
        self._jumped = timedelta()
        self._told_until = timedelta()
        self._passed = timedelta()

    def look(self, now: datetime, passed: timedelta) -> timedelta:
        """How far the clock has jumped since the last look; nothing when it ran as it should.

        `passed` is the time since some moment that never changes, by a clock that nobody can set.
        """
        began, self._passed = now - passed, passed
        jump = timedelta() if self._began is None else began - self._began
        self._began = began
        if abs(jump) <= MOST:
            return timedelta()
        self._jumped = jump + self.jumped
        self._told_until = passed + min(max(abs(self._jumped), TOLD_LEAST), TOLD_MOST)
        return jump

    @property
    def jumped(self) -> timedelta:
        """How far the clock has jumped lately, backward when negative; nothing when it no longer matters."""
        matters = abs(self._jumped) > MOST and self._passed < self._told_until
        return self._jumped if matters else timedelta()


def told(jump: timedelta) -> str:
    """A jump and what it does, in a sentence."""
    seconds = jump.total_seconds()
    if seconds < 0:
        return (
            f"This machine's clock was set back by {-seconds:.0f} seconds:"
            " what had been promised before then is late by as much."
        )
    return (
        f"This machine's clock was set forward by {seconds:.0f} seconds, or the machine stood still:"
        " what falls due in that time is done at once."
    )
