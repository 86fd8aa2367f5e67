"""The command line. Commands on the server's machine use its database; the others speak to its API."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tocsin.cli.parser import build_parser
from tocsin.cli.result import Failure, show


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 not done, 2 a fault in the words or the settings."""
    parsed = build_parser().parse_args(arguments)
    try:
        result = parsed.run(parsed)
    except Failure as failure:
        print(f"tocsin: {failure}", file=sys.stderr)
        sys.exit(failure.code)
    except KeyboardInterrupt:
        sys.exit(130)
    if result is not None:
        show(result, as_json=parsed.json)
        sys.exit(result.code)
