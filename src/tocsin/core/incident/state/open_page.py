"""A page as the incident's state holds it while it is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tocsin.core.incident.events.pages import Ring
from tocsin.core.model import PersonId
from tocsin.core.policy import Milestone


@dataclass(frozen=True)
class Page:
    """One person asked to come, still unanswered.

    `waiting` holds the numbers of the rings still to be sent, `refused` the channels that refused for good,
    `busy` those that refused for now: the outbox goes on trying them.
    """

    id: int
    person: PersonId
    until: Milestone
    started_at: datetime
    rings: tuple[Ring, ...]
    waiting: tuple[int, ...]
    reached: bool = False
    refused: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()

    @property
    def turned_away(self) -> bool:
        """No channel took any ring, and every channel has refused one, for good or for now."""
        return not self.reached and all(ring.channel in (*self.refused, *self.busy) for ring in self.rings)
