"""docs/guard/reference.md is written from the definitions: `python -m guard.tests.test_docs` writes
it anew.
"""

import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path

from tocsin_guard import BreakerPolicy, DegradedRule, Guard, Schedule, Settings, Threshold, limits
from tocsin_guard.paging import RULES
from tocsin_guard.routes import ROUTES
from tocsin_guard.watch import DEFAULTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guard" / "reference.md"


def page() -> str:
    return "\n".join([*_addresses(), *_settings(), *_limits(), *_pages()]) + "\n"


HEAD = """\
# Reference of tocsin-guard

Written from the definitions by `python -m guard.tests.test_docs`; a test fails when it is out of date.

## Addresses

Answers are `{"data": ..., "as_of": ...}`, errors `application/problem+json` with one sentence in
`detail`. Unknown names in query or body are refused with 400. `wait` (seconds, 0 to 25, default 2) says
how long the answer waits for work that goes on by itself. `{}` is the name of a service, the alias of a
store (`r2`), or an id.
"""


def _addresses() -> Iterator[str]:
    yield HEAD
    yield "| address | scope | query | body | what it answers |"
    yield "|---|---|---|---|---|"
    for route in ROUTES:
        says = " ".join((inspect.getdoc(route.handler) or "").split())
        assert says, f"{route.address} has no sentence: give its handler a docstring."
        query, body = (", ".join(sorted(names)) for names in (route.query, route.body))
        yield f"| `{route.method} {route.address}` | {route.scope} | {query} | {body} | {says} |"
    yield "| `GET /health` | read | | | `application/health+json`; 503 when UNHEALTHY |"
    yield "| `GET /metrics` | read | | | Prometheus text |"
    yield "| `GET /health/notifications/stream` | read | | | all broadcasts as server-sent events |"
    yield "| `GET /health/operations` | none | | | the operations page, which holds no data |"
    yield ""


def _settings() -> Iterator[str]:
    for kind, call in (
        (Guard, "Guard(folder, ...)"),
        (Guard.objects, "guard.objects(store, ...)"),
        (Settings, "Settings(...): one dependency"),
        (BreakerPolicy, "BreakerPolicy(...)"),
        (DegradedRule, "DegradedRule(...)"),
        (Schedule, "Schedule(...): backups"),
        (Threshold, "Threshold(...)"),
    ):
        yield f"## `{call}`"
        yield ""
        yield " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
        yield ""
        yield "| name | default |"
        yield "|---|---|"
        for name, parameter in inspect.signature(kind).parameters.items():
            if name != "self":
                yield f"| `{name}` | {_default(parameter.default)} |"
        yield ""
    yield (
        "Thresholds without your own: "
        + "; ".join(f"{t.metric} above {t.above:g} ({t.severity})" for t in DEFAULTS)
        + "."
    )
    yield ""


def _default(value: object) -> str:
    if value is inspect.Parameter.empty:
        return "wanted"
    if inspect.isfunction(value):
        return f"`{value.__name__}`"
    if isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
        return "see below"
    text = repr(value)
    return "" if text in ("<factory>", "None", "''", "()") else f"`{text}`"


def _limits() -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield "| name | value |"
    yield "|---|---|"
    for name, value in vars(limits).items():
        if name.isupper():
            yield f"| `{name}` | {value} |"
    yield ""


def _pages() -> Iterator[str]:
    yield "## Events that page"
    yield ""
    yield "| event | about | page | severity |"
    yield "|---|---|---|---|"
    for event, (about, action, severity) in RULES.items():
        yield f"| `{event}` | {about} | {action} | {severity} |"


def test_the_reference_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m guard.tests.test_docs`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
