"""A real server process on loopback, as an operator runs one, and the command line beside it.

    with Server(folder, demo=True) as server:
        server.start()
        server.post("/v2/enqueue", {...})
        server.kill()
        server.start()

Settings go in as environment variables, so that server and command line see the same. The log is kept in
`folder/server.log`, the data in `folder/data`. It ends only processes that it started.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tocsin.core.model import PersonId
from tocsin.store import access, directory
from tocsin.store.access import TokenKind
from tocsin.store.database import sqlite_url
from tocsin.store.store import Store

READY_SECONDS_MAX = 30
"""For a busy machine; what a server promises is checked where it is measured."""
STOP_SECONDS_MAX = 40
COMMAND = [sys.executable, "-m", "tocsin"]


class NotReady(Exception):
    """The server did not come up; the message ends with what it said."""


def free_port() -> int:
    """A port of loopback that nobody uses.

    From below the range that the system gives to outgoing connections: a port from it may be taken again
    before the server listens, or while a killed one is down.
    """
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def until(holds: Callable[[], object], within_seconds: float = 20) -> None:
    """Wait for what takes other processes a moment; fails when it does not happen in time."""
    ends = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < ends, f"it did not happen within {within_seconds:g} seconds"
        time.sleep(0.05)


class Server:
    """One node. `start`, `stop`, `kill` in any order keep its address and its data."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        *,
        demo: bool = False,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        """`settings` by their names in settings.py; the server's own environment has no other.

        `verify` is for one that speaks TLS under a certificate of the test's own.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        self.log_file = folder / "server.log"
        self.port = free_port()
        self._demo = demo
        self._settings = {"port": str(self.port), "data": str(self.data)} | dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        # One connection for each request: one that is kept would be stale after a kill.
        self._http = httpx.Client(
            verify=verify or False, timeout=15, limits=httpx.Limits(max_keepalive_connections=0)
        )
        scheme = "https" if "tls_certificate" in self._settings else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._http.close()

    def start(self, within_seconds: float = READY_SECONDS_MAX) -> float:
        """Start the process and wait until it is ready; returns the seconds it took."""
        self.launch()
        return self.wait_ready(within_seconds)

    def launch(self) -> None:
        """Start the process; it is not ready yet."""
        assert self._process is None, "the server is running"
        words = [*COMMAND, "serve", *(["--demo"] if self._demo else [])]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                words, env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_ready(self, within_seconds: float = READY_SECONDS_MAX) -> float:
        """Returns the seconds until /readyz said so."""
        began = time.monotonic()
        while (waited := time.monotonic() - began) < within_seconds:
            if self.ready():
                return waited
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise NotReady(f"not ready after {waited:.1f} s: {self.said()}")

    def ready(self) -> bool:
        """Whether /readyz says that it can do its work."""
        try:
            return self.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """Ask it to end (SIGTERM) and wait until it has; returns its exit code."""
        assert self._process is not None, "the server is not running"
        self._process.terminate()
        code = self._process.wait(STOP_SECONDS_MAX)
        self._process = None
        return code

    def kill(self) -> None:
        """End it at once (SIGKILL), wherever it is."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send it any other signal."""
        assert self._process is not None, "the server is not running"
        self._process.send_signal(number)

    @property
    def process_id(self) -> int:
        """Of the running server."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def cli(self, *words: str) -> Any:
        """What a command answers, as data; raises CalledProcessError with its words."""
        done = subprocess.run(
            [*COMMAND, *words, "--json"], env=self._environment(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            done.stdout = done.stdout + done.stderr
        done.check_returncode()
        return json.loads(done.stdout)

    def new_key(self, integration: str) -> str:
        """A new routing key, put into the database beside the server as the command line does."""
        key = f"key-of-{integration}-{random.randbytes(8).hex()}"
        with self.store() as store:
            now = datetime.now(UTC)
            store.write_now(lambda tx: directory.add_key(tx, integration, key, now))
        return key

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database itself, whether or not the server runs."""
        store = Store(self._settings.get("database") or sqlite_url(self.data / "tocsin.db"))
        try:
            yield store
        finally:
            store.close()

    def new_token(self, person: str) -> str:
        """A new API token of that person, made in the same way."""
        token = f"tocsin_{random.randbytes(24).hex()}"
        with self.store() as store:
            now, until = datetime.now(UTC), datetime.now(UTC) + timedelta(days=1)
            store.write_now(
                lambda tx: access.add(tx, token, TokenKind.API, PersonId(person), "tests", now, until)
            )
        return token

    def get(self, path: str, token: str = "", **more: Any) -> httpx.Response:
        """Ask for a page or an answer of the API."""
        return self._request("GET", path, token, **more)

    def post(self, path: str, body: Any = None, token: str = "", **more: Any) -> httpx.Response:
        """Send JSON."""
        return self._request("POST", path, token, json=body, **more)

    def said(self) -> str:
        """The end of the log, for a failure's message."""
        return self.log_text()[-3_000:]

    def log_text(self) -> str:
        """Everything that the processes of this node have written."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_lines(self) -> list[dict[str, Any]]:
        """The log's lines as data."""
        lines = self.log_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def _request(self, method: str, path: str, token: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        return self._http.request(method, self.url + path, headers=headers, **more)

    def _environment(self) -> dict[str, str]:
        bare = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
        return bare | {f"TOCSIN_{name.upper()}": value for name, value in self._settings.items()}
