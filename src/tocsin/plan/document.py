"""Reading YAML with positions: every value knows its line, and every fault is collected, not raised."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from tocsin import limits
from tocsin.core.model import PersonId
from tocsin.plan.problems import PlanRefused, Problem

NESTING_LEVELS = 20
"""How deep lists and mappings may nest; a plan needs five."""

DURATION_MOST = timedelta(days=366)
"""The longest time a plan may name, so that no sum of times leaves the calendar."""

YEARS = range(1970, 2200)
"""The years in which a rota may start, for the same reason."""

NAMES_LISTED = 12
"""How many names a remedy lists before it says how many more there are."""

_NAME = re.compile(r"\w(?:[\w .@+-]{0,62}[\w+])?")
_NOT_ZONES = ("localtime", "posixrules", "Factory")  # files beside the zones; the first is the machine's own
_DURATION = re.compile(r"(\d{1,6})(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Value:
    """A node of a document: `node` as YAML gave it, `path` as people would say it."""

    node: yaml.Node
    path: str


@dataclass(slots=True)
class Document:
    """One file being read. Methods return a usable stand-in after noting a problem, so reading goes on."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def parse(self, text: str, first_line: str) -> Value:
        """The root of the file; raises PlanRefused where it is no YAML that a plan may use."""
        try:
            if len(text.encode()) > limits.PLAN_BYTES:
                raise PlanRefused([too_large(self.file)])
            self._check_shape(text)
            root = yaml.compose(text, Loader=_Loader)
        except (yaml.YAMLError, UnicodeEncodeError) as wrong:
            raise PlanRefused([self._not_yaml(wrong, text)]) from wrong
        if root is None:
            raise PlanRefused([self._at(None, "The file is empty.", f"Start with `{first_line}`.")])
        return Value(root, "")

    def _check_shape(self, text: str) -> None:
        """Refuse what would cost far more to read than it is long, before a tree is built of it."""
        level = 0
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent):
                alias = "YAML aliases (*name) are not allowed."
                raise PlanRefused([self._at(event.start_mark, alias, "Write the value out.")])
            level += isinstance(event, yaml.CollectionStartEvent)
            level -= isinstance(event, yaml.CollectionEndEvent)
            if level > NESTING_LEVELS:
                deep = f"This is nested more than {NESTING_LEVELS} levels deep."
                raise PlanRefused([self._at(event.start_mark, deep, "A plan needs no more than five.")])

    def _at(self, mark: Any, message: str, remedy: str, path: str = "") -> Problem:
        """A problem at a mark of YAML's or libyaml's, or at the start of the file when there is none."""
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Problem(self.file, line, column, path, message, remedy)

    def _not_yaml(self, wrong: yaml.YAMLError | UnicodeEncodeError, text: str) -> Problem:
        if isinstance(wrong, yaml.MarkedYAMLError):
            why, context = str(wrong.problem), wrong.context or ""
            if context.startswith("while") and wrong.context_mark:
                why = f"{why} {context} that begins in line {wrong.context_mark.line + 1}"
            elif context:
                why = f"{context} {why}"
            remedy = "Check the indentation, and put text that holds a colon into quotes."
            return self._at(wrong.problem_mark, f"This is not YAML: {why}.", remedy)
        # libyaml counts bytes and Python letters, so the place is looked up by the letter itself.
        odd = chr(wrong.character) if isinstance(wrong, yaml.reader.ReaderError) else ""
        before = text[: wrong.start if isinstance(wrong, UnicodeEncodeError) else text.find(odd)]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message, remedy = "This character can not stand in YAML.", "Take it out."
        return Problem(self.file, line, column, "", message, remedy)

    def fault(self, value: Value, message: str, remedy: str, at: int = 0) -> None:
        """Note a problem at a value, or at the letter `at` of its text."""
        problem = self._at(value.node.start_mark, message, remedy, value.path)
        self.problems.append(replace(problem, column=problem.column + _letters_before(value.node, at)))

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
                words = ", ".join(known)
                self.fault(Value(key, entry.path), f"`{name}` means nothing here.", f"Use one of: {words}.")
            else:
                found[name] = entry
        return found

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

    def truth(self, value: Value | None, default: bool) -> bool:
        """true or false."""
        if value is None:
            return default
        text = self.text(value)
        if text not in ("true", "false"):
            self.fault(value, "true or false is expected here.", "Write true or false.")
        return text == "true"

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

    def required(self, parent: Value, entries: Mapping[str, Value], name: str) -> Value | None:
        """The entry of that name; its absence is a problem of the parent, unless that is no mapping."""
        if name not in entries and isinstance(parent.node, yaml.MappingNode):
            self.fault(parent, f"`{name}` is missing.", f"Add `{name}: ...` here.")
        return entries.get(name)


def too_large(file: str) -> Problem:
    """What is said of a file that is longer than a plan may be."""
    message = f"The file is larger than {limits.PLAN_BYTES // 1024} KiB."
    return Problem(file, 1, 1, "", message, "Move prose into Markdown files.")


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


def duration_of(text: str) -> timedelta | None:
    """The length of time that 90s, 5m, 2h, 1d or 1w names; None when it is none."""
    match = _DURATION.fullmatch(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def is_zone(name: str) -> bool:
    """Whether it is an IANA time zone that means the same on every machine."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return name not in _NOT_ZONES and not name.startswith(("posix/", "right/"))


class _Loader(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]  # one of two
    """Composing only; values are never constructed, so YAML's own typing traps do not exist here."""
