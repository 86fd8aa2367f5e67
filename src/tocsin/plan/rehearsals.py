"""Rehearsals in files: what is played, and what is expected of it. So a plan has tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import yaml

from tocsin import limits
from tocsin.core.deeds import DEEDS
from tocsin.core.expectations import Expectation, Given, Is, Paged, Stands, Unreached, When, Within
from tocsin.core.incident import Status, asking, commands
from tocsin.core.incident.asking import Unclear
from tocsin.core.model import (
    AlertAction,
    AlertSeverity,
    DeadlineState,
    FactId,
    LevelId,
    PersonId,
    ServiceId,
    Signal,
)
from tocsin.core.oncall import wall_clock
from tocsin.core.policy import Policy
from tocsin.core.rehearse import LASTS_MOST, Act, Arrive, Ask, Clear, Open, Scenario, Switch
from tocsin.core.values import value_of, wanted
from tocsin.plan.document import YEARS, Document, Value, is_zone, listing
from tocsin.plan.files import opened
from tocsin.plan.parse import too_large
from tocsin.plan.problems import PlanRefused, Problem

REHEARSALS_FOLDER = "rehearsals"

LASTS = timedelta(hours=2)
"""How long a rehearsal is that does not say."""

LASTS_LEAST = timedelta(minutes=1)
"""The shortest one."""

_NAMES_ACT = ("do", "facts", "alert", "channel")
_ALERT = ("severity", "source", "component", "group", "class")
_WHEN = tuple(Within)
_PAGED = ("paged", "never paged", "told", "never told")
_STANDS = ("kept", "broken", "due")
_NAMES_EXPECTATION = (*_PAGED, "task", *_STANDS, "level", "status", "nobody reached")

ReadT = TypeVar("ReadT")


@dataclass(frozen=True)
class Expected:
    """An expectation as the file has it, and in which line."""

    text: str
    line: int
    what: Expectation


@dataclass(frozen=True)
class Written:
    """A rehearsal of a file: its name, the scenario with the zone it is told in, and what is expected."""

    file: str
    name: str
    scenario: Scenario
    zone: str
    expected: tuple[Expected, ...]


def read_rehearsals(file: str, text: str, policy: Policy, people: Iterable[PersonId]) -> list[Written]:
    """Every rehearsal of a file; raises PlanRefused with every problem at once."""

    def each(reader: _Reader, root: Value) -> list[Written]:
        return [reader.written(name, value) for name, value in reader.document.mapping(root).items()]

    return _read(file, text, "Nobody answers:", policy, people, each)


def read_script(
    file: str, text: str, policy: Policy, people: Iterable[PersonId], starts: datetime
) -> list[Act]:
    """The acts of a script by itself; raises PlanRefused."""
    first = "- {at: 7m, do: acknowledge}"
    return _read(file, text, first, policy, people, lambda reader, root: list(reader.acts(root, starts)))


def read_expected(file: str, text: str, policy: Policy, people: Iterable[PersonId]) -> list[Expected]:
    """Expectations by themselves; raises PlanRefused."""
    first = "- {paged: PERSON, within: 15m}"
    return _read(file, text, first, policy, people, lambda reader, root: list(reader.expected(root)))


def load_text(path: Path) -> str:
    """A file's text; raises PlanRefused when there is none that can be read."""
    try:
        with opened(path) as file:
            content = file.read(limits.PLAN_BYTES + 1)
    except OSError as wrong:
        message = f"{path} can not be read: {wrong.strerror}."
        raise PlanRefused([Problem(path.name, 1, 1, "", message, "Name a file that exists.")]) from None
    if len(content) > limits.PLAN_BYTES:
        raise PlanRefused([too_large(path.name)])
    try:
        return content.decode()
    except UnicodeDecodeError as wrong:
        message = f"Byte {wrong.start} is not UTF-8."
        raise PlanRefused([Problem(path.name, 1, 1, "", message, "Save the file as UTF-8.")]) from None


def instant(text: str, zone: str) -> tuple[datetime, str] | None:
    """The instant that `2026-11-22 03:00 Asia/Seoul` names, and its zone: the plan's `zone` if none is said.

    None when it is no such time. An offset (+09:00 or Z) works too; it is told in the plan's zone.
    """
    when, _, named = text.strip().rpartition(" ")
    if when and is_zone(named):
        zone = named
    else:
        when = text.strip()
    try:
        at = datetime.fromisoformat(when)
        found = at.astimezone(UTC) if at.tzinfo else wall_clock(at, ZoneInfo(zone))
    except (ValueError, OverflowError):
        return None
    return (found, zone) if found.year in YEARS else None


def no_instant(text: str) -> tuple[str, str]:
    """What is wrong with a text that names no instant, and the remedy."""
    when, _, named = text.strip().rpartition(" ")
    try:
        year = datetime.fromisoformat(when if named[:1].isalpha() else text.strip()).year
    except ValueError:
        return f"`{text}` is no date and time.", "Write it like 2026-11-22T03:00 Asia/Seoul."
    if named[:1].isalpha() and not is_zone(named):
        return f"There is no time zone `{named}`.", "Use an IANA name such as Asia/Seoul."
    return f"The year {year} can not be rehearsed.", f"Choose one from {YEARS[0]} to {YEARS[-1]}."


def _read(
    file: str,
    text: str,
    first_line: str,
    policy: Policy,
    people: Iterable[PersonId],
    read: Callable[[_Reader, Value], ReadT],
) -> ReadT:
    document = Document(file)
    found = read(
        _Reader(document, policy, frozenset(people)),
        document.parse(text, first_line),
    )
    if document.problems:
        raise PlanRefused(sorted(document.problems))
    return found


@dataclass(frozen=True)
class _Reader:
    document: Document
    policy: Policy
    people: frozenset[PersonId]

    def written(self, name: str, value: Value) -> Written:
        known = ("at", "level", "facts", "service", "for", "answers_after", "script", "expect")
        parts = self.document.mapping(value, known)
        starts, zone = self._starts(self.document.required(value, parts, "at"))
        lasts = self.document.duration(parts.get("for"), least="1m") or LASTS
        if lasts > LASTS_MOST:
            most = f"{LASTS_MOST.days}d"
            self.document.fault(parts["for"], "A rehearsal lasts a month at most.", f"Write {most} or less.")
            lasts = LASTS
        answers_after = self.document.duration(parts.get("answers_after"))
        acts = list(self.acts(parts["script"], starts)) if "script" in parts else []
        if "level" in parts:
            facts = self._facts(parts["facts"]) if "facts" in parts else {}
            acts.insert(0, Open(timedelta(0), self._level(parts["level"]), facts))
        elif not any(isinstance(act, Arrive) for act in acts):
            remedy = "Add `level: ...`, or an alert to the script."
            self.document.fault(value, "Nothing opens the incident.", remedy)
        scenario = Scenario(starts, lasts, self._service(parts.get("service")), tuple(acts), answers_after)
        expected = tuple(self.expected(parts["expect"])) if "expect" in parts else ()
        return Written(self.document.file, name, scenario, zone, expected)

    def acts(self, value: Value, starts: datetime) -> Iterator[Act]:
        for item in self.document.items(value):
            parts = self.document.mapping(item)
            at = self.document.duration(parts.pop("at", None)) or timedelta(0)
            match self._one_of(item, parts, _NAMES_ACT):
                case "do":
                    yield from self._asked(item, at, parts, starts + at)
                case "facts":
                    self.document.mapping(item, ("at", "facts", "by"))
                    by = self._person(parts["by"]) if "by" in parts else None
                    yield Ask(at, commands.SetFacts(self._facts(parts["facts"])), by)
                case "alert":
                    self.document.mapping(item, ("at", "alert", "details", *_ALERT))
                    yield Arrive(at, self._signal(parts))
                case "channel":
                    self.document.mapping(item, ("at", "channel", "fails", "of"))
                    fails = self.document.truth(self.document.required(item, parts, "fails"), default=True)
                    person = self._person(parts["of"]) if "of" in parts else None
                    yield Switch(at, self.document.text(parts["channel"]), not fails, person)
                case _:
                    pass

    def expected(self, value: Value) -> Iterator[Expected]:
        for item in self.document.items(value):
            parts = self.document.mapping(item)
            kind = self._one_of(item, parts, _NAMES_EXPECTATION)
            what = self._expectation(item, kind, parts) if kind else None
            if what is not None:
                words = ", ".join(f"{name}: {_quoted(part.node)}" for name, part in parts.items())
                yield Expected(words, item.node.start_mark.line + 1, what)

    def _asked(self, item: Value, at: timedelta, parts: Mapping[str, Value], now: datetime) -> Iterator[Act]:
        done = self.document.text(parts["do"])
        deed = DEEDS.get(done)
        if deed is None and done != "clear":
            known = ", ".join((*DEEDS, "clear"))
            self.document.fault(parts["do"], f"Nobody can `{done}` here.", f"Use one of: {known}.")
            return
        blanks = [blank.name for blank in deed.blanks] if deed else []
        by = self._person(parts["by"]) if "by" in parts else None
        self.document.mapping(item, ("at", "do", "by", *blanks))
        answers = {name: _words(parts[name].node) for name in blanks if name in parts}
        if deed is None:
            yield Clear(at)
            return
        try:
            given = asking.Given(answers, self.policy, self.policy.zone, now, via="link")
            yield Ask(at, asking.read(deed.name, given), by)
        except Unclear as wrong:
            self.document.fault(item, str(wrong), "Add it, or change it, in this line.")

    def _expectation(self, item: Value, kind: str, parts: Mapping[str, Value]) -> Expectation | None:
        if kind in _PAGED:
            self.document.mapping(item, (kind, "by", *_WHEN))
            people = tuple(self._person(one) for one in self.document.items(parts[kind]))
            return Paged(
                people,
                self._when(item, parts),
                self.document.text(parts.get("by")),
                never=kind.startswith("never"),
                told=kind.endswith("told"),
            )
        if kind == "task":
            self.document.mapping(item, (kind, *_WHEN))
            tasks = tuple(self.document.text(one) for one in self.document.items(parts[kind]))
            return Given(tasks, self._when(item, parts))
        if kind in _STANDS:
            self.document.mapping(item, (kind,))
            return Stands(self.document.text(parts[kind]), DeadlineState(kind))
        if kind == "nobody reached":
            self.document.mapping(item, (kind,))
            return Unreached(self.document.truth(parts[kind], default=True))
        self.document.mapping(item, (kind, "at"))
        at = self.document.duration(parts.get("at"))
        if kind == "level":
            return Is(self._level(parts[kind]), at)
        status = self.document.text(parts[kind])
        if status not in list(Status):
            self.document.fault(parts[kind], f"`{status}` is no status.", f"Use one of: {listing(Status)}.")
            return None
        return Is(Status(status), at)

    def _when(self, item: Value, parts: Mapping[str, Value]) -> When | None:
        said = [name for name in _WHEN if name in parts]
        if len(said) > 1:
            self.document.fault(item, "Two times are said here.", f"Keep one of: {listing(said)}.")
        time = self.document.duration(parts[said[0]]) if said else None
        return When(said[0], time) if time is not None else None

    def _one_of(self, item: Value, parts: Mapping[str, Value], names: tuple[str, ...]) -> str:
        found = [name for name in names if name in parts]
        if len(found) != 1 and isinstance(item.node, yaml.MappingNode):
            self.document.fault(
                item, "What is meant here is not clear.", f"Use just one of: {listing(names)}."
            )
        return found[0] if len(found) == 1 else ""

    def _starts(self, value: Value | None) -> tuple[datetime, str]:
        text = self.document.text(value)
        found = instant(text, self.policy.zone)
        if found is None and value is not None and text:
            self.document.fault(value, *no_instant(text))
        return found or (datetime(2026, 11, 22, 3, tzinfo=UTC), self.policy.zone)

    def _level(self, value: Value) -> LevelId:
        name = LevelId(self.document.text(value))
        levels = [level.id for level in self.policy.levels]
        if name and name not in levels:
            self.document.fault(value, f"There is no level `{name}`.", f"Levels are: {listing(levels)}.")
        return name

    def _service(self, value: Value | None) -> ServiceId:
        services = self.policy.services
        name = ServiceId(self.document.text(value, next(iter(services), "service")))
        if value is not None and name and name not in services:
            self.document.fault(
                value, f"There is no service `{name}`.", f"Services are: {listing(services)}."
            )
        return name

    def _person(self, value: Value) -> PersonId:
        name = PersonId(self.document.text(value))
        if name and name not in self.people:
            known = listing(sorted(self.people))
            self.document.fault(value, f"There is no person `{name}`.", f"People are: {known}.")
        return name

    def _facts(self, value: Value) -> dict[FactId, str]:
        found: dict[FactId, str] = {}
        for name, said in self.document.named(value).items():
            fact = self.policy.facts.get(FactId(name))
            text = self.document.text(said)
            if fact is None or fact.derived:
                known = listing(id for id, one in self.policy.facts.items() if not one.derived)
                self.document.fault(said, f"There is no fact `{name}`.", f"Facts are: {known}.")
            elif text and value_of(fact, text) is None:
                self.document.fault(said, f"`{text}` does not fit {name}.", wanted(fact))
            found[FactId(name)] = text
        return found

    def _details(self, value: Value | None) -> dict[str, object]:
        """Whatever a source says: what the plan makes of it is part of what is rehearsed."""
        named = self.document.named(value) if value else {}
        return {name: self.document.text(said) for name, said in named.items()}

    def _signal(self, parts: Mapping[str, Value]) -> Signal:
        summary = self.document.text(parts["alert"])
        severity = self.document.text(parts.get("severity"), AlertSeverity.CRITICAL)
        if severity not in list(AlertSeverity):
            known = listing(AlertSeverity)
            self.document.fault(parts["severity"], f"`{severity}` is no severity.", f"Use one of: {known}.")
            severity = AlertSeverity.CRITICAL
        return Signal(
            AlertAction.TRIGGER,
            dedup_key=summary,
            summary=summary,
            severity=AlertSeverity(severity),
            source=self.document.text(parts.get("source")),
            component=self.document.text(parts.get("component")),
            group=self.document.text(parts.get("group")),
            event_class=self.document.text(parts.get("class")),
            details=self._details(parts.get("details")),
        )


def _words(node: yaml.Node) -> str:
    """A value as one line, a list with commas between."""
    if isinstance(node, yaml.SequenceNode):
        return ", ".join(_words(one) for one in node.value)
    return str(node.value)


def _quoted(node: yaml.Node) -> str:
    """A value as the file has it."""
    return f"[{_words(node)}]" if isinstance(node, yaml.SequenceNode) else _words(node)
