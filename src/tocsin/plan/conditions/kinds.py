"""The kinds of what a condition says: what can be compared with what, and what to say where it can not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from tocsin.core.facts import UNORDERED, Fact, FactKind
from tocsin.core.model import FactId
from tocsin.plan.conditions.tokens import Token, Wrong
from tocsin.plan.conditions.tree import (
    Arithmetic,
    Comparison,
    Literal,
    Named,
    Node,
    Usual,
    kind_of,
    written,
)
from tocsin.plan.document import listing

NEAR = 0.7
"""How much alike two words are of which one may be a slip for the other."""

_MEASURED = (FactKind.NUMBER, FactKind.PERCENT, FactKind.DURATION)
_DONE = {"+": "added", "-": "subtracted", "*": "multiplied", "/": "divided"}
_A = {
    FactKind.NUMBER: "a number",
    FactKind.PERCENT: "a percentage",
    FactKind.DURATION: "a length of time",
    FactKind.YES_OR_NO: "yes or no",
    FactKind.TEXT: "text",
    FactKind.CHOICE: "a choice",
}


@dataclass(frozen=True)
class Word:
    """A word that is no fact: it may turn out to be a choice of the fact beside it."""

    text: str
    quoted: bool = False


@dataclass(frozen=True)
class Part:
    """What has been read, where it begins, and how deep it nests."""

    node: Node | Word
    at: int
    depth: int = 0


@dataclass(frozen=True)
class Kinds:
    """Gives each part of a condition its kind; raises Wrong where there is none that fits."""

    facts: Mapping[FactId, Fact]

    def value(self, part: Part) -> Node:
        """What has a value: a word that is no fact has none."""
        if isinstance(part.node, Word):
            raise self.no_fact(part.node, part.at)
        return part.node

    def truth(self, part: Part) -> Node:
        """What holds or fails."""
        node = self.value(part)
        kind = kind_of(node)
        if kind is FactKind.YES_OR_NO:
            return node
        remedy = "Compare it with a value."
        if isinstance(node, Named) and node.fact.values:
            remedy = f"Compare it, as in `{node.fact.id} == {node.fact.values[-1]}`."
        raise Wrong(part.at, f"`{written(node)}` is {_A[kind]}, so it neither holds nor fails.", remedy)

    def measured(self, part: Part, done: str) -> Node:
        """What can be calculated with; `done` says what was to be done with it."""
        node = self.value(part)
        if kind_of(node) not in _MEASURED:
            message = f"`{written(node)}` is {_A[kind_of(node)]} and can not be {done}."
            raise Wrong(part.at, message, "Calculate with numbers, percentages and lengths of time.")
        return node

    def calculated(self, left: Part, sign: Token, right: Part) -> Node:
        """Two values that are added, subtracted, multiplied or divided."""
        one, other = self.measured(left, _DONE[sign.text]), self.measured(right, _DONE[sign.text])
        kinds = kind_of(one), kind_of(other)
        kind = _kind_of_result(sign.text, *kinds)
        if kind is None:
            message = f"`{written(one)}` is {_A[kinds[0]]} and `{written(other)}` {_A[kinds[1]]}"
            remedy = "Only like and like can be added or divided, and anything be multiplied by a number."
            raise Wrong(sign.at, f"{message}: they can not be {_DONE[sign.text]}.", remedy)
        return Arithmetic(sign.text, one, other, kind)

    def compared(self, left: Part, sign: Token, right: Part) -> Node:
        """Two values of one kind, side by side."""
        left, right = self._beside(left, right), self._beside(right, left)
        one, other = self.value(left), self.value(right)
        kinds = kind_of(one), kind_of(other)
        plain = isinstance(one, Literal) or isinstance(other, Literal)
        if kinds[0] is not kinds[1] or not (plain or _choices(one) == _choices(other)):
            raise _unlike(one, other, right.at)
        if sign.text in ("==", "!=") or kinds[0] in _MEASURED:
            return Comparison(sign.text, one, other)
        named = one if isinstance(one, Named) else other
        if kinds[0] is not FactKind.CHOICE or (isinstance(named, Named) and named.fact.id in UNORDERED):
            message = f"`{written(named)}` has no order, so `{sign.text}` means nothing here."
            raise Wrong(sign.at, message, f"Compare with `==`, or write `{written(named)} in [...]`.")
        return Comparison(sign.text, one, other, _choices(one) or _choices(other))

    def _beside(self, part: Part, other: Part) -> Part:
        """A bare word or quoted text beside a choice or a text is a value of that kind."""
        beside = other.node.fact if isinstance(other.node, Named | Usual) else None
        if beside is None or beside.kind not in (FactKind.CHOICE, FactKind.TEXT):
            return part
        text = _bare(part.node)
        if text is None or (isinstance(part.node, Named) and text not in beside.values):
            return part
        if beside.kind is FactKind.CHOICE and text not in beside.values:
            raise _no_choice(text, beside, part.at)
        return Part(Literal(text, beside.kind, text), part.at)

    def no_fact(self, word: Word, at: int) -> Wrong:
        """What to say of a word that is no fact."""
        if word.quoted:
            remedy = "Compare it with a fact that is text or a choice."
            return Wrong(at, f"Nothing is compared with the text `{word.text}`.", remedy)
        near = get_close_matches(word.text, self.facts, 1, NEAR)
        apart = [FactId(part) for part in word.text.split("-")]
        if len(apart) > 1 and all(part in self.facts for part in apart):
            remedy = f"Write spaces around the minus: `{' - '.join(apart)}`."
        elif near:
            remedy = f"Did you mean `{near[0]}`?"
        else:
            remedy = f"Facts are: {listing(self.facts)}."
        return Wrong(at, f"There is no fact `{word.text}`.", remedy)


def _kind_of_result(sign: str, left: FactKind, right: FactKind) -> FactKind | None:
    if sign == "*" and FactKind.NUMBER in (left, right):
        return right if left is FactKind.NUMBER else left
    if sign == "/" and right is FactKind.NUMBER:
        return left
    if left is right and sign != "*":
        return FactKind.NUMBER if sign == "/" else left
    return None


def _choices(node: Node) -> tuple[str, ...]:
    return node.fact.values if isinstance(node, Named | Usual) else ()


def _bare(node: Node | Word) -> str | None:
    """What is written here, where that may be the name of a choice."""
    match node:
        case Word(text) | Literal(text=text, kind=FactKind.NUMBER | FactKind.YES_OR_NO):
            return text
        case Named(fact):
            return fact.id
    return None


def _no_choice(text: str, fact: Fact, at: int) -> Wrong:
    near = get_close_matches(text, fact.values, 1, NEAR)
    remedy = f"Did you mean `{near[0]}`?" if near else f"Choices are: {listing(fact.values)}."
    return Wrong(at, f"`{text}` is none of the choices of `{fact.id}`.", remedy)


def _unlike(one: Node, other: Node, at: int) -> Wrong:
    """Two values that can not be compared, said of the one that is no plain value."""
    if isinstance(one, Literal):
        one, other = other, one
    what = f"`{written(other)}`" if isinstance(other, Named | Usual) else written(other)
    message = f"`{written(one)}` is {_A[kind_of(one)]} and can not be compared with {what}."
    if isinstance(other, Literal) and kind_of(one) in _EXAMPLES and kind_of(other) is FactKind.NUMBER:
        return Wrong(at, message, f"Write `{other.text}{_EXAMPLES[kind_of(one)]}`.")
    return Wrong(at, message, f"Compare it with {_LIKE[kind_of(one)]}.")


_EXAMPLES = {FactKind.PERCENT: "%", FactKind.DURATION: "m"}
_LIKE = {
    FactKind.NUMBER: "a number, such as 100",
    FactKind.PERCENT: "a percentage, such as 20%",
    FactKind.DURATION: "a length of time, such as 15m",
    FactKind.YES_OR_NO: "yes or no, or let it stand alone",
    FactKind.TEXT: "text",
    FactKind.CHOICE: "one of its choices",
}
