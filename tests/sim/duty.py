"""What was in force when in a run: rotas, stand-ins, and how people could be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tocsin.core.directory import Contact
from tocsin.core.model import RotaId
from tocsin.core.oncall import Override, Rota
from tocsin.engine.context import VIEW_LASTS


@dataclass(frozen=True, slots=True)
class InForce:
    """What counted from `since` on."""

    since: datetime
    rotas: Mapping[RotaId, Rota]
    overrides: tuple[Override, ...] = ()
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    channels: tuple[str, ...] = ()

    @property
    def reachable(self) -> set[str]:
        """Who has a channel that the servers can use."""
        return {name for name, one in self.contacts.items() if set(one.channels) & set(self.channels)}


@dataclass(slots=True)
class Duty:
    """Everything that has been in force, the newest last."""

    history: list[InForce] = field(default_factory=list)

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Who stands in, now or ahead."""
        return self.history[-1].overrides if self.history else ()

    def plan(self, rotas: Mapping[RotaId, Rota], now: datetime) -> None:
        """A plan came into force."""
        if not self.history:
            self.history.append(InForce(now, rotas))
        self._now(now, rotas=rotas)

    def stands_in(self, override: Override, now: datetime) -> None:
        """Somebody was arranged to stand in."""
        self._now(now, overrides=(*self.overrides, override))

    def taken_back(self, id: int, now: datetime) -> None:
        """A stand-in was taken back."""
        self._now(now, overrides=tuple(one for one in self.overrides if one.id != id))

    def people(self, contacts: Mapping[str, Contact], channels: tuple[str, ...], now: datetime) -> None:
        """The directory was changed, or the channels of the servers."""
        self._now(now, contacts=contacts, channels=channels)

    def _now(self, now: datetime, **changed: Any) -> None:
        self.history.append(replace(self.history[-1], since=now, **changed))

    def set_back(self, now: datetime) -> None:
        """The clocks were set back: what has been in force already has, whatever they said then."""
        self.history = [replace(one, since=min(one.since, now)) for one in self.history]

    def at(self, at: datetime) -> list[InForce]:
        """What a node may have taken for true: it may not have heard of the last changes."""
        before = [number for number, one in enumerate(self.history) if one.since <= at - VIEW_LASTS]
        first = before[-1] if before else 0
        return [one for one in self.history[first:] if one.since <= at]
