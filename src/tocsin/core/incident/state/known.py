"""What is known of an incident, for the plan's conditions."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.core.facts import FactValue, complete
from tocsin.core.incident.state.facts import texts, values
from tocsin.core.incident.state.incident import Incident
from tocsin.core.model import FactId
from tocsin.core.policy import Policy


def known(state: Incident, policy: Policy) -> Mapping[FactId, FactValue]:
    """What was said of it, what follows, and how it stands; how long it lasted only once it is over."""
    found: dict[FactId, FactValue] = {
        FactId("level"): str(state.level),
        FactId("status"): str(state.status),
        FactId("service"): str(state.service),
        FactId("alerts"): float(state.alerts_open),
    }
    if state.resolved_at is not None:
        found[FactId("lasted")] = state.resolved_at - state.opened_at
    return complete(policy.facts, found | values(texts(state.facts), policy))
