"""Whom a plan means at this moment: the people behind a person, a rota, a role or a team."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tocsin.core.incident.draft import Draft
from tocsin.core.model import ActorKind, PersonId, RoleId, RotaId
from tocsin.core.oncall import Seat, on_call
from tocsin.core.policy import Person, Target

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Found:
    """The people behind some targets: whom to ask and why, in words who cannot be, and who has answered."""

    paged: tuple[tuple[Person, str], ...]
    unreachable: tuple[str, ...]
    answered: tuple[PersonId, ...]


@dataclass(slots=True)
class _Meant:
    """Ids with why, and what leads to nobody. `asked` keeps roles and teams from going in circles."""

    people: list[tuple[PersonId, str]] = field(default_factory=list)
    nobody: list[str] = field(default_factory=list)
    asked: set[Target] = field(default_factory=set)


def find(draft: Draft, targets: Iterable[Target]) -> Found:
    """Whom to page of these targets."""
    meant = _meant(draft, targets)
    paged: dict[PersonId, tuple[Person, str]] = {}
    unreachable: list[str] = list(meant.nobody)
    answered: list[PersonId] = []
    for person_id, why in meant.people:
        person = draft.view.people.get(person_id)
        if person_id in draft.state.answered:
            answered.append(person_id)
        elif person is None:
            unreachable.append(f"{person_id} is not in the directory")
        elif not person.channels:
            unreachable.append(f"{person_id} has no channel")
        else:
            paged.setdefault(person.id, (person, why))
    return Found(tuple(paged.values()), tuple(unreachable), tuple(dict.fromkeys(answered)))


def ids(draft: Draft, targets: Iterable[Target]) -> tuple[PersonId, ...]:
    """Everybody whom these targets mean, reachable or not."""
    return tuple(dict.fromkeys(person for person, _ in _meant(draft, targets).people))


def people(draft: Draft, targets: Iterable[Target]) -> tuple[Person, ...]:
    """Those of them that the directory knows and a channel reaches, whether they have answered or not."""
    known = [draft.view.people.get(one) for one in ids(draft, targets)]
    return tuple(one for one in known if one is not None and one.channels)


def lead(draft: Draft) -> tuple[Target, ...]:
    """Who leads: whoever was given the plan's first role, or has taken the incident, or has it by default."""
    state = draft.state
    first = next(iter(draft.policy.roles), None)
    if first is not None and first in state.roles:
        return (Target(person=state.roles[first]),)
    if state.acknowledged_by is not None and state.acknowledged_by.kind is ActorKind.PERSON:
        return (Target(person=PersonId(state.acknowledged_by.id)),)
    return (Target(role=first),) if first is not None else ()


def _meant(draft: Draft, targets: Iterable[Target]) -> _Meant:
    meant = _Meant()
    for target in targets:
        _expand(draft, target, "", meant)
    return meant


def _expand(draft: Draft, target: Target, why: str, meant: _Meant) -> None:
    if target in meant.asked:
        return
    if target.person is not None:
        meant.people.append((target.person, why or "named by the plan"))
    elif target.rota is not None:
        _rota(draft, target.rota, why, meant)
    elif target.role is not None:
        meant.asked.add(target)
        _role(draft, target.role, meant)
    elif target.team is not None:
        meant.asked.add(target)
        _team(draft, target, meant)


def _rota(draft: Draft, rota: RotaId, why: str, meant: _Meant) -> None:
    seats = _on_call(draft, rota)
    meant.people += [(seat.person, f"{why}, {seat.why}" if why else seat.why) for seat in seats]
    if not seats:
        meant.nobody.append(f"nobody is on call: {rota}")


def _role(draft: Draft, role: RoleId, meant: _Meant) -> None:
    holder = draft.state.roles.get(role)
    known = draft.policy.roles.get(role)
    if holder is not None:
        meant.people.append((holder, f"role: {role}"))
    elif known is None or not known.default:
        meant.nobody.append(f"nobody has the role {role}")
    else:
        for one in known.default:
            _expand(draft, one, f"role: {role}", meant)


def _team(draft: Draft, target: Target, meant: _Meant) -> None:
    assert target.team is not None
    team = draft.policy.teams.get(target.team)
    members = _Meant(asked=meant.asked)
    for one in team.members if team else ():
        _expand(draft, one, f"team: {target.team}", members)
    if not members.people:
        meant.nobody.append(f"nobody is in the team {target.team}")
    elif target.next_of:
        meant.people.append(_longest_ago(draft, members.people))
    else:
        meant.people += members.people
        meant.nobody += members.nobody


def _longest_ago(draft: Draft, found: list[tuple[PersonId, str]]) -> tuple[PersonId, str]:
    """Whoever of these was paged longest ago: of those who can be reached if any can, and of those who have
    not answered, who would not be asked again.
    """

    def order(one: tuple[PersonId, str]) -> tuple[bool, bool, datetime]:
        known = draft.view.people.get(one[0])
        elsewhere = draft.view.paged_at.get(one[0], LONG_AGO)
        here = draft.state.paged_at.get(one[0], LONG_AGO)
        unreached = known is None or not known.channels
        return unreached, one[0] in draft.state.answered, max(elsewhere, here)

    return min(found, key=order)


def _on_call(draft: Draft, rota: RotaId) -> tuple[Seat, ...]:
    """The steps are those of the pinned plan; who is on call is looked up in the plan of today."""
    rotas = {**draft.policy.rotas, **draft.view.rotas}
    return on_call(rotas, rota, draft.now, draft.view.overrides)
