"""What tests look up in a plan."""

from __future__ import annotations

from datetime import timedelta

from tocsin.core.facts import FactValue
from tocsin.core.model import FactId, LevelId
from tocsin.core.policy import Cadence, Clock, Level, Milestone, Promise, Step
from tocsin.plan.handbook import Phase, Plan
from tocsin.plan.messages import FIELD
from tocsin.plan.sentences import spelled


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def the_level(plan: Plan, id: str) -> Level:
    return plan.policy.level(LevelId(id))


def step(plan: Plan, level: str, number: int) -> Step:
    return the_level(plan, level).ladder[number - 1]


def steps(plan: Plan, level: str) -> list[tuple[Clock, timedelta, list[str], list[str]]]:
    """Each step's clock, time, and whom it pages and tells."""
    return [
        (one.clock, one.after, [*map(spelled, one.targets)], [*map(spelled, one.tell)])
        for one in the_level(plan, level).ladder
    ]


def updates_of(plan: Plan) -> dict[str, tuple[Cadence, ...]]:
    """The updates of each level."""
    return {level.id: level.updates for level in plan.policy.levels}


def promise(plan: Plan, id: str) -> Promise:
    return next(one for one in plan.policy.promises if one.id == id)


def promised(plan: Plan, id: str, starts: timedelta, ends: timedelta, by: Milestone) -> Phase:
    """The phase of that name, whose window is a promise."""
    phase = next(one for one in plan.handbook.phases if one.id == id)
    assert (phase.starts, phase.ends_by, phase.ends) == (starts, ends, by)
    assert (promise(plan, id).within, promise(plan, id).kept_by) == (ends, by)
    assert promise(plan, id).anchor is phase.anchor
    return phase


def holds(plan: Plan, level: str, **facts: FactValue) -> bool:
    """Whether a row of the table gives the level for these facts alone."""
    known = {FactId(name): value for name, value in facts.items()}
    rows = [row for row in plan.policy.classifications if row.level == level and row.condition]
    return any(row.condition.holds(known) for row in rows if row.condition)


def lasting(plan: Plan, level: str, fact: str) -> set[timedelta]:
    """How long conditions over a fact must have held for a level."""
    rows = [row for row in plan.policy.classifications if row.level == level and row.condition]
    return {row.lasts for row in rows if row.condition and fact in row.condition.needs}


def template_says(plan: Plan, name: str, to: str, *fields: str) -> bool:
    """The message is for that audience and holds these fields."""
    template = plan.handbook.templates[name]
    held = {match[1] for match in FIELD.finditer(template.text)}
    assert template.to == to
    assert set(fields) <= held, (name, set(fields) - held)
    return True


def said(text: str, *parts: str) -> bool:
    """The parts stand in the text, in that order."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"{part} is not in: {text[at:]}"
        at = found + len(part)
    return True
