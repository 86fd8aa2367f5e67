"""What people can ask of an incident, in words: one table for page, API, command line and script.

Each deed has a name, a sentence, and blanks to fill in. `read` makes its command, or says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from tocsin import limits
from tocsin.core.incident import commands
from tocsin.core.lengths import duration_of
from tocsin.core.model import PersonId, TeamId
from tocsin.core.oncall import wall_clock
from tocsin.core.policy import Policy


class Kind(StrEnum):
    """What goes into a blank."""

    LINE = "a line"
    WORDS = "words"
    TIME = "a time"
    PEOPLE = "people"
    TEAMS = "teams"


@dataclass(frozen=True, slots=True)
class Blank:
    """Something to fill in: `ask` is the question. The command line takes the `first` one without a flag."""

    name: str
    kind: Kind
    ask: str
    required: bool = True
    first: bool = False


class Unclear(Exception):
    """What was filled in makes no command; the message says what is wrong and what to write instead."""


@dataclass(frozen=True, slots=True)
class Given:
    """What was filled in. Lists are separated by commas; wall-clock times are those of `zone`."""

    answers: Mapping[str, str]
    policy: Policy
    zone: str
    now: datetime
    via: str = "api"

    def line(self, name: str) -> str:
        """One printable line, cut where it is too long."""
        text = "".join(letter if letter.isprintable() else " " for letter in self.answers.get(name, ""))
        return " ".join(text.split())[: limits.REASON_CHARACTERS]

    def words(self, name: str) -> str:
        """Lines of text, without what could not be printed."""
        lines = self.answers.get(name, "").replace("\r\n", "\n")
        text = "".join(letter for letter in lines if letter.isprintable() or letter == "\n")
        return text.strip()[: limits.NOTE_CHARACTERS]

    def listed(self, name: str) -> tuple[str, ...]:
        """The entries of a list."""
        return tuple(dict.fromkeys(filter(None, map(str.strip, self.answers.get(name, "").split(",")))))

    def time(self, name: str) -> datetime:
        """An instant: `30m` from now, `15:30` when the clock next shows it, or a date and time."""
        text = self.answers.get(name, "").strip()
        length = duration_of(text)
        try:
            return self.now + length if length is not None else self._moment(text)
        except (ValueError, OverflowError):
            example = "30m, 15:30, or 2026-11-22 15:30"
            raise Unclear(f"`{text}` is no time for `{name}`. Write it like {example}.") from None

    def _moment(self, text: str) -> datetime:
        zone = ZoneInfo(self.zone)
        if len(text) == len("15:30"):
            today = self.now.astimezone(zone).date()
            at = wall_clock(datetime.fromisoformat(f"{today} {text}"), zone)
            tomorrow = datetime.fromisoformat(f"{today + timedelta(days=1)} {text}")
            return at if at > self.now else wall_clock(tomorrow, zone)
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else wall_clock(at, zone)


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that people can ask for, and the command that it makes."""

    name: str
    command: type[commands.IncidentCommand]
    means: str
    make: Callable[[Given], commands.IncidentCommand]
    blanks: tuple[Blank, ...] = ()


def _reason(ask: str, *, required: bool = True, name: str = "reason") -> Blank:
    return Blank(name, Kind.LINE, ask, required)


def _first(name: str, kind: Kind, ask: str) -> Blank:
    return Blank(name, kind, ask, first=True)


def _people(given: Given) -> tuple[PersonId, ...]:
    return tuple(map(PersonId, given.listed("people")))


_DEEDS = (
    Deed(
        "acknowledge",
        commands.Acknowledge,
        "Take it: your page stops",
        lambda given: commands.Acknowledge(given.via),
    ),
    Deed("verify", commands.Verify, "Say that it is real", lambda _: commands.Verify()),
    Deed(
        "begin-mitigation",
        commands.BeginMitigation,
        "Say that somebody does something about it",
        lambda _: commands.BeginMitigation(),
    ),
    Deed(
        "mitigate",
        commands.Mitigate,
        "Say that nobody is harmed any more",
        lambda given: commands.Mitigate(given.line("how")),
        (_reason("What helped?", name="how"),),
    ),
    Deed(
        "resolve",
        commands.Resolve,
        "Say that it is over",
        lambda given: commands.Resolve(given.line("reason")),
        (_reason("What ended it?"),),
    ),
    Deed(
        "false-positive",
        commands.FalsePositive,
        "Say that there was no incident, and close it",
        lambda given: commands.FalsePositive(given.line("reason")),
        (_reason("How do you know?"),),
    ),
    Deed(
        "reopen",
        commands.Reopen,
        "Say that it is not over: people are paged again",
        lambda given: commands.Reopen(given.line("reason")),
        (_reason("What is still wrong?"),),
    ),
    Deed(
        "close",
        commands.Close,
        "Say that nothing is left to do in it",
        lambda given: commands.Close(given.line("reason")),
        (_reason("What was left to do, and is done?", required=False),),
    ),
    Deed(
        "note",
        commands.AddNote,
        "Add words to its timeline",
        lambda given: commands.AddNote(given.words("text")),
        (_first("text", Kind.WORDS, "What should the others know?"),),
    ),
    Deed(
        "estimate",
        commands.SetEstimate,
        "Say when it will be resolved",
        lambda given: commands.SetEstimate(given.time("time"), given.line("reason")),
        (
            _first("time", Kind.TIME, "When will it be resolved?"),
            _reason("What does that rest on?", required=False),
        ),
    ),
    Deed(
        "link",
        commands.Link,
        "Point to something that it has to do with",
        lambda given: commands.Link(given.line("to"), given.line("what")),
        (
            _first("to", Kind.LINE, "Which incident or address?"),
            _reason("What is it?", required=False, name="what"),
        ),
    ),
    Deed(
        "restrict",
        commands.Restrict,
        "Say who alone may see it; naming nobody lifts the restriction",
        lambda given: commands.Restrict(_people(given), tuple(map(TeamId, given.listed("teams")))),
        (
            Blank("people", Kind.PEOPLE, "Which people?", required=False),
            Blank("teams", Kind.TEAMS, "Which teams?", required=False),
        ),
    ),
)

DEEDS: Mapping[str, Deed] = {deed.name: deed for deed in _DEEDS}
"""By name, in the order in which people are likely to need them."""

NAMES: Mapping[type[commands.IncidentCommand], str] = {deed.command: deed.name for deed in _DEEDS}
"""The name of the deed that asks for a command."""


def read(name: str, given: Given) -> commands.IncidentCommand:
    """The command that a deed asks for; raises Unclear."""
    deed = DEEDS.get(name)
    if deed is None:
        raise Unclear(f"`{name}` is nothing that can be asked. There are: {', '.join(DEEDS)}.")
    for blank in deed.blanks:
        if blank.required and not given.answers.get(blank.name, "").strip():
            raise Unclear(f"`{blank.name}` is missing. {blank.ask}")
    known = [blank.name for blank in deed.blanks]
    for unknown in given.answers:
        if unknown not in known:
            raise Unclear(f"`{unknown}` means nothing to {name}. It takes: {', '.join(known) or 'nothing'}.")
    return deed.make(given)
