"""Databases for the store's tests: each test runs on both kinds, and each gets its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.support.postgres import Cluster
from tocsin.store.database import sqlite_url, writing_engine
from tocsin.store.migrate import migrate
from tocsin.store.schema import metadata
from tocsin.store.store import Store

KINDS = ["sqlite", "postgresql"]
NewDatabase = Callable[[str], str]


def migrate_url(url: str) -> None:
    """Bring the database of that address to today's schema."""
    engine = writing_engine(url)
    migrate(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with today's schema, to be copied."""
    path = tmp_path_factory.mktemp("template") / "tocsin.db"
    migrate_url(sqlite_url(path))
    return path


@contextmanager
def databases(request: pytest.FixtureRequest, folder: Path) -> Iterator[NewDatabase]:
    """Makes databases, and removes them at the end of the block."""
    with ExitStack() as stack:
        made = 0

        def make(kind: str) -> str:
            nonlocal made
            made += 1
            if kind.endswith("postgresql"):
                cluster: Cluster = request.getfixturevalue("postgres")
                bare = kind.startswith("empty_")
                template = "template1" if bare else cluster.template("migrated", migrate_url)
                return stack.enter_context(cluster.database(template))
            path = folder / f"database-{made}" / "tocsin.db"
            path.parent.mkdir()
            if not kind.startswith("empty_"):
                shutil.copy(request.getfixturevalue("migrated_file"), path)
            return sqlite_url(path)

        yield make


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Makes a database with today's schema and no rows; "empty_sqlite" has no schema either."""
    with databases(request, tmp_path) as make:
        yield make


@pytest.fixture(scope="session")
def one_postgres(postgres: Cluster) -> Iterator[Engine]:
    """A database for one test after the other: making one takes as long as most tests."""
    with postgres.database(postgres.template("migrated", migrate_url)) as url:
        engine = writing_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, new_database: NewDatabase) -> str:
    """A database with today's schema and nothing in it."""
    if request.param == "sqlite":
        return new_database("sqlite")
    engine: Engine = request.getfixturevalue("one_postgres")
    with engine.connect() as connection, connection.begin():
        # A test that failed may have left a transaction open.
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, new_database: NewDatabase) -> str:
    """A database without a single table."""
    return new_database(f"empty_{request.param}")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An open store on an empty database."""
    opened = Store(url)
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=KINDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An open store for all tests of a module that keep to names of their own; making one takes a while."""
    with databases(request, tmp_path_factory.mktemp("shared")) as make:
        opened = Store(make(request.param))
        yield opened
        opened.close()
