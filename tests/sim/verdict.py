"""What a run has to say: a canonical log, and the first rule that was broken."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ParamSpec

P = ParamSpec("P")
Rule = Callable[P, Iterator[str]]
"""A rule is a generator of faults; its name and its first sentence say what is wanted."""

TAIL_LINES = 2_000
STORY_LINES = 50
INCIDENT = re.compile(r"INC-\d+-\d+")


class Violation(AssertionError):
    """An invariant did not hold. `rule` is its name."""

    def __init__(self, rule: str, words: str) -> None:
        super().__init__(words)
        self.rule = rule


@dataclass(slots=True)
class Log:
    """The history of a run in lines: the same seed gives the same bytes."""

    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    lines: int = 0
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def write(self, line: str) -> None:
        """One more thing that happened."""
        self.lines += 1
        self.tail.append(line)
        self._digest.update(line.encode() + b"\n")

    def story(self, words: str) -> list[str]:
        """The last lines; of what is about incidents, only about those that `words` name."""
        named = set(INCIDENT.findall(words))
        about = [(one, set(INCIDENT.findall(one))) for one in self.tail]
        return [one for one, others in about if not named or not others or others & named][-STORY_LINES:]

    def digest(self) -> str:
        """The SHA-256 of everything written so far."""
        return self._digest.hexdigest()


@dataclass(slots=True)
class Verdict:
    """Collects faults wherever they are seen, also deep inside the engine, which would swallow an exception.

    The run looks at it whenever it has the word again, and stops at the first.
    """

    log: Log
    first: tuple[str, str, str] | None = None
    judged: int = 0

    def expect(self, rule: Callable[P, Iterator[str]], *subjects: P.args, **named: P.kwargs) -> None:
        """Judge by a rule."""
        self.judged += 1
        for words in rule(*subjects, **named):
            if self.first is None:
                self.first = (rule.__name__, (rule.__doc__ or "").strip(), words)
                self.log.write(f"VIOLATION {rule.__name__}: {words}")
            return

    def raise_first(self, where: str) -> None:
        """Stop the run if anything was wrong."""
        if self.first is not None:
            name, sentence, words = self.first
            story = "\n".join(f"    {line}" for line in self.log.story(words))
            raise Violation(
                name, f"{where}: {name}: {sentence}\n  Found: {words}\n  What led to it:\n{story}"
            )
