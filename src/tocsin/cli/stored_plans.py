"""Plans in the database of this machine. A module of its own, since what speaks SQL takes long to load."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from functools import partial
from typing import Any

from tocsin.app.clock import clock
from tocsin.cli.opening import open_store, settings_of
from tocsin.cli.result import Result
from tocsin.engine import enforce
from tocsin.plan.handbook import Plan
from tocsin.store import plans


def versions(parsed: Namespace) -> Result:
    """Every plan that was in force, the newest first."""
    with open_store(settings_of(parsed)) as store:
        found = store.read_now(plans.versions)
    lines = [f"{version}  since {at:%Y-%m-%d %H:%M} UTC" for version, at in found]
    if lines:
        lines[0] += "  in force"
    data = [{"version": version, "since": at.isoformat()} for version, at in found]
    return Result(lines or ["None yet. Put one in force with `tocsin plan apply DIRECTORY`."], data)


def files_of(parsed: Namespace, version: str) -> Mapping[str, str] | None:
    """The files of a version, or None."""
    with open_store(settings_of(parsed)) as store:
        return store.read_now(partial(plans.files, version=version))


def put_in_force(parsed: Namespace, plan: Plan, files: Mapping[str, str]) -> dict[str, Any]:
    """A sound plan, for new incidents; what the server's API says of the same."""
    with open_store(settings_of(parsed)) as store:
        done = store.write_now(partial(enforce.enforce, policy=plan.policy, files=files, now=clock()))
    said = {"version": done.version, "name": plan.policy.name, "fresh": done.fresh}
    return said | {
        "changes": enforce.changes(done, plan),
        "warnings": enforce.warnings(done, plan.policy),
    }
