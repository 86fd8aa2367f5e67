"""`python -m guard.bench [seconds per part]`: what guard costs. Wants an otherwise idle machine."""

import asyncio
import sys
import tempfile
from pathlib import Path

from guard.bench.parts import measure


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="guard-bench-") as name:
        for one in asyncio.run(measure(Path(name), seconds)):
            goal = (
                ""
                if one.goal is None
                else f" (to reach: {'at least' if one.least else 'at most'} {one.goal:.3g})"
            )
            print(f"{one.name}: {one.value:.3g} {one.unit}{goal}; {one.note}".rstrip("; "))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
