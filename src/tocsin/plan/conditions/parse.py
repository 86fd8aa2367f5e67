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

from tocsin.core.facts import Fact, FactKind
from tocsin.core.model import FactId
from tocsin.plan.conditions.kinds import Kinds, Part, Word
from tocsin.plan.conditions.tokens import KEYWORDS, Cut, Token, Wrong, no_unit, number, tokens
from tocsin.plan.conditions.tree import (
    Comparison,
    Joined,
    Literal,
    Member,
    Named,
    Negative,
    Node,
    Not,
    Usual,
)

DEPTH = 20
"""How deep a condition may nest; each operation counts, but for the parts of one `and` or `or`."""

_TRUTHS = {"yes": True, "true": True, "no": False, "false": False}


def parse(text: str, facts: Mapping[FactId, Fact]) -> Node:
    """The tree of a condition over these facts; raises Wrong."""
    reader = _Reader(tokens(text), facts)
    part = reader.either()
    reader.end()
    return reader.kinds.truth(part)


class _Reader:
    """Reads the tokens of one condition from left to right."""

    def __init__(self, tokens: list[Token], facts: Mapping[FactId, Fact]) -> None:
        self.tokens = tokens
        self.facts = facts
        self.kinds = Kinds(facts)
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

    def either(self) -> Part:
        return self.joined("or", self.all)

    def all(self) -> Part:
        return self.joined("and", self.negation)

    def joined(self, word: str, inner: _Inner) -> Part:
        first = inner()
        parts = [first]
        while self.take(Cut.WORD, word):
            parts.append(inner())
        if len(parts) == 1:
            return first
        nodes: list[Node] = []
        for part in parts:
            node = self.kinds.truth(part)
            nodes += node.parts if isinstance(node, Joined) and node.word == word else [node]
        return self.made(Joined(word, tuple(nodes)), first.at, *parts)

    def negation(self) -> Part:
        denied = self.take(Cut.WORD, "not")
        if denied is None:
            return self.comparison()
        self.deeper(denied)
        part = self.negation()
        self.open -= 1
        return self.made(Not(self.kinds.truth(part)), denied.at, part)

    def comparison(self) -> Part:
        left = self.sum()
        sign = self.take(Cut.SIGN, "==", "!=", "<", "<=", ">", ">=")
        if sign is not None:
            right = self.sum()
            return self.made(self.kinds.compared(left, sign, right), left.at, left, right)
        after = self.tokens[min(self.next + 1, len(self.tokens) - 1)]
        denied = (after.cut, after.text) == (Cut.WORD, "in") and self.take(Cut.WORD, "not")
        if self.take(Cut.WORD, "in"):
            member = self.member(left)
            return self.made(Not(member) if denied else member, left.at, left)
        return left

    def member(self, left: Part) -> Member:
        remedy = "Write it like `level in [P1, P2]`."
        self.must("[", remedy)
        values = []
        while True:
            right = self.factor()
            sign = Token(Cut.SIGN, "==", right.at)
            compared = self.kinds.compared(left, sign, right)
            assert isinstance(compared, Comparison)
            value = compared.right
            if not isinstance(value, Literal):
                raise Wrong(right.at, "Only values can stand in this list.", remedy)
            values.append(value)
            if not self.take(Cut.SIGN, ","):
                break
        self.must("]", remedy)
        return Member(self.kinds.value(left), tuple(values))

    # Numbers and values.

    def sum(self) -> Part:
        return self.chain(self.product, "+", "-")

    def product(self) -> Part:
        return self.chain(self.factor, "*", "/")

    def chain(self, inner: _Inner, *signs: str) -> Part:
        left = inner()
        while sign := self.take(Cut.SIGN, *signs):
            right = inner()
            left = self.made(self.kinds.calculated(left, sign, right), left.at, left, right)
        return left

    def factor(self) -> Part:
        token = self.token
        if minus := self.take(Cut.SIGN, "-"):
            self.deeper(minus)
            part = self.factor()
            self.open -= 1
            return self.made(Negative(self.kinds.measured(part, "negative")), minus.at, part)
        if bracket := self.take(Cut.SIGN, "("):
            self.deeper(bracket)
            part = self.either()
            self.must(")", "Close the parenthesis.")
            self.open -= 1
            return Part(part.node, bracket.at, part.depth)
        if token.cut is Cut.NUMBER:
            self.next += 1
            after = self.token
            if after.cut is Cut.WORD and after.text not in KEYWORDS:
                raise no_unit(after.text, after.at)
            return Part(Literal(*number(token)), token.at)
        if token.cut is Cut.QUOTED:
            self.next += 1
            return Part(Word(token.text, quoted=True), token.at)
        if token.cut is Cut.WORD and token.text not in ("and", "or", "not", "in"):
            self.next += 1
            return Part(self.usual(token) if token.text == "usual" else self.named(token), token.at)
        remedy = "A fact or a value must stand here."
        if token.cut is Cut.END:
            raise Wrong(token.at, "The condition ends too early.", remedy)
        raise Wrong(token.at, f"`{token.text}` can not stand here.", remedy)

    def named(self, token: Token) -> Node | Word:
        if token.text in _TRUTHS:
            return Literal(_TRUTHS[token.text], FactKind.YES_OR_NO, token.text)
        fact = self.facts.get(FactId(token.text))
        return Word(token.text) if fact is None else Named(fact)

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
            raise self.kinds.no_fact(Word(name.text), name.at)
        if fact.usual is None:
            add = f"Add `usual:` to the fact `{fact.id}`."
            raise Wrong(token.at, f"The plan does not say what `{fact.id}` usually is.", add)
        return Usual(fact)

    # Depth.

    def made(self, node: Node, at: int, *parts: Part) -> Part:
        depth = 1 + max(part.depth for part in parts)
        if depth > DEPTH:
            raise _too_deep(at)
        return Part(node, at, depth)

    def deeper(self, token: Token) -> None:
        """One more is open that must be closed: the reader's own depth is bounded as well."""
        self.open += 1
        if self.open > DEPTH:
            raise _too_deep(token.at)


_Inner = Callable[[], Part]


def _too_deep(at: int) -> Wrong:
    return Wrong(at, f"This is nested more than {DEPTH} levels deep.", "Work part of it out as a fact.")
