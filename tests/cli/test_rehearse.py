"""`tocsin rehearse`: a timeline for people, data for programs, and a verdict for CI, in less than 0.5 s."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tocsin.cli import main
from tocsin.core.deeds import DEEDS

ROOT = Path(__file__).resolve().parents[2]
HARBOUR = str(ROOT / "tests" / "support" / "harbour")
NIGHT = ("--at", "2026-11-22T03:00 Asia/Seoul")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit:
        main(("rehearse", *words))
    captured = capsys.readouterr()
    return int(exit.value.code or 0), captured.out, captured.err


def run_json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    code, out, err = run(capsys, *words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_the_timeline_reads_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, HARBOUR, "--level", "P1", *NIGHT, "--for", "20m", "--ack-after", "7m")
    assert (code, err) == (0, "")
    assert (
        out
        == """\
Rehearsal of Harbour Lane: Checkout, Sunday 22 November 2026 03:00 (Asia/Seoul), for 20 min. \
Whoever is paged answers after 7 min.

03:00          start   prometheus opened the incident at level P1: the rehearsal says so.
03:00          start   An alert came in from prometheus: “Rehearsal”.
03:00          start   Ana Costa is paged by mailbox (on call: primary, step 1 of P1, until acknowledged).
03:05         +5 min ! A promise was broken: “acknowledged by a person” did not happen in time.
03:05         +5 min   Ben Okafor is paged by mailbox (on call: secondary, step 2 of P1, until acknowledged).
03:07         +7 min   Ana Costa acknowledged the incident with the link in the message.
03:07         +7 min   The page to Ben Okafor was called off: acknowledged by Ana Costa.
03:15        +15 min   Dara Nolan is paged by mailbox (named by the plan, step 3 of P1, until resolved).

Who is told:
  Ana Costa at 03:00, at once: 1 page by mailbox
  Ben Okafor at 03:05, after 5 min: 1 page by mailbox
  Dara Nolan at 03:15, after 15 min: 1 page by mailbox
Promises:
  broken  acknowledged by a person, due at 03:05
At 03:20: P1, acknowledged by Ana Costa.
"""
    )


def test_people_go_by_their_names_and_times_by_one_zone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """List Cutter's plan warns before a step for want of progress; its own zone is another."""
    script = tmp_path / "script.yaml"
    script.write_text(
        "- {at: 5m, do: acknowledge}\n"
        "- {at: 5m, do: verify}\n"
        "- {at: 6m, do: acknowledge, by: lena}\n"
        "- {at: 7m, do: assign, role: Scribe, person: omar}\n"
    )
    words = ("--level", "Sev1", "--at", "2026-11-22T23:20 Asia/Seoul", "--script", str(script))
    _, out, _ = run(capsys, str(ROOT / "plans/listcutter"), *words, "--for", "1h")
    lines = out.splitlines()
    assert (
        "23:26         +6 min ! Lena Vos is refused: "
        "INC-2026-11-22-001 was already acknowledged by Ravi Anand."
    ) in lines
    assert (
        "23:37        +17 min   Ravi Anand is told by e-mail, slack: "
        "No progress is recorded. Without any, step 3 of Sev1 follows at 23:40."
    ) in lines
    assert "23:37        +17 min ! Nothing had moved: step 3 was then due at 23:40." in lines
    assert "UTC" not in out
    assert out.count("Asia/Seoul") == 1


def test_what_fits_no_fact_is_taken_in_as_a_server_does(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It counts as not known, and what is not known as the worst that it could be: doubt goes up."""
    script = tmp_path / "script.yaml"
    script.write_text(
        "- {alert: Search is slow, severity: info,"
        " details: {users_affected: lots, urgency: high, impact: low, users: 3}}\n"
    )
    said = run(capsys, str(ROOT / "plans/abada"), *NIGHT, "--for", "1m", "--script", str(script))[1]
    facts = "urgency, users_affected, business_impact, error_rate, data_loss, security, review_asked_for"
    assert said.splitlines()[2:6] == [
        "03:00          start ! The alert counts without this: “lots” does not fit users_affected. "
        "Say a percentage with its sign, such as 25%.",
        "03:00          start ! The alert counts without this: "
        "impact is worked out from other facts; say those.",
        f"03:00          start ! The alert counts without this: There is no fact users. Facts are: {facts}.",
        "03:00          start   cloudflare opened the incident at level P1: "
        "impact is not known and counts as high and urgency is high.",
    ]


def test_data_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    data = run_json(capsys, HARBOUR, "--level", "P1", *NIGHT, "--for", "6m")
    assert data["messages"] == [
        {"at": "2026-11-21T18:00:00+00:00", "person": "ana", "channel": "mailbox", "pages": True},
        {"at": "2026-11-21T18:05:00+00:00", "person": "ben", "channel": "mailbox", "pages": True},
    ]
    assert data["promises"] == [
        {
            "id": "acknowledge:P1",
            "promise": "acknowledged by a person",
            "due_at": "2026-11-21T18:05:00+00:00",
            "state": "broken",
        }
    ]
    assert (data["level"], data["status"], data["assumed"]) == ("P1", "triggered", "")


def test_a_table_for_documents(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, HARBOUR, "--level", "P1", *NIGHT, "--for", "5m", "--markdown")
    assert code == 0
    assert (
        "| 03:05 | +5 min | **A promise was broken: “acknowledged by a person” did not happen in time.** |"
        in out
    )


def test_without_people_everybody_whom_the_plan_names_can_be_reached(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "plan.yaml").write_text((ROOT / "tests/support/harbour/plan.yaml").read_text())
    code, out, _ = run(capsys, str(tmp_path), *NIGHT)
    assert code == 0
    assert out.splitlines()[1] == (
        "There is no people.yaml beside the plan: "
        "everybody it names is taken to be reachable by mailbox, email, webhook."
    )
    assert "ana is paged by mailbox, e-mail (on call: primary" in out


def test_people_whom_no_server_could_reach_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "plan.yaml").write_text((ROOT / "tests/support/harbour/plan.yaml").read_text())
    people = (ROOT / "tests/support/harbour/people.yaml").read_text()
    (tmp_path / "people.yaml").write_text(people.replace("{mailbox: ana@example.com}", '{phone: "+1 2345"}'))
    _, out, _ = run(capsys, str(tmp_path), *NIGHT)
    assert out.splitlines()[1] == (
        "Warning: phone: Tocsin sends nothing by this yet; Ana Costa is reached by nothing else."
    )


def test_a_promise_due_on_another_day_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    plan = str(ROOT / "plans/nis2")
    words = ("--at", "2026-11-22 03:00 Asia/Tokyo", "--facts", "significant=yes", "--for", "10m")
    _, out, _ = run(capsys, plan, *words)
    assert "  due     Early warning, due on Monday 23 November 2026 at 03:00" in out.splitlines()


def test_a_script_and_expectations(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    script, expect = tmp_path / "script.yaml", tmp_path / "expect.yaml"
    script.write_text("- {alert: Slow, severity: error}\n- {at: 10m, do: acknowledge, by: ana}\n")
    expect.write_text("- {paged: ana, at: 0m}\n- {paged: ben, at: 15m}\n- {level: P2}\n")
    words = (HARBOUR, *NIGHT, "--script", str(script), "--expect", str(expect))
    code, out, _ = run(capsys, *words)
    assert code == 1
    assert out.splitlines()[-2:] == [
        f"{expect}:2: expected paged: ben, at: 15m. Ben Okafor is never paged.",
        "3 expectations, 1 not met.",
    ]
    expect.write_text("- {never paged: ben}\n")
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert out.splitlines()[-1] == "1 expectation, all met."


PLANS = sorted(
    path.parent for path in [*ROOT.glob("plans/*/rehearsals"), ROOT / "src/tocsin/demo/rehearsals"]
)


@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.name)
def test_the_rehearsals_of_every_plan_hold(capsys: pytest.CaptureFixture[str], plan: Path) -> None:
    code, out, err = run(capsys, str(plan), "--all")
    assert (code, err) == (0, ""), out
    assert out.splitlines()[-1].endswith("all as expected.")


def test_a_rehearsal_that_is_not_as_expected_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "plan.yaml").write_text((ROOT / "tests/support/harbour/plan.yaml").read_text())
    (tmp_path / "rehearsals").mkdir()
    (tmp_path / "rehearsals" / "one.yaml").write_text(
        "Night:\n  at: 2026-11-22 03:00\n  level: P1\n  expect:\n    - {paged: chloe, within: 15m}\n"
        "Day:\n  at: 2026-11-22 13:00\n  level: P1\n  expect:\n    - {paged: dara, within: 15m}\n"
    )
    code, out, _ = run(capsys, str(tmp_path), "--all")
    assert code == 1
    assert (
        out
        == """\
FAILED  rehearsals/one.yaml: Night
        rehearsals/one.yaml:5: expected paged: chloe, within: 15m. chloe is never paged.
ok      rehearsals/one.yaml: Day
2 rehearsals, 1 not as expected.
"""
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--at", "tonight"),
            "`tonight` is no date and time. Write it like 2026-11-22T03:00 Asia/Seoul.",
        ),
        (("--at", ""), "`` is no date and time. Write it like 2026-11-22T03:00 Asia/Seoul."),
        (
            ("--at", "2026-11-22 03:00 Asia/Soul"),
            "There is no time zone `Asia/Soul`. Use an IANA name such as Asia/Seoul.",
        ),
        (
            ("--at", "9999-12-31 23:30"),
            "The year 9999 can not be rehearsed. Choose one from 1970 to 2199.",
        ),
        (("--for", "0m"), "A rehearsal lasts from 1m to 31d, not `0m`. Change --for."),
        (("--for", "366d"), "A rehearsal lasts from 1m to 31d, not `366d`. Change --for."),
        (("--level", "P9"), "There is no level `P9`. Levels are: P1, P2, P3."),
        (("--service", "web"), "There is no service `web`. Services are: checkout, catalogue."),
        (
            ("--for", "long"),
            "`long` is no length of time for --for. Write it like 90s, 7m, 2h, 1d or 1w.",
        ),
        (
            ("--ack-after", "never"),
            "`never` is no length of time for --ack-after. Write it like 90s, 7m, 2h, 1d or 1w.",
        ),
    ],
)
def test_words_that_are_wrong(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    assert run(capsys, HARBOUR, *words) == (2, "", f"tocsin: {sentence}\n")


def test_a_directory_without_rehearsals_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text((ROOT / "tests/support/harbour/plan.yaml").read_text())
    folder = tmp_path / "rehearsals"
    assert run(capsys, str(tmp_path), "--all") == (
        2,
        "",
        f"tocsin: There are no rehearsals in {folder}. Write one, say {folder}/first.yaml.\n",
    )


def test_problems_of_plan_and_files_are_said_with_their_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = run(capsys, str(tmp_path))
    assert code == 2
    assert out == (
        f"plan.yaml:1:1: There is no {tmp_path}/plan.yaml. "
        f"Create {tmp_path}/plan.yaml, or name the directory that holds the plan.\n"
    )
    script = tmp_path / "s.yaml"
    script.write_text("- {do: dance}\n")
    code, out, _ = run(capsys, HARBOUR, "--script", str(script))
    assert code == 2
    assert out == (f"{script}:1:8: [1].do: Nobody can `dance` here. Use one of: {', '.join(DEEDS)}, clear.\n")
