"""Whom a plan means at a moment, by hand: from the plan, the directory, the stand-ins and what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.core.rota_by_hand import by_hand
from tests.sim.duty import Duty, InForce
from tocsin.core.incident import events
from tocsin.core.incident.events import Recorded
from tocsin.core.policy import Target
from tocsin.engine.context import VIEW_LASTS

if TYPE_CHECKING:
    from tests.sim.stream import Stream

NEVER = datetime.min.replace(tzinfo=UTC)
Sent = Sequence[tuple[str, datetime]]
"""Who was sent a page when, for whatever incident, in the order of time."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a node may take for true: it may not have heard of the last changes."""

    force: InForce
    paged: Mapping[str, datetime]

    @property
    def reachable(self) -> set[str]:
        """Who has a channel that the servers can use."""
        return self.force.reachable


def views(duty: Duty, sent: Sent, at: datetime) -> Iterator[Known]:
    """All that may be taken for true at a time, which is what was true at some moment of the last seconds."""
    before = [one for one in sent if one[1] <= at]
    settled = sum(sent_at < at - VIEW_LASTS for _, sent_at in before)
    for force in duty.at(at):
        for count in range(settled, len(before) + 1):
            yield Known(force, dict(before[:count]))


def meant(stream: Stream, targets: Iterable[Target], at: datetime, known: Known) -> list[str]:
    """Everybody behind some targets, each once."""
    return list(dict.fromkeys(person for one in targets for person in _behind(stream, one, at, known)))


def _behind(stream: Stream, target: Target, at: datetime, known: Known) -> list[str]:
    if target.person is not None:
        return [target.person]
    if target.rota is not None:
        rotas = {**stream.policy.rotas, **known.force.rotas}
        standing = [
            replace(one, out_of_reach=one.person not in known.reachable) for one in known.force.overrides
        ]
        return [str(one) for one in by_hand(rotas, target.rota, at, standing)]
    if target.role is not None:
        if target.role in stream.account.roles:
            return [stream.account.roles[target.role]]
        role = stream.policy.roles.get(target.role)
        return meant(stream, role.default, at, known) if role else []
    # A page that a merged incident had promised may name what this plan does not have.
    team = stream.policy.teams.get(target.team) if target.team is not None else None
    members = meant(stream, team.members, at, known) if team else []
    return _next_of(stream, members, known) if target.next_of and members else members


def _next_of(stream: Stream, members: list[str], known: Known) -> list[str]:
    """One of them: who can be reached if anybody can, and has not answered, and was paged longest ago."""
    some = [one for one in members if one in known.reachable] or members
    some = [one for one in some if one not in stream.answered] or some
    # When somebody was paged for something else is known as long as they are in the directory.
    paged = {one: at for one, at in known.paged.items() if one in known.force.contacts}
    last = {one: max(paged.get(one, NEVER), stream.asked_at.get(one, NEVER)) for one in some}
    return [min(some, key=lambda one: last[one])]


def takes_turns(stream: Stream, targets: Iterable[Target]) -> bool:
    """Whether it matters who was paged when."""
    return any(
        one.next_of or (one.role in stream.policy.roles and takes_turns(stream, _default(stream, one)))
        for one in targets
    )


def _default(stream: Stream, target: Target) -> tuple[Target, ...]:
    return stream.policy.roles[target.role].default if target.role is not None else ()


def whoever_is_meant_is_asked(stream: Stream, one: Recorded, duty: Duty, sent: Sent | None) -> Iterator[str]:
    """A step asks exactly whom it means then: who has answered is spared, who is out of reach is named.

    `sent` is None where nobody knows in which order pages went out.
    """
    event = one.event
    match event:
        case events.StepTaken():
            targets, spared = stream.account.ladder[event.step].targets, set[str]()
        case events.CarriedStepTaken():
            carried = stream.account.carried.get((event.incident, event.level, event.step))
            targets, spared = carried.targets if carried else (), stream.asked_in_round
        case events.TriggerFired():
            found = [each.page for each in stream.policy.triggers if each.id == event.trigger]
            targets, spared = found[0] if found else (), {page.person for page in stream.pages.values()}
        case _:
            return
    expected, turns = [], takes_turns(stream, targets)
    if turns and sent is None:
        return
    for known in views(duty, (sent or ()) if turns else (), one.at):
        people = set(meant(stream, targets, one.at, known))
        answered = people & stream.answered
        paged = (people & known.reachable) - answered - spared
        missing = people - answered - known.reachable
        expected.append((paged, answered, missing))
    named = {why.partition(" ")[0] for why in event.unreachable} - {"nobody"}
    found_now = (set[str](event.paged), set[str](event.answered), set[str](named))
    if found_now not in expected:
        yield f"{event} at {one.at} for {targets}: paged, answered and missing is {found_now}, not {expected}"


def channels_for_news(person: str, stream: Stream, known: Known) -> set[str]:
    """How somebody is told what wants no answer: as they would be paged at first."""
    contact = known.force.contacts[person]
    usable = set(contact.channels) & set(known.force.channels)
    rules = [
        (rule.after, usable & set(rule.channels))
        for rule in contact.rules or stream.policy.notify_rules
        if usable & set(rule.channels)
    ]
    first = min((after for after, _ in rules), default=None)
    return usable if first is None else {one for after, some in rules if after == first for one in some}
