"""Somebody takes words out of the record for good while everything goes on: they alone go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.sim.simulation import Simulation
from tocsin.core.model import Actor, ActorKind
from tocsin.core.words import holding
from tocsin.engine.erase import Erasure, erase
from tocsin.store import erasing
from tocsin.store.transaction import Transaction

PHRASES = (
    "looks like the database",
    "We are at it.",
    "we know more",
    "clearing up",
    "rolled back",
    "a guess",
)
"""What people write in a run."""

ODDS = 0.1

KEPT = (
    "SELECT id, seq, at, type, v, actor_kind, actor, data FROM events"
    " WHERE type <> 'words_erased' ORDER BY id, seq",
    "SELECT id, status, due_at, priority, urgent, asks_failing, failing_told, open_key, plan, quarantined"
    " FROM subjects ORDER BY id",
    "SELECT id, key, subject_id, kind, page, person, channel, state, wanted, attempts, unknown, fence, node,"
    " bundle, next_at, leased_until FROM outbox ORDER BY id",
    "SELECT id, integration, dedup_key, status, subject_id, dirty, summary, body, facts"
    " FROM alerts ORDER BY id",
    "SELECT id, key, attempt, outcome, person, channel FROM deliveries ORDER BY id",
)
"""What decides how things go on. No phrase stands in an alert, so alerts stay as they are, words and all."""

WRITTEN = (
    "SELECT words FROM events",
    "SELECT state FROM subjects",
    "SELECT words FROM outbox",
    "SELECT detail FROM deliveries",
    "SELECT body FROM alerts",
)
"""Where words are kept."""


def erase_words(run: Simulation) -> None:
    """Seldom, somebody on the server's machine erases a phrase wherever it stands: `tocsin erase --words`."""
    if run.erasing.random() > ODDS:
        return
    written = "\n".join(row[0] or "" for row in run.database.look(WRITTEN[0]))
    found = [one for one in PHRASES if one in written]
    if not found:
        return
    phrase = run.erasing.choice(found)
    matches = holding((phrase,))
    wanted = Erasure(Actor(ActorKind.PERSON, "ana"), "asked to", matches)

    def job(tx: Transaction) -> None:
        for id in list(erasing.incidents_with(tx, matches)):
            erase(tx, id, wanted, run.clock())
        for place in erasing.PLACES:
            erasing.erase_in(tx, place, matches)

    before = [run.database.look(one) for one in KEPT]
    run.quietly(job)
    after = [run.database.look(one) for one in KEPT]
    left = {one: [row[0] for row in run.database.look(one) if phrase in (row[0] or "")] for one in WRITTEN}
    run.log.write(f"“{phrase}” is erased")
    run.verdict.expect(erasing_changes_nothing_else, before, after)
    run.verdict.expect(what_is_erased_is_gone, phrase, left)


def erasing_changes_nothing_else(
    before: Sequence[Sequence[Any]], after: Sequence[Sequence[Any]]
) -> Iterator[str]:
    """Erasing words leaves events, timers, messages and alerts as they were."""
    for was, now in zip(before, after, strict=True):
        was_rows, now_rows = [tuple(row) for row in was], [tuple(row) for row in now]
        if was_rows != now_rows:
            odd = [pair for pair in zip(was_rows, now_rows, strict=False) if pair[0] != pair[1]]
            yield f"{len(was_rows)} rows, now {len(now_rows)}; the first that differ: {odd[:1]}"


def what_is_erased_is_gone(phrase: str, left: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Words that were erased stand nowhere any more."""
    for where, found in left.items():
        if found:
            yield f"“{phrase}” stands there still: {where}: {found[0]}"
