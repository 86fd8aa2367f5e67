"""What must hold after everything that was done to a server: read from its database and its receivers alone.

Each check adds sentences to one list, so that a failure says all that is wrong at once.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, select

from tests.proof.load import Told
from tests.support.receivers import Received
from tocsin.core.incident import events
from tocsin.core.incident.state.fold import fold_all
from tocsin.core.incident.status import Status
from tocsin.core.model import LevelId
from tocsin.plan.read import compile_files
from tocsin.store import plans, subjects
from tocsin.store.schema import alerts, deliveries, outbox
from tocsin.store.schema import subjects as subjects_table
from tocsin.store.subjects import Stored

SAME_MOMENT = timedelta(seconds=2)
"""`now` is taken before a transaction, so two of them may commit in the other order."""
SHOWN = 20


@dataclass(frozen=True)
class Outage:
    """A time in which the server, or its database, was down; it is up again from `until` on, and starting."""

    since: datetime
    until: datetime


@dataclass
class Record:
    """Everything that is left of a run."""

    told: Mapping[tuple[str, str], Told]
    acknowledged: Sequence[str]
    received: Sequence[Received]
    outages: Sequence[Outage]
    faults: Sequence[Outage]
    """Those outages that may cost a repeat. An orderly stop may not."""
    exact: bool = True
    """Whether no event may have been counted twice: a database that dies in a commit leaves that open."""


@dataclass(frozen=True)
class Found:
    """What the audit saw. Lateness is counted from when it was due, or from the end of the outage then."""

    alerts: int
    incidents: int
    rings: int
    messages: int
    repeats: int
    late_seconds: tuple[float, ...]


class Audit:
    """The checks over one database."""

    def __init__(self, tx: Connection, record: Record) -> None:
        self._record = record
        self._alerts = tx.execute(select(alerts)).all()
        self._rings = tx.execute(select(outbox)).all()
        self._attempts = tx.execute(select(deliveries).order_by(deliveries.c.id)).all()
        ids = tx.scalars(select(subjects_table.c.id)).all()
        self._incidents: dict[str, Stored] = {}
        self._histories: dict[str, list[events.Recorded]] = {}
        for id in ids:
            stored = subjects.load_incident(tx, id)
            assert stored is not None
            self._incidents[id] = stored
            self._histories[id] = subjects.history_of(tx, id)
        current = plans.current(tx)
        assert current is not None
        self._policy = compile_files(current[1])
        self._sendings = _sendings(self._attempts)

    def run(self) -> Found:
        """Every check; fails with all that is wrong."""
        problems = [
            *self._events_are_all_there(),
            *self._alerts_all_ended_somewhere(),
            *self._snapshots_are_folds(),
            *self._acknowledgements_are_all_there(),
            *self._rings_all_ended(),
            *self._open_incidents_were_paged(),
            *self._repeats_are_marked(),
            *self._ledger_tells_of_each_message(),
            *self._nothing_is_sent_for_a_page_that_is_over(),
        ]
        shown = "\n".join(problems[:SHOWN])
        assert not problems, f"{len(problems)} problems, among them:\n{shown}"
        received = self._receptions()
        return Found(
            alerts=len(self._alerts),
            incidents=len(self._incidents),
            rings=len(self._rings),
            messages=len(self._record.received),
            repeats=sum(len(some) - 1 for some in received.values()),
            late_seconds=tuple(sorted([*self._late_steps(), *self._late_messages(received)])),
        )

    def _events_are_all_there(self) -> Iterator[str]:
        lives: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
        for row in self._alerts:
            lives[row.integration, row.dedup_key].append(row)
        for key, told in self._record.told.items():
            counted = sum(row.count for row in lives[key])
            if counted < told.accepted:
                yield f"{key}: {told.accepted} triggers were accepted, {counted} are stored"
            if self._record.exact and counted > told.sent:
                yield f"{key}: {told.sent} triggers were sent, {counted} are stored"
            is_open = any(row.status != "resolved" for row in lives[key])
            if told.sure and is_open != told.open:
                yield f"{key}: the last accepted event says open={told.open}, stored is {is_open}"
        for key in lives.keys() - self._record.told.keys():
            yield f"{key}: nobody has sent this"

    def _alerts_all_ended_somewhere(self) -> Iterator[str]:
        joined: defaultdict[str, list[Any]] = defaultdict(list)
        for row in self._alerts:
            if row.dirty:
                yield f"alert {row.id} still waits for triage"
            elif row.subject_id is None and not row.suppressed:
                yield f"alert {row.id} joined no incident, and nothing says why"
            elif row.subject_id is not None:
                joined[row.subject_id].append(row)
        for id in joined.keys() - self._incidents.keys():
            yield f"alerts point at {id}, which does not exist"
        for id, stored in self._incidents.items():
            is_open = sum(row.status != "resolved" for row in joined[id])
            if stored.state.alerts_count != len(joined[id]):
                yield f"{id} counts {stored.state.alerts_count} alerts, {len(joined[id])} point at it"
            if not stored.state.status.over and stored.state.alerts_open != is_open:
                yield f"{id} counts {stored.state.alerts_open} open alerts, {is_open} point at it"

    def _snapshots_are_folds(self) -> Iterator[str]:
        for id, stored in self._incidents.items():
            if fold_all(self._histories[id]) != stored.state:
                yield f"{id}: the snapshot is not what its events fold to"
            if len(self._histories[id]) != stored.version:
                yield f"{id}: version {stored.version}, but {len(self._histories[id])} events"

    def _acknowledgements_are_all_there(self) -> Iterator[str]:
        for id in self._record.acknowledged:
            if not any(isinstance(one.event, events.Acknowledged) for one in self._histories.get(id, [])):
                yield f"{id}: a person was told that it is acknowledged, and it is not"

    def _rings_all_ended(self) -> Iterator[str]:
        received = self._receptions()
        for row in self._rings:
            came = len(received.get(row.key, ()))
            if row.state not in ("sent", "withdrawn"):
                yield f"ring {row.key} is {row.state}"
            if row.state == "sent" and not came:
                yield f"ring {row.key} counts as sent, and nobody received it"
        planned = [
            one.event.key
            for history in self._histories.values()
            for one in history
            if isinstance(one.event, events.RingSent)
        ]
        stored = [row.key for row in self._rings]
        if sorted(planned) != sorted(stored):
            yield f"rings that were decided and rings in the outbox differ: {set(planned) ^ set(stored)}"

    def _open_incidents_were_paged(self) -> Iterator[str]:
        received = self._receptions()
        paged = {row.subject_id for row in self._rings if received.get(row.key)}
        for id, stored in self._incidents.items():
            needs = stored.state.status is Status.TRIGGERED and self._policy.level(stored.state.level).pages
            if needs and id not in paged:
                yield f"{id} is open, nobody has acknowledged it, and nobody was paged"

    def _repeats_are_marked(self) -> Iterator[str]:
        for ring, messages in self._receptions().items():
            for earlier, later in pairwise(messages):
                if later.key != earlier.key:
                    yield f"ring {ring} came again under another key"
                if not later.repeat:
                    yield f"ring {ring} came again and was not marked as a possible repeat"
                if not any(
                    outage.since <= later.at and outage.until >= earlier.at - SAME_MOMENT
                    for outage in self._record.faults
                ):
                    yield f"ring {ring} came again at {later.at} without a fault since {earlier.at}"

    def _ledger_tells_of_each_message(self) -> Iterator[str]:
        attempts: defaultdict[str, list[Any]] = defaultdict(list)
        for row in self._attempts:
            attempts[row.key].append(row)
            if row.outcome == "sending":
                yield f"the ledger never heard what became of attempt {row.attempt} at {row.key}"
        for ring, messages in self._receptions().items():
            if len(messages) > len(attempts[ring]):
                yield f"ring {ring} was received {len(messages)} times in {len(attempts[ring])} attempts"
            lost = [row for row in attempts[ring][:-1] if row.outcome != "unknown"]
            if len(messages) > 1 and lost:
                yield f"ring {ring} was sent again after the ledger said {lost[0].outcome}"
        for message in self._record.received:
            if not self._carried(message):
                yield f"nothing in the ledger tells of the message {message.key}"

    def _nothing_is_sent_for_a_page_that_is_over(self) -> Iterator[str]:
        over = {
            (id, one.event.page): one.at
            for id, history in self._histories.items()
            for one in history
            if isinstance(one.event, events.PageAnswered | events.PageWithdrawn)
        }
        pages = {row.key: (row.subject_id, row.page) for row in self._rings}
        for row in self._attempts:
            ended = over.get(pages[row.key])
            if ended is not None and row.started_at > ended + SAME_MOMENT:
                late = row.started_at - ended
                yield f"attempt {row.attempt} at {row.key} began {late} after its page ended"

    def _receptions(self) -> dict[str, list[Received]]:
        """By ring, every message that carried it, in order."""
        found: defaultdict[str, list[Received]] = defaultdict(list)
        for message in sorted(self._record.received, key=lambda one: one.at):
            for ring in self._carried(message):
                found[ring].append(message)
        return found

    def _carried(self, message: Received) -> set[str]:
        """The rings in a message: those of the last attempt under its key that had begun when it came."""
        sendings = self._sendings.get(message.key, {})
        begun = [at for at in sendings if at <= message.at]
        return sendings[max(begun)] if begun else set()

    def _late_steps(self) -> Iterator[float]:
        """How much later than the ladder says each of its steps was taken."""
        for history in self._histories.values():
            level, ladder_at = LevelId(""), history[0].at
            for one in history:
                if isinstance(one.event, events.Opened | events.LevelRaised):
                    level = one.event.level
                if isinstance(one.event, events.Opened | events.RoundStarted):
                    ladder_at = one.at
                if isinstance(one.event, events.StepTaken):
                    step = self._policy.level(level).ladder[one.event.step]
                    yield self._late(ladder_at + step.after, one.at)

    def _late_messages(self, received: Mapping[str, Sequence[Received]]) -> Iterator[float]:
        """How long after the decision each ring first arrived."""
        for row in self._rings:
            if messages := received.get(row.key):
                yield self._late(row.created_at, messages[0].at)

    def _late(self, due: datetime, done: datetime) -> float:
        for outage in self._record.outages:
            if outage.since <= done and outage.until >= due:
                due = max(due, outage.until)
        return (done - due).total_seconds()


def _sendings(attempts: Sequence[Any]) -> dict[str, dict[datetime, set[str]]]:
    """By what receivers know a message by (its key, or the mail's id made from it): when each attempt at it
    began, and with which rings."""
    found: defaultdict[str, defaultdict[datetime, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in attempts:
        mail_id = f"<{hashlib.sha256(row.bundle.encode()).hexdigest()}@127.0.0.1>"
        for name in (row.bundle, mail_id):
            found[name][row.started_at].add(row.key)
    return {name: dict(times) for name, times in found.items()}
