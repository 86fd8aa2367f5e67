"""What the tests share: List Cutter on loopback, in this process or in one of its own, and a user of it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from guard.tests.servers import served
from listcutter.app import make_app
from listcutter.service import Service
from tocsin_guard import BreakerPolicy, DegradedRule, Guard, LocalFiles, ObjectStore, Settings, Token

EXAMPLE = Path(__file__).resolve().parents[1]
SECRET = "operator-0123456789abcdefghij"
OPERATOR = {"Authorization": f"Bearer {SECRET}"}
PEOPLE = b'Name,City,Age\nAna,Paris,31\nBen,Lyon,42\n"Cy, Jr",Paris,17\nAna,Paris,31\n'

# An outage in a test is over in seconds: few repeats, short cooldowns.
BRISK = Settings(
    breaker=BreakerPolicy(failures_in_a_row=3, open_seconds=0.5, open_seconds_max=1.0),
    degraded=DegradedRule(settle_seconds=0.2),
    timeout_seconds=2.0,
    attempts_max=1,
    retry_seconds=0.01,
    check_every_seconds=0.5,
)


@dataclass
class User:
    """Talks to List Cutter by its API, and as the operator to guard's."""

    http: httpx.Client
    service: Service | None = None

    def upload(self, body: bytes = PEOPLE, name: str = "people.csv") -> httpx.Response:
        return self.http.post("/api/lists", params={"name": name}, content=body)

    def id_of(self, body: bytes = PEOPLE, name: str = "people.csv") -> str:
        answer = self.upload(body, name)
        assert answer.status_code in (201, 202), answer.text
        return str(answer.json()["id"])

    def cut(self, list_id: str, seconds: float = 60, **wanted: Any) -> dict[str, Any]:
        """Ask for a cut and wait until it is done."""
        answer = self.http.post(f"/api/lists/{list_id}/cuts", json=wanted)
        assert answer.status_code == 202, answer.text
        at = answer.headers["location"]
        wait(lambda: self.http.get(at).json()["state"] != "waiting", seconds)
        found: dict[str, Any] = self.http.get(at).json()
        return found

    def parts(self, made: dict[str, Any]) -> list[str]:
        """The text of every part of a cut."""
        at = f"/api/lists/{made['list']}/cuts/{made['id']}"
        return [self.http.get(f"{at}/{part['file']}").text for part in made["parts"]]

    def ask(self, address: str) -> Any:
        return self.http.get(address, headers=OPERATOR).raise_for_status().json()["data"]

    def act(self, address: str, **body: Any) -> Any:
        return self.http.post(address, json=body, headers=OPERATOR).raise_for_status().json()["data"]


def wait(done: Callable[[], object], seconds: float = 20) -> None:
    """Until it is so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@contextmanager
def running(folder: Path, store: ObjectStore | None = None, **options: Any) -> Iterator[User]:
    """List Cutter in this process, on local files if nothing else is said."""
    of_guard = {name: options.pop(name) for name in ("pagers", "send") if name in options}
    guard = Guard(
        folder / "guard", name="listcutter", tokens=[Token.of("operator", SECRET, ["control"])], **of_guard
    )
    options = {"settings": BRISK, "cache_bytes_max": 1 << 28, **options}
    service = Service(folder, guard, store or LocalFiles(folder / "store"), **options)
    service.works.retry_seconds = 0.1
    with served(make_app(service)) as address, httpx.Client(base_url=address, timeout=20) as http:
        yield User(http, service)


@contextmanager
def process(folder: Path, *more: str) -> Iterator[tuple[User, "subprocess.Popen[bytes]"]]:
    """List Cutter as people start it, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = os.pathsep.join([str(EXAMPLE / "src"), str(EXAMPLE.parents[1] / "guard" / "src")])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "listcutter", "--data", folder, "--port", str(port), *more],
            env={**os.environ, "PYTHONPATH": paths, "LISTCUTTER_TOKEN": SECRET},
            stdout=log,
            stderr=log,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:
            wait(lambda: answers(http) or started.poll() is not None, 30)
            assert started.poll() is None, (folder / "log").read_text()
            yield User(http), started
    finally:
        started.terminate()
        try:
            started.wait(20)
        finally:
            started.kill()


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/api/state").status_code == 200
    except httpx.TransportError:
        return False
