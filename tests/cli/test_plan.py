"""`tocsin plan`: what it says, what it exits with, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import run, run_json
from tocsin.plan.files import load_directory, version_of

PLAN = (Path(__file__).parents[1] / "support/harbour/plan.yaml").read_text(encoding="utf-8")


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A directory with a sound plan and nothing else."""
    folder = tmp_path / "plan"
    folder.mkdir()
    (folder / "plan.yaml").write_text(PLAN)
    return folder


def change(plan: Path, before: str, after: str) -> Path:
    """Another directory, with one thing changed."""
    assert before in PLAN
    folder = plan.parent / "changed"
    folder.mkdir(exist_ok=True)
    (folder / "plan.yaml").write_text(PLAN.replace(before, after))
    return folder


def in_force(capsys: pytest.CaptureFixture[str], data: str) -> list[str]:
    return [one["version"] for one in run_json(capsys, "plan", "versions", "--data", data)]


def test_a_clean_plan_exits_with_0(capsys: pytest.CaptureFixture[str], plan: Path) -> None:
    said = (
        "Harbour Lane: 3 levels, 2 services, no problems. "
        "There is no people.yaml beside the plan, so people were not checked.\n"
    )
    assert run(capsys, "plan", "check", str(plan)) == (0, said, "")


def test_warnings_exit_with_1(capsys: pytest.CaptureFixture[str], plan: Path) -> None:
    changed = change(plan, "    urgent: false", "    urgent: true")
    code, out, err = run(capsys, "plan", "check", str(changed))
    assert (code, err) == (1, "")
    assert out == (
        "plan.yaml:26:5: levels.P3: Warning: `P3` is urgent, and nobody is paged for it. "
        "Give it a `ladder` that pages, or write `urgent: false`.\n"
        "Harbour Lane: 3 levels, 2 services, 1 warning. "
        "There is no people.yaml beside the plan, so people were not checked.\n"
    )


def test_problems_exit_with_2_and_say_all_as_json(capsys: pytest.CaptureFixture[str], plan: Path) -> None:
    code, out, _ = run(
        capsys, "plan", "check", str(change(plan, "catch_all: [dara]", 'catch_all: ["da:ra"]')), "--json"
    )
    assert code == 2
    assert json.loads(out)["problems"] == [
        {
            "file": "plan.yaml",
            "line": 50,
            "column": 13,
            "path": "catch_all[1]",
            "message": "`da:ra` can not be the id of a person.",
            "remedy": 'Write an id from people.yaml, or "on call: ROTA".',
            "warning": False,
        }
    ]


def test_of_very_many_problems_the_first_are_listed_and_all_on_request(
    capsys: pytest.CaptureFixture[str], plan: Path
) -> None:
    (plan / "people.yaml").write_text(
        "ana: {name: Ana, email: ana@example.com}\nben: {name: Ben}\nchloe: {name: Chloe}\n"
    )
    unknown = "".join(f"key{number}: x\n" for number in range(3_000))
    (plan / "plan.yaml").write_text(PLAN + unknown)
    code, out, _ = run(capsys, "plan", "check", str(plan))
    *listed, last = out.splitlines()
    assert (code, len(listed)) == (2, 50)
    assert [line for line in listed if "Warning: " in line] == []
    code, whole, _ = run(capsys, "plan", "check", str(plan), "--all")
    every = whole.splitlines()
    warnings = [line for line in every if "Warning: " in line]
    assert (code, every[:50], every[-len(warnings) :]) == (2, listed, warnings)
    assert last == f"... and {len(every) - 50:,} more; --all shows them."
    data = json.loads(run(capsys, "plan", "check", str(plan), "--json")[1])
    assert (data["total"], data["shown"], len(data["problems"])) == (len(every), 50, 50)
    data = json.loads(run(capsys, "plan", "check", str(plan), "--all", "--json")[1])
    assert (data["total"], data["shown"], len(data["problems"])) == (len(every), len(every), len(every))
    _, _, err = run(capsys, "plan", "show", str(plan))
    assert err.splitlines() == [
        f"tocsin: The plan in {plan} has problems; nothing is changed:",
        *listed,
        f"... and {len(every) - 50:,} more. See all: tocsin plan check {plan} --all",
    ]
    assert run(capsys, "severity", "why", str(plan))[1].splitlines()[-1].endswith(" more. Mend these first.")


def test_people_beside_the_plan_are_checked_with_it(capsys: pytest.CaptureFixture[str], plan: Path) -> None:
    (plan / "people.yaml").write_text("ana: {name: Ana}\nben: {name: Ben}\nchloe: {name: Chloe}\n")
    code, out, _ = run(capsys, "plan", "check", str(plan))
    assert code == 2
    assert [line for line in out.splitlines() if "Warning: " not in line][-1] == (
        "plan.yaml:50:12: catch_all: There is no person `dara`. "
        "Add them to people.yaml, or name somebody else."
    )


def test_a_plan_is_read_aloud_in_the_terminal_and_as_markdown(
    capsys: pytest.CaptureFixture[str], plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    code, out, _ = run(capsys, "plan", "show", str(plan))
    assert code == 0
    assert (
        "      - After 5 min: page whoever is on call as secondary, unless somebody has acknowledged." in out
    )
    code, out, _ = run(capsys, "plan", "show", str(plan), "--markdown")
    assert out.startswith("# Harbour Lane\n")
    assert "\n### P1: Critical\n" in out


def test_a_plan_is_as_wide_as_the_terminal(
    capsys: pytest.CaptureFixture[str], plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    _, out, _ = run(capsys, "plan", "show", str(plan))
    assert max(map(len, out.splitlines())) <= 60
    assert (
        "      - After 5 min: page whoever is on call as secondary,\n"
        "        unless somebody has acknowledged.\n"
    ) in out
    monkeypatch.setenv("COLUMNS", "1")
    assert run(capsys, "plan", "show", str(plan))[0] == 0
    _, out, _ = run(capsys, "plan", "show", str(plan), "--markdown")
    assert "- After 5 min: page whoever is on call as secondary, unless somebody has acknowledged.\n" in out


def test_a_stored_version_is_read_aloud_as_its_files_are(
    capsys: pytest.CaptureFixture[str], plan: Path, data: str
) -> None:
    version = in_force(capsys, data)[0]
    code, out, _ = run(capsys, "plan", "show", version, "--data", data)
    assert (code, out) == (0, run(capsys, "plan", "show", str(plan))[1])
    code, _, err = run(capsys, "plan", "show", "nonsense", "--data", data)
    assert code == 1
    assert err == "tocsin: nonsense is neither a directory nor a version. See `tocsin plan versions`.\n"


def test_a_diff_of_directories_and_versions(
    capsys: pytest.CaptureFixture[str], plan: Path, data: str
) -> None:
    changed = change(plan, "after: 15m, page: dara", "after: 20m, page: dara")
    said = "P1: dara is paged after 20 min, was 15 min.\n"
    assert run(capsys, "plan", "diff", str(plan), str(changed)) == (0, said, "")
    version = in_force(capsys, data)[0]
    assert run(capsys, "plan", "diff", version, str(changed), "--data", data) == (0, said, "")
    assert run(capsys, "plan", "diff", version, version, "--data", data)[1] == "They say the same.\n"
    code, _, err = run(capsys, "plan", "diff", "nonsense", version, "--data", data)
    assert code == 1
    assert err == "tocsin: nonsense is neither a directory nor a version. See `tocsin plan versions`.\n"


def test_a_sound_plan_is_put_in_force(capsys: pytest.CaptureFixture[str], plan: Path, data: str) -> None:
    before = in_force(capsys, data)
    changed = change(plan, "after: 15m, page: dara", "after: 20m, page: dara")
    version = version_of(load_directory(changed))
    code, out, _ = run(capsys, "plan", "apply", str(changed), "--data", data)
    assert code == 0
    assert out == (
        "P1: dara is paged after 20 min, was 15 min.\n"
        f"Version {version} of Harbour Lane is in force for new incidents.\n"
    )
    assert in_force(capsys, data) == [version, *before]
    assert run(capsys, "plan", "apply", str(changed), "--data", data)[1] == (
        f"Version {version} is in force already.\n"
    )


def test_a_bad_plan_never_replaces_a_good_one(
    capsys: pytest.CaptureFixture[str], plan: Path, data: str
) -> None:
    before = in_force(capsys, data)
    code, out, err = run(
        capsys, "plan", "apply", str(change(plan, "after: 5m", "after: soon")), "--data", data
    )
    assert (code, out) == (2, "")
    assert "A length of time is expected here." in err
    assert in_force(capsys, data) == before


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "plan", "schema")
    assert code == 0
    assert json.loads(out)["title"] == "A response plan for Tocsin"
