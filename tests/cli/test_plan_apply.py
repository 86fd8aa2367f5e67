"""`tocsin plan apply --url`: what a CI runs, against a server somewhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_cli import run, run_json
from tests.web.support.site import PLAN, Site, free_port
from tocsin.core.model import PersonId
from tocsin.plan.files import version_of
from tocsin.store import access, plans
from tocsin.store.access import TokenKind

FILES = {
    "plan.yaml": PLAN.replace("after: 15m, page: dara", "after: 20m, page: dara"),
    "runbooks/checkout.md": "Turn it off and on again.\n",
}
APPLIED = (
    "P1: dara is paged after 20 min, was 15 min.\n"
    f"Version {version_of(FILES)} of Harbour Lane is in force for new incidents.\n"
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server somewhere, and a token in the environment."""
    port = free_port()
    site = Site(tmp_path, public_url=f"http://127.0.0.1:{port}")
    site.serve(port)
    until = site.now.replace(year=2030)
    site.store.write_now(
        lambda tx: access.add(tx, "tocsin_ci", TokenKind.PLAN, PersonId("ana"), "ci", site.now, until)
    )
    monkeypatch.setenv("TOCSIN_TOKEN", "tocsin_ci")
    yield site
    site.close()


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan's directory."""
    for name, text in FILES.items():
        file = tmp_path / "plan" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "plan"


def test_a_plan_goes_to_the_server(capsys: pytest.CaptureFixture[str], site: Site, plan: Path) -> None:
    here = ("plan", "apply", str(plan), "--url", site.services.public_url)
    assert run(capsys, *here) == (0, APPLIED, "")
    assert site.store.read_now(plans.current) == (version_of(FILES), FILES)
    assert run(capsys, *here) == (0, f"Version {version_of(FILES)} is in force already.\n", "")
    said = run_json(capsys, *here)
    assert (said["version"], said["fresh"], said["changes"]) == (version_of(FILES), False, [])


def test_all_problems_come_back_in_the_words_of_the_checker(
    capsys: pytest.CaptureFixture[str], site: Site, plan: Path
) -> None:
    before = site.store.read_now(plans.current)
    (plan / "plan.yaml").write_text(PLAN.replace("after: 5m", "after: soon"))
    _, checked, _ = run(capsys, "plan", "check", str(plan))
    code, out, err = run(capsys, "plan", "apply", str(plan), "--url", site.services.public_url)
    assert (code, out) == (2, "")
    assert err == f"tocsin: The plan in {plan} has problems; nothing is changed:\n{checked}"
    assert site.store.read_now(plans.current) == before


def test_what_is_no_plan_is_not_sent(capsys: pytest.CaptureFixture[str], site: Site, tmp_path: Path) -> None:
    code, _, err = run(capsys, "plan", "apply", str(tmp_path), "--url", site.services.public_url)
    assert code == 2
    assert f"There is no {tmp_path}/plan.yaml." in err


def test_without_a_token_that_counts_nothing_is_changed(
    capsys: pytest.CaptureFixture[str], site: Site, plan: Path
) -> None:
    here = ("plan", "apply", str(plan), "--url", site.services.public_url, "--token", "wrong")
    said = "tocsin: Sign in first, or send an API token as `Authorization: Bearer TOKEN`.\n"
    assert run(capsys, *here) == (1, "", said)
