"""Thresholds on live figures: error rate and response time over a window, told once when passed and once
when back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tocsin_guard.events import Events, Level
from tocsin_guard.metrics import Metrics, Sample

METRICS = ("error_rate", "p50_seconds", "p95_seconds", "p99_seconds")


@dataclass(frozen=True, slots=True)
class Threshold:
    """`metric` above `above` over the window, judged from at least `calls_min` calls. It is over again when
    the
    figure is back under 0.8 of the threshold, so that a figure on the edge does not flap."""

    name: str
    metric: str
    above: float
    severity: str = "warning"  # of the page: critical, error, warning, info
    service: str = ""  # all of them
    window_seconds: float = 300.0
    calls_min: int = 20

    def __post_init__(self) -> None:
        if self.metric not in METRICS or self.above <= 0 or self.severity not in LEVELS:
            raise ValueError(
                f"Threshold {self.name}: metric is one of {', '.join(METRICS)}, above is positive."
            )


LEVELS = {
    "info": Level.INFO,
    "warning": Level.WARNING,
    "error": Level.ERROR,
    "critical": Level.CRITICAL,
}

# The two of the common plan: 5 % and 20 % errors, answers slower than 10 s.
DEFAULTS = (
    Threshold("error_rate_elevated", "error_rate", 0.05, "warning"),
    Threshold("error_rate_high", "error_rate", 0.20, "error"),
    Threshold("response_time_high", "p95_seconds", 10.0, "error"),
)


@dataclass
class Watch:
    metrics: Metrics
    events: Events
    thresholds: tuple[Threshold, ...] = DEFAULTS
    passed: set[str] = field(default_factory=set)

    def look(self) -> Iterator[tuple[Threshold, bool, float]]:
        """Record and give each threshold that was passed (True) or is back (False) since the last look."""
        for threshold in self.thresholds:
            sample = self.metrics.summed(threshold.window_seconds, threshold.service)
            value = figure(sample, threshold.metric)
            was = threshold.name in self.passed
            if not was and sample.count >= threshold.calls_min and value > threshold.above:
                self.passed.add(threshold.name)
                self._say(threshold, "threshold_passed", value, LEVELS[threshold.severity])
                yield threshold, True, value
            elif was and value <= threshold.above * 0.8:
                self.passed.discard(threshold.name)
                self._say(threshold, "threshold_back", value, Level.INFO)
                yield threshold, False, value

    def _say(self, threshold: Threshold, type: str, value: float, level: Level) -> None:
        details: dict[str, Any] = {
            "threshold": threshold.name,
            "metric": threshold.metric,
            "value": round(value, 6),
            "above": threshold.above,
            "severity": threshold.severity,
        }
        of = threshold.service or "all services"
        what, unit, scale = (
            ("The error rate", "%", 100)
            if threshold.metric == "error_rate"
            else (f"The {threshold.metric.removesuffix('_seconds')} response time", "s", 1)
        )
        text = f"{what} of {of} is {value * scale:.3g} {unit} (threshold {threshold.above * scale:g} {unit})."
        self.events.add(level, type, text, service=threshold.service, details=details)


def figure(sample: Sample, metric: str) -> float:
    if metric == "error_rate":
        return sample.errors / sample.count if sample.count else 0.0
    return sample.quantile(int(metric[1:3]) / 100)
