"""The API puts a plan in force: by the same gate and the same checker as everything, and once."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.support.site import PLAN, Site, free_port
from tocsin import limits
from tocsin.core.model import PersonId
from tocsin.engine import context
from tocsin.plan import checks
from tocsin.plan.files import load_directory, version_of
from tocsin.plan.problems import foremost
from tocsin.store import access
from tocsin.store.access import TokenKind
from tocsin.store.plans import versions

LATER = PLAN.replace("after: 15m, page: dara", "after: 20m, page: dara")
FILES = {"plan.yaml": LATER}
TOKEN = "tocsin_ci"  # of a test
IN_FORCE = {
    "version": version_of(FILES),
    "name": "Harbour Lane",
    "changes": ["P1: dara is paged after 20 min, was 15 min."],
    "warnings": [],
}
PLANS = Path(__file__).parents[2] / "plans"


@pytest.fixture
def url(site: Site) -> str:
    """A server on a port of its own, on which a CI has a token of Ana's."""
    port = free_port()
    site.serve(port)
    until = site.now.replace(year=2030)
    site.store.write_now(
        lambda tx: access.add(tx, TOKEN, TokenKind.PLAN, PersonId("ana"), "ci", site.now, until)
    )
    return f"http://127.0.0.1:{port}/api/v1/plan"


def put(url: str, body: Any, token: str = TOKEN) -> httpx.Response:
    return httpx.put(
        url, json=body, headers={"authorization": f"Bearer {token}"} if token else {}, timeout=30
    )


def ever(site: Site) -> list[str]:
    return [version for version, _ in site.store.read_now(versions)]


def test_a_sound_plan_is_put_in_force_and_says_what_changes(site: Site, url: str) -> None:
    before = ever(site)
    answer = put(url, {"files": FILES})
    assert (answer.status_code, answer.json()) == (201, IN_FORCE | {"fresh": True})
    assert ever(site) == [version_of(FILES), *before]
    site.now = site.now.replace(hour=4)
    site.alert("prometheus", "checkout is down")
    assert site.incident().policy_version == version_of(FILES)


def test_no_transaction_has_to_read_the_plan_again(
    site: Site, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(url, {"files": FILES})

    def read(_files: object) -> None:
        pytest.fail("it was read when it was looked over")

    monkeypatch.setattr(context, "load_stored", read)
    site.now = site.now.replace(hour=4)
    site.alert("prometheus", "checkout is down")
    assert site.incident().policy_version == version_of(FILES)


def test_the_same_plan_again_changes_nothing(site: Site, url: str) -> None:
    put(url, {"files": FILES})
    before = site.dump()["plans"]
    answer = put(url, {"files": FILES})
    assert (answer.status_code, answer.json()) == (200, IN_FORCE | {"fresh": False, "changes": []})
    assert site.dump()["plans"] == before


def test_the_plan_in_force_can_be_read_and_put_back(site: Site, url: str) -> None:
    read = httpx.get(url, headers={"authorization": f"Bearer {TOKEN}"}).json()
    assert (read["files"], read["version"]) == ({"plan.yaml": PLAN}, version_of({"plan.yaml": PLAN}))
    put(url, {"files": FILES})
    back = put(url, {"files": read["files"]})
    assert (back.status_code, back.json()["changes"]) == (
        201,
        ["P1: dara is paged after 15 min, was 20 min."],
    )


@pytest.mark.parametrize("token", ["", "nobody's"])
def test_nobody_puts_a_plan_in_force_without_a_token(site: Site, url: str, token: str) -> None:
    before = site.dump()
    assert put(url, {"files": FILES}, token).status_code == 401
    assert site.dump() == before


def test_a_token_for_all_else_puts_no_plan_in_force_and_one_for_the_plan_does_nothing_else(
    site: Site, url: str
) -> None:
    until = site.now + timedelta(hours=1)
    site.store.write_now(
        lambda tx: access.add(tx, "tocsin_ana", TokenKind.API, PersonId("ana"), "laptop", site.now, until)
    )
    before = site.dump()
    refused = put(url, {"files": FILES}, "tocsin_ana")
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "Only a token made for it may put a plan in force. "
        "Make one with `tocsin token add PERSON --for plan`.",
    )
    headers = {"authorization": f"Bearer {TOKEN}"}
    refused = httpx.get(url.replace("/plan", "/incidents"), headers=headers)
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "This token is good for the plan alone. Make another with `tocsin token add PERSON`.",
    )
    assert site.dump() == before
    assert httpx.get(url, headers=headers).status_code == 200


def test_every_problem_is_listed_and_nothing_is_changed(site: Site, url: str) -> None:
    before = ever(site)
    broken = {"plan.yaml": PLAN.replace("after: 5m", "after: soon").replace("page: dara", "page: drara")}
    answer = put(url, {"files": broken})
    examined = checks.check(broken, site.now)
    body = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(body["problems"]) >= 1
    assert body["problems"] == [asdict(one) for one in foremost(examined.problems)]
    assert body["total"] == body["shown"] == len(examined.problems)
    assert body["detail"].startswith("The plan has ")
    assert body["detail"].endswith("; the one in force stays in force. `problems` lists them all.")
    assert ever(site) == before


def test_of_very_many_problems_the_foremost_are_listed_and_all_are_counted(site: Site, url: str) -> None:
    broken = {"plan.yaml": PLAN + "".join(f"key{number}: x\n" for number in range(3_000))}
    answer = put(url, {"files": broken})
    body = answer.json()
    assert answer.status_code == 422
    assert body["detail"] == (
        "The plan has 3,000 problems; the one in force stays in force."
        " `problems` lists the first 50 of 3,000, warnings last."
    )
    assert (body["total"], body["shown"], len(body["problems"])) == (3_000, 50, 50)
    assert len(answer.content) < 50_000


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "plan.yaml:1:1: There is no plan.yaml among the files. Send it with the others."),
        (
            FILES | {"messages/../../etc/passwd.md": ""},
            "messages/../../etc/passwd.md:1:1: `messages/../../etc/passwd.md` is no file of a plan."
            " Send plan.yaml, messages/*.md and runbooks/*.md.",
        ),
        (
            FILES | {"people.yaml": ""},
            "people.yaml:1:1: `people.yaml` is no file of a plan."
            " Send plan.yaml, messages/*.md and runbooks/*.md.",
        ),
        (
            FILES | {"runbooks/long.md": "x" * (limits.PLAN_BYTES + 1)},
            "runbooks/long.md:1:1: The file is larger than 1024 KiB. Move prose into Markdown files.",
        ),
        (
            FILES | {f"runbooks/{number}.md": "" for number in range(limits.PLAN_FILES)},
            "plan.yaml:1:1: The plan has more than 500 files. Take out what the plan does not name.",
        ),
    ],
    ids=["none", "outside", "people", "long", "many"],
)
def test_what_no_directory_would_hold_is_refused(
    site: Site, url: str, files: dict[str, str], said: str
) -> None:
    before = ever(site)
    answer = put(url, {"files": files})
    (problem,) = answer.json()["problems"]
    at = f"{problem['file']}:{problem['line']}:{problem['column']}"
    assert (answer.status_code, f"{at}: {problem['message']} {problem['remedy']}") == (422, said)
    assert answer.json()["detail"] == (
        "The plan has a problem; the one in force stays in force. `problems` lists them all."
    )
    assert ever(site) == before


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"file": {}}, 400, "`file` means nothing here. Did you mean `files`?"),
        ({"files": {"plan.yaml": 7}}, 400, "`files[...]`: Expected `str`, got `int`."),
        ({"files": {"plan.yaml": "x" * limits.PLAN_BODY_BYTES}}, 413, "larger than 4194304 bytes. Send less"),
    ],
    ids=["unknown", "kind", "large"],
)
def test_a_body_that_does_not_fit_is_refused(site: Site, url: str, body: Any, status: int, said: str) -> None:
    answer = put(url, body)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("text", ["\0", "\ufffe", "a: &a [*a]", "{" * 5_000, "plan: [" * 2_000, "\x85", "''"])
def test_whatever_is_sent_is_answered(site: Site, url: str, text: str) -> None:
    before = ever(site)
    answer = put(url, {"files": {"plan.yaml": text}})
    assert answer.status_code == 422, answer.text
    assert answer.json()["problems"]
    assert ever(site) == before


def test_half_a_character_is_answered(site: Site, url: str) -> None:
    """JSON can spell what no text holds."""
    body = json.dumps({"files": {"plan.yaml": "x"}}).replace('"x"', r'"\ud800"')
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    assert httpx.put(url, content=body, headers=headers).status_code in (400, 422)


def test_pages_go_on_while_a_plan_is_looked_over(
    site: Site, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, enough, check = threading.Event(), threading.Event(), checks.check

    def slowly(*given: Any) -> checks.Examined:
        looking.set()
        assert enough.wait(10)
        return check(*given)

    monkeypatch.setattr(checks, "check", slowly)
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(put(url, {"files": FILES})))
    asking.start()
    assert looking.wait(10)
    site.alert("prometheus", "checkout is down")
    assert site.incident().title == "checkout is down"
    enough.set()
    asking.join()
    assert answers[0].status_code == 201


@pytest.mark.parametrize("plan", sorted(one.name for one in PLANS.iterdir() if one.is_dir()))
def test_every_example_plan_fits(site: Site, url: str, plan: str) -> None:
    files = load_directory(PLANS / plan)
    answer = put(url, {"files": files})
    assert (answer.status_code, answer.json()["version"]) == (201, version_of(files))
    assert answer.json()["changes"]
    assert answer.json()["warnings"][0].startswith("There is no person ")
