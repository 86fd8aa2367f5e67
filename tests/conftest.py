"""Fixtures for every test; what they are made of lives in tests/support."""

import os
from collections.abc import Iterator

import pytest

from tests.support.postgres import Cluster, PostgresMissing


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server of this test run (one per xdist worker); `.url` is its maintenance database."""
    try:
        cluster = Cluster()
    except PostgresMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """A fresh, empty database for one test."""
    with postgres.database() as url:
        yield url
