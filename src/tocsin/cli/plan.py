"""`tocsin plan`: check, show, compare and put in force."""

from __future__ import annotations

import shutil
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from tocsin.app.clock import clock
from tocsin.cli.result import Failure, Result
from tocsin.limits import PROBLEMS_SHOWN
from tocsin.plan import checks
from tocsin.plan import show as shown
from tocsin.plan.checks import Examined
from tocsin.plan.diff import differences
from tocsin.plan.files import load_directory
from tocsin.plan.handbook import Plan
from tocsin.plan.people import PEOPLE_FILE
from tocsin.plan.problems import PlanRefused, Problem, foremost, listed
from tocsin.plan.read import examine
from tocsin.plan.rehearsals import load_text
from tocsin.plan.schema import plan_schema

UNSEEN = f"There is no {PEOPLE_FILE} beside the plan, so people were not checked."

MOST_SHOWN = 50
"""The most differences that `plan apply` lists."""


def check(parsed: Namespace) -> Result:
    """Exit code 0: clean; 1: warnings; 2: problems."""
    examined, _ = _examined(Path(parsed.directory))
    code = 0 if not examined.problems else 1 if examined.sound else 2
    total = len(examined.problems)
    shown = foremost(examined.problems, None if parsed.all else PROBLEMS_SHOWN)
    lines = [str(one) for one in shown]
    lines += [f"... and {total - len(shown):,} more; --all shows them."] if len(shown) < total else []
    if examined.plan is not None and examined.sound:
        policy = examined.plan.policy
        found = _count(total, "warning") if total else "no problems"
        levels, services = _count(len(policy.levels), "level"), _count(len(policy.services), "service")
        unseen = "" if (Path(parsed.directory) / PEOPLE_FILE).exists() else f" {UNSEEN}"
        lines.append(f"{policy.name}: {levels}, {services}, {found}.{unseen}")
    data = {"total": total, "shown": len(shown), "problems": [asdict(one) for one in shown]}
    return Result(lines, data, code)


def show(parsed: Namespace) -> Result:
    """The plan as text, as wide as the terminal; a pipe or a file gets each sentence in one line."""
    parts = shown.show(_plan(parsed, parsed.plan))
    width = shutil.get_terminal_size((0, 0)).columns
    lines = shown.as_markdown(parts) if parsed.markdown else shown.as_text(parts, width)
    return Result(lines, [{"title": one.title, "text": one.text, "lines": one.lines} for one in parts])


def diff(parsed: Namespace) -> Result:
    """Exit code 0 whether they differ or not."""
    sentences = differences(_plan(parsed, parsed.before), _plan(parsed, parsed.after))
    return Result(sentences or ["They say the same."], sentences)


def apply(parsed: Namespace) -> Result:
    """The plan in force before stays in force for the incidents that it opened, and if this one is bad."""
    if parsed.url:
        done = _put(parsed)
    else:
        done = _stored("put_in_force")(parsed, *_sound(Path(parsed.directory)))
    version, differ = done["version"], done["changes"]
    lines = [*differ[:MOST_SHOWN]]
    lines += [f"And {len(differ) - MOST_SHOWN} more."] if len(differ) > MOST_SHOWN else []
    lines += [f"Warning: {sentence}" for sentence in done["warnings"]]
    new = f"Version {version} of {done['name']} is in force for new incidents."
    lines.append(new if done["fresh"] else f"Version {version} is in force already.")
    return Result(lines, done)


def _put(parsed: Namespace) -> dict[str, Any]:
    """On a server, which looks it over itself; raises Failure with every problem that it finds."""
    path, ask = Path(parsed.directory), import_module("tocsin.cli.client").ask  # what speaks HTTP takes long
    try:
        files = load_directory(path)
        done: dict[str, Any] = ask(parsed, "PUT", "/api/v1/plan", {"files": files})
    except PlanRefused as refused:
        raise _refused(path, refused.problems) from refused
    except Failure as failure:
        if "problems" not in failure.answer:
            raise
        problems = [Problem(**one) for one in failure.answer["problems"]]
        raise _refused(path, problems, failure.answer["total"]) from failure
    return done


def schema(parsed: Namespace) -> Result:
    """JSON in any case: the parser says so."""
    return Result([], plan_schema())


def _examined(path: Path) -> tuple[Examined, Mapping[str, str]]:
    try:
        files = load_directory(path)
        people = load_text(path / PEOPLE_FILE) if (path / PEOPLE_FILE).exists() else None
    except PlanRefused as refused:
        return Examined(None, tuple(refused.problems)), {}
    return checks.check(files, clock(), people), files


def _sound(path: Path) -> tuple[Plan, Mapping[str, str]]:
    examined, files = _examined(path)
    if examined.plan is None or not examined.sound:
        raise _refused(path, examined.problems)
    return examined.plan, files


def _refused(path: Path, problems: Sequence[Problem], total: int = 0) -> Failure:
    """`total` is how many there are, where fewer came."""
    said = "\n".join(listed(problems, f"See all: tocsin plan check {path} --all", total))
    return Failure(f"The plan in {path} has problems; nothing is changed:\n{said}", code=2)


def _plan(parsed: Namespace, name: str) -> Plan:
    """Of a directory or, where there is none of that name, of a stored version."""
    if Path(name).is_dir():
        return _sound(Path(name))[0]
    files = _stored("files_of")(parsed, name)
    if files is None:
        raise Failure(f"{name} is neither a directory nor a version. See `tocsin plan versions`.")
    return examine(files)[1]


def _stored(function: str) -> Any:
    """Of the module that speaks to the database, loaded where one is asked for: that takes long."""
    return getattr(import_module("tocsin.cli.stored_plans"), function)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
