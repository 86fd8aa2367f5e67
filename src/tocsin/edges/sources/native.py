"""Our own format: many events in one request, for senders that can be told what is wrong.

    {"events": [{"action": "trigger", "key": "checkout/errors", "summary": "Error rate is 7%",
                 "severity": "critical", "source": "eu-west", "component": "checkout", "group": "shop",
                 "class": "errors", "at": "2025-01-31T12:00:00Z", "links": ["https://..."], "details": {}}]}

or the list alone. `action` and `key` are required, the rest may be missing or null, other fields are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, cast

import msgspec

from tocsin import limits
from tocsin.core.model import AlertAction, AlertSeverity, Rejected, Signal
from tocsin.edges.sources.fields import (
    NUL_ESCAPE,
    Unreadable,
    add,
    bounded,
    decode,
    dedup_key,
    moment,
    severity,
    summary,
    text,
    web_links,
)


class _Event(msgspec.Struct, gc=False):
    """One event as sent. The types are checked while decoding, which costs a fraction of doing it here."""

    action: AlertAction
    key: Annotated[str, msgspec.Meta(min_length=1)]
    summary: str | None = None
    severity: str | None = None
    source: str | None = None
    component: str | None = None
    group: str | None = None
    event_class: str | None = msgspec.field(default=None, name="class")
    at: str | int | float | None = None
    links: list[str] | None = None
    details: dict[str, Any] | None = None


class _Batch(msgspec.Struct, gc=False):
    events: list[_Event]


_DECODER = msgspec.json.Decoder(_Batch | list[_Event])
_ACTIONS = frozenset(action.value for action in AlertAction)
_TEXTS = ("summary", "severity", "source", "component", "group", "class")


def parse(body: bytes) -> tuple[Signal, ...]:
    """All signals of a batch in their order, or Rejected: 413 for too many, else 400 naming each bad event.

    A batch is taken whole or not at all. What is merely odd is kept, as in every format: a long key is
    hashed, a long summary cut (the whole stays in the details), an unknown severity read as critical.
    """
    try:
        batch = _DECODER.decode(body)
        events = batch if isinstance(batch, list) else batch.events
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        events = _checked_events(body)
    else:
        if NUL_ESCAPE in body:
            events = _checked_events(body)
    if len(events) > limits.BATCH_SIGNALS:
        remedy = f"Send at most {limits.BATCH_SIGNALS:,} in one request."
        raise _rejected(413, [f"The batch holds {len(events):,} events. {remedy}"])
    return tuple([_signal(event) for event in events])


def _signal(event: _Event) -> Signal:
    details = cast(dict[str, object], bounded(event.details)) if event.details else {}
    level, at = severity(event.severity), moment(event.at)
    if level is None and event.severity:
        add(details, "severity", event.severity)
    if at is None and event.at:
        add(details, "at", event.at)
    trigger = event.action is AlertAction.TRIGGER
    return Signal(
        event.action,
        event.key if len(event.key) <= limits.DEDUP_KEY_CHARACTERS else dedup_key(event.key),
        summary(event.summary, details) if event.summary or trigger else "",
        level or AlertSeverity.CRITICAL,
        text(event.source, limits.FIELD_CHARACTERS),
        text(event.component, limits.FIELD_CHARACTERS),
        text(event.group, limits.FIELD_CHARACTERS),
        text(event.event_class, limits.FIELD_CHARACTERS),
        at,
        web_links(event.links) if event.links else (),
        details,
    )


def _checked_events(body: bytes) -> list[_Event]:
    """The slow way, for a body that is odd or wrong: cleans it, and says all that is wrong with it."""
    try:
        batch = decode(body)
    except Unreadable as error:
        raise _rejected(400, [f"The body {error}. {_SHAPE}"]) from None
    events = batch.get("events") if isinstance(batch, dict) else batch
    if not isinstance(events, list):
        raise _rejected(400, [f"The body is no batch. {_SHAPE}"])
    problems = (problem for index, event in enumerate(events) for problem in _problems(index, event))
    if found := list(islice(problems, limits.REJECTED_PROBLEMS)):
        raise _rejected(400, found)
    return msgspec.convert(events, list[_Event])


_SHAPE = 'Send {"events": [...]} or a list of events.'


def _problems(index: int, event: object) -> Iterator[str]:
    """What _Event refuses, in words."""
    place = f"events[{index}]"
    if not isinstance(event, dict):
        yield f"{place} is not an object. Send an object with 'action' and 'key'."
        return
    action, key, at = event.get("action"), event.get("key"), event.get("at")
    if not isinstance(action, str) or action not in _ACTIONS:
        yield f"{place}.action is missing or unknown. Send 'trigger', 'acknowledge' or 'resolve'."
    if not isinstance(key, str) or not key:
        yield f"{place}.key is missing or no text. Send a name that is the same from trigger to resolve."
    for name in _TEXTS:
        if not isinstance(event.get(name), str | None):
            yield f"{place}.{name} is no text. Send a text or leave it out."
    if at is not None and type(at) not in (str, int, float):
        yield f"{place}.at is no time. Send one like 2025-01-31T12:00:00Z or leave it out."
    links = event.get("links")
    if links is not None and not (isinstance(links, list) and all(isinstance(link, str) for link in links)):
        yield f"{place}.links is no list of texts. Send a list of https addresses or leave it out."
    if not isinstance(event.get("details"), dict | None):
        yield f"{place}.details is no object. Send an object or leave it out."


def _rejected(status: int, errors: list[str]) -> Rejected:
    answer = {"status": "rejected", "message": "No event of this batch was taken", "errors": errors}
    return Rejected(status, msgspec.json.encode(answer))
