"""Migrations lead from nothing to exactly the schema, once, however many nodes start together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from tests.store.conftest import NewDatabase, migrate_url
from tocsin.store.database import writing_engine
from tocsin.store.errors import StrangeSchema
from tocsin.store.migrate import at, migrate
from tocsin.store.revision import NEWEST, is_newest
from tocsin.store.schema import metadata
from tocsin.store.store import Store


def test_migrations_give_exactly_the_schema(empty_url: str) -> None:
    migrate_url(empty_url)
    engine = writing_engine(empty_url)
    with engine.connect() as connection:
        # Alembic reads SQLite's empty default as a difference; PostgreSQL's answer holds for both.
        defaults = connection.dialect.name == "postgresql"
        context = MigrationContext.configure(connection, opts={"compare_server_default": defaults})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_partial_indexes_keep_their_conditions(url: str) -> None:
    # compare_metadata passes over the WHERE of an index, and the hot path stands on it.
    engine = writing_engine(url)
    with engine.connect() as connection:
        dialect = connection.dialect.name
        found = {
            index["name"]
            for table in inspect(connection).get_table_names()
            for index in inspect(connection).get_indexes(table)
            if index.get("dialect_options", {}).get(f"{dialect}_where") is not None
        }
    engine.dispose()
    wanted = {
        index.name
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options[dialect]["where"] is not None
    }
    assert found == wanted


def test_migrating_twice_changes_nothing(empty_url: str) -> None:
    migrate_url(empty_url)
    migrate_url(empty_url)
    engine = writing_engine(empty_url)
    with engine.connect() as connection:
        found, newest = at(connection)
    engine.dispose()
    assert found == newest is not None


def test_nodes_that_start_together_migrate_once(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as nodes:
        list(nodes.map(migrate_url, [empty_url] * 4))
    engine = writing_engine(empty_url)
    with engine.connect() as connection:
        assert inspect(connection).has_table("subjects")
    engine.dispose()


def test_a_database_of_another_version_is_refused_and_left_as_it_is(empty_url: str) -> None:
    # One with other columns would take alerts, answer 202, and page nobody.
    migrate_url(empty_url)
    store = Store(empty_url)
    store.write_now(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = '0001'")))
    with pytest.raises(StrangeSchema) as refused:
        migrate(store.writing)
    assert str(refused.value) == (
        f"The database has schema 0001, which this Tocsin does not know (its own is {NEWEST}): another"
        " version has made it. Run that version, or begin anew with another --data or an empty database."
    )
    assert store.read_now(at) == ("0001", NEWEST)
    store.close()


def test_an_empty_database_has_no_revision(new_database: NewDatabase) -> None:
    engine = writing_engine(new_database("empty_sqlite"))
    with engine.connect() as connection:
        assert at(connection)[0] is None
    engine.dispose()


def test_a_database_knows_whether_it_has_todays_schema_without_alembic(empty_url: str) -> None:
    store = Store(empty_url)
    assert not store.read_now(is_newest)
    migrate(store.writing)
    assert store.read_now(is_newest)
    assert store.read_now(at) == (NEWEST, NEWEST)
    store.close()
