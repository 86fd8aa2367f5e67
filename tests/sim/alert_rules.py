"""What must be true of alerts: every signal that was accepted ends in exactly one place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.sim import severity_by_hand
from tests.sim.stream import Stream
from tocsin.core.model import AlertAction, AlertSeverity, Signal
from tocsin.store.alerts import Received
from tocsin.store.codec import load

Name = tuple[str, str]
"""Integration and key: one alert, through all its lives."""

SEVERITIES = tuple(AlertSeverity)


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One life of an alert, as it was read."""

    id: int
    integration: str
    key: str
    status: str
    triaged: str
    dirty: int
    severity: int
    count: int
    incident: str | None
    suppressed: str
    body: str

    @property
    def name(self) -> Name:
        """Which alert it is a life of."""
        return self.integration, self.key

    @property
    def final(self) -> bool:
        """Over, and triage knows: nothing of it changes any more."""
        return self.status == "resolved" and not self.dirty


ALERT_COLUMNS = (
    "SELECT id, integration, dedup_key, status, triaged, dirty, severity, count, subject_id, suppressed,"
    " body"
    " FROM alerts"
)


@dataclass(slots=True)
class Book:
    """What senders were promised, and what is there.

    `accepted` counts triggers whose sender heard that they are safe; `maybe` those that may be there too.
    `most` says how often one may be stored: a commit whose answer was lost is done again. `said` is all that
    was ever sent of an alert.
    """

    accepted: Counter[Name] = field(default_factory=Counter)
    maybe: Counter[Name] = field(default_factory=Counter)
    live: dict[int, AlertRow] = field(default_factory=dict)
    final_counts: Counter[Name] = field(default_factory=Counter)
    final_joined: Counter[str] = field(default_factory=Counter)
    most: int = 1
    newest_id: int = 0
    said: dict[Name, list[Signal]] = field(default_factory=dict)

    def doubt(self, received: Sequence[Received]) -> None:
        """Signals were sent, and nobody has heard what became of them."""
        self.maybe.update(self._doubted(received))
        for one in received:
            self.said.setdefault((one.integration, one.signal.dedup_key), []).append(one.signal)

    def refused(self, received: Iterable[Received]) -> None:
        """Their sender was told that they are not stored."""
        self.maybe -= self._doubted(received)

    def promise(self, received: Sequence[Received], *, once: bool) -> None:
        """Their sender was told that they are safe; `once` when they cannot have been stored twice."""
        self.accepted.update(_triggers(received))
        if once:
            self.refused(received)

    def _doubted(self, received: Iterable[Received]) -> Counter[Name]:
        return Counter({name: count * self.most for name, count in Counter(_triggers(received)).items()})

    def take(self, rows: Sequence[AlertRow]) -> None:
        """What is there now: every row that was live or is new."""
        self.live = {}
        for row in rows:
            self.newest_id = max(self.newest_id, row.id)
            if row.final:
                self.final_counts[row.name] += row.count
                if row.incident is not None:
                    self.final_joined[row.incident] += 1
            else:
                self.live[row.id] = row

    def settle_doubts(self, rows: Sequence[AlertRow]) -> None:
        """What nobody was promised is there or not, once and for all."""
        if self.maybe:
            self.accepted = self.counted(rows)
            self.maybe.clear()

    def counted(self, rows: Iterable[AlertRow]) -> Counter[Name]:
        """How many triggers of each alert there are."""
        found = Counter(self.final_counts)
        for row in rows:
            found[row.name] += row.count
        return found


def _triggers(received: Iterable[Received]) -> Iterator[Name]:
    for one in received:
        if one.signal.action is AlertAction.TRIGGER:
            yield one.integration, one.signal.dedup_key


def every_signal_is_counted_once(book: Book, rows: Sequence[AlertRow]) -> Iterator[str]:
    """Each trigger that a sender was told is safe opened an alert or was counted on one, exactly once."""
    found = book.counted(rows)
    for name in sorted(found.keys() | book.accepted.keys()):
        least = book.accepted[name]
        if not least <= found[name] <= least + book.maybe[name]:
            yield f"{name}: {least} accepted and {book.maybe[name]} in doubt, {found[name]} there"


def an_alert_lives_once_at_a_time(rows: Sequence[AlertRow]) -> Iterator[str]:
    """Of one alert at most one life is not over."""
    living = Counter(row.name for row in rows if row.status != "resolved")
    for name, number in living.items():
        if number > 1:
            yield f"{name} lives {number} times"


def every_alert_has_one_place(rows: Sequence[AlertRow]) -> Iterator[str]:
    """What triage has seen has joined an incident, or is suppressed with a reason; never both or neither."""
    for row in rows:
        if not row.dirty and (row.incident is None) == (not row.suppressed):
            yield f"{row}"


def the_sources_last_word_stands(last: Mapping[Name, Signal], rows: Mapping[Name, AlertRow]) -> Iterator[str]:
    """When a request is accepted, its last signal for an alert is what the alert says."""
    for name, signal in last.items():
        row = rows.get(name)
        match signal.action:
            case AlertAction.TRIGGER:
                fine = row is not None and row.severity <= signal.severity.rank
            case AlertAction.ACKNOWLEDGE:
                fine = row is None or row.status == "acknowledged"
            case _:
                fine = row is None
        if not fine:
            yield f"{name}: the source said {signal.action}, {signal.severity}; there is {row}"


def joined_alerts_are_in_the_story(book: Book, stream: Stream, rows: Sequence[AlertRow]) -> Iterator[str]:
    """An incident's events count each alert that belongs to it once, and each that is still open.

    Where it was resolved by hand, an alert that had just got worse has moved on to a new incident.
    """
    state, joined = stream.incident, book.final_joined[stream.id] + len(rows)
    resolved = state.status.over
    moved_on = resolved or state.reopened > 0 or bool(state.absorbed)
    if stream.joined < joined or (stream.joined > joined and not moved_on):
        yield f"{stream.id} says {stream.joined} alerts joined, {joined} did"
    opened = sum(row.triaged != "resolved" for row in rows)
    if not resolved and state.alerts_open != opened:
        yield f"{stream.id} says {state.alerts_open} alerts are open, {opened} are: {rows}"


def open_alerts_are_looked_after(stream: Stream, rows: Sequence[AlertRow]) -> Iterator[str]:
    """An alert that is not over belongs to an incident that is not over, at a level that covers it."""
    state, policy = stream.incident, stream.policy
    for row in rows:
        if row.dirty or row.status == "resolved":
            continue
        if state.status.over:
            yield f"{stream.id} is {state.status}, and {row} is not"
        signal = load(row.body, Signal)
        fields = {"severity": SEVERITIES[row.severity], "source": signal.source}
        wanted = severity_by_hand.alone(policy, fields, severity_by_hand.stated(signal))
        milder = severity_by_hand.rank(policy, state.level) > severity_by_hand.rank(policy, wanted)
        # A person may know better, until an alert says something new.
        if milder and not stream.judged_by_hand:
            yield f"{stream.id} is at {state.level}, and {row} is at {wanted}"


def every_alert_is_as_it_was(seen: Counter[Name], found: Counter[Name]) -> Iterator[str]:
    """What is over stays as it was."""
    if seen != found:
        yield f"alerts that are over had the counts {seen}, and have {found}"
