"""From the journal back to everything that lives, and from everything that lives to records for a new
journal.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from tocsin_guard import disk
from tocsin_guard.errors import GuardError, Refused
from tocsin_guard.estate import Estate
from tocsin_guard.events import Level
from tocsin_guard.lines import Record, keep_aside
from tocsin_guard.lines import recover as read_journal
from tocsin_guard.operations import State


async def recover(guard: Estate, known: bool = False) -> None:
    """Read the journal into everything, put the folder in order, open the journal for writing. What is
    `known` from before a stop in this process is not read again.
    """
    incoming = guard.folder / "incoming"
    disk.make_folder(incoming)
    for path in incoming.iterdir():
        path.unlink()  # uploads that were never acknowledged
    if known:
        guard.journal.start()
        guard.events.add(Level.INFO, "started", f"guard of {guard.name} started again.")
        return
    found = await asyncio.to_thread(read_journal, guard.journal.path)
    strangers: set[str] = set()
    unread = 0
    for record in found.records:
        try:
            strangers.add(_replay(guard, record))
        except (KeyError, TypeError, ValueError, Refused):
            unread += 1
    if unread:
        keep_aside(guard.journal.path)
    problems = guard.queue.clean(doubtful=bool(found.damaged_lines or unread or not found.records))
    guard.journal.start()
    guard.troubled = {o.service for o in guard.queue.book.operations(State.FAILED)} & guard.services
    for guarded in guard.stores.values():
        guarded.cache.start()
    guard.events.add(Level.INFO, "started", f"guard of {guard.name} started.")
    for backups in guard.backups.values():
        backups.restores.recall()
    if found.damaged_lines:
        problems.append(
            f"{found.damaged_lines} lines of the journal were damaged and skipped; a copy is kept beside it."
        )
    if unread:
        problems.append(
            f"{unread} records of the journal were not understood and skipped, as those of another version "
            "of guard are; a copy is kept beside it."
        )
    for problem in problems:
        guard.events.add(Level.ERROR, "journal_damaged", problem)
    if found.damaged_lines or unread:
        with suppress(GuardError):  # no room for a new one: the old one is used on, and tells the same again
            await guard.journal.compact()
    for service in sorted(strangers - {""}):
        text = f"The journal has records of {service}, which this service no longer has."
        guard.events.add(Level.WARNING, "unknown_service", text)


def _replay(guard: Estate, record: Record) -> str:
    """Hand a record to its owner; gives the service if nobody owns it."""
    kind, service = record["kind"], str(record.get("service", ""))
    if kind in ("taken", "begun", "moved"):
        guard.queue.restore(record)
    elif kind == "event":
        guard.events.restore(record)
    elif kind == "minute":
        guard.metrics.restore(record)
    elif kind == "broadcast":
        guard.broadcasts.restore(record)
    elif service not in guard.dependencies:
        return service or kind
    elif kind in ("breaker", "mode"):
        guard.dependencies[service].restore_record(record)
    else:
        for guarded in guard.stores.values():
            if guarded.name == service:
                guarded.catalogue.restore(record)
    return ""


def snapshot(guard: Estate) -> Iterator[Record]:
    """Records that stand for everything live."""
    yield from guard.queue.snapshot()
    yield from guard.events.snapshot()
    yield from guard.metrics.snapshot()
    yield from guard.broadcasts.snapshot()
    for dependency in guard.dependencies.values():
        yield from dependency.snapshot()
    for guarded in guard.stores.values():
        yield from guarded.catalogue.snapshot()
