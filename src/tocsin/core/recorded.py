"""Times in words that are kept and sent: in UTC, so that each reader can be shown them by their own clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

_RECORDED = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d) UTC\b")


def recorded(at: datetime) -> str:
    """An instant as it stands in such words."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def with_times(words: str, shown: Callable[[datetime], str]) -> str:
    """The words, with each time in them as `shown` says it."""
    return _RECORDED.sub(lambda found: shown(datetime.fromisoformat(f"{found[1]}+00:00")), words)
