"""The level: raised or lowered by alerts and people, and what the plan's clocks make of it."""

from __future__ import annotations

from datetime import datetime

from tocsin.core.aloud import called
from tocsin.core.incident import commands, events
from tocsin.core.incident.acts.breaking import fill_roles, own_up
from tocsin.core.incident.acts.course import take
from tocsin.core.incident.acts.updates import announce
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.carrying import carried_by_raise, if_it_began, still_promised
from tocsin.core.incident.paging.ladder import start_round
from tocsin.core.incident.paging.targets import ids
from tocsin.core.incident.state.standing import already_over
from tocsin.core.model import Actor, ActorKind, LevelId, Refused
from tocsin.core.policy import Rebase
from tocsin.core.severity import Judgement


def set_level(draft: Draft, command: commands.SetLevel, actor: Actor) -> Refused | None:
    """A person says how bad it is."""
    state, known = draft.state, {level.id: level for level in draft.policy.levels}
    if state.status.over:
        return already_over(state)
    if command.level not in known:
        return Refused(f"The plan has no level {command.level}; it has {', '.join(known)}.")
    if command.level == state.level:
        return Refused(f"{state.id} is {state.level} already.")
    if known[command.level].rank < draft.level.rank:
        raise_level(draft, Judgement(known[command.level], command.reason), actor)
        return None
    return lower_to(draft, command.level, command.reason, actor)


def raise_level(
    draft: Draft,
    judged: Judgement,
    actor: Actor,
    worse_since: datetime | None = None,
    had_by: Actor | None = None,
) -> None:
    """It is worse: unanswered again, and nobody is paged later than the milder level had promised.

    Where another incident had that level before it went on here, `worse_since` is when it became so, and
    `had_by` is who has answered for it.
    """
    own_up(draft)
    before, level = draft.state, judged.level.id
    since = before.opened_at if draft.policy.reclassify.clocks is Rebase.OPENED else worse_since
    carried = carried_by_raise(before, draft.policy, level, since or draft.now, draft.now)
    draft.add(events.LevelRaised(level, before.level, judged.reason, since, carried), actor)
    fill_roles(draft)
    if had_by is not None:
        take(draft, had_by, "merge")
    start_round(draft, f"raised from {before.level} to {level}", since)
    announce(draft)


def lower_to(draft: Draft, level: LevelId, reason: str, actor: Actor) -> Refused | None:
    """It is milder: whoever has it keeps it, and steps that would be past count as taken and page nobody."""
    lower = draft.policy.reclassify.lower
    if lower and (actor.kind is not ActorKind.PERSON or actor.id not in ids(draft, lower)):
        return Refused(f"Only {called(lower, draft.name)} may lower the level of {draft.state.id}.")
    own_up(draft)
    before = draft.state
    since = before.opened_at if draft.policy.reclassify.clocks is Rebase.OPENED else None
    kept = still_promised(before, draft.policy, level)
    draft.add(events.LevelLowered(level, before.level, reason, since, kept), actor)
    fill_roles(draft)
    past = if_it_began(draft.state, draft.policy, level, since or draft.now)
    taken = max((one.index + 1 for one in past if one.due_at <= draft.now), default=0)
    again = f"lowered from {before.level} to {level}"
    draft.add(events.RoundStarted(draft.state.round + 1, again, since, taken))
    announce(draft)
    return None
