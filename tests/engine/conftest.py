"""Worlds for the engine's tests, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.store.conftest import migrated_file, new_database, one_postgres, url
from tests.support.world import World

__all__ = ["migrated_file", "new_database", "one_postgres", "url", "world"]


@pytest.fixture
def world(url: str) -> Iterator[World]:
    """A fresh server on an empty database. What it sent is the stories' business."""
    world = World(url)
    yield world
    world.expected = len(world.sent)
    world.close()
