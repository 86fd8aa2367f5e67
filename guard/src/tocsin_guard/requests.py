"""One request to the operations API: what was asked, read strictly. A wrong query changes nothing and says
why.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tocsin_guard import limits
from tocsin_guard.clock import parse_iso
from tocsin_guard.errors import Malformed


@dataclass(frozen=True, slots=True)
class Request:
    """`by` is the name of the token. Names that the address does not know are refused, so that a slip of
    the pen
    (`?limt=5`) is not taken for "no limit"."""

    path: tuple[str, ...]  # the variable parts of the address
    query: Mapping[str, str]
    body: Mapping[str, Any]
    by: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str, default: str = "", characters_max: int = 200) -> str:
        value = self._value(name, default)
        if not isinstance(value, str) or len(value) > characters_max:
            raise Malformed(f"{name} is a text of at most {characters_max} characters.")
        return value

    def reason(self, required: bool = False) -> str:
        reason = self.text("reason", characters_max=limits.REASON_CHARACTERS_MAX).strip()
        if required and not reason:
            raise Malformed('Say why: {"reason": "..."}.')
        return reason

    def choice(self, name: str, choices: Iterable[str], default: str = "") -> str:
        """One of the choices, whatever its case."""
        value = self.text(name, default)
        if not value and not default:
            return ""
        known = {choice.lower(): choice for choice in choices}
        if value.lower() not in known:
            raise Malformed(f"{name} is one of {', '.join(known.values())}; not {value!r}.")
        return known[value.lower()]

    def number(self, name: str, default: float, low: float, high: float) -> float:
        value = self._value(name, default)
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        if isinstance(value, bool) or not low <= number <= high:
            raise Malformed(f"{name} is a number from {low:g} to {high:g}; not {repr(value)[:40]}.")
        return number

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        number = self.number(name, default, low, high)
        if number != int(number):
            raise Malformed(f"{name} is a whole number from {low} to {high}.")
        return int(number)

    def moment(self, name: str) -> float | None:
        value = self.text(name)
        if not value:
            return None
        try:
            return parse_iso(value)
        except ValueError:
            raise Malformed(f"{name} is a time such as 2024-01-01T00:00:00Z; not {value!r}.") from None

    def wait_seconds(self) -> float:
        return self.number("wait", limits.WAIT_SECONDS_DEFAULT, 0, limits.WAIT_SECONDS_MAX)

    def _value(self, name: str, default: object) -> Any:
        return self.query.get(name, self.body.get(name, default))


def read_query(raw: bytes, known: frozenset[str]) -> dict[str, str]:
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=bool(raw), max_num_fields=20)
    except ValueError:
        raise Malformed("The query could not be read; it looks like ?limit=50&level=error.") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise Malformed(f"The query has no {name!r} here; known: {', '.join(sorted(known)) or 'none'}.")
        if name in found:
            raise Malformed(f"The query has {name!r} twice.")
        found[name] = value
    return found


def read_body(raw: bytes, known: frozenset[str]) -> dict[str, Any]:
    if not raw.strip():
        return {}
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise Malformed("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise Malformed('The body is a JSON object, such as {"reason": "..."}.')
    if strangers := sorted(set(found) - known):
        raise Malformed(
            f"The body has no {strangers[0]!r} here; known: {', '.join(sorted(known)) or 'none'}."
        )
    return found
