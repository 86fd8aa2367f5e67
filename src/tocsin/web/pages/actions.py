"""What can be done with an incident now, as buttons and forms: what people need next stands in front."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from litestar.datastructures import FormMultiDict

from tocsin import limits
from tocsin.core.deeds import DEEDS, Blank, Deed, Kind
from tocsin.core.facts import FactKind
from tocsin.core.incident import TRANSITIONS, Incident, Status
from tocsin.core.incident.asking import NAMES, Unclear, as_text
from tocsin.core.model import PersonId, RoleId
from tocsin.core.policy import Milestone, Policy
from tocsin.web.sentences import Names

FRONT: Mapping[Status, tuple[str, ...]] = {
    Status.TRIGGERED: ("acknowledge", "resolve", "confirm"),
    Status.ACKNOWLEDGED: ("acknowledge", "verify", "begin-mitigation", "mitigate", "resolve", "confirm"),
    Status.MITIGATED: ("acknowledge", "resolve", "reopen", "confirm"),
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

_NEEDS: Mapping[str, Callable[[Policy], bool]] = {
    "facts": lambda policy: any(not fact.derived for fact in policy.facts.values()),
    "update": lambda policy: any(level.updates for level in policy.levels),
    "assign": lambda policy: bool(policy.roles),
    "hand-over": lambda policy: bool(policy.roles),
}
"""What can be asked only where the plan has something of the kind."""

BESIDE = ("done", "note")
"""Deeds that have a place of their own on the page."""

MISSING = "Fill this in, then press the button again."


@dataclass(frozen=True)
class Choice:
    """One thing that can be chosen."""

    id: str
    name: str
    chosen: bool


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Action:
    """A button, or a form behind one. `opened` is true where the reader has just failed to fill it in."""

    name: str
    label: str
    means: str
    fields: tuple[Field, ...]
    problem: str
    opened: bool


@dataclass(frozen=True)
class Tried:
    """What the reader has just asked for in vain, with what they had filled in."""

    deed: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    unclear: Unclear | None = None


NOTHING = Tried()


@dataclass(frozen=True)
class Actions:
    """`front` are shown at once, `more` behind a button, `beside` where they belong on the page."""

    front: tuple[Action, ...]
    more: tuple[Action, ...]
    beside: Mapping[str, Action]


def actions(
    state: Incident, policy: Policy, viewer: PersonId, people: Names, offered: Sequence[str], tried: Tried
) -> Actions:
    """What the incident allows, ready to show."""
    labels = {NAMES[command]: word for command, word in TRANSITIONS[state.status].items() if command in NAMES}
    made = {
        name: form(DEEDS[name], labels[name], policy, people, tried, state)
        for name in offered
        if name == tried.deed or not _idle(name, state, policy, viewer)
    }
    front = [name for name in FRONT[state.status] if name in made]
    more = [name for name in made if name not in front and name not in BESIDE]
    return Actions(
        tuple(made[name] for name in front),
        tuple(made[name] for name in more),
        {name: made[name] for name in BESIDE if name in made},
    )


def _idle(name: str, state: Incident, policy: Policy, viewer: PersonId) -> bool:
    """Whether asking for it now would only be refused."""
    if name in _NEEDS and not _NEEDS[name](policy):
        return True
    if name == "confirm":
        return not _waiting(state, viewer)
    if name == "acknowledge":
        asked = any(page.person == viewer for page in state.pages)
        return state.status is not Status.TRIGGERED and not asked
    return name in REACHES and state.reached_at(REACHES[name]) is not None


def form(
    deed: Deed, label: str, policy: Policy, people: Names, tried: Tried, state: Incident | None = None
) -> Action:
    """The form of a deed; what `state` makes likely is filled in."""
    mine = tried.deed == deed.name
    answers = tried.answers if mine else _likely(deed, state)
    unclear = tried.unclear if mine else None
    fields: list[Field] = []
    for blank in deed.blanks:
        if blank.kind is Kind.FACTS:
            fields += _facts(state, policy, answers)
        else:
            fields.append(_field(deed, blank, policy, people, answers, unclear))
    placed = {field.name for field in fields}
    loose = "" if unclear is None or unclear.blank in placed else str(unclear)
    return Action(deed.name, label, deed.means, tuple(fields), loose, unclear is not None)


def _waiting(state: Incident, viewer: PersonId) -> tuple[RoleId, ...]:
    """The roles whose hand-over waits for this person's word."""
    return tuple(
        one.role
        for one in state.hand_overs
        if viewer in (one.giver, one.taker) and viewer not in one.confirmed
    )


def _likely(deed: Deed, state: Incident | None) -> Mapping[str, str]:
    """What is filled in already, because only that makes sense."""
    return {"role": state.hand_overs[0].role} if state and deed.name == "confirm" and state.hand_overs else {}


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


def _facts(state: Incident | None, policy: Policy, answers: Mapping[str, str]) -> list[Field]:
    """A field for each fact that people can state, with what is known of it."""
    said = dict(line.partition("=")[::2] for line in answers.get("facts", "").splitlines())
    found = []
    for fact in policy.facts.values():
        if fact.derived:
            continue
        known = state.facts[fact.id].value if state and fact.id in state.facts else ""
        value = said.get(fact.id, known)
        options = fact.values or (("yes", "no") if fact.kind is FactKind.YES_OR_NO else ())
        found.append(
            Field(
                id=f"facts-{fact.id}",
                name=f"facts.{fact.id}",
                kind=Kind.LINE,
                ask=fact.ask or fact.id,
                required=False,
                value=value,
                hint=_HINTS.get(fact.kind, ""),
                characters=limits.REASON_CHARACTERS,
                choices=tuple(Choice(option, option, option == value) for option in options),
                problem="",
            )
        )
    return found


_HINTS: Mapping[FactKind, str] = {
    FactKind.PERCENT: "Such as 12%",
    FactKind.NUMBER: "A number",
    FactKind.DURATION: "Such as 400ms, or 15m",
}


def filled_in(form: FormMultiDict, blank: Blank) -> str:
    """What a form holds for a blank, as `Given` reads it."""
    if blank.kind is Kind.FACTS:
        facts = {name.removeprefix("facts."): str(form[name]) for name in form if name.startswith("facts.")}
        return as_text(facts)
    return ",".join(map(str, form.getall(blank.name, [])))


def _choices(kind: Kind, policy: Policy, people: Names, chosen: Sequence[str]) -> tuple[Choice, ...]:
    match kind:
        case Kind.PEOPLE | Kind.PERSON:
            known = {str(id): name for id, name in people.items()}
        case Kind.TEAMS:
            known = {str(id): str(id) for id in policy.teams}
        case Kind.LEVEL:
            known = {str(level.id): f"{level.id} {level.name}" for level in policy.levels}
        case Kind.ROLE:
            known = {str(id): str(id) for id in policy.roles}
        case Kind.SERVICE:
            known = {str(id): service.name for id, service in policy.services.items()}
        case Kind.ROTA:
            known = {str(id): str(id) for id in policy.rotas}
        case Kind.AUDIENCE:
            known = {one.audience: one.audience for level in policy.levels for one in level.updates}
        case _:
            known = {}
    return tuple(Choice(id, name, id in chosen) for id, name in known.items())
