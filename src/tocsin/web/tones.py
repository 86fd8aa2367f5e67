"""How loud each line of the timeline is."""

from __future__ import annotations

from enum import StrEnum

from tocsin.core.incident import events
from tocsin.core.model import Outcome


class Tone(StrEnum):
    """How much a line of the timeline asks of the eye."""

    ALARM = "alarm"
    GOOD = "good"
    PLAIN = "plain"
    QUIET = "quiet"


_ALARMING = (
    events.AcknowledgementLapsed,
    events.Escalated,
    events.LevelRaised,
    events.NobodyReached,
    events.PromiseBroken,
    events.Reopened,
    events.RoundStarted,
    events.StallWarned,
    events.TriggerFired,
    events.UpdateMissed,
)
_GOOD = (
    events.Acknowledged,
    events.Closed,
    events.MarkedDone,
    events.Mitigated,
    events.PageAnswered,
    events.Resolved,
    events.UpdatePosted,
)
_QUIET = (
    events.PageWithdrawn,
    events.RingSent,
    events.RingSkipped,
    events.ThresholdCrossed,
    events.ThresholdLeft,
    events.Told,
)


def tone(event: events.IncidentEvent) -> Tone:
    """How loud the line of this event is."""
    if isinstance(event, events.RingSettled):
        return Tone.QUIET if event.outcome is Outcome.ACCEPTED else Tone.ALARM
    if isinstance(event, _ALARMING):
        return Tone.ALARM
    if isinstance(event, _GOOD):
        return Tone.GOOD
    return Tone.QUIET if isinstance(event, _QUIET) else Tone.PLAIN
