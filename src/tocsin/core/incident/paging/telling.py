"""Telling: messages that want no answer. They never acknowledge anything and never hold up the ladder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from tocsin.core.incident import events
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.pages import plan_rings
from tocsin.core.incident.paging.targets import lead, people
from tocsin.core.model import PersonId, Tell
from tocsin.core.policy import Person, Target, Task


def tell(draft: Draft, targets: Iterable[Target], words: str, besides: Iterable[PersonId] = ()) -> None:
    """Tell the people behind `targets`, once each, but for those who hear of it already."""
    hear = set(besides)
    for person in people(draft, targets):
        if person.id not in hear:
            _tell_one(draft, person, words)


def tell_lead(draft: Draft, words: str) -> None:
    """Tell whoever leads."""
    tell(draft, lead(draft), words)


def give_tasks(draft: Draft, tasks: Iterable[Task], reason: str) -> None:
    """Put tasks of the plan on the incident's list."""
    put_tasks(draft, {one.words: draft.now + one.within if one.within else None for one in tasks}, reason)


def put_tasks(draft: Draft, tasks: Mapping[str, datetime | None], reason: str) -> None:
    """Put tasks on the incident's list, each perhaps due at a time, those that are not there yet."""
    given = {task.words for task in draft.state.tasks}
    fresh = {words: due_at for words, due_at in tasks.items() if words not in given}
    if fresh:
        due = ((words, due_at) for words, due_at in fresh.items() if due_at is not None)
        draft.add(events.TasksGiven(tuple(fresh), reason, tuple(due)))


def _tell_one(draft: Draft, person: Person, words: str) -> None:
    # By whatever their own rules would use first: somebody who sleeps is not to be rung up for news.
    rings = plan_rings(draft, person)
    first = [ring.channel for ring in rings if ring.after_seconds == rings[0].after_seconds]
    for channel in dict.fromkeys(first):
        number = draft.state.told_count + 1
        key = f"{draft.state.id}/told/{number}"
        draft.add(events.Told(number, person.id, person.name, channel, key, words))
        draft.effects.append(Tell(key, number, person.id, channel, words))
