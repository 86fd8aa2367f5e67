"""The incident: `decide`, `fold`, `deadlines`, and the table of what is allowed in which state."""

from tocsin.core.incident.clock import CaughtUp, catch_up
from tocsin.core.incident.decide import decide
from tocsin.core.incident.draft import Decision
from tocsin.core.incident.promises.deadlines import deadlines, next_due
from tocsin.core.incident.state.fold import FOLD, fold, fold_all
from tocsin.core.incident.state.incident import Incident
from tocsin.core.incident.state.open_page import Page
from tocsin.core.incident.status import Status
from tocsin.core.incident.transitions import TRANSITIONS

__all__ = [
    "FOLD",
    "TRANSITIONS",
    "CaughtUp",
    "Decision",
    "Incident",
    "Page",
    "Status",
    "catch_up",
    "deadlines",
    "decide",
    "fold",
    "fold_all",
    "next_due",
]
