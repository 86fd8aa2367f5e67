"""The command line. Commands on the server's machine use its database; the others speak to its API."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from tocsin.cli.parser import build_parser
from tocsin.cli.result import Failure, Result, show


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 not done, 2 a fault in the words or the settings."""
    parsed, unknown = build_parser().parse_known_args(arguments)
    if unknown:
        # With the usage of the command itself: argparse would show what every command has.
        parsed.usage.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        result = parsed.run(parsed)
    except Failure as failure:
        print(f"tocsin: {failure}", file=sys.stderr)
        sys.exit(failure.code)
    except KeyboardInterrupt:
        sys.exit(130)
    if result is not None:
        _show(result, as_json=parsed.json)
        sys.exit(result.code)


def _show(result: Result, *, as_json: bool) -> None:
    """Print it. Whoever reads only the beginning, as `head` does, has seen enough: that is no fault."""
    try:
        show(result, as_json=as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would be refused once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
