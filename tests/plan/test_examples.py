"""The plans that Tocsin brings: each is clean, can be read aloud, and stays what it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tocsin.plan.checks import check
from tocsin.plan.files import load_directory
from tocsin.plan.read import load_stored, read_plan
from tocsin.plan.show import as_markdown, as_text, show

ROOT = Path(__file__).parents[2]
PLANS = [*sorted(path.parent for path in (ROOT / "plans").glob("*/plan.yaml")), ROOT / "src/tocsin/demo"]
NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)

every_plan = pytest.mark.parametrize("path", PLANS, ids=lambda path: path.name)


def test_there_are_four_examples_and_the_demo() -> None:
    assert [path.name for path in PLANS] == ["abada", "listcutter", "nis2", "startup", "demo"]


@every_plan
def test_a_plan_that_we_bring_has_neither_problems_nor_warnings(path: Path) -> None:
    people = (path / "people.yaml").read_text(encoding="utf-8")
    assert check(load_directory(path), NOW, people).problems == ()


@every_plan
def test_a_stored_plan_is_the_plan(path: Path) -> None:
    files = load_directory(path)
    assert load_stored(files) == read_plan(files).policy


@every_plan
def test_what_is_read_aloud_names_every_level_role_rota_phase_and_promise(path: Path) -> None:
    plan = read_plan(load_directory(path))
    text = "\n".join(as_text(show(plan)))
    policy = plan.policy
    named = [level.id for level in policy.levels] + [one.id for one in policy.promises]
    named += [*policy.roles, *policy.teams, *policy.rotas, *policy.stages]
    named += [one.id for one in policy.triggers]
    named += [one.id for one in policy.review_steps] + [one.id for one in policy.calendar]
    named += [phase.id for phase in plan.handbook.phases]
    assert [name for name in named if name not in text] == []
    headings = [line for line in as_markdown(show(plan)) if line.startswith("#")]
    assert headings[0] == f"# {policy.name}"
    assert all(line.startswith(("## ", "### ")) for line in headings[1:])


@every_plan
def test_the_people_are_invented(path: Path) -> None:
    text = (path / "people.yaml").read_text(encoding="utf-8")
    addresses = [word for word in text.split() if "@" in word and "." in word.rpartition("@")[2]]
    hosts = {word.rpartition("@")[2].strip(",}") for word in addresses}
    assert hosts
    assert all(host.endswith((".example", "example.com")) for host in hosts)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("listcutter", "- Response: within 5 min at Sev1, 15 min at Sev2, 1 h at Sev3 and 4 h at Sev4 after"),
        ("listcutter", "The first 5 min.\n"),
        ("listcutter", "From 15 min to 30 min after it is resolved.\n"),
        ("listcutter", "Update the incident timeline; updates come twice as often.\n"),
        ("listcutter", "- detected: to team response\n"),
        ("listcutter", "While nobody has acknowledged, the ladder begins again 24 h after its last step."),
        (
            "nis2",
            "- Incident Manager: whoever is on call as managers, never together with Reporting Officer. At ",
        ),
        ("abada", "- impact: the highest of user_impact and business_impact.\n"),
        ("listcutter", "- response_time, a length of time, usually 400ms: How long do answers take?\n"),
        ("nis2", "- early-warning: to the Reporting Officer\n"),
        ("startup", "\nKept by Noor, reviewed 2026-01-12"),
    ],
)
def test_a_manager_does_not_stumble(name: str, sentence: str) -> None:
    plan = read_plan(load_directory(ROOT / "plans" / name))
    assert sentence in "\n".join(as_markdown(show(plan)))
