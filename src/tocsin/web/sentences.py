"""The timeline in whole sentences, one for every event that can happen to an incident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import assert_never

from tocsin.core.incident import Incident, Status, events
from tocsin.core.incident.deadlines import describe
from tocsin.core.incident.events import Recorded, Verdict
from tocsin.core.incident.state import CourseEvent, PageEvent, RingEvent
from tocsin.core.model import Actor, ActorKind, Outcome, PersonId, Refused
from tocsin.core.policy import Target
from tocsin.web.times import Reader, length

Names = Mapping[PersonId, str]
"""People by id. Somebody who is no longer in the directory is called by the id."""


class Tone(StrEnum):
    """How much a line of the timeline asks of the eye."""

    ALARM = "alarm"
    GOOD = "good"
    PLAIN = "plain"
    QUIET = "quiet"


_VIA = {
    "link": "with the link in the message",
    "web": "on the web page",
    "api": "through the API",
    "cli": "on the command line",
    "source": "at the source",
    "work": "by working on it",
}
_CHANNELS = {"email": "e-mail"}


def sentence(recorded: Recorded, names: Names) -> str:
    """What happened, for somebody who reads it for the first time."""
    event, actor = recorded.event, who(recorded.actor, names)
    match event:
        case events.Opened():
            return f"{actor} opened the incident at level {event.level}: {event.reason}."
        case events.AlertsJoined():
            return _joined(event, actor)
        case events.AlertsCleared():
            return _cleared(event, actor)
        case events.LevelRaised():
            return f"The level was raised from {event.previous} to {event.level}: {event.reason}."
        case events.RoundStarted():
            return f"Paging starts again from the first step: {event.reason}."
        case events.StepTaken():
            return _step(event, names)
        case events.Acknowledged():
            how = _VIA.get(event.via, f"({event.via})")
            return f"{who(event.by, names)} acknowledged the incident {how}."
        case events.AcknowledgementLapsed():
            return (
                f"{who(event.by, names)} acknowledged this and it was left too long: it is unanswered again."
            )
        case events.PromiseBroken():
            return f"A promise was broken: “{event.promise}” did not happen in time."
        case events.NobodyReached():
            return f"Nobody can be reached through the plan: {_and(event.unreachable)}."
        case events.Resolved():
            return f"{who(event.by, names)} resolved the incident: {event.reason.rstrip('.')}."
        case (
            events.Verified()
            | events.MitigationBegun()
            | events.Mitigated()
            | events.Closed()
            | events.Reopened()
        ):
            return _course(event, actor)
        case events.NoteAdded() | events.EstimateSet() | events.Linked() | events.Restricted():
            return _record(event, actor, names)
        case (
            events.Told()
            | events.TasksGiven()
            | events.MarkedDone()
            | events.Escalated()
            | events.StallWarned()
            | events.ProgressExtended()
        ):
            return _ladder(event, actor)
        case (
            events.PageStarted()
            | events.PageAnswered()
            | events.PageWithdrawn()
            | events.RingSent()
            | events.RingSkipped()
            | events.RingSettled()
        ):
            return _page(event, names)
        case _:
            assert_never(event)


def tone(event: events.IncidentEvent) -> Tone:
    """How loud the line of this event is."""
    match event:
        case events.PromiseBroken() | events.NobodyReached() | events.LevelRaised():
            return Tone.ALARM
        case events.AcknowledgementLapsed() | events.RoundStarted() | events.Reopened():
            return Tone.ALARM
        case events.Acknowledged() | events.Resolved() | events.PageAnswered():
            return Tone.GOOD
        case events.Mitigated() | events.Closed() | events.MarkedDone():
            return Tone.GOOD
        case events.StallWarned() | events.Escalated():
            return Tone.ALARM
        case events.Told():
            return Tone.QUIET
        case events.TasksGiven() | events.ProgressExtended():
            return Tone.PLAIN
        case events.Verified() | events.MitigationBegun():
            return Tone.PLAIN
        case events.NoteAdded() | events.EstimateSet() | events.Linked() | events.Restricted():
            return Tone.PLAIN
        case events.RingSettled():
            return Tone.QUIET if event.outcome is Outcome.ACCEPTED else Tone.ALARM
        case events.RingSent() | events.RingSkipped() | events.PageWithdrawn():
            return Tone.QUIET
        case events.Opened() | events.AlertsJoined() | events.AlertsCleared():
            return Tone.PLAIN
        case events.StepTaken() | events.PageStarted():
            return Tone.PLAIN
        case _:
            assert_never(event)


def who(actor: Actor, names: Names) -> str:
    """The actor's name: a person's, or what a source is called."""
    return named(PersonId(actor.id), names) if actor.kind is ActorKind.PERSON else str(actor)


def standing_at(state: Incident, names: Names, times: Reader) -> str:
    """Where the incident stands, and since when: what somebody hears who comes too late to change it."""
    if state.resolved_at is not None:
        word = "A false positive, closed" if state.verdict is Verdict.FALSE_POSITIVE else "Resolved"
        return f"{word} at {times.moment(state.resolved_at).clock}"
    if state.acknowledged_by is not None and state.acknowledged_at is not None:
        at = times.moment(state.acknowledged_at).clock
        return f"Acknowledged by {who(state.acknowledged_by, names)} at {at}"
    return "Nobody has acknowledged it yet"


def refusal(refused: Refused, state: Incident, names: Names, times: Reader) -> str:
    """Why the answer was no, by names and times where the state tells them."""
    if state.status is Status.TRIGGERED:
        return refused.reason
    standing = standing_at(state, names, times)
    return f"This was already {standing[0].lower()}{standing[1:]}."


def named(person: PersonId, names: Names) -> str:
    """What people call this person."""
    return names.get(person, person)


def channel(name: str) -> str:
    """A channel as people say it."""
    return _CHANNELS.get(name, name)


def counted(count: int, one: str, many: str) -> str:
    """`1 alert`, `5 alerts`."""
    return f"{count:,} {one if count == 1 else many}"


def _course(event: CourseEvent, actor: str) -> str:
    match event:
        case events.Verified():
            return f"{actor} has looked: it is real."
        case events.MitigationBegun():
            return f"{actor} has begun to mitigate it."
        case events.Mitigated():
            return f"{actor} mitigated it: {event.how.rstrip('.')}."
        case events.Closed(Verdict.FALSE_POSITIVE):
            return f"{actor} closed the incident as a false positive: {event.reason.rstrip('.')}."
        case events.Closed():
            return f"{actor} closed the incident: {event.reason.rstrip('.')}."
        case events.Reopened():
            return f"{actor} reopened the incident: {event.reason.rstrip('.')}."
        case _:
            raise AssertionError(f"no sentence for {event}")


LadderEvent = (
    events.Told
    | events.TasksGiven
    | events.MarkedDone
    | events.Escalated
    | events.StallWarned
    | events.ProgressExtended
)


def _ladder(event: LadderEvent, actor: str) -> str:
    match event:
        case events.Told():
            return f"{event.person_name} is told by {channel(event.channel)}: {event.words}"
        case events.TasksGiven():
            return f"To be done, says {event.reason}: {_and(_quoted(event.tasks))}."
        case events.MarkedDone():
            return f"{actor} marked “{event.words}” as done."
        case events.Escalated():
            return f"{actor} asked for the next step: {event.reason.rstrip('.')}."
        case events.StallWarned():
            return f"Nothing moves: step {event.step + 1} follows at {_utc(event.due_at)}."
        case events.ProgressExtended():
            said = event.reason.rstrip(".")
            return (
                f"{actor} said that work goes on, so that nothing follows before {_utc(event.until)}: {said}."
            )
        case _:
            assert_never(event)


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


RecordEvent = events.NoteAdded | events.EstimateSet | events.Linked | events.Restricted


def _record(event: RecordEvent, actor: str, names: Names) -> str:
    match event:
        case events.NoteAdded():
            return f"{actor} noted: {event.text}"
        case events.EstimateSet():
            said = event.reason.rstrip(".")
            return f"{actor} expects it to be resolved at {_utc(event.expected_at)}: {said}."
        case events.Linked():
            return f"{actor} linked {event.to}: {event.what.rstrip('.')}."
        case events.Restricted():
            who_may = _and([target(one, names) for one in event.to])
            return f"Only {who_may} may see it now." if who_may else "Everybody may see it again."
        case _:
            assert_never(event)


def target(one: Target, names: Names) -> str:
    """Whom a plan means, as people say it."""
    return named(one.person, names) if one.person else describe((one,))


def _joined(event: events.AlertsJoined, actor: str) -> str:
    if event.count == 1:
        return f"An alert came in from {actor}: {_and(_quoted(event.sample))}."
    return f"{event.count:,} alerts came in from {actor}, among them {_and(_quoted(event.sample))}."


def _cleared(event: events.AlertsCleared, actor: str) -> str:
    if event.count == 1:
        return f"{actor} says that an alert is over: {_and(_quoted(event.sample))}."
    return f"{actor} says that {event.count:,} alerts are over, among them {_and(_quoted(event.sample))}."


def _step(event: events.StepTaken, names: Names) -> str:
    step = f"Step {event.step + 1} of the ladder"
    missing = f" Out of reach: {_and(event.unreachable)}." if event.unreachable else ""
    known = _and([named(person, names) for person in event.answered])
    if event.paged:
        paged = _and([named(person, names) for person in event.paged])
        already = f"; {known} answered before" if known else ""
        return f"{step} pages {paged}{already}.{missing}"
    if known:
        return f"{step} pages nobody: {known} answered before.{missing}"
    if not missing:
        return f"{step} is taken."
    return f"{step} reached nobody.{missing}"


def _page(event: PageEvent, names: Names) -> str:
    name = named(event.person, names)
    if isinstance(event, events.PageStarted):
        told = _and([_ring(ring) for ring in event.rings]) or "by no channel"
        return f"{event.person_name} is paged {told} ({event.reason})."
    if isinstance(event, events.PageAnswered):
        return f"{name} answered the page."
    if isinstance(event, events.PageWithdrawn):
        return f"The page to {name} was called off: {event.reason}."
    return _delivery(event, name)


def _delivery(event: RingEvent, name: str) -> str:
    message = f"The {channel(event.channel)} message to {name}"
    if isinstance(event, events.RingSent):
        return f"{message} is on its way."
    if isinstance(event, events.RingSkipped):
        return f"{message} is left out: {event.reason}."
    why = f" ({event.detail.rstrip('.')})" if event.detail else ""
    match event.outcome:
        case Outcome.ACCEPTED:
            return f"{message} was accepted{why}."
        case Outcome.UNKNOWN:
            return f"{message} may or may not have arrived{why}: it is sent again."
        case Outcome.RETRYING:
            return f"{message} was refused for now{why}: it is tried again, and others are told meanwhile."
        case Outcome.FAILED:
            return f"{message} was refused for good{why}."
        case _:
            assert_never(event.outcome)


def _ring(ring: events.Ring) -> str:
    when = f"after {length(timedelta(seconds=ring.after_seconds))}" if ring.after_seconds else "at once"
    return f"by {channel(ring.channel)} {when}"


def _quoted(summaries: Sequence[str]) -> list[str]:
    return [f"“{summary}”" for summary in summaries]


def _and(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
