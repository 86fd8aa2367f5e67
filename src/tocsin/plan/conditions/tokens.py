"""A condition's text cut into tokens, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from tocsin.core.facts import FactKind

KEYWORDS = ("and", "or", "not", "in", "yes", "no", "true", "false", "usual")
"""Words of the language; no fact may be called so."""

DIGITS = 12
"""The most digits on either side of a number's point."""

UNITS = {
    "": (FactKind.NUMBER, 1.0),
    "%": (FactKind.PERCENT, 1.0),
    "ms": (FactKind.DURATION, 0.001),
    "s": (FactKind.DURATION, 1.0),
    "m": (FactKind.DURATION, 60.0),
    "h": (FactKind.DURATION, 3_600.0),
    "d": (FactKind.DURATION, 86_400.0),
    "w": (FactKind.DURATION, 604_800.0),
}
"""What may stand behind a number: its kind, and how many seconds it is where it is a length of time."""


class Cut(Enum):
    """What kinds of tokens there are."""

    NUMBER = auto()
    WORD = auto()
    QUOTED = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True)
class Token:
    """A piece of a condition; `at` is its offset. `text` is what it says, without quotes."""

    cut: Cut
    text: str
    at: int


class Wrong(Exception):
    """The condition is wrong at the offset `at`: what is wrong, and what to do."""

    def __init__(self, at: int, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.at = at
        self.message = message
        self.remedy = remedy


# A minus inside a word belongs to it, so that `web-1` is a name: a difference has spaces around its minus.
_TOKEN = re.compile(
    r"(?P<NUMBER>\d+(?:\.\d+)?(?:\s?%|[^\W\d]+)?)(?![\w.%])"
    r"|(?P<WORD>[^\W\d]\w*(?:-\w+)*)"
    r"|(?P<QUOTED>'[^']*'|\"[^\"]*\")"
    r"|(?P<SIGN>==|!=|<=|>=|[-<>()\[\],+*/])"
)
_SPACE = re.compile(r"\s*")
_INSTEAD = {"=": "==", "&": "and", "|": "or", "!": "not", "≥": ">=", "≤": "<=", "≠": "!=", "×": "*", "−": "-"}


def is_word(text: str) -> bool:
    """Whether it can stand in a condition as a name, without quotes."""
    match = _TOKEN.fullmatch(text)
    return match is not None and match.lastgroup == Cut.WORD.name


def tokens(text: str) -> list[Token]:
    """The tokens of a condition, ending with one that says so; raises Wrong."""
    found: list[Token] = []
    at = _after_space(text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _odd(text, at)
        cut = Cut[match.lastgroup or ""]
        word = match[0][1:-1] if cut is Cut.QUOTED else match[0]
        found.append(Token(cut, word, at))
        at = _after_space(text, match.end())
    return [*found, Token(Cut.END, "", len(text))]


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _odd(text: str, at: int) -> Wrong:
    letter = text[at]
    if letter in "'\"":
        return Wrong(at, "This quotation mark has no second one.", "Close the quotation.")
    if letter in _INSTEAD:
        return Wrong(at, f"`{letter}` means nothing here.", f"Write `{_INSTEAD[letter]}`.")
    if letter.isdigit():
        return Wrong(at, "This is no number.", "Write it like 20, 0.5, 20%, 400ms or 15m.")
    remedy = "A condition is made of facts, numbers, comparisons, and, or, not. Put other text into quotes."
    return Wrong(at, f"`{letter}` means nothing here.", remedy)


def number(token: Token) -> tuple[float, FactKind, str]:
    """A number token's value (lengths of time in seconds), its kind, and how it is written."""
    digits = re.match(r"[\d.]+", token.text)
    assert digits is not None, "a number begins with digits"
    unit = token.text[digits.end() :].strip()
    if unit not in UNITS:
        raise no_unit(unit, token.at + digits.end())
    if any(len(part) > DIGITS for part in digits[0].split(".")):
        raise Wrong(token.at, "This number is too long.", f"Write at most {DIGITS} digits.")
    kind, seconds = UNITS[unit]
    return float(digits[0]) * seconds, kind, digits[0] + unit


def no_unit(word: str, at: int) -> Wrong:
    """What is said of a word behind a number."""
    units = ", ".join(name for name in UNITS if name)
    return Wrong(at, f"`{word}` is no unit.", f"Units are: {units}. Write them like 5m.")
