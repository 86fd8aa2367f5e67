"""What every section is handed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure
from bench.machine import Cores


@dataclass(frozen=True, slots=True)
class Bench:
    """Where to measure. `directory` is empty, on the disk that is measured, and removed afterwards."""

    directory: Path
    cores: Cores
    rounds: int


Section = Callable[[Bench], Coroutine[None, None, list[Figure]]]
