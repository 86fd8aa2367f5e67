"""Putting a plan in force: by the command line beside the database, and by the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.core.policy import Policy
from tocsin.plan.diff import differences
from tocsin.plan.handbook import Plan
from tocsin.plan.people import missing_people
from tocsin.plan.read import examine
from tocsin.store import directory, plans
from tocsin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Enforced:
    """What came of it. Where it was in force already, it is not `fresh`.

    `before` are the files of the plan that was in force, if any; `missing` has a sentence for everybody whom
    the plan names and the directory does not know.
    """

    version: str
    fresh: bool
    before: Mapping[str, str] | None
    missing: tuple[str, ...]


def enforce(tx: Transaction, policy: Policy, files: Mapping[str, str], now: datetime) -> Enforced:
    """Put a sound plan in force for new incidents; one that is in force already stays as it is."""
    current = plans.current(tx)
    fresh = current is None or current[0] != policy.version
    if fresh:
        plans.keep(tx, policy.version, files, now)
    missing = missing_people(policy, directory.contacts(tx))
    return Enforced(policy.version, fresh, current[1] if current else None, tuple(missing))


def changes(done: Enforced, plan: Plan) -> list[str]:
    """What differs from the plan that was in force before, in the plan's words. It may take a second."""
    if not done.fresh or done.before is None:
        return []
    return differences(examine(done.before)[1], plan)
