"""Two standard ways to be asked: Prometheus text, and application/health+json."""

from collections.abc import Iterator
from typing import Any

from tocsin_guard import api
from tocsin_guard.breaker import Position
from tocsin_guard.clock import iso
from tocsin_guard.estate import Estate
from tocsin_guard.metrics import QUANTILES
from tocsin_guard.operations import State

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
HEALTH = "application/health+json"
STATUS = {"HEALTHY": "pass", "DEGRADED": "warn", "UNHEALTHY": "fail"}


def prometheus(guard: Estate) -> str:
    """Counters since the process began, gauges of now."""
    return "\n".join(_lines(guard)) + "\n"


def _lines(guard: Estate) -> Iterator[str]:
    yield "# HELP tocsin_guard_calls_total Calls to a dependency."
    yield "# TYPE tocsin_guard_calls_total counter"
    totals = sorted(guard.metrics.totals().items())
    for (service, operation), sample in totals:
        labels = _labels(service=service, operation=operation)
        yield f"tocsin_guard_calls_total{labels} {sample.count}"
    yield "# HELP tocsin_guard_errors_total Calls that failed."
    yield "# TYPE tocsin_guard_errors_total counter"
    for (service, operation), sample in totals:
        yield f"tocsin_guard_errors_total{_labels(service=service, operation=operation)} {sample.errors}"
    yield "# HELP tocsin_guard_call_seconds Time of calls."
    yield "# TYPE tocsin_guard_call_seconds summary"
    for (service, operation), sample in totals:
        for quantile in QUANTILES.values():
            labels = _labels(service=service, operation=operation, quantile=str(quantile))
            yield f"tocsin_guard_call_seconds{labels} {sample.quantile(quantile):.9g}"
        labels = _labels(service=service, operation=operation)
        yield f"tocsin_guard_call_seconds_sum{labels} {sample.seconds:.9g}"
        yield f"tocsin_guard_call_seconds_count{labels} {sample.count}"
    yield "# HELP tocsin_guard_breaker_state 0 closed, 1 half-open, 2 open, 3 permanently open."
    yield "# TYPE tocsin_guard_breaker_state gauge"
    numbers = {Position.CLOSED: 0, Position.HALF_OPEN: 1, Position.OPEN: 2}
    for name, d in sorted(guard.dependencies.items()):
        value = 3 if d.breaker.permanent else numbers[d.breaker.position]
        yield f"tocsin_guard_breaker_state{_labels(service=name)} {value}"
    yield "# HELP tocsin_guard_degraded Whether a service is in degraded mode."
    yield "# TYPE tocsin_guard_degraded gauge"
    for name, d in sorted(guard.dependencies.items()):
        yield f"tocsin_guard_degraded{_labels(service=name)} {int(d.mode is not None)}"
    yield "# HELP tocsin_guard_operations Operations in the queue, by state."
    yield "# TYPE tocsin_guard_operations gauge"
    for name in sorted(guard.services):
        for state in (State.QUEUED, State.PROCESSING, State.FAILED):
            count = guard.queue.book.total(state, frozenset({name}))
            yield f"tocsin_guard_operations{_labels(service=name, state=state.value)} {count}"
    yield "# HELP tocsin_guard_disk_full Whether new work is refused for lack of room."
    yield "# TYPE tocsin_guard_disk_full gauge"
    yield f"tocsin_guard_disk_full {int(guard.disk_full)}"


def _labels(**labels: str) -> str:
    escaped = (
        (name, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))
        for name, value in labels.items()
    )
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped) + "}"


def health(guard: Estate) -> tuple[int, dict[str, Any]]:
    """Status code and body after draft-inadarei-api-health-check-06: only `fail` is an error code."""
    now = iso(guard.clock.now())
    checks: dict[str, list[dict[str, Any]]] = {}
    for name, d in guard.dependencies.items():
        recent = guard.metrics.summed(300, name)
        checks[f"{name}:responseTime"] = [
            {
                "componentType": "datastore"
                if any(g.name == name for g in guard.stores.values())
                else "component",
                "observedValue": round(recent.quantile(0.95) * 1000, 3),
                "observedUnit": "ms",
                "status": STATUS[d.status],
                "time": now,
            }
        ]
    queued = guard.queue.book.total(State.QUEUED, guard.services)
    checks["queue:operations"] = [
        {"componentType": "system", "observedValue": queued, "observedUnit": "operations",
         "status": "fail" if guard.disk_full else "pass", "time": now}
    ]  # fmt: skip
    status = STATUS[api.overall(guard)]
    body = {"status": status, "serviceId": guard.name, "checks": checks, "notes": api.warnings(guard)}
    return (503 if status == "fail" else 200), body
