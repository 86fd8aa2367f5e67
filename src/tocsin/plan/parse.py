"""Text to a tree of YAML nodes with positions, or one clear problem in bounded time."""

from __future__ import annotations

from typing import Any

import yaml

from tocsin import limits
from tocsin.plan.problems import PlanRefused, Problem

NESTING_LEVELS = 20
"""How deep lists and mappings may nest; a plan needs five."""


def parse(file: str, text: str, first_line: str) -> yaml.Node:
    """The root of the file; raises PlanRefused where it is no YAML that a plan may use."""
    try:
        if len(text.encode()) > limits.PLAN_BYTES:
            raise PlanRefused([too_large(file)])
        _check_shape(file, text)
        root = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, UnicodeEncodeError) as wrong:
        raise PlanRefused([_not_yaml(file, wrong, text)]) from wrong
    if root is None:
        raise PlanRefused([problem_at(file, None, "The file is empty.", f"Start with `{first_line}`.")])
    return root


def problem_at(
    file: str, mark: Any, message: str, remedy: str, path: str = "", *, warning: bool = False
) -> Problem:
    """A problem at a mark of YAML's or libyaml's, or at the start of the file when there is none."""
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Problem(file, line, column, path, message, remedy, warning)


def too_large(file: str) -> Problem:
    """What is said of a file that is longer than a plan may be."""
    message = f"The file is larger than {limits.PLAN_BYTES // 1024} KiB."
    return Problem(file, 1, 1, "", message, "Move prose into Markdown files.")


def _check_shape(file: str, text: str) -> None:
    """Refuse what would cost far more to read than it is long, before a tree is built of it."""
    level = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            alias = "YAML aliases (*name) are not allowed."
            raise PlanRefused([problem_at(file, event.start_mark, alias, "Write the value out.")])
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        if level > NESTING_LEVELS:
            deep = f"This is nested more than {NESTING_LEVELS} levels deep."
            raise PlanRefused([problem_at(file, event.start_mark, deep, "A plan needs no more than five.")])


def _not_yaml(file: str, wrong: yaml.YAMLError | UnicodeEncodeError, text: str) -> Problem:
    if isinstance(wrong, yaml.MarkedYAMLError):
        why, context = str(wrong.problem), wrong.context or ""
        if wrong.problem_mark and _at(text, wrong.problem_mark) == "\t":
            return problem_at(file, wrong.problem_mark, "A tab can not indent YAML.", "Use spaces.")
        if context.startswith("while") and wrong.context_mark:
            why = f"{why} {context} that begins in line {wrong.context_mark.line + 1}"
        elif context:
            why = f"{context} {why}"
        remedy = "Check the indentation, and put text that holds a colon into quotes."
        return problem_at(file, wrong.problem_mark, f"This is not YAML: {why}.", remedy)
    # libyaml counts bytes and Python letters, so the place is looked up by the letter itself.
    odd = chr(wrong.character) if isinstance(wrong, yaml.reader.ReaderError) else ""
    before = text[: wrong.start if isinstance(wrong, UnicodeEncodeError) else text.find(odd)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    message, remedy = "This character can not stand in YAML.", "Take it out."
    return Problem(file, line, column, "", message, remedy)


def _at(text: str, mark: yaml.Mark) -> str:
    """The letter at a place; nothing where there is none."""
    lines = text.split("\n")[mark.line : mark.line + 1]
    return lines[0][mark.column : mark.column + 1] if lines else ""


class _Loader(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]  # one of two
    """Composing only; values are never constructed, so YAML's own typing traps do not exist here."""
