"""How bad it is: the rows of `classify`, and the `matrix`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import yaml

from tocsin.core.facts import Fact, FactKind
from tocsin.core.model import AlertSeverity, FactId, LevelId
from tocsin.core.policy import Classification, Matrix
from tocsin.core.severity import FIELDS
from tocsin.plan.document import Document, Value, listing
from tocsin.plan.facts import deciding, read_deciding
from tocsin.plan.names import Names
from tocsin.plan.shape import CONDITION, LENGTH, TEXT, TEXTS, Choice, Either, Key, Named, Table

ROW = Table(
    "row",
    {
        "level": Key(TEXT, "the level's id", required=True),
        "when": Key(CONDITION, "what must hold for the row to fit", "it fits"),
        "for": Key(LENGTH, "how long it must have held", "it counts at once"),
        "because": Key(TEXT, "the reason, as people would give it", "the row itself"),
        "severity": Key(Choice(tuple(AlertSeverity)), "how bad the source says it is", "any"),
        "source": Key(TEXT, "the alert's source, letter by letter", "any"),
        "component": Key(TEXT, "its component", "any"),
        "group": Key(TEXT, "its group", "any"),
        "class": Key(TEXT, "its class", "any"),
    },
)
MATRIX = Named(Either((TEXTS, Named(TEXTS))))

_LOOK = "{impact: [low, high], urgency: {low: [P3, P2], high: [P2, P1]}}"


def read_classify(document: Document, value: Value | None, names: Names) -> tuple[Classification, ...]:
    """The rows of `classify`: a level, what must fit, for how long, and why."""
    rows = []
    for item in document.items(value) if value else ():
        parts = document.table(item, ROW)
        document.choice(parts.get("severity"), AlertSeverity, "", "severity")
        fields = [name for name in FIELDS if name in parts]
        condition = read_deciding(document, parts["when"], names.facts) if "when" in parts else None
        if "for" in parts:
            known = deciding(condition, names.facts) if condition else frozenset()
            _check_lasts(document, parts["for"], "when" in parts, fields, known)
        rows.append(
            Classification(
                {name: document.text(parts[name]) for name in fields},
                LevelId(document.reference(parts.get("level"), names.levels, "level")),
                condition,
                document.duration(parts.get("for")) or timedelta(0),
                document.text(parts.get("because")),
            )
        )
    return tuple(rows)


def _check_lasts(
    document: Document, value: Value, has_when: bool, fields: list[str], known: frozenset[FactId]
) -> None:
    """Only what facts say can last: an alert's own words are of one moment."""
    if not has_when:
        document.fault(value, "Nothing here can last.", "Add a `when:`, or leave `for:` out.")
    said = [*fields, *(name for name in FIELDS if name in known)]
    if said:
        message = f"`{said[0]}` is what an alert says at one moment, so it can not last."
        document.fault(value, message, f"Leave out `{said[0]}` or `for`.")


def read_matrix(document: Document, value: Value | None, names: Names) -> Matrix | None:
    """The level by two facts: the one with a list across, the other with a row for each choice down."""
    entries = document.mapping(value) if value else {}
    if value is None:
        return None
    across = [name for name, entry in entries.items() if isinstance(entry.node, yaml.SequenceNode)]
    down = [name for name, entry in entries.items() if isinstance(entry.node, yaml.MappingNode)]
    if len(across) != 1 or len(down) != 1 or len(entries) != 2:
        document.fault(value, "A matrix has one fact across and one down.", f"Write it like {_LOOK}.")
        return None
    columns = tuple(document.text(item) for item in document.items(entries[across[0]]))
    rows = document.mapping(entries[down[0]])
    whole = [
        _covers(document, FactId(across[0]), entries[across[0]], columns, names.facts),
        _covers(document, FactId(down[0]), entries[down[0]], tuple(rows), names.facts),
    ]
    cells: dict[tuple[str, str], LevelId] = {}
    for name, row in rows.items():
        levels = document.references(row, names.levels, "level")
        if len(levels) != len(columns):
            message = f"This row has {len(levels)} levels for {len(columns)} columns."
            document.fault(row, message, f"Write one for each of: {', '.join(columns)}.")
            whole.append(False)
        cells |= {(name, column): LevelId(level) for column, level in zip(columns, levels, strict=False)}
    return Matrix(FactId(across[0]), FactId(down[0]), cells) if all(whole) else None


def _covers(
    document: Document, id: FactId, value: Value, named: tuple[str, ...], facts: Mapping[FactId, Fact]
) -> bool:
    """Whether a side of the matrix names each choice of its fact once."""
    fact = facts.get(id)
    if fact is None:
        document.fault(value, f"There is no fact `{id}`.", f"Facts are: {listing(facts)}.")
    elif fact.kind is not FactKind.CHOICE:
        document.fault(value, f"`{id}` has no choices.", "A matrix is made of two facts with choices.")
    elif sorted(named) != sorted(fact.values):
        missing = [choice for choice in fact.values if choice not in named]
        message = f"The matrix has no place for `{id}` {listing(missing)}."
        if not missing:
            message = f"These are not the choices of `{id}`."
        document.fault(value, message, f"Name each once: {', '.join(fact.values)}.")
    else:
        return True
    return False
