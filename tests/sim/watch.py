"""Looks on at every job from inside its transaction: what it did to the outbox before anything follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.sim.outbox_rules import ARROW_RULES, RING_COLUMNS, Arrow, Ring
from tests.sim.sight import a_title_is_for_those_who_may_see_it
from tests.sim.whom import views
from tocsin.core.incident import Incident
from tocsin.core.model import Message, Outcome, Receipt
from tocsin.store.codec import load
from tocsin.store.schema import to_micros
from tocsin.store.sending import Leased
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Job, Lane

if TYPE_CHECKING:
    from tests.sim.node import Node

LIVE_RINGS = f"{RING_COLUMNS} AND state IN ('waiting', 'leased')"


class Watched:
    """A job of the production code, and what is to be noted once it is known to be committed."""

    def __init__(self, node: Node, job: Job[Any], lane: Lane) -> None:
        self._node = node
        self._job = job
        self._looks_on = lane in (Lane.ACT, Lane.ENGINE)
        self._name = "job"
        self._arguments: dict[str, Any] = {}
        if isinstance(job, partial):
            self._name, self._arguments = job.func.__name__, job.keywords
        self._settled: list[str] = []
        self._taken = False

    def __call__(self, tx: Transaction) -> Any:
        if not self._looks_on:
            return self._job(tx)
        before = _rings(tx, LIVE_RINGS)
        result = self._job(tx)
        self._taken = self._name == "take" and bool(result)
        for one in result if self._taken else ():
            if one.message is not None:
                self._read(tx, one.message)
        after = _rings(tx, LIVE_RINGS)
        if before != after:
            self._judge(tx, before, after)
        return result

    def kept(self) -> None:
        """It is committed."""
        if self._name == "take" and self._taken:
            self._node.stall()
        if self._name != "settle":
            return
        run = self._node.run
        receipt: Receipt = self._arguments["receipt"]
        leased: Leased = self._arguments["leased"]
        attempt = run.attempt_of.get(leased)
        for ring in leased.rings:
            if ring.key not in self._settled:
                continue
            if attempt is not None:
                attempt.recorded[ring.key] = receipt.outcome
            if receipt.outcome in (Outcome.RETRYING, Outcome.FAILED):
                run.refused.setdefault(ring.incident, set()).add(ring.key)

    def _read(self, tx: Transaction, message: Message) -> None:
        """Judge what is about to leave by what its incidents are in this transaction."""
        run, now = self._node.run, self._arguments["now"]
        for id in message.incidents:
            incident = _incident(tx, id)
            policy, known = run.policies[incident.policy_version], views(run.duty, (), now)
            run.verdict.expect(a_title_is_for_those_who_may_see_it, message, incident, policy, known, now)

    def _judge(self, tx: Transaction, before: dict[int, Ring], after: dict[int, Ring]) -> None:
        run = self._node.run
        gone = [id for id in before if id not in after]
        if gone:
            marks = ", ".join("?" for _ in gone)
            after = after | _rings(tx, f"{RING_COLUMNS} AND id IN ({marks})", *gone)
        fences: dict[int, int] = {}
        if self._name == "settle":
            fences = {ring.id: ring.fence for ring in self._arguments["leased"].rings}
        now: datetime = self._arguments.get("now", run.clock())
        self._settled = []
        for id, was in before.items():
            ring = after.get(id)
            if ring == was:
                continue
            assert ring is not None, f"{was} is gone from the outbox"
            arrow = Arrow(
                job=self._name,
                now=to_micros(now),
                before=was,
                after=ring,
                settles=fences.get(id),
                dead_node=self._arguments.get("node") if self._name == "begin" else None,
                incident=_incident(tx, ring.incident),
            )
            if id in fences and was.state == "leased" and fences[id] == was.fence and ring.state != "leased":
                self._settled.append(ring.key)
            for rule in ARROW_RULES:
                run.verdict.expect(rule, arrow)


def _rings(tx: Transaction, statement: str, *values: object) -> dict[int, Ring]:
    return {row[0]: Ring(*row) for row in _look(tx, statement, *values)}


def _look(tx: Transaction, statement: str, *values: object) -> Sequence[Any]:
    cursor = tx.connection.cursor()
    try:
        cursor.execute(statement if tx.dialect.name == "sqlite" else statement.replace("?", "%s"), values)
        return cursor.fetchall()
    finally:
        cursor.close()


def _incident(tx: Transaction, incident: str) -> Incident:
    """The incident as this transaction sees it. That the snapshot is true is judged elsewhere."""
    ((state,),) = _look(tx, "SELECT state FROM subjects WHERE id = ?", incident)
    return load(state, Incident)
