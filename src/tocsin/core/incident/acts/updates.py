"""Updates: what an audience is promised to hear, and when; and posting one."""

from __future__ import annotations

from datetime import timedelta

from tocsin.core.incident import commands, events
from tocsin.core.incident.acts.breaking import own_up
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.telling import tell
from tocsin.core.incident.state.standing import already_over
from tocsin.core.incident.status import Status
from tocsin.core.model import SYSTEM, Actor, PersonId, Refused
from tocsin.core.policy import Cadence


def post(draft: Draft, command: commands.PostUpdate, actor: Actor) -> Refused | None:
    """Tell an audience how things stand; whoever the plan names for it gets the words."""
    state = draft.state
    if state.status is Status.MERGED:
        return already_over(state)
    known = {one.audience: one for level in reversed(draft.policy.levels) for one in level.updates}
    known |= {one.audience: one for one in draft.level.updates}
    if command.audience not in known:
        has = f"it has {', '.join(sorted(known))}" if known else "it has none"
        return Refused(f"The plan has no audience {command.audience}; {has}.")
    if not command.text.strip():
        return Refused("An update needs words.")
    own_up(draft)
    _post(draft, known[command.audience], command.text, actor)
    return None


def announce(draft: Draft) -> None:
    """Tell at once whoever the plan wants told within no time at all: no person could keep that."""
    for one in draft.level.updates:
        if one.first_within == timedelta(0) and one.audience not in draft.state.updates:
            _post(draft, one, f"{draft.state.id} is {draft.level.id}: {draft.state.title}")


def _post(draft: Draft, to: Cadence, text: str, actor: Actor = SYSTEM) -> None:
    draft.add(events.UpdatePosted(to.audience, text), actor)
    tell(draft, to.to, text, (PersonId(actor.id),))
