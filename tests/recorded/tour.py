"""The streams that are recorded: together they hold every kind of event, in an order that can happen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tocsin.core.incident import events as e
from tocsin.core.incident.events import IncidentEvent, Recorded, Ring, Verdict
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
    StageId,
    SubjectId,
)
from tocsin.core.policy import Milestone, Target

AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ANA, BEN, CHLOE = PersonId("ana"), PersonId("ben"), PersonId("chloe")
BY_ANA, BY_BEN = Actor(ActorKind.PERSON, ANA), Actor(ActorKind.PERSON, BEN)
SOURCE = Actor(ActorKind.SOURCE, "prometheus")
P1, P2 = LevelId("P1"), LevelId("P2")
LEAD = RoleId("Lead")
INC, OTHER = SubjectId("INC-20261123-001"), SubjectId("INC-20261123-002")
RINGS = (Ring(0, "email"), Ring(120, "webhook"))
CARRIED = e.CarriedStep(P2, 1, AT + timedelta(minutes=20), (Target(person=CHLOE),), Milestone.RESOLVED)
ITS_OWN = replace(CARRIED, incident=OTHER)

Said = tuple[Actor, IncidentEvent]


def _stream(*said: Said) -> list[Recorded]:
    """One event every ten seconds."""
    return [Recorded(AT + n * timedelta(seconds=10), actor, event) for n, (actor, event) in enumerate(said)]


def _opened(level: LevelId, actor: Actor = SOURCE) -> Sequence[Said]:
    opened = e.Opened(INC, ServiceId("checkout"), "checkout is down", level, "severity critical", "v1")
    return ((actor, opened), (SOURCE, e.AlertsJoined(2, ("checkout is down", "orders are late"))))


def _paged(page: int, person: PersonId, name: str) -> Sequence[Said]:
    started = e.PageStarted(page, person, name, "on call: primary", Milestone.ACKNOWLEDGED, RINGS)
    sent = e.RingSent(page, 0, person, "email", f"{INC}/{page}/0")
    return ((SYSTEM, started), (SYSTEM, sent))


def _settled(page: int, person: PersonId, outcome: Outcome, detail: str = "") -> Said:
    return SYSTEM, e.RingSettled(page, 0, person, "email", 1, outcome, detail)


NIGHT = _stream(
    *_opened(P1),
    (SYSTEM, e.StepTaken(0, 0, (ANA,), ("eva is not in the directory",), (), StageId("first"))),
    *_paged(1, ANA, "Ana Costa"),
    (
        SYSTEM,
        e.TasksGiven(
            ("open a bridge", "call the bank"), "step 1", (("call the bank", AT + timedelta(hours=1)),)
        ),
    ),
    _settled(1, ANA, Outcome.RETRYING, "busy"),
    _settled(1, ANA, Outcome.FAILED, "no ana@example.com here"),
    (SYSTEM, e.StepTaken(0, 1, (BEN,), ())),
    *_paged(2, BEN, "Ben Okafor"),
    _settled(2, BEN, Outcome.UNKNOWN, "no answer within 10 seconds"),
    _settled(2, BEN, Outcome.ACCEPTED),
    (SYSTEM, e.HeldByDefault(((LEAD, CHLOE),))),
    (BY_BEN, e.PageAnswered(2, BEN)),
    (BY_BEN, e.Acknowledged(BY_BEN, "link")),
    (BY_BEN, e.Acknowledged(BY_BEN, "web")),
    (SYSTEM, e.PageWithdrawn(1, ANA, "acknowledged by ben")),
    (BY_BEN, e.Verified()),
    (BY_BEN, e.NoteAdded("the pool is exhausted")),
    (BY_BEN, e.EstimateSet(AT + timedelta(hours=2), "a restart takes so long")),
    (BY_BEN, e.Linked("https://example.com/1", "the ticket")),
    (BY_BEN, e.RoleAssigned(LEAD, BEN, None)),
    (BY_BEN, e.HandOverOffered(LEAD, BEN, ANA)),
    (BY_BEN, e.HandOverConfirmed(LEAD, BEN)),
    (BY_ANA, e.HandOverConfirmed(LEAD, ANA)),
    (BY_ANA, e.RoleHandedOver(LEAD, BEN, ANA)),
    (BY_ANA, e.MarkedDone("task:1", "open a bridge")),
    (BY_ANA, e.UpdatePosted("Users", "we are on it")),
    (SYSTEM, e.Told(1, CHLOE, "Chloe Park", "email", f"{INC}/told/1", "we are on it")),
    (SYSTEM, e.UpdateMissed("update:Users:1", "Users", "update for Users", AT, AT + timedelta(hours=1))),
    (SYSTEM, e.PromiseWarned("promise:Report", "Report", AT + timedelta(hours=4))),
    (SYSTEM, e.PromiseBroken("promise:Report", "Report", AT + timedelta(hours=4))),
    (BY_ANA, e.MitigationBegun()),
    (BY_ANA, e.Mitigated("restarted the pool")),
    (SOURCE, e.AlertsCleared(2, ("checkout is down", "orders are late"), True)),
    (BY_ANA, e.Resolved(BY_ANA, "the pool is larger")),
    (BY_ANA, e.Closed(Verdict.REAL, "reviewed")),
    (BY_ANA, e.WordsErased((20,), "asked for")),
)
ESCALATION = _stream(
    *_opened(P2, BY_ANA),
    (BY_ANA, e.FactsSet(((FactId("error_rate"), "25%"), (FactId("customer"), "Acme")))),
    (SYSTEM, e.ThresholdCrossed("error_rate > 20% for 2m")),
    (SYSTEM, e.ThresholdHeld("error_rate > 20% for 2m")),
    (SYSTEM, e.StepTaken(0, 0, (ANA,), ())),
    *_paged(1, ANA, "Ana Costa"),
    (SYSTEM, e.RingSkipped(1, 1, ANA, "webhook", "just sent that way")),
    (SYSTEM, e.LevelRaised(P1, P2, "error_rate is over 20%", None, (CARRIED,))),
    (SYSTEM, e.RoundStarted(1, "raised from P2 to P1")),
    (SYSTEM, e.CarriedStepTaken(P2, 1, (CHLOE,), (), ())),
    (SYSTEM, e.StepsCarriedOver(OTHER, (ITS_OWN, replace(ITS_OWN, step=2)))),
    (SYSTEM, e.CarriedStepTaken(P2, 1, (), (), (), OTHER)),
    (BY_BEN, e.Acknowledged(BY_BEN, "web")),
    (SYSTEM, e.StallWarned(1, 1, AT + timedelta(minutes=30))),
    (BY_BEN, e.ProgressExtended(AT + timedelta(minutes=60), "the vendor is working")),
    (BY_BEN, e.Escalated("I need help")),
    (SYSTEM, e.StepTaken(1, 0, (), (), (BEN,), None, True)),
    (SYSTEM, e.TriggerFired("Something leaked", "leak", (CHLOE,), (), (BEN,))),
    (SYSTEM, e.Restricted((Target(person=CHLOE),))),
    (SYSTEM, e.AcknowledgementLapsed(BY_BEN)),
    (SYSTEM, e.RoundStarted(2, "acknowledged, then left too long", AT + timedelta(minutes=3), 1)),
    (SYSTEM, e.NobodyReached(("eva is not in the directory",))),
    (SYSTEM, e.ThresholdLeft("error_rate > 20% for 2m")),
    (BY_ANA, e.FactsSet(((FactId("customer"), ""),))),
    (BY_ANA, e.LevelLowered(P2, P1, "only some users", AT)),
    (BY_ANA, e.Repinned("v2", "v1", 1, ("P2: backup is paged after 10 min, was 15",), (2,))),
    (BY_ANA, e.Absorbed(OTHER, 1, 3, True)),
    (BY_ANA, e.Resolved(BY_ANA, "over")),
    (BY_ANA, e.Reopened("it is back")),
)
MERGED = _stream(*_opened(P2), (BY_ANA, e.MergedInto(OTHER)))

TOURS = {"night": NIGHT, "escalation": ESCALATION, "merged": MERGED}
