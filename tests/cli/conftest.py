"""What tests of the command line start from."""

from __future__ import annotations

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
