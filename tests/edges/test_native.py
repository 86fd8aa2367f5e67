"""Our own batch format: read whole or refused whole, with a sentence for each bad event."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.edges.test_pagerduty import BOUNDED, JSON, fit_for_every_database
from tocsin import limits
from tocsin.core.model import AlertAction, AlertSeverity, Parsed, Rejected, Signal
from tocsin.edges.sources.native import parse


def event(**changes: Any) -> dict[str, Any]:
    return {"action": "trigger", "key": "checkout/errors", "summary": "Error rate is 7%"} | changes


def signals(*events: object) -> tuple[Signal, ...]:
    return parse(json.dumps({"events": events}).encode())


def test_an_event_is_read_field_by_field() -> None:
    whole = event(
        severity="warning",
        source="eu-west",
        component="checkout",
        group="shop",
        at="2025-01-31T12:00:00Z",
        links=["https://grafana.example/d/1", "javascript:alert(1)"],
        details={"rate": 7},
        surprise=True,
        **{"class": "errors"},
    )
    read = Signal(
        AlertAction.TRIGGER,
        "checkout/errors",
        "Error rate is 7%",
        AlertSeverity.WARNING,
        "eu-west",
        "checkout",
        "shop",
        "errors",
        datetime(2025, 1, 31, 12, tzinfo=UTC),
        ("https://grafana.example/d/1",),
        {"rate": 7},
    )
    assert signals(whole) == (read,)
    assert parse(json.dumps([whole, whole]).encode()) == (read, read)


def test_the_order_is_kept_and_an_empty_batch_is_empty() -> None:
    read = signals({"action": "resolve", "key": "b"}, {"action": "acknowledge", "key": "a"})
    assert read == (Signal(AlertAction.RESOLVE, "b"), Signal(AlertAction.ACKNOWLEDGE, "a"))
    assert signals() == ()


def test_null_is_as_good_as_missing() -> None:
    names = ("summary", "severity", "source", "component", "group", "class", "at", "links", "details")
    assert signals(event(**dict.fromkeys(names))) == (
        Signal(AlertAction.TRIGGER, "checkout/errors", "(no summary)"),
    )


def test_what_is_odd_is_kept_as_in_every_format() -> None:
    read = signals(event(severity="page", at="noon", summary="x" * 2000, key="k" * 300))[0]
    assert (read.severity, read.at) == (AlertSeverity.CRITICAL, None)
    assert read.details == {"severity": "page", "at": "noon", "summary": "x" * 2000}
    assert (len(read.summary), len(read.dedup_key)) == (
        limits.SUMMARY_CHARACTERS,
        limits.DEDUP_KEY_CHARACTERS,
    )
    assert signals(event(at=1738324800))[0].at == datetime(2025, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", [rb"a\u0000b", rb"a\udfffb", b"a\xffb"])
def test_what_no_database_takes_is_replaced(text: bytes) -> None:
    body = b'[{"action":"trigger","key":"%s","summary":"%s","details":{"%s":1}}]' % (text, text, text)
    read = parse(body)[0]
    assert (read.dedup_key, read.summary, read.details) == ("a\ufffdb", "a\ufffdb", {"a\ufffdb": 1})


def test_details_nested_too_deep_are_left_out() -> None:
    deep: object = "end"
    for _ in range(100):
        deep = [deep]
    assert "(left out: nested deeper than 32 levels)" in json.dumps(
        dict(signals(event(details={"deep": deep}))[0].details)
    )


ACTION = "events[0].action is missing or unknown. Send 'trigger', 'acknowledge' or 'resolve'."
KEY = "events[0].key is missing or no text. Send a name that is the same from trigger to resolve."
SHAPE = 'Send {"events": [...]} or a list of events.'


def batch(*events: object) -> bytes:
    return json.dumps(events).encode()


@pytest.mark.parametrize(
    ("body", "status", "errors"),
    [
        (b"", 400, [f"The body is not JSON (line 1, column 1). {SHAPE}"]),
        (b"[" * 100_000, 400, [f"The body is nested too deeply. {SHAPE}"]),
        (b"7", 400, [f"The body is no batch. {SHAPE}"]),
        (b"{}", 400, [f"The body is no batch. {SHAPE}"]),
        (b'{"events":{}}', 400, [f"The body is no batch. {SHAPE}"]),
        (b'{"action":"trigger","key":"k"}', 400, [f"The body is no batch. {SHAPE}"]),
        (batch(7), 400, ["events[0] is not an object. Send an object with 'action' and 'key'."]),
        (batch({}), 400, [ACTION, KEY]),
        (batch(event(action="explode")), 400, [ACTION]),
        (batch(event(action=["trigger"])), 400, [ACTION]),
        (batch(event(key="")), 400, [KEY]),
        (batch(event(key=7)), 400, [KEY]),
        (
            batch(event(), event(), event(), event(summary=7)),
            400,
            ["events[3].summary is no text. Send a text or leave it out."],
        ),
        (
            batch(event(**{"class": []})),
            400,
            ["events[0].class is no text. Send a text or leave it out."],
        ),
        (
            batch(event(at=True)),
            400,
            ["events[0].at is no time. Send one like 2025-01-31T12:00:00Z or leave it out."],
        ),
        (
            batch(event(links="https://example.com")),
            400,
            ["events[0].links is no list of texts. Send a list of https addresses or leave it out."],
        ),
        (
            batch(event(links=[7])),
            400,
            ["events[0].links is no list of texts. Send a list of https addresses or leave it out."],
        ),
        (
            batch(event(details=[])),
            400,
            ["events[0].details is no object. Send an object or leave it out."],
        ),
        (
            batch(*[event()] * 1001),
            413,
            ["The batch holds 1,001 events. Send at most 1,000 in one request."],
        ),
    ],
)
def test_a_bad_batch_is_refused_with_a_remedy(body: bytes, status: int, errors: list[str]) -> None:
    with pytest.raises(Rejected) as caught:
        parse(body)
    assert caught.value.status == status
    assert json.loads(caught.value.answer) == {
        "status": "rejected",
        "message": "No event of this batch was taken",
        "errors": errors,
    }


def test_many_bad_events_are_named_up_to_a_limit() -> None:
    with pytest.raises(Rejected) as caught:
        parse(batch(*[{}] * 500))
    errors = json.loads(caught.value.answer)["errors"]
    assert len(errors) == limits.REJECTED_PROBLEMS
    assert errors[-1].startswith("events[9].key is missing")


def test_the_largest_batch_is_taken() -> None:
    assert len(signals(*[event()] * limits.BATCH_SIGNALS)) == limits.BATCH_SIGNALS


FIELDS = ("action", "key", "summary", "severity", "source", "class", "at", "links", "details", "other")
ODD = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON))
TEXT = st.text(st.characters(codec=None))
GOOD = st.fixed_dictionaries(
    {"action": st.sampled_from(["trigger", "acknowledge", "resolve"]), "key": st.text(min_size=1)},
    optional={
        **dict.fromkeys(("summary", "severity", "source", "component", "group", "class"), TEXT),
        "at": TEXT | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
        "links": st.lists(TEXT),
        "details": st.dictionaries(TEXT, JSON),
    },
)


@BOUNDED
@given(st.binary() | st.lists(ODD, min_size=1).map(json.dumps).map(str.encode))
def test_nothing_crashes_the_parser(body: bytes) -> None:
    try:
        read = parse(body)
    except Rejected:
        return
    fit_for_every_database(Parsed("", read, 202, b""))


@BOUNDED
@given(st.lists(GOOD))
def test_every_good_batch_is_taken_whole(events: list[dict[str, Any]]) -> None:
    read = parse(json.dumps(events).encode())
    assert len(read) == len(events)
    fit_for_every_database(Parsed("", read, 202, b""))
