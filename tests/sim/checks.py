"""Looking at what is stored, through a connection of its own, and judging it: what changed after each step,
everything now and then, and everything that was wanted once all is well again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from tests.sim import alert_rules, outbox_rules, run_rules
from tests.sim.alert_rules import ALERT_COLUMNS, AlertRow
from tests.sim.auditing import call_the_auditor
from tests.sim.due_rules import TIMELY_RULES, no_broken_promise_slips_away, nothing_promised_is_left, overdue
from tests.sim.incident_rules import EVENT_RULES, ROW_RULES, Row
from tests.sim.levels import a_merge_keeps_the_worse_level, levels_have_a_ground
from tests.sim.outbox_rules import RING_COLUMNS, Ring
from tests.sim.plan_rules import (
    a_merge_forgets_nobody,
    who_asks_knows_how_many_fail,
    whoever_leads_hears_of_it,
)
from tests.sim.reading import EVENT_COLUMNS, recorded
from tests.sim.simulation import Simulation
from tests.sim.stream import Stream
from tests.sim.telling import whoever_is_named_is_told
from tests.sim.whom import Sent, whoever_is_meant_is_asked
from tocsin import limits
from tocsin.core.incident import Incident, events, fold_all
from tocsin.core.model import Signal
from tocsin.core.policy import Milestone
from tocsin.engine.engine import NO_ADDRESS, NO_CHANNEL
from tocsin.store.codec import load
from tocsin.store.schema import from_micros, to_micros

OVERLAP = 100
"""Row ids may become visible out of order by this much where nodes insert side by side."""


class Checks:
    """What has been seen of the store so far, so that each look reads only what is new."""

    def __init__(self, run: Simulation) -> None:
        self._run = run
        self._seen: dict[str, tuple[Any, ...]] = {}
        self._outbox: defaultdict[str, set[str]] = defaultdict(set)
        self._newest_ring = 0
        self._sent: Sent | None = ()
        self._merged: list[tuple[str, str, dict[str, Milestone]]] = []

    def look(self) -> None:
        """After each step: every rule, for whatever has changed."""
        run = self._run
        alerts = self._alerts()
        rows = run.database.look(
            "SELECT id, version, due_at, open_key, quarantined FROM subjects"
            " WHERE kind = 'incident' ORDER BY id"
        )
        versions = {row[0]: row[1] for row in rows}
        for id, promised in {**{one.id: one.version for one in run.streams.values()}, **run.promised}.items():
            run.verdict.expect(run_rules.nothing_committed_is_lost, id, promised, versions.get(id, 0))
        self._rings()
        self._sent = self._pages_sent()
        changed = [tuple(row) for row in rows if self._seen.get(row[0]) != tuple(row)]
        for row in changed:
            self._seen[row[0]] = row
            self._incident(row)
        for into, child, asked in self._merged:
            run.verdict.expect(a_merge_forgets_nobody, run.streams[into], child, asked, run.reachable)
            run.verdict.expect(a_merge_keeps_the_worse_level, run.streams[into], run.streams[child])
        self._merged.clear()
        of_incident: defaultdict[str, list[AlertRow]] = defaultdict(list)
        for alert in alerts:
            if alert.incident is not None:
                of_incident[alert.incident].append(alert)
        for id in sorted({row[0] for row in changed} | of_incident.keys()):
            story, own = run.streams[id], of_incident[id]
            run.verdict.expect(alert_rules.joined_alerts_are_in_the_story, run.book, story, own)
            run.verdict.expect(alert_rules.open_alerts_are_looked_after, story, own)
        self._at_rest(rows, alerts)
        run.verdict.raise_first(run.where())

    def look_deep(self) -> None:
        """Everything from the beginning, by nothing but what is stored: no silent change escapes."""
        run = self._run
        self.look()
        book = alert_rules.Book()
        book.take([AlertRow(*row) for row in run.database.look(f"{ALERT_COLUMNS} ORDER BY id")])
        run.verdict.expect(alert_rules.every_alert_is_as_it_was, run.book.final_counts, book.final_counts)
        for id, old in run.streams.items():
            fresh = Stream(id, old.policy)
            for row in run.database.look(f"{EVENT_COLUMNS} WHERE id = ? ORDER BY seq", id):
                fresh.take(recorded(row))
                fresh.goes_by(run.policies[fresh.incident.policy_version])
            stored = self._row(self._seen[id])
            for judge in ROW_RULES:
                run.verdict.expect(judge, fresh, stored)
        self._ledger()
        call_the_auditor(run)
        run.verdict.raise_first(run.where())

    def look_healed(self) -> None:
        """All is well and time has passed: nothing that is wanted is still on its way."""
        run = self._run
        self.look_deep()
        no_way = "SELECT key FROM deliveries WHERE detail IN (?, ?)"
        nowhere = {row[0] for row in run.database.look(no_way, NO_ADDRESS.detail, NO_CHANNEL.detail)}
        for row in run.database.look(f"{RING_COLUMNS} ORDER BY id"):
            ring = Ring(*row)
            run.verdict.expect(
                outbox_rules.in_the_end_everything_wanted_has_arrived,
                run.sendings,
                run.streams[ring.incident],
                ring,
                unreachable=ring.key in nowhere,
            )
        for node in run.nodes:
            run.verdict.expect(run_rules.channels_have_all_their_room, node.engine._room)
        run.verdict.raise_first(run.where())

    def _alerts(self) -> list[AlertRow]:
        run = self._run
        live = ", ".join("?" for _ in run.book.live) or "0"
        changing = f"status <> 'resolved' OR dirty = 1 OR id > ? OR id IN ({live})"
        statement = f"{ALERT_COLUMNS} WHERE {changing} ORDER BY id"
        rows = run.database.look(statement, run.book.newest_id, *run.book.live)
        found = [AlertRow(*row) for row in rows]
        verdict = run.verdict
        verdict.expect(alert_rules.every_signal_is_counted_once, run.book, found)
        verdict.expect(alert_rules.an_alert_lives_once_at_a_time, found)
        verdict.expect(alert_rules.every_alert_has_one_place, found)
        run.book.settle_doubts(found)
        run.book.take(found)
        return list(run.book.live.values())

    def _rings(self) -> None:
        newer = "SELECT id, key, subject_id FROM outbox WHERE id > ?"
        for id, key, incident in self._run.database.look(newer, self._newest_ring - OVERLAP):
            self._newest_ring = max(self._newest_ring, id)
            self._outbox[incident].add(key)

    def _incident(self, seen: tuple[Any, ...]) -> None:
        run, row = self._run, self._row(seen)
        story = run.streams.get(row.id)
        if story is None:
            story = run.streams[row.id] = Stream(row.id, run.policies[row.snapshot.policy_version])
        self._read_on(story)
        for rule in ROW_RULES:
            run.verdict.expect(rule, story, row)
        run.verdict.expect(outbox_rules.every_ring_is_in_the_outbox, story, sorted(self._outbox[row.id]))
        refused = sorted(run.refused.get(row.id, ()))
        run.verdict.expect(outbox_rules.the_incident_hears_of_refusals, story, refused)

    def _read_on(self, story: Stream) -> None:
        run, calm = self._run, False
        for row in run.database.look(
            f"{EVENT_COLUMNS} WHERE id = ? AND seq > ? ORDER BY seq", story.id, story.version
        ):
            one = recorded(row)
            run.counts["events"] += 1
            run.log.write(
                f"{story.id} {story.version + 1} {one.at} {one.actor} {row[1]} {row[5]} {row[6] or ''}"
            )
            for rule in EVENT_RULES:
                run.verdict.expect(rule, story, one)
            calm = one.at >= run.calm_since
            if calm:
                run.verdict.expect(whoever_is_meant_is_asked, story, one, run.duty, self._sent)
            run.verdict.expect(whoever_is_named_is_told, story, one, run.duty, self._sent, calm=calm)
            run.verdict.expect(levels_have_a_ground, story, one, self._said_of(story))
            if not isinstance(one.event, events.WordsErased):  # which is done also while no engine runs
                for timely in TIMELY_RULES:
                    run.verdict.expect(timely, story, one, run.calm_since)
            if isinstance(one.event, events.Opened):
                run.counts["incidents"] += 1
                run.verdict.expect(
                    run_rules.new_incidents_follow_the_newest_plan,
                    story,
                    one.event.policy_version,
                    one.at,
                    run.newest_plans,
                )
            if isinstance(one.event, events.MergedInto):
                asked: dict[str, Milestone] = {page.person: page.until for page in story.pages.values()}
                self._merged.append((one.event.into, story.id, asked))
            late = overdue(story, one.at)
            story.take(one)
            if isinstance(one.event, events.WordsErased):
                story.state = self._folded(story)
            story.goes_by(run.policies[story.incident.policy_version])
            run.verdict.expect(no_broken_promise_slips_away, late, story)
        run.verdict.expect(whoever_is_named_is_told, story, None, run.duty, self._sent, calm=calm)
        run.verdict.expect(whoever_leads_hears_of_it, story, run.reachable)
        story.unheard.clear()

    def _folded(self, story: Stream) -> Incident | None:
        """What its events come to as they are stored now: words may be gone from those that were read."""
        upto = f"{EVENT_COLUMNS} WHERE id = ? AND seq <= ? ORDER BY seq"
        return fold_all(recorded(row) for row in self._run.database.look(upto, story.id, story.version))

    def _pages_sent(self) -> Sent | None:
        """Who was sent a page when, as the ledger has it; no order is left where a clock was set back."""
        if self._run.counts["set back"]:
            return None
        pages = "SELECT person, started_at, key FROM deliveries ORDER BY started_at, id"
        found = self._run.database.look(pages)
        return [(person, from_micros(at)) for person, at, key in found if "/told/" not in key]

    def _said_of(self, story: Stream) -> dict[str, list[Signal]]:
        """What sources have ever said of the alerts of its services, by any plan of this run."""
        run, services = self._run, {story.account.service}
        for id in story.levels.grown:
            services |= {run.streams[id].account.service} if id in run.streams else set()
        found: defaultdict[str, list[Signal]] = defaultdict(list)
        for (integration, key), signals in run.book.said.items():
            if services & {policy.service_of(integration) for policy in run.policies.values()}:
                found[f"{integration}/{key}"] += signals
        return found

    def _row(self, seen: tuple[Any, ...]) -> Row:
        id, version, due_at, open_key, quarantined = seen
        ((state,),) = self._run.database.look("SELECT state FROM subjects WHERE id = ?", id)
        return Row(id, version, _time(due_at), open_key, quarantined, load(state, Incident))

    def _at_rest(self, rows: Sequence[Sequence[Any]], alerts: Iterable[AlertRow]) -> None:
        run = self._run
        now = to_micros(run.clock())
        if not run.at_rest:
            return
        for story in run.streams.values():
            run.verdict.expect(nothing_promised_is_left, story, run.clock())
        open_now = [run.streams[row[0]] for row in rows if row[3] is not None]
        run.verdict.expect(who_asks_knows_how_many_fail, open_now)
        late = [row[0] for row in rows if row[2] is not None and row[2] <= now]
        waiting = run.database.look(f"{RING_COLUMNS} AND state = 'waiting' AND next_at <= ?", now)
        leased = "SELECT DISTINCT person, channel, bundle FROM outbox WHERE state = 'leased'"
        under_way = [(person, channel) for person, channel, _ in run.database.look(leased)]
        run.verdict.expect(
            run_rules.nothing_due_is_left,
            [Ring(*row) for row in waiting],
            late,
            sum(alert.dirty for alert in alerts),
            under_way,
            limits.CHANNEL_MESSAGES - limits.CHANNEL_MESSAGES // limits.KEPT_ONE_IN,
        )

    def _ledger(self) -> None:
        run = self._run
        attempts: defaultdict[str, list[Any]] = defaultdict(list)
        statement = "SELECT key, attempt, outcome FROM deliveries ORDER BY key, attempt"
        for key, attempt, outcome in run.database.look(statement):
            attempts[key].append((attempt, outcome))
        for row in run.database.look(f"{RING_COLUMNS} ORDER BY id"):
            ring = Ring(*row)
            run.verdict.expect(outbox_rules.the_ledger_has_every_attempt, attempts[ring.key], ring)


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def open_incidents(run: Simulation) -> list[Stream]:
    """Incidents that are not over, as the run has read them."""
    return [one for one in run.streams.values() if not one.incident.status.over]
