"""PagerDuty's Events API v2, and its predecessor v1, as monitoring tools speak them.

Nothing that can be paged on is refused: see `fields` for what happens to odd values. A severity of another
scale, or none, is read as critical; the word itself stays in the details.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from tocsin import limits
from tocsin.core.model import AlertAction, AlertSeverity, Parsed, Rejected, Signal
from tocsin.edges.sources.fields import (
    Unreadable,
    add,
    decode,
    dedup_key,
    moment,
    severity,
    summary,
    text,
    web_links,
)

_EMPTY = (None, "")
_ACTIONS = {action.value: action for action in AlertAction}
_READ_EVENT = frozenset(("routing_key", "event_action", "dedup_key", "payload", "links", "images"))
_READ_PAYLOAD = frozenset(
    ("summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details")
)
_READ_V1 = frozenset(("service_key", "event_type", "incident_key", "description", "details", "contexts"))


def parse(body: bytes, new_key: Callable[[], str]) -> Parsed:
    """One v2 event; `new_key` names a trigger that comes without a key.

    An acknowledgement or resolve carries its key alone: Alertmanager repeats the whole payload in it. Raises
    Rejected(400) in PagerDuty's own shape, with every problem at once.
    """
    event, action, routing_key, key = _envelope(body, "routing_key", "event_action", "dedup_key")
    if action is not AlertAction.TRIGGER:
        signal = Signal(action, key)
    else:
        key = key or new_key()
        signal = _trigger(event, key)
    return Parsed(routing_key, (signal,), 202, _accepted("dedup_key", key))


def parse_v1(body: bytes, new_key: Callable[[], str]) -> Parsed:
    """One v1 event, under the same rules. v1 knows no severity: critical."""
    event, action, service_key, key = _envelope(body, "service_key", "event_type", "incident_key")
    if action is not AlertAction.TRIGGER:
        return Parsed(service_key, (Signal(action, key),), 200, _accepted("incident_key", key))
    key = key or new_key()
    details = _details(event.get("details"), "details")
    _add_unread(details, event, _READ_V1)
    contexts = _objects(event.get("contexts"))
    if contexts:
        add(details, "contexts", contexts)
    signal = Signal(
        AlertAction.TRIGGER,
        key,
        summary=summary(event.get("description"), details),
        source=text(event.get("client"), limits.FIELD_CHARACTERS),
        links=web_links([event.get("client_url"), *(context.get("href") for context in contexts)]),
        details=details,
    )
    return Parsed(service_key, (signal,), 200, _accepted("incident_key", key))


def _trigger(event: Mapping[str, object], key: str) -> Signal:
    payload = event.get("payload")
    if not isinstance(payload, dict):
        payload = {} if payload is None else {"payload": payload}
    details = _details(payload.get("custom_details"), "custom_details")
    _add_unread(details, payload, _READ_PAYLOAD)
    _add_unread(details, event, _READ_EVENT)
    word, timestamp = payload.get("severity"), payload.get("timestamp")
    level, at = severity(word), moment(timestamp)
    if level is None and word not in _EMPTY:
        add(details, "severity", word)
    if at is None and timestamp not in _EMPTY:
        add(details, "timestamp", timestamp)
    links, images = event.get("links"), event.get("images")
    if links:
        add(details, "links", links)  # with their texts
    if images:
        add(details, "images", images)
    return Signal(
        AlertAction.TRIGGER,
        key,
        summary(payload.get("summary"), details),
        level or AlertSeverity.CRITICAL,
        text(payload.get("source"), limits.FIELD_CHARACTERS),
        text(payload.get("component"), limits.FIELD_CHARACTERS),
        text(payload.get("group"), limits.FIELD_CHARACTERS),
        text(payload.get("class"), limits.FIELD_CHARACTERS),
        at,
        web_links([event.get("client_url"), *(link.get("href") for link in _objects(links))]),
        details,
    )


def _envelope(
    body: bytes, key_field: str, action_field: str, dedup_field: str
) -> tuple[dict[str, object], AlertAction, str, str]:
    """What v1 and v2 have in common under different names; raises Rejected."""
    try:
        event = decode(body)
    except Unreadable as error:
        raise _rejected([f"The body {error}. Send one event as a JSON object."]) from None
    if not isinstance(event, dict):
        raise _rejected(["The body is not a JSON object. Send one event as a JSON object."])
    key, word = event.get(key_field), event.get(action_field)
    action = _ACTIONS.get(word.strip().lower()) if isinstance(word, str) else None
    name = dedup_key(event.get(dedup_field))
    problems = []
    if not isinstance(key, str) or not key.strip():
        problems.append(f"'{key_field}' is missing or blank. Send the key of the integration in Tocsin.")
    if action is None:
        problems.append(
            f"'{action_field}' is missing or unknown. Send 'trigger', 'acknowledge' or 'resolve'."
        )
    elif action is not AlertAction.TRIGGER and not name:
        problems.append(
            f"'{dedup_field}' is missing or blank. "
            f"To {action} an alert, send the '{dedup_field}' of its trigger."
        )
    if problems or action is None or not isinstance(key, str):
        raise _rejected(problems)
    return event, action, key.strip(), name


def _details(value: object, name: str) -> dict[str, object]:
    """The sender's own details as a fresh object; what is no object gets a name."""
    if isinstance(value, dict):
        return dict(value)
    return {} if value in _EMPTY else {name: value}


def _add_unread(details: dict[str, object], read_from: Mapping[str, object], known: frozenset[str]) -> None:
    for name in read_from.keys() - known:
        if (value := read_from[name]) not in _EMPTY:
            add(details, name, value)


def _objects(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _accepted(dedup_field: str, key: str) -> bytes:
    return msgspec.json.encode({"status": "success", "message": "Event processed", dedup_field: key})


def _rejected(errors: Iterable[str]) -> Rejected:
    answer = {"status": "invalid event", "message": "Event object is invalid", "errors": list(errors)}
    return Rejected(400, msgspec.json.encode(answer))
