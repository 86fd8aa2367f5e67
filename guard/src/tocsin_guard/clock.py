"""Time, handed in. Only SystemClock reads the machine's clocks; tests hand in one that they move."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What guard asks of time."""

    def now(self) -> float:
        """Seconds since 1970 in UTC, for records that people read. It may jump when the clock is set."""

    def elapsed(self) -> float:
        """Seconds that only ever grow, for windows, waits and durations."""

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have elapsed."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        return time.time()

    def elapsed(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def iso(seconds: float) -> str:
    """1700000000.5 -> "2023-11-14T22:13:20.500Z"."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_iso(text: str) -> float:
    """The opposite; a time without a zone is taken as UTC. Raises ValueError for anything else."""
    # A plus sign in a query arrives as a blank: "...T00:00:00 00:00" was "+00:00".
    moment = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
