"""What differs between two plans, in the plan's own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Any

from tocsin.core.oncall import Rota
from tocsin.core.policy import Policy
from tocsin.plan.changes import lines, named, targets, value
from tocsin.plan.diff_levels import level_changes
from tocsin.plan.handbook import Handbook
from tocsin.plan.rota_words import rota_lines
from tocsin.plan.sentences import all_of, interval, length, promise_line, row_line


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
        *value("The clocks of a new level run from", before.reclassify.clocks, after.reclassify.clocks),
        *targets("A level may be lowered by", before.reclassify.lower, after.reclassify.lower, "anybody"),
        *_progress(before, after),
        *named("Stage", before.stages, after.stages),
        *named("Escalation", _by_id(before.triggers), _by_id(after.triggers)),
        *named("Fact", before.facts, after.facts),
        *named("Role", before.roles, after.roles, _role),
        *named("Team", before.teams, after.teams, _team),
        *named("Rota", before.rotas, after.rotas, _rota),
        *targets("The catch-all is", before.catch_all, after.catch_all),
        *value("People are told", _rules(before), _rules(after)),
        *named("Service", before.services, after.services),
        *named("Integration", before.integrations, after.integrations, _reports),
        *lines("Promise", map(promise_line, before.promises), map(promise_line, after.promises)),
        *lines("A review is due", _due(before), _due(after)),
        *lines("Review step", map(promise_line, before.review_steps), map(promise_line, after.review_steps)),
        *named("Duty", _by_id(before.calendar), _by_id(after.calendar), _duty),
    ]


def diff_read(before: Handbook, after: Handbook) -> list[str]:
    """A sentence for everything that people read and differs."""
    found = [*named("Message", before.templates, after.templates)]
    found += named("Runbook", before.runbooks, after.runbooks)
    apart = ("templates", "runbooks")
    for one in fields(Handbook):
        if one.name not in apart and getattr(before, one.name) != getattr(after, one.name):
            found.append(f"What people read about {one.name.replace('_', ' ')} has changed.")
    return found


def _by_id(values: Iterable[Any]) -> dict[str, Any]:
    return {one.id: one for one in values}


def _order(before: Policy, after: Policy) -> list[str]:
    old, new = ([level.id for level in one.levels] for one in (before, after))
    same = sorted(old) == sorted(new) and old != new
    return [f"The order of the levels is {all_of(new)}, was {all_of(old)}."] if same else []


def _rows(before: Policy, after: Policy) -> Iterator[str]:
    yield from lines("Level", map(row_line, before.classifications), map(row_line, after.classifications))
    old, new = (one.matrix.cells if one.matrix else {} for one in (before, after))
    for cell in {**old, **new}:
        yield from value(f"The matrix at {' and '.join(cell)} gives", old.get(cell), new.get(cell))


def _progress(before: Policy, after: Policy) -> Iterator[str]:
    old, new = before.progress, after.progress
    yield from value("Progress is", all_of(sorted(old.counts)), all_of(sorted(new.counts)))
    yield from value("The warning before a stall comes", length(old.warn_before), length(new.warn_before))
    yield from value("The one extension is", length(old.extend_by), length(new.extend_by))


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
        found += lines(f"Rota {name}", old, new_lines)
    return found


def _without_people(rota: Rota) -> Rota:
    return replace(rota, layers=tuple(replace(layer, people=()) for layer in rota.layers))


def _rules(policy: Policy) -> str:
    return "; ".join(f"by {all_of(one.channels)} after {length(one.after)}" for one in policy.notify_rules)


def _reports(name: str, before: object, after: object) -> list[str]:
    return [f"{name} reports on {after}, was {before}."]


def _duty(name: str, before: Any, after: Any) -> list[str]:
    return value(f"{name} is due", interval(before), interval(after))
