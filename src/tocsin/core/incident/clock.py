"""The clock's turn: whatever has fallen due, carried out in the order in which it fell due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tocsin.core.incident import events
from tocsin.core.incident.acts import assess
from tocsin.core.incident.acts.breaking import break_promise, warn
from tocsin.core.incident.draft import Decision, Draft
from tocsin.core.incident.paging import ladder, triggers
from tocsin.core.incident.paging.carrying import carried_by_lapse, take_carried
from tocsin.core.incident.paging.pages import ring_due
from tocsin.core.incident.promises.deadlines import carried_id, deadlines
from tocsin.core.incident.state.incident import Incident
from tocsin.core.model import Deadline, DeadlineState
from tocsin.core.policy import Policy, View

DEADLINES_MAX = 1_000
"""More than this at once for one incident is a bug of ours: it would mean that one is never used up."""


@dataclass(frozen=True)
class CaughtUp:
    """What came of it; when the oldest deadline had come (None: there was none), and when the next comes."""

    decision: Decision
    came_at: datetime | None
    next_due: datetime | None


def catch_up(state: Incident, policy: Policy, view: View, now: datetime) -> CaughtUp:
    """Everything of this incident that is due by `now`, oldest first, as one decision."""
    draft = Draft(state, policy, view, now)
    came_at: datetime | None = None
    for _ in range(DEADLINES_MAX):
        first = _first(draft)
        if first is None or first.due_at > now:
            return CaughtUp(draft.decision, came_at, first.due_at if first else None)
        came_at = came_at or first.due_at
        carry_out(draft, first)
    raise AssertionError(f"{state.id}: {DEADLINES_MAX} deadlines due at once")


def _first(draft: Draft) -> Deadline | None:
    """The oldest deadline that is neither kept nor broken."""
    standing = deadlines(draft.state, draft.policy)
    return next((one for one in standing if one.state is DeadlineState.DUE), None)


def carry_out(draft: Draft, deadline: Deadline) -> None:
    """What this deadline says is done now, with what follows from it."""
    _carry_out(draft, deadline)
    triggers.fire(draft)


def _carry_out(draft: Draft, deadline: Deadline) -> None:
    kind, _, rest = deadline.id.partition(":")
    match kind:
        case "acknowledge" | "expect" | "promise" | "role" | "task" | "update":
            break_promise(draft, deadline)
        case "ring":
            ring_due(draft, int(rest.partition(":")[0]))
        case "step":
            ladder.take_step(draft, int(rest.partition(":")[2]))
        case "carried":
            take_carried(draft, next(o for o in draft.state.carried if carried_id(o) == deadline.id))
        case "remind":
            warn(draft, rest.partition(":")[2])
        case "warn":
            ladder.warn(draft, int(rest.partition(":")[2]))
        case "threshold":
            assess.threshold_due(draft, rest)
        case "repeat":
            ladder.start_round(draft, "nobody has acknowledged")
        case "lapse":
            assert draft.state.acknowledged_by is not None
            carried = carried_by_lapse(draft.state, draft.policy)
            draft.add(events.AcknowledgementLapsed(draft.state.acknowledged_by, carried))
            ladder.start_round(draft, "acknowledged, then left too long")
        case _:
            raise AssertionError(f"no rule for deadline {deadline.id}")
