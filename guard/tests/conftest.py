"""Makes tocsin_guard importable from a checkout, and keeps Hypothesis short and repeatable."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

settings.register_profile(
    "guard", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.register_profile(
    "guard-long", parent=settings.get_profile("guard"), max_examples=2000, stateful_step_count=100
)
settings.load_profile(os.environ.get("GUARD_HYPOTHESIS", "guard"))
