"""`tocsin plan`: check, show, compare and put in force."""

from __future__ import annotations

import shutil
from argparse import Namespace
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tocsin.app.clock import clock
from tocsin.cli.opening import open_store, settings_of
from tocsin.cli.result import Failure, Result
from tocsin.plan import checks
from tocsin.plan import diff as differences
from tocsin.plan import show as shown
from tocsin.plan.checks import Examined
from tocsin.plan.files import load_directory, version_of
from tocsin.plan.handbook import Plan
from tocsin.plan.people import PEOPLE_FILE, missing_people
from tocsin.plan.problems import PlanRefused, Problem
from tocsin.plan.read import examine
from tocsin.plan.rehearsals import load_text
from tocsin.plan.schema import plan_schema
from tocsin.store import directory, plans

UNSEEN = f"There is no {PEOPLE_FILE} beside the plan, so people were not checked."

MOST_SHOWN = 50
"""The most differences that `plan apply` lists."""


def check(parsed: Namespace) -> Result:
    """Exit code 0: clean; 1: warnings; 2: problems."""
    examined, _ = _examined(Path(parsed.directory))
    code = 0 if not examined.problems else 1 if examined.sound else 2
    lines = [str(one) for one in examined.problems]
    if examined.plan is not None and examined.sound:
        policy = examined.plan.policy
        found = _count(len(lines), "warning") if lines else "no problems"
        levels, services = _count(len(policy.levels), "level"), _count(len(policy.services), "service")
        unseen = "" if (Path(parsed.directory) / PEOPLE_FILE).exists() else f" {UNSEEN}"
        lines.append(f"{policy.name}: {levels}, {services}, {found}.{unseen}")
    return Result(lines, {"problems": [_data(one) for one in examined.problems]}, code)


def show(parsed: Namespace) -> Result:
    """The plan as text, as wide as the terminal; a pipe or a file gets each sentence in one line."""
    plan, _ = _sound(Path(parsed.directory))
    parts = shown.show(plan)
    width = shutil.get_terminal_size((0, 0)).columns
    lines = shown.as_markdown(parts) if parsed.markdown else shown.as_text(parts, width)
    return Result(lines, [{"title": one.title, "text": one.text, "lines": one.lines} for one in parts])


def diff(parsed: Namespace) -> Result:
    """Exit code 0 whether they differ or not."""
    sentences = _differences(_plan(parsed, parsed.before), _plan(parsed, parsed.after))
    return Result(sentences or ["They say the same."], sentences)


def apply(parsed: Namespace) -> Result:
    """The plan in force before stays in force for the incidents that it opened, and if this one is bad."""
    plan, files = _sound(Path(parsed.directory))
    version = version_of(files)
    with open_store(settings_of(parsed)) as store:
        current = store.read_now(plans.current)
        if current is not None and current[0] == version:
            return Result([f"Version {version} is in force already."], {"version": version, "changes": []})
        store.write_now(partial(plans.keep, version=version, files=files, now=clock()))
        missing = missing_people(plan.policy, store.read_now(directory.contacts))
    changes = _differences(examine(current[1])[1], plan) if current else []
    lines = [*changes[:MOST_SHOWN]]
    lines += [f"And {len(changes) - MOST_SHOWN} more."] if len(changes) > MOST_SHOWN else []
    lines += [f"Warning: {sentence}" for sentence in missing]
    lines.append(f"Version {version} of {plan.policy.name} is in force for new incidents.")
    return Result(lines, {"version": version, "changes": changes, "warnings": missing})


def versions(parsed: Namespace) -> Result:
    """Every plan that was in force, the newest first."""
    with open_store(settings_of(parsed)) as store:
        found = store.read_now(plans.versions)
    lines = [f"{version}  since {at:%Y-%m-%d %H:%M} UTC" for version, at in found]
    if lines:
        lines[0] += "  in force"
    data = [{"version": version, "since": at.isoformat()} for version, at in found]
    return Result(lines or ["None yet. Put one in force with `tocsin plan apply DIRECTORY`."], data)


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
        wrong = "\n".join(str(one) for one in examined.problems if not one.warning)
        raise Failure(f"The plan in {path} has problems; nothing is changed:\n{wrong}", code=2)
    return examined.plan, files


def _plan(parsed: Namespace, name: str) -> Plan:
    """Of a directory or, where there is none of that name, of a stored version."""
    if Path(name).is_dir():
        return _sound(Path(name))[0]
    with open_store(settings_of(parsed)) as store:
        files = store.read_now(partial(plans.files, version=name))
    if files is None:
        raise Failure(f"{name} is neither a directory nor a version. See `tocsin plan versions`.")
    return examine(files)[1]


def _differences(before: Plan, after: Plan) -> list[str]:
    executed = differences.diff(before.policy, after.policy)
    return executed + differences.diff_read(before.handbook, after.handbook)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _data(one: Problem) -> dict[str, Any]:
    return {
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "path": one.path,
        "message": one.message,
        "remedy": one.remedy,
        "warning": one.warning,
    }
