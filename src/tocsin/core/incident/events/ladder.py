"""Events of the escalation: rounds, rungs, levels, and an acknowledgement that ran out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tocsin.core.model import Actor, LevelId, PersonId, StageId, SubjectId
from tocsin.core.policy import Milestone, Target


@dataclass(frozen=True)
class CarriedStep:
    """A rung that would have paged people earlier than the ladder does that begins anew or goes on.

    `incident` is whose it was, where that was merged into this one.
    """

    level: LevelId
    step: int
    due_at: datetime
    targets: tuple[Target, ...]
    until: Milestone
    incident: SubjectId | None = None


@dataclass(frozen=True)
class LevelRaised:
    """It is worse than was thought. An acknowledgement given for the lower level no longer stands.

    `since` is the time that the level's clocks run from (None: now). `carried` pages are not put off.
    """

    level: LevelId
    previous: LevelId
    reason: str
    since: datetime | None = None
    carried: tuple[CarriedStep, ...] = ()


@dataclass(frozen=True)
class LevelLowered:
    """It is milder than was thought. Whoever has it keeps it; `since` as for a raised level.

    `carried` are the pages that merged incidents had promised at this level or a milder one: they stay.
    """

    level: LevelId
    previous: LevelId
    reason: str
    since: datetime | None = None
    carried: tuple[CarriedStep, ...] = ()


@dataclass(frozen=True)
class CarriedStepTaken:
    """A rung that was promised before the ladder began anew, or in `incident`, was taken at its time."""

    level: LevelId
    step: int
    paged: tuple[PersonId, ...]
    unreachable: tuple[str, ...]
    answered: tuple[PersonId, ...]
    incident: SubjectId | None = None


@dataclass(frozen=True)
class StepsCarriedOver:
    """Pages that `incident`, which goes on here, had promised for earlier than this ladder brings them."""

    incident: SubjectId
    carried: tuple[CarriedStep, ...]


@dataclass(frozen=True)
class RoundStarted:
    """The ladder starts again, its clock from `since` (None: now); the first `taken` steps count as taken."""

    round: int
    reason: str
    since: datetime | None = None
    taken: int = 0


@dataclass(frozen=True)
class AcknowledgementLapsed:
    """It was acknowledged and then left too long: unanswered again. `carried` pages are not put off."""

    by: Actor
    carried: tuple[CarriedStep, ...] = ()


@dataclass(frozen=True)
class StepTaken:
    """A rung of the ladder: who was paged, who could not be and why, and who has answered already.

    `stalled` is true when it was taken for want of progress: the next wait for progress begins then.
    """

    round: int
    step: int
    paged: tuple[PersonId, ...]
    unreachable: tuple[str, ...]
    answered: tuple[PersonId, ...] = ()
    stage: StageId | None = None
    stalled: bool = False


@dataclass(frozen=True)
class Escalated:
    """A person asked for the next step of the ladder."""

    reason: str


@dataclass(frozen=True)
class StallWarned:
    """Nothing counts as progress, and the ladder's next step is near."""

    round: int
    step: int
    due_at: datetime


@dataclass(frozen=True)
class ProgressExtended:
    """A person said that work goes on: no step for want of progress before `until`."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class TriggerFired:
    """A condition of the plan came to hold, and what it asks for is done, once."""

    trigger: str
    condition: str
    paged: tuple[PersonId, ...]
    unreachable: tuple[str, ...]
    answered: tuple[PersonId, ...] = ()


@dataclass(frozen=True)
class TakenStep:
    """A rung that was taken, known again by whom it is for."""

    targets: tuple[Target, ...]
    tell: tuple[Target, ...]
    stage: StageId | None


@dataclass(frozen=True)
class Repinned:
    """Another version of the plan: the first `taken` steps of its ladder count as taken, and `ahead` too.

    `gone` were taken in this round, and this version does not have them; a later one may again.
    """

    version: str
    previous: str
    taken: int
    changes: tuple[str, ...] = ()
    ahead: tuple[int, ...] = ()
    gone: tuple[TakenStep, ...] = ()


@dataclass(frozen=True)
class NobodyReached:
    """The whole ladder and the catch-all found nobody who can be told."""

    unreachable: tuple[str, ...]


LadderEvent = (
    RoundStarted
    | StepTaken
    | CarriedStepTaken
    | StepsCarriedOver
    | Escalated
    | StallWarned
    | ProgressExtended
    | TriggerFired
    | NobodyReached
    | LevelRaised
    | LevelLowered
    | Repinned
)
"""What moves the escalation."""
