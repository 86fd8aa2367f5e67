"""Whom a plan means at this moment: the people behind a person, a rota, a role or a team."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.core.incident.draft import Draft
from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Seat, on_call
from tocsin.core.policy import Person, Target


@dataclass(frozen=True, slots=True)
class Found:
    """The people behind some targets: whom to ask and why, in words who cannot be, and who has answered."""

    paged: tuple[tuple[Person, str], ...]
    unreachable: tuple[str, ...]
    answered: tuple[PersonId, ...]


def find(draft: Draft, targets: tuple[Target, ...]) -> Found:
    """Whom to page of these targets."""
    paged: dict[PersonId, tuple[Person, str]] = {}
    unreachable: list[str] = []
    answered: list[PersonId] = []
    for target in targets:
        if target.rota is not None:
            named = [(seat.person, seat.why) for seat in _on_call(draft, target.rota)]
            if not named:
                unreachable.append(f"nobody is on call: {target.rota}")
        else:
            named = [(target.person, "named by the plan")] if target.person else []
        for person_id, why in named:
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


def _on_call(draft: Draft, rota: RotaId) -> tuple[Seat, ...]:
    """The steps are those of the pinned plan; who is on call is looked up in the plan of today."""
    rotas = {**draft.policy.rotas, **draft.view.rotas}
    return on_call(rotas, rota, draft.now, draft.view.overrides)
