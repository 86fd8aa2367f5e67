"""Who is on call and who holds what: gaps, odd hours, and roles that fall to one person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall.review import Finding, Kind, findings, load, odd_changes
from tocsin.core.oncall.rota import Unit
from tocsin.core.policy import Policy, Target
from tocsin.plan.document import Document
from tocsin.plan.handbook import Plan

LOOKED_AHEAD = timedelta(days=30)
"""How far ahead rotas are looked over for gaps."""

CLOCKS_AHEAD = timedelta(days=366)
"""The same for hours that a change of clocks makes odd: twice a year, if at all."""

_REMEDIES = {
    Kind.NOBODY: "Add people or a layer, or be sure that the next step of the ladder may take over.",
    Kind.OUT_OF_REACH: "Let somebody else stand in.",
    Kind.TWICE: "Let it follow from further `ahead`, or add people.",
    Kind.ODD_HOUR: "Choose an hour that the clocks neither skip nor repeat.",
}


_LAST = "Add people or a layer, or a person to `catch_all`: nobody comes after it."


def check_rotas(document: Document, plan: Plan, now: datetime) -> None:
    """Note what each rota will do oddly: each kind once, and how often."""
    policy = plan.policy
    _check_turns(document, policy, now)
    found: dict[tuple[Kind, str], list[Finding]] = {}
    near = findings(policy.rotas, now, now + LOOKED_AHEAD)
    odd = odd_changes(policy.rotas, now, now + CLOCKS_AHEAD)
    for one in (*(one for one in near if one.kind is not Kind.ODD_HOUR), *odd):
        found.setdefault((one.kind, one.rota), []).append(one)
    for (kind, rota), listed in found.items():
        more = f" It is so {len(listed)} times in the time that is looked at." if len(listed) > 1 else ""
        sentence = listed[0].sentence(policy.zone) + more
        alone = kind is Kind.NOBODY and policy.catch_all == (Target(rota=RotaId(rota)),)
        remedy = _LAST if alone else _REMEDIES[kind]
        document.warn(document.place("rotas", rota), sentence, remedy)


def _check_turns(document: Document, policy: Policy, now: datetime) -> None:
    """Note who never serves: shifts of hours can fall outside the layer's own hours, every day alike."""
    for rota in policy.rotas.values():
        if rota.follows is None and any(layer.hours and layer.unit is Unit.HOURS for layer in rota.layers):
            for one in load({rota.id: rota}, (rota.id,), now, now + CLOCKS_AHEAD, policy.zone):
                if not one.time:
                    message = f"{one.person} is never on call in {rota.id} in the next year."
                    remedy = "Use `shift: 1d` or longer, so that turns pass on outside the `hours`."
                    document.warn(document.place("rotas", rota.id), message, remedy)


def check_roles(document: Document, plan: Plan) -> None:
    """Note roles that may not be held together, and can fall to the same person."""
    roles = plan.policy.roles
    for role in roles.values():
        for other in role.not_with:
            if other not in roles or set(role.default) & set(roles[other].default):
                continue
            both = set(people_of(plan.policy, role.default)) & set(
                people_of(plan.policy, roles[other].default)
            )
            if both:
                who = " or ".join(sorted(both))
                message = f"`{role.id}` and `{other}` may not be held together, and can both fall to {who}."
                remedy = "Give one of them somebody else in `for`."
                document.warn(document.place("roles", role.id), message, remedy)


def people_of(policy: Policy, targets: Iterable[Target]) -> Iterable[PersonId]:
    """Everybody whom targets can come to, roles of roles left out."""
    for one in targets:
        if one.person:
            yield one.person
        elif one.rota and one.rota in policy.rotas:
            yield from policy.rotas[one.rota].people
        elif one.team and one.team in policy.teams:
            members = policy.teams[one.team].members
            yield from people_of(policy, (member for member in members if not member.team))
