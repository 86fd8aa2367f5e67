"""A plan as text that can be read aloud: for the terminal, or as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tocsin.plan.aloud.course import after, course
from tocsin.plan.aloud.parts import Part
from tocsin.plan.aloud.response import escalation, head, levels, people
from tocsin.plan.handbook import Plan

_PARTS: tuple[Callable[[Plan], Iterator[Part]], ...] = (head, levels, escalation, people, course, after)


def show(plan: Plan) -> list[Part]:
    """The plan, part by part; parts that say nothing are left out."""
    parts = [part for write in _PARTS for part in write(plan)]
    return [part for part in parts if part.text or part.lines or part.depth == 1]


def as_markdown(parts: Iterable[Part]) -> list[str]:
    """Lines of Markdown."""
    lines: list[str] = []
    for part in parts:
        lines += [f"{'#' * part.depth} {part.title}", ""]
        lines += [part.text, ""] if part.text else []
        lines += [*(f"- {line}" for line in part.lines), ""] if part.lines else []
    return lines[:-1]


def as_text(parts: Iterable[Part]) -> list[str]:
    """Lines for a terminal."""
    lines: list[str] = []
    for part in parts:
        indent = "  " * (part.depth - 1)
        lines += [indent + (part.title.upper() if part.depth < 3 else part.title)]
        lines += [f"{indent}  {part.text}"] if part.text else []
        lines += [f"{indent}  - {line}" for line in part.lines] + [""]
    return lines[:-1]
