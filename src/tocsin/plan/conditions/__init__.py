"""The language of `when:`. What it means to whoever writes a plan is said in docs/plan/conditions.md."""

from tocsin.plan.conditions.condition import Holds, condition_of, read_condition
from tocsin.plan.conditions.tokens import KEYWORDS, Wrong, is_word

__all__ = ["KEYWORDS", "Holds", "Wrong", "condition_of", "is_word", "read_condition"]
