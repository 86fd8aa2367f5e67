"""settings.md, limits.md and metrics.md."""

from __future__ import annotations

import ast
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from scripts.reference.assignments import documented
from scripts.reference.markdown import code, page, table
from tocsin import limits, settings
from tocsin.engine.meters import Meters


def settings_page() -> str:
    """Every setting with its three spellings."""
    rows = [
        (
            code(one.name),
            code(f"--{one.name.replace('_', '-')}") if not one.secret else "none: it is a secret",
            code(f"TOCSIN_{one.name.upper()}"),
            code(one.default) or "empty",
            one.help,
        )
        for one in settings.SETTINGS
    ]
    return page(
        "Settings",
        "`src/tocsin/settings.py`",
        "A setting is given as a flag, in the environment, or in a file that the environment names. Flags win"
        " over the environment, the environment over the default.",
        "`TOCSIN_NAME_FILE` names a file whose content is the value. It works for every setting; use it for"
        " secrets: files are not seen in the process list, and container platforms mount secrets as files.",
        table(("setting", "flag", "environment", "default", "meaning"), rows),
        "`tocsin serve --demo` is a flag only. It serves the example plan to this machine.",
    )


def limits_page() -> str:
    """Every bound."""
    tree = ast.parse(Path(limits.__file__).read_text(encoding="utf-8"))
    rows = [
        (
            "<br>".join(map(code, one.names)),
            "<br>".join(_amount(name) for name in one.names),
            one.words,
        )
        for one in documented(tree.body)
    ]
    return page(
        "Limits",
        "`src/tocsin/limits.py`",
        "Bounds keep one sender, one slow channel or one odd body from harming the others."
        " They are constants, not settings: what the tests prove holds for these values.",
        table(("limit", "value", "meaning"), rows),
    )


def metrics_page() -> str:
    """Every meter that /metrics shows."""
    meters = [one for one in vars(Meters()).values() if isinstance(one, MetricWrapperBase)]
    rows = [
        (code(_exposed(one)), one._type or "", ", ".join(map(code, one._labelnames)), one._documentation)
        for one in meters
    ]
    return page(
        "Metrics",
        "`src/tocsin/engine/meters.py`",
        "What `/metrics` shows, in Prometheus' text format. Counters and the histogram are about this node"
        " since it started; gauges are read from the database when they are asked for.",
        "Labels name integrations and channels. So the address answers this machine, and whoever sends an API"
        " token; nobody else.",
        table(("metric", "type", "labels", "meaning"), rows),
        "Rules for alerts on them: [Watch the watcher](../operate.md#watch-the-watcher).",
    )


def _amount(name: str) -> str:
    value = getattr(limits, name)
    if name.endswith("_BYTES") and value % 1024 == 0:
        return f"{value:,} bytes ({_binary(value)})"
    unit = name.rpartition("_")[2].lower()
    words = unit if value != 1 else unit.removesuffix("s")
    return f"{value:,} {words}"


def _binary(value: int) -> str:
    return f"{value // 1024**2} MiB" if value % 1024**2 == 0 else f"{value // 1024} KiB"


def _exposed(one: MetricWrapperBase) -> str:
    return f"{one._name}_total" if one._type == "counter" else one._name
