"""Sites for the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.support.scenes import MORE_SERVICES
from tests.web.support.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The demo, with nothing happening yet."""
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture
def large_site(tmp_path: Path) -> Iterator[Site]:
    """The demo with more services, so that several incidents can be open at once."""
    site = Site(tmp_path, plan=MORE_SERVICES)
    yield site
    site.close()
