"""Recorded streams are read and folded as they were: a fold that changes says so by its number."""

from __future__ import annotations

import json
from typing import get_args

from tests.recorded.record import RAISE_IT, STATES, otherwise, states, streams
from tocsin.core.incident import FOLD
from tocsin.core.incident.events import IncidentEvent


def test_recorded_events_fold_to_what_they_did_unless_the_fold_says_that_it_changed() -> None:
    recorded = json.loads(STATES.read_text())
    changed = ", ".join(otherwise(recorded["states"], states()))
    assert not changed or recorded["fold"] != FOLD, RAISE_IT % changed
    assert recorded["fold"] == FOLD, "FOLD was raised: run `python -m tests.recorded.record`"
    assert recorded["states"].keys() == streams().keys(), "run `python -m tests.recorded.record`"


def test_every_kind_of_event_is_recorded() -> None:
    recorded = {type(one.event) for stream in streams().values() for one in stream}
    missing = sorted(one.__name__ for one in get_args(IncidentEvent) if one not in recorded)
    assert not missing, "add these to tests/recorded/tour.py, and run `python -m tests.recorded.record`"
