"""`tocsin severity why`: how bad it is by a plan, and why. Needs no server."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from tocsin.cli.refusal import refusal
from tocsin.cli.result import Failure, Result
from tocsin.core.facts import Fact, FactValue, built_in, complete
from tocsin.core.lengths import duration_of
from tocsin.core.model import FactId
from tocsin.core.policy import Policy
from tocsin.core.severity import Fit, Judgement, assess, fits, is_words
from tocsin.core.values import in_words, misfit, value_of
from tocsin.plan.document import listing
from tocsin.plan.facts import BY_THEMSELVES
from tocsin.plan.problems import PlanRefused
from tocsin.plan.read import compile_files, load_directory


def why(parsed: Namespace) -> Result:
    """Exit code 0: judged; 2: the plan or the words are wrong."""
    try:
        policy = compile_files(load_directory(Path(parsed.directory)))
    except PlanRefused as refused:
        return refusal(refused)
    lasts = duration_of(parsed.lasts or "0s")
    if lasts is None:
        raise Failure(f"`{parsed.lasts}` is no length of time. Write it like 90s, 5m or 2h.", 2)
    known = dict(_read(policy, pair) for pair in parsed.facts)
    held = {row.threshold for row in policy.classifications if row.lasts <= lasts}
    judged, found = assess(policy, known, held), fits(policy, known, held)
    everything = complete(policy.facts, known)
    missing = _could_be_worse(policy, judged, everything)
    return Result(
        _lines(policy, judged, found, everything, missing),
        {
            "level": judged.level.id,
            "reason": judged.reason,
            "fits": [{"level": one.level, "reason": one.reason, "waits": one.waits} for one in found],
            "facts": {id: _said(policy, id, value) for id, value in everything.items()},
            "not_known": missing,
        },
    )


def _read(policy: Policy, pair: str) -> tuple[FactId, FactValue]:
    name, equals, given = pair.partition("=")
    known = _sayable(policy)
    fact = known.get(FactId(name))
    if fact is None or not equals:
        raise Failure(f"`{pair}` says no fact. Write FACT=VALUE; facts are: {listing(known)}.", 2)
    value = value_of(fact, given)
    if value is None:
        raise Failure(misfit(fact, given).reason, 2)
    return fact.id, value


def _sayable(policy: Policy) -> Mapping[FactId, Fact]:
    """What can be said: not what follows from other facts, from the level or from the clock."""
    given = built_in([level.id for level in policy.levels], policy.services)
    facts = {**policy.facts, **given}
    return {id: fact for id, fact in facts.items() if not fact.derived and id not in BY_THEMSELVES}


def _could_be_worse(policy: Policy, judged: Judgement, known: Mapping[FactId, FactValue]) -> list[FactId]:
    """Facts that are not known, and by which a worse level could follow."""
    found: dict[FactId, None] = {}
    for row in policy.classifications:
        worse = policy.level(row.level).rank < judged.level.rank
        if worse and row.condition is not None and row.condition.holds(known) is None:
            found |= dict.fromkeys(sorted(row.condition.needs - known.keys()))
    matrix = policy.matrix
    if matrix is not None:
        axes = (matrix.down, matrix.across)
        for cell, level in matrix.cells.items():
            fitting = all(known.get(id, value) == value for id, value in zip(axes, cell, strict=True))
            if fitting and policy.level(level).rank < judged.level.rank:
                found |= {leaf: None for id in axes for leaf in _leaves(policy, id) if leaf not in known}
    return list(found)


def _leaves(policy: Policy, id: FactId) -> list[FactId]:
    """The facts that somebody says, from which this one is worked out; itself, when nothing is."""
    fact = policy.facts.get(id)
    chosen = fact.chosen_by if fact else ()
    needs = [*(fact.highest_of if fact else ()), *(need for _, one in chosen for need in sorted(one.needs))]
    return [leaf for need in needs for leaf in _leaves(policy, need)] if needs else [id]


def _lines(
    policy: Policy,
    judged: Judgement,
    found: list[Fit],
    known: Mapping[FactId, FactValue],
    missing: list[FactId],
) -> list[str]:
    lines = [f"{judged.level.id}, because {judged.reason}."]
    width = max(len(level.id) for level in policy.levels)
    if found:
        lines += ["", "What fits:"]
        lines += [f"  {one.level:{width}}  {one.reason}{_later(one)}" for one in found]
    derived = [id for id, fact in policy.facts.items() if fact.derived and id in known]
    if derived:
        lines += ["", "What follows:", *(f"  {is_words(policy.facts, id, known)}" for id in derived)]
    if missing:
        lines += ["", f"Not known, and could make it worse: {', '.join(missing)}."]
    return lines


def _later(fit: Fit) -> str:
    return " – once it has held for so long" if fit.waits else ""


def _said(policy: Policy, id: FactId, value: FactValue) -> str:
    fact = policy.facts.get(id)
    return in_words(value, fact.kind if fact else None)
