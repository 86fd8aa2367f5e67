"""Makes tocsin_guard importable from a checkout, and keeps Hypothesis short and repeatable."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from guard.tests import swift

settings.register_profile(
    "guard", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.register_profile(
    "guard-long", parent=settings.get_profile("guard"), max_examples=2000, stateful_step_count=100
)
settings.load_profile(os.environ.get("GUARD_HYPOTHESIS", "guard"))


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[swift.Swift]:
    interpreter = swift.python()
    if interpreter is None:
        reason = "OpenStack Swift is missing: pip install swift, or name its Python in GUARD_SWIFT_PYTHON."
        if os.environ.get("GUARD_REQUIRE_S3"):
            pytest.fail(reason)
        pytest.skip(reason)
    with swift.running(tmp_path_factory.mktemp("swift"), interpreter) as server:
        server.make_bucket(swift.BUCKET)
        yield server
