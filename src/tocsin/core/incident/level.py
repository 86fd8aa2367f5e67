"""The level of an incident that runs."""

from __future__ import annotations

from tocsin.core.incident import events
from tocsin.core.incident.breaking import own_up
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.ladder import start_round
from tocsin.core.model import Actor
from tocsin.core.severity import Judgement


def raise_level(draft: Draft, judged: Judgement, actor: Actor) -> None:
    """It is worse than was thought: people are paged by the ladder of that level."""
    own_up(draft)
    previous, level = draft.state.level, judged.level.id
    draft.add(events.LevelRaised(level, previous, judged.reason), actor)
    start_round(draft, f"raised from {previous} to {level}")
