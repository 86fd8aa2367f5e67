"""A real S3 server for tests: OpenStack Swift with s3api, one proxy and one of each storage server, on
loopback.

Swift comes from the Python registry (`swift`). It is looked for in the environment that runs the tests,
or in the one whose Python is named by GUARD_SWIFT_PYTHON. It wants a file system with extended
attributes.
"""

import contextlib
import getpass
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tocsin_guard import ObjectStore, s3

ACCESS, SECRET, BUCKET = "test:tester", "testing", "lists"

RINGS = """
import sys
from swift.common.ring import RingBuilder
folder, ports = sys.argv[1], dict(zip(("account", "container", "object"), map(int, sys.argv[2:])))
for name, port in ports.items():
    builder = RingBuilder(4, 1, 0)
    place = {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": "d1"}
    builder.add_dev({**place, "ip": "127.0.0.1", "port": port})
    builder.rebalance()
    builder.get_ring().save(f"{folder}/{name}.ring.gz")
"""

# Stands in for memcached, which tempauth asks for; one proxy process, so a dictionary does.
CACHE = """
class Memory(dict):
    def __bool__(self):
        return True
    def get(self, key, *a, **k):
        return dict.get(self, key)
    def set(self, key, value, *a, **k):
        self[key] = value
    def incr(self, key, delta=1, *a, **k):
        self[key] = dict.get(self, key, 0) + delta
        return self[key]
    def decr(self, key, delta=1, *a, **k):
        return self.incr(key, -delta)
    def delete(self, key, *a, **k):
        self.pop(key, None)

def filter_factory(global_conf, **local):
    memory = Memory()
    def made(app):
        def call(env, start_response):
            env["swift.cache"] = memory
            return app(env, start_response)
        return call
    return made
"""

PROXY = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
workers = 0
user = {user}
[pipeline:main]
pipeline = catch_errors gatekeeper memory listing_formats s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:memory]
paste.filter_factory = swift_test_cache:filter_factory
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
dns_compliant_bucket_names = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""

STORAGE = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
devices = {folder}/disks
mount_check = false
workers = 0
user = {user}
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""


def python() -> Path | None:
    """The Python that has Swift, if any."""
    named = os.environ.get("GUARD_SWIFT_PYTHON", "")
    if named:
        return Path(named)
    return Path(sys.executable) if importlib.util.find_spec("swift") else None


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Swift:
    """Four processes; `stop` and `start` make an outage that clients see as refused connections."""

    def __init__(self, folder: Path, interpreter: Path) -> None:
        self._folder, self._bin = folder, interpreter.parent
        ports = _free_ports(4)
        self._ports = dict(zip(("account", "container", "object", "proxy"), ports, strict=True))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "disks" / "d1").mkdir(parents=True)
        (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = test\n")
        (folder / "swift_test_cache.py").write_text(CACHE)
        numbers = [str(self._ports[kind]) for kind in ("account", "container", "object")]
        subprocess.run([interpreter, "-W", "ignore", "-c", RINGS, str(folder), *numbers], check=True)
        for kind, port in self._ports.items():
            text = PROXY if kind == "proxy" else STORAGE
            values = {"port": port, "folder": folder, "user": getpass.getuser(), "kind": kind}
            (folder / f"{kind}.conf").write_text(text.format(**values))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._ports['proxy']}"

    def start(self, *kinds: str) -> None:
        for kind in kinds or ("account", "container", "object", "proxy"):
            log = (self._folder / f"{kind}.log").open("ab")
            with log:
                self._processes[kind] = subprocess.Popen(
                    [self._bin / f"swift-{kind}-server", self._folder / f"{kind}.conf", "--verbose"],
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "PYTHONPATH": str(self._folder), "SWIFT_CONF_FILE": ""},
                    cwd=self._folder,
                )
        self._await_answers()

    def stop(self, *kinds: str) -> None:
        chosen = kinds or tuple(self._processes)
        for kind in chosen:
            self._processes[kind].terminate()
        for kind in chosen:
            try:
                self._processes.pop(kind).wait(10)
            except subprocess.TimeoutExpired:
                continue

    def _await_answers(self) -> None:
        deadline = time.monotonic() + 60
        for kind in list(self._processes):
            while True:
                if self._processes[kind].poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"swift-{kind}-server: {self.log(kind)}")
                try:
                    with socket.create_connection(("127.0.0.1", self._ports[kind]), 1):
                        break
                except OSError:
                    time.sleep(0.1)

    def log(self, kind: str) -> str:
        return (self._folder / f"{kind}.log").read_text(errors="replace")[-2000:]

    def make_bucket(self, name: str) -> None:
        """Through Swift's own API, because obstore makes no buckets."""
        headers = {"X-Auth-User": ACCESS, "X-Auth-Key": SECRET}
        request = urllib.request.Request(f"{self.endpoint}/auth/v1.0", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            token, url = answer.headers["X-Auth-Token"], answer.headers["X-Storage-Url"]
        request = urllib.request.Request(f"{url}/{name}", method="PUT", headers={"X-Auth-Token": token})
        with urllib.request.urlopen(request, timeout=20):
            return


@contextlib.contextmanager
def running(folder: Path, interpreter: Path) -> Iterator[Swift]:
    server = Swift(folder, interpreter)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def s3_store(server: Swift, timeout_seconds: float = 10) -> ObjectStore:
    return s3(
        BUCKET,
        endpoint=server.endpoint,
        region="us-east-1",
        access_key_id=ACCESS,
        secret_access_key=SECRET,
        timeout_seconds=timeout_seconds,
    )
