"""Every change of every clock from 2020 to 2037, against rotas worked out by hand. Part of `make proof`.

python -m tests.proof.on_call
"""

from __future__ import annotations

import random
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.core.chance_rotas import compare
from tests.core.clock_proof import check
from tests.core.rota_by_hand import ZONES, Change, clock_changes


def _check(change: Change) -> int:
    # Two rotas by chance for each change; the change itself is the seed, so that it can be had again.
    chance = random.Random(repr(change))
    return check(*change) + sum(compare(chance, change) for _ in range(2))


def prove() -> str:
    """What was compared, in words; the first instant on which the two disagree raises."""
    changes = list(clock_changes(*ZONES))
    with ProcessPoolExecutor() as workers:
        compared = sum(workers.map(_check, changes, chunksize=50))
    zones = len({change[0] for change in changes})
    return f"{len(changes):,} changes of the clocks of {zones} zones, {compared:,} instants: no difference."


if __name__ == "__main__":
    sys.stdout.write(prove() + "\n")
