"""The embedding examples run as they stand: each in its own process under uvicorn, driven over HTTP."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

GUARD = Path(__file__).resolve().parents[1]
TOKEN = "example-0123456789abcdefghij"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


@contextmanager
def running(module: str, source: Path, folder: Path) -> Iterator[httpx.Client]:
    """uvicorn in a process of its own, in an empty folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = os.pathsep.join([str(GUARD / "src"), str(source)])
    log = (folder / "log").open("wb")
    with log:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", f"{module}:app", "--port", str(port), "--log-level", "warning"],
            env={**os.environ, "PYTHONPATH": paths, "GUARD_TOKEN": TOKEN},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            deadline = time.monotonic() + 30
            while True:
                try:
                    client.get("/health/status")
                    break
                except httpx.TransportError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        pytest.fail((folder / "log").read_text())
                    time.sleep(0.1)
            yield client
    finally:
        process.terminate()
        assert process.wait(20) in (0, -15), (folder / "log").read_text()


def use(client: httpx.Client) -> None:
    """Upload, download, degrade, upload again: queued and readable; restore: applied."""
    first = client.put("/files/a.csv", content=b"1,2", headers={"Content-Type": "text/csv"})
    assert first.json() == {"queued": False}
    answer = client.get("/files/a.csv")
    assert answer.content == b"1,2"
    assert answer.headers["content-type"].startswith("text/csv")
    assert client.get("/health/status").status_code == 401
    degraded = client.post("/health/services/R2_STORAGE/degrade", json={"reason": "drill"}, headers=OPERATOR)
    assert degraded.json()["data"]["degraded"]
    assert client.put("/files/b.csv", content=b"3,4").json() == {"queued": True}
    assert client.get("/files/b.csv").content == b"3,4"
    assert client.get("/health/queue/status", headers=OPERATOR).json()["data"]["total_queued"] == 1
    client.post("/health/services/R2_STORAGE/restore", headers=OPERATOR).raise_for_status()
    processed = client.post("/health/queue/process", headers=OPERATOR).json()["data"]
    assert processed["total_queued"] == 0
    assert client.post("/api/files/integrity-check", headers=OPERATOR).json()["data"]["ok"]


@pytest.mark.parametrize("name", ["with_fastapi", "with_litestar", "with_django", "with_quart"])
def test_each_example_serves_its_files_and_the_operations_api(name: str, tmp_path: Path) -> None:
    with running(name, GUARD / "examples", tmp_path) as client:
        use(client)
    assert (tmp_path / "var" / "guard" / "journal").exists()


def test_the_ten_lines_of_the_readme_work_as_they_stand(tmp_path: Path) -> None:
    text = (GUARD / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert block is not None
    added = [line for line in block[1].splitlines() if line.strip() and "# yours" not in line]
    assert len(added) <= 10
    (tmp_path / "readme.py").write_text(block[1])
    with running("readme", tmp_path, tmp_path) as client:
        use(client)
