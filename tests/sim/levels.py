"""The level of an incident, held against what facts and alerts come to by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from tests.sim import severity_by_hand
from tests.sim.account import Account
from tests.sim.severity_by_hand import rank
from tocsin.core.incident import events
from tocsin.core.incident.events import Recorded
from tocsin.core.model import ActorKind, Signal
from tocsin.core.policy import Policy

if TYPE_CHECKING:
    from tests.sim.stream import Stream

BEFORE_A_RAISE = (
    events.ThresholdCrossed,
    events.ThresholdLeft,
    events.PromiseBroken,
    events.UpdateMissed,
    events.HeldByDefault,
    events.Told,
)
"""What may stand between the news and the raise: thresholds that turn, and promises that it would hide."""
BEFORE_ITS_FACTS = (events.AlertsJoined, events.PromiseBroken)
"""What may stand between an opening and its facts: something may be promised for that very instant."""


@dataclass(slots=True)
class Levels:
    """What the facts of one incident want of its level.

    `owed` is what they have come to, for the first time and worse than the level, while nothing has raised
    it yet. `opening` is the moment of opening, while what was said then may follow. `grown` is how bad it
    was when it had absorbed another.
    """

    owed: str | None = None
    opening: Recorded | None = None
    grown: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def take(self, before: Mapping[str, str], held: frozenset[str], account: Account, one: Recorded) -> None:
        """After one more event, with the facts and thresholds as they were before it."""
        event, policy = one.event, account.policy
        if isinstance(event, events.Opened):
            self.opening = one
        elif not isinstance(event, BEFORE_ITS_FACTS):
            self.opening = None
        if isinstance(event, events.FactsSet | events.ThresholdHeld) and not account.over:
            was = severity_by_hand.by_facts(policy, before, held)
            now = severity_by_hand.by_facts(policy, account.facts, held_now(account))
            worse = now is not None and rank(policy, now) < rank(policy, account.level)
            news = was is None or (now is not None and rank(policy, now) < rank(policy, was))
            self.owed = now if worse and news else None
        elif not isinstance(event, BEFORE_A_RAISE):
            self.owed = None
        if isinstance(event, events.Absorbed):
            self.grown[event.incident] = one.at, account.level
        elif isinstance(event, events.LevelRaised):
            since = {child: at for child, (at, _) in self.grown.items() if at == one.at}
            self.grown |= {child: (at, account.level) for child, at in since.items()}


def held_now(account: Account) -> frozenset[str]:
    """The conditions that have held for as long as the plan wants."""
    return frozenset(name for name, (_, held) in account.thresholds.items() if held)


def facts_raise_the_level(stream: Stream, one: Recorded) -> Iterator[str]:
    """When facts come to something worse than they did, the incident has that level at once."""
    owed, policy, event = stream.levels.owed, stream.policy, one.event
    if owed is None or isinstance(event, BEFORE_A_RAISE):
        return
    if not isinstance(event, events.LevelRaised) or rank(policy, event.level) > rank(policy, owed):
        yield f"{stream.account.facts} are {owed}, and it is {stream.account.level}: {event}"


def nothing_is_owed_to_facts(stream: Stream, _row: object) -> Iterator[str]:
    """What is stored has the level that its facts have come to."""
    if stream.levels.owed is not None:
        yield f"{stream.id} is {stream.account.level}, and its facts have come to {stream.levels.owed}"


def an_opening_has_its_level(stream: Stream, one: Recorded) -> Iterator[str]:
    """An incident opens no milder than all that is known together, and in doubt at the worst level."""
    event, policy, account = one.event, stream.policy, stream.account
    if stream.levels.opening is None or isinstance(event, BEFORE_ITS_FACTS):
        return
    said = _said_with(stream.levels.opening, one)
    together = severity_by_hand.by_facts(policy, said) if said else None
    if together is not None and rank(policy, account.level) > rank(policy, together):
        yield f"opened at {account.level}, and {said} are {together}"
    wanted = together or policy.levels[0].id
    if not stream.joined and account.level != wanted:
        yield f"a person opens it at {account.level}, and {said} are {wanted}"


def _said_with(opening: Recorded, one: Recorded) -> dict[str, str]:
    """The facts that came with the opening, if this is where they are recorded."""
    together = (one.at, one.actor) == (opening.at, opening.actor)
    return dict(one.event.values) if together and isinstance(one.event, events.FactsSet) else {}


def levels_have_a_ground(
    stream: Stream, one: Recorded, sent: Mapping[str, Sequence[Signal]]
) -> Iterator[str]:
    """What a source says makes it as bad as one of its alerts, or as all facts together, and no worse.

    `sent` are the signals of each alert of its service.
    """
    event, account, policy = one.event, stream.account, stream.policy
    if one.actor.kind is ActorKind.PERSON and stream.levels.owed is None:
        return  # a person says how bad it is
    if isinstance(event, events.LevelRaised):
        grounds = {stream.levels.owed}
        if one.actor.kind is ActorKind.SOURCE:
            grounds |= _of_alerts(policy, sent)
        absorbing = any(at == one.at for at, _ in stream.levels.grown.values())
        if event.level not in grounds and not absorbing:
            yield f"raised to {event.level} by {one.actor}; {account.facts} and alerts give {grounds}"
    elif stream.levels.opening and stream.joined and not isinstance(event, BEFORE_ITS_FACTS):
        said = _said_with(stream.levels.opening, one)
        grounds = _of_alerts(policy, sent) | {severity_by_hand.by_facts(policy, said) if said else None}
        if account.level not in grounds:
            yield f"opened at {account.level}; {said} and alerts give {grounds}"


def _of_alerts(policy: Policy, sent: Mapping[str, Sequence[Signal]]) -> set[str | None]:
    return {level for signals in sent.values() for level in severity_by_hand.of_signals(policy, signals)}


def a_merge_keeps_the_worse_level(parent: Stream, child: Stream) -> Iterator[str]:
    """An incident that absorbs a worse one is as bad from then on, where its plan has that level."""
    _, level = parent.levels.grown[child.id]
    policy, worse = parent.policy, child.account.level
    if worse in {one.id for one in policy.levels} and rank(policy, level) > rank(policy, worse):
        yield f"{parent.id} is {level} when it absorbs {child.id}, which is {worse}"


EVENT_RULES = (facts_raise_the_level, an_opening_has_its_level)
ROW_RULES = (nothing_is_owed_to_facts,)
