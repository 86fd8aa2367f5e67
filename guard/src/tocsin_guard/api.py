"""What the addresses about state answer: status, services, events, metrics, breakers, degraded mode.

Plain functions of guard and a request; `app` does the HTTP around them, `routes` says which address is which.
"""

import asyncio
from typing import Any

from tocsin_guard import canary, limits
from tocsin_guard.clock import iso
from tocsin_guard.errors import Unknown
from tocsin_guard.estate import Estate
from tocsin_guard.events import Level
from tocsin_guard.metrics import report
from tocsin_guard.objects.guarded import GuardedStore
from tocsin_guard.operations import State
from tocsin_guard.requests import Request

Answer = dict[str, Any]  # what stands under "data"


# Status


def overall(guard: Estate) -> str:
    states = {d.status for d in guard.dependencies.values()}
    if "UNHEALTHY" in states or guard.disk_full:
        return "UNHEALTHY"
    failed = guard.queue.book.total(State.FAILED, guard.services)
    return "DEGRADED" if "DEGRADED" in states or failed else "HEALTHY"


def warnings(guard: Estate) -> list[str]:
    """One sentence for each thing that a responder should know."""
    found = []
    for d in guard.dependencies.values():
        if d.breaker.permanent:
            found.append(f"The circuit breaker of {d.name} is permanently open.")
        elif not d.closed:
            found.append(f"The circuit breaker of {d.name} is {d.breaker.position}.")
        if d.mode is not None:
            found.append(f"{d.name} is in degraded mode since {iso(d.mode.since)}: {d.mode.reason}")
    if guard.disk_full:
        found.append(f"The local disk of {guard.folder} is full: new work is refused.")
    if failed := guard.queue.book.total(State.FAILED, guard.services):
        found.append(f"{failed} queued operations failed and need a decision.")
    found += [
        f"Backups of {name} need attention." for name, b in guard.backups.items() if not b.stats()["healthy"]
    ]
    found += [
        f"{b.restores.broken_off} was not restored to the end; restore it again."
        for b in guard.backups.values()
        if b.restores.broken_off
    ]
    for name, integrity in guard.integrity.items():
        if integrity.last and integrity.last.state == "COMPLETED" and not integrity.last.ok:
            found.append(f"The last integrity check of {name} found damage.")
    return found


async def status(guard: Estate, request: Request) -> Answer:
    """Overall status (HEALTHY, DEGRADED, UNHEALTHY), each service, queue total, figures of 5
    minutes, warnings.
    """
    recent = guard.metrics.summed(300)
    return {
        "overall_status": overall(guard),
        "service": guard.name,
        "services": {name: d.status for name, d in guard.dependencies.items()},
        "degraded": sorted(n for n, d in guard.dependencies.items() if d.mode is not None),
        "circuit_breakers": {n: d.breaker.position.value for n, d in guard.dependencies.items()},
        "permanently_open": sorted(n for n, d in guard.dependencies.items() if d.breaker.permanent),
        "total_queued": queued(guard),
        "error_rate_last_5_minutes": round(recent.errors / recent.count, 6) if recent.count else 0.0,
        "p95_ms_last_5_minutes": round(recent.quantile(0.95) * 1000, 3),
        "calls_last_5_minutes": recent.count,
        "warnings": warnings(guard),
    }


async def services(guard: Estate, request: Request) -> Answer:
    """Every dependency: breaker, degraded mode, figures of 5 minutes, last check, alias of a store."""
    aliases = {guarded.name: alias for alias, guarded in guard.stores.items()}
    found = [{**d.shown(), "object_store": aliases.get(d.name)} for d in guard.dependencies.values()]
    return {"overall_status": overall(guard), "services": found}


async def store_status(guard: Estate, request: Request) -> Answer:
    """One object store: as under services, and objects, bytes, queued, last integrity check."""
    guarded = by_alias(guard, request.path[0])
    entries = guarded.catalogue.entries.values()
    integrity = guard.integrity[guarded.name].last
    return {
        **guarded.dependency.shown(),
        "objects": len(guarded.catalogue.entries),
        "bytes": sum(entry.size for entry in entries),
        "queued": queued(guard, frozenset({guarded.name})),
        "replica": guarded.replica is not None,
        "backup": guarded.name in guard.backups,
        "last_integrity_check": integrity and integrity.shown(),
    }


async def store_test(guard: Estate, request: Request) -> Answer:
    """Write, read, list and delete a test object in the store itself, past breaker and queue."""
    return await tested(guard, request, by_alias(guard, request.path[0]), direct=True)


async def tested(guard: Estate, request: Request, guarded: GuardedStore, *, direct: bool) -> Answer:
    """Try all steps, and record who wanted it and how it went."""
    result = await canary.run(guarded, guard.clock, direct=direct)
    end = "passed" if result["passed"] else "failed"
    text = f"Test operations on {guarded.name} ({result['path']}) {end}."
    await guard.events.act("store_tested", text, by=request.by, reason=request.reason(), service=guarded.name)
    return result


async def check(guard: Estate, request: Request) -> Answer:
    """Check every dependency now. While a breaker is open this is its probe, if one is due."""
    results = await asyncio.gather(*(d.check() for d in guard.dependencies.values()))
    guard.wake()
    passed = all(r["ok"] for r in results)
    text = f"Every service was checked: {'all work' if passed else 'not all work'}."
    await guard.events.act("checked", text, by=request.by, reason=request.reason())
    return {
        "overall_status": overall(guard),
        "passed": passed,
        "checks": results,
        "warnings": warnings(guard),
    }


async def events(guard: Estate, request: Request) -> Answer:
    """What happened, newest first."""
    limit = request.whole("limit", 50, 1, limits.EVENTS_PAGE_MAX)
    level = request.choice("level", list(Level))
    found = guard.events.select(
        limit,
        level=Level(level) if level else None,
        since=request.moment("since"),
        type=request.text("type"),
    )
    shown = [event.shown() for event in found]
    return {"events": shown, "count": len(shown)}


async def metrics(guard: Estate, request: Request) -> Answer:
    """Calls by the minute and by operation: count, error rate, response time as percentiles."""
    hours = request.number("hours", 1, 1 / 60, limits.METRIC_HOURS_MAX)
    metric = request.choice("metric", ("response_time", "error_rate"))
    service = request.text("service")
    return report(guard.metrics, hours, metric, guard.find(service).name if service else "")


# Breaker and degraded mode


async def breaker_history(guard: Estate, request: Request) -> Answer:
    """Every change of every breaker, newest first, and how each stands."""
    chosen = [guard.find(name)] if (name := request.text("service")) else list(guard.dependencies.values())
    changes = [
        {**{k: v for k, v in record.items() if k != "kind"}, "at": iso(record["at"])}
        for d in chosen
        for record in d.history
    ]
    changes.sort(key=lambda change: change["at"], reverse=True)
    breakers = [{"service": d.name, **d.shown()["circuit_breaker"]} for d in chosen]
    return {"circuit_breakers": breakers, "history": changes, "count": len(changes)}


async def breaker_reset(guard: Estate, request: Request) -> Answer:
    """Close the breakers (or that of one service) and forget their windows."""
    chosen = [guard.find(name)] if (name := request.text("service")) else list(guard.dependencies.values())
    changed = [d.name for d in chosen if await d.reset(request.by, request.reason())]
    return {"changed": bool(changed), "reset": changed, "services": {d.name: d.status for d in chosen}}


async def degrade(guard: Estate, request: Request) -> Answer:
    """Enter degraded mode: uploads queue untried, downloads stay. A reason is wanted."""
    dependency = guard.find(request.path[0])
    changed = await dependency.degrade(request.reason(required=True), request.by)
    return {"changed": changed, **dependency.shown()}


async def restore(guard: Estate, request: Request) -> Answer:
    """Leave degraded mode. Refused (409) while the breaker is not closed."""
    dependency = guard.find(request.path[0])
    changed = await dependency.restore(request.by, request.reason())
    return {"changed": changed, **dependency.shown()}


async def force_recovery(guard: Estate, request: Request) -> Answer:
    """Close the breaker and leave degraded mode, whatever was found before."""
    dependency = guard.find(request.path[0])
    changed = await dependency.force_recovery(request.by, request.reason())
    return {"changed": changed, **dependency.shown()}


def queued(guard: Estate, services: frozenset[str] | None = None) -> int:
    book, of = guard.queue.book, guard.services if services is None else services
    return book.total(State.QUEUED, of) + book.total(State.PROCESSING, of)


def by_alias(guard: Estate, alias: str) -> GuardedStore:
    if alias not in guard.stores:
        raise Unknown(
            f"There is no object store {alias!r}; known: {', '.join(sorted(guard.stores)) or 'none'}."
        )
    return guard.stores[alias]
