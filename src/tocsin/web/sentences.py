"""The timeline in whole sentences, one for every event that can happen to an incident."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import assert_never

from tocsin.core.aloud import called
from tocsin.core.incident import Incident, Status, events
from tocsin.core.incident.events import Recorded, Verdict
from tocsin.core.model import Actor, ActorKind, Outcome, PersonId, Refused
from tocsin.core.policy import Target
from tocsin.core.recorded import recorded
from tocsin.web.times import Reader, length, retold

Names = Mapping[PersonId, str]
"""People by id. Somebody who is no longer in the directory is called by the id."""

Times = Callable[[str], str]
"""Words of ours, with the times in them as a reader's clock shows them. What people wrote is left alone."""


_VIA = {
    "link": "with the link in the message",
    "web": "on the web page",
    "api": "through the API",
    "cli": "on the command line",
    "source": "at the source",
    "work": "by working on it",
    "merge": "by having what was merged into it",
}
_CHANNELS = {"email": "e-mail"}


def sentence(one: Recorded, names: Names, zone: str = "") -> str:
    """What happened, for somebody who reads it for the first time.

    Its times are those of the zone's clocks, seen from the day on which it happened; without a zone in UTC.
    """
    event, actor = one.event, who(one.actor, names)

    def times(words: str) -> str:
        return retold(words, Reader(zone, one.at)) if zone else words

    if isinstance(event, events.Opened):
        return f"{actor} opened the incident at level {event.level}: {event.reason}."
    if isinstance(event, events.AlertEvent):
        return _alerts(event, actor)
    if isinstance(event, events.CourseEvent):
        return _course(event, actor, names)
    if isinstance(event, events.LadderEvent):
        return _ladder(event, actor, names, times)
    if isinstance(event, events.RoleEvent):
        return _roles(event, actor, names)
    if isinstance(event, events.FactEvent):
        return _facts(event, actor)
    if isinstance(event, events.PageEvent):
        return _page(event, names)
    return _record(event, actor, names, times)


def who(actor: Actor, names: Names) -> str:
    """The actor's name: a person's, or what a source is called."""
    return named(PersonId(actor.id), names) if actor.kind is ActorKind.PERSON else str(actor)


def standing_at(state: Incident, names: Names, times: Reader) -> str:
    """Where the incident stands, and since when: what somebody hears who comes too late to change it."""
    if state.merged_into is not None and state.merged_at is not None:
        return f"Merged into {state.merged_into} at {times.moment(state.merged_at).clock}"
    if state.resolved_at is not None:
        word = "A false positive, closed" if state.verdict is Verdict.FALSE_POSITIVE else "Resolved"
        return f"{word} at {times.moment(state.resolved_at).clock}"
    if state.acknowledged_by is not None and state.acknowledged_at is not None:
        at = times.moment(state.acknowledged_at).clock
        return f"Acknowledged by {who(state.acknowledged_by, names)} at {at}"
    return "Nobody has acknowledged it yet"


def refusal(refused: Refused, state: Incident, names: Names, times: Reader) -> str:
    """Why the answer was no, by names and times where the state tells them."""
    late = (f"{state.id} is already {state.status}.", f"{state.id} was already acknowledged by ")
    if state.status is Status.TRIGGERED or not refused.reason.startswith(late):
        return retold(refused.reason, times)
    standing = standing_at(state, names, times)
    return f"This was already {standing[0].lower()}{standing[1:]}."


def named(person: PersonId, names: Names) -> str:
    """What people call this person."""
    return names.get(person, person)


def namer(names: Names) -> Callable[[PersonId], str]:
    """What calls people by these names."""
    return partial(named, names=names)


def why(reason: str, names: Names) -> str:
    """A reason that was kept, which calls a person by the id: `acknowledged by Ben Okafor`."""
    for beginning in ("acknowledged by ", "reopened by "):
        if reason.startswith(beginning):
            return beginning + named(PersonId(reason.removeprefix(beginning)), names)
    return reason


def channel(name: str) -> str:
    """A channel as people say it."""
    return _CHANNELS.get(name, name)


def counted(count: int, one: str, many: str) -> str:
    """`1 alert`, `5 alerts`."""
    return f"{count:,} {one if count == 1 else many}"


def _alerts(event: events.AlertEvent, actor: str) -> str:
    match event:
        case events.AlertsJoined():
            return _joined(event, actor)
        case events.AlertsCleared():
            return _cleared(event, actor)
        case events.Absorbed():
            alerts = counted(event.alerts_count, "alert", "alerts")
            return f"{event.incident} goes on as a part of this, with {alerts}."
        case _:
            assert_never(event)


def _course(event: events.CourseEvent, actor: str, names: Names) -> str:
    match event:
        case events.Acknowledged():
            how = _VIA.get(event.via, f"({event.via})")
            return f"{who(event.by, names)} acknowledged the incident {how}."
        case events.AcknowledgementLapsed():
            by = who(event.by, names)
            return f"{by} acknowledged this and it was left too long: it is unanswered again."
        case events.Verified():
            return f"{actor} has looked: it is real."
        case events.MitigationBegun():
            return f"{actor} has begun to mitigate it."
        case events.Mitigated():
            return f"{actor} mitigated it: {_bare(event.how)}."
        case events.Resolved():
            return f"{who(event.by, names)} resolved the incident: {_bare(event.reason)}."
        case events.Closed():
            false = " as a false positive" if event.verdict is Verdict.FALSE_POSITIVE else ""
            return f"{actor} closed the incident{false}: {_bare(event.reason)}."
        case events.Reopened():
            return f"{actor} reopened the incident: {_bare(event.reason)}."
        case events.MergedInto():
            return f"{actor} merged it into {event.into}, where it goes on."
        case _:
            assert_never(event)


def _ladder(event: events.LadderEvent, actor: str, names: Names, times: Times) -> str:
    match event:
        case events.RoundStarted():
            again = "starts again from the first step" if not event.taken else "goes by another ladder"
            return f"Paging {again}: {why(event.reason, names)}."
        case events.StepTaken():
            return _step(f"Step {event.step + 1} of the ladder", event, names)
        case events.CarriedStepTaken():
            return _step(
                f"Step {event.step + 1} that {event.incident or event.level} had promised", event, names
            )
        case events.StepsCarriedOver():
            pages = (
                f"to page {called(one.targets, namer(names))} at {recorded(one.due_at)}"
                for one in event.carried
            )
            return f"{event.incident} had promised {times(', '.join(pages))}: that stands."
        case events.Escalated():
            return f"{actor} asked for the next step: {_bare(event.reason)}."
        case events.StallWarned():
            at = times(recorded(event.due_at))
            return f"Nothing had moved: step {event.step + 1} was then due at {at}."
        case events.ProgressExtended():
            until, said = times(recorded(event.until)), _bare(event.reason)
            return f"{actor} said that work goes on, so that nothing follows before {until}: {said}."
        case events.TriggerFired():
            return _step(f"“{event.trigger}” ({event.condition})", event, names)
        case events.NobodyReached():
            return f"Nobody can be reached through the plan: {_unreachable(event.unreachable, names)}."
        case events.LevelRaised():
            return f"The level was raised from {event.previous} to {event.level}: {_bare(event.reason)}."
        case events.LevelLowered():
            reason = _bare(event.reason)
            return f"{actor} lowered the level from {event.previous} to {event.level}: {reason}."
        case events.Repinned():
            changed = "".join(f" {_bare(change)}." for change in event.changes)
            return f"{actor} moved it to version {event.version[:12]} of the plan.{changed}"
        case _:
            assert_never(event)


def _roles(event: events.RoleEvent, actor: str, names: Names) -> str:
    match event:
        case events.RoleAssigned():
            instead = f" instead of {named(event.previous, names)}" if event.previous else ""
            return f"{actor} made {named(event.person, names)} {event.role}{instead}."
        case events.HeldByDefault():
            held = [f"{named(person, names)} is {role}" for role, person in event.held]
            return f"By default {_and(held)}."
        case events.HandOverOffered():
            giver, taker = named(event.giver, names), named(event.taker, names)
            return f"{actor} asked that {event.role} go from {giver} to {taker}; both must confirm."
        case events.HandOverConfirmed():
            return f"{named(event.person, names)} confirmed the hand-over of {event.role}."
        case events.RoleHandedOver():
            giver, taker = named(event.giver, names), named(event.taker, names)
            return f"{event.role} went from {giver} to {taker}."
        case _:
            assert_never(event)


def _record(event: events.RecordEvent, actor: str, names: Names, times: Times) -> str:
    match event:
        case events.Told():
            return f"{event.person_name} is told by {channel(event.channel)}: {times(event.words)}"
        case events.NoteAdded():
            return f"{actor} noted: {event.text}"
        case events.EstimateSet():
            said = _bare(event.reason)
            return f"{actor} expects it to be resolved at {times(recorded(event.expected_at))}: {said}."
        case events.Linked():
            return f"{actor} linked {event.to}: {_bare(event.what)}."
        case events.Restricted():
            who_may = _and([target(one, names) for one in event.to])
            return f"Only {who_may} may see it now." if who_may else "Everybody may see it again."
        case events.TasksGiven():
            by = {one: f" by {times(recorded(at))}" for one, at in event.due_at}
            tasks = [f"“{one}”{by.get(one, '')}" for one in event.tasks]
            return f"To be done, says {event.reason}: {_and(tasks)}."
        case events.MarkedDone():
            return f"{actor} marked “{event.words}” as done."
        case events.PromiseWarned():
            return f"Soon due: “{event.promise}”, at {times(recorded(event.due_at))}."
        case events.PromiseBroken():
            return f"A promise was broken: “{event.promise}” did not happen in time."
        case events.UpdatePosted():
            return f"{actor} told {event.audience}: {event.text}"
        case events.UpdateMissed():
            return f"A promise was broken: “{event.promise}” did not happen in time."
        case events.WordsErased():
            which = counted(len(event.events), "event", "events")
            numbers = _and([str(number) for number in event.events])
            return f"{actor} erased the words of {which} ({numbers}): {_bare(event.reason)}."
        case _:
            assert_never(event)


def _facts(event: events.FactEvent, actor: str) -> str:
    match event:
        case events.FactsSet(values):
            said = [f"{id} is {value or 'not known'}" for id, value in values]
            return f"{actor} says that {_and(said)}."
        case events.ThresholdCrossed(threshold):
            return f"This counts once it has held for its time: {threshold}."
        case events.ThresholdHeld(threshold):
            return f"This has held for its time, and counts: {threshold}."
        case events.ThresholdLeft(threshold):
            return f"This holds no more: {threshold}."


def _bare(reason: str) -> str:
    return reason.rstrip(".")


def target(one: Target, names: Names) -> str:
    """Whom a plan means, as people say it."""
    return named(one.person, names) if one.person else called((one,))


def _joined(event: events.AlertsJoined, actor: str) -> str:
    if event.count == 1:
        return f"An alert came in from {actor}: {_and(_quoted(event.sample))}."
    return f"{event.count:,} alerts came in from {actor}, among them {_and(_quoted(event.sample))}."


def _cleared(event: events.AlertsCleared, actor: str) -> str:
    if event.stays_open:
        return f"{actor} says that its alerts are over. People said more than they did, so it stays open."
    if event.count == 1:
        return f"{actor} says that an alert is over: {_and(_quoted(event.sample))}."
    return f"{actor} says that {event.count:,} alerts are over, among them {_and(_quoted(event.sample))}."


def _unreachable(reasons: Sequence[str], names: Names) -> str:
    """Why each of them cannot be reached; what is kept calls people by their ids."""
    before, after = "no channel reaches ", " has no channel"
    found = []
    for one in reasons:
        if one.startswith(before):
            found.append(before + named(PersonId(one.removeprefix(before)), names))
        elif one.endswith(after):
            found.append(named(PersonId(one.removesuffix(after)), names) + after)
        else:
            found.append(one)
    return _and(found)


def _step(
    step: str, event: events.StepTaken | events.CarriedStepTaken | events.TriggerFired, names: Names
) -> str:
    missing = f" Out of reach: {_unreachable(event.unreachable, names)}." if event.unreachable else ""
    known = _and([named(person, names) for person in event.answered])
    if event.paged:
        paged = _and([named(person, names) for person in event.paged])
        already = f"; {known} answered before" if known else ""
        return f"{step} pages {paged}{already}.{missing}"
    if known:
        return f"{step} pages nobody: {known} answered before.{missing}"
    return f"{step} reached nobody.{missing}" if missing else f"{step} is taken."


def _page(event: events.PageEvent, names: Names) -> str:
    name = named(event.person, names)
    if isinstance(event, events.PageStarted):
        told = _and([_ring(ring) for ring in event.rings]) or "by no channel"
        return f"{event.person_name} is paged {told} ({event.reason})."
    if isinstance(event, events.PageAnswered):
        return f"{name} answered the page."
    if isinstance(event, events.PageWithdrawn):
        return f"The page to {name} was called off: {why(event.reason, names)}."
    return _delivery(event, name)


def _delivery(event: events.RingEvent, name: str) -> str:
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
