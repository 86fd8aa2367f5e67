"""Putting a plan in force: by the command line beside the database, and by the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.core.policy import Policy
from tocsin.plan.diff import differences
from tocsin.plan.handbook import Plan
from tocsin.plan.people import missing_people, missing_stand_ins
from tocsin.plan.read import examine, load_stored
from tocsin.store import directory, overrides, plans, subjects
from tocsin.store.subjects import Pinned
from tocsin.store.transaction import Transaction


@dataclass(frozen=True)
class Enforced:
    """What came of it. Where it was in force already, it is not `fresh`.

    `before` are the files of the plan that was in force, if any; `missing` has a sentence for everybody whom
    the plan names and the directory does not know, and for every stand-in who is out of reach. `pinned` are
    the other plans by which open incidents go, with their files.
    """

    version: str
    fresh: bool
    before: Mapping[str, str] | None
    missing: tuple[str, ...]
    pinned: tuple[tuple[Pinned, Mapping[str, str]], ...] = ()


def enforce(tx: Transaction, policy: Policy, files: Mapping[str, str], now: datetime) -> Enforced:
    """Put a sound plan in force for new incidents; one that is in force already stays as it is."""
    current = plans.current(tx)
    fresh = current is None or current[0] != policy.version
    if fresh:
        plans.keep(tx, policy.version, files, now)
    others = [(one, plans.files(tx, one.version)) for one in subjects.pinned(tx)]
    pinned = tuple((one, found) for one, found in others if found and one.version != policy.version)
    before = current[1] if current else None
    return Enforced(policy.version, fresh, before, tuple(missing(tx, policy, now)), pinned)


def missing(tx: Transaction, policy: Policy, now: datetime) -> list[str]:
    """A sentence for everybody whom the plan, or a stand-in, counts on and who is not there."""
    people = directory.contacts(tx)
    return [*missing_people(policy, people), *missing_stand_ins(overrides.standing(tx, now), people)]


def warnings(done: Enforced, policy: Policy) -> list[str]:
    """What to know of the plan that is in force now. It may take a second."""
    gone = {rota: one for one, files in done.pinned for rota in load_stored(files).rotas}
    return [
        *done.missing,
        *(
            f"Rota `{rota}` is gone, and open incidents that began under another plan still page by it,"
            f" such as {one.incident}. Let each go by this one (`tocsin incident ID repin`), or arrange"
            " stand-ins there until they are over."
            for rota, one in gone.items()
            if rota not in policy.rotas
        ),
    ]


def changes(done: Enforced, plan: Plan) -> list[str]:
    """What differs from the plan that was in force before, in the plan's words. It may take a second."""
    if not done.fresh or done.before is None:
        return []
    return differences(examine(done.before)[1], plan)
