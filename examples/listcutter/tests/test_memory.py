"""A list far larger than the memory it may take: upload, look, cut with duplicates left out, download.

The test sends 60 MB. The whole size by hand, from the top of the repository (4 GB of disk, some minutes):
`PYTHONPATH=.:guard/src:examples/listcutter/src python -m examples.listcutter.tests.test_memory 1000`
"""

import hashlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from examples.listcutter.tests.support import User, process

RESIDENT_BYTES_MAX = 150 * 1000**2
HEAD = b"number,name,city,amount,note\n"
CITIES = ("Paris", "Lyon", "Lille", "Nantes")


def rows(megabytes: int) -> Iterator[bytes]:
    """Blocks of 10,000 rows of about 100 bytes; every tenth block is the one before it again."""
    yield HEAD
    sent, block, number = len(HEAD), b"", 0
    while sent < megabytes * 1000**2:
        if number % 10 != 9 or not block:
            block = b"".join(
                b"%d,Person of number %d,%s,%d.50,%064d\n" % (n, n, CITIES[n % 4].encode(), n % 1000, n)
                for n in range(number * 10_000, (number + 1) * 10_000)
            )
        number += 1
        sent += len(block)
        yield block


def peak_bytes(pid: int) -> int:
    """The most memory that the process ever had resident, as the kernel counts it."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def pass_through(folder: Path, megabytes: int) -> dict[str, float]:
    """Send a list through everything; gives seconds and the peak of memory after each step."""
    told: dict[str, float] = {}
    with process(folder) as (user, service):

        def note(step: str, began: float) -> float:
            told[f"{step} s"] = round(time.monotonic() - began, 1)
            told[f"{step} MB"] = round(peak_bytes(service.pid) / 1000**2, 1)
            return time.monotonic()

        user.http.timeout = httpx.Timeout(900)
        at, digest, began = "/api/lists?name=large.csv", hashlib.sha256(), time.monotonic()
        answer = user.http.post(at, content=_hashed(rows(megabytes), digest))
        assert answer.status_code == 201, answer.text
        source = answer.json()
        began = note("upload", began)
        last = user.http.get(f"/api/lists/{source['id']}/rows", params={"page": -(-source["rows"] // 50)})
        assert last.json()["last"] == source["rows"]
        began = note("look", began)
        made = user.cut(
            source["id"],
            seconds=1800,
            columns=["city", "name", "note"],
            filters=[{"column": "amount", "test": "is more than", "value": "99"}],
            distinct=True,
            part_by="city",
        )
        assert made["state"] == "done", made
        assert len(made["parts"]) == 4
        assert made["rows_read"] == source["rows"]
        assert made["duplicates"] > 0.08 * made["rows_read"]
        began = note("cut", began)
        for part in made["parts"]:
            got = download(user, f"/api/lists/{source['id']}/cuts/{made['id']}/{part['file']}")
            assert got[1] == part["bytes"]
        assert download(user, f"/api/lists/{source['id']}/download") == (digest.hexdigest(), source["bytes"])
        note("download", began)
        told |= {"rows": source["rows"], "list MB": source["bytes"] / 1000**2, "left out": made["duplicates"]}
    return told


def _hashed(chunks: Iterator[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def download(user: User, address: str) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with user.http.stream("GET", address) as answer:
        for chunk in answer.iter_bytes():
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def test_a_large_list_passes_in_bounded_memory(tmp_path: Path) -> None:
    told = pass_through(tmp_path, 60)
    assert told["download MB"] < RESIDENT_BYTES_MAX / 1000**2, told


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="listcutter-") as name:
        for what, value in pass_through(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else 1000).items():
            print(f"{what}: {value:g}")
