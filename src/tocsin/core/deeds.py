"""What people can ask of an incident, in words: one table for page, API, command line and script.

What command comes of a deed and its blanks is said in `core/incident/asking.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What goes into a blank."""

    LINE = "line"
    WORDS = "words"
    TIME = "time"
    MOMENT = "moment"
    PEOPLE = "people"
    TEAMS = "teams"
    FACTS = "facts"
    LEVEL = "level"
    PERSON = "person"
    ROLE = "role"
    AUDIENCE = "audience"
    SERVICE = "service"
    ROTA = "rota"

    @property
    def many(self) -> bool:
        """Whether several can be named."""
        return self in (Kind.PEOPLE, Kind.TEAMS, Kind.FACTS)


@dataclass(frozen=True)
class Blank:
    """Something to fill in: `ask` is the question. The command line takes the `first` one without a flag."""

    name: str
    kind: Kind
    ask: str
    example: str
    required: bool = True
    first: bool = False


@dataclass(frozen=True)
class Deed:
    """One thing that people can ask for. `means` is a sentence without its full stop."""

    name: str
    means: str
    blanks: tuple[Blank, ...] = ()


def _line(name: str, ask: str, example: str) -> Blank:
    return Blank(name, Kind.LINE, ask, example)


def _perhaps(name: str, ask: str, example: str, kind: Kind = Kind.LINE) -> Blank:
    return Blank(name, kind, ask, example, required=False)


def _first(name: str, kind: Kind, ask: str, example: str) -> Blank:
    return Blank(name, kind, ask, example, first=True)


_DEEDS = (
    Deed("acknowledge", "Take it: your page stops"),
    Deed("verify", "Say that it is real"),
    Deed("begin-mitigation", "Say that somebody does something about it"),
    Deed("mitigate", "Say that nobody is harmed any more", (_line("how", "What helped?", "rolled back"),)),
    Deed("resolve", "Say that it is over", (_line("reason", "What ended it?", "the disk is replaced"),)),
    Deed(
        "false-positive",
        "Say that there was no incident, and close it",
        (_line("reason", "How do you know?", "a test of the probe"),),
    ),
    Deed(
        "escalate",
        "Take the next step of the ladder now",
        (_line("reason", "Why now?", "it is spreading"),),
    ),
    Deed(
        "extend",
        "Put off the step that is to come for want of progress, once",
        (_line("reason", "What goes on?", "the restore is at 80 %"),),
    ),
    Deed(
        "reopen",
        "Say that it is not over: people are paged again",
        (_line("reason", "What is still wrong?", "errors are back"),),
    ),
    Deed(
        "close",
        "Say that nothing is left to do in it",
        (_perhaps("reason", "What was left to do, and is done?", "everybody is told"),),
    ),
    Deed(
        "facts",
        "Say what is known; an empty value takes back what was said",
        (_first("facts", Kind.FACTS, "What is known?", "users_affected=60%"),),
    ),
    Deed(
        "level",
        "Say how bad it is",
        (
            _first("level", Kind.LEVEL, "Which level of the plan?", "P1"),
            _line("reason", "Why that one?", "all orders fail"),
        ),
    ),
    Deed(
        "update",
        "Tell an audience of the plan how things stand",
        (
            _first("audience", Kind.AUDIENCE, "Whom?", "inside"),
            Blank("text", Kind.WORDS, "What should they know?", "the restore is at 80 %"),
        ),
    ),
    Deed(
        "assign",
        "Give somebody a role in it",
        (
            _first("role", Kind.ROLE, "Which role of the plan?", "Incident Commander"),
            Blank("person", Kind.PERSON, "Who has it from now on?", "ana"),
        ),
    ),
    Deed(
        "hand-over",
        "Hand a role over, once both have confirmed",
        (
            _first("role", Kind.ROLE, "Which role of the plan?", "Incident Commander"),
            Blank("giver", Kind.PERSON, "Who has it now?", "ana"),
            Blank("taker", Kind.PERSON, "Who takes it?", "ben"),
        ),
    ),
    Deed(
        "confirm",
        "Confirm a hand-over that you give or take",
        (_first("role", Kind.ROLE, "Which role?", "Incident Commander"),),
    ),
    Deed(
        "merge",
        "Let it go on as a part of another incident",
        (_first("into", Kind.LINE, "Into which incident?", "INC-20261122-004"),),
    ),
    Deed(
        "note",
        "Add words to its timeline",
        (_first("text", Kind.WORDS, "What should the others know?", "the vendor is called"),),
    ),
    Deed(
        "done",
        "Say that a task or a promise is done",
        (_first("what", Kind.LINE, "Which, in its words or by its id?", "task:1"),),
    ),
    Deed(
        "estimate",
        "Say when it will be resolved",
        (
            _first("time", Kind.TIME, "When will it be resolved?", "30m"),
            _perhaps("reason", "What does that rest on?", "the restore takes that long"),
        ),
    ),
    Deed(
        "link",
        "Point to something that it has to do with",
        (
            _first("to", Kind.LINE, "Which incident or address?", "INC-20261122-004"),
            _perhaps("what", "What is it?", "the cause"),
        ),
    ),
    Deed(
        "restrict",
        "Say who alone may see it; naming nobody lifts the restriction",
        (
            _perhaps("people", "Which people?", "ana ben", Kind.PEOPLE),
            _perhaps("teams", "Which teams?", "security", Kind.TEAMS),
        ),
    ),
)

DEEDS: Mapping[str, Deed] = {deed.name: deed for deed in _DEEDS}
"""By name, in the order in which people are likely to need them."""

DECLARE = Deed(
    "declare",
    "Open an incident by hand",
    (
        _first("title", Kind.LINE, "What is wrong?", "nobody can pay"),
        Blank("service", Kind.SERVICE, "Which service?", "checkout"),
        _perhaps("level", "How bad is it?", "P1", Kind.LEVEL),
        _perhaps("reason", "How do you know?", "three customers called"),
        _perhaps("facts", "What is known?", "users_affected=60%", Kind.FACTS),
    ),
)
"""The one thing that is asked before there is an incident. Without a level the plan judges by the facts."""

STAND_IN = Deed(
    "stand-in",
    "Let somebody stand in",
    (
        _first("rota", Kind.ROTA, "In which rota?", "primary"),
        _first("person", Kind.PERSON, "Who stands in?", "ben"),
        Blank("from", Kind.MOMENT, "From when?", "2026-11-22T09:00"),
        Blank("to", Kind.MOMENT, "Until when?", "2026-11-23T09:00"),
        _perhaps("for", "For whom, if not whoever has the first seat?", "ana", Kind.PERSON),
        _perhaps("reason", "Why?", "dentist"),
    ),
)
"""What is asked of a rota, not of an incident."""

REPIN = Deed(
    "repin",
    "Let it go by the plan in force, or by another version of it",
    (_perhaps("version", "Which version, by its id?", "3f9a0c12ab45"),),
)
"""What needs the stored plans, and so has no command of its own in a script."""

OF_AN_INCIDENT: Mapping[str, Deed] = {**DEEDS, REPIN.name: REPIN}
"""Everything that a program can ask of an incident."""
