"""A second S3 server for tests, which knows If-Match where Swift does not: moto's, on loopback.

With what it needs it is 80 MB, so it is no dependency of the tests: it is looked for in the environment
that runs them, or in the one whose Python is named by GUARD_MOTO_PYTHON (`pip install moto[s3] flask
flask-cors`).
"""

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tocsin_guard import CloudStore, s3

BUCKET, KEY = "lists", "testing"


def python() -> Path | None:
    """The Python that has moto, if any."""
    named = os.environ.get("GUARD_MOTO_PYTHON", "")
    if named:
        return Path(named)
    return Path(sys.executable) if importlib.util.find_spec("moto") else None


@contextlib.contextmanager
def running(folder: Path, interpreter: Path) -> Iterator[str]:
    """The endpoint of a server with one bucket, in memory."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "moto.log").open("ab") as log:
        process = subprocess.Popen(
            [interpreter, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), 1):
                    break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((folder / "moto.log").read_text()) from None
                time.sleep(0.1)
        endpoint = f"http://127.0.0.1:{port}"
        request = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT", data=b"")
        with urllib.request.urlopen(request, timeout=20):
            yield endpoint
    finally:
        process.terminate()
        process.wait(10)


def moto_store(endpoint: str, timeout_seconds: float = 10) -> CloudStore:
    return s3(
        BUCKET,
        endpoint=endpoint,
        region="us-east-1",
        access_key_id=KEY,
        secret_access_key=KEY,
        timeout_seconds=timeout_seconds,
    )
