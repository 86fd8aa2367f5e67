"""What the parts of a plan call each other: names are collected first, so that order does not matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin.core.facts import Fact
from tocsin.core.model import FactId, RoleId, RotaId, TeamId
from tocsin.core.policy import Target
from tocsin.plan.document import Document, Value

EVERYBODY = "public"
"""The audience of whom Tocsin knows nobody."""

_MAPPINGS = ("levels", "services", "rotas", "roles", "teams", "stages")


@dataclass(frozen=True)
class Names:
    """The names that a plan gives, by what they name; and its facts, once they are read."""

    levels: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    rotas: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    runbooks: tuple[str, ...] = ()
    facts: Mapping[FactId, Fact] = field(default_factory=dict)


def names_of(document: Document, entries: Mapping[str, Value]) -> Names:
    """The names in the sections of a plan, whatever else may be wrong with them."""
    found = {kind: tuple(document.peek(entries.get(kind))) for kind in _MAPPINGS}
    levels = document.peek(entries.get("levels")).values()
    updates = [document.peek(level).get("updates") for level in levels]
    found["audiences"] = tuple(dict.fromkeys(name for one in updates for name in document.peek(one)))
    runbooks = document.items(entries["runbooks"]) if "runbooks" in entries else ()
    found["runbooks"] = tuple(one.node.value for one in runbooks if isinstance(one.node.value, str))
    return Names(**found, facts={})


def read_targets(document: Document, value: Value | None, names: Names) -> tuple[Target, ...]:
    """`ana`, `on call: ROTA`, `role: ROLE`, `team: TEAM` or `next of: TEAM`, one or a list."""
    if value is None:
        return ()
    targets = [_target(document, item, names) for item in document.items(value)]
    if not targets:
        document.fault(value, "Nobody is named here.", 'Name a person, or write "on call: ROTA".')
    return tuple(targets)


def _target(document: Document, value: Value, names: Names) -> Target:
    """Whom an entry means; nobody at all where it can not be told, so that it is complained of once."""
    text = document.text(value)
    kind, colon, rest = text.partition(":")
    name = rest.strip()
    match kind if colon else "":
        case "on call":
            return Target(rota=RotaId(_known(document, value, name, names.rotas, "rota")))
        case "role":
            return Target(role=RoleId(_known(document, value, name, names.roles, "role")))
        case "team":
            return Target(team=TeamId(_known(document, value, name, names.teams, "team")))
        case "next of":
            return Target(team=TeamId(_known(document, value, name, names.teams, "team")), next_of=True)
    for known, what, spelling in (
        (names.rotas, "rota", "on call"),
        (names.roles, "role", "role"),
        (names.teams, "team", "team"),
    ):
        if text in known:
            document.fault(value, f"`{text}` is a {what}, not a person.", f'Write "{spelling}: {text}".')
            return Target()
    spelling = _KINDS.get("".join(letter for letter in kind.casefold() if letter.isalpha()), "")
    if colon and spelling:
        document.fault(value, f"`{text}` is not how a target is spelled.", f'Write "{spelling}: {name}".')
        return Target()
    if text in _KINDS.values():
        known = {"on call": names.rotas, "role": names.roles}.get(text, names.teams)
        example = known[0] if known else "NAME"
        document.fault(value, f"`{text}` alone names nobody.", f'Write it like "{text}: {example}".')
        return Target()
    problems = len(document.problems)
    person = document.person(value, text)
    return Target(person=person) if len(document.problems) == problems else Target()


_KINDS = {"oncall": "on call", "role": "role", "team": "team", "nextof": "next of", "next": "next of"}
"""What people write for the kinds of a target, without its spaces and hyphens, and how a plan spells it."""


def _known(document: Document, value: Value, name: str, known: tuple[str, ...], what: str) -> str:
    if name not in known:
        document.no_such(value, name, known, what)
    return name
