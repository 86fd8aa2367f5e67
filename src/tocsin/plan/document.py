"""Reading YAML with positions: every value knows its line, and every fault is collected, not raised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from tocsin import limits
from tocsin.plan.problems import PlanRefused, Problem

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

    def parse(self, text: str) -> Value:
        """The root of the file; raises PlanRefused where it is no YAML that a plan may use."""
        try:
            if len(text.encode()) > limits.PLAN_BYTES:
                size = f"The file is larger than {limits.PLAN_BYTES // 1024} KiB."
                raise PlanRefused([Problem(self.file, 1, 1, "", size, "Move prose into Markdown files.")])
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_Loader)):
                alias = "YAML aliases (*name) are not allowed."
                raise PlanRefused([Problem(self.file, 1, 1, "", alias, "Write the value out.")])
            root = yaml.compose(text, Loader=_Loader)
        except (yaml.YAMLError, UnicodeEncodeError) as wrong:
            raise PlanRefused([self._not_yaml(wrong)]) from wrong
        if root is None:
            raise PlanRefused(
                [Problem(self.file, 1, 1, "", "The file is empty.", "Start with `plan: NAME`.")]
            )
        return Value(root, "")

    def _not_yaml(self, wrong: Exception) -> Problem:
        mark = getattr(wrong, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        why = getattr(wrong, "problem", None) or str(wrong).splitlines()[0]
        return Problem(
            self.file, line, column, "", f"This is not YAML: {why}.", "Check the indentation here."
        )

    def fault(self, value: Value, message: str, remedy: str) -> None:
        """Note a problem at a value."""
        mark = value.node.start_mark
        self.problems.append(Problem(self.file, mark.line + 1, mark.column + 1, value.path, message, remedy))

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
        return str(value.node.value)

    def duration(self, value: Value | None) -> timedelta | None:
        """A length of time such as 90s, 5m, 2h, 1d, 1w; None when it is not given."""
        if value is None:
            return None
        match = _DURATION.fullmatch(self.text(value))
        if match is None:
            self.fault(value, "A length of time is expected here.", "Write it like 90s, 5m, 2h, 1d or 1w.")
            return timedelta(0)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})

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
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            assert value is not None
            self.fault(value, f"There is no time zone `{name}`.", "Use an IANA name such as Europe/London.")
            return default
        return name

    def wall_clock(self, value: Value) -> datetime:
        """A local date and time, as 2026-01-05 09:00, without an offset."""
        text = self.text(value)
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            at = None
        if at is None or at.tzinfo is not None:
            self.fault(value, "A local date and time is expected here.", "Write it like 2026-01-05 09:00.")
            return datetime(2026, 1, 5, 9)  # noqa: DTZ001  # wall-clock time in the rota's own zone
        return at

    def required(self, parent: Value, entries: Mapping[str, Value], name: str) -> Value | None:
        """The entry of that name; its absence is a problem of the parent."""
        if name not in entries:
            self.fault(parent, f"`{name}` is missing.", f"Add `{name}: ...` here.")
        return entries.get(name)


class _Loader(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]  # one of two
    """Composing only; values are never constructed, so YAML's own typing traps do not exist here."""
