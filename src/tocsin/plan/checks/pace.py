"""What comes too seldom or too late for the deadline that it serves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from tocsin.core.directory import Contact
from tocsin.core.policy import Clock, Level, Milestone, Moment, Policy, Promise, Target
from tocsin.plan.checks.duty import people_of
from tocsin.plan.document import Document
from tocsin.plan.handbook import Plan
from tocsin.plan.promises import LEVEL
from tocsin.plan.sentences import length

_OVER = (Milestone.MITIGATED, Milestone.RESOLVED, Milestone.CLOSED)


def check_pace(document: Document, plan: Plan) -> None:
    """Note each level at which a deadline would be over before what serves it."""
    _check_notify(document, plan.policy)
    _check_promises(document, plan.policy)
    for level in plan.policy.levels:
        _check_first_page(document, level)
        _check_updates(document, level, over_within(plan.policy, level))
        _check_warning(document, level, plan.policy.progress.warn_before)


def over_within(policy: Policy, level: Level) -> timedelta | None:
    """By when the plan promises that an incident of the level has been dealt with."""
    times = [
        one.by_level.get(level.id, one.within)
        for one in policy.promises
        if one.anchor is Milestone.OPENED
        and one.kept_by in _OVER
        and (one.when is None or one.when.holds({LEVEL: level.id}) is not False)
    ]
    return min(times, default=None)


def check_rules(beside: Document, contacts: Iterable[Contact], policy: Policy) -> None:
    """Note in people.yaml whose own rules begin when they were to have acknowledged."""
    for one in contacts:
        first = min((rule.after for rule in one.rules), default=timedelta(0))
        for level in policy.levels:
            at, whom = _first_page(level) or (timedelta(0), ())
            within = level.acknowledge_within
            if within is None or first == timedelta(0) or at + first < within:
                continue
            if one.id in people_of(policy, _holders(policy, whom)):
                when = f"when `{level.id}` is to be acknowledged within {length(within)}"
                message = f"{one.name} hears of a page after {length(first)}, {when}."
                beside.warn(beside.place(one.id, "rules"), message, "Begin `rules` with `after: 0m`.")
                break


def _holders(policy: Policy, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """The targets, with whoever has a role by default in the role's place."""
    held: list[Target] = []
    for one in targets:
        role = policy.roles.get(one.role) if one.role else None
        held += role.default if role else (one,)
    return tuple(held)


def _check_first_page(document: Document, level: Level) -> None:
    found = _first_page(level)
    if found is None:
        return
    first, _ = found
    for key, within in (
        ("acknowledge_within", level.acknowledge_within),
        ("respond_within", level.respond_within),
    ):
        if within is not None and first >= within:
            message = f"The first page goes out after {length(first)}, when this is over."
            document.warn(document.place("levels", level.id, key), message, "Page earlier, or promise less.")


def _first_page(level: Level) -> tuple[timedelta, tuple[Target, ...]] | None:
    """How soon somebody is paged at the earliest, unasked, and who."""
    at = timedelta(0)
    for step in level.ladder:
        if step.clock is not Clock.HAND:
            at = step.after if step.clock is Clock.LADDER else at + step.after
            if step.targets:
                return at, step.targets
    return None


def _check_notify(document: Document, policy: Policy) -> None:
    """A page reaches nobody before the first rule of `notify`."""
    first = min((rule.after for rule in policy.notify_rules), default=timedelta(0))
    for level in policy.levels:
        for key, within in (
            ("acknowledge_within", level.acknowledge_within),
            ("repeat_every", level.repeat_every),
        ):
            if level.pages and within is not None and timedelta(0) < within <= first:
                place = document.place("levels", level.id, key)
                message = f"Whoever is paged hears of it after {length(first)}, when this is over."
                document.warn(place, message, "Begin `notify` with `after: 0m`.")


def _check_updates(document: Document, level: Level, over: timedelta | None) -> None:
    for one in level.updates:
        keys = ("levels", level.id, "updates", one.audience)
        daily = timedelta(days=1) if one.at is Moment.DAILY else None
        times = [time for time in (one.first_within, one.every, daily) if time]
        _check_early(document, (*keys, "warn"), one.warn, min(times, default=timedelta(0)))
        waits = [time for time in (one.first_within, one.every) if time is not None]
        if over is not None and waits and max(waits) > over:
            message = f"`{level.id}` is to be dealt with in {length(over)}, before {length(max(waits))} pass."
            document.warn(document.place(*keys), message, "Tell people more often.")


def _check_promises(document: Document, policy: Policy) -> None:
    """A warning before its time begins would come at once, and say nothing new."""
    places: list[tuple[Promise, tuple[str | int, ...]]]
    places = [(one, ("promises", one.id)) for one in policy.promises]
    places += [(one, ("review", "steps", n)) for n, one in enumerate(policy.review_steps, 1)]
    for one, keys in places:
        _check_early(document, (*keys, "warn"), one.warn, min((one.within, *one.by_level.values())))


def _check_early(
    document: Document, keys: tuple[str | int, ...], warn: tuple[timedelta, ...], shortest: timedelta
) -> None:
    if warn and max(warn) >= shortest > timedelta(0):
        message = (
            f"The warning {length(max(warn))} before would come before its time of {length(shortest)} begins."
        )
        document.warn(document.place(*keys), message, "Make `warn` shorter.")


def _check_warning(document: Document, level: Level, before: timedelta) -> None:
    for number, step in enumerate(level.ladder, 1):
        if step.clock is Clock.PROGRESS and step.after <= before:
            early = length(before)
            message = f"The warning, {early} before this step, would come before it begins to wait."
            place = document.place("levels", level.id, "ladder", number)
            document.warn(place, message, "Make `warn_before` of `progress` shorter.")
