"""Constants with the docstring below them, which Python itself does not keep."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Documented:
    """Names that one docstring speaks of: those on the lines right above it."""

    names: tuple[str, ...]
    words: str


def documented(body: Sequence[ast.stmt]) -> Iterator[Documented]:
    """The assignments of a module or class body, in order, with what is said of them."""
    names: list[str] = []
    last_line = 0
    for statement in body:
        if names and statement.lineno > last_line + 1:
            yield Documented(tuple(names), "")
            names = []
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            if isinstance(target, ast.Name):
                names.append(target.id)
        elif names and (words := _words(statement)):
            yield Documented(tuple(names), " ".join(words.split()))
            names = []
        last_line = statement.end_lineno or statement.lineno
    if names:
        yield Documented(tuple(names), "")


def _words(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return str(statement.value.value)
    return ""
