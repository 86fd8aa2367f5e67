"""A rehearsal as people read it: the incident's own timeline, without what only machines would miss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.core.incident import Incident, events
from tocsin.core.incident.events import Recorded
from tocsin.core.model import Outcome, PersonId
from tocsin.core.rehearse import Rehearsal
from tocsin.web.sentences import channel, counted, named, sentence, who
from tocsin.web.times import Reader, length, retold
from tocsin.web.tones import tone

Names = Mapping[PersonId, str]


@dataclass(frozen=True)
class Line:
    """One thing that happens: when, since the start, in words, and what kind of event it is."""

    at: datetime
    after: timedelta
    text: str
    kind: str
    tone: str


def timeline(rehearsal: Rehearsal, names: Names, zone: str) -> list[Line]:
    """Everything worth reading, in order."""
    starts = rehearsal.scenario.starts
    found = [Line(at, at - starts, text, "doubt", "alarm") for at, text in rehearsal.doubts]
    found += [
        Line(one.at, one.at - starts, text, _kind(one.event), tone(one.event).value)
        for one, text in _told(rehearsal.recorded, names, zone)
    ]
    found += [
        Line(one.at, one.at - starts, f"{who(one.by, names)} is refused: {reason}", "refused", "alarm")
        for one in rehearsal.turned
        for reason in [retold(one.reason, Reader(zone, one.at))]
    ]
    return sorted(found, key=lambda line: line.at)


def clock(at: datetime, zone: str) -> str:
    """An instant to the minute, or to the second where that matters, in the zone of the rehearsal."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def day(at: datetime, zone: str) -> str:
    """The day of an instant in the zone of the rehearsal."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%A} {local.day} {local:%B %Y}"


def standing(state: Incident, names: Names) -> str:
    """How the incident ends."""
    by = f" by {who(state.acknowledged_by, names)}" if state.acknowledged_by else ""
    return f"{state.level}, {state.status}{by}"


def told(rehearsal: Rehearsal, names: Names, zone: str) -> list[str]:
    """Who was reached: when first, by which channels, how often."""
    lines = []
    for person in dict.fromkeys(one.message.person for one in rehearsal.sent):
        own = [one for one in rehearsal.sent if one.message.person == person]
        by = ", ".join(dict.fromkeys(channel(one.message.channel) for one in own))
        after = own[0].at - rehearsal.scenario.starts
        first = f"after {length(after)}" if after else "at once"
        pages = sum(one.pages for one in own)
        counts = [counted(pages, "page", "pages")] if pages else []
        counts += [counted(len(own) - pages, "message", "messages")] if len(own) > pages else []
        lines.append(
            f"{named(person, names)} at {clock(own[0].at, zone)}, {first}: {' and '.join(counts)} by {by}"
        )
    return lines


def _told(recorded: Sequence[Recorded], names: Names, zone: str) -> Iterator[tuple[Recorded, str]]:
    started: dict[int, events.PageStarted] = {}
    for position, one in enumerate(recorded):
        event = one.event
        match event:
            case events.PageStarted():
                started[event.page] = event
                by = _now(recorded, position, event.page)
                yield one, f"{event.person_name} is paged{by} ({event.reason})."
            case events.RingSent():
                if not _with_page(recorded, position, event.page):
                    name = named(event.person, names)
                    yield one, f"{name} is paged by {channel(event.channel)} too: no answer yet."
            case events.RingSettled():
                if event.outcome is not Outcome.ACCEPTED:
                    yield one, sentence(one, names, zone)
            case events.StepTaken():
                if event.unreachable or not event.paged:
                    yield one, sentence(one, names, zone)
            case events.PageAnswered():
                if not _acknowledged_too(recorded, position):
                    yield one, sentence(one, names, zone)
            case events.PageWithdrawn():
                if event.reason != "paged again":
                    yield one, sentence(one, names, zone)
            case events.Told():
                people, ways = _told_alike(recorded, position)
                if people:
                    are = "are" if len(people) > 1 else "is"
                    words = retold(event.words, Reader(zone, one.at))
                    yield one, f"{_and(people)} {are} told by {', '.join(ways)}: {words}"
            case events.RingSkipped():
                pass
            case _:
                yield one, sentence(one, names, zone)


def _now(recorded: Sequence[Recorded], position: int, page: int) -> str:
    """By which channels a page that just started goes out at once."""
    at = recorded[position].at
    channels = [
        one.event.channel
        for one in recorded[position:]
        if one.at == at and isinstance(one.event, events.RingSent) and one.event.page == page
    ]
    return f" by {', '.join(map(channel, channels))}" if channels else ""


def _with_page(recorded: Sequence[Recorded], position: int, page: int) -> bool:
    """Whether this ring went out at the very instant at which its page started."""
    at = recorded[position].at
    before = reversed(recorded[:position])
    for one in before:
        if one.at != at:
            return False
        if isinstance(one.event, events.PageStarted) and one.event.page == page:
            return True
    return False


def _told_alike(recorded: Sequence[Recorded], position: int) -> tuple[list[str], list[str]]:
    """Everybody who is told the same at this instant, and by what; nobody, where an earlier line said so."""
    first = recorded[position]
    assert isinstance(first.event, events.Told)
    alike = [
        (index, one.event)
        for index, one in enumerate(recorded)
        if one.at == first.at and isinstance(one.event, events.Told) and one.event.words == first.event.words
    ]
    if alike[0][0] != position:
        return [], []
    people = dict.fromkeys(event.person_name for _, event in alike)
    return list(people), list(dict.fromkeys(channel(event.channel) for _, event in alike))


def _and(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _acknowledged_too(recorded: Sequence[Recorded], position: int) -> bool:
    at = recorded[position].at
    later = recorded[position + 1 : position + 10]
    return any(one.at == at and isinstance(one.event, events.Acknowledged) for one in later)


def _kind(event: events.IncidentEvent) -> str:
    return type(event).__name__
