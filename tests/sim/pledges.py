"""Pages that were promised for a time, followed through whatever happens to the ladder afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.sim import due
from tests.sim.account import RANK, Account
from tocsin.core.incident import events
from tocsin.core.incident.events import Recorded
from tocsin.core.policy import Clock, Milestone, Step, Target

TIMED = (Clock.LADDER, Clock.ANSWER)
"""Clocks that promise a time; the others wait for what people do."""


@dataclass(slots=True)
class Pledge:
    """`left` are to be asked by `due` at the latest, unless it has come to `until` before."""

    what: str
    left: set[Target]
    until: Milestone
    due: datetime
    made_at: datetime


@dataclass(slots=True)
class Pledges:
    """Those of one incident that are neither kept nor void."""

    open: list[Pledge] = field(default_factory=list)

    def before(self, account: Account, one: Recorded) -> None:
        """What is promised as the ladder begins anew, and what this event keeps."""
        event = one.event
        match event:
            case events.LevelRaised() | events.AcknowledgementLapsed():
                anew = isinstance(event, events.AcknowledgementLapsed)
                for number, step, at in _to_come(account):
                    # A lapse begins every rung anew that was come to once: only the others had a time.
                    if step.clock in TIMED and step.targets and not (anew and number < account.come_to):
                        what = f"step {number} of {account.level}"
                        self.open.append(Pledge(what, set(step.targets), step.until, at, one.at))
            case events.StepTaken():
                step = account.ladder[event.step]
                self._asked(step.targets, step.until)
            case events.CarriedStepTaken():
                named = account.carried.get((event.incident, event.level, event.step))
                if named is not None:
                    self._asked(named.targets, named.until)
            case events.LevelLowered() | events.Reopened():
                self.open.clear()
            case _:
                pass

    def after(self, account: Account) -> None:
        """What nobody needs any more is void."""
        self.open = [one for one in self.open if one.left and not account.moot(one.until)]

    def _asked(self, targets: tuple[Target, ...], until: Milestone) -> None:
        for one in self.open:
            # Being asked until it is acknowledged is less than being asked until it is resolved.
            one.left -= set(targets) if RANK[until] >= RANK[one.until] else set()


def _to_come(account: Account) -> Iterator[tuple[int, Step, datetime]]:
    """The rungs to come; when the ladder has been through, those of its next round."""
    left = list(due.rungs(account))
    yield from left
    anew = due.again(account)
    if not left and anew is not None:
        yield from due.rungs(replace(account, ladder_at=anew, taken=set()))
