"""Where an incident can stand."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where an incident stands."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"
    MERGED = "merged"

    @property
    def over(self) -> bool:
        """Whether nobody is paged for it any more. What is promised for afterwards may still be due."""
        return self in (Status.RESOLVED, Status.CLOSED, Status.MERGED)
