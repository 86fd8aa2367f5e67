"""A PostgreSQL of our own: a cluster in a temporary folder, with its own port, socket and password.

Tests, bench and the proof use it alike:

    with Cluster() as cluster:
        with cluster.database() as url:
            ...

It writes to disk as a real one does (fsync stays on), never touches a cluster that is already on the machine,
and ends only the server it started.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import LiteralString, Self

import psycopg
from psycopg import sql

CONNECTIONS_MAX = 100
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
PORT_ATTEMPTS_MAX = 5
OWNER = "tocsin"


class PostgresMissing(Exception):
    """PostgreSQL's server programs are not on this machine."""


class PostgresFailed(Exception):
    """The server did not start; the message ends with what it said."""


def find_programs() -> Path:
    """The folder with initdb and postgres: the newest version under Debian's path, else the one on PATH."""
    packaged = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "postgres").exists()]
    if packaged:
        return max(packaged, key=lambda path: [int(part) for part in path.parent.name.split(".")])
    initdb = shutil.which("initdb")
    if initdb and (Path(initdb).resolve().parent / "postgres").exists():
        return Path(initdb).resolve().parent
    raise PostgresMissing(
        "PostgreSQL's initdb and postgres are not on this machine. "
        "Remedy: scripts/system-programs as root, or install PostgreSQL's server."
    )


def _unprivileged_user() -> str | None:
    """Whom the server runs as: PostgreSQL refuses to run as root; None means as ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Cluster:
    """One server with its data; `start`, `stop` and `crash` in any order keep data and address."""

    def __init__(
        self, *, connections_max: int = CONNECTIONS_MAX, settings: Mapping[str, str] | None = None
    ) -> None:
        """`settings` go before those that make it write to disk as a real one does."""
        self._programs = find_programs()
        self._user = _unprivileged_user()
        self._connections_max = connections_max
        self._settings = dict(settings or {})
        self._password = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._templates: set[str] = set()
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-pg-"))
        try:
            self._create()
        except BaseException:
            self.remove()
            raise

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    @property
    def url(self) -> str:
        """The maintenance database, as the owner of everything."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return self._url_at(self._port, database)

    def _url_at(self, port: int, database: str = "postgres") -> str:
        return f"postgresql://{OWNER}:{self._password}@127.0.0.1:{port}/{database}"

    def start(self) -> None:
        """Returns when the server answers. Keeps the port of an earlier start: addresses stay valid."""
        attempts = 1 if self._port else PORT_ATTEMPTS_MAX
        for attempt in range(1, attempts + 1):
            port = self._port or _free_port()
            try:
                self._launch(port)
            except PostgresFailed:
                # Another process may take the free port between our look and the server's bind.
                if attempt == attempts:
                    raise
            else:
                self._port = port
                return

    def stop(self) -> None:
        """A fast shutdown: open sessions are rolled back, the data is flushed."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Ends the server at once, without a checkpoint; the next `start` recovers from its log."""
        self._end(signal.SIGQUIT)

    def remove(self) -> None:
        """Stops the server and deletes its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """A fresh database for the length of the block; gives its URL."""
        name = f"test_{secrets.token_hex(6)}"
        self._administer("CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            yield self.url_of(name)
        finally:
            if self._process is not None:
                self._administer("DROP DATABASE {} WITH (FORCE)", name)

    def template(self, name: str, prepare: Callable[[str], object]) -> str:
        """Builds a database once with `prepare(url)`; `database(name)` then copies it, which is faster.

        `prepare` must close its connections: PostgreSQL refuses to copy a database that is in use.
        """
        if name not in self._templates:
            self._administer("CREATE DATABASE {}", name)
            prepare(self.url_of(name))
            self._templates.add(name)
        return name

    def _administer(self, statement: LiteralString, *names: str) -> None:
        # CREATE and DROP DATABASE take no parameters, so names are quoted as identifiers.
        query = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(query)

    def _create(self) -> None:
        password_file = self.folder / "password"
        password_file.write_text(self._password)
        if self._user:
            for path in (self.folder, password_file):
                shutil.chown(path, self._user)
        # Sessions on this machine need the password too: others may share it, and the owner is a superuser.
        process = self._spawn(
            "initdb", "--pgdata=data", f"--username={OWNER}", "--pwfile=password", "--auth=scram-sha-256",
            "--encoding=UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip
        if process.wait(START_SECONDS_MAX) != 0:
            raise PostgresFailed(f"initdb failed: {self._said()}")
        password_file.unlink()

    def _launch(self, port: int) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": self.folder,
            "max_connections": self._connections_max,
            "fsync": "on",
            "synchronous_commit": "on",
            "timezone": "UTC",
        } | self._settings
        self._process = self._spawn("postgres", "-D", "data", *(f"--{k}={v}" for k, v in settings.items()))
        give_up = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                psycopg.connect(self._url_at(port), connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                ended = self._process.poll() is not None
                if ended or time.monotonic() > give_up:
                    self._end(signal.SIGQUIT)
                    raise PostgresFailed(f"postgres did not start: {self._said()}") from error
                time.sleep(0.05)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Never as root, and without the variables of the caller's own PostgreSQL."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._programs / program, *arguments],
                cwd=self.folder,
                env=environment | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                group=pwd.getpwnam(self._user).pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
            )

    def _said(self) -> str:
        return " ".join((self.folder / "log").read_text(errors="replace").splitlines()[-5:])
