"""What must be true of an incident: of each event as it comes, and of what is stored at every commit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.sim import due_rules, levels, plan_rules, reasons
from tests.sim.due import again, rungs
from tests.sim.stream import Stream
from tocsin.core.incident import Incident, events
from tocsin.core.incident.events import Recorded
from tocsin.core.incident.status import Status
from tocsin.core.model import ActorKind

AFTER_THE_END = (
    events.RingSettled,
    events.AlertsCleared,
    events.Closed,
    events.Reopened,
    events.FactsSet,
    events.NoteAdded,
    events.MarkedDone,
    events.UpdatePosted,
    events.UpdateMissed,
    events.PromiseBroken,
    events.PromiseWarned,
    events.Told,
    events.Linked,
    events.Restricted,
    events.WordsErased,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `subjects` as it was read."""

    id: str
    version: int
    due_at: datetime | None
    open_key: str | None
    quarantined: str
    snapshot: Incident


def steps_are_taken_in_order(stream: Stream, one: Recorded) -> Iterator[str]:
    """Every step of the ladder is taken or moot, in order, and early only where the path is blocked."""
    event, account = one.event, stream.account
    if not isinstance(event, events.StepTaken):
        return
    ladder = account.ladder
    if event.round != account.round:
        yield f"step {event.step} of round {event.round} in round {account.round}"
    if event.step in account.taken:
        yield f"step {event.step} is taken again"
    for index, _, _ in rungs(account):
        if index < event.step:
            yield f"step {index} is skipped, {event.step} is taken"
    if account.moot(ladder[event.step].until):
        yield f"step {event.step} is moot and was taken"
    asked_for = stream.blocked_at == one.at or stream.escalated_at == one.at
    due_at = stream.dues.get(f"step {event.step}")
    if (due_at is None or one.at < due_at) and not asked_for:
        yield f"step {event.step} is due at {due_at}, and nothing blocks the path"


def rings_go_out_as_planned(stream: Stream, one: Recorded) -> Iterator[str]:
    """Each ring of a page goes once, as planned, while the page is open, and early only after a refusal."""
    event = one.event
    if not isinstance(event, events.RingSent | events.RingSkipped):
        return
    page = stream.pages.get(event.page)
    if page is None:
        yield f"ring {event.ring} of page {event.page}, which is over"
        return
    if event.ring in page.sent:
        yield f"ring {event.ring} of page {event.page} goes again"
    planned = page.rings[event.ring]
    if (planned.channel, page.person) != (event.channel, event.person):
        yield f"ring {event.ring} goes to {event.person} by {event.channel}, planned was {planned}"
    early = one.at < page.started_at + timedelta(seconds=planned.after_seconds)
    if early and stream.blocked_at != one.at:
        yield f"ring {event.ring} of page {event.page} is early, and nothing was refused"


def pages_are_for_the_unanswered(stream: Stream, one: Recorded) -> Iterator[str]:
    """Nobody is asked to take what is taken, nobody who has taken it is asked again, nobody twice at once."""
    event, state = one.event, stream.state
    if not isinstance(event, events.PageStarted) or state is None:
        return
    if stream.account.moot(event.until):
        yield f"{event.person} is paged until {event.until}, and it is {state.status}"
    if event.person in stream.answered:
        yield f"{event.person} is paged, and has answered since it last counted as unanswered"
    if any(page.person == event.person for page in stream.pages.values()):
        yield f"{event.person} is paged beside an open page"
    if event.page in stream.pages or event.page != state.pages_count + 1:
        yield f"page {event.page} follows page {state.pages_count}"


def nothing_begins_after_the_end(stream: Stream, one: Recorded) -> Iterator[str]:
    """An incident that is over hears late answers and what people put on record, and pages nobody."""
    state = stream.state
    if state is not None and state.status.over:
        withdrawn = isinstance(one.event, events.PageWithdrawn) and one.at == stream.changed_at
        if not withdrawn and not isinstance(one.event, AFTER_THE_END):
            yield f"{type(one.event).__name__} after it was over"


def only_the_paged_answer(stream: Stream, one: Recorded) -> Iterator[str]:
    """A page is answered by whom it asked; what is acknowledged was unanswered, or is theirs already."""
    event, state = one.event, stream.state
    if isinstance(event, events.PageAnswered):
        by_them = one.actor.kind is ActorKind.PERSON and one.actor.id == event.person
        if not by_them:
            yield f"{one.actor} answers the page of {event.person}"
    elif isinstance(event, events.Acknowledged) and state is not None:
        renewed = state.status is Status.ACKNOWLEDGED and event.by == state.acknowledged_by
        if state.status is not Status.TRIGGERED and not renewed:
            yield f"acknowledged while {state.status}"


def rounds_and_levels_go_the_right_way(stream: Stream, one: Recorded) -> Iterator[str]:
    """A round follows the one before, while nobody has it or as it is lowered; levels go where it says."""
    event, state = one.event, stream.state
    if state is None:
        return
    if isinstance(event, events.RoundStarted):
        if event.round != state.round + 1:
            yield f"round {event.round} after round {state.round}"
        # Whoever has the worse of two has both, while its ladder begins here.
        had_by_merge = state.acknowledged_at == one.at and any(
            at == one.at for at, *_ in stream.absorbed.values()
        )
        if state.status is not Status.TRIGGERED and stream.lowered_at != one.at and not had_by_merge:
            yield f"a round begins while it is {state.status}"
    elif isinstance(event, events.LevelRaised):
        policy = stream.policy
        if policy.level(event.level).rank >= policy.level(state.level).rank:
            yield f"raised from {state.level} to {event.level}"
    elif isinstance(event, events.LevelLowered):
        policy = stream.policy
        if policy.level(event.level).rank <= policy.level(state.level).rank:
            yield f"lowered from {state.level} to {event.level}"


EVENT_RULES = (
    steps_are_taken_in_order,
    rings_go_out_as_planned,
    pages_are_for_the_unanswered,
    nothing_begins_after_the_end,
    only_the_paged_answer,
    rounds_and_levels_go_the_right_way,
    *due_rules.EVENT_RULES,
    *plan_rules.EVENT_RULES,
    *levels.EVENT_RULES,
    *reasons.EVENT_RULES,
)
"""Of each event, with the stream as it was before it."""


def the_version_counts_the_events(stream: Stream, row: Row) -> Iterator[str]:
    """A subject's version is the number of its events."""
    if row.version != stream.version:
        yield f"{row.id} is at version {row.version} and has {stream.version} events"


def the_snapshot_is_the_fold(stream: Stream, row: Row) -> Iterator[str]:
    """The stored state is what folding the stored events gives."""
    if row.snapshot != stream.state:
        yield f"{row.id} is stored as {row.snapshot} and folds to {stream.state}"


def the_due_time_is_the_next_deadline(stream: Stream, row: Row) -> Iterator[str]:
    """The clock will look at a subject when its next promise falls due, no sooner and no later."""
    name = min(stream.dues, key=lambda one: (stream.dues[one], one), default=None)
    due = None if name is None else stream.dues[name]
    if row.due_at != due:
        yield f"{row.id} is looked at at {row.due_at}; `{name}` is next, at {due}"


def nothing_is_set_aside(_stream: Stream, row: Row) -> Iterator[str]:
    """No incident is in quarantine: there is none that the engine cannot decide."""
    if row.quarantined:
        yield f"{row.id}: {row.quarantined}"


def the_unanswered_have_a_live_timer(stream: Stream, row: Row) -> Iterator[str]:
    """An unacknowledged incident at a level with a ladder always has a next time at which it pages."""
    state, account = stream.incident, stream.account
    if state.status is not Status.TRIGGERED or not stream.policy.level(state.level).pages:
        return
    steps = [at for _, _, at in rungs(account)]
    leads = min(steps) if steps else again(account)
    if leads is None:
        yield f"{row.id} is unanswered, and its ladder leads nowhere"
    elif row.due_at is None or row.due_at > leads:
        yield f"{row.id} moves on at {leads}, and the clock looks at {row.due_at}"


def an_answer_ends_what_it_answers(stream: Stream, row: Row) -> Iterator[str]:
    """What the incident's state has made moot is no longer an open page, and no open page is unheard of."""
    state = stream.incident
    for number, page in stream.pages.items():
        if stream.account.moot(page.until):
            yield f"{row.id} is {state.status} and page {number} for {page.person} is open"
    if {page.id for page in state.pages} != stream.pages.keys():
        yield f"{row.id} holds the pages {state.pages}, its events leave {stream.pages}"


def the_group_is_held_while_open(stream: Stream, row: Row) -> Iterator[str]:
    """An open incident holds its service, so that alerts find it; one that is over has let go."""
    state = stream.incident
    held: set[str | None] = {None} if state.status.over else {state.service}
    if state.reopened and not state.status.over:
        held.add(None)  # a newer incident may have the service by now
    if row.open_key not in held:
        yield f"{row.id} is {state.status} and holds {row.open_key}"


def a_refusal_moves_the_path_on(stream: Stream, row: Row) -> Iterator[str]:
    """When channels refuse, one not tried yet is; then the ladder goes on; in the end it is said aloud."""
    state = stream.incident
    for number, page in stream.pages.items():
        untried = {ring.channel for ring in page.rings} - page.tried
        if page.refused and page.tried <= page.refused and untried:
            yield f"{row.id}: every channel tried for page {number} has refused, and {untried} wait"
    # Pages of an earlier round say nothing about this one, whose first step may be yet to come.
    if state.status is not Status.TRIGGERED or not stream.pages or not stream.refused_in_round:
        return
    if all(page.turned_away for page in stream.pages.values()):
        left = [number for number, _, _ in rungs(stream.account)]
        if left:
            yield f"{row.id}: every page was refused, and step {left[0]} waits"
        elif stream.nobody_told <= stream.last_page:
            yield f"{row.id}: every page was refused, and nobody was told so"


ROW_RULES = (
    the_version_counts_the_events,
    the_snapshot_is_the_fold,
    the_due_time_is_the_next_deadline,
    nothing_is_set_aside,
    the_unanswered_have_a_live_timer,
    an_answer_ends_what_it_answers,
    the_group_is_held_while_open,
    a_refusal_moves_the_path_on,
    *plan_rules.ROW_RULES,
    *levels.ROW_RULES,
)
"""Of what is stored, as it can be seen after a commit."""
