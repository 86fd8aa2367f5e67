"""A condition as a tree: how it is written, what it looks at, and the function that judges it."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tocsin.core.facts import Fact, FactKind, FactValue
from tocsin.core.model import FactId
from tocsin.plan.conditions.tokens import KEYWORDS

Plain = bool | float | str
"""A value while it is judged: a length of time is its seconds."""

Meaning = Callable[[Mapping[FactId, FactValue]], Plain | None]
"""What a tree gives for the facts; None while a fact that decides it is not known."""


@dataclass(frozen=True)
class Literal:
    """A value as written. `text` is its spelling, with its unit."""

    value: Plain
    kind: FactKind
    text: str


@dataclass(frozen=True)
class Named:
    """A fact's value."""

    fact: Fact


@dataclass(frozen=True)
class Usual:
    """What a fact usually is."""

    fact: Fact


@dataclass(frozen=True)
class Negative:
    """A number below zero."""

    of: Node


@dataclass(frozen=True)
class Arithmetic:
    """Two numbers joined by `sign`, giving one of `kind`."""

    sign: str
    left: Node
    right: Node
    kind: FactKind


@dataclass(frozen=True)
class Comparison:
    """Two values of a kind compared by `sign`. `order` is that of the choices, where they are choices."""

    sign: str
    left: Node
    right: Node
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Member:
    """Whether a value is one of several."""

    of: Node
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Not:
    """The contrary."""

    of: Node


@dataclass(frozen=True)
class Joined:
    """All parts (`and`), or any of them (`or`)."""

    word: str
    parts: tuple[Node, ...]


Node = Literal | Named | Usual | Negative | Arithmetic | Comparison | Member | Not | Joined

_FUNCTIONS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_PLAIN_WORD = re.compile(r"[^\W\d]\w*(?:-\w+)*|\d{1,12}")


def kind_of(node: Node) -> FactKind:
    """What kind of value a tree gives."""
    match node:
        case Named(fact) | Usual(fact):
            return fact.kind
        case Literal(kind=kind) | Arithmetic(kind=kind):
            return kind
        case Negative(of):
            return kind_of(of)
        case _:
            return FactKind.YES_OR_NO


def facts_in(node: Node) -> Iterator[Fact]:
    """Every fact that a tree looks at, in the order of its text."""
    match node:
        case Named(fact):
            yield fact
        case Negative(of) | Not(of) | Member(of):
            yield from facts_in(of)
        case Arithmetic(left=left, right=right) | Comparison(left=left, right=right):
            yield from facts_in(left)
            yield from facts_in(right)
        case Joined(parts=parts):
            for part in parts:
                yield from facts_in(part)


def parts(node: Node) -> Iterator[Node]:
    """What decides a tree: each comparison with one fact, and the facts themselves where one has several."""
    match node:
        case Not(of):
            yield from parts(of)
        case Joined(parts=joined):
            for part in joined:
                yield from parts(part)
        case _:
            looked_at = {fact.id: fact for fact in facts_in(node)}
            yield from [node] if len(looked_at) == 1 else map(Named, looked_at.values())


def written(node: Node, inside: int = 0) -> str:
    """The tree as text: one way to write it, with no more parentheses than it needs."""
    text, binds = _written(node)
    return f"({text})" if binds < inside else text


_OR, _AND, _NOT, _COMPARED, _SUM, _PRODUCT, _FACTOR = range(1, 8)


def _written(node: Node) -> tuple[str, int]:
    """The text, and how strongly its outermost part binds."""
    match node:
        case Literal(text=text, kind=kind):
            return (_quoted(text) if kind in (FactKind.CHOICE, FactKind.TEXT) else text), _FACTOR
        case Named(fact):
            return fact.id, _FACTOR
        case Usual(fact):
            return f"usual({fact.id})", _FACTOR
        case Negative(of):
            return f"-{written(of, _FACTOR)}", _FACTOR
        case Arithmetic(sign, left, right):
            binds = _SUM if sign in "+-" else _PRODUCT
            return f"{written(left, binds)} {sign} {written(right, binds + 1)}", binds
        case Comparison(sign, left, right):
            return f"{written(left, _SUM)} {sign} {written(right, _SUM)}", _COMPARED
        case Member():
            return _member(node, "in"), _COMPARED
        case Not(Member() as member):
            return _member(member, "not in"), _COMPARED
        case Not(of):
            return f"not {written(of, _NOT)}", _NOT
        case Joined(word, parts):
            binds = _AND if word == "and" else _OR
            return f" {word} ".join(written(part, binds + 1) for part in parts), binds


def _member(node: Member, word: str) -> str:
    return f"{written(node.of, _SUM)} {word} [{', '.join(written(value) for value in node.values)}]"


def _quoted(text: str) -> str:
    if _PLAIN_WORD.fullmatch(text) and text not in KEYWORDS:
        return text
    return f'"{text}"' if "'" in text else f"'{text}'"


def meaning(node: Node) -> Meaning:
    """The function that judges a tree. It never raises, and its cost is bounded by the tree's size."""
    match node:
        case Literal(value):
            return lambda facts: value
        case Named(fact):
            return _named(fact)
        case Usual(fact):
            usual = _plain(fact.usual)
            return lambda facts: usual
        case Negative(of):
            return _arithmetic("-", lambda facts: 0.0, meaning(of))
        case Arithmetic(sign, left, right):
            return _arithmetic(sign, meaning(left), meaning(right))
        case Comparison(sign, left, right, order):
            return _comparison(sign, meaning(left), meaning(right), order)
        case Member(of, values):
            return _member_of(meaning(of), frozenset(value.value for value in values))
        case Not(of):
            inner = meaning(of)
            return lambda facts: None if (held := inner(facts)) is None else not held
        case Joined(word, parts):
            return _joined([meaning(part) for part in parts], decides=word == "or")


def _plain(value: FactValue | None) -> Plain | None:
    return value.total_seconds() if isinstance(value, timedelta) else value


def _named(fact: Fact) -> Meaning:
    id = fact.id
    if fact.kind is FactKind.DURATION:
        return lambda facts: _plain(facts.get(id))
    return lambda facts: facts.get(id)  # type: ignore[return-value]  # only a duration is a timedelta


def _arithmetic(sign: str, left: Meaning, right: Meaning) -> Meaning:
    function = _FUNCTIONS[sign]

    def result(facts: Mapping[FactId, FactValue]) -> Plain | None:
        one, other = left(facts), right(facts)
        if one is None or other is None or (sign == "/" and other == 0):
            return None
        assert not isinstance(one, str), "words are not calculated with"
        assert not isinstance(other, str), "words are not calculated with"
        found = function(one, other)
        return found if math.isfinite(found) else None

    return result


def _comparison(sign: str, left: Meaning, right: Meaning, order: tuple[str, ...]) -> Meaning:
    compare = _COMPARISONS[sign]
    ranks = {choice: rank for rank, choice in enumerate(order)}

    def result(facts: Mapping[FactId, FactValue]) -> Plain | None:
        one, other = left(facts), right(facts)
        if one is None or other is None:
            return None
        if ranks:
            return compare(ranks[str(one)], ranks[str(other)])
        return compare(one, other)

    return result


def _member_of(of: Meaning, values: frozenset[Plain]) -> Meaning:
    def result(facts: Mapping[FactId, FactValue]) -> Plain | None:
        value = of(facts)
        return None if value is None else value in values

    return result


def _joined(parts: list[Meaning], *, decides: bool) -> Meaning:
    """One part that is `decides` settles it; without one it is open while any part is."""

    def result(facts: Mapping[FactId, FactValue]) -> Plain | None:
        unknown = False
        for part in parts:
            held = part(facts)
            if held is decides:
                return decides
            unknown = unknown or held is None
        return None if unknown else not decides

    return result
