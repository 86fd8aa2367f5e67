"""One thing that the service depends on: its breaker, its degraded mode, its time-outs and repeats, its
figures.

`call` wraps any async call. What a caller may rely on: it returns the result, or raises Unavailable within
attempts x (time-out + wait), or raises what the dependency answered; a cancelled call leaves no probe behind.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tocsin_guard import breaker as b
from tocsin_guard import degraded as d
from tocsin_guard import limits
from tocsin_guard.clock import Clock, iso
from tocsin_guard.deadlines import Deadlines
from tocsin_guard.errors import DiskFull, Refused, StoreAnswer, Unavailable
from tocsin_guard.events import Events, Level
from tocsin_guard.journal import Journal
from tocsin_guard.lines import Record
from tocsin_guard.metrics import Metrics
from tocsin_guard.settings import TROUBLE, Settings

Result = TypeVar("Result")

# The event of each change; only the first opening of an outage is "breaker_open".
KINDS = {
    (b.Position.CLOSED, b.Position.OPEN): "breaker_open",
    (b.Position.OPEN, b.Position.HALF_OPEN): "breaker_half_open",
    (b.Position.HALF_OPEN, b.Position.OPEN): "breaker_probe_failed",
    (b.Position.HALF_OPEN, b.Position.CLOSED): "breaker_closed",
    (b.Position.OPEN, b.Position.CLOSED): "breaker_closed",
}


@dataclass
class Dependency:
    """Made by `Guard.dependency`. `name` is its place in the addresses (`/health/services/{name}/...`)."""

    name: str
    settings: Settings
    clock: Clock
    events: Events
    metrics: Metrics
    journal: Journal
    changed: Callable[["Dependency"], None] = lambda dependency: None
    breaker: b.Breaker = field(default_factory=b.Breaker)
    mode: d.Degraded | None = None
    history: deque[Record] = field(default_factory=lambda: deque(maxlen=limits.BREAKER_HISTORY_KEPT))
    last_check: dict[str, Any] = field(default_factory=dict)
    _trouble: tuple[type[Exception], ...] = TROUBLE
    _checked_at: float = float("-inf")
    _jitter: random.Random = field(default_factory=random.Random)
    _deadlines: Deadlines = field(default_factory=Deadlines)

    def __post_init__(self) -> None:
        self._trouble = (*TROUBLE, *self.settings.trouble)

    # Calling

    async def call(
        self,
        operation: str,
        attempt: Callable[[], Awaitable[Result]],
        *,
        attempts_max: int | None = None,
        timeout_seconds: float | None = None,
    ) -> Result:
        """Call with time-out, breaker, bounded repeats and figures. `attempt` makes a new awaitable each
        time.
        """
        tries = attempts_max or self.settings.attempts_max
        limit = timeout_seconds or self.settings.timeout_seconds
        wait = self.settings.retry_seconds
        while True:
            ticket = self.admit()
            if ticket is None:
                raise Unavailable(f"{self.name} is not called: {self.why_refused()}.")
            try:
                return await self._once(operation, attempt, ticket, limit)
            except self._trouble as error:
                tries -= 1
                if tries <= 0 or ticket.probe or isinstance(error, DiskFull):
                    raise _unavailable(self.name, operation, error, limit) from error
            await self.clock.sleep(wait * self._jitter.uniform(0.5, 1.5))
            wait *= 2

    async def _once(
        self, operation: str, attempt: Callable[[], Awaitable[Result]], ticket: b.Ticket, limit: float
    ) -> Result:
        started = self.clock.elapsed()
        try:
            result = await self._deadlines.within(limit, attempt())
        except DiskFull:
            # A full disk is no reason to stop reading from it: counted, and no evidence for the breaker.
            self._uncounted(operation, started, ticket)
            raise
        except self._trouble:
            self._ended(operation, started, ticket, failed=True)
            raise
        except asyncio.CancelledError:
            self.breaker = b.abandon(self.breaker, ticket)
            raise
        except StoreAnswer:
            self._ended(operation, started, ticket, failed=False)
            raise
        except BaseException:
            # Not trouble of the dependency but an error in the call itself.
            self._uncounted(operation, started, ticket)
            raise
        self._ended(operation, started, ticket, failed=False)
        return result

    def admit(self) -> b.Ticket | None:
        """Ask the breaker for one call; hand the ticket back by `_ended` or `abandon`."""
        if self.breaker.position is b.Position.CLOSED:
            return b.Ticket(self.breaker.generation, probe=False)
        self.breaker, ticket, change = b.admit(self.breaker, self.settings.breaker, self.clock.elapsed())
        self._note(change)
        return ticket

    def _ended(self, operation: str, started: float, ticket: b.Ticket, failed: bool) -> None:
        now = self.clock.elapsed()
        self.metrics.record(self.name, operation, now - started, failed)
        self.breaker, change = b.report(self.breaker, self.settings.breaker, now, ticket, not failed)
        self._note(change)

    def _uncounted(self, operation: str, started: float, ticket: b.Ticket) -> None:
        self.metrics.record(self.name, operation, self.clock.elapsed() - started, failed=True)
        self.breaker = b.abandon(self.breaker, ticket)

    def why_refused(self) -> str:
        return (
            "its circuit breaker is open"
            if self.breaker.position is b.Position.OPEN
            else "a probe is under way"
        )

    # State

    @property
    def closed(self) -> bool:
        return self.breaker.position is b.Position.CLOSED

    @property
    def held(self) -> bool:
        """A person decides when work goes on: new writes queue untried, queued ones wait."""
        mode = self.mode
        return mode is not None and (mode.cause is d.Cause.HAND or not self.settings.degraded.leave)

    @property
    def may_drain(self) -> bool:
        """Whether queued work may be tried: not while it is held, not into an open breaker."""
        return self.closed and not self.held

    @property
    def status(self) -> str:
        if not self.closed:
            return "UNHEALTHY"
        return "HEALTHY" if self.mode is None else "DEGRADED"

    def tick(self) -> None:
        """Apply the rules that depend on time."""
        now = self.clock.elapsed()
        self.breaker, change = b.judge(self.breaker, self.settings.breaker, now)
        self._note(change)
        mode = d.by_rule(
            self.mode,
            self.settings.degraded,
            closed=self.closed,
            closed_seconds=now - self.breaker.since,
            now=self.clock.now(),
        )
        if mode is not self.mode:
            self._set_mode(mode)
            if mode is None:
                self.events.add(
                    Level.INFO, "degraded_left", f"{self.name} works normally.", service=self.name
                )

    def check_due(self) -> bool:
        """Time for a check: now and then while well, and as a probe as soon as the breaker would admit
        one.
        """
        if self.settings.check is None:
            return False
        now = self.clock.elapsed()
        if self.closed:
            return now >= self._checked_at + self.settings.check_every_seconds
        state = self.breaker
        due = state.since + state.cooldown_seconds if state.probe_until is None else state.probe_until
        return now >= due

    async def check(self) -> dict[str, Any]:
        """Try the dependency now and say how it went. While the breaker is open this is its probe, if one
        is due;
        else it only looks, and the breaker stays as it is."""
        self._checked_at = started = self.clock.elapsed()
        if self.settings.check is None:
            return {"service": self.name, "ok": self.closed, "checked": False, "note": "it has no check"}
        error = ""
        try:
            if (ticket := self.admit()) is not None:
                await self._once("check", self.settings.check, ticket, self.settings.timeout_seconds)
            else:
                await self._deadlines.within(self.settings.timeout_seconds, self.settings.check())
        except asyncio.CancelledError:
            raise
        except Exception as failure:  # a check is other people's code; whatever it raises means "not well"
            error = str(failure) or type(failure).__name__
        milliseconds = round((self.clock.elapsed() - started) * 1000, 3)
        self.last_check = {
            "service": self.name,
            "ok": not error,
            "checked": True,
            "at": iso(self.clock.now()),
            "milliseconds": milliseconds,
        } | ({"error": error} if error else {})
        return self.last_check

    # By hand

    async def degrade(self, reason: str, by: str) -> bool:
        """Enter degraded mode, or take it over from the rule. False: it was already so, for the same
        reason.
        """
        if self.mode and self.mode.cause is d.Cause.HAND and self.mode.reason == reason:
            return False
        self._set_mode(d.by_hand(self.mode, reason, by, self.clock.now()))
        await self._act("degraded_entered", f"{self.name} was put into degraded mode: {reason}", by, reason)
        return True

    async def restore(self, by: str, reason: str) -> bool:
        """Leave degraded mode. Refused while the breaker is not closed."""
        if self.mode is None:
            return False
        if not self.closed:
            raise Refused(
                f"{self.name} still fails (breaker {self.breaker.position}); reset the breaker first, "
                f"or use force-recovery."
            )
        self._set_mode(None)
        await self._act("degraded_left", f"{self.name} was taken out of degraded mode.", by, reason)
        return True

    async def reset(self, by: str, reason: str) -> bool:
        """Close the breaker. False: it was closed; its window is forgotten all the same."""
        self.breaker, change = b.close(self.breaker, self.clock.elapsed(), f"reset by {by}")
        self._note(change)
        await self._act("breaker_reset", f"The circuit breaker of {self.name} was reset.", by, reason)
        return change is not None

    async def force_recovery(self, by: str, reason: str) -> bool:
        """Close the breaker and leave degraded mode, whatever was found before."""
        self.breaker, change = b.close(self.breaker, self.clock.elapsed(), f"recovery forced by {by}")
        self._note(change)
        left = self.mode is not None
        self._set_mode(None)
        await self._act(
            "recovery_forced", f"{self.name} was put back to normal operation by force.", by, reason
        )
        return left or change is not None

    async def _act(self, type: str, message: str, by: str, reason: str) -> None:
        await self.events.act(type, message, by=by, reason=reason, service=self.name)

    # Recording

    def _note(self, change: b.Change | None) -> None:
        if change is None:
            return
        record = {
            "kind": "breaker",
            "service": self.name,
            "at": self.clock.now(),
            "from": change.before.value,
            "to": change.after.value,
            "reason": change.reason,
            "permanent": self.breaker.permanent,
        }
        self.history.append(record)
        self.journal.note(record)
        level = Level.INFO
        if change.permanent:
            level = Level.CRITICAL
        elif change.before is b.Position.CLOSED:
            level = Level.ERROR
        kind = "breaker_permanently_open" if change.permanent else KINDS[change.before, change.after]
        text = f"Circuit breaker of {self.name}: {change.before} -> {change.after}; {change.reason}."
        self.events.add(level, kind, text, service=self.name)
        if change.before is b.Position.CLOSED and self.mode is None and self.settings.degraded.automatic:
            self._set_mode(
                d.by_rule(None, self.settings.degraded, closed=False, closed_seconds=0, now=self.clock.now())
            )
            text = f"{self.name} is in degraded mode: {change.reason}."
            self.events.add(Level.WARNING, "degraded_entered", text, service=self.name)
        self.changed(self)

    def _set_mode(self, mode: d.Degraded | None) -> None:
        self.mode = mode
        self.journal.note(self._mode_record())
        self.changed(self)

    def _mode_record(self) -> Record:
        mode = self.mode
        value = (
            None
            if mode is None
            else {"cause": mode.cause.value, "reason": mode.reason, "by": mode.by, "since": mode.since}
        )
        return {"kind": "mode", "service": self.name, "value": value}

    def restore_record(self, record: Record) -> None:
        """Replay. An open breaker comes back open with its probe due at once: a restart neither forgets an
        outage nor hammers on it."""
        if record["kind"] == "mode":
            value = record["value"]
            self.mode = value and d.Degraded(
                d.Cause(value["cause"]), value["reason"], value["by"], value["since"]
            )
            return
        self.history.append(record)
        if record["to"] == b.Position.CLOSED:
            self.breaker = b.Breaker()
            return
        now = self.clock.elapsed()
        opened = self.breaker.opened_since
        if opened is None:
            opened = now - max(0.0, self.clock.now() - record["at"])
        self.breaker = b.Breaker(
            position=b.Position.OPEN,
            generation=self.breaker.generation + 1,
            since=now - self.settings.breaker.open_seconds,
            opened_since=opened,
            cooldown_seconds=self.settings.breaker.open_seconds,
            permanent=record["permanent"],
        )

    def snapshot(self) -> list[Record]:
        return [*self.history, self._mode_record()]

    def shown(self) -> dict[str, Any]:
        """For the operations API."""
        recent = self.metrics.summed(300, self.name)
        mode = self.mode
        return {
            "name": self.name,
            "status": self.status,
            "circuit_breaker": {
                "state": self.breaker.position.value,
                "permanently_open": self.breaker.permanent,
                "failures_in_a_row": self.breaker.in_a_row,
                "open_for_seconds": self._open_seconds(),
            },
            "degraded": mode is not None,
            "degraded_mode": mode
            and {"cause": mode.cause.value, "reason": mode.reason, "by": mode.by, "since": iso(mode.since)},
            "calls_last_5_minutes": recent.count,
            "error_rate_last_5_minutes": round(recent.errors / recent.count, 6) if recent.count else 0.0,
            "p95_ms_last_5_minutes": round(recent.quantile(0.95) * 1000, 3),
            "last_check": self.last_check or None,
        }

    def _open_seconds(self) -> float | None:
        since = self.breaker.opened_since
        return None if since is None else round(self.clock.elapsed() - since, 3)


def _unavailable(name: str, operation: str, error: BaseException, limit: float) -> Unavailable:
    if isinstance(error, Unavailable):
        return error
    if isinstance(error, TimeoutError):
        return Unavailable(f"{name} did not answer {operation} within {limit:g} s.")
    return Unavailable(f"{name} failed {operation}: {str(error) or type(error).__name__}")
