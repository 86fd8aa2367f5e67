"""Reading YAML with positions: every value knows its line, and every fault is collected, not raised."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from tocsin.core.lengths import duration_of
from tocsin.core.model import PersonId
from tocsin.plan.parse import parse, problem_at
from tocsin.plan.problems import Problem
from tocsin.plan.shape import NAME, Table

DURATION_MOST = timedelta(days=366)
"""The longest time a plan may name, so that no sum of times leaves the calendar."""

YEARS = range(1970, 2200)
"""The years in which a rota may start, for the same reason."""

NAMES_LISTED = 12
"""How many names a remedy lists before it says how many more there are."""

PROBLEMS_LOOKED_INTO = 100
"""How many problems are told with the word that was probably meant."""

_NAME = re.compile(NAME.strip("^$"))
_NOT_ZONES = ("localtime", "posixrules", "Factory")  # files beside the zones; the first is the machine's own
_PERCENT = re.compile(r"(\d{1,3})%")


@dataclass(frozen=True)
class Value:
    """A node of a document: `node` as YAML gave it, `path` as people would say it."""

    node: yaml.Node
    path: str


@dataclass(slots=True)
class Document:
    """One file being read. Methods return a usable stand-in after noting a problem, so reading goes on."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    root: Value = Value(yaml.ScalarNode("", ""), "")

    def parse(self, text: str, first_line: str) -> Value:
        """The root of the file; raises PlanRefused where it is no YAML that a plan may use."""
        self.root = Value(parse(self.file, text, first_line), "")
        return self.root

    def fault(self, value: Value, message: str, remedy: str, at: int = 0) -> None:
        """Note a problem at a value, or at the letter `at` of its text."""
        problem = problem_at(self.file, value.node.start_mark, message, remedy, value.path)
        self.problems.append(replace(problem, column=problem.column + _letters_before(value.node, at)))

    def warn(self, value: Value, message: str, remedy: str) -> None:
        """Note at a value what works, and may not be what is meant."""
        mark = value.node.start_mark
        self.problems.append(problem_at(self.file, mark, message, remedy, value.path, warning=True))

    def mapping(self, value: Value, known: tuple[str, ...] = ()) -> dict[str, Value]:
        """The entries of a mapping; with `known`, other keys are a problem."""
        if not isinstance(value.node, yaml.MappingNode):
            self.fault(value, "A mapping is expected here.", "Write `name: value` lines.")
            return {}
        found: dict[str, Value] = {}
        for key, node in value.node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            entry = Value(node, f"{value.path}.{name}" if value.path else name)
            if name in found:
                self.fault(Value(key, entry.path), f"`{name}` stands here twice.", "Keep one of them.")
            elif known and name not in known:
                self.fault(
                    Value(key, entry.path), f"`{name}` means nothing here.", self._instead(name, known)
                )
            else:
                found[name] = entry
        return found

    def _instead(self, name: str, known: tuple[str, ...]) -> str:
        """What may have been meant. Nobody reads so many problems that looking each up would be worth it."""
        near = get_close_matches(name, known, 1, 0.75) if len(self.problems) < PROBLEMS_LOOKED_INTO else []
        return f"Did you mean `{near[0]}`?" if near else f"Use one of: {', '.join(known)}."

    def table(self, value: Value, table: Table) -> dict[str, Value]:
        """The entries of a mapping with the keys of a definition; the required ones must be there."""
        entries = self.mapping(value, table.known)
        for name, key in table.keys.items():
            if key.required:
                self.required(value, entries, name)
        return entries

    def named(self, value: Value | None) -> dict[str, Value]:
        """The entries of a mapping whose keys are names that people chose."""
        if value is None:
            return {}
        entries = self.mapping(value)
        for name, entry in entries.items():
            if not is_name(name):
                remedy = "Use up to 64 letters, digits, spaces and . - _ @ +."
                self.fault(entry, f"`{name[:80]}` can not be used as a name.", remedy)
        return entries

    def peek(self, value: Value | None) -> dict[str, Value]:
        """The entries of a mapping as far as there are any; nothing is noted."""
        if value is None or not isinstance(value.node, yaml.MappingNode):
            return {}
        entries = ((key.value, node) for key, node in value.node.value if isinstance(key, yaml.ScalarNode))
        path = f"{value.path}." if value.path else ""
        return {name: Value(node, path + name) for name, node in entries}

    def place(self, *keys: str | int) -> Value:
        """Where a part of the document stands: its keys, and the numbers of list entries from 1."""
        value = self.root
        for key in keys:
            if isinstance(key, int):
                found = list(self.items(value))[key - 1 : key]
            else:
                found = [entry for entry in (self.peek(value).get(key),) if entry]
            if not found:
                break
            value = found[0]
        return value

    def items(self, value: Value) -> Iterator[Value]:
        """The entries of a list; a single value counts as a list of one."""
        if isinstance(value.node, yaml.SequenceNode):
            for number, node in enumerate(value.node.value, 1):
                yield Value(node, f"{value.path}[{number}]")
        else:
            yield value

    def text(self, value: Value | None, default: str = "") -> str:
        """A line of text."""
        if value is None:
            return default
        if not isinstance(value.node, yaml.ScalarNode) or not value.node.value.strip():
            self.fault(value, "Text is expected here.", "Write a word or a line.")
            return default
        if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in value.node.value):
            self.fault(value, "This must be a single line.", "Take out line breaks and control characters.")
            return default
        return str(value.node.value)

    def texts(self, value: Value | None) -> tuple[str, ...]:
        """A list of lines; a single line counts as a list of one."""
        return tuple(self.text(one) for one in self.items(value)) if value else ()

    def named_texts(self, value: Value | None) -> dict[str, tuple[str, ...]]:
        """Names, each with one line or a list of them."""
        return {name: self.texts(entry) for name, entry in self.named(value).items()}

    def named_text(self, value: Value | None) -> dict[str, str]:
        """Names, each with one line."""
        return {name: self.text(entry) for name, entry in self.named(value).items()}

    def choice(self, value: Value | None, values: Iterable[str], default: str, what: str) -> str:
        """One of a few words; `what` is what they are, for the sentence."""
        text = self.text(value, default)
        if text in (known := tuple(values)):
            return text
        if value is not None and text:
            self.fault(value, f"`{text}` is no {what}.", f"Use one of: {', '.join(known)}.")
        return default

    def reference(self, value: Value | None, known: Collection[str], what: str) -> str:
        """The name of something that the plan must have."""
        text = self.text(value)
        if value is not None and text and text not in known:
            self.no_such(value, text, known, what)
        return text

    def no_such(self, value: Value, name: str, known: Collection[str], what: str) -> None:
        """Note that the plan has nothing of that name."""
        remedy = f"{what.capitalize()}s are: {listing(known)}."
        self.fault(value, f"There is no {what} `{name}`.", remedy)

    def references(self, value: Value | None, known: Collection[str], what: str) -> tuple[str, ...]:
        """One name or a list of names of things that the plan must have."""
        return tuple(self.reference(one, known, what) for one in self.items(value)) if value else ()

    def person(self, value: Value, text: str) -> PersonId:
        """The id of a person. Whether there is such a person is for `missing_people` to say."""
        if text and not is_name(text):
            message = f"`{text}` can not be the id of a person."
            self.fault(value, message, 'Write an id from people.yaml, or "on call: ROTA".')
        return PersonId(text)

    def duration(self, value: Value | None, *, least: str = "0s") -> timedelta | None:
        """A length of time such as 90s, 5m, 2h, 1d, 1w; None when it is not given, or not right."""
        if value is None:
            return None
        length = duration_of(self.text(value, "none"))
        if length is None:
            self.fault(value, "A length of time is expected here.", "Write it like 90s, 5m, 2h, 1d or 1w.")
        elif length > DURATION_MOST:
            days = f"{DURATION_MOST.days}d"
            self.fault(value, f"`{value.node.value}` is longer than a year.", f"Write {days} or less.")
        elif length < (duration_of(least) or timedelta(0)):
            self.fault(value, f"`{value.node.value}` is too short here.", f"Write {least} or more.")
        else:
            return length
        return None

    def durations(self, value: Value | None) -> tuple[timedelta, ...]:
        """Different lengths of time, the longest first; a single one counts as a list of one."""
        found = (self.duration(one, least="1s") for one in self.items(value)) if value else ()
        return tuple(sorted({one for one in found if one is not None}, reverse=True))

    def truth(self, value: Value | None, default: bool) -> bool:
        """true or false."""
        if value is None:
            return default
        text = self.text(value)
        if text not in ("true", "false"):
            self.fault(value, "true or false is expected here.", "Write true or false.")
        return text == "true"

    def percent(self, value: Value | None, default: int) -> int:
        """A whole percentage above nothing, as 50%."""
        if value is None:
            return default
        match = _PERCENT.fullmatch(self.text(value, "none"))
        if match is None or int(match[1]) == 0:
            self.fault(value, "A percentage is expected here.", "Write it like 50%.")
            return default
        return int(match[1])

    def zone(self, value: Value | None, default: str) -> str:
        """An IANA time zone."""
        name = self.text(value, default)
        if is_zone(name):
            return name
        assert value is not None
        self.fault(value, f"There is no time zone `{name}`.", "Use an IANA name such as Europe/London.")
        return default

    def wall_clock(self, value: Value) -> datetime:
        """A local date and time, as 2026-01-05 09:00, without an offset."""
        text = self.text(value)
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            at = None
        if at is None or at.tzinfo is not None or at.year not in YEARS:
            self.fault(value, "A local date and time is expected here.", "Write it like 2026-01-05 09:00.")
            return datetime(2026, 1, 5, 9)  # noqa: DTZ001  # wall-clock time in the rota's own zone
        return at

    def date(self, value: Value | None) -> date | None:
        """A date, as 2026-01-05."""
        if value is None:
            return None
        text = self.text(value)
        try:
            found = date.fromisoformat(text) if len(text) == len("2026-01-05") else None
        except ValueError:
            found = None
        if found is None or found.year not in YEARS:
            self.fault(value, "A date is expected here.", "Write it like 2026-01-05.")
            return None
        return found

    def required(self, parent: Value, entries: Mapping[str, Value], name: str) -> Value | None:
        """The entry of that name; its absence is a problem of the parent, unless that is no mapping."""
        if name in entries or not isinstance(parent.node, yaml.MappingNode):
            return entries.get(name)
        # What is misspelled was complained of by the name that it has.
        odd = [
            str(key.value)
            for key, _ in parent.node.value
            if isinstance(key, yaml.ScalarNode) and key.value not in entries
        ]
        if len(self.problems) >= PROBLEMS_LOOKED_INTO or not get_close_matches(name, odd, 1, 0.75):
            self.fault(parent, f"`{name}` is missing.", f"Add `{name}: ...` here.")
        return None


def is_name(text: str) -> bool:
    """Whether people may call a level, rota, service, integration, person or channel so."""
    return _NAME.fullmatch(text) is not None


def listing(names: Iterable[str]) -> str:
    """The names as a remedy lists them."""
    known = list(names)
    more = f" and {len(known) - NAMES_LISTED} more" if len(known) > NAMES_LISTED else ""
    return ", ".join(known[:NAMES_LISTED]) + more or "none yet"


def _letters_before(node: yaml.Node, at: int) -> int:
    """How far into its line the letter `at` of a text stands; 0 where escapes or line breaks hide it."""
    begins, ends = node.start_mark, node.end_mark
    if not at or not isinstance(node, yaml.ScalarNode) or begins.line != ends.line:
        return 0
    quotes = ends.column - begins.column - len(node.value)
    return at + quotes // 2 if quotes in (0, 2) else 0


def is_zone(name: str) -> bool:
    """Whether it is an IANA time zone that means the same on every machine."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return name not in _NOT_ZONES and not name.startswith(("posix/", "right/"))
