"""From a deed with its blanks filled in to the command that it asks for, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin import limits
from tocsin.core.deeds import DEEDS, Deed
from tocsin.core.incident import commands
from tocsin.core.lengths import duration_of
from tocsin.core.model import FactId, LevelId, PersonId, RoleId, SubjectId, TeamId
from tocsin.core.oncall import wall_clock
from tocsin.core.policy import Policy


class Unclear(Exception):
    """What was filled in makes no command; the message says what is wrong, and `blank` where, if in one."""

    def __init__(self, message: str, blank: str = "") -> None:
        super().__init__(message)
        self.blank = blank


@dataclass(frozen=True)
class Given:
    """What was filled in. Wall-clock times are those of `zone`.

    A list has commas between its entries; facts stand in a line each.
    """

    answers: Mapping[str, str]
    policy: Policy
    zone: str
    now: datetime
    via: str = "api"

    def line(self, name: str) -> str:
        """One printable line, cut where it is too long."""
        return one_line(self.answers.get(name, ""))

    def words(self, name: str) -> str:
        """Lines of text, without what could not be printed."""
        lines = self.answers.get(name, "").replace("\r\n", "\n")
        text = "".join(letter for letter in lines if letter.isprintable() or letter == "\n")
        return text.strip()[: limits.NOTE_CHARACTERS]

    def listed(self, name: str) -> tuple[str, ...]:
        """The entries of a list."""
        return tuple(dict.fromkeys(filter(None, map(str.strip, self.answers.get(name, "").split(",")))))

    def facts(self, name: str) -> dict[FactId, str]:
        """Facts of the plan with their values, `users_affected=60%`, each in a line of its own."""
        found = {}
        for line in filter(None, map(str.strip, self.answers.get(name, "").splitlines())):
            fact, stands, value = line.partition("=")
            if not stands or FactId(fact.strip()) not in self.policy.facts:
                known = ", ".join(self.policy.facts) or "none"
                raise Unclear(f"`{fact.strip()}` is no fact of the plan. Facts are: {known}.", name)
            found[FactId(fact.strip())] = value.strip()
        return found

    def time(self, name: str) -> datetime:
        """An instant: `30m` from now, `15:30` when the clock next shows it, or a date and time."""
        text = self.answers.get(name, "").strip()
        length = duration_of(text)
        try:
            return self.now + length if length is not None else self._moment(text)
        except (ValueError, OverflowError):
            example = "30m, 15:30, or 2026-11-22 15:30"
            raise Unclear(f"`{text}` is no time for `{name}`. Write it like {example}.", name) from None

    def _moment(self, text: str) -> datetime:
        zone = ZoneInfo(self.zone)
        if len(text) == len("15:30"):
            today = self.now.astimezone(zone).date()
            at = wall_clock(datetime.fromisoformat(f"{today} {text}"), zone)
            tomorrow = datetime.fromisoformat(f"{today + timedelta(days=1)} {text}")
            return at if at > self.now else wall_clock(tomorrow, zone)
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else wall_clock(at, zone)


def one_line(text: str) -> str:
    """What people wrote, as one printable line, cut where it is too long."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())[: limits.REASON_CHARACTERS]


Make = Callable[[Given], commands.IncidentCommand]

_MAKES: Mapping[str, tuple[type[commands.IncidentCommand], Make]] = {
    "acknowledge": (commands.Acknowledge, lambda given: commands.Acknowledge(given.via)),
    "verify": (commands.Verify, lambda _: commands.Verify()),
    "begin-mitigation": (commands.BeginMitigation, lambda _: commands.BeginMitigation()),
    "mitigate": (commands.Mitigate, lambda given: commands.Mitigate(given.line("how"))),
    "resolve": (commands.Resolve, lambda given: commands.Resolve(given.line("reason"))),
    "false-positive": (commands.FalsePositive, lambda given: commands.FalsePositive(given.line("reason"))),
    "escalate": (commands.Escalate, lambda given: commands.Escalate(given.line("reason"))),
    "extend": (commands.ExtendProgress, lambda given: commands.ExtendProgress(given.line("reason"))),
    "reopen": (commands.Reopen, lambda given: commands.Reopen(given.line("reason"))),
    "close": (commands.Close, lambda given: commands.Close(given.line("reason"))),
    "level": (
        commands.SetLevel,
        lambda given: commands.SetLevel(LevelId(given.line("level")), given.line("reason")),
    ),
    "update": (
        commands.PostUpdate,
        lambda given: commands.PostUpdate(given.line("audience"), given.words("text")),
    ),
    "assign": (
        commands.Assign,
        lambda given: commands.Assign(RoleId(given.line("role")), PersonId(given.line("person"))),
    ),
    "hand-over": (
        commands.HandOver,
        lambda given: commands.HandOver(
            RoleId(given.line("role")), PersonId(given.line("giver")), PersonId(given.line("taker"))
        ),
    ),
    "confirm": (
        commands.ConfirmHandOver,
        lambda given: commands.ConfirmHandOver(RoleId(given.line("role"))),
    ),
    "merge": (commands.Merge, lambda given: commands.Merge(SubjectId(given.line("into")))),
    "note": (commands.AddNote, lambda given: commands.AddNote(given.words("text"))),
    "done": (commands.MarkDone, lambda given: commands.MarkDone(given.line("what"))),
    "facts": (commands.SetFacts, lambda given: commands.SetFacts(given.facts("facts"))),
    "estimate": (
        commands.SetEstimate,
        lambda given: commands.SetEstimate(given.time("time"), given.line("reason")),
    ),
    "link": (commands.Link, lambda given: commands.Link(given.line("to"), given.line("what"))),
    "restrict": (
        commands.Restrict,
        lambda given: commands.Restrict(
            tuple(map(PersonId, given.listed("people"))), tuple(map(TeamId, given.listed("teams")))
        ),
    ),
}

NAMES: Mapping[type[commands.IncidentCommand], str] = {command: name for name, (command, _) in _MAKES.items()}
"""The name of the deed that asks for a command."""


def read(name: str, given: Given) -> commands.IncidentCommand:
    """The command that a deed asks for; raises Unclear."""
    deed = DEEDS.get(name)
    if deed is None:
        raise Unclear(f"`{name}` is nothing that can be asked. There are: {', '.join(DEEDS)}.")
    check(deed, given.answers)
    _, make = _MAKES[name]
    return make(given)


def check(deed: Deed, answers: Mapping[str, str]) -> None:
    """Raises Unclear where a blank is missing, or something is filled in that the deed does not ask."""
    for blank in deed.blanks:
        if blank.required and not answers.get(blank.name, "").strip():
            raise Unclear(f"`{blank.name}` is missing. {blank.ask}", blank.name)
    known = [blank.name for blank in deed.blanks]
    for unknown in answers:
        if unknown not in known:
            raise Unclear(
                f"`{unknown}` means nothing to {deed.name}. It takes: {', '.join(known) or 'nothing'}."
            )


def as_text(value: str | Sequence[str] | Mapping[str, str]) -> str:
    """What a program filled in, as `Given` reads it."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "\n".join(f"{name}={one}" for name, one in value.items())
    return ",".join(value)
