"""Every state of an incident against every command: one row each, and what comes of it.

A row reads: state | command | events | effects | status afterwards, or: state | command | the whole refusal.
`@5m` is five minutes after the incident opened; without it, one minute. Pages are numbered from 1, rings from
0: `settle 1.0 failed` is the answer for the first ring of the first page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.core.trial import INCIDENT, SOURCE, START, Trial, in_words, level, policy, role
from tests.core.trial import person as somebody
from tocsin.core.incident import Decision, Incident, Page, Status, commands
from tocsin.core.incident.events import Ring
from tocsin.core.model import (
    SYSTEM,
    Actor,
    ActorKind,
    LevelId,
    Outcome,
    PersonId,
    Receipt,
    RoleId,
    ServiceId,
    SubjectId,
)
from tocsin.core.policy import Cadence, Milestone, Service

LADDER = ("0m ana", "5m ben", "15m dara until resolved")
INSIDE = (Cadence("inside", ("email",)),)
PLAN = replace(
    policy(
        level("P1", *LADDER),
        replace(level("P2", *LADDER, rank=1), updates=INSIDE),
        level("P3", rank=2, repeat="", lasts=""),
    ),
    services={ServiceId("checkout"): Service(ServiceId("checkout"), "Checkout")},
    roles={one.id: one for one in (role("Lead", "ana", not_with="Scribe"), role("Scribe"))},
)
PEOPLE = (
    somebody("ana email+sms", "0m email", "2m sms"),
    somebody("ben email"),
    somebody("chloe email"),
    somebody("dara email+sms", "0m email", "2m sms"),
)
CHANNELS = ("email", "sms")
"""By ring number: everybody's first ring is e-mail, the second, if there is one, is sms."""


def none() -> Trial:
    return Trial(PLAN, PEOPLE)


def triggered() -> Trial:
    """Two alerts, ana paged (page 1), nobody has answered."""
    trial = none()
    trial.join("P2", count=2)
    return trial


def rung() -> Trial:
    """As `triggered`, and ana's last ring has gone."""
    trial = triggered()
    trial.wait(minutes=3)
    return trial


def refused() -> Trial:
    """As `rung`, and ana's first ring was refused for good."""
    trial = rung()
    trial.receipt("ana", "failed", ring=0)
    return trial


def exhausted() -> Trial:
    """All steps taken: ana (page 1), ben (2) and dara (3) are paged, and nobody has answered."""
    trial = triggered()
    trial.wait(minutes=17)
    return trial


def acknowledged() -> Trial:
    """Ana has taken it; nobody has an open page."""
    trial = triggered()
    trial.acknowledge("ana")
    return trial


def escorted() -> Trial:
    """Ana has taken it at once; dara is paged (page 2) until it is resolved."""
    trial = acknowledged()
    trial.wait(minutes=15)
    return trial


def quiet() -> Trial:
    """Triggered at a level that pages nobody."""
    trial = none()
    trial.join("P3")
    return trial


def resolved() -> Trial:
    """Ben has resolved it. Page 1 was ana's."""
    trial = triggered()
    trial.resolve("ben")
    return trial


def mitigated() -> Trial:
    """As `escorted`, and ana has mitigated it: dara's page stands until it is resolved."""
    trial = escorted()
    trial.by("ana", commands.Mitigate("rolled back"))
    return trial


def closed() -> Trial:
    """Resolved by ben, then closed by him."""
    trial = resolved()
    trial.by("ben", commands.Close("all done"))
    return trial


def merged() -> Trial:
    """As `triggered`, and it goes on in INC-7."""
    trial = triggered()
    trial.by("ben", commands.Merge(SubjectId("INC-7")))
    return trial


STATES: dict[str, Callable[[], Trial]] = {
    one.__name__: one
    for one in (
        none,
        triggered,
        rung,
        refused,
        exhausted,
        acknowledged,
        escorted,
        quiet,
        mitigated,
        resolved,
        closed,
        merged,
    )
}

TABLE = """
none | join 1 P1 | Opened, AlertsJoined, StepTaken, PageStarted, RingSent | Notify ana email | triggered
none | join 1 P3 | Opened, AlertsJoined | - | triggered
none | clear 1 | There is no such incident.
none | acknowledge ana | There is no such incident.
none | acknowledge source | There is no such incident.
none | resolve ana | There is no such incident.
none | due step:0:0 | There is no such incident.
none | settle 1.0 accepted | There is no such incident.

triggered | join 3 P2 | AlertsJoined | - | triggered
triggered | join 3 P3 | AlertsJoined | - | triggered
triggered | join 3 P1 | AlertsJoined, LevelRaised, RoundStarted, StepTaken, PageWithdrawn,
    PageStarted, RingSent
    | Withdraw 1, Notify ana email | triggered
triggered | join 0 P2 | - | - | triggered
triggered | join 0 P1 | LevelRaised, RoundStarted, StepTaken, PageWithdrawn, PageStarted, RingSent
    | Withdraw 1, Notify ana email | triggered
triggered | join 1 P1 @6m | PromiseBroken, AlertsJoined, LevelRaised, RoundStarted, StepTaken,
    PageWithdrawn, PageStarted, RingSent, RingSent
    | Withdraw 1, Notify ana email, Notify ana sms | triggered
triggered | clear 1 | AlertsCleared | - | triggered
triggered | clear 2 | AlertsCleared, Resolved, PageWithdrawn | CloseAlerts, Withdraw 1 | resolved
triggered | clear 9 | AlertsCleared, Resolved, PageWithdrawn | CloseAlerts, Withdraw 1 | resolved
triggered | acknowledge ana | PageAnswered, Acknowledged | Withdraw 1 | acknowledged
triggered | acknowledge ben | Acknowledged, PageWithdrawn | Withdraw 1 | acknowledged
triggered | acknowledge source | Acknowledged, PageWithdrawn | Withdraw 1 | acknowledged
triggered | acknowledge ana @5m | PromiseBroken, PageAnswered, Acknowledged | Withdraw 1 | acknowledged
triggered | resolve ana | Resolved, PageWithdrawn | CloseAlerts, Withdraw 1 | resolved
triggered | resolve ben | Resolved, PageWithdrawn | CloseAlerts, Withdraw 1 | resolved
triggered | resolve ben @5m | PromiseBroken, Resolved, PageWithdrawn | CloseAlerts, Withdraw 1 | resolved
triggered | due ring:1:1 | INC-1 has no deadline ring:1:1 due.
triggered | due ring:1:1 @2m | RingSent | Notify ana sms | triggered
triggered | due ring:1:0 @2m | INC-1 has no deadline ring:1:0 due.
triggered | due ring:9:0 @2m | INC-1 has no deadline ring:9:0 due.
triggered | due step:0:0 | INC-1 has no deadline step:0:0 due.
triggered | due step:0:1 | INC-1 has no deadline step:0:1 due.
triggered | due step:0:1 @5m | StepTaken, PageStarted, RingSent | Notify ben email | triggered
triggered | due step:1:1 @5m | INC-1 has no deadline step:1:1 due.
triggered | due acknowledge:P2 | INC-1 has no deadline acknowledge:P2 due.
triggered | due acknowledge:P2 @5m | PromiseBroken | - | triggered
triggered | due acknowledge:P1 @5m | INC-1 has no deadline acknowledge:P1 due.
triggered | due repeat:0 @60m | INC-1 has no deadline repeat:0 due.
triggered | due lapse @60m | INC-1 has no deadline lapse due.
triggered | due nonsense | INC-1 has no deadline nonsense due.
triggered | settle 1.0 accepted | RingSettled | - | triggered
triggered | settle 1.0 unknown | RingSettled | - | triggered
triggered | settle 1.0 retrying | RingSettled, RingSent | Notify ana sms | triggered
triggered | settle 1.0 failed | RingSettled, RingSent | Notify ana sms | triggered
triggered | settle 9.0 accepted | RingSettled | - | triggered
triggered | settle 9.0 failed | RingSettled | - | triggered

rung | due ring:1:1 @3m | INC-1 has no deadline ring:1:1 due.
rung | settle 1.1 accepted | RingSettled | - | triggered
rung | settle 1.1 unknown | RingSettled | - | triggered
rung | settle 1.1 retrying | RingSettled | - | triggered
rung | settle 1.1 failed | RingSettled | - | triggered

refused | settle 1.1 accepted | RingSettled | - | triggered
refused | settle 1.1 unknown | RingSettled | - | triggered
refused | settle 1.1 retrying | RingSettled, StepTaken, PageStarted, RingSent | Notify ben email | triggered
refused | settle 1.1 failed | RingSettled, StepTaken, PageStarted, RingSent | Notify ben email | triggered

exhausted | join 1 P2 @20m | AlertsJoined | - | triggered
exhausted | join 1 P1 @20m | AlertsJoined, LevelRaised, RoundStarted, StepTaken, PageWithdrawn,
    PageStarted, RingSent
    | Withdraw 1, Notify ana email | triggered
exhausted | acknowledge ana @20m | PageAnswered, Acknowledged, PageWithdrawn
    | Withdraw 1, Withdraw 2 | acknowledged
exhausted | acknowledge dara @20m | PageAnswered, Acknowledged, PageWithdrawn, PageWithdrawn
    | Withdraw 3, Withdraw 1, Withdraw 2 | acknowledged
exhausted | acknowledge chloe @20m | Acknowledged, PageWithdrawn, PageWithdrawn
    | Withdraw 1, Withdraw 2 | acknowledged
exhausted | resolve ana @20m | Resolved, PageWithdrawn, PageWithdrawn, PageWithdrawn
    | CloseAlerts, Withdraw 1, Withdraw 2, Withdraw 3 | resolved
exhausted | clear 2 @20m | AlertsCleared, Resolved, PageWithdrawn, PageWithdrawn, PageWithdrawn
    | CloseAlerts, Withdraw 1, Withdraw 2, Withdraw 3 | resolved
exhausted | due acknowledge:P2 @20m | INC-1 has no deadline acknowledge:P2 due.
exhausted | due repeat:0 @24m | INC-1 has no deadline repeat:0 due.
exhausted | due repeat:0 @25m | RoundStarted, StepTaken, PageWithdrawn, PageStarted, RingSent
    | Withdraw 1, Notify ana email | triggered
exhausted | due step:0:2 @25m | INC-1 has no deadline step:0:2 due.
exhausted | settle 2.0 failed @20m | RingSettled | - | triggered

acknowledged | join 3 P2 | AlertsJoined | - | acknowledged
acknowledged | join 3 P3 | AlertsJoined | - | acknowledged
acknowledged | join 3 P1 | AlertsJoined, LevelRaised, RoundStarted, StepTaken, PageStarted, RingSent
    | Notify ana email | triggered
acknowledged | join 0 P1 | LevelRaised, RoundStarted, StepTaken, PageStarted, RingSent
    | Notify ana email | triggered
acknowledged | clear 1 | AlertsCleared | - | acknowledged
acknowledged | clear 2 | AlertsCleared, Resolved | CloseAlerts | resolved
acknowledged | acknowledge ana | Acknowledged | - | acknowledged
acknowledged | acknowledge ben | INC-1 was already acknowledged by Ana.
acknowledged | acknowledge source | INC-1 was already acknowledged by Ana.
acknowledged | resolve ana | Resolved | CloseAlerts | resolved
acknowledged | resolve ben | Resolved | CloseAlerts | resolved
acknowledged | due ring:1:1 @2m | INC-1 has no deadline ring:1:1 due.
acknowledged | due step:0:1 @5m | INC-1 has no deadline step:0:1 due.
acknowledged | due step:0:2 @14m | INC-1 has no deadline step:0:2 due.
acknowledged | due step:0:2 @15m | StepTaken, PageStarted, RingSent | Notify dara email | acknowledged
acknowledged | due acknowledge:P2 @5m | INC-1 has no deadline acknowledge:P2 due.
acknowledged | due repeat:0 @60m | INC-1 has no deadline repeat:0 due.
acknowledged | due lapse @29m | INC-1 has no deadline lapse due.
acknowledged | due lapse @30m | AcknowledgementLapsed, RoundStarted, StepTaken, PageStarted, RingSent
    | Notify ana email | triggered
acknowledged | settle 1.0 accepted | RingSettled | - | acknowledged
acknowledged | settle 1.0 unknown | RingSettled | - | acknowledged
acknowledged | settle 1.0 retrying | RingSettled | - | acknowledged
acknowledged | settle 1.0 failed | RingSettled | - | acknowledged

escorted | join 1 P1 @16m | AlertsJoined, LevelRaised, RoundStarted, StepTaken, PageStarted, RingSent
    | Notify ana email | triggered
escorted | acknowledge dara @16m | PageAnswered | Withdraw 2 | acknowledged
escorted | acknowledge ana @16m | Acknowledged | - | acknowledged
escorted | acknowledge ben @16m | INC-1 was already acknowledged by Ana.
escorted | resolve dara @16m | Resolved, PageWithdrawn | CloseAlerts, Withdraw 2 | resolved
escorted | due ring:2:1 @16m | INC-1 has no deadline ring:2:1 due.
escorted | due ring:2:1 @17m | RingSent | Notify dara sms | acknowledged
escorted | due lapse @30m | AcknowledgementLapsed, RoundStarted, StepTaken, PageStarted, RingSent
    | Notify ana email | triggered
escorted | settle 2.0 accepted @16m | RingSettled | - | acknowledged
escorted | settle 2.0 retrying @16m | RingSettled, RingSent | Notify dara sms | acknowledged
escorted | settle 2.0 failed @16m | RingSettled, RingSent | Notify dara sms | acknowledged
escorted | settle 1.0 failed @16m | RingSettled | - | acknowledged

quiet | join 1 P3 | AlertsJoined | - | triggered
quiet | join 1 P2 | AlertsJoined, LevelRaised, RoundStarted, StepTaken, PageStarted, RingSent
    | Notify ana email | triggered
quiet | clear 1 | AlertsCleared, Resolved | CloseAlerts | resolved
quiet | acknowledge ana | Acknowledged | - | acknowledged
quiet | acknowledge source | Acknowledged | - | acknowledged
quiet | resolve ana | Resolved | CloseAlerts | resolved
quiet | due acknowledge:P3 @4m | INC-1 has no deadline acknowledge:P3 due.
quiet | due acknowledge:P3 @5m | PromiseBroken | - | triggered
quiet | due repeat:0 @60m | INC-1 has no deadline repeat:0 due.
quiet | settle 1.0 accepted | RingSettled | - | triggered

resolved | join 1 P2 | INC-1 is resolved; a new alert opens a new incident.
resolved | join 0 P1 | INC-1 is resolved; a new alert opens a new incident.
resolved | clear 2 | AlertsCleared | - | resolved
resolved | acknowledge ana | INC-1 is already resolved.
resolved | acknowledge source | INC-1 is already resolved.
resolved | resolve ana | INC-1 is already resolved.
resolved | due ring:1:1 @2m | INC-1 has no deadline ring:1:1 due.
resolved | due step:0:1 @5m | INC-1 has no deadline step:0:1 due.
resolved | due acknowledge:P2 @5m | INC-1 has no deadline acknowledge:P2 due.
resolved | due repeat:0 @60m | INC-1 has no deadline repeat:0 due.
resolved | due lapse @60m | INC-1 has no deadline lapse due.
resolved | settle 1.0 accepted | RingSettled | - | resolved
resolved | settle 1.0 unknown | RingSettled | - | resolved
resolved | settle 1.0 retrying | RingSettled | - | resolved
resolved | settle 1.0 failed | RingSettled | - | resolved

none | verify ana | There is no such incident.
none | begin ana | There is no such incident.
none | mitigate ana | There is no such incident.
none | false ana | There is no such incident.
none | reopen ana | There is no such incident.
none | close ana | There is no such incident.
none | note ana | There is no such incident.
none | estimate ana 60 | There is no such incident.
none | link ana | There is no such incident.
none | restrict ana ben | There is no such incident.

triggered | verify ana | PageAnswered, Acknowledged, Verified | Withdraw 1 | acknowledged
triggered | verify chloe | Acknowledged, PageWithdrawn, Verified | Withdraw 1 | acknowledged
triggered | verify ana @5m | PromiseBroken, PageAnswered, Acknowledged, Verified | Withdraw 1 | acknowledged
triggered | begin ana | PageAnswered, Acknowledged, MitigationBegun | Withdraw 1 | acknowledged
triggered | mitigate ben | Acknowledged, PageWithdrawn, Mitigated | Withdraw 1 | mitigated
triggered | false ana | Closed, PageWithdrawn | CloseAlerts, Withdraw 1 | closed
triggered | reopen ana | INC-1 is triggered; there is nothing to reopen.
triggered | close ana | INC-1 is triggered; resolve it before you close it.
triggered | note ana | NoteAdded | - | triggered
triggered | note ana empty | A note needs words.
triggered | estimate ana 60 | EstimateSet | - | triggered
triggered | estimate ana 0 | The estimate lies in the past. Give a time that is still to come.
triggered | link ana | Linked | - | triggered
triggered | restrict ana ben | Restricted | - | triggered
triggered | restrict ana zoe | There is nobody called zoe in the directory.
triggered | restrict ana | That is how INC-1 is restricted already.

acknowledged | verify ana | Verified | - | acknowledged
acknowledged | begin ben | MitigationBegun | - | acknowledged
acknowledged | mitigate ana | Mitigated | - | mitigated
acknowledged | false ben | Closed | CloseAlerts | closed
acknowledged | reopen ana | INC-1 is acknowledged; there is nothing to reopen.
acknowledged | close ana | INC-1 is acknowledged; resolve it before you close it.
acknowledged | note ben | NoteAdded | - | acknowledged
acknowledged | estimate ben 60 | EstimateSet | - | acknowledged
acknowledged | link ben | Linked | - | acknowledged
acknowledged | restrict ben ana | Restricted | - | acknowledged

escorted | verify dara @16m | PageAnswered, Verified | Withdraw 2 | acknowledged
escorted | mitigate dara @16m | PageAnswered, Mitigated | Withdraw 2 | mitigated
escorted | false ana @16m | Closed, PageWithdrawn | CloseAlerts, Withdraw 2 | closed

mitigated | join 1 P3 @17m | AlertsJoined | - | mitigated
mitigated | join 1 P2 @17m | AlertsJoined, Reopened, RoundStarted, StepTaken, PageStarted, RingSent |
    Notify ana email | triggered
mitigated | join 1 P1 @17m | AlertsJoined, LevelRaised, RoundStarted, StepTaken, PageStarted, RingSent |
    Notify ana email | triggered
mitigated | clear 2 @17m | AlertsCleared | - | mitigated
mitigated | acknowledge ana @17m | INC-1 was already acknowledged by Ana.
mitigated | acknowledge dara @17m | PageAnswered | Withdraw 2 | mitigated
mitigated | verify ana @17m | INC-1 is already verified.
mitigated | begin ana @17m | INC-1 is already being mitigated.
mitigated | mitigate ana @17m | INC-1 is already mitigated.
mitigated | resolve ana @17m | Resolved, PageWithdrawn | CloseAlerts, Withdraw 2 | resolved
mitigated | false ana @17m | Closed, PageWithdrawn | CloseAlerts, Withdraw 2 | closed
mitigated | reopen ana @17m | Reopened, RoundStarted, StepTaken, PageStarted, RingSent | Notify ana email |
    triggered
mitigated | close ana @17m | INC-1 is mitigated; resolve it before you close it.
mitigated | note ana @17m | NoteAdded | - | mitigated
mitigated | estimate ana 60 @17m | EstimateSet | - | mitigated
mitigated | link ana @17m | Linked | - | mitigated
mitigated | restrict ana ben @17m | Restricted | - | mitigated
mitigated | due lapse @40m | INC-1 has no deadline lapse due.
mitigated | due ring:2:1 @17m | RingSent | Notify dara sms | mitigated
mitigated | settle 2.0 failed @17m | RingSettled, RingSent | Notify dara sms | mitigated

resolved | verify ana | INC-1 is already resolved.
resolved | begin ana | INC-1 is already resolved.
resolved | mitigate ana | INC-1 is already resolved.
resolved | false ana | Closed | CloseAlerts | closed
resolved | reopen ana | Reopened, RoundStarted, StepTaken, PageStarted, RingSent | Notify ana email |
    triggered
resolved | close ana | Closed | - | closed
resolved | note ana | NoteAdded | - | resolved
resolved | estimate ana 60 | INC-1 is already resolved.
resolved | link ana | Linked | - | resolved
resolved | restrict ana ben | Restricted | - | resolved

closed | join 1 P2 | INC-1 is closed; a new alert opens a new incident.
closed | clear 2 | AlertsCleared | - | closed
closed | acknowledge ana | INC-1 is already closed.
closed | verify ana | INC-1 is already closed.
closed | begin ana | INC-1 is already closed.
closed | mitigate ana | INC-1 is already closed.
closed | resolve ana | INC-1 is already closed.
closed | false ana | INC-1 is already closed.
closed | reopen ana | Reopened, RoundStarted, StepTaken, PageStarted, RingSent | Notify ana email |
    triggered
closed | close ana | INC-1 is already closed.
closed | note ana | NoteAdded | - | closed
closed | estimate ana 60 | INC-1 is already closed.
closed | link ana | Linked | - | closed
closed | restrict ana ben | Restricted | - | closed
closed | due lapse @40m | INC-1 has no deadline lapse due.
closed | settle 1.0 failed | RingSettled | - | closed

none | escalate ana | There is no such incident.
none | extend ana | There is no such incident.
none | done ana | There is no such incident.

triggered | escalate ana | Escalated, StepTaken, PageStarted, RingSent | Notify ben email | triggered
triggered | extend ana | The plan grants no extension.
triggered | done ana | INC-1 has no task and no promise task:1 that a person marks as done.

acknowledged | escalate ana | Escalated, StepTaken, PageStarted, RingSent | Notify dara email | acknowledged
acknowledged | extend ana | The plan grants no extension.
acknowledged | done ana | INC-1 has no task and no promise task:1 that a person marks as done.

mitigated | escalate ana @17m | The ladder of P2 has no further step for INC-1.
mitigated | extend ana @17m | The plan grants no extension.
mitigated | done ana @17m | INC-1 has no task and no promise task:1 that a person marks as done.

resolved | escalate ana | INC-1 is already resolved.
resolved | extend ana | INC-1 is already resolved.
resolved | done ana | INC-1 has no task and no promise task:1 that a person marks as done.

closed | escalate ana | INC-1 is already closed.
closed | extend ana | INC-1 is already closed.
closed | done ana | INC-1 has no task and no promise task:1 that a person marks as done.

exhausted | escalate ana @20m | The ladder of P2 has no further step for INC-1.
rung | escalate ana @4m | Escalated, StepTaken, PageStarted, RingSent | Notify ben email | triggered

none | level ana P1 | There is no such incident.
none | post ana inside We are at it | There is no such incident.
none | assign ana Scribe ben | There is no such incident.
none | hand ana Lead ana ben | There is no such incident.
none | confirm ana Lead | There is no such incident.

triggered | level ana P1 | LevelRaised, RoundStarted, StepTaken, PageWithdrawn, PageStarted, RingSent |
    Withdraw 1, Notify ana email | triggered
triggered | level ana P3 | LevelLowered, RoundStarted | - | triggered
triggered | level ana P2 | INC-1 is P2 already.
triggered | level ana P9 | The plan has no level P9; it has P1, P2, P3.
triggered | post ana inside We are at it | UpdatePosted | - | triggered
triggered | post ana inside | An update needs words.
triggered | post ana outside x | The plan has no audience outside; it has inside.
triggered | assign ana Scribe ben | RoleAssigned | - | triggered
triggered | assign ana Scribe ana | Ana is Lead, and the plan forbids to be Scribe too. Make somebody else
    Lead first.
triggered | assign ana Lead zoe | There is nobody called zoe in the directory.
triggered | assign ana Cook ben | The plan has no role Cook.
triggered | hand ana Lead ana ben | HandOverOffered, HandOverConfirmed | - | triggered
triggered | hand ana Lead ben chloe | Ben is not Lead of INC-1.
triggered | confirm ana Lead | No hand-over of Lead waits to be confirmed.

acknowledged | level ana P1 | LevelRaised, RoundStarted, StepTaken, PageStarted, RingSent | Notify ana email
    | triggered
acknowledged | level ana P3 | LevelLowered, RoundStarted | - | acknowledged
acknowledged | level ana P2 | INC-1 is P2 already.
acknowledged | post ana inside We are at it | UpdatePosted | - | acknowledged
acknowledged | assign ana Scribe ben | RoleAssigned | - | acknowledged
acknowledged | assign ana Scribe ana | Ana is Lead, and the plan forbids to be Scribe too. Make somebody
    else Lead first.
acknowledged | hand ana Lead ana ben | HandOverOffered, HandOverConfirmed | - | acknowledged
acknowledged | confirm ana Lead | No hand-over of Lead waits to be confirmed.

mitigated | level ana P1 @17m | LevelRaised, RoundStarted, StepTaken, PageStarted, RingSent | Notify ana
    email | triggered
mitigated | level ana P3 @17m | LevelLowered, RoundStarted | - | mitigated
mitigated | level ana P2 @17m | INC-1 is P2 already.
mitigated | post ana inside We are at it @17m | UpdatePosted | - | mitigated
mitigated | assign ana Scribe ben @17m | RoleAssigned | - | mitigated
mitigated | assign ana Scribe ana @17m | Ana is Lead, and the plan forbids to be Scribe too. Make somebody
    else Lead first.
mitigated | hand ana Lead ana ben @17m | HandOverOffered, HandOverConfirmed | - | mitigated
mitigated | confirm ana Lead @17m | No hand-over of Lead waits to be confirmed.

resolved | level ana P1 | INC-1 is already resolved.
resolved | post ana inside We are at it | UpdatePosted | - | resolved
resolved | assign ana Scribe ben | INC-1 is already resolved.
resolved | hand ana Lead ana ben | INC-1 is already resolved.
resolved | confirm ana Lead | INC-1 is already resolved.

closed | level ana P1 | INC-1 is already closed.
closed | post ana inside We are at it | UpdatePosted | - | closed
closed | assign ana Scribe ben | INC-1 is already closed.
closed | hand ana Lead ana ben | INC-1 is already closed.
closed | confirm ana Lead | INC-1 is already closed.

none | declare ana checkout P1 Orders hang | Opened, StepTaken, PageStarted, RingSent | Notify ana email |
    triggered
none | declare ana checkout P3 Orders hang | Opened | - | triggered
none | declare ana kitchen P1 Orders hang | The plan has no service kitchen; it has checkout.
none | declare ana checkout P9 Orders hang | The plan has no level P9; it has P1, P2, P3.
none | declare ana checkout P1 | An incident needs a title: say in a few words what is wrong.
none | repin ana v2 | There is no such incident.

triggered | declare ana checkout P1 Orders hang | There is an incident INC-1 already.
triggered | repin ana v2 | Repinned | - | triggered
triggered | repin ana v1 | INC-1 goes by that version of the plan already.

acknowledged | declare ana checkout P1 Orders hang | There is an incident INC-1 already.
acknowledged | repin ana v2 | Repinned | - | acknowledged

mitigated | declare ana checkout P1 Orders hang @17m | There is an incident INC-1 already.
mitigated | repin ana v2 @17m | Repinned | - | mitigated

resolved | declare ana checkout P1 Orders hang | There is an incident INC-1 already.
resolved | repin ana v2 | INC-1 is already resolved.

closed | declare ana checkout P1 Orders hang | There is an incident INC-1 already.
closed | repin ana v2 | INC-1 is already closed.

none | merge ana INC-7 | There is no such incident.
none | absorb P2 ben | There is no such incident.

triggered | merge ana INC-7 | MergedInto, PageWithdrawn | Withdraw 1 | merged
triggered | absorb P2 ben | Absorbed, PageStarted, RingSent | Notify ben email | triggered
triggered | merge ana INC-1 | INC-1 cannot be merged into itself.
triggered | absorb P1 ben | Absorbed, LevelRaised, RoundStarted, StepTaken, PageWithdrawn, PageStarted,
    RingSent, PageStarted, RingSent | Withdraw 1, Notify ana email, Notify ben email | triggered
triggered | absorb P2 ana | Absorbed | - | triggered
triggered | absorb P2 zoe | Absorbed | - | triggered

acknowledged | merge ana INC-7 | MergedInto | - | merged
acknowledged | absorb P2 ben | Absorbed | - | acknowledged

mitigated | merge ana INC-7 @17m | MergedInto, PageWithdrawn | Withdraw 2 | merged
mitigated | absorb P2 ben @17m | Absorbed | - | mitigated

resolved | merge ana INC-7 | INC-1 is already resolved.
resolved | absorb P2 ben | INC-1 is resolved; merge into an incident that is open.

closed | merge ana INC-7 | INC-1 is already closed.
closed | absorb P2 ben | INC-1 is closed; merge into an incident that is open.

merged | join 1 P2 | INC-1 is merged; a new alert opens a new incident.
merged | clear 2 | AlertsCleared | - | merged
merged | acknowledge ana | INC-1 was merged into INC-7; ask there.
merged | resolve ana | INC-1 was merged into INC-7; ask there.
merged | due step:0:1 @5m | INC-1 has no deadline step:0:1 due.
merged | settle 1.0 failed | RingSettled | - | merged
merged | verify ana | INC-1 was merged into INC-7; ask there.
merged | begin ana | INC-1 was merged into INC-7; ask there.
merged | mitigate ana | INC-1 was merged into INC-7; ask there.
merged | false ana | INC-1 was merged into INC-7; ask there.
merged | reopen ana | INC-1 was merged into INC-7; ask there.
merged | close ana | INC-1 was merged into INC-7; ask there.
merged | escalate ana | INC-1 was merged into INC-7; ask there.
merged | extend ana | INC-1 was merged into INC-7; ask there.
merged | done ana | INC-1 has no task and no promise task:1 that a person marks as done.
merged | note ana | NoteAdded | - | merged
merged | estimate ana 60 | INC-1 was merged into INC-7; ask there.
merged | link ana | Linked | - | merged
merged | restrict ana ben | Restricted | - | merged
merged | level ana P1 | INC-1 was merged into INC-7; ask there.
merged | post ana inside We are at it | INC-1 was merged into INC-7; ask there.
merged | assign ana Scribe ben | INC-1 was merged into INC-7; ask there.
merged | hand ana Lead ana ben | INC-1 was merged into INC-7; ask there.
merged | confirm ana Lead | INC-1 was merged into INC-7; ask there.
merged | declare ana checkout P1 Orders hang | There is an incident INC-1 already.
merged | repin ana v2 | INC-1 was merged into INC-7; ask there.
merged | merge ana INC-7 | INC-1 was merged into INC-7; ask there.
merged | absorb P2 ben | INC-1 is merged; merge into an incident that is open.
"""
ROWS = [
    tuple(cell.strip() for cell in row.split("|"))
    for row in re.sub(r"\n +", " ", TABLE).splitlines()
    if row  # a line that begins with spaces goes on with the row before it
]


def command(text: str, trial: Trial) -> tuple[Actor, commands.IncidentCommand]:
    """The command that a row names, and who asks."""
    word, *rest = text.split()
    match word:
        case "join":
            alerts = commands.JoinAlerts(
                INCIDENT, ServiceId("checkout"), int(rest[0]), ("down",), LevelId(rest[1]), "because"
            )
            return SOURCE, alerts
        case "clear":
            return SOURCE, commands.ClearAlerts(int(rest[0]), ("down",))
        case "acknowledge":
            source = rest[0] == "source"
            actor = SOURCE if source else Actor(ActorKind.PERSON, rest[0])
            return actor, commands.Acknowledge("source" if source else "link")
        case "resolve":
            return Actor(ActorKind.PERSON, rest[0]), commands.Resolve("fixed")
        case "verify" | "begin" | "mitigate" | "false" | "reopen" | "close":
            return Actor(ActorKind.PERSON, rest[0]), COURSE[word]
        case "note" | "estimate" | "link" | "restrict":
            return Actor(ActorKind.PERSON, rest[0]), record(word, rest[1:], trial)
        case "merge":
            return Actor(ActorKind.PERSON, rest[0]), commands.Merge(SubjectId(rest[1]))
        case "absorb":
            pages = tuple(
                Page(1, PersonId(name), Milestone.ACKNOWLEDGED, START, (Ring(0, "email"),), ())
                for name in rest[1:]
            )
            other = (SubjectId("INC-7"), ServiceId("checkout"), "checkout fails", LevelId(rest[0]))
            child = Incident(*other, Status.TRIGGERED, PLAN.version, trial.now, trial.now, trial.now)
            counted = replace(child, alerts_open=1, alerts_count=2, pages=pages)
            return Actor(ActorKind.PERSON, "ana"), commands.Absorb(counted, PLAN)
        case "declare":
            declared = (INCIDENT, ServiceId(rest[1]), " ".join(rest[3:]), "", LevelId(rest[2]))
            return Actor(ActorKind.PERSON, rest[0]), commands.Declare(*declared)
        case "repin":
            return Actor(ActorKind.PERSON, rest[0]), commands.Repin(replace(PLAN, version=rest[1]))
        case "level":
            return Actor(ActorKind.PERSON, rest[0]), commands.SetLevel(LevelId(rest[1]), "we know more")
        case "post":
            return Actor(ActorKind.PERSON, rest[0]), commands.PostUpdate(rest[1], " ".join(rest[2:]))
        case "assign" | "hand" | "confirm":
            return Actor(ActorKind.PERSON, rest[0]), role_command(word, rest[1:])
        case "escalate" | "extend" | "done":
            return Actor(ActorKind.PERSON, rest[0]), LADDERED[word]
        case "settle":
            page, ring = map(int, rest[0].split("."))
            open_page = trial.state.page(page) if trial.state else None
            person = open_page.person if open_page else PersonId("ana")
            return SYSTEM, commands.Settle(page, ring, person, CHANNELS[ring], 1, Receipt(Outcome(rest[1])))
    raise AssertionError(f"no such command: {text}")


COURSE: dict[str, commands.IncidentCommand] = {
    "verify": commands.Verify(),
    "begin": commands.BeginMitigation(),
    "mitigate": commands.Mitigate("rolled back"),
    "false": commands.FalsePositive("a test"),
    "reopen": commands.Reopen("it is back"),
    "close": commands.Close("all done"),
}


LADDERED: dict[str, commands.IncidentCommand] = {
    "escalate": commands.Escalate("I need help"),
    "extend": commands.ExtendProgress("the restore goes on"),
    "done": commands.MarkDone("task:1"),
}


def role_command(word: str, rest: list[str]) -> commands.IncidentCommand:
    """A command about a role."""
    lead = RoleId(rest[0])
    match word:
        case "assign":
            return commands.Assign(lead, PersonId(rest[1]))
        case "hand":
            return commands.HandOver(lead, PersonId(rest[1]), PersonId(rest[2]))
    return commands.ConfirmHandOver(lead)


def record(word: str, rest: list[str], trial: Trial) -> commands.IncidentCommand:
    """A command that puts something on record."""
    match word:
        case "note":
            return commands.AddNote("" if rest else "looks like the database")
        case "estimate":
            return commands.SetEstimate(trial.now + timedelta(minutes=int(rest[0])), "a guess")
        case "link":
            return commands.Link("INC-9", "the same trouble")
        case "restrict":
            return commands.Restrict(tuple(map(PersonId, rest)))
    raise AssertionError(f"no such command: {word}")


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_every_state_answers_every_command(row: tuple[str, ...]) -> None:
    state, asked, *outcome = row
    trial = STATES[state]()
    text, _, minute = asked.partition(" @")
    trial.now = START + timedelta(minutes=float(minute.removesuffix("m") or 1))
    if text.startswith("due "):
        answer = trial.due(text.removeprefix("due "))
    else:
        actor, asked_command = command(text, trial)
        answer = trial.ask(asked_command, actor)
    if isinstance(answer, Decision):
        names = ", ".join(type(one.event).__name__ for one in answer.events)
        effects = ", ".join(map(in_words, answer.effects))
        assert [names or "-", effects or "-", str(answer.state.status)] == outcome
    else:
        assert [answer.reason] == outcome


def test_the_table_has_every_status_and_every_command() -> None:
    verbs = {
        *COURSE,
        *LADDERED,
        *["join", "clear", "acknowledge", "resolve", "due", "settle", "note", "estimate", "link"],
    }
    verbs |= {
        *["restrict", "level", "post", "assign", "hand", "confirm", "declare", "repin", "merge", "absorb"]
    }
    asked = {(_status(row[0]), row[1].split()[0]) for row in ROWS}
    assert asked == {(status, verb) for status in (None, *Status) for verb in verbs}


def _status(name: str) -> Status | None:
    state = STATES[name]().state
    return state.status if state else None
