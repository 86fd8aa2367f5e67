"""Reading fields of events as they come: nothing odd is refused, nothing unfit reaches the database.

A sender that is told 400 drops the page. So what is too long is cut, what is of another type is written out,
and what is in doubt counts as bad.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from tocsin import limits
from tocsin.core.model import AlertSeverity

NO_SUMMARY = "(no summary)"
NUL_ESCAPE = b"\\u0000"
"""A NUL can only come into a JSON document as this: a body without it needs no second look."""
TOO_DEEP = f"(left out: nested deeper than {limits.BODY_LEVELS} levels)"

_BOTTOMLESS = "is nested too deeply"
_UNFIT = re.compile("[\0\ud800-\udfff]")  # PostgreSQL refuses NUL, UTF-8 has no lone surrogates
_WEB_LINK = re.compile("https?://", re.IGNORECASE)
_INTEGER_DIGITS_MAX = 300  # as large as a float can be; Python itself refuses 4,300
_MILLISECONDS_FROM = 100_000_000_000  # in seconds that is the year 5138
_SEVERITIES = {severity.value: severity for severity in AlertSeverity}
_HASH_CHARACTERS = 64


class Unreadable(ValueError):
    """The body is no JSON. The message ends a sentence that begins with "The body"."""


def decode(body: bytes) -> object:
    """A JSON document as values that any of our databases takes: no NUL, no lone surrogate, no infinity.

    What msgspec refuses is read once more by laxer rules (bad UTF-8, a byte order mark, line breaks inside
    strings, NaN), because shell scripts page people too. Raises Unreadable.
    """
    try:
        value = msgspec.json.decode(body)
    except RecursionError:
        raise Unreadable(_BOTTOMLESS) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _fit(_decode_laxly(body), limits.BODY_LEVELS)
    if NUL_ESCAPE in body:
        return _fit(value, limits.BODY_LEVELS)
    brackets = body.count(b"{") + body.count(b"[")  # each level needs one
    return bounded(value) if brackets > limits.BODY_LEVELS else value


def bounded(value: object) -> object:
    """The same value, with a note in place of what is nested too deep."""
    return _fit(value, limits.BODY_LEVELS) if _deeper(value, limits.BODY_LEVELS) else value


def text(value: object, characters_max: int) -> str:
    """`value` as text, "" for none, other types as JSON; what is too long ends in an ellipsis."""
    if type(value) is not str:
        if value is None:
            return ""
        value = msgspec.json.encode(value).decode()
    return value if len(value) <= characters_max else value[: characters_max - 1] + "…"


def summary(value: object, details: dict[str, object]) -> str:
    """`value` as a summary that is never empty; the whole of one that had to be cut goes into `details`."""
    words = text(value, limits.SUMMARY_CHARACTERS)
    if type(value) is str and len(value) > limits.SUMMARY_CHARACTERS:
        add(details, "summary", value)
    return words if words and not words.isspace() else NO_SUMMARY


def add(details: dict[str, object], name: str, value: object) -> None:
    """Puts an odd or unknown field beside the sender's own details, never over them."""
    details[name if name not in details else f"event.{name}"] = value


def dedup_key(value: object) -> str:
    """`value` as a key of at most 255 characters, "" for none.

    A longer key keeps its beginning and ends in the SHA-256 of the whole, so that the same long key is the
    same alert each time, and a shortened key that a sender got back and sends again means itself.
    """
    key = text(value, limits.BODY_BYTES)
    if len(key) <= limits.DEDUP_KEY_CHARACTERS:
        return key
    beginning = key[: limits.DEDUP_KEY_CHARACTERS - _HASH_CHARACTERS - 1]
    return f"{beginning}#{hashlib.sha256(key.encode()).hexdigest()}"


def severity(value: object) -> AlertSeverity | None:
    """The severity that a word names, in any case; None for a word of another scale, or none."""
    if type(value) is not str:
        return None
    return _SEVERITIES.get(value) or _SEVERITIES.get(value.strip().lower())


def moment(value: object) -> datetime | None:
    """A source's time in UTC, or None for what is no time.

    Takes ISO 8601 with or without a colon in the offset, a time without offset (read as UTC), and seconds or
    milliseconds since 1970, as number or text. Times before 1970 are "not set": Go writes 0001-01-01.
    """
    try:
        if type(value) is str:
            if not value.isdigit():
                read = datetime.fromisoformat(value.strip())
                at = read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
                return at if at.year >= 1970 else None
            value = int(value)
        if type(value) is int or type(value) is float:
            seconds = value / 1000 if value >= _MILLISECONDS_FROM else value
            return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
    return None


def web_links(values: Iterable[object]) -> tuple[str, ...]:
    """The addresses among `values` that are safe to show as links (http and https), each once."""
    found: dict[str, None] = {}
    for value in values:
        if type(value) is str and _WEB_LINK.match(value) and len(value) <= limits.LINK_CHARACTERS:
            found[value] = None
    return tuple(found) if len(found) <= limits.ALERT_LINKS else tuple(found)[: limits.ALERT_LINKS]


def _decode_laxly(body: bytes) -> object:
    try:
        return json.loads(
            body.decode("utf-8-sig", "replace"),
            strict=False,
            parse_constant=str,
            parse_int=lambda digits: int(digits) if len(digits) <= _INTEGER_DIGITS_MAX else digits,
            parse_float=lambda digits: number if math.isfinite(number := float(digits)) else digits,
        )
    except json.JSONDecodeError as error:
        raise Unreadable(f"is not JSON (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise Unreadable(_BOTTOMLESS) from None


def _deeper(value: object, levels: int) -> bool:
    """Loops, not generators: this runs for each event of a batch."""
    items: Iterable[object]
    if type(value) is dict:
        items = value.values()
    elif type(value) is list:
        items = value
    else:
        return False
    if not levels:
        return True
    for item in items:  # noqa: SIM110 - any() is half as fast
        if (type(item) is dict or type(item) is list) and _deeper(item, levels - 1):
            return True
    return False


def _fit(value: object, levels: int) -> object:
    """The same value with U+FFFD for characters that no database takes, and a note for what lies too deep."""
    if type(value) is str:
        return _UNFIT.sub("\ufffd", value)
    if type(value) is dict:
        if not levels:
            return TOO_DEEP
        return {_UNFIT.sub("\ufffd", name): _fit(item, levels - 1) for name, item in value.items()}
    if type(value) is list:
        return [_fit(item, levels - 1) for item in value] if levels else TOO_DEEP
    return value
