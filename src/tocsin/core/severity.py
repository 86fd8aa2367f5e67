"""How bad it is by the plan, and why: every row that fits and the matrix, of which the worst wins."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from tocsin.core.facts import Condition, Fact, FactValue, complete, possible_choices
from tocsin.core.model import FactId, LevelId, ServiceId, Signal
from tocsin.core.policy import Classification, Level, Matrix, Policy
from tocsin.core.values import found_in, in_words

FIELDS = ("severity", "source", "component", "group", "class")
"""What a row may look at in an alert."""

Known = Mapping[FactId, FactValue]
"""Facts with their values."""

DOUBT = "no row of the plan matches it, and doubt goes up"


@dataclass(frozen=True)
class Judgement:
    """A level and why, as a clause: it is P1 because ..."""

    level: Level
    reason: str


@dataclass(frozen=True)
class Fit:
    """A row of the plan that fits, or its matrix. One that `waits` counts once its condition has held."""

    level: LevelId
    reason: str
    waits: bool = False


def facts(signal: Signal) -> tuple[str, ...]:
    """The fields of an alert, in the order of FIELDS."""
    return signal.severity, signal.source, signal.component, signal.group, signal.event_class


def facts_of(policy: Policy, signal: Signal) -> dict[FactId, FactValue]:
    """What an alert says: its fields, and those of the plan's facts that its details state."""
    found: dict[FactId, FactValue] = dict(zip(_FIELD_IDS, facts(signal), strict=True))
    if policy.facts and signal.details:
        found |= found_in(signal.details, policy.facts)
    return found


_FIELD_IDS = tuple(map(FactId, FIELDS))


SERVICE = FactId("service")


def judge(policy: Policy, signal: Signal, service: ServiceId | None = None) -> Judgement:
    """The worst level that the plan gives this alert of a service."""
    known = facts_of(policy, signal)
    return assess(policy, {**known, SERVICE: service} if service else known)


def assess(policy: Policy, known: Known, held: Container[str] = ()) -> Judgement:
    """The worst level that the plan gives these facts. What nothing fits is in doubt, and doubt goes up."""
    return settle(policy, fits(policy, known, held)) or Judgement(policy.levels[0], DOUBT)


def settle(policy: Policy, found: Iterable[Fit]) -> Judgement | None:
    """The worst of what fits; the mildest level while all of it must hold for longer; None without any."""
    found = list(found)
    counting = [fit for fit in found if not fit.waits]
    if counting:
        ranked = ((policy.level(fit.level), fit.reason) for fit in counting)
        return Judgement(*min(ranked, key=lambda one: one[0].rank))
    if found:
        reason = f"{found[0].reason}, which has not held for long enough yet"
        return Judgement(policy.levels[-1], reason)
    return None


def fits(policy: Policy, known: Known, held: Container[str] = ()) -> list[Fit]:
    """Every row that fits, in the order of the plan, then the matrix. `held` are thresholds that count."""
    everything = complete(policy.facts, known)
    found = [
        Fit(row.level, _row_words(policy, row, everything), bool(row.lasts) and row.threshold not in held)
        for row in policy.classifications
        if _row_fits(row, everything)
    ]
    if policy.matrix is not None:
        found += _matrix_fit(policy, policy.matrix, everything)
    return found


def _row_fits(row: Classification, known: Known) -> bool:
    for name, wanted in row.when.items():
        if known.get(FactId(name)) != wanted:
            return False
    return row.condition is None or row.condition.holds(known) is True


def _matrix_fit(policy: Policy, matrix: Matrix, known: Known) -> Iterator[Fit]:
    """What is not known counts as the choice that gives the worst level; nothing known gives nothing."""
    if matrix.across not in known and matrix.down not in known:
        return
    rank = {level.id: level.rank for level in policy.levels}
    across, down = (possible_choices(policy.facts, known, id) for id in (matrix.across, matrix.down))
    # The highest choices come first, so that of cells with the same level they are the ones that are named.
    cells = product(reversed(down), reversed(across))
    cell = min(cells, key=lambda one: rank[matrix.cells[one]])
    sides = ((matrix.across, cell[1]), (matrix.down, cell[0]))
    words = " and ".join(_side_words(policy, id, choice, known) for id, choice in sides)
    yield Fit(matrix.cells[cell], words)


def _side_words(policy: Policy, id: FactId, choice: str, known: Known) -> str:
    if id in known:
        return is_words(policy.facts, id, known)
    return f"{id} is not known and counts as {choice}"


def _row_words(policy: Policy, row: Classification, known: Known) -> str:
    parts = [f"{name} is {value}" for name, value in row.when.items()]
    if row.condition is not None:
        said = _known_words(policy.facts, row.condition, known)
        parts.append(said if row.because else _condition_words(row, row.condition, known, said))
    words = " and ".join(filter(None, parts)) or "every alert has it"
    return f"{row.because} ({words})" if row.because else words


def _known_words(declared: Mapping[FactId, Fact], condition: Condition, known: Known) -> str:
    return " and ".join(is_words(declared, id, known) for id in sorted(condition.needs) if id in known)


def _condition_words(row: Classification, condition: Condition, known: Known, said: str) -> str:
    """What is known of its facts, then the condition itself, where it says more than that."""
    text = row.threshold or condition.text
    if any(text in (id, f"{id} == {known.get(id)}") for id in condition.needs):
        return said
    return f"{said} ({text})" if said else text


def is_words(declared: Mapping[FactId, Fact], id: FactId, known: Known) -> str:
    """A known fact in words; of one that is worked out, from what."""
    value, fact = known[id], declared.get(id)
    words = f"{id} is {in_words(value, fact.kind if fact else None)}"
    if fact is None or not fact.derived:
        return words
    return f"{words} ({' and '.join(_from_words(declared, fact, known))})"


def _from_words(declared: Mapping[FactId, Fact], fact: Fact, known: Known) -> list[str]:
    value = known[fact.id]
    for source in fact.highest_of:
        if known.get(source) == value:
            other = declared[source]
            return (
                _from_words(declared, other, known) if other.derived else [is_words(declared, source, known)]
            )
    needs = dict(fact.chosen_by)[str(value)].needs if fact.chosen_by else frozenset()
    return [is_words(declared, id, known) for id in sorted(needs) if id in known]
