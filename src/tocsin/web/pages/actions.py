"""What can be done with an incident now, as buttons and forms: what people need next stands in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tocsin import limits
from tocsin.core.deeds import DEEDS, Blank, Deed, Kind
from tocsin.core.incident import TRANSITIONS, Incident, Status
from tocsin.core.incident.asking import NAMES, Unclear
from tocsin.core.model import PersonId
from tocsin.core.policy import Milestone, Policy
from tocsin.web.sentences import Names

FRONT: Mapping[Status, tuple[str, ...]] = {
    Status.TRIGGERED: ("acknowledge", "resolve"),
    Status.ACKNOWLEDGED: ("acknowledge", "verify", "begin-mitigation", "mitigate", "resolve"),
    Status.MITIGATED: ("acknowledge", "resolve", "reopen"),
    Status.RESOLVED: ("close", "reopen"),
    Status.CLOSED: ("reopen",),
    Status.MERGED: (),
}
"""What people need next. Everything else stands behind More, or beside what it is about."""

REACHES: Mapping[str, Milestone] = {
    "verify": Milestone.VERIFIED,
    "begin-mitigation": Milestone.MITIGATING,
    "mitigate": Milestone.MITIGATED,
}
"""What need not be offered once the incident has come that far."""

BESIDE = ("note",)
"""Deeds that have a place of their own on the page."""

MISSING = "Fill this in, then press the button again."


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen."""

    id: str
    name: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A blank as a form shows it."""

    id: str
    name: str
    kind: Kind
    ask: str
    required: bool
    value: str
    hint: str
    characters: int
    choices: tuple[Choice, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class Action:
    """A button, or a form behind one. `opened` is true where the reader has just failed to fill it in."""

    name: str
    label: str
    means: str
    fields: tuple[Field, ...]
    problem: str
    opened: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """What the reader has just asked for in vain, with what they had filled in."""

    deed: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    unclear: Unclear | None = None


NOTHING = Tried()


@dataclass(frozen=True, slots=True)
class Actions:
    """`front` are shown at once, `more` behind a button, `beside` where they belong on the page."""

    front: tuple[Action, ...]
    more: tuple[Action, ...]
    beside: Mapping[str, Action]


def actions(
    state: Incident, policy: Policy, viewer: PersonId, people: Names, offered: Sequence[str], tried: Tried
) -> Actions:
    """What the incident allows, ready to show."""
    labels = {NAMES[command]: word for command, word in TRANSITIONS[state.status].items()}
    made = {
        name: _action(DEEDS[name], labels[name], policy, people, tried)
        for name in offered
        if name == tried.deed or not _idle(name, state, viewer)
    }
    front = [name for name in FRONT[state.status] if name in made]
    more = [name for name in made if name not in front and name not in BESIDE]
    return Actions(
        tuple(made[name] for name in front),
        tuple(made[name] for name in more),
        {name: made[name] for name in BESIDE if name in made},
    )


def _idle(name: str, state: Incident, viewer: PersonId) -> bool:
    """Whether asking for it now would only be refused."""
    if name == "acknowledge":
        asked = any(page.person == viewer for page in state.pages)
        return state.status is not Status.TRIGGERED and not asked
    return name in REACHES and state.reached_at(REACHES[name]) is not None


def _action(deed: Deed, label: str, policy: Policy, people: Names, tried: Tried) -> Action:
    mine = tried.deed == deed.name
    answers = tried.answers if mine else {}
    unclear = tried.unclear if mine else None
    fields = tuple(_field(deed, blank, policy, people, answers, unclear) for blank in deed.blanks)
    loose = "" if unclear is None or unclear.blank else str(unclear)
    return Action(deed.name, label, deed.means, fields, loose, unclear is not None)


def _field(
    deed: Deed,
    blank: Blank,
    policy: Policy,
    people: Names,
    answers: Mapping[str, str],
    unclear: Unclear | None,
) -> Field:
    value = answers.get(blank.name, "")
    problem = ""
    if unclear is not None and unclear.blank == blank.name:
        problem = str(unclear) if value.strip() else MISSING
    return Field(
        id=f"{deed.name}-{blank.name}",
        name=blank.name,
        kind=blank.kind,
        ask=blank.ask,
        required=blank.required,
        value=value,
        hint="Such as 30m, or 15:30" if blank.kind is Kind.TIME else "",
        characters=limits.NOTE_CHARACTERS if blank.kind is Kind.WORDS else limits.REASON_CHARACTERS,
        choices=_choices(blank.kind, policy, people, value.split(",")),
        problem=problem,
    )


def _choices(kind: Kind, policy: Policy, people: Names, chosen: Sequence[str]) -> tuple[Choice, ...]:
    match kind:
        case Kind.PEOPLE:
            known = {str(id): name for id, name in people.items()}
        case Kind.TEAMS:
            known = {str(id): str(id) for id in policy.teams}
        case _:
            known = {}
    return tuple(Choice(id, name, id in chosen) for id, name in known.items())
