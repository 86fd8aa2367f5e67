"""From what a source says to the plan's level: the worst row that fits, and doubt goes up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.trial import level, policy
from tocsin.core.model import AlertAction, AlertSeverity, LevelId, Signal
from tocsin.core.policy import Classification, Policy
from tocsin.core.severity import FIELDS, judge


def plan(*rows: str) -> Policy:
    """Rows written `severity=error component=db: P2`."""
    classifications = []
    for row in rows:
        when, name = row.split(":")
        pairs = dict(pair.split("=") for pair in when.split())
        classifications.append(Classification(pairs, LevelId(name.strip())))
    levels = (level("P1"), level("P2", rank=1), level("P3", rank=2))
    return replace(policy(*levels), classifications=tuple(classifications))


SIGNAL = Signal(
    AlertAction.TRIGGER,
    "key",
    severity=AlertSeverity.ERROR,
    source="web-1",
    component="db",
    group="shop",
    event_class="latency",
)

DOUBT = "no row of the plan matches it, and doubt goes up"
TABLE = """
no rows at all          |                                       | P1 | doubt
no row fits             | severity=info: P3                     | P1 | doubt
one row fits            | severity=error: P2                    | P2 | severity is error
the worst row wins      | severity=error: P3; component=db: P2  | P2 | component is db
order does not matter   | component=db: P2; severity=error: P3  | P2 | component is db
the first of equals     | source=web-1: P2; group=shop: P2      | P2 | source is web-1
all parts must fit      | severity=error component=api: P3      | P1 | doubt
several parts           | severity=error class=latency: P3      | P3 | severity is error and class is latency
group                   | group=shop: P3                        | P3 | group is shop
an empty row fits all   | : P3                                  | P3 | every alert has it
values compare exactly  | component=DB: P3                      | P1 | doubt
"""
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in TABLE.splitlines() if line]


@pytest.mark.parametrize(
    ("rows", "wanted", "reason"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_an_alert_gets_the_worst_level_that_a_row_gives_it(rows: str, wanted: str, reason: str) -> None:
    judged = judge(plan(*filter(None, rows.split("; "))), SIGNAL)
    sentence = DOUBT if reason == "doubt" else reason
    assert (judged.level.id, judged.reason) == (wanted, sentence)


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_of_a_row_looks_at_the_signal(name: str) -> None:
    value = {"class": "latency", "severity": "error"}.get(name) or getattr(SIGNAL, name)
    assert judge(plan(f"{name}={value}: P3"), SIGNAL).level.id == "P3"
    assert judge(plan(f"{name}=other: P3"), SIGNAL).level.id == "P1"


def test_severities_rank_from_the_worst() -> None:
    ranked = sorted(AlertSeverity, key=lambda severity: severity.rank)
    assert ranked == ["critical", "error", "warning", "info"]
