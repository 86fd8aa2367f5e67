"""People with their addresses, as the directory keeps them. Decisions see only `policy.Person`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin.core.model import PersonId
from tocsin.core.policy import NotifyRule, Person


@dataclass(frozen=True)
class Address:
    """Where a channel reaches somebody; `secret` signs what is sent there, where the channel signs."""

    to: str
    secret: str = ""


@dataclass(frozen=True)
class Contact:
    """A person. `zone` is an IANA name; `email` is for signing in, `channels` for being paged."""

    id: PersonId
    name: str
    email: str
    zone: str = "UTC"
    channels: Mapping[str, Address] = field(default_factory=dict)
    rules: tuple[NotifyRule, ...] = ()

    def as_person(self, available: frozenset[str]) -> Person:
        """What decisions may know of this person on a server with the `available` channels."""
        return Person(self.id, self.name, available.intersection(self.channels), self.rules)
