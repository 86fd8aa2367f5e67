"""What tests of the command line start from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin.app.start import load_plan_and_people, open_store
from tocsin.settings import read_settings


@pytest.fixture
def data(tmp_path: Path) -> str:
    """The data directory of a demo that was started once, with the plan of the tests."""
    folder = tmp_path / "data"
    folder.mkdir()
    plan = Path(__file__).parents[1] / "support/harbour"
    settings = read_settings({"data": str(folder), "plan": str(plan)}, {}, demo=True)
    store = open_store(settings)
    load_plan_and_people(store, settings)
    store.close()
    return str(folder)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """`serve` sends the logs of its process to an output that ends with the test; others run in it later."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    handlers, level, disabled = list(root.handlers), root.level, access.disabled
    yield
    root.handlers[:], access.disabled = handlers, disabled
    root.setLevel(level)
