"""The PostgreSQL that tests are given: fresh for each, durable over a crash, gone afterwards."""

import psycopg
import pytest

from tests.support.postgres import Cluster


@pytest.mark.parametrize("turn", ["first", "second"])
def test_every_test_gets_an_empty_database(postgres_url: str, turn: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE left_behind (turn text)")
    assert turn


def test_a_template_is_prepared_once_and_copied(postgres: Cluster) -> None:
    prepared = []

    def prepare(url: str) -> None:
        prepared.append(url)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

    for _ in range(2):
        with (
            postgres.database(postgres.template("with_table", prepare)) as url,
            psycopg.connect(url) as connection,
        ):
            assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    assert len(prepared) == 1


def test_committed_rows_outlive_a_crash_at_the_same_address(postgres: Cluster) -> None:
    with postgres.database() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE promises AS SELECT 1 AS id")
        postgres.crash()
        postgres.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT id FROM promises").fetchone() == (1,)


def test_the_server_runs_as_it_would_in_earnest(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        settings = {
            name: connection.execute("SELECT current_setting(%s)", [name]).fetchone() for name in SETTINGS
        }
    assert settings == {name: (value,) for name, value in SETTINGS.items()}


SETTINGS = {"fsync": "on", "synchronous_commit": "on", "max_connections": "100", "TimeZone": "UTC"}
