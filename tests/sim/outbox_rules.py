"""What must be true of messages: of each arrow a ring travels in the outbox, and of each attempt to send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.sim.stream import Stream
from tocsin import limits
from tocsin.core.incident import Incident
from tocsin.core.model import Message, Outcome


@dataclass(frozen=True, slots=True)
class Ring:
    """A row of the outbox as it was read; times are microseconds of the clock."""

    id: int
    key: str
    incident: str
    page: int
    person: str
    channel: str
    state: str
    wanted: int
    attempts: int
    unknown: int
    fence: int
    node: str
    bundle: str | None
    next_at: int
    leased_until: int | None


RING_COLUMNS = (
    "SELECT id, key, subject_id, page, person, channel, state, wanted, attempts, unknown, fence, node,"
    " bundle, next_at, leased_until FROM outbox WHERE kind = 'page'"
)


LONGEST_WAIT = (limits.RETRY_MOST_SECONDS + limits.CLOCK_BEHIND_SECONDS) * 1_000_000


@dataclass(frozen=True, slots=True)
class Arrow:
    """One ring before and after one job. `settles` holds the fence that the job answers for this ring."""

    job: str
    now: int
    before: Ring
    after: Ring
    settles: int | None
    dead_node: str | None
    incident: Incident

    @property
    def moved(self) -> tuple[str, str]:
        """From which state to which."""
        return self.before.state, self.after.state

    @property
    def taken_anew(self) -> bool:
        """Leased by this job, be it from waiting or from a lease that was over."""
        return self.after.state == "leased" and self.after.fence != self.before.fence

    @property
    def over(self) -> bool:
        """Whether the lease it had is nobody's any more."""
        before = self.before
        ended = before.leased_until is not None and before.leased_until <= self.now
        return ended or (self.dead_node is not None and before.node == self.dead_node)

    def __str__(self) -> str:
        return f"{self.job} moves {self.before} to {self.after}"


def a_lease_belongs_to_one(arrow: Arrow) -> Iterator[str]:
    """A ring is leased only when nobody holds it, each time under a higher fence."""
    if not arrow.taken_anew:
        return
    before, after = arrow.before, arrow.after
    if before.state == "leased" and not arrow.over:
        yield f"{arrow}, whose lease is alive"
    if (after.fence, after.attempts) != (before.fence + 1, before.attempts + 1):
        yield f"{arrow}: fence and attempts must each grow by one"
    if after.leased_until is None or after.leased_until <= arrow.now:
        yield f"{arrow}, and the lease is over at once"
    if before.state == "waiting" and before.next_at > arrow.now:
        yield f"{arrow} before its time"


def nothing_leaves_for_a_page_that_is_over(arrow: Arrow) -> Iterator[str]:
    """What is answered, withdrawn or resolved is not leased any more; what was leased before may leave."""
    if arrow.taken_anew and arrow.incident.page(arrow.before.page) is None:
        yield f"{arrow}; page {arrow.before.page} is over, {arrow.before.incident} is {arrow.incident.status}"


def a_stale_answer_changes_nothing(arrow: Arrow) -> Iterator[str]:
    """An answer under an older fence changes nothing but the ledger."""
    if arrow.job == "settle" and arrow.before != arrow.after:
        live = arrow.before.state == "leased" and arrow.settles == arrow.before.fence
        still_ours = arrow.moved == ("leased", "leased") or arrow.moved == ("waiting", "withdrawn")
        if not live and not still_ours:
            yield f"{arrow}, answering fence {arrow.settles}"


def a_ring_moves_along_its_arrows(arrow: Arrow) -> Iterator[str]:
    """A ring goes from waiting to leased to sent, failed or waiting again; it is withdrawn with its page."""
    before, after = arrow.before, arrow.after
    if before == after or arrow.taken_anew:
        return
    page_over = arrow.incident.page(before.page) is None
    match arrow.moved:
        case ("leased", "sent" | "failed"):
            fine = arrow.job == "settle"
        case ("leased", "waiting"):
            fine = before.wanted == 1 and (arrow.job == "settle" or (arrow.over and after.unknown == 1))
        case ("leased", "withdrawn"):
            fine = page_over and (arrow.job == "settle" or arrow.over)
        case ("waiting", "withdrawn"):
            fine = page_over
        case ("leased", "leased"):
            fine = page_over and after.wanted == 0
        case ("waiting", "waiting"):
            # The clock was set back, and nobody waits for longer than anybody ever does.
            too_long = before.next_at - arrow.now > LONGEST_WAIT
            fine = arrow.job == "begin" and too_long and after == replace(before, next_at=arrow.now)
        case _:
            fine = False
    if not fine:
        yield str(arrow)


ARROW_RULES = (
    a_lease_belongs_to_one,
    nothing_leaves_for_a_page_that_is_over,
    a_stale_answer_changes_nothing,
    a_ring_moves_along_its_arrows,
)


@dataclass(slots=True)
class Attempt:
    """One message given to a channel. `recorded` holds, per ring, the answer stored under a live fence."""

    number: int
    node: str
    key: str
    rings: tuple[str, ...]
    tries: int
    repeat: bool
    delivered: bool = False
    refused_for_good: bool = False
    recorded: dict[str, Outcome] = field(default_factory=dict)


@dataclass(slots=True)
class Sendings:
    """Every attempt of a run, by ring and by key."""

    attempts: list[Attempt] = field(default_factory=list)
    by_ring: dict[str, list[Attempt]] = field(default_factory=dict)
    by_key: dict[str, Attempt] = field(default_factory=dict)

    def add(self, attempt: Attempt) -> None:
        """A message is on its way."""
        self.attempts.append(attempt)
        self.by_key.setdefault(attempt.key, attempt)
        for ring in attempt.rings:
            self.by_ring.setdefault(ring, []).append(attempt)

    def earlier(self, attempt: Attempt) -> Iterator[tuple[str, Attempt]]:
        """Each ring of the attempt with each attempt at it before."""
        for ring in attempt.rings:
            for one in self.by_ring.get(ring, ()):
                if one.number < attempt.number:
                    yield ring, one


def a_repeat_is_marked(sendings: Sendings, attempt: Attempt, _message: Message) -> Iterator[str]:
    """A message that may have arrived before says that it may be a repeat; one that cannot have does not."""
    for ring, earlier in sendings.earlier(attempt):
        if earlier.delivered and not attempt.repeat:
            yield f"{ring} goes unmarked; it arrived as attempt {earlier.number} ({earlier.key})"
    if attempt.repeat and attempt.tries == 1:
        yield f"{attempt.key} is marked a repeat, and it is the first attempt"


def what_was_settled_is_not_sent_again(
    sendings: Sendings, attempt: Attempt, _message: Message
) -> Iterator[str]:
    """Once it is stored that a provider took a message, or never will, it is not sent again."""
    for ring, earlier in sendings.earlier(attempt):
        if earlier.recorded.get(ring) in (Outcome.ACCEPTED, Outcome.FAILED):
            yield f"{ring} goes again, and attempt {earlier.number} was {earlier.recorded[ring]}"


def a_key_keeps_its_company(sendings: Sendings, attempt: Attempt, message: Message) -> Iterator[str]:
    """What may have arrived goes again under its key, which never comes to stand for more than at first."""
    if message.key != attempt.key:
        yield f"the message says {message.key}, its lease {attempt.key}"
    first = sendings.by_key.get(attempt.key)
    if first is not None and not set(attempt.rings) <= set(first.rings):
        yield f"{attempt.key} stood for {first.rings} and now for {attempt.rings}"
    for ring, earlier in sendings.earlier(attempt):
        if earlier.delivered and earlier.key != attempt.key:
            yield f"{ring} arrived under {earlier.key} and goes again under {attempt.key}"


def without_a_fault_nothing_goes_twice(
    sendings: Sendings, attempt: Attempt, _message: Message, *, faultless: bool
) -> Iterator[str]:
    """Where nothing goes wrong each ring is sent exactly once."""
    if faultless and (attempt.repeat or any(sendings.earlier(attempt))):
        yield f"{attempt.rings} go again"


ATTEMPT_RULES = (
    a_repeat_is_marked,
    what_was_settled_is_not_sent_again,
    a_key_keeps_its_company,
)


def every_ring_is_in_the_outbox(stream: Stream, keys: Sequence[str]) -> Iterator[str]:
    """What the events say was sent is in the outbox, no more and no less."""
    if missing := stream.rings - set(keys):
        yield f"{stream.id} sent {sorted(missing)}, and the outbox knows nothing of it"
    if extra := set(keys) - stream.rings:
        yield f"the outbox holds {sorted(extra)}, and {stream.id} knows nothing of it"


def the_ledger_has_every_attempt(attempts: Sequence[Any], ring: Ring) -> Iterator[str]:
    """The ledger has one row for each attempt at a ring, and leaves none open when the ring is not."""
    numbers = [row[0] for row in attempts]
    if numbers != list(range(1, ring.attempts + 1)):
        yield f"{ring.key} was tried {ring.attempts} times, the ledger has attempts {numbers}"
    opened = [row[0] for row in attempts if row[1] == "sending"]
    if opened != ([ring.attempts] if ring.state == "leased" else []):
        yield f"{ring.key} is {ring.state}, and attempts {opened} are still open in the ledger"


def the_incident_hears_of_refusals(stream: Stream, refused: Sequence[str]) -> Iterator[str]:
    """When a channel refuses a ring, its incident knows, for only then can it go another way."""
    for key in refused:
        if key not in stream.refused_rings:
            yield f"{key} was refused, and {stream.id} has not heard of it"


def in_the_end_everything_wanted_has_arrived(
    sendings: Sendings, stream: Stream, ring: Ring, *, unreachable: bool
) -> Iterator[str]:
    """When all is well again, each ring has arrived, was refused for good, or its page is over."""
    attempts = sendings.by_ring.get(ring.key, [])
    arrived = any(one.delivered for one in attempts)
    match ring.state:
        case "sent":
            fine = arrived
        case "failed":
            fine = unreachable or any(one.refused_for_good for one in attempts)
        case "withdrawn":
            fine = stream.incident.page(ring.page) is None
        case _:
            fine = False
    if not fine:
        yield f"{ring}, after {attempts}"
