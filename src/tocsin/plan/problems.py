"""What is wrong with a plan: the thing, the place and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tocsin import limits


@dataclass(frozen=True, order=True)
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
        super().__init__("\n".join(listed(problems)))
        self.problems = problems


def foremost(problems: Iterable[Problem], most: int | None = limits.PROBLEMS_SHOWN) -> list[Problem]:
    """Those that are shown: what must be mended before what may be meant, each in the order of the files."""
    return sorted(problems, key=lambda one: (one.warning, one))[:most]


def listed(problems: Sequence[Problem], rest: str = "Mend these first.", total: int = 0) -> list[str]:
    """A line for each that is shown; where that is not all (`total`), one for the others, with `rest`."""
    shown = foremost(problems)
    others = max(total, len(problems)) - len(shown)
    return [*map(str, shown), *([f"... and {others:,} more. {rest}"] if others else [])]
