"""Makes tocsin_guard importable from a checkout, and keeps Hypothesis short and repeatable."""

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from guard.tests import moto, swift
from tocsin_guard import CloudStore, s3

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


S3_SERVERS = ["swift", *(["moto"] if moto.python() else [])]


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    interpreter = moto.python()
    if interpreter is None:
        pytest.skip("moto is 80 MB and no dependency: name a Python that has it in GUARD_MOTO_PYTHON.")
    with moto.running(tmp_path_factory.mktemp("moto"), interpreter) as endpoint:
        yield endpoint


@pytest.fixture(params=S3_SERVERS)
def s3_bucket(request: pytest.FixtureRequest) -> "partial[CloudStore]":
    """A bucket of each S3 server that is here; called with an `endpoint` it is reached by that."""
    if request.param == "moto":
        place, key, secret = request.getfixturevalue("moto_server"), moto.KEY, moto.KEY
    else:
        place, key, secret = request.getfixturevalue("s3_server").endpoint, swift.ACCESS, swift.SECRET
    known = {"endpoint": place, "region": "us-east-1", "access_key_id": key, "secret_access_key": secret}
    return partial(s3, swift.BUCKET, timeout_seconds=10, **known)
