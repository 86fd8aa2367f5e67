"""Engines that judge or address wrongly: another level than the plan gives, people whom it does not mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from tocsin.core import facts, severity
from tocsin.core.incident.acts import assess, updates
from tocsin.core.incident.paging import ladder, pages, targets, telling


@contextmanager
def first_row_wins() -> Iterator[None]:
    """The first row that fits counts, as in a list of mail rules, and not the worst."""

    def broken(policy: Any, found: Any) -> Any:
        counting = [fit for fit in found if not fit.waits]
        return severity.Judgement(policy.level(counting[0].level), counting[0].reason) if counting else None

    with mock.patch.object(severity, "settle", broken), mock.patch.object(assess, "settle", broken):
        yield


@contextmanager
def doubt_goes_down() -> Iterator[None]:
    """What no row fits is not so bad."""

    def broken(policy: Any, known: Any, held: Any = ()) -> Any:
        mild = severity.Judgement(policy.levels[-1], severity.DOUBT)
        return severity.settle(policy, severity.fits(policy, known, held)) or mild

    with mock.patch.object(severity, "assess", broken):
        yield


@contextmanager
def threshold_counts_at_once() -> Iterator[None]:
    """`for: 5m` is read, and nobody waits."""
    real = severity.fits

    def broken(*given: Any) -> Any:
        return [replace(fit, waits=False) for fit in real(*given)]

    with mock.patch.object(severity, "fits", broken), mock.patch.object(assess, "fits", broken):
        yield


@contextmanager
def fact_forgets_to_raise() -> Iterator[None]:
    """What people say about an incident is recorded, and its level stays what its alerts gave it."""
    real = assess.learn

    def broken(draft: Any, said: Any, actor: Any) -> None:
        real(draft, said, actor)

    with mock.patch.object(assess, "learn", broken):
        yield


@contextmanager
def unknown_counts_as_low() -> Iterator[None]:
    """A matrix of which one side is not known takes the mildest, where doubt goes up."""
    real = facts.possible_choices

    def broken(*given: Any) -> Any:
        return real(*given)[:1]

    with mock.patch.object(severity, "possible_choices", broken):
        yield


@contextmanager
def turns_forgotten() -> Iterator[None]:
    """The next of a team is always the first of its list."""
    with mock.patch.object(targets, "_longest_ago", lambda _draft, found: found[0]):
        yield


@contextmanager
def turns_of_one_incident() -> Iterator[None]:
    """Who was paged for another incident counts as rested."""
    real = targets._longest_ago

    def broken(draft: Any, found: Any) -> Any:
        return real(replace(draft, view=replace(draft.view, paged_at={})), found)

    with mock.patch.object(targets, "_longest_ago", broken):
        yield


@contextmanager
def the_paged_are_told_too() -> Iterator[None]:
    """Whoever is paged by a step hears of it as news besides."""
    real = telling.tell
    with mock.patch.object(ladder, "tell", lambda draft, to, words, _besides: real(draft, to, words)):
        yield


@contextmanager
def step_pages_twice() -> Iterator[None]:
    """A step asks each person, and then once more."""
    real = pages.page

    def broken(draft: Any, person: Any, reason: str, until: Any) -> None:
        real(draft, person, reason, until)
        asked = next(one for one in draft.state.pages if one.person == person.id)
        pages.withdraw(draft, asked, "paged again")
        pages.cross_over(draft, person, asked, reason)

    with mock.patch.object(ladder, "page", broken):
        yield


@contextmanager
def updates_go_to_the_lead() -> Iterator[None]:
    """Updates go to whoever leads, and not to their audience."""

    def broken(draft: Any, _to: Any, words: str, _besides: Any) -> None:
        telling.tell(draft, targets.lead(draft), words)

    with mock.patch.object(updates, "tell", broken):
        yield
