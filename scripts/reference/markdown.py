"""Markdown, as the reference pages use it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence


def page(title: str, source: str, *parts: str) -> str:
    """A whole page: where it comes from, its title, its parts with one empty line between them."""
    note = f"<!-- Written by `make docs` from {source}. Change that, not this page. -->"
    return "\n\n".join([note, f"# {title}", *(part.strip("\n") for part in parts if part)]) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. Cells may hold Markdown, but no line breaks but `<br>`."""
    lines = [list(heads), ["---"] * len(heads), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    """Text to be read letter by letter."""
    return f"`{text}`" if text else ""


def docstring(thing: object) -> str:
    """What a module, class or function says of itself."""
    return inspect.cleandoc(getattr(thing, "__doc__", None) or "")


def one_line(text: str) -> str:
    """Text that was wrapped, as one line; paragraphs become `<br>`."""
    return "<br>".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")
