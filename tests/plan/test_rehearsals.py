"""Rehearsals in files: what they may say, and every problem with its line and remedy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from os import mkfifo
from pathlib import Path

import pytest

from tocsin.core.deeds import DEEDS
from tocsin.core.expectations import Given, Is, Paged, Stands, Unreached, When, Within
from tocsin.core.incident import Status, commands
from tocsin.core.model import (
    AlertAction,
    AlertSeverity,
    DeadlineState,
    FactId,
    LevelId,
    PersonId,
    ServiceId,
    Signal,
)
from tocsin.core.rehearse import Arrive, Ask, Clear, Open, Scenario, Switch
from tocsin.plan.problems import PlanRefused
from tocsin.plan.read import compile_files
from tocsin.plan.rehearsals import instant, load_text, read_expected, read_rehearsals, read_script

PLAN = """\
plan: Shop
zone: Europe/London
levels:
  P1: {ladder: [{after: 0m, page: ana}], repeat_every: 10m}
  P2: {name: Mild}
facts: {lost: {is: yes or no, ask: Is anything lost?}}
services: {shop: The shop, api: The interface}
catch_all: [ben]
"""
POLICY = compile_files({"plan.yaml": PLAN})
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
ANA, BEN = PersonId("ana"), PersonId("ben")
PEOPLE = (ANA, BEN)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_a_rehearsal_says_what_is_played_and_what_is_expected() -> None:
    text = """\
At night:
  at: 2026-11-22 03:00 Asia/Seoul
  level: P1
  service: api
  for: 1h
  answers_after: 7m
  script:
    - {at: 9m, do: resolve, by: ana, reason: restarted}
  expect:
    - {paged: [ana, ben], within: 15m, by: email}
    - {status: resolved}
"""
    (written,) = read_rehearsals("night.yaml", text, POLICY, PEOPLE)
    assert (written.file, written.name, written.zone) == ("night.yaml", "At night", "Asia/Seoul")
    assert written.scenario == Scenario(
        datetime(2026, 11, 21, 18, tzinfo=UTC),
        timedelta(hours=1),
        ServiceId("api"),
        (Open(minutes(0), LevelId("P1")), Ask(minutes(9), commands.Resolve("restarted"), ANA)),
        minutes(7),
    )
    assert [(one.text, one.line, one.what) for one in written.expected] == [
        (
            "paged: [ana, ben], within: 15m, by: email",
            10,
            Paged(PEOPLE, When(Within.WITHIN, minutes(15)), "email"),
        ),
        ("status: resolved", 11, Is(Status.RESOLVED)),
    ]


def test_what_is_not_said_is_the_plans() -> None:
    text = "Alert:\n  at: 2026-06-01 03:00\n  script: [{alert: It is down}]\n"
    (written,) = read_rehearsals("alert.yaml", text, POLICY, PEOPLE)
    assert written.zone == "Europe/London"
    assert written.scenario.starts == datetime(2026, 6, 1, 2, tzinfo=UTC)
    assert (written.scenario.lasts, written.scenario.service) == (timedelta(hours=2), "shop")


def test_every_act_of_a_script() -> None:
    text = """\
- {alert: Slow, severity: error, source: web, component: db, group: eu, class: latency}
- {at: 1m, do: acknowledge}
- {at: 2m, facts: {lost: yes}, by: ana}
- {at: 2m, alert: Lost, details: {lost: yes}}
- {at: 2m, do: clear}
- {at: 2m, do: estimate, time: 30m, reason: a restart is slow}
- {at: 2m, do: restrict, people: [ana, ben]}
- {at: 3m, channel: email, fails: true}
- {at: 4m, channel: email, fails: false, of: ben}
"""
    signal = Signal(
        AlertAction.TRIGGER,
        "Slow",
        "Slow",
        AlertSeverity.ERROR,
        source="web",
        component="db",
        group="eu",
        event_class="latency",
    )
    assert read_script("s.yaml", text, POLICY, PEOPLE, NOW) == [
        Arrive(minutes(0), signal),
        Ask(minutes(1), commands.Acknowledge("link")),
        Ask(minutes(2), commands.SetFacts({FactId("lost"): "yes"}), ANA),
        Arrive(minutes(2), Signal(AlertAction.TRIGGER, "Lost", "Lost", details={"lost": "yes"})),
        Clear(minutes(2)),
        Ask(minutes(2), commands.SetEstimate(NOW + minutes(32), "a restart is slow")),
        Ask(minutes(2), commands.Restrict((ANA, BEN))),
        Switch(minutes(3), "email", works=False),
        Switch(minutes(4), "email", works=True, person=BEN),
    ]


def test_every_expectation() -> None:
    text = """\
- {paged: ana}
- {never paged: ben, before: 5m}
- {told: ben, by: email}
- {never told: ana, after: 5m}
- {task: [Open the war room, Call everybody], at: 60m}
- {kept: acknowledged by a person}
- {broken: acknowledged by a person}
- {due: acknowledged by a person}
- {level: P2, at: 5m}
- {status: triggered}
- {nobody reached: false}
"""
    promise = "acknowledged by a person"
    assert [one.what for one in read_expected("e.yaml", text, POLICY, PEOPLE)] == [
        Paged((ANA,)),
        Paged((BEN,), When(Within.BEFORE, minutes(5)), never=True),
        Paged((BEN,), channel="email", told=True),
        Paged((ANA,), When(Within.AFTER, minutes(5)), never=True, told=True),
        Given(("Open the war room", "Call everybody"), When(Within.AT, minutes(60))),
        Stands(promise, DeadlineState.KEPT),
        Stands(promise, DeadlineState.BROKEN),
        Stands(promise, DeadlineState.DUE),
        Is(LevelId("P2"), minutes(5)),
        Is(Status.TRIGGERED),
        Unreached(happens=False),
    ]


WHAT = "What is meant here is not clear. Use just one of:"
EXPECTATIONS = "paged, never paged, told, never told, task, kept, broken, due, level, status, nobody reached."


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("A: {level: P1}", "1:4: A: `at` is missing. Add `at: ...` here."),
        (
            "A: {at: tomorrow, level: P1}",
            "1:9: A.at: `tomorrow` is no date and time. Write it like 2026-11-22T03:00 Asia/Seoul.",
        ),
        (
            "A: {at: 2026-11-22 03:00 Mars/Olympus, level: P1}",
            "1:9: A.at: There is no time zone `Mars/Olympus`. Use an IANA name such as Asia/Seoul.",
        ),
        (
            "A: {at: 9999-12-31 23:30, level: P1}",
            "1:9: A.at: The year 9999 can not be rehearsed. Choose one from 1970 to 2199.",
        ),
        (
            "A: {at: 2026-11-22 03:00, level: P1, for: 32d}",
            "1:43: A.for: A rehearsal lasts a month at most. Write 31d or less.",
        ),
        (
            "A: {at: 2026-11-22 03:00}",
            "1:4: A: Nothing opens the incident. Add `level: ...`, or an alert to the script.",
        ),
        (
            "A: {at: 2026-11-22 03:00, level: P9}",
            "1:34: A.level: There is no level `P9`. Levels are: P1, P2.",
        ),
        (
            "A: {at: 2026-11-22 03:00, level: P1, service: web}",
            "1:47: A.service: There is no service `web`. Services are: shop, api.",
        ),
        (
            "A: {at: 2026-11-22 03:00, level: P1, hope: it}",
            "1:38: A.hope: `hope` means nothing here. "
            "Use one of: at, level, facts, service, for, answers_after, script, expect.",
        ),
    ],
)
def test_problems_of_a_rehearsal(text: str, problem: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        read_rehearsals("a.yaml", text, POLICY, PEOPLE)
    assert str(refused.value) == f"a.yaml:{problem}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- {at: 1m}", f"1:3: [1]: {WHAT} do, facts, alert, channel."),
        ("- {do: acknowledge, alert: x}", f"1:3: [1]: {WHAT} do, facts, alert, channel."),
        (
            "- {do: dance}",
            f"1:8: [1].do: Nobody can `dance` here. Use one of: {', '.join(DEEDS)}, clear.",
        ),
        (
            "- {do: resolve}",
            "1:3: [1]: `reason` is missing. What ended it? Add it, or change it, in this line.",
        ),
        (
            "- {do: estimate, time: soon}",
            "1:3: [1]: `soon` is no time for `time`. Write it like 30m, 15:30, or 2026-11-22 15:30. "
            "Add it, or change it, in this line.",
        ),
        (
            "- {do: verify, reason: x}",
            "1:16: [1].reason: `reason` means nothing here. Use one of: at, do, by.",
        ),
        (
            "- {do: acknowledge, by: eve}",
            "1:25: [1].by: There is no person `eve`. People are: ana, ben.",
        ),
        (
            "- {alert: x, severity: bad}",
            "1:24: [1].severity: `bad` is no severity. Use one of: critical, error, warning, info.",
        ),
        ("- {channel: email}", "1:3: [1]: `fails` is missing. Add `fails: ...` here."),
        (
            "- {facts: {gained: yes}}",
            "1:20: [1].facts.gained: There is no fact `gained`. Facts are: lost.",
        ),
        (
            "- {facts: {lost: perhaps}}",
            "1:18: [1].facts.lost: `perhaps` does not fit lost. Say yes or no.",
        ),
        ("- acknowledge", "1:3: [1]: A mapping is expected here. Write `name: value` lines."),
    ],
)
def test_problems_of_a_script(text: str, problem: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        read_script("s.yaml", text, POLICY, PEOPLE, NOW)
    assert str(refused.value) == f"s.yaml:{problem}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- {at: 1m}", f"1:3: [1]: {WHAT} {EXPECTATIONS}"),
        (
            "- {paged: ana, at: 1m, before: 2m}",
            "1:3: [1]: Two times are said here. Keep one of: at, before.",
        ),
        (
            "- {paged: ana, at: soon}",
            "1:20: [1].at: A length of time is expected here. Write it like 90s, 5m, 2h, 1d or 1w.",
        ),
        (
            "- {status: fine}",
            "1:12: [1].status: `fine` is no status. Use one of: "
            "triggered, acknowledged, mitigated, resolved, closed, merged.",
        ),
        ("- {level: P9}", "1:11: [1].level: There is no level `P9`. Levels are: P1, P2."),
    ],
)
def test_problems_of_expectations(text: str, problem: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        read_expected("e.yaml", text, POLICY, PEOPLE)
    assert str(refused.value) == f"e.yaml:{problem}"


@pytest.mark.parametrize(
    ("text", "at", "zone"),
    [
        ("2026-11-22T03:00 Asia/Seoul", "2026-11-21T18:00:00+00:00", "Asia/Seoul"),
        ("2026-11-22 03:00", "2026-11-22T03:00:00+00:00", "Europe/London"),
        ("2026-07-01 03:00", "2026-07-01T02:00:00+00:00", "Europe/London"),
        ("2026-11-22T03:00:00Z", "2026-11-22T03:00:00+00:00", "Europe/London"),
        ("2026-11-22T03:00+09:00", "2026-11-21T18:00:00+00:00", "Europe/London"),
        # The hour that the zone skips means the first instant after it; the one that comes twice the first.
        ("2026-03-29 01:30", "2026-03-29T01:00:00+00:00", "Europe/London"),
        ("2026-10-25 01:30", "2026-10-25T00:30:00+00:00", "Europe/London"),
    ],
)
def test_instants(text: str, at: str, zone: str) -> None:
    assert instant(text, "Europe/London") == (datetime.fromisoformat(at), zone)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-11-22 03:00 Asia/Atlantis", "2026-13-01 00:00", "9999-12-31 23:30"]
)
def test_what_is_no_instant(text: str) -> None:
    assert instant(text, "UTC") is None


def test_a_file_that_can_not_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(PlanRefused) as refused:
        load_text(tmp_path / "none.yaml")
    assert str(refused.value) == (
        f"none.yaml:1:1: {tmp_path}/none.yaml can not be read: No such file or directory. "
        "Name a file that exists."
    )
    (tmp_path / "latin.yaml").write_bytes(b"caf\xe9")
    with pytest.raises(PlanRefused) as refused:
        load_text(tmp_path / "latin.yaml")
    assert str(refused.value) == "latin.yaml:1:1: Byte 3 is not UTF-8. Save the file as UTF-8."


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    mkfifo(tmp_path / "people.yaml")
    with pytest.raises(PlanRefused) as refused:
        load_text(tmp_path / "people.yaml")
    assert str(refused.value) == (
        f"people.yaml:1:1: {tmp_path}/people.yaml can not be read: It is no regular file. "
        "Name a file that exists."
    )
