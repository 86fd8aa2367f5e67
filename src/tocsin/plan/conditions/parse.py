"""A condition's text to its tree. Every name is looked up and every kind checked on the way.

either     = all ("or" all)*
all        = negation ("and" negation)*
negation   = "not" negation | comparison
comparison = sum [("==" | "!=" | "<" | "<=" | ">" | ">=") sum | ["not"] "in" "[" value ("," value)* "]"]
sum        = product (("+" | "-") product)*
product    = factor (("*" | "/") factor)*
factor     = "-" factor | "(" either ")" | "usual" "(" fact ")" | number | word | quoted
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from tocsin.core.facts import UNORDERED, Fact, FactKind
from tocsin.core.model import FactId
from tocsin.plan.conditions.tokens import KEYWORDS, Cut, Token, Wrong, no_unit, number, tokens
from tocsin.plan.conditions.tree import (
    Arithmetic,
    Comparison,
    Joined,
    Literal,
    Member,
    Named,
    Negative,
    Node,
    Not,
    Usual,
    kind_of,
    written,
)
from tocsin.plan.document import listing

DEPTH = 20
"""How deep a condition may nest; each operation counts, but for the parts of one `and` or `or`."""

NEAR = 0.7
"""How much alike two words are of which one may be a slip for the other."""

_MEASURED = (FactKind.NUMBER, FactKind.PERCENT, FactKind.DURATION)
_TRUTHS = {"yes": True, "true": True, "no": False, "false": False}
_DONE = {"+": "added", "-": "subtracted", "*": "multiplied", "/": "divided"}
_A = {
    FactKind.NUMBER: "a number",
    FactKind.PERCENT: "a percentage",
    FactKind.DURATION: "a length of time",
    FactKind.YES_OR_NO: "yes or no",
    FactKind.TEXT: "text",
    FactKind.CHOICE: "a choice",
}


@dataclass(frozen=True, slots=True)
class _Word:
    """A word that is no fact: it may turn out to be a choice of the fact beside it."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """What has been read, where it begins, and how deep it nests."""

    node: Node | _Word
    at: int
    depth: int = 0


def parse(text: str, facts: Mapping[FactId, Fact]) -> Node:
    """The tree of a condition over these facts; raises Wrong."""
    reader = _Reader(tokens(text), facts)
    part = reader.either()
    reader.end()
    return reader.truth(part)


class _Reader:
    """Reads the tokens of one condition from left to right."""

    def __init__(self, tokens: list[Token], facts: Mapping[FactId, Fact]) -> None:
        self.tokens = tokens
        self.facts = facts
        self.next = 0
        self.open = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def take(self, cut: Cut, *texts: str) -> Token | None:
        """The next token if it is of this kind and one of these texts."""
        token = self.token
        if token.cut is not cut or token.text not in texts:
            return None
        self.next += 1
        return token

    def must(self, sign: str, remedy: str) -> None:
        if not self.take(Cut.SIGN, sign):
            raise Wrong(self.token.at, f"`{sign}` is missing here.", remedy)

    def end(self) -> None:
        token = self.token
        if token.cut is Cut.SIGN and token.text in ("==", "!=", "<", "<=", ">", ">="):
            remedy = "Join two comparisons with `and`, as in `error_rate > 5% and error_rate < 20%`."
            raise Wrong(token.at, "Three values can not be compared at once.", remedy)
        if token.cut is not Cut.END:
            remedy = "Join two conditions with `and` or `or`."
            raise Wrong(token.at, f"`{token.text}` does not follow from what stands before it.", remedy)

    # Conditions.

    def either(self) -> _Part:
        return self.joined("or", self.all)

    def all(self) -> _Part:
        return self.joined("and", self.negation)

    def joined(self, word: str, inner: _Inner) -> _Part:
        first = inner()
        parts = [first]
        while self.take(Cut.WORD, word):
            parts.append(inner())
        if len(parts) == 1:
            return first
        nodes: list[Node] = []
        for part in parts:
            node = self.truth(part)
            nodes += node.parts if isinstance(node, Joined) and node.word == word else [node]
        return self.made(Joined(word, tuple(nodes)), first.at, *parts)

    def negation(self) -> _Part:
        denied = self.take(Cut.WORD, "not")
        if denied is None:
            return self.comparison()
        self.deeper(denied)
        part = self.negation()
        self.open -= 1
        return self.made(Not(self.truth(part)), denied.at, part)

    def comparison(self) -> _Part:
        left = self.sum()
        sign = self.take(Cut.SIGN, "==", "!=", "<", "<=", ">", ">=")
        if sign is not None:
            right = self.sum()
            return self.made(self.compared(left, sign, right), left.at, left, right)
        after = self.tokens[min(self.next + 1, len(self.tokens) - 1)]
        denied = (after.cut, after.text) == (Cut.WORD, "in") and self.take(Cut.WORD, "not")
        if self.take(Cut.WORD, "in"):
            member = self.member(left)
            return self.made(Not(member) if denied else member, left.at, left)
        return left

    def member(self, left: _Part) -> Member:
        remedy = "Write it like `level in [P1, P2]`."
        self.must("[", remedy)
        values = []
        while True:
            right = self.factor()
            sign = Token(Cut.SIGN, "==", right.at)
            compared = self.compared(left, sign, right)
            assert isinstance(compared, Comparison)
            value = compared.right
            if not isinstance(value, Literal):
                raise Wrong(right.at, "Only values can stand in this list.", remedy)
            values.append(value)
            if not self.take(Cut.SIGN, ","):
                break
        self.must("]", remedy)
        return Member(self.value(left), tuple(values))

    # Numbers and values.

    def sum(self) -> _Part:
        return self.chain(self.product, "+", "-")

    def product(self) -> _Part:
        return self.chain(self.factor, "*", "/")

    def chain(self, inner: _Inner, *signs: str) -> _Part:
        left = inner()
        while sign := self.take(Cut.SIGN, *signs):
            right = inner()
            left = self.made(self.calculated(left, sign, right), left.at, left, right)
        return left

    def factor(self) -> _Part:
        token = self.token
        if minus := self.take(Cut.SIGN, "-"):
            self.deeper(minus)
            part = self.factor()
            self.open -= 1
            return self.made(Negative(self.measured(part, "negative")), minus.at, part)
        if bracket := self.take(Cut.SIGN, "("):
            self.deeper(bracket)
            part = self.either()
            self.must(")", "Close the parenthesis.")
            self.open -= 1
            return _Part(part.node, bracket.at, part.depth)
        if token.cut is Cut.NUMBER:
            self.next += 1
            after = self.token
            if after.cut is Cut.WORD and after.text not in KEYWORDS:
                raise no_unit(after.text, after.at)
            return _Part(Literal(*number(token)), token.at)
        if token.cut is Cut.QUOTED:
            self.next += 1
            return _Part(_Word(token.text, quoted=True), token.at)
        if token.cut is Cut.WORD and token.text not in ("and", "or", "not", "in"):
            self.next += 1
            return _Part(self.usual(token) if token.text == "usual" else self.named(token), token.at)
        remedy = "A fact or a value must stand here."
        if token.cut is Cut.END:
            raise Wrong(token.at, "The condition ends too early.", remedy)
        raise Wrong(token.at, f"`{token.text}` can not stand here.", remedy)

    def named(self, token: Token) -> Node | _Word:
        if token.text in _TRUTHS:
            return Literal(_TRUTHS[token.text], FactKind.YES_OR_NO, token.text)
        fact = self.facts.get(FactId(token.text))
        return _Word(token.text) if fact is None else Named(fact)

    def usual(self, token: Token) -> Node:
        remedy = "Write it like `usual(response_time)`."
        self.must("(", remedy)
        name = self.token
        if name.cut is not Cut.WORD:
            raise Wrong(name.at, "A fact is expected here.", remedy)
        self.next += 1
        self.must(")", remedy)
        fact = self.facts.get(FactId(name.text))
        if fact is None:
            raise self.no_fact(_Word(name.text), name.at)
        if fact.usual is None:
            add = f"Add `usual:` to the fact `{fact.id}`."
            raise Wrong(token.at, f"The plan does not say what `{fact.id}` usually is.", add)
        return Usual(fact)

    # Kinds.

    def made(self, node: Node, at: int, *parts: _Part) -> _Part:
        depth = 1 + max(part.depth for part in parts)
        if depth > DEPTH:
            raise _too_deep(at)
        return _Part(node, at, depth)

    def deeper(self, token: Token) -> None:
        """One more is open that must be closed: the reader's own depth is bounded as well."""
        self.open += 1
        if self.open > DEPTH:
            raise _too_deep(token.at)

    def value(self, part: _Part) -> Node:
        if isinstance(part.node, _Word):
            raise self.no_fact(part.node, part.at)
        return part.node

    def truth(self, part: _Part) -> Node:
        node = self.value(part)
        kind = kind_of(node)
        if kind is FactKind.YES_OR_NO:
            return node
        remedy = "Compare it with a value."
        if isinstance(node, Named) and node.fact.values:
            remedy = f"Compare it, as in `{node.fact.id} == {node.fact.values[-1]}`."
        raise Wrong(part.at, f"`{written(node)}` is {_A[kind]}, so it neither holds nor fails.", remedy)

    def measured(self, part: _Part, done: str) -> Node:
        node = self.value(part)
        if kind_of(node) not in _MEASURED:
            message = f"`{written(node)}` is {_A[kind_of(node)]} and can not be {done}."
            raise Wrong(part.at, message, "Calculate with numbers, percentages and lengths of time.")
        return node

    def calculated(self, left: _Part, sign: Token, right: _Part) -> Node:
        one, other = self.measured(left, _DONE[sign.text]), self.measured(right, _DONE[sign.text])
        kinds = kind_of(one), kind_of(other)
        kind = _kind_of_result(sign.text, *kinds)
        if kind is None:
            message = f"`{written(one)}` is {_A[kinds[0]]} and `{written(other)}` {_A[kinds[1]]}"
            remedy = "Only like and like can be added or divided, and anything be multiplied by a number."
            raise Wrong(sign.at, f"{message}: they can not be {_DONE[sign.text]}.", remedy)
        return Arithmetic(sign.text, one, other, kind)

    def compared(self, left: _Part, sign: Token, right: _Part) -> Node:
        left, right = self.beside(left, right), self.beside(right, left)
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

    def beside(self, part: _Part, other: _Part) -> _Part:
        """A bare word or quoted text beside a choice or a text is a value of that kind."""
        beside = other.node.fact if isinstance(other.node, Named | Usual) else None
        if beside is None or beside.kind not in (FactKind.CHOICE, FactKind.TEXT):
            return part
        text = _bare(part.node)
        if text is None or (isinstance(part.node, Named) and text not in beside.values):
            return part
        if beside.kind is FactKind.CHOICE and text not in beside.values:
            raise _no_choice(text, beside, part.at)
        return _Part(Literal(text, beside.kind, text), part.at)

    def no_fact(self, word: _Word, at: int) -> Wrong:
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


_Inner = Callable[[], _Part]


def _too_deep(at: int) -> Wrong:
    return Wrong(at, f"This is nested more than {DEPTH} levels deep.", "Work part of it out as a fact.")


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


def _bare(node: Node | _Word) -> str | None:
    """What is written here, where that may be the name of a choice."""
    match node:
        case _Word(text) | Literal(text=text, kind=FactKind.NUMBER | FactKind.YES_OR_NO):
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
