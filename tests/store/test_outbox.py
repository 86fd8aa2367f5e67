"""What must be sent: taken once, answered under its fence, taken back from the dead, stopped when moot."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, select, update

from tests.store.conftest import NewDatabase
from tocsin.core.model import Notify, Outcome, PersonId, SubjectId
from tocsin.store import ledger, outbox, sending
from tocsin.store.schema import outbox as outbox_table
from tocsin.store.sending import Leased, Ring
from tocsin.store.store import Store

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
LEASE = timedelta(seconds=15)


@dataclass
class Sender:
    """A node that sends, and the clock it goes by."""

    store: Store
    name: str = "node-1"
    now: datetime = NOW

    def put(
        self,
        *rings: str,
        incident: str = "INC-1",
        person: str = "ana",
        channel: str = "email",
        priority: int = 0,
        page: int = 1,
    ) -> None:
        """Queue rings of one page by their keys."""
        effects = [
            Notify(key, page, number, PersonId(person), channel, urgent=True)
            for number, key in enumerate(rings)
        ]
        self.store.write_now(lambda tx: outbox.put(tx, SubjectId(incident), effects, priority, self.now))

    def lease(self, room: Mapping[str, int] | None = None, bundle_max: int = 50) -> list[Leased]:
        """Take what is ready."""
        return self.store.write_now(
            lambda tx: sending.lease(
                tx, self.now, self.name, room=room or {"email": 16}, bundle_max=bundle_max, lasts=LEASE
            )
        )

    def settle(self, ring: Ring, outcome: Outcome, *, again_in: int = 2) -> bool:
        """Record a channel's answer."""
        retry_at = self.now + timedelta(seconds=again_in)
        return self.store.write_now(
            lambda tx: sending.settle(tx, ring, outcome, "said so", "p-1", now=self.now, retry_at=retry_at)
        )

    def recover(self, node: str | None = None) -> int:
        """Take back what dead senders held."""
        return self.store.write_now(partial(sending.recover, now=self.now, node=node))

    def withdraw(self, *pages: int, incident: str = "INC-1") -> None:
        """These pages are over."""
        self.store.write_now(lambda tx: outbox.withdraw(tx, SubjectId(incident), pages))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def states(self) -> dict[str, str]:
        """The state of each ring by its key."""
        statement = select(outbox_table.c.key, outbox_table.c.state)
        return {row.key: row.state for row in self.store.read_now(lambda tx: tx.execute(statement).all())}

    def ledger(self, incident: str = "INC-1") -> list[str]:
        """Every attempt as "key attempt outcome"."""
        rows = self.store.read_now(lambda tx: ledger.of_incident(tx, incident))
        return [f"{row.key} {row.attempt} {row.outcome}" for row in rows]


@pytest.fixture
def sender(store: Store) -> Sender:
    return Sender(store)


def keys(leased: list[Leased]) -> list[list[str]]:
    """The keys of the rings in each message."""
    return [[ring.key for ring in one.rings] for one in leased]


def only(leased: list[Leased]) -> Ring:
    """The only ring of the only message."""
    ((ring,),) = [one.rings for one in leased]
    return ring


def answered(sender: Sender, bundle_max: int = 50) -> list[Leased]:
    """What is taken, and accepted at once."""
    leased = sender.lease(bundle_max=bundle_max)
    for one in leased:
        for ring in one.rings:
            sender.settle(ring, Outcome.ACCEPTED)
    return leased


def test_a_ring_is_taken_once(sender: Sender) -> None:
    sender.put("a")
    assert keys(sender.lease()) == [["a"]]
    assert sender.lease() == []
    assert sender.states() == {"a": "leased"}
    assert sender.ledger() == ["a 1 sending"]


def test_what_was_accepted_is_done(sender: Sender) -> None:
    sender.put("a")
    assert sender.settle(only(sender.lease()), Outcome.ACCEPTED)
    sender.wait(3600)
    assert sender.recover() == 0
    assert sender.lease() == []
    assert (sender.states(), sender.ledger()) == ({"a": "sent"}, ["a 1 accepted"])


def test_what_was_refused_for_good_is_done(sender: Sender) -> None:
    sender.put("a")
    assert sender.settle(only(sender.lease()), Outcome.FAILED)
    sender.wait(3600)
    assert sender.lease() == []
    assert sender.states() == {"a": "failed"}


@pytest.mark.parametrize(("outcome", "repeat"), [(Outcome.RETRYING, False), (Outcome.UNKNOWN, True)])
def test_what_did_not_get_through_goes_again(sender: Sender, outcome: Outcome, repeat: bool) -> None:
    sender.put("a")
    sender.settle(only(sender.lease()), outcome, again_in=2)
    sender.wait(1)
    assert sender.lease() == []
    sender.wait(1)
    ring = only(sender.lease())
    assert (ring.attempts, ring.unknown) == (2, repeat)
    assert sender.ledger() == [f"a 1 {outcome}", "a 2 sending"]


def test_a_possible_repeat_stays_one_until_it_is_accepted(sender: Sender) -> None:
    sender.put("a")
    sender.settle(only(sender.lease()), Outcome.UNKNOWN)
    sender.wait(2)
    sender.settle(only(sender.lease()), Outcome.RETRYING)
    sender.wait(2)
    assert only(sender.lease()).unknown


def test_a_dead_senders_ring_goes_again_after_the_lease(sender: Sender) -> None:
    sender.put("a")
    sender.lease()
    sender.wait(14)
    assert sender.recover() == 0
    sender.wait(1)
    assert sender.recover() == 1
    ring = only(sender.lease())
    assert (ring.attempts, ring.unknown) == (2, True)
    assert sender.ledger() == ["a 1 unknown", "a 2 sending"]


def test_a_node_that_starts_takes_back_its_own_at_once_and_nobody_elses(sender: Sender) -> None:
    other = Sender(sender.store, "node-2")
    sender.put("a", person="ana")
    sender.lease()
    sender.put("b", person="ben")
    other.lease()
    assert sender.recover("node-1") == 1
    assert sender.states() == {"a": "waiting", "b": "leased"}


def test_an_answer_after_the_lease_was_lost_is_for_the_ledger_only(sender: Sender) -> None:
    """The zombie: it slept through its lease, another sender has the ring, and then it answers."""
    sender.put("a")
    zombie = only(sender.lease())
    sender.wait(15)
    sender.recover()
    second = only(sender.lease())
    assert not sender.settle(zombie, Outcome.FAILED)
    assert sender.states() == {"a": "leased"}
    assert sender.settle(second, Outcome.ACCEPTED)
    assert not sender.settle(zombie, Outcome.ACCEPTED)
    assert sender.states() == {"a": "sent"}
    assert sender.ledger() == ["a 1 accepted", "a 2 accepted"]


def test_an_answer_is_counted_once(sender: Sender) -> None:
    sender.put("a")
    ring = only(sender.lease())
    assert sender.settle(ring, Outcome.ACCEPTED)
    assert not sender.settle(ring, Outcome.FAILED)
    assert sender.states() == {"a": "sent"}


def test_what_waits_for_a_page_that_is_over_does_not_go_out(sender: Sender) -> None:
    sender.put("a", page=1)
    sender.put("b", page=2)
    sender.put("other", incident="INC-2", page=1)
    sender.withdraw(1)
    assert sender.states() == {"a": "withdrawn", "b": "waiting", "other": "waiting"}
    assert sorted(ring for message in keys(sender.lease()) for ring in message) == ["b", "other"]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.ACCEPTED, "sent"),
        (Outcome.FAILED, "failed"),
        (Outcome.RETRYING, "withdrawn"),
        (Outcome.UNKNOWN, "withdrawn"),
    ],
)
def test_what_is_on_its_way_when_its_page_is_over_is_not_tried_again(
    sender: Sender, outcome: Outcome, state: str
) -> None:
    sender.put("a")
    ring = only(sender.lease())
    sender.withdraw(1)
    assert sender.states() == {"a": "leased"}
    assert sender.settle(ring, outcome)
    assert sender.states() == {"a": state}
    sender.wait(3600)
    assert sender.lease() == []


def test_what_a_dead_sender_held_for_a_page_that_is_over_does_not_go_again(sender: Sender) -> None:
    sender.put("a")
    sender.lease()
    sender.withdraw(1)
    sender.wait(15)
    sender.recover()
    assert (sender.states(), sender.ledger()) == ({"a": "withdrawn"}, ["a 1 unknown"])


def test_one_persons_rings_on_one_channel_go_as_one_message(sender: Sender) -> None:
    sender.put("a1", incident="INC-1", person="ana")
    sender.put("b1", incident="INC-1", person="ben")
    sender.put("a2", incident="INC-2", person="ana")
    sender.put("a3", incident="INC-3", person="ana", channel="webhook")
    leased = sender.lease({"email": 16, "webhook": 16})
    assert sorted(keys(leased)) == [["a1", "a2"], ["a3"], ["b1"]]
    (both,) = [one for one in leased if len(one.rings) == 2]
    assert sender.store.read_now(partial(ledger.of_bundle, bundle=both.bundle)) == [
        ("INC-1", "ana"),
        ("INC-2", "ana"),
    ]


def test_a_message_lists_no_more_than_it_may(sender: Sender) -> None:
    for number in range(5):
        sender.put(f"a{number}", incident=f"INC-{number}")
    assert keys(answered(sender, bundle_max=2)) == [["a0", "a1"]]
    assert keys(answered(sender, bundle_max=2)) == [["a2", "a3"]]
    assert keys(answered(sender, bundle_max=2)) == [["a4"]]


def test_a_message_that_may_have_arrived_goes_again_in_the_same_company_under_the_same_key(
    sender: Sender,
) -> None:
    sender.put("a1", incident="INC-1")
    sender.put("a2", incident="INC-2")
    (first,) = sender.lease()
    sender.wait(15)
    sender.recover()
    sender.put("a3", incident="INC-3")
    ((again,), (fresh,)) = answered(sender), answered(sender)
    assert keys([again, fresh]) == [["a1", "a2"], ["a3"]]
    assert again.bundle == first.bundle != fresh.bundle


def test_what_is_left_of_a_message_that_may_have_arrived_keeps_its_key(sender: Sender) -> None:
    sender.put("a1", incident="INC-1")
    sender.put("a2", incident="INC-2")
    (first,) = sender.lease()
    sender.withdraw(1, incident="INC-2")
    sender.wait(15)
    sender.recover()
    (again,) = sender.lease()
    assert keys([again]) == [["a1"]]
    assert again.bundle == first.bundle


def test_a_part_of_a_message_has_another_key(sender: Sender) -> None:
    """A receiver that drops repeats by key must never drop a ring it has not seen."""
    for number in range(3):
        sender.put(f"a{number}", incident=f"INC-{number}")
    (first,) = sender.lease()
    sender.wait(15)
    sender.recover()
    ((part,), (rest,)) = answered(sender, bundle_max=2), answered(sender, bundle_max=2)
    assert keys([part, rest]) == [["a0", "a1"], ["a2"]]
    assert part.bundle != first.bundle == rest.bundle


def test_a_part_waits_while_the_rest_is_still_on_its_way(sender: Sender) -> None:
    sender.put("a1", incident="INC-1")
    sender.put("a2", incident="INC-2")
    (first,) = sender.lease()
    over = update(outbox_table).where(outbox_table.c.key == "a1").values(leased_until=NOW)
    sender.store.write_now(lambda tx: tx.execute(over))
    sender.recover()
    assert sender.lease() == []
    sender.wait(15)
    sender.recover()
    (whole,) = sender.lease()
    assert keys([whole]) == [["a1", "a2"]]
    assert whole.bundle == first.bundle


def test_what_comes_while_a_message_is_on_its_way_waits_for_its_answer_and_goes_as_one(
    sender: Sender,
) -> None:
    """A slow address has one message on its way, and leaves the channel to everybody else."""
    sender.put("a1", incident="INC-1", person="ana")
    first = only(sender.lease())
    for number in range(2, 40):
        sender.put(f"a{number}", incident=f"INC-{number}", person="ana", priority=0)
        assert sender.lease({"email": 1}) == []
    sender.put("b1", incident="INC-1", person="ben", priority=3)
    assert keys(sender.lease({"email": 1})) == [["b1"]]
    sender.settle(first, Outcome.ACCEPTED)
    assert keys(sender.lease({"email": 1})) == [[f"a{number}" for number in range(2, 40)]]


def test_another_channel_of_the_same_person_does_not_wait(sender: Sender) -> None:
    sender.put("slow", person="ana", channel="webhook")
    sender.lease({"webhook": 1})
    sender.put("a", person="ana", channel="email")
    assert keys(sender.lease()) == [["a"]]


def test_of_what_waits_for_one_person_the_worst_level_goes_first(sender: Sender) -> None:
    sender.put("old", incident="INC-1", priority=2)
    sender.lease()
    sender.wait(15)
    sender.recover()
    sender.put("worse", incident="INC-2", priority=0)
    assert keys(answered(sender)) == [["worse"]]
    assert keys(answered(sender)) == [["old"]]


def test_rings_are_bundled_although_more_people_wait_than_there_is_room_for(sender: Sender) -> None:
    sender.put("a1", incident="INC-1", person="ana")
    sender.put("b1", incident="INC-1", person="ben")
    sender.put("a2", incident="INC-2", person="ana")
    assert keys(sender.lease({"email": 1})) == [["a1", "a2"]]
    assert keys(sender.lease({"email": 1})) == [["b1"]]


def test_the_worst_level_goes_first(sender: Sender) -> None:
    sender.put("minor", person="ana", priority=2)
    sender.put("major", person="ben", priority=0)
    sender.put("middle", person="chloe", priority=1)
    assert keys(sender.lease({"email": 2})) == [["major"], ["middle"]]
    assert keys(sender.lease({"email": 2})) == [["minor"]]


def test_a_channel_without_room_holds_up_no_other(sender: Sender) -> None:
    sender.put("a", channel="email")
    sender.put("b", channel="webhook")
    assert keys(sender.lease({"email": 0, "webhook": 1})) == [["b"]]


def test_a_ring_for_a_channel_the_server_does_not_have_is_taken_to_be_refused(sender: Sender) -> None:
    sender.put("a", channel="pigeon")
    assert keys(sender.lease({"email": 1})) == [["a"]]


def test_the_next_time_to_look_is_the_earliest_retry_or_end_of_a_lease(sender: Sender) -> None:
    def next_at() -> datetime | None:
        return sender.store.read_now(sending.next_at)

    assert next_at() is None
    sender.put("a")
    assert next_at() == NOW
    ring = only(sender.lease())
    assert next_at() == NOW + LEASE
    sender.settle(ring, Outcome.RETRYING, again_in=4)
    assert next_at() == NOW + timedelta(seconds=4)
    sender.wait(4)
    sender.settle(only(sender.lease()), Outcome.ACCEPTED)
    assert next_at() is None


def test_the_last_places_are_for_whoever_took_the_last_message_there(sender: Sender) -> None:
    def lease(room: int, kept: int) -> list[list[str]]:
        took = partial(sending.lease, node="node-1", bundle_max=50, lasts=LEASE)
        rooms = {"room": {"email": room}, "kept": {"email": kept}}
        return keys(sender.store.write_now(partial(took, now=sender.now, **rooms)))

    def next_at() -> datetime | None:
        return sender.store.read_now(partial(sending.next_at, kept=["email"]))

    for person, outcomes in (
        ("ana", ("accepted",)),
        ("ben", ("accepted", "unknown")),
        ("dara", ("retrying",)),
    ):
        for number, outcome in enumerate(outcomes):
            sender.put(f"{person}-{number}", person=person)
            sender.settle(only(sender.lease()), Outcome(outcome), again_in=10)
            sender.wait(1)
    sender.wait(10)
    sender.put("chloe", person="chloe", channel="webhook")
    sender.settle(only(sender.lease({"webhook": 1, "email": 0})), Outcome.ACCEPTED)
    for person in ("chloe", "ana"):
        sender.put(f"{person}-new", person=person)
    assert next_at() == sender.now
    assert lease(room=4, kept=4) == [["ana-new"]]
    assert next_at() == sender.now + LEASE
    assert lease(room=4, kept=4) == []
    assert lease(room=3, kept=1) == [["ben-1"], ["dara-0"]], "the others in their order"
    assert lease(room=3, kept=1) == [["chloe-new"]]


def test_what_waits_for_an_answer_or_for_room_is_no_reason_to_look(sender: Sender) -> None:
    def next_at(*full: str) -> datetime | None:
        return sender.store.read_now(lambda tx: sending.next_at(tx, full))

    sender.put("a", channel="webhook")
    sender.put("b", channel="email")
    assert next_at("webhook") == NOW
    assert next_at("webhook", "email") is None
    first = only(sender.lease({"webhook": 1, "email": 0}))
    sender.put("c", channel="webhook")
    assert next_at("email") == NOW + LEASE, "c is for the same person as a, which is on its way"
    sender.settle(first, Outcome.ACCEPTED)
    assert next_at("email") == NOW


def test_the_same_ring_cannot_be_queued_twice(sender: Sender) -> None:
    sender.put("a")
    with pytest.raises(Exception, match=r"(?i)unique"):
        sender.put("a")


def test_nodes_that_lease_at_once_share_the_work(new_database: NewDatabase) -> None:
    url = new_database("postgresql")
    nodes = [Sender(Store(url), f"node-{number}") for number in range(3)]
    for number in range(60):
        nodes[0].put(f"r{number}", incident=f"INC-{number}", person=f"p{number}")
    together = threading.Barrier(len(nodes))

    def work(node: Sender) -> list[str]:
        taken: list[str] = []
        together.wait(10)
        while leased := node.lease({"email": 4}, bundle_max=1):
            taken += [ring.key for one in leased for ring in one.rings]
        return taken

    with ThreadPoolExecutor(len(nodes)) as threads:
        taken = [key for one in threads.map(work, nodes) for key in one]
    assert sorted(taken) == sorted(f"r{number}" for number in range(60))
    for node in nodes:
        node.store.close()


def test_a_node_passes_over_what_another_is_just_taking(new_database: NewDatabase) -> None:
    url = new_database("postgresql")
    first, second = Sender(Store(url), "node-1"), Sender(Store(url), "node-2")
    first.put("a")

    def job(tx: Connection) -> list[Leased]:
        mine = sending.lease(tx, NOW, "node-1", room={"email": 16}, bundle_max=50, lasts=LEASE)
        assert second.lease() == []
        return mine

    assert keys(first.store.write_now(job)) == [["a"]]
    for node in (first, second):
        node.store.close()


def test_what_is_left_of_a_message_is_known_only_when_its_withdrawal_is_through(
    new_database: NewDatabase,
) -> None:
    url = new_database("postgresql")
    first, second = Sender(Store(url), "node-1"), Sender(Store(url), "node-2")
    first.put("a1", incident="INC-1")
    first.put("a2", incident="INC-2")
    (lost,) = first.lease()
    for node in (first, second):
        node.wait(15)
    first.recover()

    with ThreadPoolExecutor(1) as thread:

        def withdraw(tx: Connection) -> Future[list[Leased]]:
            outbox.withdraw(tx, SubjectId("INC-2"), [1])
            leasing = thread.submit(second.lease)
            with pytest.raises(TimeoutError):
                leasing.result(0.3)
            return leasing

        (again,) = first.store.write_now(withdraw).result(10)
    assert keys([again]) == [["a1"]]
    assert again.bundle == lost.bundle
    for node in (first, second):
        node.store.close()


def test_a_withdrawal_also_ends_what_is_just_being_put_back_to_wait(new_database: NewDatabase) -> None:
    url = new_database("postgresql")
    first, second = Sender(Store(url), "node-1"), Sender(Store(url), "node-2")
    first.put("a")
    ring = only(first.lease())
    with ThreadPoolExecutor(1) as thread:

        def settle(tx: Connection) -> Future[None]:
            # A refusal that the incident heard before: nothing but the ring itself is locked.
            sending.settle(tx, ring, Outcome.RETRYING, "", "", now=NOW, retry_at=NOW)
            withdrawing = thread.submit(second.withdraw, 1)
            with pytest.raises(TimeoutError):
                withdrawing.result(0.3)
            return withdrawing

        first.store.write_now(settle).result(10)
    assert first.states() == {"a": "withdrawn"}
    for node in (first, second):
        node.store.close()
