"""Calls per service and operation, by the minute: count, errors, and times as a histogram for percentiles.

Buckets grow by 2^(1/8), so a percentile is off by at most 5 %. Recording a call puts it on a list, which is
counted up when somebody looks, when it is long and when its minute is over: a call that touches a disk finds
the core's caches empty, and pays for every line of code it runs. A finished minute goes to the journal.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tocsin_guard import limits
from tocsin_guard.clock import Clock, iso
from tocsin_guard.lines import Record

BUCKETS_PER_OCTAVE = 8
FRESH_MAX = 1_000  # calls that wait to be counted up
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(slots=True)
class Sample:
    """One operation in one minute, or a sum of such."""

    count: int = 0
    errors: int = 0
    seconds: float = 0.0
    worst: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, other: "Sample") -> None:
        self.count += other.count
        self.errors += other.errors
        self.seconds += other.seconds
        self.worst = max(self.worst, other.worst)
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def quantile(self, share: float) -> float:
        """Seconds under which that share of calls ended; 0 without calls."""
        rank, seen = max(1, math.ceil(share * self.count)), 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                return min(2 ** ((bucket + 0.5) / BUCKETS_PER_OCTAVE) / 1e6, self.worst)
        return 0.0


Place = tuple[str, str]  # service, operation


@dataclass
class Metrics:
    clock: Clock
    note: Callable[[Record], None]
    minutes_kept: int = limits.METRIC_MINUTES_KEPT
    minutes: "dict[int, dict[Place, Sample]]" = field(default_factory=dict)
    _finished: dict[Place, Sample] = field(default_factory=dict)  # all minutes that ended in this process
    _minute: int = -1
    _current: dict[Place, Sample] = field(default_factory=dict)
    _fresh: list[tuple[float, str, str, float, bool]] = field(default_factory=list)

    def record(self, service: str, operation: str, seconds: float, failed: bool) -> None:
        self._fresh.append((self.clock.now(), service, operation, seconds, failed))
        if len(self._fresh) >= FRESH_MAX:
            self.count_up()

    def count_up(self) -> None:
        """Put every call into the minute in which it ended."""
        fresh, self._fresh = self._fresh, []
        for at, service, operation, seconds, failed in fresh:
            self._begin(int(at // 60))
            sample = self._current.setdefault((service, operation), Sample())
            bucket = int(math.log2(seconds * 1e6) * BUCKETS_PER_OCTAVE) if seconds > 1e-6 else 0
            sample.count += 1
            sample.errors += failed
            sample.seconds += seconds
            sample.worst = max(sample.worst, seconds)
            sample.buckets[bucket] = sample.buckets.get(bucket, 0) + 1

    def totals(self) -> dict[Place, Sample]:
        """Since the process began, for counters that may only grow."""
        self.count_up()
        found: dict[Place, Sample] = {}
        for samples in (self._finished, self._current):
            for place, sample in samples.items():
                found.setdefault(place, Sample()).add(sample)
        return found

    def roll(self) -> None:
        """Finish the minute before this one, if it is over. Also when the clock was set back: calls are
        counted where the clock says they are, and what lies in its future is not looked at."""
        self.count_up()
        self._begin(int(self.clock.now() // 60))

    def _begin(self, minute: int) -> None:
        if minute == self._minute:
            return
        if self._current:
            self._keep(self._minute, self._current)
            self.note(_record(self._minute, self._current))
            for place, sample in self._current.items():
                self._finished.setdefault(place, Sample()).add(sample)
        self._minute, self._current = minute, {}

    def finish(self) -> None:
        """Have the running minute written as well, for guard ends. What comes later in it is added to it."""
        self.count_up()
        self._begin(-1)

    def _keep(self, minute: int, samples: dict[Place, Sample]) -> None:
        self.minutes[minute] = _merged(self.minutes.get(minute, {}), samples)
        while (first := next(iter(self.minutes))) <= minute - self.minutes_kept or (
            len(self.minutes) > self.minutes_kept
        ):
            del self.minutes[first]

    def select(self, seconds: float) -> Iterator[tuple[int, dict[Place, Sample]]]:
        """Minutes of the last so many seconds, oldest first, the running one included."""
        self.roll()
        oldest = max((self.clock.now() - seconds) // 60, self._minute - self.minutes_kept)
        for minute in range(int(oldest), self._minute + 1):
            samples = self.minutes.get(minute, {})
            if minute == self._minute:
                samples = _merged(samples, self._current)
            if samples:
                yield minute, samples

    def summed(self, seconds: float, service: str = "") -> Sample:
        """All calls of the last so many seconds, of one service or of all."""
        total = Sample()
        for _, samples in self.select(seconds):
            for (of, _operation), sample in samples.items():
                if not service or of == service:
                    total.add(sample)
        return total

    def restore(self, record: Record) -> None:
        samples = {
            (service, operation): Sample(
                count, errors, seconds, worst, {int(b): n for b, n in buckets.items()}
            )
            for service, operation, count, errors, seconds, worst, buckets in record["samples"]
        }
        self._minute = record["minute"]
        self._keep(record["minute"], samples)

    def snapshot(self) -> Iterator[Record]:
        return (_record(minute, samples) for minute, samples in list(self.minutes.items()))


def _merged(some: dict[Place, Sample], more: dict[Place, Sample]) -> dict[Place, Sample]:
    """Both. What is given stays as it is: it may wait to be written."""
    if not some or not more:
        return some or more
    found: dict[Place, Sample] = {}
    for samples in (some, more):
        for place, sample in samples.items():
            found.setdefault(place, Sample()).add(sample)
    return found


def _record(minute: int, samples: dict[Place, Sample]) -> Record:
    rows = [[*place, s.count, s.errors, s.seconds, s.worst, s.buckets] for place, s in samples.items()]
    return {"kind": "minute", "minute": minute, "samples": rows}


def report(metrics: Metrics, hours: float, metric: str = "", service: str = "") -> dict[str, Any]:
    """What /health/metrics answers. `metric` is "", response_time or error_rate."""
    by_operation: dict[Place, Sample] = {}
    series = []
    total = Sample()
    for minute, samples in metrics.select(hours * 3600):
        chosen = {place: s for place, s in samples.items() if not service or place[0] == service}
        summed = _sum(chosen.values())
        total.add(summed)
        for place, sample in chosen.items():
            by_operation.setdefault(place, Sample()).add(sample)
        if chosen:
            series.append({"minute": iso(minute * 60), **shown(summed, metric)})
    operations = [
        {"service": place[0], "operation": place[1], **shown(sample, metric)}
        for place, sample in sorted(by_operation.items())
    ]
    return {
        "hours": hours,
        "metric": metric or "all",
        "summary": shown(total, metric),
        "operations": operations,
        "series": series,
    }


def _sum(samples: Iterable[Sample]) -> Sample:
    total = Sample()
    for sample in samples:
        total.add(sample)
    return total


def shown(sample: Sample, metric: str = "") -> dict[str, Any]:
    """Milliseconds and shares, with the count that they rest on."""
    found: dict[str, Any] = {"count": sample.count}
    if metric in ("", "error_rate"):
        rate = sample.errors / sample.count if sample.count else 0.0
        found |= {"errors": sample.errors, "error_rate": round(rate, 6)}
    if metric in ("", "response_time"):
        times = {f"{name}_ms": round(sample.quantile(q) * 1000, 3) for name, q in QUANTILES.items()}
        mean = sample.seconds / sample.count if sample.count else 0.0
        found |= {"mean_ms": round(mean * 1000, 3), **times, "max_ms": round(sample.worst * 1000, 3)}
    return found
