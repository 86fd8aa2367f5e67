"""Rows M1.2 to M1.4 of what Tocsin must do: how bad it is by each of the two written plans, and why."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tocsin.core.facts import FactValue, built_in
from tocsin.core.model import FactId, LevelId
from tocsin.core.policy import Policy
from tocsin.core.severity import assess
from tocsin.core.values import value_of
from tocsin.plan.conditions import condition_of
from tocsin.plan.read import examine, load_directory, load_stored

PLANS = Path(__file__).parents[2] / "plans"


@cache
def plan(name: str) -> Policy:
    """One of the two written plans."""
    return load_stored(load_directory(PLANS / name))


def judged(name: str, text: str, held: str = "") -> tuple[str, str]:
    """Facts written `error_rate=25%; bucket=partly`; all conditions have held so long."""
    found = plan(name)
    known: dict[FactId, FactValue] = {}
    for pair in filter(None, text.split("; ")):
        id, given = map(str.strip, pair.split("="))
        value = value_of({**built_in([], []), **found.facts}[FactId(id)], given)
        assert value is not None, pair
        known[FactId(id)] = value
    minutes = timedelta(minutes=float(held or 0))
    thresholds = {row.threshold for row in found.classifications if row.lasts <= minutes}
    judgement = assess(found, known, thresholds)
    return judgement.level.id, judgement.reason


CELLS = """
low    low    P4
medium low    P3
high   low    P2
low    medium P3
medium medium P2
high   medium P1
low    high   P2
medium high   P1
high   high   P1
"""


@pytest.mark.parametrize(("impact", "urgency", "wanted"), [row.split() for row in CELLS.split("\n") if row])
def test_the_matrix_of_abada(impact: str, urgency: str, wanted: str) -> None:
    """M1.2."""
    share = {"low": "9%", "medium": "50%", "high": "50.1%"}[impact]
    text = f"users_affected={share}; business_impact=low; urgency={urgency}"
    reason = f"impact is {impact} (users_affected is {share}) and urgency is {urgency}"
    assert judged("abada", text) == (wanted, reason)


ABADA = """
M1.3 more than half | users_affected=55%; urgency=medium | P1 | \
impact is high (users_affected is 55%) and urgency is medium
M1.3 half of them | users_affected=50%; business_impact=low; urgency=medium | P2 | \
impact is medium (users_affected is 50%) and urgency is medium
M1.3 a tenth | users_affected=10%; business_impact=low; urgency=medium | P2 | \
impact is medium (users_affected is 10%) and urgency is medium
M1.3 fewer | users_affected=9.9%; business_impact=low; urgency=medium | P3 | \
impact is low (users_affected is 9.9%) and urgency is medium
M1.3 the business is hurt worse | users_affected=1%; business_impact=high; urgency=low | P2 | \
impact is high (business_impact is high) and urgency is low
M1.3 complaints | users_affected=1%; business_impact=medium; urgency=low | P3 | \
impact is medium (business_impact is medium) and urgency is low
M1.3 inconvenience | users_affected=1%; business_impact=low; urgency=low | P4 | \
impact is low (users_affected is 1%) and urgency is low
the share is not known | business_impact=low; urgency=low | P2 | \
impact is not known and counts as high and urgency is low
nor the urgency | users_affected=60% | P1 | \
impact is high (users_affected is 60%) and urgency is not known and counts as high
the business alone is high | business_impact=high; urgency=low | P2 | \
impact is high (business_impact is high) and urgency is low
a part that decides nothing yet | business_impact=low | P1 | \
no row of the plan matches it, and doubt goes up
nothing at all | | P1 | no row of the plan matches it, and doubt goes up
M1.4 errors above 5% | error_rate=5.1% | P2 | error_rate is 5.1% (error_rate > 5%)
M1.4 errors of 5% | error_rate=5%; severity=info | P4 | severity is info
data is lost | data_loss=yes; severity=info | P1 | data_loss is yes
data is not lost | data_loss=no; severity=warning | P3 | severity is warning
the worst wins | error_rate=9%; severity=critical | P1 | severity is critical
the worst wins, the matrix too | error_rate=9%; users_affected=1%; business_impact=low; urgency=low | P2 | \
error_rate is 9% (error_rate > 5%)
"""
LISTCUTTER = """
M1.4 errors above 20% for 2 minutes | error_rate=20.1% | 2 | Sev2 | \
error_rate is 20.1% (error_rate > 20% for 2m)
M1.4 errors above 20% just now | error_rate=20.1% | 1.9 | Sev3 | error_rate is 20.1% (error_rate >= 5%)
M1.4 errors of 20% | error_rate=20% | 9 | Sev3 | error_rate is 20% (error_rate >= 5%)
M1.4 errors of 5% | error_rate=5% | 0 | Sev3 | error_rate is 5% (error_rate >= 5%)
M1.4 few errors | error_rate=4%; severity=info | 9 | Sev4 | severity is info
M1.4 latency above 10 s | response_time=10.1s | 2 | Sev2 | \
response_time is 10.1s (response_time > 10s for 2m)
M1.4 latency above 10 s just now | response_time=10.1s | 0 | Sev4 | response_time is 10.1s \
(response_time > 10s for 2m), which has not held for long enough yet
M1.4 backup failed | backup_failed=yes | 0 | Sev2 | backup_failed is yes
M1.4 part of the bucket | bucket=partly | 0 | Sev2 | bucket is partly
M1.4 breaker open for long | breaker_open_for=16m | 0 | Sev1 | the circuit breaker stays open \
(breaker_open_for is 16m)
M1.4 breaker just opened | breaker_open_for=15m; severity=info | 0 | Sev4 | severity is info
M1.4 bucket unreachable | bucket=unreachable | 0 | Sev1 | bucket is unreachable
M1.4 all operations fail | operations_failing=all | 0 | Sev1 | operations_failing is all
M1.4 corruption for several users | users_with_corruption=2 | 0 | Sev1 | users_with_corruption is 2 \
(users_with_corruption > 1)
M1.4 corruption for one user | users_with_corruption=1; severity=info | 0 | Sev4 | severity is info
M1.4 single failures | operations_failing=some | 0 | Sev3 | operations_failing is some
M1.4 slower than normal | response_time=801ms; under_load=no | 5 | Sev3 | \
response_time is 801ms and under_load is no \
(response_time > 2 * usual(response_time) and not under_load for 5m)
M1.4 slower just now | response_time=801ms; under_load=no; severity=info | 4 | Sev4 | severity is info
M1.4 as usual | response_time=800ms; under_load=no; severity=info | 9 | Sev4 | severity is info
M1.4 slower under load | response_time=801ms; under_load=yes | 0 | Sev4 | \
response_time is 801ms and under_load is yes (response_time > 2 * usual(response_time) and under_load)
M1.4 a monitoring threshold | severity=warning | 0 | Sev3 | severity is warning
the worst wins | bucket=partly; operations_failing=all; error_rate=7% | 9 | Sev1 | operations_failing is all
nothing at all | | 0 | Sev1 | no row of the plan matches it, and doubt goes up
"""


def rows(table: str) -> list[Any]:
    """The lines of a table, each with its first cell as its name."""
    lines = table.replace("\\\n", "").split("\n")
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line]
    return [pytest.param(*row[1:], id=row[0]) for row in cells]


@pytest.mark.parametrize(("facts", "wanted", "reason"), rows(ABADA))
def test_how_bad_it_is_by_abada(facts: str, wanted: str, reason: str) -> None:
    assert judged("abada", facts) == (wanted, reason)


@pytest.mark.parametrize(("facts", "held", "wanted", "reason"), rows(LISTCUTTER))
def test_how_bad_it_is_by_list_cutter(facts: str, held: str, wanted: str, reason: str) -> None:
    assert judged("listcutter", facts, held) == (wanted, reason)


DOCS = Path(__file__).parents[2] / "docs" / "plan"


def test_the_page_about_severity_shows_sections_that_are_right() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / "severity.md").read_text(encoding="utf-8"), re.DOTALL)
    document, found = examine({"plan.yaml": "levels: {P1: {}, P2: {}, P3: {}, P4: {}}\n" + "".join(blocks)})
    wrong = [one for one in document.problems if one.path.split(".")[0] in ("facts", "classify", "matrix")]
    assert wrong == []
    assert (len(found.policy.facts), len(found.policy.classifications)) == (8, 4)
    assert found.policy.matrix is not None


def test_the_page_about_conditions_shows_conditions_that_are_right() -> None:
    shown = re.findall(r"```\n(.*?)```", (DOCS / "conditions.md").read_text(encoding="utf-8"), re.DOTALL)[0]
    facts = {**built_in([LevelId("P2")], []), **plan("abada").facts, **plan("listcutter").facts}
    assert [condition_of(line, facts).text for line in shown.splitlines()] == shown.splitlines()
