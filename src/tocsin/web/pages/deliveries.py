"""Who was asked to come, and the proof of every attempt to reach them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tocsin.core.incident import events
from tocsin.core.incident.events import Recorded
from tocsin.core.model import Outcome
from tocsin.web.sentences import Names, channel, why
from tocsin.web.times import Moment, Reader, retold
from tocsin.web.tones import Tone

PAGES_SHOWN = 20
TOLD_SHOWN = 10

_OUTCOMES = {
    Outcome.ACCEPTED: ("Accepted", Tone.GOOD),
    Outcome.UNKNOWN: ("Unknown, sent again", Tone.ALARM),
    Outcome.RETRYING: ("Refused, trying again", Tone.ALARM),
    Outcome.FAILED: ("Failed", Tone.ALARM),
}
_SENDING = ("Being sent", Tone.QUIET)


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Paged:
    """One person asked once. `ended` is empty while the answer is awaited."""

    page: int
    name: str
    reason: str
    since: Moment
    ended: str
    tone: Tone
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Told:
    """People told the same at one time, wanting no answer. `attempts` are those that went wrong."""

    key: str
    names: str
    words: str
    by: str
    at: Moment
    attempts: tuple[Attempt, ...]


def paged(
    timeline: Sequence[Recorded], ledger: Sequence[Any], names: Names, times: Reader, *, over: bool
) -> tuple[Paged, ...]:
    """The newest pages of an incident, the newest first."""
    started = [(one.at, one.event) for one in timeline if isinstance(one.event, events.PageStarted)]
    ended = {
        one.event.page: _end(one.event, times.moment(one.at), names)
        for one in timeline
        if isinstance(one.event, events.PageAnswered | events.PageWithdrawn)
    }
    attempts = _attempts(ledger, times)
    waiting = ("Not answered", Tone.QUIET) if over else ("Waiting for an answer", Tone.ALARM)
    return tuple(
        Paged(
            event.page,
            names.get(event.person, event.person_name),
            event.reason,
            times.moment(at),
            *ended.get(event.page, waiting),
            tuple(attempts[str(event.page)]),
        )
        for at, event in reversed(started[-PAGES_SHOWN:])
    )


def told(
    timeline: Sequence[Recorded], ledger: Sequence[Any], names: Names, times: Reader
) -> tuple[Told, ...]:
    """What people were told that wants no answer, the newest first, with the proof where it went wrong."""
    alike: dict[tuple[datetime, str], list[events.Told]] = {}
    for one in timeline:
        if isinstance(one.event, events.Told):
            alike.setdefault((one.at, one.event.words), []).append(one.event)
    attempts = _attempts(ledger, times)
    return tuple(
        Told(
            f"told-{some[0].number}",
            ", ".join(dict.fromkeys(names.get(event.person, event.person_name) for event in some)),
            retold(words, times),
            ", ".join(dict.fromkeys(channel(event.channel) for event in some)),
            times.moment(at),
            tuple(
                attempt
                for event in some
                for attempt in attempts[f"told/{event.number}"]
                if attempt.tone is not Tone.GOOD
            ),
        )
        for (at, words), some in reversed(list(alike.items())[-TOLD_SHOWN:])
    )


def _attempts(ledger: Sequence[Any], times: Reader) -> defaultdict[str, list[Attempt]]:
    """Attempts by what they are about: a page by its number, or `told/` and the number of the message."""
    found: defaultdict[str, list[Attempt]] = defaultdict(list)
    for entry in ledger:
        # A ring's key is incident/page/ring, that of a message incident/told/number.
        _, page, number = entry.key.rsplit("/", 2)
        _add(found[f"told/{number}" if page == "told" else page], _attempt(entry, times))
    return found


def _end(event: events.PageAnswered | events.PageWithdrawn, at: Moment, names: Names) -> tuple[str, Tone]:
    if isinstance(event, events.PageAnswered):
        return f"Answered at {at.clock}", Tone.GOOD
    return f"Called off at {at.clock}: {why(event.reason, names)}", Tone.QUIET


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
