"""A level's `ladder`: whom to page, and when."""

from __future__ import annotations

from datetime import timedelta

from tocsin.core.model import StageId
from tocsin.core.policy import Clock, Milestone, Step
from tocsin.plan.document import Document, Value
from tocsin.plan.names import Names, read_targets
from tocsin.plan.shape import LENGTH, TARGETS, TEXT, Choice, Key, Table
from tocsin.plan.tasks import TASKS, read_tasks

LADDER_STEPS = 100
"""The most steps of a ladder: after an outage they may all be due in one transaction."""

STATES = tuple(Milestone)[1:]
"""What an incident can still come to once it is open."""

STEP = Table(
    "step",
    {
        "after": Key(LENGTH, "how long after the incident's clock began; steps stand in this order", "`0m`"),
        "unanswered": Key(LENGTH, "instead: how long after the step before, while nobody acknowledges"),
        "stalled": Key(LENGTH, "instead: how long without progress, and without another such step"),
        "by_hand": Key(Choice(("true",)), "instead: only when a person asks for it"),
        "page": Key(TARGETS, "who must answer", "nobody is paged"),
        "tell": Key(TARGETS, "who gets a message that needs no answer", "nobody is told"),
        "until": Key(
            Choice(STATES),
            "the state that makes the step and its pages moot",
            "`acknowledged`; `resolved` for `stalled` and `by_hand`",
        ),
        "promise": Key(TEXT, "what people are to have done by then: a deadline, kept by `until`"),
        "tasks": Key(TASKS, "what goes to the list of whoever leads"),
        "stage": Key(TEXT, "the entry of [stages](#stages) that comes with it"),
    },
)

_DOES = ("page", "tell", "promise", "tasks", "stage")
_LATE = (Clock.PROGRESS, Clock.HAND)


def read_ladder(document: Document, value: Value | None, names: Names) -> tuple[Step, ...]:
    """The steps in their order."""
    if value is None:
        return ()
    ladder: list[Step] = []
    before = timedelta(0)
    for item in document.items(value):
        step = _step(document, item, names, before)
        if step.clock is Clock.LADDER:
            if step.after < before:
                message = "This step is earlier than the one before it."
                document.fault(item, message, "Put the steps in the order of their times.")
            before = step.after
        elif step.clock is Clock.ANSWER and not ladder:
            message = "There is no step before this one that could go unanswered."
            document.fault(item, message, "Begin with `after: 0m`.")
        ladder.append(step)
    if not ladder:
        document.fault(value, "This ladder has no steps.", "Write it like [{after: 0m, page: ana}].")
    if len(ladder) > LADDER_STEPS:
        message = f"This ladder has more than {LADDER_STEPS} steps."
        document.fault(value, message, "Page several people in one step, or use `repeat_every`.")
    return tuple(ladder)


def _step(document: Document, value: Value, names: Names, before: timedelta) -> Step:
    parts = document.table(value, STEP)
    if parts and not any(name in parts for name in _DOES):
        remedy = "Give it `page`, `tell`, `promise`, `tasks` or `stage`."
        document.fault(value, "This step does nothing.", remedy)
    clock, after = _clock(document, value, parts, before)
    until = Milestone.RESOLVED if clock in _LATE else Milestone.ACKNOWLEDGED
    stage = document.reference(parts.get("stage"), names.stages, "stage")
    return Step(
        after=after,
        targets=read_targets(document, parts.get("page"), names),
        until=Milestone(document.choice(parts.get("until"), STATES, until, "state")),
        clock=clock,
        tell=read_targets(document, parts.get("tell"), names),
        promise=document.text(parts.get("promise")),
        tasks=read_tasks(document, parts.get("tasks")),
        stage=StageId(stage) if stage else None,
    )


def _clock(
    document: Document, value: Value, parts: dict[str, Value], before: timedelta
) -> tuple[Clock, timedelta]:
    given = [clock for clock in Clock if clock in parts]
    if len(given) > 1:
        words = " and ".join(f"`{clock}`" for clock in given)
        document.fault(value, f"This step has the clocks {words}.", "Keep one of them.")
    if not given:
        return Clock.LADDER, timedelta(0) if parts else before
    clock = given[0]
    if clock is Clock.HAND:
        document.choice(parts[clock], ("true",), "true", "value of `by_hand`")
        return clock, timedelta(0)
    least = "0s" if clock is Clock.LADDER else "1s"
    length = document.duration(parts[clock], least=least)
    if length is None:  # a time that is wrong has been said already
        return clock, before if clock is Clock.LADDER else timedelta(minutes=1)
    return clock, length
