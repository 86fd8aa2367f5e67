"""What may stand where in a plan: the definitions that reader, JSON Schema and documentation share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

NAME = r"^\w(?:[\w .@+-]{0,62}[\w+])?$"
"""What people may call a level, rota, service, integration, person or channel."""


@dataclass(frozen=True)
class Text:
    """A single line. `pattern` is what it looks like, where it is not just any line."""

    words: str
    pattern: str = ""


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class Many:
    """A list, or a single one without brackets."""

    of: Kind


@dataclass(frozen=True)
class Named:
    """A mapping whose keys are names that people choose."""

    of: Kind


@dataclass(frozen=True)
class Either:
    """One of several shapes."""

    kinds: tuple[Kind, ...]


@dataclass(frozen=True)
class Table:
    """A mapping with keys of ours. `id` names it in the documentation."""

    id: str
    keys: Mapping[str, Key]

    @property
    def known(self) -> tuple[str, ...]:
        return tuple(self.keys)


@dataclass(frozen=True)
class Key:
    """One key: what may stand there, what it means, and what holds without it."""

    kind: Kind
    means: str
    without: str = "–"
    required: bool = False


Kind: TypeAlias = Text | Choice | Many | Named | Either | Table

TEXT = Text("text")
LENGTH = Text("length of time", r"^\d{1,6}(s|m|h|d|w)$")
SHIFT = Text("length of time", r"^[1-9]\d*[hdw]$")
NUMBER = Text("whole number")
TRUTH = Choice(("true", "false"))
ZONE = Text("IANA zone")
LOCAL_TIME = Text("local time", r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?$")
DATE = Text("date", r"^\d{4}-\d\d-\d\d$")
PERCENT = Text("percentage", r"^\d{1,3}%$")
WINDOW = Text("from LENGTH to LENGTH", r"^\d{1,6}[smhdw] to \d{1,6}[smhdw]$")
INTERVAL = Text("number and day, week, month or year", r"^[1-9]\d{0,2} (day|week|month|year)s?$")
CONDITION = Text("condition")
TARGET = Text("target")
TARGETS = Many(TARGET)
TEXTS = Many(TEXT)


def words(kind: Kind) -> str:
    """What may stand there, in a few words for a table of keys."""
    match kind:
        case Text():
            return kind.words
        case Choice():
            return ", ".join(f"`{value}`" for value in kind.values)
        case Many():
            return f"{words(kind.of)}, or a list"
        case Named():
            return f"names, each with {words(kind.of)}"
        case Either():
            return ", or ".join(words(one) for one in kind.kinds)
        case Table():
            return f"[{kind.id}](#{kind.id.replace(' ', '-')})"


def schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of a kind. Numbers may stand where text does: an editor reads `1.0` as a number."""
    match kind:
        case Text():
            return {"type": "string", "pattern": kind.pattern} if kind.pattern else dict(_ANY_TEXT)
        case Choice() if set(kind.values) <= {"true", "false"}:
            return {"enum": [value == "true" for value in kind.values]}
        case Choice():
            return {"enum": list(kind.values)}
        case Many():
            one = schema(kind.of)
            return {"anyOf": [one, {"type": "array", "items": one}]}
        case Named():
            names = {"pattern": _ANY_NAME}
            return {"type": "object", "propertyNames": names, "additionalProperties": schema(kind.of)}
        case Either():
            return {"anyOf": [schema(one) for one in kind.kinds]}
        case Table():
            return _object(kind)


_ANY_NAME = r"^\S(.{0,62}\S)?$"  # editors know no letters but English ones, so they let the reader judge
_ANY_TEXT = {"type": ["string", "number", "boolean"]}


def _object(table: Table) -> dict[str, Any]:
    properties = {name: {"description": key.means, **schema(key.kind)} for name, key in table.keys.items()}
    required = [name for name, key in table.keys.items() if key.required]
    found = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**found, "required": required} if required else found


def tables(kind: Kind) -> dict[str, Table]:
    """Every table below, itself included, by id."""
    match kind:
        case Many() | Named():
            return tables(kind.of)
        case Either():
            return {id: table for one in kind.kinds for id, table in tables(one).items()}
        case Table():
            below = {id: table for key in kind.keys.values() for id, table in tables(key.kind).items()}
            return {kind.id: kind, **below}
        case _:
            return {}
