"""How one dependency is treated: what counts as its trouble, and how long and often it is tried."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tocsin_guard import breaker as b
from tocsin_guard import degraded as d
from tocsin_guard import limits
from tocsin_guard.errors import Unavailable

Check = Callable[[], Awaitable[object]]

# Raised by a call: the dependency is in trouble. Everything else that it raises is its answer.
TROUBLE = (Unavailable, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Settings:
    """How one dependency is treated. `check` costs little and fails when the dependency does not work."""

    breaker: b.Policy = field(default_factory=b.Policy)
    degraded: d.Rule = field(default_factory=d.Rule)
    trouble: tuple[type[Exception], ...] = ()  # raised by its client when it does not work
    timeout_seconds: float = limits.CALL_TIMEOUT_SECONDS
    attempts_max: int = limits.CALL_ATTEMPTS_MAX
    retry_seconds: float = limits.CALL_RETRY_SECONDS
    check: Check | None = None
    check_every_seconds: float = 30.0
