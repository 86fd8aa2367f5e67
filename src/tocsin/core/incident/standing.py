"""What is said of where an incident stands."""

from __future__ import annotations

from tocsin.core.incident.state import Incident
from tocsin.core.model import Refused


def already_over(state: Incident) -> Refused:
    """Why an incident that has ended refuses."""
    return Refused(f"{state.id} is already {state.status}.")
