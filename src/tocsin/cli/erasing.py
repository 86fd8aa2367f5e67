"""`tocsin erase`: words out of the record for good, on the server's machine."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from tocsin.app.clock import clock
from tocsin.cli.admin import person_called
from tocsin.cli.opening import open_store, settings_of
from tocsin.cli.result import Failure, Result
from tocsin.core.model import Actor, ActorKind, PersonId, Refused, SubjectId
from tocsin.core.words import Matches, holding
from tocsin.engine.erase import Erased, Erasure, erase
from tocsin.store import erasing
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction

T = TypeVar("T")

LEAST = 3
"""So many characters a phrase has at least: shorter ones stand everywhere."""


class _Undone(Exception):
    """Takes back what a job did, and carries what it found."""


def run(parsed: Namespace) -> Result:
    """Erase, or only look with --dry-run, or list earlier erasures."""
    with open_store(settings_of(parsed)) as store:
        if parsed.list:
            return _listed(store)
        return _erase(store, parsed)


def _listed(store: Store) -> Result:
    rows = store.read_now(erasing.noted)
    lines = [f"{one.at:%Y-%m-%d %H:%M} UTC  {one.made_by}: {one.what}, because {one.reason}" for one in rows]
    data = [
        {"at": one.at, "by": one.made_by, "what": one.what, "reason": one.reason, "texts": one.texts}
        for one in rows
    ]
    return Result(lines or ["Nothing was ever erased."], data)


def _erase(store: Store, parsed: Namespace) -> Result:
    if not parsed.by or not parsed.reason:
        raise Failure("Say who erases with --by, and why with --reason: that is recorded.", code=2)
    by = Actor(ActorKind.PERSON, person_called(store, parsed.by).id)
    now = clock()
    job = partial(_undone, once=parsed.dry_run)
    phrases = _phrases(store, parsed)
    if phrases and holding(phrases)(parsed.reason):
        raise Failure("The reason says what is to be erased, and it stays. Give another.", code=2)
    if parsed.incident:
        wanted = Erasure(by, parsed.reason, numbers=tuple(parsed.event))
        what = " and ".join(f"event {one}" for one in parsed.event)
        what = f"{what} of {parsed.incident}" if what else parsed.incident
        found, rows = list(_of_incident(store, SubjectId(parsed.incident), wanted, now, job)), 0
    else:
        matches = holding(phrases)
        person = PersonId(parsed.person) if parsed.person else None
        wanted = Erasure(by, parsed.reason, matches, person=person)
        what = f"what names {parsed.person}" if parsed.person else "words wherever they stand"
        found = list(_everywhere(store, wanted, now, job))
        rows = _beside(store, matches, job)
    return _told(store, found, rows, parsed, what, now)


def _phrases(store: Store, parsed: Namespace) -> tuple[str, ...]:
    """What is looked for everywhere; raises Failure when the command makes no sense."""
    if sum(map(bool, (parsed.incident, parsed.words, parsed.person))) != 1:
        raise Failure("Name one of these: an incident, --words, or --person.", code=2)
    if parsed.event and not parsed.incident:
        raise Failure("--event is of an incident: name that too.", code=2)
    phrases = list(parsed.words)
    if parsed.person:
        contact = person_called(store, parsed.person)
        phrases = [contact.name, contact.email, *(one.to for one in contact.channels.values())]
    phrases = [one.strip() for one in phrases if one.strip()]
    short = next((one for one in phrases if len(one) < LEAST), None)
    if short is not None and parsed.words:
        raise Failure(f"“{short}” stands everywhere: give at least {LEAST} characters.", code=2)
    return tuple(one for one in phrases if len(one) >= LEAST)


def _of_incident(
    store: Store, id: SubjectId, wanted: Erasure, now: datetime, job: Callable[..., Any]
) -> Iterator[Erased]:
    done = job(store, partial(erase, incident=id, wanted=wanted, now=now))
    if isinstance(done, Refused):
        raise Failure(done.reason)
    yield done
    for relative in done.merged_with:
        copies = Erasure(wanted.by, wanted.reason, done.copies)
        also = job(store, partial(erase, incident=relative, wanted=copies, now=now))
        if isinstance(also, Erased) and (also.events or also.rows):
            yield also


def _everywhere(store: Store, wanted: Erasure, now: datetime, job: Callable[..., Any]) -> Iterator[Erased]:
    for id in store.read_now(lambda tx: list(erasing.incidents_with(tx, wanted.matches))):
        done = job(store, partial(erase, incident=id, wanted=wanted, now=now))
        if isinstance(done, Erased):
            yield done


def _beside(store: Store, matches: Matches, job: Callable[..., Any]) -> int:
    """Alerts without an incident, messages, stand-ins: a slice of the rows at a time, so nobody waits."""
    found = 0
    for place in erasing.PLACES:
        last = store.read_now(partial(erasing.last_row, place=place))
        for first in range(0, last + 1, erasing.ROWS_AT_ONCE):
            found += job(store, partial(_slice, place=place, matches=matches, first=first))
    return found


def _slice(tx: Transaction, place: erasing.Place, matches: Matches, first: int) -> int:
    id = place.table.c.id
    return erasing.erase_in(tx, place, matches, id >= first, id < first + erasing.ROWS_AT_ONCE)


def _undone(store: Store, do: Callable[[Transaction], T], *, once: bool) -> T:
    """Do it; with `once`, take it back again and say only what it would have been."""
    if not once:
        return store.write_now(do)

    def take_back(tx: Transaction) -> None:
        raise _Undone(do(tx))

    try:
        store.write_now(take_back)
    except _Undone as found:
        result: T = found.args[0]
        return result
    raise AssertionError("it was not taken back")


def _told(
    store: Store, found: list[Erased], rows: int, parsed: Namespace, what: str, now: datetime
) -> Result:
    events, beside = sum(len(one.events) for one in found), rows + sum(one.rows for one in found)
    data = {
        "dry_run": parsed.dry_run,
        "incidents": [{"id": one.incident, "events": list(one.events)} for one in found if one.events],
        "events": events,
        "rows": beside,
        "kept": [{"id": one.incident, "events": list(one.kept)} for one in found if one.kept],
    }
    would = "would be erased" if parsed.dry_run else "are erased"
    event, row = "event" if events == 1 else "events", "row" if beside == 1 else "rows"
    lines = [f"The words of {events} {event} and {beside} other {row} {would}."]
    lines += [f"  {one.incident}: events {', '.join(map(str, one.events))}" for one in found if one.events]
    lines += [
        f"  {one.incident}: events {', '.join(map(str, one.kept))} stay until it is over: it goes by them."
        for one in found
        if one.kept
    ]
    if not events and not beside:
        return Result(["There are no such words."], data, code=1)
    if not parsed.dry_run:
        store.write_now(
            partial(
                erasing.note,
                now=now,
                made_by=parsed.by,
                reason=parsed.reason,
                what=what,
                count=events + beside,
            )
        )
        if not erasing.scrub(store.writing):
            lines.append("Somebody is reading: the journal holds them until the server empties it next.")
        lines.append("Backups made before hold them still, and so do messages sent and logs.")
    return Result(lines, data)
