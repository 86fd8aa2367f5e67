"""`tocsin incident`: whatever can be asked of an incident is asked of a running server, in plain words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.web.support.site import PLAN, Site, free_port
from tocsin.cli import main
from tocsin.core.incident import Status
from tocsin.core.model import PersonId
from tocsin.plan.read import version_of
from tocsin.store import access, plans
from tocsin.store.access import TokenKind


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server with one open incident, and Ana's API token in the environment."""
    port = free_port()
    site = Site(tmp_path, public_url=f"http://127.0.0.1:{port}")
    site.serve(port)
    site.alert("prometheus", "checkout is down")
    site.store.write_now(
        lambda tx: access.add(
            tx,
            secret="tocsin_test",
            kind=TokenKind.API,
            person=PersonId("ana"),
            name="laptop",
            now=site.now,
            until=site.now + timedelta(days=1),
        )
    )
    monkeypatch.setenv("TOCSIN_TOKEN", "tocsin_test")
    monkeypatch.setenv("TOCSIN_URL", site.services.public_url)
    yield site
    site.close()


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit:
        main(("incident", *words))
    captured = capsys.readouterr()
    return int(exit.value.code or 0), captured.out, captured.err


def show(capsys: pytest.CaptureFixture[str], site: Site) -> Any:
    code, out, err = run(capsys, site.incident().id, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_it_is_shown_with_names_and_with_times_of_one_zone(
    capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    code, out, err = run(capsys, site.incident().id)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == f"{site.incident().id}  P1  triggered  checkout is down"
    assert "2026-11-23 03:15:00 UTC  due     page Dara Nolan unless resolved" in lines
    assert "  3  2026-11-23 03:00:00 UTC  Step 1 of the ladder pages Ana Costa." in lines


def test_what_a_deed_does_not_know_is_answered_with_how_it_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = run(capsys, "INC-1", "note", "hello", "--text", "x")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "usage: tocsin incident ID note [-h] [--json] [--url URL] [--token TOKEN] text",
        "tocsin incident ID note: error: unrecognized arguments: --text x",
    ]


def test_an_incident_is_led_from_the_first_word_to_the_last(
    capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    id = site.incident().id
    for words, standing in (
        (["acknowledge"], Status.ACKNOWLEDGED),
        (["verify"], Status.ACKNOWLEDGED),
        (["begin-mitigation"], Status.ACKNOWLEDGED),
        (["note", "the vendor is called"], Status.ACKNOWLEDGED),
        (["estimate", "30m", "--reason", "a restart is slow"], Status.ACKNOWLEDGED),
        (["link", "https://example.com/graph", "--what", "the graph"], Status.ACKNOWLEDGED),
        (["mitigate", "--how", "rolled back"], Status.MITIGATED),
        (["resolve", "--reason", "the disk is replaced"], Status.RESOLVED),
        (["close"], Status.CLOSED),
    ):
        assert run(capsys, id, *words) == (0, f"{id} is {standing}.\n", "")
    said = [one["sentence"] for one in show(capsys, site)["timeline"]]
    assert "Ana Costa acknowledged the incident on the command line." in said
    assert "Ana Costa resolved the incident: the disk is replaced." in said


def test_a_refusal_is_a_sentence_and_exit_code_1(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    id = site.incident().id
    run(capsys, id, "resolve", "--reason", "fixed")
    assert run(capsys, id, "acknowledge") == (1, "", f"tocsin: {id} is already resolved.\n")


def test_what_is_unclear_is_a_sentence(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    assert run(capsys, site.incident().id, "estimate", "soon") == (
        1,
        "",
        "tocsin: `soon` is no time for `time`. Write it like 30m, 15:30, or 2026-11-22 15:30.\n",
    )


def test_flags_may_stand_before_the_deed_too(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    id = site.incident().id
    code, out, _ = run(capsys, "--json", "--url", site.services.public_url, id, "acknowledge")
    assert (code, json.loads(out)["status"]) == (0, "acknowledged")


def test_restricted_to_others_it_is_not_there(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    id = site.incident().id
    site.browser("ben").send(f"/api/v1/incidents/{id}/restrict", {"people": ["ben"]})
    # Ana is still paged for it, so she must see it; once somebody has taken it she is not.
    assert run(capsys, id)[0] == 0
    site.advance(minutes=6)
    site.browser("ben").post(f"/incidents/{id}/acknowledge")
    gone = (1, "", f"tocsin: There is no incident {id}.\n")
    assert run(capsys, id) == gone
    assert run(capsys, id, "note", "hello") == gone


def test_an_incident_is_declared(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    with pytest.raises(SystemExit) as exit:
        main(("declare", "search is slow", "--service", "catalogue", "--level", "P2"))
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"{site.incidents()[0].id} is triggered.\n"
    assert {one.title for one in site.incidents()} == {"checkout is down", "search is slow"}


def test_an_incident_goes_by_another_version_of_the_plan(
    capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    id = site.incident().id
    files = {"plan.yaml": PLAN.replace("after: 5m", "after: 7m")}
    site.now += timedelta(minutes=1)
    site.store.write_now(lambda tx: plans.keep(tx, version_of(files), files, site.now))
    assert run(capsys, id, "repin", "--version", "none") == (
        1,
        "",
        "tocsin: Plan version none is not in the store.\n",
    )
    site.now += timedelta(seconds=10)
    assert run(capsys, id, "repin")[:2] == (0, f"{id} is triggered.\n")
    assert site.incident().policy_version == version_of(files)
    assert run(capsys, "INC-0", "repin") == (1, "", "tocsin: There is no incident INC-0.\n")
