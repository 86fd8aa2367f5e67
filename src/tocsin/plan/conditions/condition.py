"""From the value of a `when:` to a condition, or to a problem at the very letter where it goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin import limits
from tocsin.core.facts import Fact, FactValue
from tocsin.core.model import FactId
from tocsin.plan.conditions.parse import parse
from tocsin.plan.conditions.tokens import Wrong
from tocsin.plan.conditions.tree import Meaning, Plain, facts_in, meaning, parts, written
from tocsin.plan.document import Document, Value


@dataclass(frozen=True)
class Holds:
    """A condition of a plan. Two that are written alike, spaces and parentheses aside, are the same."""

    text: str
    needs: frozenset[FactId]
    meaning: Meaning = field(compare=False, repr=False)
    parts: tuple[Meaning, ...] = field(compare=False, repr=False)

    def holds(self, facts: Mapping[FactId, FactValue]) -> bool | None:
        """Whether it holds; None while a fact that decides it is not known."""
        held = self.meaning(facts)
        assert held is None or isinstance(held, bool), f"{self.text} is no condition"
        return held

    def reading(self, facts: Mapping[FactId, FactValue]) -> tuple[Plain | None, ...]:
        """See `Condition`."""
        return tuple(part(facts) for part in self.parts)


def condition_of(text: str, facts: Mapping[FactId, Fact]) -> Holds:
    """The condition that a text says, over these facts; raises Wrong."""
    if len(text) > limits.CONDITION_CHARACTERS:
        most = f"A condition has at most {limits.CONDITION_CHARACTERS} characters."
        raise Wrong(0, "This condition is too long.", f"{most} Work part of it out as a fact.")
    tree = parse(text, facts)
    needs = frozenset(fact.id for fact in facts_in(tree))
    return Holds(written(tree), needs, meaning(tree), tuple(map(meaning, parts(tree))))


def read_condition(document: Document, value: Value, facts: Mapping[FactId, Fact]) -> Holds | None:
    """The condition of a plan's value; None after noting the problem. `facts` holds the built-in ones too."""
    told = len(document.problems)
    text = document.text(value)
    if len(document.problems) > told:
        return None
    try:
        found = condition_of(text, facts)
    except Wrong as wrong:
        document.fault(value, wrong.message, wrong.remedy, at=wrong.at)
        return None
    if not found.needs:
        document.warn(
            value, "No fact decides this: it holds always, or never.", "Name a fact, or take it out."
        )
    return found
