"""A plan directory to its files: plan.yaml, messages/*.md, runbooks/*.md; bounded, and none from outside."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from tocsin import limits
from tocsin.plan.parse import too_large
from tocsin.plan.problems import PlanRefused, Problem

PLAN_FILE = "plan.yaml"
FOLDERS = ("messages", "runbooks")
"""Where the plan's Markdown lies."""


def load_directory(directory: Path) -> dict[str, str]:
    """The plan's files as text, by name; raises PlanRefused with every file that can not be read."""
    path = directory / PLAN_FILE
    if directory.is_file():
        message, remedy = (
            f"{directory} is a file.",
            f"Name the directory that holds it, `{directory.parent}`.",
        )
        raise PlanRefused([Problem(PLAN_FILE, 1, 1, "", message, remedy)])
    if not path.exists():
        remedy = f"Create {path}, or name the directory that holds the plan."
        raise PlanRefused([Problem(PLAN_FILE, 1, 1, "", f"There is no {path}.", remedy)])
    files: dict[str, str] = {}
    problems: list[Problem] = []
    for name in (PLAN_FILE, *_markdown(directory)):
        read = _text(directory, name)
        if isinstance(read, Problem):
            problems.append(read)
        else:
            files[name] = read
    if len(files) > limits.PLAN_FILES:
        problems.append(_too_many())
    if problems:
        raise PlanRefused(sorted(problems))
    return files


def check_given(files: Mapping[str, str]) -> None:
    """Raise PlanRefused where these are no files that a plan's directory would hold."""
    problems = [one for name, text in files.items() if (one := _misfit(name, text)) is not None]
    if PLAN_FILE not in files:
        message = f"There is no {PLAN_FILE} among the files."
        problems.append(Problem(PLAN_FILE, 1, 1, "", message, "Send it with the others."))
    if len(files) > limits.PLAN_FILES:
        problems.append(_too_many())
    if problems:
        raise PlanRefused(sorted(problems)[: limits.REJECTED_PROBLEMS])


def _misfit(name: str, text: str) -> Problem | None:
    folder, _, rest = name.partition("/")
    markdown = folder in FOLDERS and rest.endswith(".md") and "/" not in rest and not rest.startswith(".")
    shown = name.encode(errors="replace").decode()[:200]
    if name != PLAN_FILE and not (markdown and name.isprintable()):
        message = f"`{shown}` is no file of a plan."
        return Problem(shown, 1, 1, "", message, f"Send {PLAN_FILE}, messages/*.md and runbooks/*.md.")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return Problem(shown, 1, 1, "", "The text is not Unicode.", "Save the file as UTF-8.")
    return too_large(name) if size > limits.PLAN_BYTES else None


def _too_many() -> Problem:
    message = f"The plan has more than {limits.PLAN_FILES} files."
    return Problem(PLAN_FILE, 1, 1, "", message, "Take out what the plan does not name.")


def opened(path: Path) -> BinaryIO:
    """The file, to be read; raises OSError. A pipe or a device is refused: reading it may never end."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "It is no regular file")
    return path.open("rb")


def version_of(files: Mapping[str, str]) -> str:
    """The version of a plan is the hash of its files: the same files, the same version."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0{files[name]}".encode())
    return digest.hexdigest()[:12]


def _markdown(directory: Path) -> Iterator[str]:
    """The names of the plan's Markdown files, one more than there may be at most."""
    found = (path for folder in FOLDERS for path in sorted((directory / folder).glob("*.md")))
    for _, path in zip(range(limits.PLAN_FILES), found, strict=False):
        yield path.relative_to(directory).as_posix()


def _text(directory: Path, name: str) -> str | Problem:
    path = directory / name
    # realpath leaves a link that leads to itself as it is; opening it then says what is wrong.
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory)):
        message = f"{name} leads out of the plan's directory."
        return Problem(name, 1, 1, "", message, "Put the file itself there.")
    try:
        with opened(path) as file:
            content = file.read(limits.PLAN_BYTES + 1)
        return too_large(name) if len(content) > limits.PLAN_BYTES else content.decode()
    except OSError as wrong:
        message = f"{path} can not be read: {wrong.strerror}."
        return Problem(name, 1, 1, "", message, "Check the file and its rights.")
    except UnicodeDecodeError as wrong:
        before = bytes(wrong.object[: wrong.start])
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        return Problem(name, line, column, "", f"Byte {wrong.start} is not UTF-8.", "Save the file as UTF-8.")
