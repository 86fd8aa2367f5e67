"""The `roles` and `teams` of a plan."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.core.model import LevelId, RoleId, TeamId
from tocsin.core.policy import Role, Target, Team
from tocsin.plan.document import Document, Value
from tocsin.plan.names import Names, read_targets
from tocsin.plan.shape import TARGETS, TEXTS, Key, Table

ROLE = Table(
    "role",
    {
        "for": Key(TARGETS, "who holds it unless somebody is assigned", "nobody, until somebody is assigned"),
        "at": Key(TEXTS, "the levels at which somebody must hold it", "no level asks for it"),
        "not_with": Key(TEXTS, "roles that the same person may not hold in the same incident"),
        "duties": Key(TEXTS, "what whoever holds it does; for people to read"),
    },
)


def read_roles(document: Document, value: Value | None, names: Names) -> dict[RoleId, Role]:
    """Each role by its name."""
    return {
        RoleId(name): _role(document, name, entry, names) for name, entry in document.named(value).items()
    }


def _role(document: Document, name: str, value: Value, names: Names) -> Role:
    parts = document.table(value, ROLE)
    at = document.references(parts.get("at"), names.levels, "level")
    others = document.references(parts.get("not_with"), names.roles, "role")
    if name in others:
        message = f"`{name}` can not be held together with itself."
        document.fault(parts["not_with"], message, "Name other roles.")
    return Role(
        RoleId(name),
        read_targets(document, parts.get("for"), names),
        tuple(map(LevelId, at)),
        tuple(map(RoleId, others)),
    )


def check_roles(document: Document, value: Value | None, roles: dict[RoleId, Role]) -> None:
    """Roles that may not be held together must not fall to the same by default."""
    for name, entry in document.named(value).items():
        role = roles[RoleId(name)]
        for other in role.not_with:
            if other != name and other in roles and set(role.default) & set(roles[other].default):
                message = f"`{name}` and `{other}` may not be held together, and fall to the same."
                document.fault(entry, message, "Give one of them somebody else in `for`.")


def read_teams(document: Document, value: Value | None, names: Names) -> dict[TeamId, Team]:
    """Each team by its name, with its members."""
    teams = {}
    for name, entry in document.named(value).items():
        members = read_targets(document, entry, names)
        if any(member.team for member in members):
            remedy = "Name its people, rotas or roles."
            document.fault(entry, "A team can not be a member of a team.", remedy)
        teams[TeamId(name)] = Team(TeamId(name), members)
    return teams


def check_circles(document: Document, roles: Mapping[RoleId, Role], teams: Mapping[TeamId, Team]) -> None:
    """What a role falls to must not lead back to it, by other roles and teams."""
    for role in roles.values():
        waiting, seen = list(role.default), set[Target]()
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            if one.role is not None and one.role in roles:
                waiting += roles[one.role].default
            elif one.team is not None and one.team in teams:
                waiting += teams[one.team].members
        if any(one.role == role.id for one in seen):
            remedy = "Name a person or a rota in `for`."
            document.fault(document.place("roles", role.id), f"`{role.id}` falls to itself.", remedy)
