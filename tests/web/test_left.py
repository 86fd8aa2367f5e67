"""Who was to stand in and has left, and rotas that a plan has no more: somebody is paged, and it is said."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import run
from tests.web.support.site import PEOPLE, PLAN, Site
from tests.web.test_pages import text_of
from tocsin.core.model import RotaId
from tocsin.core.oncall import on_call
from tocsin.engine.enforce import Enforced, enforce, warnings
from tocsin.plan.people import read_people
from tocsin.plan.read import compile_files, version_of
from tocsin.store import directory

TO_STAND_IN = {"rota": "primary", "person": "dara", "from": "2026-11-23T03:00Z", "to": "2026-11-23T08:00Z"}
OUT_OF_REACH = (
    "dara is to stand in in rota primary and is out of reach: whoever was to be relieved stays on call."
)
GONE = PLAN.replace("  primary: {", "  first: {").replace("follows: primary", "follows: first")
GONE = GONE.replace("on call: primary", "on call: first")


def gets(site: Site, path: str) -> Any:
    return site.browser("ana").get(path).json()


def leaves(site: Site, person: str) -> None:
    left = "\n".join(line for line in PEOPLE.splitlines() if not line.startswith(f"{person}:"))
    site.store.write_now(lambda tx: directory.replace_people(tx, read_people(left)))
    site.advance(seconds=3)


def apply(site: Site, text: str) -> list[str]:
    files = {"plan.yaml": text}
    policy = compile_files(files)
    done: Enforced = site.store.write_now(partial(enforce, policy=policy, files=files, now=site.now))
    site.advance(seconds=3)
    return warnings(done, policy)


def test_who_was_to_stand_in_and_has_left_relieves_nobody(site: Site) -> None:
    assert site.browser("ana").send("/api/v1/overrides", TO_STAND_IN).status_code == 200
    assert [one["name"] for one in gets(site, "/api/v1/oncall")["rotas"][0]["seats"]] == ["Dara Nolan"]
    leaves(site, "dara")
    (seat,) = gets(site, "/api/v1/oncall")["rotas"][0]["seats"]
    why = "on call: primary; dara was to stand in and is out of reach"
    assert seat == {"person": "ana", "name": "Ana Costa", "why": why}
    site.alert("prometheus", "checkout is down")
    assert [page.person for page in site.incident().pages] == ["ana"]
    assert why in site.browser("ana").get(f"/incidents/{site.incident().id}").text


def test_it_is_said_wherever_somebody_looks(site: Site) -> None:
    site.browser("ana").send("/api/v1/overrides", TO_STAND_IN)
    leaves(site, "dara")
    page = text_of(site.browser("ana").get("/on-call").text)
    assert "primary Ana Costa (you) dara was to stand in and is out of reach" in page
    assert "dara in primary out of reach: does not count" in page
    assert (
        "dara is to stand in in primary and is out of reach: Mon 23 Nov 03:00 to Mon 23 Nov 08:00 ." in page
    )
    (found,) = [one for one in gets(site, "/api/v1/gaps")["findings"] if one["kind"] == "out of reach"]
    span = "from Mon 2026-11-23 03:00 Europe/London to Mon 2026-11-23 08:00 Europe/London"
    assert found["sentence"] == f"dara is to stand in in primary {span}, and is out of reach."
    assert gets(site, "/api/v1/overrides")[0]["out_of_reach"] is True
    assert apply(site, PLAN)[-1] == f"{OUT_OF_REACH} Arrange somebody else."


def test_loading_people_says_who_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, site: Site
) -> None:
    monkeypatch.setattr("tocsin.app.start.clock", lambda: site.now)
    site.browser("ana").send("/api/v1/overrides", TO_STAND_IN)
    left = "\n".join(line for line in PEOPLE.splitlines() if not line.startswith("dara:"))
    (tmp_path / "people.yaml").write_text(left)
    code, out, _ = run(capsys, "people", "load", str(tmp_path / "people.yaml"), "--data", str(tmp_path))
    assert (code, out.splitlines()[-2:]) == (
        0,
        [f"Warning: {OUT_OF_REACH} Arrange somebody else.", "3 people loaded."],
    )


def test_a_rota_that_is_gone_is_said_and_can_be_stood_in_for_while_it_pages(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    (incident,) = site.incidents()
    assert [page.person for page in incident.pages] == ["ana"]
    assert apply(site, GONE) == [
        "Rota `primary` is gone, and open incidents that began under another plan still page by it, such as"
        f" {incident.id}. Let each go by this one (`tocsin incident ID repin`), or arrange stand-ins there"
        " until they are over."
    ]
    page = site.browser("ana").get("/on-call").text
    gone = (
        "primary The plan in force has it no more; open incidents that began under another still page by it."
    )
    assert gone in text_of(page)
    assert '<option value="primary"' in page
    made = site.browser("ana").send("/api/v1/overrides", TO_STAND_IN)
    assert made.status_code == 200, made.text
    site.advance(seconds=3)
    view = site.store.read_now(lambda tx: site.services.context.view(tx, site.now))
    pinned = site.store.read_now(lambda tx: site.services.context.policy(tx, version_of({"plan.yaml": PLAN})))
    (seat,) = on_call({**pinned.rotas, **view.rotas}, RotaId("primary"), site.now, view.overrides)
    assert seat.person == "dara"


def test_once_nothing_pages_by_it_a_rota_that_is_gone_is_no_more(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    site.alert("prometheus", "checkout is down", action="resolve")
    assert apply(site, GONE) == []
    refused = site.browser("ana").send("/api/v1/overrides", TO_STAND_IN)
    assert refused.json()["detail"] == "There is no rota primary. Rotas are: first, secondary."
