"""The simulator's PostgreSQL keeps its files in memory: thousands of commits, and none waits for a disk."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.sim.databases import fast_cluster
from tests.support.postgres import Cluster, PostgresMissing


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One server for the simulator's tests of this process."""
    try:
        cluster = fast_cluster()
    except PostgresMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with cluster:
        yield cluster
