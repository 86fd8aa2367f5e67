"""A disk without room, and one that fails: new events are refused, loudly, until it is well again."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import func, select

from tests.proof.kill import Ground, ground
from tests.support.server import Server, until
from tocsin.store.schema import alerts

EVENTS_MAX = 2_000
ALARM = "Nothing can be stored, so events are refused and nobody is paged: "


class Disk(Protocol):
    """The disk under a server's data."""

    words: str
    refusal: str

    def take_away(self, server: Server) -> None:
        """From now on nothing can be written."""

    def give_back(self, server: Server) -> None:
        """As before."""


class Full:
    """A small file system of its own, filled up."""

    words = "The database has no room left."
    refusal = "The server's disk is full: nothing of this request was stored. Send this again."

    def __init__(self, mounted: Path) -> None:
        self._ballast = mounted / "ballast"

    def take_away(self, server: Server) -> None:
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def give_back(self, server: Server) -> None:
        self._ballast.unlink()


class Failing:
    """Every write past a file's first bytes fails: what a broken disk looks like to the database."""

    words = "disk I/O error"
    refusal = "The server could not store this: nothing of it was kept. Send this again."

    def take_away(self, server: Server) -> None:
        self._limit(server, 4096)

    def give_back(self, server: Server) -> None:
        self._limit(server, resource.RLIM_INFINITY)

    def _limit(self, server: Server, size: int) -> None:
        _, most = resource.prlimit(server.process_id, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process_id, resource.RLIMIT_FSIZE, (size, most))


@pytest.fixture
def here() -> Iterator[Ground]:
    with ground("", seed=6) as made:
        yield made


@pytest.fixture
def full(here: Ground) -> Iterator[Full]:
    """The data directory as a file system of 48 MB; mounting one takes root."""
    data = here.folder / "one" / "data"
    kept = here.folder / "kept"
    data.rename(kept)
    data.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=48m", "tocsin", str(data)]
    if os.geteuid() != 0 or subprocess.run(words, check=False).returncode != 0:
        pytest.skip("no small file system can be mounted here: that takes root (the failing disk is tested)")
    try:
        for file in kept.iterdir():
            (data / file.name).write_bytes(file.read_bytes())
        yield Full(data)
    finally:
        subprocess.run(["umount", "--lazy", data], check=True)


def test_a_full_disk(here: Ground, full: Full) -> None:
    refuse_and_recover(here, full)


def test_a_failing_disk(here: Ground) -> None:
    refuse_and_recover(here, Failing())


def refuse_and_recover(here: Ground, disk: Disk) -> None:
    with here.server(log="json") as server:
        server.start()
        assert send(here, server, "before") == 202
        here.inbox.wait(lambda one: "before" in one.subject)

        disk.take_away(server)
        accepted = ["before"]
        for number in range(EVENTS_MAX):
            if send(here, server, f"event {number}") != 202:
                break
            accepted.append(f"event {number}")
        refused = server.post("/v2/enqueue", event(here, "refused"))
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["message"] == disk.refusal
        until(lambda: not server.ready(), 15)
        assert (
            server.get("/readyz").json()["troubles"]["store"].startswith("Nothing can be stored: events are")
        )
        assert server.get("/healthz").status_code == 200, "restarting it would help nobody"
        time.sleep(2.5)
        assert alarms(server) == [f"{ALARM}{disk.words} It is tried again every second."], "loud, not a flood"

        disk.give_back(server)
        until(server.ready, 30)
        assert send(here, server, "after", source=1) == 202
        here.inbox.wait(lambda one: "after" in one.text)
        accepted.append("after")
        with server.store() as store:
            counted = select(func.count()).where(alerts.c.dedup_key.in_(accepted))
            assert store.read_now(lambda tx: tx.scalar(counted)) == len(accepted)
            kept = select(func.count()).where(alerts.c.dedup_key == "refused")
            assert store.read_now(lambda tx: tx.scalar(kept)) == 0, "refused means not stored"


def event(here: Ground, key: str, source: int = 0) -> dict[str, object]:
    """A large event, so that a disk is full soon."""
    name = list(here.keys)[source]
    details = {"text": key * 200}
    payload = {"summary": key, "source": name, "severity": "error", "custom_details": details}
    return {
        "routing_key": here.keys[name],
        "event_action": "trigger",
        "dedup_key": key,
        "payload": payload,
    }


def send(here: Ground, server: Server, key: str, source: int = 0) -> int:
    """The status that an event is answered with."""
    return server.post("/v2/enqueue", event(here, key, source)).status_code


def alarms(server: Server) -> list[str]:
    """What the log says at its loudest."""
    return [one["message"] for one in server.log_lines() if one["level"] == "critical"]
