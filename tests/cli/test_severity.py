"""`tocsin severity why`: what people read and programs get, without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tocsin.cli import main

PLANS = Path(__file__).parents[2] / "plans"


def why(capsys: pytest.CaptureFixture[str], plan: str, *arguments: str) -> tuple[int, str]:
    """The exit code, and what is printed for people or said to be wrong."""
    with pytest.raises(SystemExit) as ended:
        main(["severity", "why", str(PLANS / plan), *arguments])
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out + printed.err


def test_the_level_its_reason_and_every_row_that_fits_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = why(
        capsys, "listcutter", "--facts", "error_rate=25%", "severity=warning", "backup_failed=no"
    )
    assert code == 0
    assert said == (
        "Sev3, because error_rate is 25% (error_rate >= 5%).\n\nWhat fits:\n"
        "  Sev2  error_rate is 25% (error_rate > 20% for 2m) – once it has held for so long\n"
        "  Sev3  error_rate is 25% (error_rate >= 5%)\n"
        "  Sev3  severity is warning\n\n"
        "Not known, and could make it worse: breaker_open_for, bucket, operations_failing, "
        "users_with_corruption, response_time.\n"
    )


def test_what_has_held_for_long_enough_counts(capsys: pytest.CaptureFixture[str]) -> None:
    _, said = why(capsys, "listcutter", "--facts", "error_rate=25%", "--for", "2m")
    assert said.startswith("Sev2, because error_rate is 25% (error_rate > 20% for 2m).\n")


def test_what_follows_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _, said = why(capsys, "abada", "--facts", "users_affected=55%", "urgency=medium", "data_loss=no")
    assert said == (
        "P1, because impact is high (users_affected is 55%) and urgency is medium.\n\nWhat fits:\n"
        "  P1  impact is high (users_affected is 55%) and urgency is medium\n\nWhat follows:\n"
        "  user_impact is high (users_affected is 55%)\n  impact is high (users_affected is 55%)\n"
    )


def test_nothing_known_is_doubt(capsys: pytest.CaptureFixture[str]) -> None:
    assert why(capsys, "abada") == (0, "P1, because no row of the plan matches it, and doubt goes up.\n")


def test_programs_get_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    _, said = why(capsys, "abada", "--facts", "severity=info", "error_rate=9%", "--json")
    assert json.loads(said) == {
        "level": "P2",
        "reason": "error_rate is 9% (error_rate > 5%)",
        "fits": [
            {"level": "P2", "reason": "error_rate is 9% (error_rate > 5%)", "waits": False},
            {"level": "P4", "reason": "severity is info", "waits": False},
        ],
        "facts": {"severity": "info", "error_rate": "9%"},
        "not_known": ["data_loss", "urgency", "users_affected", "business_impact"],
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--facts", "users_affected=55"],
            "tocsin: “55” does not fit users_affected. Say a percentage with its sign, such as 25%.\n",
        ),
        (
            ["--facts", "impact=high"],
            "tocsin: `impact=high` says no fact. Write FACT=VALUE; facts are: urgency, users_affected, "
            "business_impact, error_rate, data_loss, security, review_asked_for, service, severity, "
            "services_failing, source, component and 2 more.\n",
        ),
        (["--for", "soon"], "tocsin: `soon` is no length of time. Write it like 90s, 5m or 2h.\n"),
    ],
)
def test_what_can_not_be_judged_is_said(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert why(capsys, "abada", *arguments) == (2, said)


def test_a_plan_with_problems_is_not_judged_by(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = why(capsys, "nowhere")
    assert code == 2
    assert said.startswith("plan.yaml:1:1: There is no ")
