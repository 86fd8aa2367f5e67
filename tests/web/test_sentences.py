"""The timeline reads aloud: a whole sentence for every event there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.core.history import EVENT_CLASSES
from tocsin.core.incident import events
from tocsin.core.incident.events import IncidentEvent, Recorded, Ring
from tocsin.core.model import (
    SYSTEM,
    Actor,
    ActorKind,
    FactId,
    LevelId,
    Outcome,
    PersonId,
    RoleId,
    ServiceId,
    SubjectId,
    TeamId,
)
from tocsin.core.policy import Milestone, Target
from tocsin.web.sentences import sentence
from tocsin.web.tones import Tone, tone

AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
NAMES = {PersonId("ana"): "Ana Costa", PersonId("ben"): "Ben Okafor"}
ANA, BEN, EVA = PersonId("ana"), PersonId("ben"), PersonId("eva")
BY_ANA = Actor(ActorKind.PERSON, "ana")
BY_EVA = Actor(ActorKind.PERSON, "eva")
BY_PROMETHEUS = Actor(ActorKind.SOURCE, "prometheus")
P1, P2 = LevelId("P1"), LevelId("P2")


def settled(outcome: Outcome, detail: str = "") -> events.RingSettled:
    """An e-mail to Ana with this end."""
    return events.RingSettled(1, 0, ANA, "email", 1, outcome, detail)


SAID: list[tuple[IncidentEvent, Actor, str]] = [
    (
        events.Opened(
            SubjectId("INC-1"),
            ServiceId("checkout"),
            "down",
            P1,
            "the plan says so for severity critical",
            "v1",
        ),
        BY_PROMETHEUS,
        "prometheus opened the incident at level P1: the plan says so for severity critical.",
    ),
    (
        events.WordsErased((2, 7), "a customer asked for it."),
        BY_ANA,
        "Ana Costa erased the words of 2 events (2 and 7): a customer asked for it.",
    ),
    (events.AlertsJoined(1, ("down",)), BY_PROMETHEUS, "An alert came in from prometheus: “down”."),
    (
        events.AlertsJoined(1_200, ("down", "slow", "odd")),
        BY_PROMETHEUS,
        "1,200 alerts came in from prometheus, among them “down”, “slow” and “odd”.",
    ),
    (
        events.AlertsCleared(1, ("down",)),
        BY_PROMETHEUS,
        "prometheus says that an alert is over: “down”.",
    ),
    (
        events.AlertsCleared(2, ("down", "slow")),
        BY_PROMETHEUS,
        "prometheus says that 2 alerts are over, among them “down” and “slow”.",
    ),
    (
        events.AlertsCleared(2, ("down", "slow"), stays_open=True),
        BY_PROMETHEUS,
        "prometheus says that its alerts are over. People said more than they did, so it stays open.",
    ),
    (
        events.LevelRaised(P1, P2, "the plan says so for severity critical"),
        BY_PROMETHEUS,
        "The level was raised from P2 to P1: the plan says so for severity critical.",
    ),
    (
        events.FactsSet(((FactId("error_rate"), "25%"), (FactId("bucket"), "partly"), (FactId("users"), ""))),
        BY_ANA,
        "Ana Costa says that error_rate is 25%, bucket is partly and users is not known.",
    ),
    (
        events.ThresholdCrossed("error_rate > 20% for 2m"),
        SYSTEM,
        "This counts once it has held for its time: error_rate > 20% for 2m.",
    ),
    (
        events.ThresholdHeld("error_rate > 20% for 2m"),
        SYSTEM,
        "This has held for its time, and counts: error_rate > 20% for 2m.",
    ),
    (events.ThresholdLeft("error_rate > 20% for 2m"), SYSTEM, "This holds no more: error_rate > 20% for 2m."),
    (
        events.RoundStarted(2, "nobody has acknowledged"),
        SYSTEM,
        "Paging starts again from the first step: nobody has acknowledged.",
    ),
    (events.StepTaken(0, 0, (ANA, BEN), ()), SYSTEM, "Step 1 of the ladder pages Ana Costa and Ben Okafor."),
    (
        events.StepTaken(0, 1, (ANA,), ("eva is not in the directory",)),
        SYSTEM,
        "Step 2 of the ladder pages Ana Costa. Out of reach: eva is not in the directory.",
    ),
    (
        events.StepTaken(0, 1, (), ("nobody is on call: primary",)),
        SYSTEM,
        "Step 2 of the ladder reached nobody. Out of reach: nobody is on call: primary.",
    ),
    (
        events.StepTaken(0, 1, (), (), (ANA,)),
        SYSTEM,
        "Step 2 of the ladder pages nobody: Ana Costa answered before.",
    ),
    (
        events.StepTaken(0, 1, (BEN,), (), (ANA,)),
        SYSTEM,
        "Step 2 of the ladder pages Ben Okafor; Ana Costa answered before.",
    ),
    (
        events.PageStarted(
            1,
            ANA,
            "Ana Costa",
            "on call: primary",
            Milestone.ACKNOWLEDGED,
            (Ring(0, "email"), Ring(120, "webhook")),
        ),
        SYSTEM,
        "Ana Costa is paged by e-mail at once and by webhook after 2 min (on call: primary).",
    ),
    (
        events.RingSent(1, 0, ANA, "email", "INC-1/1/0"),
        SYSTEM,
        "The e-mail message to Ana Costa is on its way.",
    ),
    (
        events.RingSkipped(1, 1, ANA, "email", "just sent that way"),
        SYSTEM,
        "The e-mail message to Ana Costa is left out: just sent that way.",
    ),
    (settled(Outcome.ACCEPTED), SYSTEM, "The e-mail message to Ana Costa was accepted."),
    (
        settled(Outcome.ACCEPTED, "250 queued."),
        SYSTEM,
        "The e-mail message to Ana Costa was accepted (250 queued).",
    ),
    (
        settled(Outcome.UNKNOWN, "no answer within 10 seconds"),
        SYSTEM,
        "The e-mail message to Ana Costa may or may not have arrived (no answer within 10 seconds): "
        "it is sent again.",
    ),
    (
        settled(Outcome.RETRYING, "451 busy"),
        SYSTEM,
        "The e-mail message to Ana Costa was refused for now (451 busy): it is tried again, "
        "and others are told meanwhile.",
    ),
    (
        settled(Outcome.FAILED, "550 no such user"),
        SYSTEM,
        "The e-mail message to Ana Costa was refused for good (550 no such user).",
    ),
    (events.PageAnswered(1, ANA), BY_ANA, "Ana Costa answered the page."),
    (
        events.PageWithdrawn(1, ANA, "resolved"),
        SYSTEM,
        "The page to Ana Costa was called off: resolved.",
    ),
    (
        events.Acknowledged(BY_ANA, "link"),
        BY_ANA,
        "Ana Costa acknowledged the incident with the link in the message.",
    ),
    (
        events.Acknowledged(BY_EVA, "carrier pigeon"),
        BY_EVA,
        "eva acknowledged the incident (carrier pigeon).",
    ),
    (
        events.Acknowledged(BY_PROMETHEUS, "source"),
        BY_PROMETHEUS,
        "prometheus acknowledged the incident at the source.",
    ),
    (
        events.AcknowledgementLapsed(BY_ANA),
        SYSTEM,
        "Ana Costa acknowledged this and it was left too long: it is unanswered again.",
    ),
    (
        events.PromiseBroken("acknowledge:P1", "acknowledged by a person", AT),
        SYSTEM,
        "A promise was broken: “acknowledged by a person” did not happen in time.",
    ),
    (
        events.NobodyReached(("eva has no channel", "nobody is on call: primary")),
        SYSTEM,
        "Nobody can be reached through the plan: eva has no channel and nobody is on call: primary.",
    ),
    (events.Resolved(BY_ANA, "rolled back."), BY_ANA, "Ana Costa resolved the incident: rolled back."),
    (
        events.Acknowledged(BY_ANA, "work"),
        BY_ANA,
        "Ana Costa acknowledged the incident by working on it.",
    ),
    (events.StepTaken(0, 1, (), ()), SYSTEM, "Step 2 of the ladder is taken."),
    (
        events.Told(1, BEN, "Ben Okafor", "email", "INC-1/told/1", "Step 2 of P1: ana is paged."),
        SYSTEM,
        "Ben Okafor is told by e-mail: Step 2 of P1: ana is paged.",
    ),
    (
        events.TasksGiven(("Open the war room", "Call everybody"), "step 4 of P1"),
        SYSTEM,
        "To be done, says step 4 of P1: “Open the war room” and “Call everybody”.",
    ),
    (
        events.TasksGiven(("Call everybody",), "step 4 of P1", (("Call everybody", AT),)),
        SYSTEM,
        f"To be done, says step 4 of P1: “Call everybody” by {AT:%Y-%m-%d %H:%M} UTC.",
    ),
    (
        events.MarkedDone("task:1", "Open the war room"),
        BY_ANA,
        "Ana Costa marked “Open the war room” as done.",
    ),
    (events.Escalated("I need help"), BY_ANA, "Ana Costa asked for the next step: I need help."),
    (
        events.StallWarned(0, 2, AT),
        SYSTEM,
        "Nothing had moved: step 3 was then due at 2026-11-23 03:00 UTC.",
    ),
    (
        events.ProgressExtended(AT, "the restore goes on"),
        BY_ANA,
        "Ana Costa said that work goes on, so that nothing follows before 2026-11-23 03:00 UTC: "
        "the restore goes on.",
    ),
    (
        events.Absorbed(SubjectId("INC-2"), 1, 2),
        BY_ANA,
        "INC-2 goes on as a part of this, with 2 alerts.",
    ),
    (events.MergedInto(SubjectId("INC-1")), BY_ANA, "Ana Costa merged it into INC-1, where it goes on."),
    (
        events.RoundStarted(2, "lowered from P1 to P2", AT, 2),
        SYSTEM,
        "Paging goes by another ladder: lowered from P1 to P2.",
    ),
    (
        events.LevelLowered(P2, P1, "only a few are affected"),
        BY_ANA,
        "Ana Costa lowered the level from P1 to P2: only a few are affected.",
    ),
    (
        events.CarriedStepTaken(P2, 1, (BEN,), (), ()),
        SYSTEM,
        "Step 2 that P2 had promised pages Ben Okafor.",
    ),
    (
        events.CarriedStepTaken(P2, 1, (BEN,), (), (), SubjectId("INC-7")),
        SYSTEM,
        "Step 2 that INC-7 had promised pages Ben Okafor.",
    ),
    (
        events.StepsCarriedOver(
            SubjectId("INC-7"),
            (
                events.CarriedStep(
                    P2, 1, AT, (Target(person=BEN),), Milestone.ACKNOWLEDGED, SubjectId("INC-7")
                ),
            ),
        ),
        SYSTEM,
        "INC-7 had promised to page Ben Okafor at 2026-11-23 03:00 UTC: that stands.",
    ),
    (
        events.TriggerFired("Several services fail", "services_failing > 1", (BEN,), ()),
        SYSTEM,
        "“Several services fail” (services_failing > 1) pages Ben Okafor.",
    ),
    (
        events.Repinned(
            "0123456789abcdef",
            "fedcba9876543210",
            1,
            ("P1: backup is paged after 10 min, was 15.", "Level P5 is new."),
        ),
        BY_ANA,
        "Ana Costa moved it to version 0123456789ab of the plan. P1: backup is paged after 10 min, was 15. "
        "Level P5 is new.",
    ),
    (
        events.PromiseWarned("promise:Report", "Report", AT),
        SYSTEM,
        f"Soon due: “Report”, at {AT:%Y-%m-%d %H:%M} UTC.",
    ),
    (
        events.HeldByDefault(((RoleId("Commander"), BEN), (RoleId("Scribe"), ANA))),
        SYSTEM,
        "By default Ben Okafor is Commander and Ana Costa is Scribe.",
    ),
    (events.RoleAssigned(RoleId("Commander"), BEN, None), BY_ANA, "Ana Costa made Ben Okafor Commander."),
    (
        events.RoleAssigned(RoleId("Commander"), BEN, ANA),
        BY_ANA,
        "Ana Costa made Ben Okafor Commander instead of Ana Costa.",
    ),
    (
        events.HandOverOffered(RoleId("Commander"), ANA, BEN),
        BY_ANA,
        "Ana Costa asked that Commander go from Ana Costa to Ben Okafor; both must confirm.",
    ),
    (
        events.HandOverConfirmed(RoleId("Commander"), BEN),
        SYSTEM,
        "Ben Okafor confirmed the hand-over of Commander.",
    ),
    (
        events.RoleHandedOver(RoleId("Commander"), ANA, BEN),
        SYSTEM,
        "Commander went from Ana Costa to Ben Okafor.",
    ),
    (
        events.UpdatePosted("inside", "The restore goes on."),
        BY_ANA,
        "Ana Costa told inside: The restore goes on.",
    ),
    (
        events.UpdateMissed("update:1:inside", "inside", "an update for inside", AT, AT),
        SYSTEM,
        "A promise was broken: “an update for inside” did not happen in time.",
    ),
    (events.Verified(), BY_ANA, "Ana Costa has looked: it is real."),
    (events.MitigationBegun(), BY_ANA, "Ana Costa has begun to mitigate it."),
    (events.Mitigated("rolled back"), BY_ANA, "Ana Costa mitigated it: rolled back."),
    (
        events.Closed(events.Verdict.FALSE_POSITIVE, "a test of ours"),
        BY_ANA,
        "Ana Costa closed the incident as a false positive: a test of ours.",
    ),
    (events.Closed(events.Verdict.REAL, "all done"), BY_ANA, "Ana Costa closed the incident: all done."),
    (events.Reopened("it is back"), BY_ANA, "Ana Costa reopened the incident: it is back."),
    (events.NoteAdded("Looks like the database."), BY_ANA, "Ana Costa noted: Looks like the database."),
    (
        events.EstimateSet(AT, "the restore takes an hour"),
        BY_ANA,
        "Ana Costa expects it to be resolved at 2026-11-23 03:00 UTC: the restore takes an hour.",
    ),
    (events.Linked("OPS-12", "the ticket"), BY_ANA, "Ana Costa linked OPS-12: the ticket."),
    (
        events.Restricted((Target(person=BEN), Target(team=TeamId("security")))),
        BY_ANA,
        "Only Ben Okafor and team security may see it now.",
    ),
    (events.Restricted(()), BY_ANA, "Everybody may see it again."),
]


@pytest.mark.parametrize(("event", "actor", "said"), SAID)
def test_an_event_is_said_in_a_whole_sentence(event: IncidentEvent, actor: Actor, said: str) -> None:
    assert sentence(Recorded(AT, actor, event), NAMES) == said


@pytest.mark.parametrize(
    ("event", "actor", "said"),
    [
        (
            events.StallWarned(0, 2, AT + timedelta(minutes=10)),
            SYSTEM,
            "Nothing had moved: step 3 was then due at 12:10.",
        ),
        (
            events.Told(1, ANA, "Ana", "email", "k", "“Report” is due in 22h, at 2026-11-24 01:00 UTC."),
            SYSTEM,
            "Ana is told by e-mail: “Report” is due in 22h, at 24 Nov 10:00.",
        ),
        (
            events.EstimateSet(AT + timedelta(days=1), "so says the note of 2026-11-23 01:00 UTC"),
            BY_ANA,
            "Ana Costa expects it to be resolved at 24 Nov 12:00: so says the note of 2026-11-23 01:00 UTC.",
        ),
        (
            events.NoteAdded("It began at 2026-11-23 01:00 UTC."),
            BY_ANA,
            "Ana Costa noted: It began at 2026-11-23 01:00 UTC.",
        ),
    ],
    ids=["stall", "told", "estimate", "note"],
)
def test_times_are_those_of_the_readers_clock_but_in_what_people_wrote(
    event: IncidentEvent, actor: Actor, said: str
) -> None:
    assert sentence(Recorded(AT, actor, event), NAMES, "Asia/Seoul") == said


def test_a_reason_that_was_kept_calls_people_by_their_names() -> None:
    called_off = events.PageWithdrawn(1, BEN, "acknowledged by ana")
    assert sentence(Recorded(AT, SYSTEM, called_off), NAMES) == (
        "The page to Ben Okafor was called off: acknowledged by Ana Costa."
    )
    again = events.RoundStarted(1, "reopened by ben")
    assert sentence(Recorded(AT, SYSTEM, again), NAMES) == (
        "Paging starts again from the first step: reopened by Ben Okafor."
    )
    nobody = events.NobodyReached(
        ("ana has no channel", "no channel reaches ben", "eve is not in the directory")
    )
    assert sentence(Recorded(AT, SYSTEM, nobody), NAMES) == (
        "Nobody can be reached through the plan: Ana Costa has no channel, no channel reaches Ben Okafor and"
        " eve is not in the directory."
    )


def test_every_event_that_there_is_has_its_sentence() -> None:
    assert {type(event) for event, _, _ in SAID} == set(EVENT_CLASSES.values())


@pytest.mark.parametrize("event", [event for event, _, _ in SAID])
def test_every_event_has_a_tone(event: IncidentEvent) -> None:
    assert tone(event) in Tone


def test_what_went_wrong_is_loud() -> None:
    loud = {type(event) for event, _, _ in SAID if tone(event) is Tone.ALARM}
    assert loud == {
        events.LevelRaised,
        events.RoundStarted,
        events.RingSettled,
        events.AcknowledgementLapsed,
        events.Reopened,
        events.StallWarned,
        events.Escalated,
        events.TriggerFired,
        events.UpdateMissed,
        events.PromiseBroken,
        events.NobodyReached,
    }
    assert tone(settled(Outcome.ACCEPTED)) is Tone.QUIET
