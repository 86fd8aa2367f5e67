"""Who was asked to come, and the proof of every attempt to reach them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tocsin.core.incident import events
from tocsin.core.incident.events import Recorded
from tocsin.core.model import Outcome
from tocsin.web.sentences import Names, Tone, channel
from tocsin.web.times import Moment, Reader

PAGES_SHOWN = 20

_OUTCOMES = {
    Outcome.ACCEPTED: ("Accepted", Tone.GOOD),
    Outcome.UNKNOWN: ("Unknown, sent again", Tone.ALARM),
    Outcome.RETRYING: ("Refused, trying again", Tone.ALARM),
    Outcome.FAILED: ("Failed", Tone.ALARM),
}
_SENDING = ("Being sent", Tone.QUIET)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one message, or several in a row that went the same way."""

    channel: str
    first: int
    last: int
    outcome: str
    tone: Tone
    detail: str
    at: Moment
    until: Moment


@dataclass(frozen=True, slots=True)
class Paged:
    """One person asked once. `ended` is empty while the answer is awaited."""

    page: int
    name: str
    reason: str
    since: Moment
    ended: str
    tone: Tone
    attempts: tuple[Attempt, ...]


def paged(
    timeline: Sequence[Recorded], ledger: Sequence[Any], names: Names, times: Reader, *, over: bool
) -> tuple[Paged, ...]:
    """The newest pages of an incident, the newest first."""
    started = [(one.at, one.event) for one in timeline if isinstance(one.event, events.PageStarted)]
    ended = {
        one.event.page: _end(one.event, times.moment(one.at))
        for one in timeline
        if isinstance(one.event, events.PageAnswered | events.PageWithdrawn)
    }
    attempts: defaultdict[int, list[Attempt]] = defaultdict(list)
    for entry in ledger:
        _add(attempts[_page_of(entry.key)], _attempt(entry, times))
    waiting = ("Not answered", Tone.QUIET) if over else ("Waiting for an answer", Tone.ALARM)
    return tuple(
        Paged(
            event.page,
            names.get(event.person, event.person_name),
            event.reason,
            times.moment(at),
            *ended.get(event.page, waiting),
            tuple(attempts[event.page]),
        )
        for at, event in reversed(started[-PAGES_SHOWN:])
    )


def _page_of(key: str) -> int:
    """A ring's key is incident/page/ring."""
    return int(key.rsplit("/", 2)[1])


def _end(event: events.PageAnswered | events.PageWithdrawn, at: Moment) -> tuple[str, Tone]:
    if isinstance(event, events.PageAnswered):
        return f"Answered at {at.clock}", Tone.GOOD
    return f"Called off at {at.clock}: {event.reason}", Tone.QUIET


def _add(attempts: list[Attempt], new: Attempt) -> None:
    """A relay that refuses for an hour is one line, not a hundred."""
    for index, before in enumerate(attempts):
        alike = (before.channel, before.outcome, before.detail) == (new.channel, new.outcome, new.detail)
        if alike and before.last + 1 == new.first:
            attempts[index] = replace(before, last=new.last, until=new.until)
            return
    attempts.append(new)


def _attempt(entry: Any, times: Reader) -> Attempt:
    known = entry.outcome in list(Outcome)
    outcome, tone = _OUTCOMES[Outcome(entry.outcome)] if known else _SENDING
    at, number = times.moment(entry.started_at), entry.attempt
    return Attempt(channel(entry.channel), number, number, outcome, tone, entry.detail, at, at)
