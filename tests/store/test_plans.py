"""Plan versions as the store keeps them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tocsin.store import plans
from tocsin.store.store import Store

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
FILES = {"plan.yaml": "plan: Harbour Lane"}


def test_a_version_comes_back_as_it_was_kept(store: Store) -> None:
    store.write_now(lambda tx: plans.keep(tx, "3f9a", FILES, NOW))
    assert store.read_now(lambda tx: plans.files(tx, "3f9a")) == FILES
    assert store.read_now(plans.current) == ("3f9a", FILES)


@pytest.mark.parametrize("version", ["", "3f9", "3f9a\0", "\0", "%"])
def test_what_names_no_version_finds_none(store: Store, version: str) -> None:
    store.write_now(lambda tx: plans.keep(tx, "3f9a", FILES, NOW))
    assert store.read_now(lambda tx: plans.files(tx, version)) is None
