"""What monitoring says, from bytes to signals: one module per format."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.core.model import Signal


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a body said: whose it is (`key`, to be looked up), its signals, and what to answer once kept."""

    key: str
    signals: tuple[Signal, ...]
    answer: bytes
