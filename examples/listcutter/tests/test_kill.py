"""kill -9 at any moment: no half list, nothing acknowledged is lost, an interrupted cut is made anew."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from examples.listcutter.tests.support import PEOPLE, User, process, wait


def slow_body(chunks: int) -> Iterator[bytes]:
    yield b"a,b\n"
    for n in range(chunks):
        time.sleep(0.02)
        yield b"%d,x\n" % n * 1000


def test_killed_in_the_middle_of_uploads_there_is_no_half_list(tmp_path: Path) -> None:
    chance, acknowledged = random.Random(3), set[str]()
    for life in range(4):
        with process(tmp_path) as (user, service):
            known = {one["id"]: one for one in user.http.get("/api/lists").json()}
            assert acknowledged <= known.keys()
            for one in known.values():
                body = user.http.get(f"/api/lists/{one['id']}/download").content
                assert len(body) == one["bytes"]
                assert user.http.get(f"/api/lists/{one['id']}/rows").json()["rows"]
            broken = threading.Thread(target=_upload_until_killed, args=(user, life))
            broken.start()
            end = time.monotonic() + chance.uniform(0.1, 0.6)
            while time.monotonic() < end:
                acknowledged.add(user.id_of(PEOPLE, f"{len(acknowledged)}.csv"))
            service.kill()
            broken.join(20)
    with process(tmp_path) as (user, _):
        assert len(user.http.get("/api/lists").json()) == len(acknowledged)
        of_lists = {key.split("/")[1] for key in keys(tmp_path)}
        wait(lambda: of_lists == acknowledged or _changed(tmp_path, of_lists), 20)
        assert {key.split("/")[1] for key in keys(tmp_path)} == acknowledged, "half of an upload was left"
        assert not list((tmp_path / "uploads").iterdir())
        report = user.act("/api/files/integrity-check")
        assert report["ok"], report
    assert len(acknowledged) > 10


def keys(folder: Path) -> list[str]:
    found = [path.name.replace("%2F", "/") for path in (folder / "store" / "objects").glob("lists*")]
    return [name for name in found if not name.endswith(".part")]


def _changed(folder: Path, of_lists: set[str]) -> bool:
    return {key.split("/")[1] for key in keys(folder)} != of_lists


def _upload_until_killed(user: User, life: int) -> None:
    with httpx.Client(base_url=user.http.base_url) as own, pytest.raises(httpx.TransportError):
        own.post("/api/lists", params={"name": f"half-{life}.csv"}, content=slow_body(500))


def test_a_list_that_was_deleted_stays_deleted(tmp_path: Path) -> None:
    with process(tmp_path) as (user, service):
        id = user.id_of()
        time.sleep(1.5)  # guard's catalogue has it on the disk
        user.http.delete(f"/api/lists/{id}").raise_for_status()
        service.kill()
        service.wait(10)
    with process(tmp_path) as (user, _):
        assert user.http.get("/api/lists").json() == []
        assert user.http.get(f"/api/lists/{id}").status_code == 404
        assert user.act("/api/files/integrity-check")["ok"]


def test_a_cut_that_was_killed_is_made_anew_after_the_start(tmp_path: Path) -> None:
    body = b"n,text\n" + b"".join(b"%d,%040d\n" % (n, n) for n in range(400_000))
    with process(tmp_path) as (user, service):
        id = user.id_of(body)
        asked = user.http.post(f"/api/lists/{id}/cuts", json={"distinct": True, "rows_per_part": 100_000})
        at = asked.headers["location"]
        assert user.http.get(at).json()["state"] == "waiting"
        service.kill()
        service.wait(10)
    with process(tmp_path) as (user, _):
        wait(lambda: user.http.get(at).json()["state"] != "waiting", 60)
        made = user.http.get(at).json()
        assert (made["state"], made["rows_kept"], len(made["parts"])) == ("done", 400_000, 4)
        assert "".join(part.split("\n", 1)[1] for part in user.parts(made)) == body.decode().split("\n", 1)[1]
