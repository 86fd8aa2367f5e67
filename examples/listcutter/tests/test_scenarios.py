"""The four tabletop scenarios, produced on demand: what users see, what guard says, and how it ends.

Storage is local files behind a link with faults; the pager's receiver is an HTTP server behind another.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.listcutter.tests.support import PEOPLE, User, running, wait
from faults.control import Control
from faults.links import FaultyStore, faulty_send
from faults.rules import SCENARIOS, Faults
from guard.tests.servers import served
from tocsin_guard import LocalFiles, Pager, limits


@dataclass
class Receiver:
    """Stands where Tocsin would: takes PagerDuty Events v2 and keeps them."""

    events: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        self.events.append(json.loads(body + message["body"]))
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    def actions(self, about: str) -> list[str]:
        """trigger and resolve, in the order they came, of one subject such as `breaker`."""
        return [e["event_action"] for e in self.events if e["dedup_key"].endswith(f"/{about}")]


@dataclass
class Drill:
    user: User
    pager: Receiver
    control: httpx.Client

    def begin(self, scenario: str) -> None:
        self.control.put(f"/scenarios/{scenario}").raise_for_status()

    def end(self) -> None:
        self.control.delete("/faults").raise_for_status()

    def types(self) -> set[str]:
        return {event["type"] for event in self.user.ask("/health/events?limit=1000")["events"]}


@contextmanager
def drill(folder: Path) -> Iterator[Drill]:
    links = {"storage": Faults(seed=4), "push": Faults(seed=4)}
    pager = Receiver()
    store = FaultyStore(LocalFiles(folder / "store"), links["storage"])
    with served(pager) as to, served(Control(links)) as steer, httpx.Client(base_url=steer) as control:
        options: dict[str, Any] = {
            "backup": LocalFiles(folder / "backup"),
            "pagers": [Pager(f"{to}/v2/enqueue", "key", "listcutter")],
            "send": faulty_send(links["push"]),
        }
        with running(folder, store, **options) as user:
            yield Drill(user, pager, control)


def test_a_complete_outage_of_storage(tmp_path: Path) -> None:
    with drill(tmp_path) as d:
        user = d.user
        id = user.id_of()
        done = user.cut(id, part_by="City")
        d.begin("outage")
        # Users: an upload is taken and said to be queued; what was there can be looked at, cut, downloaded.
        answer = user.upload(name="during.csv")
        assert (answer.status_code, answer.json()["queued"]) == (202, True)
        wait(lambda: user.http.get("/api/state").json()["storage"] == "away")
        assert "Storage does not answer at present." in user.http.get("/").text
        assert user.http.get(f"/api/lists/{id}/download").content == PEOPLE
        assert user.http.get(f"/api/lists/{id}/download").headers["x-served-from"] == "cache"
        assert user.parts(done)[0].startswith("Name,City,Age\nAna,Paris")
        during = answer.json()["id"]
        assert user.http.get(f"/api/lists/{during}/rows").json()["last"] == 4
        assert user.parts(user.cut(during, columns=["City"])) == ["City\nParis\nLyon\nParis\nParis\n"]
        # Guard: breaker open, degraded by rule, work queued, the team paged.
        wait(lambda: user.ask("/health/status")["overall_status"] == "UNHEALTHY")
        status = user.ask("/health/status")
        assert status["circuit_breakers"]["R2_STORAGE"] in ("OPEN", "HALF_OPEN")
        assert status["degraded"] == ["R2_STORAGE"]
        assert user.ask("/health/queue/status")["total_queued"] >= 2
        wait(lambda: d.pager.actions("breaker")[:1] == ["trigger"])
        # Back: applied by itself, closed, all clear.
        d.end()
        wait(lambda: user.http.get("/api/state").json() == {"storage": "well", "queued": 0, "said": ""})
        assert user.ask("/health/status")["overall_status"] == "HEALTHY"
        wait(lambda: d.pager.actions("breaker")[-1] == "resolve")
        assert user.http.get(f"/api/lists/{during}").json()["queued"] is False
        assert user.act("/api/files/integrity-check")["ok"]


def test_the_page_says_which_lists_can_be_had_during_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large lists are not kept as copies: until a backup has them they are out of reach, and it is said."""
    monkeypatch.setattr(limits, "CACHE_OBJECT_BYTES_MAX", 1000)
    large = b"Name,City\n" + b"Ana,Paris\n" * 200
    with drill(tmp_path) as d:
        user = d.user
        small, saved = user.id_of(), user.id_of(large, name="saved.csv")
        assert user.act("/api/backup/create", wait=20)["state"] == "COMPLETED"
        lost = user.id_of(large + b"Ben,Lyon\n", name="lost.csv")
        assert "Cannot be opened" not in shown(user.http.get("/").text)
        d.begin("outage")
        during = user.id_of(large, name="during.csv")
        wait(lambda: user.http.get("/api/state").json()["storage"] == "away")
        said = user.http.get("/api/state").json()["said"]
        assert "3 of your 4 lists can be opened and downloaded meanwhile." in said
        assert said in user.http.get("/").text
        for id in (small, saved, during, lost):
            answer = user.http.get(f"/api/lists/{id}/download")
            told = user.http.get(f"/api/lists/{id}").json()["available"]
            assert told == (answer.status_code == 200) == (id != lost), id
        assert shown(user.http.get("/").text).count("Cannot be opened until storage is back") == 1
        page = user.http.get(f"/lists/{lost}")
        assert page.status_code == 200
        assert "Storage does not answer, and there is no copy of this file here." in page.text
        assert "It can be downloaded when storage is back." in page.text
        d.end()
        wait(lambda: user.http.get("/api/state").json() == {"storage": "well", "queued": 0, "said": ""})
        assert user.http.get(f"/api/lists/{lost}").json()["available"]


def shown(page: str) -> str:
    """A page without what is hidden."""
    return re.sub(r"<p [^>]* hidden>[^<]*</p>", "", page)


def test_a_partial_degradation_of_storage(tmp_path: Path) -> None:
    with drill(tmp_path) as d:
        user = d.user
        d.begin("partial")
        ids = [user.id_of(name=f"{n}.csv") for n in range(24)]
        hit = {id for id in ids if id < "8"}
        assert 0 < len(hit) < len(ids)
        # Users: every upload is taken; lists outside the range are stored, some of those in it are queued.
        queued = {one["id"] for one in user.http.get("/api/lists").json() if one["queued"]}
        assert queued
        for id in ids:
            assert user.http.get(f"/api/lists/{id}/download").content == PEOPLE
        # Guard: errors counted by operation, and what waits is named.
        figures = user.ask("/health/metrics?hours=1&metric=error_rate")
        assert figures["summary"]["error_rate"] > 0.05
        waiting = user.ask("/health/queue/operations?status=QUEUED")["operations"]
        assert {one["key"].split("/")[1] for one in waiting} <= hit | queued
        assert "breaker_open" in d.types() or user.ask("/health/status")["overall_status"] == "HEALTHY"
        d.end()
        wait(lambda: user.http.get("/api/state").json() == {"storage": "well", "queued": 0, "said": ""}, 60)
        assert user.act("/api/files/integrity-check", wait=20)["ok"]


def test_corruption_of_data(tmp_path: Path) -> None:
    with drill(tmp_path) as d:
        user = d.user
        ids = [user.id_of(name=f"{n}.csv") for n in range(12)]
        backup = user.act("/api/backup/create", type="full", wait=20)
        assert backup["state"] == "COMPLETED"
        d.begin("corruption")
        # Users: nobody is given wrong bytes; small files come from a good copy.
        for id in ids:
            assert user.http.get(f"/api/lists/{id}/download").content == PEOPLE
        # Guard: the check finds every damaged object and no other, and pages.
        report = user.act("/api/files/integrity-check", wait=20)
        storage = Faults(4, SCENARIOS["corruption"]["storage"])
        keys = [f"lists/{id}/{file}" for id in ids for file in ("list.json", "original.csv")]
        assert sorted(report["corrupt"]) == sorted(key for key in keys if storage.corrupts(key))
        assert report["corrupt_count"] > 0
        assert (
            "The last integrity check of R2_STORAGE found damage." in user.ask("/health/status")["warnings"]
        )
        wait(lambda: "trigger" in d.pager.actions("integrity"))
        # The way out of it: restore what is damaged from the backup, check again.
        for key in report["corrupt"]:
            user.act("/api/backup/restore", id=backup["id"], key=key, reason="damaged")
        assert user.act("/api/files/integrity-check", wait=20)["ok"]
        wait(lambda: d.pager.actions("integrity")[-1] == "resolve")


def test_a_failure_of_communication(tmp_path: Path) -> None:
    with drill(tmp_path) as d:
        user = d.user
        d.begin("communication")
        user.act("/health/services/R2_STORAGE/degrade", reason="drill")
        # Guard: the page waits durably, apart from users' work, and says so.
        wait(lambda: user.ask("/health/queue/status")["notifications_queued"] >= 1)
        assert user.ask("/health/queue/status")["total_queued"] == 0
        assert d.pager.events == []
        # Users are still told, on the page itself.
        note = {"type": "INCIDENT_DETECTED", "message": "Uploads may be late.", "target": "users"}
        user.act("/health/notifications/broadcast", **note)
        assert "Uploads may be late." in user.http.get("/").text
        user.act("/health/services/R2_STORAGE/restore", reason="drill")
        assert d.pager.events == []
        # Back: both arrive, in order, once each.
        d.end()
        wait(lambda: d.pager.actions("degraded") == ["trigger", "resolve"], 40)
        assert user.ask("/health/queue/status")["notifications_queued"] == 0
