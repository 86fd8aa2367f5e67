"""What a plan may know of an incident: `facts`, asked for, measured, or worked out from others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import yaml

from tocsin.core.facts import Condition, Fact, FactKind, FactValue
from tocsin.core.model import FactId
from tocsin.core.values import value_of, wanted
from tocsin.plan.conditions import KEYWORDS, Holds, is_word, read_condition
from tocsin.plan.document import Document, Value, is_name, listing
from tocsin.plan.shape import TEXT, TEXTS, Choice, Either, Key, Named, Table

FACTS = 100
"""The most facts that a plan may declare."""

CHOICES = 20
"""The most choices of one fact."""

BY_THEMSELVES = frozenset(map(FactId, ("level", "status", "lasted", "alerts")))
"""Built-in facts that follow from the level, the clock or the noise: they do not decide how bad it is."""

OF_ALERTS = frozenset(map(FactId, ("severity", "source", "component", "group", "class")))
"""Built-in facts that are known of one alert only."""

NEVER_KNOWN = OF_ALERTS | {FactId("lasted")}
"""Built-in facts that an incident which runs does not know."""

_KINDS = {kind.value: kind for kind in FactKind if kind is not FactKind.CHOICE}
FACT = Table(
    "fact",
    {
        "is": Key(
            Either((Choice(tuple(_KINDS)), TEXTS, Named(TEXT))),
            "what its values are: a kind, or its choices, the lowest first, with a meaning if you like",
        ),
        "ask": Key(TEXT, "the question that a person answers"),
        "usual": Key(TEXT, "what it is on a quiet day: the value of `usual(fact)` in conditions"),
        "highest_of": Key(TEXTS, "instead: facts with the same choices, of which the highest counts"),
    },
)


def read_facts(document: Document, value: Value | None, given: Mapping[FactId, Fact]) -> dict[FactId, Fact]:
    """The facts that a plan declares, each after those it follows from. `given` are the built-in ones."""
    entries = {FactId(name): entry for name, entry in document.named(value).items()}
    for id, entry in entries.items():
        if id in given or id in KEYWORDS:
            message = f"`{id}` is a word of the language, so no fact can be called so."
            document.fault(entry, message, "Call it something else.")
        elif is_name(id) and not is_word(id):
            message = f"`{id}` can not be the name of a fact."
            document.fault(entry, message, "Use letters, digits and underscores.")
    if value is not None and len(entries) > FACTS:
        document.fault(value, f"There are more than {FACTS} facts.", "Leave out what decides nothing.")
    shapes = {id: _shape(document, id, entry) for id, entry in entries.items()}
    _inherit(document, entries, shapes)
    everything = {**shapes, **given}
    facts = {
        id: replace(fact, chosen_by=_choosers(document, entries[id], fact, everything))
        if _is_chosen(document, entries[id])
        else fact
        for id, fact in shapes.items()
    }
    return _in_order(document, entries, facts)


def read_deciding(document: Document, value: Value, facts: Mapping[FactId, Fact]) -> Holds | None:
    """A condition that decides how bad it is: by what people and alerts say."""
    condition = read_condition(document, value, facts)
    if condition is None:
        return None
    for id in sorted(condition.needs & BY_THEMSELVES):
        message = f"`{id}` can not decide how bad it is."
        document.fault(value, message, "Use facts that people or alerts give; time is for ladders.")
    return condition


def check_known(
    document: Document, value: Value, when: Condition, facts: Mapping[FactId, Fact], never: frozenset[FactId]
) -> None:
    """Note what a condition asks of an incident and `never` is known of one, however it is worked out."""
    if unknown := sorted(deciding(when, facts) & never):
        runs = " that runs" if FactId("lasted") in never else ""
        message = f"An incident{runs} never knows {listing(unknown)}."
        remedy = "Use `level` or a fact of the plan; what alerts say belongs in `classify`."
        document.fault(value, message, remedy)


def _is_chosen(document: Document, value: Value) -> bool:
    """Whether it is written as {low: condition, high: condition}."""
    keys = document.peek(value).keys()
    return bool(keys) and not keys & FACT.keys.keys()


def _shape(document: Document, id: FactId, value: Value) -> Fact:
    """A fact without its conditions: its kind and its choices, as far as they stand there."""
    if _is_chosen(document, value):
        return Fact(id, FactKind.CHOICE, tuple(document.named(value)))
    parts = document.table(value, FACT)
    ask = document.text(parts.get("ask"))
    if "highest_of" in parts:
        for key in parts.keys() - {"highest_of"}:
            message = f"`{id}` is worked out, so `{key}` means nothing here."
            document.fault(parts[key], message, "Leave it out.")
        names = tuple(FactId(document.text(one)) for one in document.items(parts["highest_of"]))
        if not names:
            remedy = "Name facts with the same choices, like [one, other]."
            document.fault(parts["highest_of"], "Nothing is named here.", remedy)
        return Fact(id, FactKind.CHOICE, highest_of=names)
    fact = _kind(document, id, document.required(value, parts, "is"))
    usual = _usual(document, fact, parts["usual"]) if "usual" in parts else None
    return replace(fact, ask=ask, usual=usual)


def _kind(document: Document, id: FactId, value: Value | None) -> Fact:
    """What `is` says: the name of a kind, or the choices, perhaps with what each means."""
    if value is None:
        return Fact(id, FactKind.TEXT)
    if isinstance(value.node, yaml.ScalarNode):
        name = document.text(value, FactKind.TEXT)
        if name not in _KINDS:
            remedy = f"Write {', '.join(_KINDS)}, or choices like [low, high]."
            document.fault(value, f"`{name}` is no kind of fact.", remedy)
        return Fact(id, _KINDS.get(name, FactKind.TEXT))
    if isinstance(value.node, yaml.MappingNode):
        choices = document.named(value)
        means = tuple(document.text(entry) for entry in choices.values())
        return Fact(id, FactKind.CHOICE, _choices(document, value, tuple(choices)), means=means)
    names = tuple(document.text(item) for item in document.items(value))
    return Fact(id, FactKind.CHOICE, _choices(document, value, names))


def _choices(document: Document, value: Value, names: tuple[str, ...]) -> tuple[str, ...]:
    odd = [name for name in names if name and not is_name(name)]
    for name in odd:
        document.fault(value, f"`{name}` can not be a choice.", "Use letters, digits, spaces and . - _ @ +.")
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        document.fault(value, f"The choice `{name}` stands here twice.", "Keep one of them.")
    if not 2 <= len(names) <= CHOICES:
        message = f"A fact has 2 to {CHOICES} choices, and these are {len(names)}."
        document.fault(value, message, "Write them like [low, medium, high], the lowest first.")
    return tuple(dict.fromkeys(names))


def _usual(document: Document, fact: Fact, value: Value) -> FactValue | None:
    text = document.text(value)
    usual = value_of(fact, text) if text else None
    if text and usual is None:
        document.fault(value, f"`{text}` does not fit `{fact.id}`.", wanted(fact))
    return usual


def _inherit(document: Document, entries: Mapping[FactId, Value], shapes: dict[FactId, Fact]) -> None:
    """The highest of other facts has their choices, which must be the same, in the same order."""
    open_still = [id for id, fact in shapes.items() if fact.highest_of]
    for _ in range(len(open_still)):
        for id in open_still:
            first = shapes.get(shapes[id].highest_of[0])
            shapes[id] = replace(shapes[id], values=first.values if first else ())
    for id in open_still:
        place = document.peek(entries[id])["highest_of"]
        values = shapes[id].values
        for source in shapes[id].highest_of:
            other = shapes.get(source)
            if other is None:
                document.fault(place, f"There is no fact `{source}`.", f"Facts are: {listing(shapes)}.")
            elif other.kind is not FactKind.CHOICE:
                document.fault(
                    place, f"`{source}` has no choices.", "Take the highest of facts with choices."
                )
            elif other.values != values:
                message = f"`{source}` has other choices than `{shapes[id].highest_of[0]}`, or another order."
                remedy = f"Give both the same: {', '.join(values)}."
                document.fault(place, message, remedy)


def _choosers(
    document: Document, value: Value, fact: Fact, facts: Mapping[FactId, Fact]
) -> tuple[tuple[str, Condition], ...]:
    entries = document.peek(value)
    _choices(document, value, tuple(entries))
    read = ((choice, read_deciding(document, entry, facts)) for choice, entry in entries.items())
    return tuple((choice, condition) for choice, condition in read if condition is not None)


def _in_order(
    document: Document, entries: Mapping[FactId, Value], facts: Mapping[FactId, Fact]
) -> dict[FactId, Fact]:
    """The facts, each after what it is worked out from; a circle is a problem."""
    needs = {id: _needs(fact) & facts.keys() for id, fact in facts.items()}
    ordered: dict[FactId, Fact] = {}
    while ready := [id for id in facts if id not in ordered and needs[id] <= ordered.keys()]:
        ordered |= {id: facts[id] for id in ready}
    for id in facts.keys() - ordered.keys():
        if id in _behind(id, needs):
            message = f"`{id}` is worked out from itself."
            document.fault(entries[id], message, "Let people or alerts give one of the facts in the circle.")
    return ordered


def deciding(condition: Condition, facts: Mapping[FactId, Fact]) -> frozenset[FactId]:
    """The facts that a condition looks at, and all that those are worked out from."""
    needs = {id: _needs(fact) & facts.keys() for id, fact in facts.items()}
    known = condition.needs & needs.keys()
    return condition.needs.union(*(_behind(id, needs) for id in known))


def _needs(fact: Fact) -> frozenset[FactId]:
    return frozenset(fact.highest_of).union(*(condition.needs for _, condition in fact.chosen_by))


def _behind(id: FactId, needs: Mapping[FactId, frozenset[FactId]]) -> set[FactId]:
    """Everything that a fact is worked out from, near or far."""
    found: set[FactId] = set()
    waiting = [id]
    while waiting:
        new = needs[waiting.pop()] - found
        found |= new
        waiting += new
    return found
