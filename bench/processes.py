"""The processes that are measured: Tocsin itself, a bare echo, Alertmanager. Each on the server's core."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.load import HOST, calling, request
from bench.machine import busy_seconds, pin, used_seconds

START_SECONDS_MOST = 30.0
STOP_SECONDS_MOST = 20.0


@dataclass(slots=True)
class Running:
    """A server that answers: how long its start took, and how long others had its core meanwhile."""

    process: subprocess.Popen[bytes]
    port: int
    core: int | None
    ready_seconds: float
    taken_seconds: float

    @property
    def pid(self) -> int:
        """The process."""
        return self.process.pid

    def used_seconds(self) -> float:
        """How long it has run until now, all threads together."""
        return used_seconds(self.pid)


@asynccontextmanager
async def running(
    arguments: Sequence[str], port: int, ready_path: str, core: int | None, log: Path
) -> AsyncIterator[Running]:
    """Start a program, wait until it is ready, and stop it at the end."""
    # As on a stranger's machine: no settings of ours, and compiled modules kept from start to start.
    ours = ("TOCSIN_", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    began, busy = time.perf_counter(), busy_seconds(core)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220  # it takes a millisecond, and nothing else runs yet
            arguments, stdout=output, stderr=output, env=environment, preexec_fn=partial(pin, core)
        )
    try:
        await _ready(process, port, ready_path, log)
        seconds = time.perf_counter() - began
        taken = busy_seconds(core) - busy - used_seconds(process.pid) if core is not None else 0.0
        yield Running(process, port, core, seconds, max(0.0, taken))
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS_MOST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _ready(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    deadline = time.perf_counter() + START_SECONDS_MOST
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            async with calling(port) as caller:
                status, _ = await caller.call(request("GET", path))
                if 200 <= status < 300:
                    return
        await asyncio.sleep(0.005)
    words = log.read_text(errors="replace")[-2_000:]
    raise RuntimeError(f"{process.args!r} was not ready within {START_SECONDS_MOST:.0f} seconds:\n{words}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        return port


@asynccontextmanager
async def tocsin(data: Path, core: int | None) -> AsyncIterator[Running]:
    """A whole Tocsin over a data directory that `bench.data` has prepared."""
    port = free_port()
    command = [sys.executable, "-m", "tocsin", "serve", "--data", str(data), "--port", str(port)]
    command += ["--egress-allow", "127.0.0.0/8", "--log", "text"]
    async with running(command, port, "/readyz", core, data / "server.log") as server:
        yield server


@asynccontextmanager
async def echo(core: int | None) -> AsyncIterator[Running]:
    """The bare application of `bench.echo`."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as directory:
        command = [sys.executable, "-m", "bench.echo", str(port)]
        # It answers 202 to whatever it is asked, so it is ready when it can be asked.
        async with running(command, port, "/", core, Path(directory) / "log") as server:
            yield server


def alertmanager_program() -> str | None:
    """Debian's Alertmanager, if it is installed."""
    return shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")


@asynccontextmanager
async def alertmanager(program: str, core: int | None) -> AsyncIterator[Running]:
    """An Alertmanager of one node with one receiver that does nothing."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as directory:
        config = Path(directory) / "alertmanager.yml"
        config.write_text("route: {receiver: none, group_by: [alertname]}\nreceivers: [{name: none}]\n")
        command = [program, f"--config.file={config}", f"--storage.path={directory}/data"]
        command += [f"--web.listen-address={HOST}:{port}", "--cluster.listen-address=", "--log.level=error"]
        async with running(command, port, "/-/ready", core, Path(directory) / "log") as server:
            yield server
