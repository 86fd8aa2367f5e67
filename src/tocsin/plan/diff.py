"""What differs between two plans, in the plan's own words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from typing import Any

from tocsin.core.aloud import all_of
from tocsin.core.oncall import Rota
from tocsin.core.policy import Policy, Promise, Rebase
from tocsin.plan.changes import lines, named, targets, value
from tocsin.plan.diff_levels import level_changes
from tocsin.plan.handbook import Handbook, Plan
from tocsin.plan.rota_words import rota_lines
from tocsin.plan.sentences import (
    fact_line,
    interval,
    length,
    promise_line,
    row_line,
    stage_line,
    trigger_line,
)


def differences(before: Plan, after: Plan) -> list[str]:
    """A sentence for everything that differs."""
    return diff(before.policy, after.policy) + diff_read(before.handbook, after.handbook)


def diff(before: Policy, after: Policy) -> list[str]:
    """A sentence for everything that is executed and differs."""
    return [
        *value("The plan is called", before.name, after.name),
        *value("The zone is", before.zone, after.zone),
        *value("Incident ids look like", before.incident_id, after.incident_id),
        *value("The channel is", before.channel, after.channel),
        *named("Level", _by_id(before.levels), _by_id(after.levels), level_changes),
        *_order(before, after),
        *_rows(before, after),
        *value("When the level changes, its clocks run", _clocks(before), _clocks(after)),
        *targets("A level may be lowered by", before.reclassify.lower, after.reclassify.lower, "anybody"),
        *_progress(before, after),
        *named("Stage", before.stages, after.stages, _said("Stage", stage_line)),
        *_triggers(before, after),
        *named("Fact", before.facts, after.facts, _said("Fact", fact_line)),
        *named("Role", before.roles, after.roles, _role),
        *named("Team", before.teams, after.teams, _team),
        *named("Rota", before.rotas, after.rotas, _rota),
        *targets("The catch-all is", before.catch_all, after.catch_all),
        *value("People are told", _rules(before), _rules(after)),
        *named("Service", before.services, after.services, _service),
        *named("Integration", before.integrations, after.integrations, _reports),
        *_promised("Promised", before.promises, after.promises),
        *lines("A review is due no longer", "A review is due now", _due(before), _due(after)),
        *_promised("Promised of the review", before.review_steps, after.review_steps),
        *named("Duty", _by_id(before.calendar), _by_id(after.calendar), _duty),
    ]


def diff_read(before: Handbook, after: Handbook) -> list[str]:
    """A sentence for everything that people read and differs."""
    found = [*named("Message", before.templates, after.templates)]
    found += named("Runbook", before.runbooks, after.runbooks)
    apart = ("templates", "runbooks")
    for one in fields(Handbook):
        if one.name not in apart and getattr(before, one.name) != getattr(after, one.name):
            found.append(f"What people read about {_READ.get(one.name, one.name)} has changed.")
    return found


_READ = {
    "about": "the plan itself",
    "media": "channels",
    "meeting": "the review",
    "examples": "examples of the levels",
    "role_duties": "what roles do",
    "rota_duties": "what those on call do",
    "answers_within": "how soon those on call are there",
    "hand_over": "how a turn passes on",
    "mitigations": "first moves",
    "actions": "what follows a review",
    "scenarios": "what is practised",
    "skills": "what is learnt",
    "measures": "what is measured",
    "readiness": "what is expected of those on call",
}
"""What the parts of the handbook are about, where their names do not say it."""


def _clocks(policy: Policy) -> str:
    opened = policy.reclassify.clocks is Rebase.OPENED
    return "as if it had been so from the start" if opened else "from then on"


def _promised(what: str, before: Iterable[Promise], after: Iterable[Promise]) -> Iterator[str]:
    return lines(f"{what} no longer:", f"{what} now:", map(promise_line, before), map(promise_line, after))


def _said(what: str, line: Callable[[Any], str]) -> Callable[[str, Any, Any], Iterator[str]]:
    """What it was in words, and what it is."""
    return lambda _, old, new: lines(f"{what} no longer:", f"{what} now:", [line(old)], [line(new)])


def _triggers(before: Policy, after: Policy) -> Iterator[str]:
    old, new = (_by_id(one.triggers) for one in (before, after))
    return named("Escalation", old, new, _said("Escalation", trigger_line))


def _by_id(values: Iterable[Any]) -> dict[str, Any]:
    return {one.id: one for one in values}


def _order(before: Policy, after: Policy) -> list[str]:
    old, new = ([level.id for level in one.levels] for one in (before, after))
    same = sorted(old) == sorted(new) and old != new
    return [f"The order of the levels is {all_of(new)}, was {all_of(old)}."] if same else []


def _rows(before: Policy, after: Policy) -> Iterator[str]:
    rows = (map(row_line, one.classifications) for one in (before, after))
    yield from lines("The level is no longer", "The level is now", *rows)
    old, new = (one.matrix.cells if one.matrix else {} for one in (before, after))
    for cell in {**old, **new}:
        yield from value(f"The matrix at {' and '.join(cell)} gives", old.get(cell), new.get(cell))


def _progress(before: Policy, after: Policy) -> Iterator[str]:
    old, new = before.progress, after.progress
    yield from value("Progress is", all_of(sorted(old.counts)), all_of(sorted(new.counts)))
    warned = (length(one.warn_before) if one.warn_before else "" for one in (old, new))
    yield from value("The time between the warning of a stall and its step is", *warned)
    extended = (length(one.extend_by) if one.extend_by else "" for one in (old, new))
    yield from value("What a step for want of progress can be put off by is", *extended)


def _role(name: str, before: Any, after: Any) -> list[str]:
    found = targets(f"{name} falls to", before.default, after.default)
    found += value(f"{name} must be held at", all_of(before.at), all_of(after.at))
    return found + value(f"{name} is never held with", all_of(before.not_with), all_of(after.not_with))


def _team(name: str, before: Any, after: Any) -> list[str]:
    return targets(f"Team {name} is", before.members, after.members)


def _due(policy: Policy) -> list[str]:
    return [f"when {one.text}." for one in policy.review_due_when]


def _rota(name: str, before: Rota, after: Rota) -> list[str]:
    gone = [person for person in before.people if person not in after.people]
    new = [person for person in after.people if person not in before.people]
    found = [f"{all_of(new)} joins rota {name}."] if new else []
    found += [f"{all_of(gone)} leaves rota {name}."] if gone else []
    if not found or _without_people(before) != _without_people(after):
        old, new_lines = ([f"{line}." for line in rota_lines(one)] for one in (before, after))
        found += lines(f"Rota {name} is no longer:", f"Rota {name} is now:", old, new_lines)
    return found


def _without_people(rota: Rota) -> Rota:
    return replace(rota, layers=tuple(replace(layer, people=()) for layer in rota.layers))


def _rules(policy: Policy) -> str:
    return "; ".join(f"by {all_of(one.channels)} after {length(one.after)}" for one in policy.notify_rules)


def _service(name: str, before: Any, after: Any) -> list[str]:
    return value(f"Service {name} is called", before.name, after.name)


def _reports(name: str, before: object, after: object) -> list[str]:
    return [f"{name} reports on {after}, was {before}."]


def _duty(name: str, before: Any, after: Any) -> list[str]:
    return value(f"{name} is due", interval(before), interval(after))
