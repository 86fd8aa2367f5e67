"""Alerts: the hot path in, and what triage reads and marks.

The two statements per database at the top are written by hand and run on the driver's own connection:
three times the speed of the expression language, on the one path where that counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2s
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, literal_column, select, update

from tocsin.core.model import AlertAction, AlertSeverity, Signal
from tocsin.core.severity import facts
from tocsin.store.codec import dump, load
from tocsin.store.database import among, listed, past_sqlalchemy, skip_locked
from tocsin.store.errors import Corrupt
from tocsin.store.schema import alerts, to_micros

_NEWS = """
  excluded.severity < alerts.severity OR excluded.facts <> alerts.facts OR excluded.watch <> alerts.watch"""
_NO_MILDER = "excluded.severity <= alerts.severity"
_CONFLICT = f"""
ON CONFLICT (integration, dedup_key) WHERE status <> 'resolved' DO UPDATE SET
  count = alerts.count + excluded.count,
  last_at = excluded.last_at,
  dirty = CASE WHEN {_NO_MILDER} AND ({_NEWS}) THEN 1 ELSE alerts.dirty END,
  severity = CASE WHEN {_NO_MILDER} THEN excluded.severity ELSE alerts.severity END,
  facts = CASE WHEN {_NO_MILDER} THEN excluded.facts ELSE alerts.facts END,
  watch = CASE WHEN {_NO_MILDER} THEN excluded.watch ELSE alerts.watch END,
  summary = CASE WHEN {_NO_MILDER} THEN excluded.summary ELSE alerts.summary END,
  body = CASE WHEN {_NO_MILDER} THEN excluded.body ELSE alerts.body END
"""
_COLUMNS = """
  integration, dedup_key, status, dirty, severity, facts, watch, summary, body, count, first_at, last_at"""

TRIGGER = {
    "sqlite": f"INSERT INTO alerts ({_COLUMNS}) VALUES (?, ?, 'open', 1, ?, ?, ?, ?, ?, ?, ?, ?) {_CONFLICT}",  # noqa: S608  # constants only
    "postgresql": f"""
        INSERT INTO alerts ({_COLUMNS})
        SELECT i, k, 'open', 1, s, a, w, m, b, c, f, l FROM unnest(
          %s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[],
          %s::bigint[], %s::bigint[]
        ) AS new (i, k, s, a, w, m, b, c, f, l) {_CONFLICT}""",  # noqa: S608  # constants only
}
"""A trigger opens an alert, or counts on the open one, and marks it when there is something new to judge."""

SETTLE = {
    "sqlite": """
        UPDATE alerts SET status = ?, last_at = ?, dirty = 1
        WHERE integration = ? AND dedup_key = ? AND status <> 'resolved' AND status <> ?""",
    "postgresql": """
        UPDATE alerts SET status = new.s, last_at = new.l, dirty = 1
        FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[]) AS new (s, l, i, k, n)
        WHERE integration = new.i AND dedup_key = new.k AND status <> 'resolved' AND status <> new.n""",
}
"""An acknowledge or resolve changes the open alert; without one it is dropped, as PagerDuty does."""

_SEVERITIES = tuple(AlertSeverity)
_STATUS = {AlertAction.ACKNOWLEDGE: "acknowledged", AlertAction.RESOLVE: "resolved"}


@dataclass(frozen=True)
class Received:
    """A signal with where and when it came in; `count` says how many equal ones it stands for."""

    integration: str
    signal: Signal
    at: datetime
    count: int = 1


@dataclass(frozen=True)
class Watched:
    """The facts that a plan lets alerts state in their details; `id` is a short name of just this choice."""

    names: tuple[str, ...] = ()
    id: str = ""


def watched(names: Iterable[str]) -> Watched:
    """What to watch for a plan with these facts. Without any the id is empty."""
    kept = tuple(sorted(names))
    return Watched(kept, blake2s("\n".join(kept).encode(), digest_size=4).hexdigest() if kept else "")


NOTHING = Watched()


def words_of(signal: Signal, watch: Watched = NOTHING) -> str:
    """What a plan may judge a signal by, besides its severity, as one text.

    Alerts of the same severity and words are alike to a plan whose facts were watched for.
    """
    details = signal.details
    stated = (f"{name}={details[name]!r}" for name in watch.names if name in details)
    return "\x1f".join((*facts(signal)[1:], *stated))


def record(tx: Connection, received: Iterable[Received], watch: Watched = NOTHING) -> None:
    """Store signals of which no two are about the same alert."""
    triggers: list[tuple[object, ...]] = []
    settles: list[tuple[object, ...]] = []
    for one in received:
        signal, at = one.signal, to_micros(one.at)
        if signal.action is AlertAction.TRIGGER:
            named = (one.integration, signal.dedup_key, signal.severity.rank)
            words = (words_of(signal, watch), watch.id, signal.summary, dump(signal))
            triggers.append((*named, *words, one.count, at, at))
        else:
            status = _STATUS[signal.action]
            settles.append((status, at, one.integration, signal.dedup_key, status))
    _run(tx, TRIGGER, triggers)
    _run(tx, SETTLE, settles)


def _run(tx: Connection, statement: dict[str, str], rows: list[tuple[object, ...]]) -> None:
    if not rows:
        return
    words = statement[tx.dialect.name]
    with past_sqlalchemy(tx, words) as cursor:
        if tx.dialect.name == "sqlite":
            cursor.executemany(words, rows)
        else:
            cursor.execute(words, tuple(list(column) for column in zip(*rows, strict=True)))


@dataclass(frozen=True)
class Alert:
    """An alert as it stands. `triaged` is the status that triage saw last.

    For `words` see `words_of`; `watch` says which facts were watched for when they were kept.

    Its severity is the worst that its signals had since it opened; the rest is the worst signal's.
    """

    id: int
    integration: str
    dedup_key: str
    summary: str
    status: str
    triaged: str
    severity: AlertSeverity
    words: str
    watch: str
    body: str
    count: int
    subject_id: str | None

    def signal(self) -> Signal:
        """What its source sent, read anew each time: few of a storm's alerts must be."""
        try:
            sent = load(self.body, Signal)
        except Corrupt:
            sent = Signal(AlertAction.TRIGGER, self.dedup_key, self.summary)
        # A later trigger of the same alert may have been worse than the one that is kept.
        return sent if sent.severity is self.severity else replace(sent, severity=self.severity)


_TRIAGE_COLUMNS = (
    alerts.c.id,
    alerts.c.integration,
    alerts.c.dedup_key,
    alerts.c.summary,
    alerts.c.status,
    alerts.c.triaged,
    alerts.c.severity,
    alerts.c.facts,
    alerts.c.watch,
    alerts.c.body,
    alerts.c.count,
    alerts.c.subject_id,
)


_DIRTY = (
    select(alerts.c.id, alerts.c.integration, alerts.c.subject_id)
    .where(alerts.c.dirty == literal_column("1"))
    .order_by(alerts.c.severity, alerts.c.id)
    .limit(bindparam("most"))
)
_CLAIM = (
    select(*_TRIAGE_COLUMNS)
    .where(among(alerts.c.id, bindparam("ids")), alerts.c.dirty == 1)
    .order_by(alerts.c.id)
)
_MARK = update(alerts).where(among(alerts.c.id, bindparam("ids"))).values(dirty=0)


def dirty(tx: Connection, limit: int) -> list[tuple[int, str, str | None]]:
    """(id, integration, incident) of alerts that triage must look at, the worst first, then the oldest."""
    rows = tx.execute(_DIRTY, {"most": limit}).all()
    return [(id, integration, incident) for id, integration, incident in rows]


def claim(tx: Connection, ids: Sequence[int]) -> list[Alert]:
    """Those of the alerts that still wait for triage, held for this transaction."""
    return [_alert(row) for row in tx.execute(skip_locked(tx, _CLAIM), {"ids": listed(ids)}).all()]


def mark(tx: Connection, marked: Iterable[tuple[int, str, str | None, str]]) -> None:
    """Triage has seen these: (id, status it saw, incident, why suppressed or "")."""
    alike: defaultdict[tuple[str, str | None, str], list[int]] = defaultdict(list)
    for id, status, incident, why in marked:
        alike[status, incident, why].append(id)
    for (status, incident, why), ids in alike.items():
        seen = {"triaged": status, "subject_id": incident, "suppressed": why}
        tx.execute(_MARK, seen | {"ids": listed(ids)})


def set_free(tx: Connection, ids: Sequence[int]) -> None:
    """These alerts belong to no incident any more; triage takes them as new."""
    tx.execute(update(alerts).where(alerts.c.id.in_(ids)).values(subject_id=None, triaged="", dirty=1))


def close_all(tx: Connection, incident: str) -> None:
    """The incident is over by hand: its alerts are too, so that the next trigger is a new alert.

    But for those that have got worse since triage last looked: whoever resolved had not heard of that yet,
    and triage takes them as new.
    """
    unheard = (alerts.c.subject_id == incident, alerts.c.status == "open", alerts.c.dirty == 1)
    tx.execute(update(alerts).where(*unheard).values(subject_id=None, triaged=""))
    tx.execute(
        update(alerts)
        .where(alerts.c.subject_id == incident, alerts.c.status != "resolved")
        .values(status="resolved", triaged="resolved", dirty=0)
    )


def move(tx: Connection, of: str, to: str) -> None:
    """Every alert of one incident belongs to the other from now on."""
    tx.execute(update(alerts).where(alerts.c.subject_id == of).values(subject_id=to))


def of_incident(tx: Connection, incident: str, limit: int) -> list[Alert]:
    """The alerts that joined an incident, the worst first."""
    rows = tx.execute(
        select(*_TRIAGE_COLUMNS)
        .where(alerts.c.subject_id == incident)
        .order_by(alerts.c.severity, alerts.c.id)
        .limit(limit)
    )
    return [_alert(row) for row in rows]


def all_acknowledged(tx: Connection, incident: str) -> bool:
    """Whether the source has acknowledged every alert of the incident that it has not resolved."""
    open_still = select(alerts.c.id).where(alerts.c.subject_id == incident, alerts.c.status == "open")
    return tx.execute(open_still.limit(1)).first() is None


def waiting(tx: Connection) -> int:
    """How many alerts wait for triage."""
    return int(tx.scalar(select(func.count()).select_from(alerts).where(alerts.c.dirty == 1)) or 0)


def unseen(tx: Connection, before: datetime) -> int:
    """How many alerts have waited for triage since before then: none, when triage is well."""
    # What is new about an alert that has its incident came with its last signal at the latest.
    since = case((alerts.c.subject_id.is_(None), alerts.c.first_at), else_=alerts.c.last_at)
    late = (alerts.c.dirty == literal_column("1"), since < before)
    return int(tx.scalar(select(func.count()).select_from(alerts).where(*late)) or 0)


def _alert(row: Any) -> Alert:
    id, integration, key, summary, status, triaged, severity, words, watch, body, count, incident = row
    return Alert(
        id,
        integration,
        key,
        summary,
        status,
        triaged,
        _SEVERITIES[severity],
        words,
        watch,
        body,
        count,
        incident,
    )
