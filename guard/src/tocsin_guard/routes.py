"""The operations addresses, in one table: method, address, who may, and which names query and body may
have.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tocsin_guard import acts, api
from tocsin_guard.api import Answer
from tocsin_guard.estate import Estate
from tocsin_guard.requests import Request
from tocsin_guard.tokens import CONTROL, READ

Handler = Callable[[Estate, Request], Awaitable[Answer]]
NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Route:
    """`{}` in the address takes one part. `summary`: answered in short without a token, if that is switched
    on.
    """

    method: str
    address: str
    handler: Handler
    scope: str
    query: frozenset[str] = NONE
    body: frozenset[str] = NONE
    summary: str = ""


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ROUTES = (
    Route("GET", "/health/status", api.status, READ, summary="overall_status"),
    Route("GET", "/health/services", api.services, READ),
    Route("GET", "/health/events", api.events, READ, words("limit level since type")),
    Route("GET", "/health/metrics", api.metrics, READ, words("hours metric service")),
    Route("POST", "/health/check", api.check, CONTROL, NONE, words("reason")),
    Route("GET", "/health/circuit-breaker/history", api.breaker_history, READ, words("service")),
    Route(
        "POST",
        "/health/circuit-breaker/reset",
        api.breaker_reset,
        CONTROL,
        words("service"),
        words("service reason"),
    ),
    Route("POST", "/health/services/{}/degrade", api.degrade, CONTROL, NONE, words("reason")),
    Route("POST", "/health/services/{}/restore", api.restore, CONTROL, NONE, words("reason")),
    Route("POST", "/health/services/{}/force-recovery", api.force_recovery, CONTROL, NONE, words("reason")),
    Route("GET", "/health/queue/status", acts.queue_status, READ, summary="total_queued"),
    Route("GET", "/health/queue/operations", acts.queue_operations, READ, words("status limit")),
    Route("POST", "/health/queue/process", acts.queue_process, CONTROL, words("wait"), words("reason wait")),
    Route("POST", "/health/queue/operations/{}/retry", acts.queue_retry, CONTROL, NONE, words("reason")),
    Route("POST", "/health/queue/operations/{}/discard", acts.queue_discard, CONTROL, NONE, words("reason")),
    Route("GET", "/api/backup/stats", acts.backup_stats, READ, words("service")),
    Route("GET", "/api/backup/list", acts.backup_list, READ, words("service")),
    Route(
        "POST",
        "/api/backup/create",
        acts.backup_create,
        CONTROL,
        words("wait"),
        words("type priority service reason wait"),
    ),
    Route("POST", "/api/backup/verify", acts.backup_verify, CONTROL, NONE, words("id service reason")),
    Route("POST", "/api/backup/restore", acts.backup_restore, CONTROL, NONE, words("id key service reason")),
    Route(
        "POST",
        "/api/files/integrity-check",
        acts.integrity_begin,
        CONTROL,
        words("wait"),
        words("sample service reason wait"),
    ),
    Route("GET", "/api/files/integrity-check", acts.integrity_last, READ, words("service")),
    Route("POST", "/api/files/test-operations", acts.test_operations, CONTROL, NONE, words("service reason")),
    Route(
        "POST",
        "/health/notifications/broadcast",
        acts.broadcast,
        CONTROL,
        frozenset(),
        words("type message severity target reason"),
    ),
    Route("GET", "/health/notifications", acts.broadcasts, READ, words("active")),
    Route("POST", "/health/notifications/{}/clear", acts.broadcast_clear, CONTROL, NONE, words("reason")),
    # Last, because they take any word where the others have a name.
    Route("GET", "/health/{}/status", api.store_status, READ),
    Route("POST", "/health/{}/test", api.store_test, CONTROL, NONE, words("reason")),
)
