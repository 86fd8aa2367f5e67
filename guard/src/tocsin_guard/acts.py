"""What the addresses that do work answer: queue, backups, integrity check, test operations, notifications."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from tocsin_guard import limits
from tocsin_guard.api import Answer, queued, tested
from tocsin_guard.backups import Backups
from tocsin_guard.clock import iso
from tocsin_guard.errors import Malformed, Unknown
from tocsin_guard.estate import Estate
from tocsin_guard.manifests import PRIORITIES, TYPES
from tocsin_guard.notify import EVERYONE, SEVERITIES
from tocsin_guard.objects.port import KEY_BYTES_MAX
from tocsin_guard.operations import Operation, State
from tocsin_guard.requests import Request

# Queue


async def queue_status(guard: Estate, request: Request) -> Answer:
    """How many operations wait, by state and service, which services are held, age of the oldest."""
    book, of = guard.queue.book, guard.services
    oldest = book.oldest(of)
    counts = {state.value: book.total(state, of) for state in State}
    pushes = frozenset(o.service for o in book.waiting.values()) - of
    return {
        "total_queued": queued(guard),
        "total_failed": counts["FAILED"],
        "by_status": counts,
        "by_service": {name: queued(guard, frozenset({name})) for name in sorted(of)},
        "held": sorted(name for name, d in guard.dependencies.items() if not d.may_drain),
        "oldest_queued_at": oldest and iso(oldest.queued_at),
        "oldest_age_seconds": oldest and max(0.0, round(guard.clock.now() - oldest.queued_at, 3)),
        "notifications_queued": queued(guard, pushes),
        "accepts_new": not guard.disk_full,
    }


def shown(operation: Operation) -> dict[str, Any]:
    return {
        "id": operation.id,
        "service": operation.service,
        "action": operation.action,
        "key": operation.key,
        "status": operation.state.value,
        "attempts": operation.attempts,
        "error": operation.error,
        "size": operation.size,
        "sha256": operation.sha256,
        "idempotency_key": operation.idempotency_key,
        "queued_at": iso(operation.queued_at),
        "changed_at": iso(operation.changed_at),
    }


async def queue_operations(guard: Estate, request: Request) -> Answer:
    """Operations, newest first, all or those of one status."""
    state = request.choice("status", list(State))
    limit = request.whole("limit", 100, 1, limits.EVENTS_PAGE_MAX)
    found: list[dict[str, Any]] = []
    total = 0
    for operation in guard.queue.book.operations(State(state) if state else None):
        if operation.service in guard.services:
            total += 1
            if len(found) < limit:
                found.append(shown(operation))
    return {"operations": found, "count": len(found), "total": total}


async def queue_process(guard: Estate, request: Request) -> Answer:
    """Try all queued work now; services that are held back are named."""
    held = {n: d for n, d in guard.dependencies.items() if not d.may_drain}
    before = queued(guard)
    for name in guard.services - held.keys():
        guard.queue.wake(name)
    task = guard.keep(guard.queue.drain())
    await asyncio.wait([task], timeout=request.wait_seconds())
    remaining = queued(guard)
    await guard.events.act(
        "queue_processed",
        f"The queue was processed: {before} before, {remaining} after.",
        by=request.by,
        reason=request.reason(),
    )
    why = [f"{n} is held back: {d.mode.reason if d.mode else d.why_refused()}" for n, d in held.items()]
    return {
        "total_queued": remaining,
        "processed": max(0, before - remaining),
        "finished": task.done(),
        "held": why,
    }


async def queue_retry(guard: Estate, request: Request) -> Answer:
    """Put a FAILED operation back to its place."""
    operation = await guard.queue.retry(_of_user(guard, request.path[0]))
    await _queue_act(guard, request, "operation_retried", operation, "is tried again")
    guard.wake()
    return shown(operation)


async def queue_discard(guard: Estate, request: Request) -> Answer:
    """Give a FAILED operation up; those behind it go on. A reason is wanted."""
    reason = request.reason(required=True)
    operation = await guard.queue.discard(_of_user(guard, request.path[0]), reason)
    await _queue_act(guard, request, "operation_discarded", operation, "was discarded")
    guard.wake()
    return shown(operation)


def _of_user(guard: Estate, text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise Unknown(f"There is no operation {text!r}.")
    if guard.queue.book.get(int(text)).service not in guard.services:
        raise Unknown(f"There is no operation {text!r}.")
    return int(text)


async def _queue_act(guard: Estate, request: Request, type: str, operation: Operation, what: str) -> None:
    text = f"Operation {operation.id} ({operation.action} of {operation.key}) {what}."
    await guard.events.act(type, text, by=request.by, reason=request.reason(), service=operation.service)


# Backups


def _backups(guard: Estate, request: Request) -> "Backups":
    guarded = guard.store(request.text("service"))
    if guarded.name not in guard.backups:
        raise Unknown(f"{guarded.name} has no backup store; give one by guard.objects(..., backup=...).")
    return guard.backups[guarded.name]


async def backup_stats(guard: Estate, request: Request) -> Answer:
    """Counts, last backup and its age, last failure, what runs and waits, the schedule."""
    name = request.text("service")
    if not guard.backups and not name:
        return {"configured": False, "healthy": False, "total_backups": 0}
    return _backups(guard, request).stats()


async def backup_create(guard: Estate, request: Request) -> Answer:
    """Make a backup: full, incremental (default) or emergency; priority high, normal or low."""
    backups = _backups(guard, request)
    type = request.choice("type", TYPES, "incremental")
    backup = backups.ask(type, request.choice("priority", PRIORITIES, "normal"), request.by)
    text = f"A backup of {backups.guarded.name} was asked for ({type})."
    await guard.events.act(
        "backup_asked", text, by=request.by, reason=request.reason(), service=backups.guarded.name
    )
    guard.wake()
    await _within(request, backups.ended(backup))
    return backup.shown()


async def backup_list(guard: Estate, request: Request) -> Answer:
    """Backups, newest first."""
    return {"backups": [b.shown() for b in reversed(_backups(guard, request).done)][:100]}


async def backup_verify(guard: Estate, request: Request) -> Answer:
    """Read every blob of a backup and compare checksums."""
    backups = _backups(guard, request)
    found = await backups.verify(request.text("id"))
    text = f"Backup {found['id']} was verified: {'whole' if found['ok'] else 'damaged'}."
    await guard.events.act(
        "backup_verified", text, by=request.by, reason=request.reason(), service=backups.guarded.name
    )
    return found


async def backup_restore(guard: Estate, request: Request) -> Answer:
    """Put one object (key) or all back from a backup. A reason is wanted."""
    backups, id, key = (
        _backups(guard, request),
        request.text("id"),
        request.text("key", characters_max=KEY_BYTES_MAX),
    )
    return await backups.restore(id, key, by=request.by, reason=request.reason(required=True))


# Files


async def integrity_begin(guard: Estate, request: Request) -> Answer:
    """Compare every object (or a sample of so many) with its recorded checksum."""
    guarded = guard.store(request.text("service"))
    integrity = guard.integrity[guarded.name]
    checking = integrity.begin(request.whole("sample", 0, 0, 10_000_000))
    text = f"Integrity check {checking.id} of {guarded.name} was begun."
    await guard.events.act(
        "integrity_asked", text, by=request.by, reason=request.reason(), service=guarded.name
    )
    await _within(request, integrity.ended())
    return checking.shown()


async def integrity_last(guard: Estate, request: Request) -> Answer:
    """Progress or result of the last integrity check."""
    last = guard.integrity[guard.store(request.text("service")).name].last
    if last is None:
        raise Unknown("No integrity check has been made since the start.")
    return last.shown()


async def test_operations(guard: Estate, request: Request) -> Answer:
    """Write, read, list and delete a test object through guard, as users do."""
    return await tested(guard, request, guard.store(request.text("service")), direct=False)


# Notifications


async def broadcast(guard: Estate, request: Request) -> Answer:
    """Tell an audience: type, message, severity (INFO to CRITICAL), target (default all)."""
    if "type" not in request.body or "message" not in request.body:
        raise Malformed('A broadcast needs "type" and "message".')
    sent = await guard.broadcasts.send(
        request.text("type"),
        request.text("message", characters_max=limits.MESSAGE_CHARACTERS_MAX),
        request.choice("severity", SEVERITIES, "INFO"),
        request.text("target", EVERYONE),
        request.by,
    )
    await guard.pushes.settled()
    text = f"Broadcast {sent.id} to {sent.target}: {sent.type}: {sent.message}"
    await guard.events.act("broadcast", text, by=request.by, reason=request.reason())
    return sent.shown()


async def broadcasts(guard: Estate, request: Request) -> Answer:
    """Broadcasts, newest first, or only those still shown."""
    active = request.choice("active", ("true", "false"), "false") == "true"
    found = guard.broadcasts.active() if active else guard.broadcasts.recent()
    return {"notifications": [b.shown() for b in found], "active": len(guard.broadcasts.active())}


async def broadcast_clear(guard: Estate, request: Request) -> Answer:
    """Take a broadcast off the screens."""
    text = request.path[0]
    cleared = guard.broadcasts.clear(int(text) if text.isdecimal() and len(text) < 18 else 0)
    await guard.events.act(
        "broadcast_cleared", f"Broadcast {cleared.id} was cleared.", by=request.by, reason=request.reason()
    )
    return cleared.shown()


async def _within(request: Request, work: Awaitable[None]) -> None:
    """Wait for work that goes on by itself, for as long as the request lets us."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=request.wait_seconds())
    finally:
        task.cancel()
