"""What is wrong with a plan: the thing, the place and the remedy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong. `path` leads to it inside the file; line and column count from 1.

    A plan with nothing but warnings works; it may not do what its authors meant.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    remedy: str
    warning: bool = False

    def __str__(self) -> str:
        at = f" {self.path}:" if self.path else ""
        kind = " Warning:" if self.warning else ""
        return f"{self.file}:{self.line}:{self.column}:{at}{kind} {self.message} {self.remedy}"


class PlanRefused(Exception):
    """The files are not a plan. `problems` holds all that is wrong, in the order of the file."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(one) for one in problems))
        self.problems = problems
