"""How bad it is by the plan, by hand: its table and its matrix over what was said, with no code of the core.

Of all that fits the worst counts. What nothing fits has the worst level: doubt goes up. Where all that fits
must hold for longer, it has the mildest level meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping

from tests.sim import conditions
from tocsin.core.model import Signal
from tocsin.core.policy import Classification, Matrix, Policy

IMPACTS = ("low", "medium", "high")
BUCKETS = ("reachable", "partly", "unreachable")


def by_facts(policy: Policy, said: Mapping[str, str], held: Container[str] = ()) -> str | None:
    """What facts come to by themselves; None where the plan says nothing of them. `held` thresholds count."""
    return _worst(policy, _fitting(policy, {}, said, held))


def alone(policy: Policy, fields: Mapping[str, str], said: Mapping[str, str]) -> str:
    """What one alert comes to by itself: by what it says of itself, and the facts that it states."""
    return _worst(policy, _fitting(policy, fields, said, ())) or policy.levels[0].id


def of_signals(policy: Policy, signals: Collection[Signal]) -> set[str]:
    """Every level that one alert may come to that these signals told of, worse or not in between."""
    known = {(one.source, tuple(stated(one).items())) for one in signals}
    return {
        alone(policy, {"severity": severity, "source": source}, dict(said))
        for source, said in known
        for severity in {one.severity for one in signals}
    }


def stated(signal: Signal) -> dict[str, str]:
    """The facts that an alert states."""
    return {fact: str(value) for fact, value in signal.details.items() if fact in conditions.VALUES}


def rank(policy: Policy, level: str) -> int:
    """0 is the worst."""
    return [one.id for one in policy.levels].index(level)  # type: ignore[arg-type]  # an id is a text


Fit = tuple[str, bool]
"""A level, and whether it has to wait until its condition has held for longer."""


def _worst(policy: Policy, found: list[Fit]) -> str | None:
    counting = [level for level, waits in found if not waits]
    if counting:
        return min(counting, key=lambda one: rank(policy, one))
    return policy.levels[-1].id if found else None


def _fitting(
    policy: Policy, fields: Mapping[str, str], said: Mapping[str, str], held: Container[str]
) -> list[Fit]:
    known = {fact: conditions.value(fact, words) for fact, words in said.items() if words}
    rows = [
        (row.level, bool(row.lasts) and row.threshold not in held)
        for row in policy.classifications
        if _row_fits(row, fields, known)
    ]
    return [*rows, *((level, False) for level in _in_matrix(policy, policy.matrix, known))]


def _row_fits(row: Classification, fields: Mapping[str, str], known: conditions.Known) -> bool:
    if any(fields.get(name) != wanted for name, wanted in row.when.items()):
        return False
    return row.condition is None or conditions.MEANS[row.condition.text](known)


def _in_matrix(policy: Policy, matrix: Matrix | None, known: conditions.Known) -> Iterator[str]:
    """Impact, which follows from the users, across and the bucket down; who is silent means the worst."""
    users, bucket = known.get("users"), known.get("bucket")
    if matrix is None or (users is None and bucket is None):
        return
    impacts = IMPACTS if not isinstance(users, float) else (_impact(users),)
    buckets = BUCKETS if bucket is None else (str(bucket),)
    cells = [matrix.cells[down, across] for down in buckets for across in impacts]
    yield min(cells, key=lambda one: rank(policy, one))


def _impact(users: float) -> str:
    return "high" if users > 100 else "medium" if users >= 10 else "low"
