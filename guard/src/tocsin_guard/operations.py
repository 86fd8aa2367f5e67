"""Queued operations as plain data, and the one place that knows their order and transitions. No I/O, no
clock.

Order: operations on the same service and key are applied in the order in which they were taken. A FAILED one
blocks those behind it until somebody retries or discards it, because skipping it would reorder the key.
"""

import hashlib
import json
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tocsin_guard import limits
from tocsin_guard.errors import Refused, Unknown

Digest = tuple[int, str]  # size and SHA-256


class State(StrEnum):
    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    FAILED = "FAILED"
    COMPLETED = "COMPLETED"
    DISCARDED = "DISCARDED"


WAITING = frozenset({State.QUEUED, State.PROCESSING, State.FAILED})
GOING = frozenset({State.QUEUED, State.PROCESSING})

# state -> states that may follow
TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.PROCESSING}),
    State.PROCESSING: frozenset({State.COMPLETED, State.QUEUED, State.FAILED}),
    State.FAILED: frozenset({State.QUEUED, State.DISCARDED}),
    State.COMPLETED: frozenset(),
    State.DISCARDED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One piece of work for one dependency."""

    id: int
    service: str
    action: str
    key: str
    idempotency_key: str
    payload: Mapping[str, Any]
    size: int  # bytes of the body
    sha256: str
    spooled: bool  # the body lies in the spool folder, not in the journal
    queued_at: float
    state: State = State.QUEUED
    attempts: int = 0
    strikes: int = 0  # failed attempts while the service was otherwise well
    error: str = ""
    changed_at: float = 0.0
    inline: bytes = field(default=b"", repr=False)


Lane = tuple[str, str]  # service and key: what keeps its order


@dataclass
class Book:
    """All operations: waiting ones by lane, finished ones for a while."""

    finished_kept: int = limits.QUEUE_FINISHED_KEPT
    waiting: dict[int, Operation] = field(default_factory=dict)
    finished: "OrderedDict[int, Operation]" = field(default_factory=OrderedDict)
    lanes: dict[Lane, deque[int]] = field(default_factory=dict)
    # By service, the keys whose first operation is QUEUED.
    ready: "dict[str, OrderedDict[str, None]]" = field(default_factory=dict)
    by_idempotency: dict[tuple[str, str], int] = field(default_factory=dict)
    counts: dict[tuple[str, State], int] = field(default_factory=dict)
    inline_bytes: int = 0  # of bodies held in memory
    next_id: int = 1

    def get(self, id: int) -> Operation:
        found = self.waiting.get(id) or self.finished.get(id)
        if found is None:
            raise Unknown(f"There is no operation {id}; finished ones are remembered for a while only.")
        return found

    def repeat_of(self, service: str, idempotency_key: str) -> Operation | None:
        """The operation that already stands for this idempotency key."""
        id = self.by_idempotency.get((service, idempotency_key))
        return None if id is None else self.get(id)

    def newest(self, service: str, key: str) -> Operation | None:
        """The last waiting operation on a key: what a reader should see."""
        lane = self.lanes.get((service, key))
        return self.waiting[lane[-1]] if lane else None

    def add(self, operation: Operation) -> None:
        """Take an operation in as it is (also at recovery)."""
        self.next_id = max(self.next_id, operation.id + 1)
        self.by_idempotency[operation.service, operation.idempotency_key] = operation.id
        self._count(operation, +1)
        if operation.state not in WAITING:
            self._finish(operation)
            return
        lane = (operation.service, operation.key)
        self.waiting[operation.id] = operation
        self.inline_bytes += len(operation.inline)
        self.lanes.setdefault(lane, deque()).append(operation.id)
        self._mark(lane)

    def move(self, id: int, to: State, now: float, **changes: Any) -> Operation:
        """One transition; refuses one that the table does not have."""
        before = self.get(id)
        if to not in TRANSITIONS[before.state]:
            raise Refused(f"Operation {id} is {before.state}; it cannot become {to}.")
        after = replace(before, state=to, changed_at=now, **changes)
        self._count(before, -1)
        self._count(after, +1)
        lane = (after.service, after.key)
        if to in WAITING:
            self.waiting[id] = after
        else:
            del self.waiting[id]
            self.inline_bytes -= len(after.inline)
            self.lanes[lane].remove(id)
            if not self.lanes[lane]:
                del self.lanes[lane]
            self._finish(replace(after, inline=b""))
        self._mark(lane)
        return after

    def heads(self, service: str) -> Iterator[Operation]:
        """What could be applied now: the first of each lane whose first is QUEUED. Do not move any
        meanwhile.
        """
        for key in self.ready.get(service, ()):
            yield self.waiting[self.lanes[service, key][0]]

    def rotate(self, operation: Operation) -> None:
        """Let other lanes go first next time."""
        if operation.key in (keys := self.ready.get(operation.service, OrderedDict())):
            keys.move_to_end(operation.key)

    def operations(self, state: State | None = None) -> Iterator[Operation]:
        """Newest first: what waits, then what is finished."""
        for group in (self.waiting, self.finished):
            for operation in reversed(group.values()):
                if state is None or operation.state is state:
                    yield operation

    def total(self, state: State, services: frozenset[str] | None = None) -> int:
        return sum(
            count
            for (service, of), count in self.counts.items()
            if of is state and (services is None or service in services)
        )

    def services(self) -> set[str]:
        """Those for which something is queued or under way."""
        return {of for (of, state), count in self.counts.items() if count and state in GOING}

    def oldest(self, services: frozenset[str] | None = None) -> Operation | None:
        wanted = (o for o in self.waiting.values() if services is None or o.service in services)
        return next(wanted, None)

    def _mark(self, lane: Lane) -> None:
        (service, key), ids = lane, self.lanes.get(lane)
        keys = self.ready.setdefault(service, OrderedDict())
        if ids and self.waiting[ids[0]].state is State.QUEUED:
            keys.setdefault(key)
        else:
            keys.pop(key, None)
        if not keys:
            del self.ready[service]

    def _finish(self, operation: Operation) -> None:
        self.finished[operation.id] = operation
        while len(self.finished) > self.finished_kept:
            _, old = self.finished.popitem(last=False)
            self.by_idempotency.pop((old.service, old.idempotency_key), None)
            self._count(old, -1)

    def _count(self, operation: Operation, by: int) -> None:
        place = (operation.service, operation.state)
        self.counts[place] = self.counts.get(place, 0) + by


def check_repeat(known: Operation, action: str, key: str, payload: Mapping[str, Any], digest: Digest) -> None:
    """Raise unless what is asked under a known idempotency key is what was asked before."""
    before = (known.action, known.key, dict(known.payload), known.size, known.sha256)
    # Compared as JSON, because after a restart the payload comes from there.
    if json.dumps(before, sort_keys=True) != json.dumps(
        (action, key, dict(payload), *digest), sort_keys=True
    ):
        raise Refused(other_work(known.idempotency_key, f"{known.action} of {known.key}"))
    if known.state is State.DISCARDED:
        raise Refused(
            f"Operation {known.id} ({known.action} of {known.key}) was {known.error}; "
            "to have it done after all, ask under another idempotency key."
        )


def other_work(idempotency_key: str, what: str) -> str:
    """What whoever gives one idempotency key to two things is told."""
    shown = idempotency_key[:100]
    return f"The idempotency key {shown!r} stands for another {what}; give each work its own key."


def first(
    id: int, service: str, action: str, key: str, idempotency_key: str, payload: Mapping[str, Any], size: int,
    now: float,
) -> dict[str, Any]:  # fmt: skip
    """The record of an operation that is taken in now; `with_body` completes it. What is as it always is at
    first is left out: thousands of these are written in a second.
    """
    return {
        "kind": "taken",
        "id": id,
        "service": service,
        "action": action,
        "key": key,
        "idempotency_key": idempotency_key,
        "payload": payload,
        "size": size,
        "at": now,
    }


def with_body(record: dict[str, Any], body: bytes, spooled: bool, sha256: str) -> dict[str, Any]:
    """A body that stands in the record needs no checksum there: it is made again from it."""
    if body:
        record["body"] = body
        return record
    return record | {"sha256": sha256} | ({"spooled": True} if spooled else {})


def taken(operation: Operation) -> dict[str, Any]:
    """An operation as a record of the journal; one under way is written as waiting."""
    record = first(
        operation.id, operation.service, operation.action, operation.key, operation.idempotency_key,
        operation.payload, operation.size, operation.queued_at,
    )  # fmt: skip
    state = State.QUEUED if operation.state is State.PROCESSING else operation.state
    if state is not State.QUEUED or operation.attempts or operation.strikes or operation.error:
        record |= {
            "state": state.value,
            "attempts": operation.attempts,
            "strikes": operation.strikes,
            "error": operation.error,
            "changed_at": operation.changed_at,
        }
    return with_body(record, operation.inline, operation.spooled, operation.sha256)


def read_taken(record: Mapping[str, Any]) -> Operation:
    """The opposite."""
    body = record.get("body", b"")
    return Operation(
        id=record["id"],
        service=record["service"],
        action=record["action"],
        key=record["key"],
        idempotency_key=record["idempotency_key"],
        payload=record["payload"],
        size=record["size"],
        sha256=hashlib.sha256(body).hexdigest() if body else record["sha256"],
        spooled=bool(record.get("spooled")),
        queued_at=record["at"],
        state=State(record.get("state", State.QUEUED)),
        attempts=record.get("attempts", 0),
        strikes=record.get("strikes", 0),
        error=record.get("error", ""),
        changed_at=record.get("changed_at", record["at"]),
        inline=body,
    )
