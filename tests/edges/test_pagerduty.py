"""PagerDuty's Events API as Tocsin reads it.

The events are made by hand from the format's published description, except where the official client sends
them; none was recorded from a vendor's service.
"""

import asyncio
import hashlib
import json
import ssl
from datetime import UTC, datetime
from typing import Any

import pagerduty
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.edges.servers import Authority, Server, answer, http_server
from tocsin import limits
from tocsin.core.model import AlertAction, AlertSeverity, Parsed, Rejected, Signal
from tocsin.edges.sources.pagerduty import parse, parse_v1

KEY = "R0123456789abcdef0123456789abcdef"


def new_key() -> str:
    return "made-key"


def event(**changes: Any) -> dict[str, Any]:
    """The least that PagerDuty itself takes."""
    payload = {"summary": "Error rate is 7%", "source": "eu-west", "severity": "error"}
    whole = {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "checkout/errors",
        "payload": payload,
    }
    return whole | changes


def signal_of(sent: dict[str, Any]) -> Signal:
    return parse(json.dumps(sent).encode(), new_key).signals[0]


def of_payload(**payload: Any) -> Signal:
    return signal_of(event(payload=payload))


def test_a_trigger_is_read_field_by_field() -> None:
    sent = event(
        payload={
            "summary": "Error rate is 7%",
            "source": "eu-west",
            "severity": "warning",
            "timestamp": "2019-11-22T15:43:51.730+0000",
            "component": "checkout",
            "group": "shop",
            "class": "errors",
            "custom_details": {"rate": 7, "tags": ["a", "b"]},
            "surprise": True,
        },
        client="Grafana",
        client_url="https://grafana.example/alert",
        links=[
            {"href": "https://grafana.example/d/1", "text": "Dashboard"},
            {"href": "javascript:alert(1)", "text": "Boom"},
            "not an object",
        ],
        images=[{"src": "https://grafana.example/1.png"}],
    )
    read = parse(json.dumps(sent).encode(), new_key)
    assert read == Parsed(
        KEY,
        (
            Signal(
                action=AlertAction.TRIGGER,
                dedup_key="checkout/errors",
                summary="Error rate is 7%",
                severity=AlertSeverity.WARNING,
                source="eu-west",
                component="checkout",
                group="shop",
                event_class="errors",
                at=datetime(2019, 11, 22, 15, 43, 51, 730_000, UTC),
                links=("https://grafana.example/alert", "https://grafana.example/d/1"),
                details={
                    "rate": 7,
                    "tags": ["a", "b"],
                    "surprise": True,
                    "client": "Grafana",
                    "client_url": "https://grafana.example/alert",
                    "links": sent["links"],
                    "images": sent["images"],
                },
            ),
        ),
        202,
        b'{"status":"success","message":"Event processed","dedup_key":"checkout/errors"}',
    )


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_what_follows_a_trigger_carries_its_key_alone(action: str) -> None:
    """Alertmanager repeats the whole payload in its resolves."""
    read = parse(json.dumps(event(event_action=action)).encode(), new_key)
    assert read.signals == (Signal(AlertAction(action), "checkout/errors"),)
    assert json.loads(read.answer)["dedup_key"] == "checkout/errors"


@pytest.mark.parametrize("key", [None, ""])
def test_a_trigger_without_a_key_gets_one_and_hears_it(key: str | None) -> None:
    read = parse(json.dumps(event(dedup_key=key)).encode(), new_key)
    assert read.signals[0].dedup_key == "made-key"
    assert json.loads(read.answer)["dedup_key"] == "made-key"


def test_a_long_key_is_hashed_the_same_each_time_and_means_itself() -> None:
    long = "k" * 300
    read = parse(json.dumps(event(dedup_key=long)).encode(), new_key)
    key = read.signals[0].dedup_key
    assert key == "k" * 190 + "#" + hashlib.sha256(long.encode()).hexdigest()
    assert len(key) == limits.DEDUP_KEY_CHARACTERS
    assert json.loads(read.answer)["dedup_key"] == key
    for said in (long, key):
        assert signal_of(event(event_action="resolve", dedup_key=said)).dedup_key == key
    assert signal_of(event(dedup_key=long + "k")).dedup_key != key


@pytest.mark.parametrize(
    ("word", "severity", "kept"),
    [
        ("critical", AlertSeverity.CRITICAL, {}),
        ("error", AlertSeverity.ERROR, {}),
        ("warning", AlertSeverity.WARNING, {}),
        ("info", AlertSeverity.INFO, {}),
        (" Info ", AlertSeverity.INFO, {}),
        ("page", AlertSeverity.CRITICAL, {"severity": "page"}),
        (3, AlertSeverity.CRITICAL, {"severity": 3}),
        ({"a": 1}, AlertSeverity.CRITICAL, {"severity": {"a": 1}}),
        ("", AlertSeverity.CRITICAL, {}),
        (None, AlertSeverity.CRITICAL, {}),
    ],
)
def test_a_doubtful_severity_is_critical(word: object, severity: AlertSeverity, kept: dict[str, Any]) -> None:
    read = of_payload(summary="s", severity=word)
    assert (read.severity, read.details) == (severity, kept)


def test_the_senders_own_details_are_never_overwritten() -> None:
    read = of_payload(summary="s", severity="page", custom_details={"severity": "mine"})
    assert read.details == {"severity": "mine", "event.severity": "page"}


@pytest.mark.parametrize(
    ("sent", "summary"),
    [
        (event(payload=None), "(no summary)"),
        (event(payload={}), "(no summary)"),
        (event(payload={"summary": " \n"}), "(no summary)"),
        (event(payload={"summary": 7.5}), "7.5"),
        (event(payload={"summary": ["a", {"b": None}]}), '["a",{"b":null}]'),
        (event(payload="Disk full"), "(no summary)"),
        ({"routing_key": KEY, "event_action": "trigger"}, "(no summary)"),
        ({"routing_key": KEY, "event_action": " Trigger "}, "(no summary)"),
    ],
)
def test_an_odd_trigger_still_pages(sent: dict[str, Any], summary: str) -> None:
    read = signal_of(sent)
    assert (read.action, read.summary) == (AlertAction.TRIGGER, summary)
    assert read.severity is AlertSeverity.CRITICAL


def test_what_has_no_place_is_kept_in_the_details() -> None:
    assert of_payload(summary="s", custom_details="free text").details == {"custom_details": "free text"}
    assert signal_of(event(payload="Disk full")).details == {"payload": "Disk full"}
    assert of_payload(summary="s", timestamp="noon").details == {"timestamp": "noon"}


def test_what_is_too_long_is_cut_and_the_whole_summary_kept() -> None:
    long = "ä" * 3000
    read = of_payload(summary=long, source=long, **{"class": long})
    assert read.summary == "ä" * 1023 + "…"
    assert (len(read.source), len(read.event_class)) == (limits.FIELD_CHARACTERS, limits.FIELD_CHARACTERS)
    assert read.details == {"summary": long}


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("2025-01-31T12:00:00Z", datetime(2025, 1, 31, 12, tzinfo=UTC)),
        ("2025-01-31T12:00:00.123456789Z", datetime(2025, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2025-01-31T14:00:00+02:00", datetime(2025, 1, 31, 12, tzinfo=UTC)),
        ("2025-01-31T14:00:00.000+0200", datetime(2025, 1, 31, 12, tzinfo=UTC)),
        ("2025-01-31 12:00:00", datetime(2025, 1, 31, 12, tzinfo=UTC)),
        (" 2025-01-31T12:00 ", datetime(2025, 1, 31, 12, tzinfo=UTC)),
        (1738324800, datetime(2025, 1, 31, 12, tzinfo=UTC)),
        ("1738324800", datetime(2025, 1, 31, 12, tzinfo=UTC)),
        (1738324800000, datetime(2025, 1, 31, 12, tzinfo=UTC)),
        (1738324800.5, datetime(2025, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        (0, None),
        (-5, None),
        (10**30, None),
        ("9" * 5000, None),
        ("²", None),
        ("yesterday", None),
        ("", None),
        (True, None),
        (None, None),
        ([2025], None),
    ],
)
def test_a_time_is_read_in_many_shapes(said: object, at: datetime | None) -> None:
    assert of_payload(summary="s", timestamp=said).at == at


@pytest.mark.parametrize(
    ("summary", "read"),
    [
        (rb"a\u0000b", "a\ufffdb"),
        (rb"a\ud800b", "a\ufffdb"),
        (rb"\ud83d\ude00", "\U0001f600"),
        (b"a\xffb", "a\ufffdb"),
        (b"two\nlines\t", "two\nlines\t"),
    ],
    ids=["NUL", "lone surrogate", "pair", "no UTF-8", "line break"],
)
def test_what_no_database_takes_is_replaced(summary: bytes, read: str) -> None:
    body = b'{"routing_key":"K","event_action":"trigger","dedup_key":"%s","payload":' % summary
    body += b'{"summary":"%s","custom_details":{"%s":["%s"]}}}' % (summary, summary, summary)
    signal = parse(body, new_key).signals[0]
    assert (signal.dedup_key, signal.summary, signal.details) == (read, read, {read: [read]})


def test_numbers_that_json_does_not_know_become_text() -> None:
    body = (
        b'\xef\xbb\xbf{"routing_key":"K","event_action":"trigger","payload":'
        b'{"custom_details":{"a":NaN,"b":-Infinity,"c":1e999,"d":' + b"9" * 5000 + b',"e":123}}}'
    )
    details = parse(body, new_key).signals[0].details
    assert details == {"a": "NaN", "b": "-Infinity", "c": "1e999", "d": "9" * 5000, "e": 123}


def test_what_is_nested_too_deep_is_left_out() -> None:
    deep: object = "end"
    for _ in range(200):
        deep = {"a": [deep]}
    read = of_payload(summary="s", custom_details={"deep": deep, "flat": 1})
    assert read.details["flat"] == 1
    assert "(left out: nested deeper than 32 levels)" in json.dumps(read.details)
    assert json.dumps(read.details).count("{") < 20


def test_links_are_limited_and_stay_in_the_details() -> None:
    links = [{"href": f"https://example.com/{number}"} for number in range(50)]
    read = signal_of(event(links=links))
    assert (len(read.links), read.details["links"]) == (limits.ALERT_LINKS, links)


NO_KEY = "'routing_key' is missing or blank. Send the key of the integration in Tocsin."
NO_ACTION = "'event_action' is missing or unknown. Send 'trigger', 'acknowledge' or 'resolve'."
NO_DEDUP = "'dedup_key' is missing or blank. To resolve an alert, send the 'dedup_key' of its trigger."
BOM = b"\xef\xbb\xbf"
NO_OBJECT = "The body is not a JSON object. Send one event as a JSON object."


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (b"", ["The body is not JSON (line 1, column 1). Send one event as a JSON object."]),
        (b"{\n  oops", ["The body is not JSON (line 2, column 3). Send one event as a JSON object."]),
        (b"[" * 100_000, ["The body is nested too deeply. Send one event as a JSON object."]),
        (BOM + b"[" * 100_000, ["The body is nested too deeply. Send one event as a JSON object."]),
        (b"[]", [NO_OBJECT]),
        (b"null", [NO_OBJECT]),
        (b"{}", [NO_KEY, NO_ACTION]),
        (b'{"routing_key":" ","event_action":"trigger"}', [NO_KEY]),
        (b'{"routing_key":["K"],"event_action":"trigger"}', [NO_KEY]),
        (b'{"routing_key":"K","event_action":"explode"}', [NO_ACTION]),
        (b'{"routing_key":"K","event_action":{"a":1}}', [NO_ACTION]),
        (b'{"routing_key":"K","event_action":"resolve"}', [NO_DEDUP]),
        (b'{"event_action":"resolve","dedup_key":null}', [NO_KEY, NO_DEDUP]),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused_with_a_remedy(body: bytes, errors: list[str]) -> None:
    with pytest.raises(Rejected) as caught:
        parse(body, new_key)
    assert caught.value.status == 400
    assert json.loads(caught.value.answer) == {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": errors,
    }


def test_the_first_version_is_read_too() -> None:
    sent = {
        "service_key": KEY,
        "event_type": "trigger",
        "incident_key": "db/disk",
        "description": "Disk full",
        "client": "Nagios",
        "client_url": "https://nagios.example/",
        "details": {"used": "99%"},
        "contexts": [
            {"type": "link", "href": "https://wiki.example/disk", "text": "How to"},
            {"type": "image", "src": "https://nagios.example/1.png"},
        ],
    }
    read = parse_v1(json.dumps(sent).encode(), new_key)
    assert read == Parsed(
        KEY,
        (
            Signal(
                AlertAction.TRIGGER,
                "db/disk",
                summary="Disk full",
                source="Nagios",
                links=("https://nagios.example/", "https://wiki.example/disk"),
                details={
                    "used": "99%",
                    "client": "Nagios",
                    "client_url": "https://nagios.example/",
                    "contexts": sent["contexts"],
                },
            ),
        ),
        200,
        b'{"status":"success","message":"Event processed","incident_key":"db/disk"}',
    )
    resolve = {"service_key": KEY, "event_type": "resolve", "incident_key": "db/disk"}
    assert parse_v1(json.dumps(resolve).encode(), new_key).signals == (
        Signal(AlertAction.RESOLVE, "db/disk"),
    )
    nameless = {"service_key": KEY, "event_type": "trigger"}
    assert parse_v1(json.dumps(nameless).encode(), new_key).signals == (
        Signal(AlertAction.TRIGGER, "made-key", summary="(no summary)"),
    )


def test_the_first_version_refuses_in_its_own_words() -> None:
    with pytest.raises(Rejected) as caught:
        parse_v1(b'{"event_type":"acknowledge"}', new_key)
    assert json.loads(caught.value.answer)["errors"] == [
        "'service_key' is missing or blank. Send the key of the integration in Tocsin.",
        "'incident_key' is missing or blank. "
        "To acknowledge an alert, send the 'incident_key' of its trigger.",
    ]


async def test_the_official_client_is_understood_and_understands() -> None:
    authority = Authority()
    context = ssl.create_default_context(cadata=authority.pem)
    parsed: list[Parsed] = []
    made: list[Server] = []

    async def script(writer: asyncio.StreamWriter) -> None:
        parsed.append(parse(made[0].requests[-1][1], new_key))
        await answer(
            "202 Accepted", parsed[-1].answer, "Content-Type: application/json", "Connection: close"
        )(writer)

    def talk(port: int) -> list[str]:
        url = f"https://localhost:{port}"
        with pagerduty.EventsApiV2Client(KEY, base_url=url, verify=context) as client:
            key = client.trigger("Disk full", "db-1", severity="warning", custom_details={"used": 99})
            client.acknowledge(key)
            client.resolve("db/disk")
            return [key]

    async with http_server(script, authority.server_tls("localhost")) as server:
        made.append(server)
        assert await asyncio.to_thread(talk, server.port) == ["made-key"]
    assert [(one.key, one.signals[0].action, one.signals[0].dedup_key) for one in parsed] == [
        (KEY, "trigger", "made-key"),
        (KEY, "acknowledge", "made-key"),
        (KEY, "resolve", "db/disk"),
    ]
    first = parsed[0].signals[0]
    assert (first.summary, first.source, first.severity) == ("Disk full", "db-1", AlertSeverity.WARNING)
    assert first.details == {"used": 99}


def fit_for_every_database(read: Parsed) -> None:
    for signal in read.signals:
        texts = [signal.summary, signal.source, signal.component, signal.group, signal.event_class]
        whole = json.dumps([signal.dedup_key, *texts, *signal.links, dict(signal.details)], allow_nan=False)
        assert "\\u0000" not in whole
        json.dumps([*texts, dict(signal.details)], ensure_ascii=False).encode()
        assert 0 < len(signal.dedup_key) <= limits.DEDUP_KEY_CHARACTERS
        assert all(len(text) <= limits.FIELD_CHARACTERS for text in texts)
        assert signal.at is None or signal.at.utcoffset() is not None


BOUNDED = settings(max_examples=60, deadline=None)  # other tests share the machine

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
PAYLOAD = ("summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details")
NAMES = st.sampled_from((*PAYLOAD, "links", "images", "client", "client_url"))


@BOUNDED
@given(st.binary())
def test_no_bytes_crash_the_parser(body: bytes) -> None:
    for read in (parse, parse_v1):
        with pytest.raises(Rejected):
            read(body, new_key)


@BOUNDED
@given(
    action=st.sampled_from(["trigger", "acknowledge", "resolve"]),
    rest=st.dictionaries(NAMES, JSON),
    payload=st.dictionaries(NAMES, JSON) | JSON,
    key=JSON,
)
def test_no_odd_field_is_refused_or_reaches_the_database(
    action: str, rest: dict[str, Any], payload: object, key: object
) -> None:
    sent = {**rest, "routing_key": "K", "event_action": action, "payload": payload, "dedup_key": key}
    if action != "trigger" and key in (None, ""):
        return
    read = parse(json.dumps(sent).encode(), new_key)
    assert read.key == "K"
    fit_for_every_database(read)
