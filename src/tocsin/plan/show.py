"""A plan as text that can be read aloud: for the terminal, or as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from textwrap import wrap

from tocsin.plan.aloud.course import after, course
from tocsin.plan.aloud.parts import Part
from tocsin.plan.aloud.response import escalation, head, levels, people
from tocsin.plan.handbook import Plan

_NARROWEST = 20
"""A terminal that leaves less than that for words is not obeyed."""

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


def as_text(parts: Iterable[Part], width: int = 0) -> list[str]:
    """Lines for a terminal that is so wide; as long as they come where no width is known."""
    lines: list[str] = []
    for part in parts:
        indent = "  " * (part.depth - 1)
        lines += [indent + (part.title.upper() if part.depth < 3 else part.title)]
        lines += _wrapped(part.text, f"{indent}  ", "", width) if part.text else []
        for line in part.lines:
            lines += _wrapped(line, f"{indent}  ", "- ", width)
        lines.append("")
    return lines[:-1]


def _wrapped(text: str, indent: str, mark: str, width: int) -> list[str]:
    """The text in lines; those after the first stand below its first word."""
    if not width:
        return [indent + mark + text]
    below = indent + " " * len(mark)
    return wrap(
        text,
        max(width, len(below) + _NARROWEST),
        initial_indent=indent + mark,
        subsequent_indent=below,
        break_long_words=False,
        break_on_hyphens=False,
    )
