"""The incident: `decide`, `fold`, `deadlines`, and the table of what is allowed in which state."""

from tocsin.core.incident.catch_up import catch_up, first_due
from tocsin.core.incident.deadlines import deadlines, next_due
from tocsin.core.incident.decide import Decision, decide
from tocsin.core.incident.fold import fold, fold_all
from tocsin.core.incident.open_page import Page
from tocsin.core.incident.state import Incident
from tocsin.core.incident.status import TRANSITIONS, Status

__all__ = [
    "TRANSITIONS",
    "Decision",
    "Incident",
    "Page",
    "Status",
    "catch_up",
    "deadlines",
    "decide",
    "first_due",
    "fold",
    "fold_all",
    "next_due",
]
