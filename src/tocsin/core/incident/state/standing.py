"""What is said of where an incident stands."""

from __future__ import annotations

from tocsin.core.incident.state.incident import Incident
from tocsin.core.model import Refused


def already_over(state: Incident) -> Refused:
    """Why an incident that has ended refuses."""
    if state.merged_into is not None:
        return Refused(f"{state.id} was merged into {state.merged_into}; ask there.")
    return Refused(f"{state.id} is already {state.status}.")
