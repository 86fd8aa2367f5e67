"""A part of a plan as it is read aloud, and the lines that parts are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from tocsin.plan.sentences import length


@dataclass(frozen=True)
class Part:
    """A heading with what stands below it. `depth` 1 is the plan itself."""

    title: str
    depth: int
    text: str = ""
    lines: tuple[str, ...] = ()


def sentence(texts: Iterable[str]) -> str:
    """Lines as one sentence behind another."""
    return f" {'; '.join(texts)}." if texts else ""


def pairs(named: Mapping[str, str]) -> tuple[str, ...]:
    """Names with a line each."""
    return tuple(f"{name}: {text}" for name, text in named.items())


def lists(named: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Names with a few lines each."""
    return tuple(f"{name}: {', '.join(texts)}" for name, texts in named.items())


def lengths(named: Mapping[str, timedelta]) -> tuple[str, ...]:
    """Names with a length of time each."""
    return tuple(f"{name}: {length(time)}" for name, time in named.items())
