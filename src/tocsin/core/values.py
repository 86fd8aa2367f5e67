"""The values of facts, as people say them and as alerts bring them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from tocsin import limits
from tocsin.core.facts import Fact, FactKind, FactValue
from tocsin.core.model import FactId, Refused

_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_PERCENT = re.compile(rf"({_NUMBER.pattern})\s?%")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:\d{1,7}(?:\.\d{1,6})?(?:ms|s|m|h|d|w)\s?)+")
_LENGTH = re.compile(r"([\d.]+)(ms|s|m|h|d|w)")
_DECIMALS = 6
_TRUTHS = {"yes": True, "true": True, "no": False, "false": False}


def value_of(fact: Fact, given: object) -> FactValue | None:
    """The value that somebody gave, as text or as JSON has it; None when it does not fit the fact."""
    if isinstance(given, bool):
        given = "yes" if given else "no"
    if isinstance(given, int | float):
        given = _plain(given) if abs(given) < limits.FACT_MOST else ""
    return _value(fact, given.strip()) if isinstance(given, str) else None


def misfit(fact: Fact, given: str) -> Refused:
    """What is said to a person whose value does not fit."""
    return Refused(f"“{given.strip()[: limits.REASON_CHARACTERS]}” does not fit {fact.id}. {wanted(fact)}")


def wanted(fact: Fact) -> str:
    """How to say a value of this fact."""
    return _WANTED[fact.kind].format(", ".join(fact.values))


def found_in(details: Mapping[str, object], declared: Mapping[FactId, Fact]) -> dict[FactId, FactValue]:
    """The facts that an alert's details state. What does not fit stays in the details, for people to see."""
    return dict(_found(details, declared))


def unfit_in(details: Mapping[str, object], declared: Mapping[FactId, Fact]) -> Iterator[str]:
    """A sentence for each of an alert's details that states no fact, and what would."""
    for name, given in details.items():
        fact = declared.get(FactId(name))
        if fact is None:
            known = ", ".join(id for id, one in declared.items() if not one.derived) or "none"
            yield f"There is no fact {name}. Facts are: {known}."
        elif fact.derived:
            yield f"{name} is worked out from other facts; say those."
        elif value_of(fact, given) is None:
            yield misfit(fact, str(given)).reason


def _found(
    details: Mapping[str, object], declared: Mapping[FactId, Fact]
) -> Iterator[tuple[FactId, FactValue]]:
    for fact in declared.values():
        if fact.id in details and not fact.derived:
            value = value_of(fact, details[fact.id])
            if value is not None:
                yield fact.id, value


def in_words(value: FactValue, kind: FactKind | None = None) -> str:
    """A value as people write it; `value_of` reads it again."""
    if isinstance(value, timedelta):
        return _length(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _plain(value) + ("%" if kind is FactKind.PERCENT else "")
    return value


_WANTED = {
    FactKind.NUMBER: "Say a number, such as 250.",
    FactKind.PERCENT: "Say a percentage with its sign, such as 25%.",
    FactKind.DURATION: "Say a length of time with its unit, such as 10s or 1h 30m.",
    FactKind.YES_OR_NO: "Say yes or no.",
    FactKind.TEXT: f"Say it in 1 to {limits.FIELD_CHARACTERS} characters.",
    FactKind.CHOICE: "Say one of {}.",
}


def _value(fact: Fact, text: str) -> FactValue | None:
    match fact.kind:
        case FactKind.NUMBER:
            return _number(text) if _NUMBER.fullmatch(text) else None
        case FactKind.PERCENT:
            match = _PERCENT.fullmatch(text)
            return _number(match[1]) if match else None
        case FactKind.DURATION:
            return _duration(text)
        case FactKind.YES_OR_NO:
            return _TRUTHS.get(text.lower())
        case FactKind.TEXT:
            return text if 0 < len(text) <= limits.FIELD_CHARACTERS else None
        case FactKind.CHOICE:
            alike = [choice for choice in fact.values if choice.lower() == text.lower()]
            return text if text in fact.values else alike[0] if len(alike) == 1 else None


def _number(text: str) -> float:
    return round(float(text), _DECIMALS) + 0.0  # so that nothing below zero is nothing


def _plain(number: float) -> str:
    text = f"{number:.{_DECIMALS}f}"
    return text.rstrip("0").rstrip(".") or "0"


def _duration(text: str) -> timedelta | None:
    if not _DURATION.fullmatch(text):
        return None
    seconds = [float(number) * _UNITS[unit] for number, unit in _LENGTH.findall(text)]
    if sum(seconds) >= limits.FACT_MOST:
        return None
    # Part by part: days and microseconds in one float would lose the latter.
    return sum((timedelta(seconds=part) for part in seconds), timedelta(0))


def _length(value: timedelta) -> str:
    """As 1h 30m, 10.1s or 400ms: the largest units first, none of them zero."""
    left = value // timedelta(microseconds=1)
    if 0 < left < 1_000_000:
        return f"{_plain(left / 1_000)}ms"
    parts = []
    for unit, length in (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count}{unit}")
    if left or not parts:
        parts.append(f"{_plain(left / 1_000_000)}s")
    return " ".join(parts)
