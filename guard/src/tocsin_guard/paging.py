"""Which events are told to the pagers: what began, under which key, and what ends it. A table, and nothing
else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tocsin_guard.clock import iso
from tocsin_guard.degraded import Cause
from tocsin_guard.dependency import Dependency
from tocsin_guard.events import Event
from tocsin_guard.push import Pushes

# event type -> (what it is about, trigger or resolve, severity of the page)
RULES: Mapping[str, tuple[str, str, str]] = {
    "breaker_open": ("breaker", "trigger", "error"),
    "breaker_permanently_open": ("breaker", "trigger", "critical"),
    "breaker_closed": ("breaker", "resolve", ""),
    "degraded_entered": ("degraded", "trigger", "warning"),
    "degraded_left": ("degraded", "resolve", ""),
    "recovery_forced": ("degraded", "resolve", ""),
    "backup_failed": ("backup", "trigger", "error"),
    "backup_incomplete": ("backup", "trigger", "error"),
    "backup_damaged": ("backup", "trigger", "error"),
    "backup_completed": ("backup", "resolve", ""),
    "integrity_broken": ("integrity", "trigger", "critical"),
    "integrity_checked": ("integrity", "resolve", ""),
    "object_corrupt": ("integrity", "trigger", "error"),
    "object_missing": ("integrity", "trigger", "error"),
    "disk_full": ("disk", "trigger", "critical"),
    "disk_free": ("disk", "resolve", ""),
    "operation_failed": ("queue", "trigger", "warning"),
    "queue_clear": ("queue", "resolve", ""),
    "journal_damaged": ("journal", "trigger", "error"),
    "threshold_passed": ("threshold", "trigger", ""),
    "threshold_back": ("threshold", "resolve", ""),
}


@dataclass
class Paging:
    """Listens to events."""

    pushes: Pushes
    dependencies: Mapping[str, Dependency]

    def hear(self, event: Event) -> None:
        rule = RULES.get(event.type)
        if rule is None or not self.pushes.pagers:
            return
        about, action, severity = rule
        dependency = self.dependencies.get(event.service)
        if about == "degraded" and action == "trigger" and self._by_rule(dependency):
            return  # the breaker that caused it has been told
        if about == "integrity" and action == "resolve" and event.details.get("sample"):
            return  # a sample proves nothing about the others
        key = f"{event.service or 'guard'}/{about}"
        if about == "threshold":
            key = f"{key}/{event.details['threshold']}"
            severity = str(event.details["severity"])
        details = {
            **event.details,
            "service": event.service,
            "event": event.type,
            "message": event.message,
            "by": event.by,
            "reason": event.reason,
        }
        if dependency is not None:
            details["circuit_breaker"] = dependency.breaker.position.value
            details["permanently_open"] = dependency.breaker.permanent
            details["degraded"] = dependency.mode is not None
        self.pushes.page(action, key, event.message, severity, details, iso(event.at))

    @staticmethod
    def _by_rule(dependency: Dependency | None) -> bool:
        return bool(dependency and dependency.mode and dependency.mode.cause is Cause.RULE)
