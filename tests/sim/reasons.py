"""Why people are paged: nobody is asked twice for one reason, whatever happens to the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.sim.account import Account, identity
from tocsin.core.incident import events
from tocsin.core.incident.events import Recorded

if TYPE_CHECKING:
    from tests.sim.stream import Stream

OTHERWISE = ("catch-all", "goes on here")
"""In the words of a page: it follows from no step, but from a path that is blocked, or from a merge."""


@dataclass(slots=True)
class Reasons:
    """Those of the round: which is the last, how often each may page, and how often it has paged whom.

    A step is known again in every version of the plan by whom it is for; a ladder may hold two such.
    """

    last: object = None
    most: Counter[object] = field(default_factory=Counter)
    paged: Counter[tuple[str, object]] = field(default_factory=Counter)

    def take(self, account: Account, one: Recorded) -> None:
        """One more event, with the account as it was before it."""
        event = one.event
        match event:
            case events.RoundStarted():
                self.most.clear()
                self.paged.clear()
            case events.StepTaken():
                step = identity(account.ladder[event.step])
                self._is(step, Counter(map(identity, account.ladder))[step])
            case events.CarriedStepTaken():
                self._is((event.incident, event.level, event.step), 1)
            case events.TriggerFired():
                self._is(event.trigger, 1)
            case events.PageStarted() if not any(words in event.reason for words in OTHERWISE):
                self.paged[event.person, self.last] += 1
            case _:
                pass

    def _is(self, reason: object, times: int) -> None:
        self.last, self.most[reason] = reason, max(self.most[reason], times)


def nobody_is_paged_twice_for_a_reason(stream: Stream, one: Recorded) -> Iterator[str]:
    """In one round a step, a page carried over and an escalation by impact each page a person once."""
    event, reasons = one.event, stream.reasons
    if not isinstance(event, events.PageStarted) or any(words in event.reason for words in OTHERWISE):
        return
    if reasons.paged[event.person, reasons.last] >= reasons.most[reasons.last]:
        yield f"{event.person} was paged already because of {reasons.last}, and is again: {event.reason}"


EVENT_RULES = (nobody_is_paged_twice_for_a_reason,)
