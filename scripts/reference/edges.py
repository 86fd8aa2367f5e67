"""sources-and-channels.md: what the modules of the edges say of themselves."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

from scripts.reference.markdown import code, docstring, page
from tocsin.edges import channels, sources


def edges_page() -> str:
    """Every source format and every channel."""
    return page(
        "Sources and channels",
        "the docstrings in `src/tocsin/edges/`",
        "## Sources",
        docstring(sources),
        "The addresses they are spoken at stand in [api.md](api.md#addresses-that-take-events).",
        *map(_source, _modules(sources)),
        "## Channels",
        docstring(channels),
        "Every channel answers with a receipt; its [outcome](transitions.md#outcomes) decides what follows.",
        *map(_channel, _modules(channels)),
    )


def _modules(package: ModuleType) -> list[ModuleType]:
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


def _source(module: ModuleType) -> str:
    parsers = [
        f"- {code(name)}: {' '.join(docstring(function).split())}"
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if name.startswith("parse") and function.__module__ == module.__name__
    ]
    return "\n\n".join(filter(None, [_head(module), docstring(module), "\n".join(parsers)]))


def _channel(module: ModuleType) -> str:
    classes = [
        docstring(found)
        for name, found in inspect.getmembers(module, inspect.isclass)
        if name.endswith("Channel") and found.__module__ == module.__name__
    ]
    return "\n\n".join([_head(module), docstring(module), *classes])


def _head(module: ModuleType) -> str:
    return f"### {module.__name__.rpartition('.')[2]}"
