"""Telling: messages that want no answer. They never acknowledge anything and never hold up the ladder."""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.core.incident import events
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.pages import plan_rings
from tocsin.core.incident.paging.targets import lead, people
from tocsin.core.model import PersonId, Tell
from tocsin.core.policy import Person, Target


def tell(draft: Draft, targets: Iterable[Target], words: str, besides: Iterable[PersonId] = ()) -> None:
    """Tell the people behind `targets`, once each, but for those who hear of it already."""
    hear = set(besides)
    for person in people(draft, targets):
        if person.id not in hear:
            _tell_one(draft, person, words)


def tell_lead(draft: Draft, words: str) -> None:
    """Tell whoever leads."""
    tell(draft, lead(draft), words)


def give_tasks(draft: Draft, tasks: tuple[str, ...], reason: str) -> None:
    """Put tasks on the incident's list, those that are not there yet."""
    given = {task.words for task in draft.state.tasks}
    fresh = tuple(one for one in dict.fromkeys(tasks) if one not in given)
    if fresh:
        draft.add(events.TasksGiven(fresh, reason))


def _tell_one(draft: Draft, person: Person, words: str) -> None:
    # By whatever their own rules would use first: somebody who sleeps is not to be rung up for news.
    rings = plan_rings(draft, person)
    first = [ring.channel for ring in rings if ring.after_seconds == rings[0].after_seconds]
    for channel in dict.fromkeys(first):
        number = draft.state.told_count + 1
        key = f"{draft.state.id}/told/{number}"
        draft.add(events.Told(number, person.id, person.name, channel, key, words))
        draft.effects.append(Tell(key, number, person.id, channel, words))
