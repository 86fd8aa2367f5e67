"""Who is on call in a run, by hand: from the plans and stand-ins that were in force at the time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.core.rota_by_hand import by_hand
from tests.sim.stream import Stream
from tocsin.core.incident import events
from tocsin.core.incident.events import Recorded
from tocsin.core.model import RotaId
from tocsin.core.oncall import Override, Rota
from tocsin.core.policy import Target
from tocsin.engine.context import VIEW_LASTS


@dataclass(frozen=True, slots=True)
class InForce:
    """What counted from `since` on."""

    since: datetime
    rotas: Mapping[RotaId, Rota]
    overrides: tuple[Override, ...]


@dataclass(slots=True)
class Duty:
    """Everything that has been in force, the newest last."""

    history: list[InForce] = field(default_factory=list)

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Who stands in, now or ahead."""
        return self.history[-1].overrides if self.history else ()

    def plan(self, rotas: Mapping[RotaId, Rota], now: datetime) -> None:
        """A plan came into force."""
        self.history.append(InForce(now, rotas, self.overrides))

    def stands_in(self, override: Override, now: datetime) -> None:
        """Somebody was arranged to stand in."""
        self._now(now, (*self.overrides, override))

    def taken_back(self, id: int, now: datetime) -> None:
        """A stand-in was taken back."""
        self._now(now, tuple(one for one in self.overrides if one.id != id))

    def _now(self, now: datetime, overrides: tuple[Override, ...]) -> None:
        self.history.append(replace(self.history[-1], since=now, overrides=overrides))

    def set_back(self, now: datetime) -> None:
        """The clocks were set back: what has been in force already has, whatever they said then."""
        self.history = [replace(one, since=min(one.since, now)) for one in self.history]

    def at(self, at: datetime) -> list[InForce]:
        """What a node may have taken for true: it may not have heard of the last changes."""
        before = [number for number, one in enumerate(self.history) if one.since <= at - VIEW_LASTS]
        first = before[-1] if before else 0
        return [one for one in self.history[first:] if one.since <= at]


def whoever_is_on_call_is_asked(stream: Stream, one: Recorded, duty: Duty) -> Iterator[str]:
    """A step asks everybody who is on call in the rotas that it names, or says why it cannot."""
    event, state = one.event, stream.state
    if not isinstance(event, events.StepTaken) or state is None:
        return
    targets = stream.account.ladder[event.step].targets
    asked = {*event.paged, *event.answered, *(reason.partition(" ")[0] for reason in event.unreachable)}
    for rota in dict.fromkeys(_rotas(stream, targets)):
        expected = []
        for known in duty.at(one.at):
            rotas = {**stream.policy.rotas, **known.rotas}
            expected.append(by_hand(rotas, rota, one.at, known.overrides))
        nobody = f"nobody is on call: {rota}" in event.unreachable
        if not any(nobody if not people else set(people) <= asked for people in expected):
            yield f"step {event.step} at {one.at} asks {asked} of {rota}; on call is one of {expected}"


def _rotas(stream: Stream, targets: Iterable[Target]) -> Iterator[RotaId]:
    """The rotas that some targets mean: by name, as members of a team, as whom a role falls to."""
    for one in targets:
        if one.rota is not None:
            yield one.rota
        elif one.team is not None and not one.next_of:
            yield from _rotas(stream, stream.policy.teams[one.team].members)
        elif one.role is not None and one.role not in stream.account.roles:
            yield from _rotas(stream, stream.policy.roles[one.role].default)
