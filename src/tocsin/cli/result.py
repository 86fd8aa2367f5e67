"""What a command answers: lines for people, data for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class Failure(Exception):
    """The command was not carried out; the message says why and what to do."""

    def __init__(self, message: str, code: int = 1, answer: Mapping[str, Any] | None = None) -> None:
        """`answer` is all that a server said when it refused."""
        super().__init__(message)
        self.code = code
        self.answer = answer or {}


@dataclass(frozen=True)
class Result:
    """`lines` as people read them, `data` as --json prints it, and the exit code."""

    lines: Sequence[str]
    data: Any
    code: int = 0


def show(result: Result, *, as_json: bool) -> None:
    """Print a result."""
    if as_json:
        print(json.dumps(result.data, default=str, ensure_ascii=False, indent=2))
    else:
        for line in result.lines:
            print(line)
