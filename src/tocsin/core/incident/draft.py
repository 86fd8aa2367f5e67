"""A decision being written: events are folded as they are added, so that what follows sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tocsin.core.incident import events
from tocsin.core.incident.state.fold import fold
from tocsin.core.incident.state.incident import Incident
from tocsin.core.model import SYSTEM, Actor, ActorKind, Effect, PersonId
from tocsin.core.policy import Level, Policy, View


@dataclass(frozen=True)
class Decision:
    """Events to store and effects to carry out, in order. `state` is what folding the events gives."""

    state: Incident
    events: tuple[events.Recorded, ...]
    effects: tuple[Effect, ...]


@dataclass(slots=True)
class Draft:
    """Collects events and effects for one command; `state` is always up to date with them."""

    start: Incident | None
    policy: Policy
    view: View
    now: datetime
    folded: Incident | None = None
    recorded: list[events.Recorded] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folded = self.start

    @property
    def state(self) -> Incident:
        """The incident as it stands after all events so far."""
        assert self.folded is not None, "nothing was opened"
        return self.folded

    @property
    def decision(self) -> Decision:
        """What it has come to."""
        return Decision(self.state, tuple(self.recorded), tuple(self.effects))

    @property
    def level(self) -> Level:
        """The level it has now."""
        return self.policy.level(self.state.level)

    def name(self, person: str) -> str:
        """What the directory calls somebody; whoever it does not know, by the id."""
        known = self.view.people.get(PersonId(person))
        return known.name if known else person

    def who(self, actor: Actor) -> str:
        """The same of an actor."""
        return self.name(actor.id) if actor.kind is ActorKind.PERSON else str(actor)

    def add(self, event: events.IncidentEvent, actor: Actor = SYSTEM) -> None:
        """Record one more event as of now."""
        recorded = events.Recorded(self.now, actor, event)
        self.recorded.append(recorded)
        self.folded = fold(self.folded, recorded)
