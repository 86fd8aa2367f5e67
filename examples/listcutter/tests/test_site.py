"""List Cutter as people and programs use it: upload, look, cut, download, delete; well and with storage
away."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from examples.listcutter.tests.support import OPERATOR, PEOPLE, User, running, wait
from listcutter import limits


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    with running(tmp_path_factory.mktemp("site")) as found:
        yield found


def test_a_list_goes_through(user: User) -> None:
    answer = user.upload()
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["name"], shown["rows"], shown["columns"]) == ("people.csv", 4, ["Name", "City", "Age"])
    assert user.http.get(answer.headers["location"]).json() == shown
    rows = user.http.get(f"/api/lists/{shown['id']}/rows?page=2&size=3").json()
    assert rows == {
        "columns": ["Name", "City", "Age"],
        "page": 2,
        "pages": 2,
        "first": 4,
        "last": 4,
        "rows": [["Ana", "Paris", "31"]],
    }
    made = user.cut(
        shown["id"],
        columns=["City", "Name"],
        filters=[{"column": "Age", "test": "is more than", "value": "18"}],
        distinct=True,
        part_by="City",
    )
    assert made["state"] == "done"
    assert (made["rows_read"], made["rows_kept"], made["duplicates"]) == (4, 2, 1)
    assert user.parts(made) == ["City,Name\nParis,Ana\n", "City,Name\nLyon,Ben\n"]
    original = user.http.get(f"/api/lists/{shown['id']}/download")
    assert original.content == PEOPLE
    assert (
        original.headers["content-disposition"]
        == "attachment; filename=\"people.csv\"; filename*=UTF-8''people.csv"
    )
    assert user.http.delete(f"/api/lists/{shown['id']}").json() == {"deleted": shown["id"], "queued": False}
    assert user.http.get(f"/api/lists/{shown['id']}").status_code == 404


def test_pages_work_by_links_and_forms_alone(user: User) -> None:
    with httpx.Client(base_url=user.http.base_url, follow_redirects=True) as plain:
        form = {"file": ("C:\\lists\\été.csv", PEOPLE, "text/csv")}
        page = plain.post("/lists", files=form)
        assert page.status_code == 200
        assert "<h1>été.csv</h1>" in page.text
        assert "Cy, Jr" in page.text
        fields = {"column": ["Name"], "filter_column": ["City", "", ""], "filter_test": ["is", "is", "is"]}
        fields |= {"filter_value": ["paris", "", ""], "distinct": [""], "split": ["rows"], "rows": ["1"]}
        made = plain.post(f"{page.url.path}/cuts", data=fields)
        address = made.url.path
        wait(lambda: "Cutting" not in plain.get(address).text)
        done = plain.get(address).text
        assert "3 rows in 3 parts" in done
        assert "Only rows where City is “paris”." in done
        assert plain.get(f"{address}/part-002.csv").text == 'Name\n"Cy, Jr"\n'
        name = plain.get(f"{address}/part-002.csv").headers["content-disposition"]
        assert (
            name == "attachment; filename=\"_t_-part-002.csv\"; filename*=UTF-8''%C3%A9t%C3%A9-part-002.csv"
        )
        assert plain.post(f"{page.url.path}/delete").url.path == "/"
        assert plain.get(page.url.path).status_code == 404


def test_a_page_far_into_a_list_shows_its_rows(user: User) -> None:
    body = b"n\n" + b"".join(b"%d\n" % n for n in range(1, 10_001))
    at = f"/api/lists/{user.id_of(body)}/rows"
    for page in (1, 2, 77, 200):
        found = user.http.get(at, params={"page": page}).json()
        assert found["rows"] == [[str(n)] for n in range((page - 1) * 50 + 1, page * 50 + 1)]
    past = user.http.get(at, params={"page": 201})
    assert (past.status_code, past.json()["detail"]) == (400, "The list has pages 1 to 200; not 201.")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 422, "The file is empty. A list has a line with the names of its columns, and rows below it."),
        (
            b"\x00\x01",
            422,
            "The file is UTF-16, or no text: save it as CSV in UTF-8; "
            "a spreadsheet too must be saved as CSV first.",
        ),
    ],
)
def test_what_is_no_list_is_refused_and_leaves_nothing(
    user: User, body: bytes, status: int, said: str
) -> None:
    before = user.http.get("/api/lists").json()
    answer = user.upload(body)
    assert (answer.status_code, answer.json()["detail"]) == (status, said)
    assert answer.headers["content-type"] == "application/problem+json"
    assert user.http.get("/api/lists").json() == before
    page = user.http.post("/lists", files={"file": ("x.csv", body)})
    assert (page.status_code, said in page.text) == (status, True)


def test_requests_that_do_not_fit_are_refused_with_a_sentence(user: User) -> None:
    at = f"/api/lists/{user.id_of()}"
    unknown = user.http.post(f"{at}/cuts", json={"colums": ["Name"]})
    assert (unknown.status_code, unknown.json()["detail"]) == (
        400,
        "The cut could not be read: Object contains unknown field `colums`.",
    )
    assert user.http.get("/api/lists/nothing").json()["detail"] == "There is nothing at this address."
    assert user.http.get("/api/lists/0123456789abcdef").status_code == 404
    assert user.http.get(f"{at}/cuts/0123456789abcdef/part-001.csv").status_code == 404
    form = user.http.post("/lists", files={"other": (None, b"x")})
    assert (form.status_code, "Choose a file first: the form came without one." in form.text) == (400, True)
    large = user.http.post(f"{at}/cuts", content=b" " * 300_000)
    assert large.status_code == 413


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/rows?pgae=2", "The query has no 'pgae' here; known: page, size."),
        ("/rows?page=1&page=2", "The query has 'page' twice."),
        ("?page=2", "The query has no 'page' here; known: none."),
        ("/rows?page=two", "The query's page is a whole number, such as 1."),
        ("/rows?page=", "The query's page is a whole number, such as 1."),
    ],
)
def test_query_names_that_are_unknown_or_doubled_are_refused(user: User, address: str, said: str) -> None:
    id = user.id_of()
    answer = user.http.get(f"/api/lists/{id}{address}")
    assert (answer.status_code, answer.json()["detail"]) == (400, said)
    assert "The query has no &#39;x&#39; here; known: page." in user.http.get(f"/lists/{id}?x=1").text
    before = len(user.http.get("/api/lists").json())
    assert user.http.post("/api/lists?nam=x", content=PEOPLE).status_code == 400
    assert len(user.http.get("/api/lists").json()) == before


def test_a_guessed_encoding_is_said_and_another_can_be_chosen(user: User) -> None:
    body = "県,表\n東京,2\n".encode("cp932")  # fits Windows-1252 as well
    id = user.id_of(body)
    shown = user.http.get(f"/api/lists/{id}").json()
    assert (shown["encoding"], shown["encoding_guessed"]) == ("cp1252", True)
    guess = "This list is not UTF-8, so it was read as Windows-1252, which is a guess."
    assert guess in user.http.get(f"/lists/{id}").text
    chosen = user.http.post("/api/lists", params={"encoding": "cp932"}, content=body).json()
    assert (chosen["columns"], chosen["encoding_guessed"]) == (["県", "表"], False)
    with httpx.Client(base_url=user.http.base_url, follow_redirects=True) as plain:
        page = plain.post("/lists", data={"encoding": "cp932"}, files={"file": ("x.csv", body)})
    assert "東京" in page.text
    assert guess not in page.text
    made = user.cut(chosen["id"], columns=["県"])
    part = user.http.get(f"/api/lists/{chosen['id']}/cuts/{made['id']}/part-001.csv")
    assert part.headers["content-type"] == "text/csv; charset=shift_jis"
    assert part.text == "県\n東京\n"
    unknown = user.http.post("/api/lists", params={"encoding": "jis"}, content=body)
    assert unknown.json()["detail"].startswith("No encoding is called 'jis' here; there are utf-8, cp1252,")


def test_who_asks_for_too_many_cuts_at_once_gets_as_many_as_there_may_be(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CUTS_KEPT_MAX", 12)
    at = f"/api/lists/{user.id_of()}/cuts"
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: user.http.post(at, json={}), range(60)))
    assert Counter(answer.status_code for answer in answers) == {202: 12, 413: 48}
    said = "A list has at most 12 cuts. Upload it again to go on."
    assert {a.json()["detail"] for a in answers if a.status_code == 413} == {said}
    assert len(user.http.get(at).json()) == 12


def test_the_local_disk_keeps_its_spare_room_whatever_comes_at_once(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([10**12] * 3)  # there is room when it starts, and for two more chunks
    real = shutil.disk_usage

    def usage(path: Path) -> Any:
        return SimpleNamespace(free=next(free, 0)) if "uploads" in str(path) else real(path)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    answer = user.upload(b"n\n" + b"1\n" * 1_000_000)
    said = "The local disk is full; nothing of the list was kept. Try later."
    assert (answer.status_code, answer.json()["detail"]) == (503, said)


def test_forms_of_other_sites_are_refused(user: User) -> None:
    at = f"/lists/{user.id_of()}/delete"
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert user.http.post(at, headers=headers).status_code == 403
    own = str(user.http.base_url).rstrip("/")
    assert user.http.post(at, headers={"Origin": own, "Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_cells_and_names_are_shown_as_text(user: User) -> None:
    id = user.id_of(b"<script>x</script>\n<b>1</b>\n", "<i>.csv")
    page = user.http.get(f"/lists/{id}").text
    assert "<script>x" not in page
    assert "<b>1" not in page
    assert "<i>" not in page


def test_the_api_describes_itself(user: User) -> None:
    described = user.http.get("/api/schema/openapi.json").json()
    assert "/api/lists/{list_id}/cuts" in described["paths"]


def test_while_writes_are_held_uploads_are_queued_and_everything_goes_on(tmp_path: Path) -> None:
    with running(tmp_path) as user:
        before = user.id_of()
        user.act("/health/services/R2_STORAGE/degrade", reason="drill")
        answer = user.upload(name="second.csv")
        assert answer.status_code == 202
        assert answer.json()["queued"] is True
        second = answer.json()["id"]
        assert user.http.get("/api/state").json() == {
            "storage": "held",
            "queued": 2,
            "said": "Storage is being worked on. New lists are kept here and stored when it is back; "
            "your lists stay available. 2 files wait.",
        }
        home = user.http.get("/").text
        assert "Storage is being worked on." in home
        assert "2 files wait." in home
        assert "Waits for storage" in home
        assert "waits for storage" in user.http.get(f"/lists/{second}").text
        assert user.http.get(f"/api/lists/{before}/download").content == PEOPLE
        made = user.cut(second, columns=["Name"])
        assert user.parts(made) == ['Name\nAna\nBen\n"Cy, Jr"\nAna\n']
        user.act("/health/services/R2_STORAGE/restore", reason="drill over")
        wait(lambda: user.http.get("/api/state").json() == {"storage": "well", "queued": 0, "said": ""})
        assert user.http.get(f"/api/lists/{second}").json()["queued"] is False
        assert "notice storage" not in user.http.get("/").text
        assert user.act("/api/files/integrity-check")["ok"]


def test_notices_to_users_are_on_the_page_and_come_as_they_are_sent(tmp_path: Path) -> None:
    with running(tmp_path) as user:
        send = {
            "type": "MAINTENANCE",
            "message": "Uploads pause at noon.",
            "severity": "MEDIUM",
            "target": "users",
        }
        with user.http.stream("GET", "/notices") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 5000"
            user.act("/health/notifications/broadcast", **send)
            user.act(
                "/health/notifications/broadcast", **{**send, "target": "response_team", "message": "secret"}
            )
            data = json.loads(
                next(line for line in lines if line.startswith("data: ")).removeprefix("data: ")
            )
        assert data["message"] == "Uploads pause at noon."
        home = user.http.get("/").text
        assert '<p class="notice medium" data-id="1">Uploads pause at noon.</p>' in home
        assert "secret" not in home
        user.act("/health/notifications/1/clear")
        assert "Uploads pause" not in user.http.get("/").text
        assert user.http.get("/health/notifications", headers=OPERATOR).json()["data"]["active"] == 1
