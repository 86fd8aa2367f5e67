"""Channels that refuse, go silent or come back: no page is lost, none is sent twice without saying so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.world import World, page
from tocsin.core.model import AlertAction, Message, Outcome, Receipt, Signal
from tocsin.engine import outbox
from tocsin.store.alerts import Received


def answer(world: World, channel: str, outcome: Outcome) -> None:
    """From now on the channel answers so."""
    world.channels[channel].answer = lambda _message: Receipt(outcome)


def last(world: World) -> Message:
    """The newest message."""
    return world.sent[-1][2]


def test_a_refusal_for_good_goes_on_to_the_next_rule_at_once(world: World) -> None:
    answer(world, "email", Outcome.FAILED)
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"), page("ana", "webhook"))


def test_a_channel_that_refuses_for_now_is_tried_again_while_the_path_goes_on(world: World) -> None:
    answer(world, "email", Outcome.RETRYING)
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"), page("ana", "webhook"))
    answer(world, "email", Outcome.ACCEPTED)
    world.advance(seconds=2)
    world.expect(page("ana"))
    assert not last(world).repeat


def test_what_was_resolved_meanwhile_is_not_sent_any_more(world: World) -> None:
    answer(world, "email", Outcome.RETRYING)
    answer(world, "webhook", Outcome.RETRYING)
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"), page("ana", "webhook"), page("ben"), page("dara"))
    world.clear("prometheus", "checkout is down")
    answer(world, "email", Outcome.ACCEPTED)
    answer(world, "webhook", Outcome.ACCEPTED)
    world.advance(hours=1)
    world.expect()


def test_after_ten_minutes_without_network_every_wanted_page_goes_out_within_a_minute(world: World) -> None:
    for channel in world.channels:
        answer(world, channel, Outcome.RETRYING)
    world.alert("prometheus", "checkout is down")
    world.advance(minutes=10)
    world.expected = len(world.sent)
    for channel in world.channels:
        answer(world, channel, Outcome.ACCEPTED)
    world.advance(seconds=45)
    world.expect(page("ana"), page("ana", "webhook"), page("ben"), page("dara"))


def test_an_answer_that_was_lost_is_sent_again_and_says_that_it_may_be_a_repeat(world: World) -> None:
    answer(world, "email", Outcome.UNKNOWN)
    world.alert("prometheus", "checkout is down")
    first = last(world)
    answer(world, "email", Outcome.ACCEPTED)
    world.advance(seconds=10)
    world.expect(page("ana"), page("ana"))
    assert last(world).key == first.key
    assert (first.repeat, last(world).repeat) == (False, True)


def test_a_refusal_after_a_lost_answer_still_moves_the_path_on(world: World) -> None:
    answer(world, "email", Outcome.UNKNOWN)
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    answer(world, "email", Outcome.RETRYING)
    world.advance(seconds=2)
    world.expect(page("ana"), page("ana", "webhook"))


def test_a_process_that_was_stopped_past_its_lease_leaves_the_message_to_whoever_has_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal = Signal(AlertAction.TRIGGER, "checkout", "checkout is down")
    world.run(world.intake.accept([Received("prometheus", signal, world.now)]))
    world.run(world.engine.triage_once())
    real = outbox.take

    def take_and_sleep(*given: Any, **named: Any) -> list[outbox.Outgoing]:
        taken = real(*given, **named)
        world.now += timedelta(minutes=1)
        return taken

    with monkeypatch.context() as asleep:
        asleep.setattr(outbox, "take", take_and_sleep)
        world.run(_send(world))
    world.expect()
    world.settle()
    world.expect(page("ana"))
    assert last(world).repeat


async def _send(world: World) -> None:
    await world.engine.send_once()
    await world.engine.sent()


def test_nobody_reachable_falls_through_to_the_catch_all_at_once(world: World) -> None:
    answer(world, "email", Outcome.FAILED)
    answer(world, "webhook", Outcome.FAILED)
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"), page("ana", "webhook"), page("ben"), page("dara"))
    assert world.alarms == [f"{world.incident().id}: nobody can be reached through the plan"]


def test_pages_that_wait_for_one_person_go_as_one_message(world: World) -> None:
    answer(world, "email", Outcome.RETRYING)
    world.alert("prometheus", "checkout is down")
    world.alert("uptime", "catalogue is down")
    world.expected = len(world.sent)
    answer(world, "email", Outcome.ACCEPTED)
    world.advance(seconds=5)
    world.expect(page("ana"))
    assert len(last(world).incidents) == 2


def test_a_message_that_may_have_arrived_goes_again_as_a_whole_however_long_parts_have_waited(
    world: World,
) -> None:
    answer(world, "email", Outcome.RETRYING)
    world.alert("prometheus", "checkout is down")
    # Tried at 0, 2 and 6 seconds: the fourth time is at 14, and then comes the second incident.
    world.advance(seconds=13)
    world.now += timedelta(seconds=1)
    answer(world, "email", Outcome.UNKNOWN)
    world.alert("uptime", "catalogue is down")
    answer(world, "email", Outcome.RETRYING)
    world.advance(seconds=2)
    answer(world, "email", Outcome.ACCEPTED)
    world.advance(seconds=30)
    mails = [message for _, by, message in world.sent if (message.person, by) == ("ana", "email")][-3:]
    assert [len(one.incidents) for one in mails] == [2, 2, 2]
    assert {one.key for one in mails} == {mails[0].key}
    assert [one.repeat for one in mails] == [False, True, True]
    world.expected = len(world.sent)


def test_after_an_outage_of_hours_nobody_gets_the_same_page_twice(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.now += timedelta(hours=5)
    world.settle()
    world.expect(page("ana", "webhook"), page("ben"), page("dara"))


def test_after_an_outage_a_resolved_incident_pages_nobody(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.resolve("ana")
    world.now += timedelta(hours=6)
    world.settle()
    world.expect()
