"""What goes wrong on a link, decided from a seed: the same calls in the same order meet the same faults."""

import random
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from hashlib import sha256
from typing import Any


class Malformed(ValueError):
    """A wish that cannot be met. `str()` is one sentence."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to go wrong. Rates are shares of 1. All of it hits only keys from `keys_from` up to, without,
    `keys_to`."""

    outage: bool = False  # nothing answers
    latency_seconds: float = 0.0  # each call waits so long, give or take a fifth
    error_rate: float = 0.0  # of calls, answered 503
    drop_rate: float = 0.0  # of reads and writes, whose connection breaks half-way
    corrupt_rate: float = 0.0  # of keys, one byte of which reads wrong until they are written again
    keys_from: str = ""
    keys_to: str = ""

    def __post_init__(self) -> None:
        for name in ("error_rate", "drop_rate", "corrupt_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise Malformed(f"{name} is a share from 0 to 1; not {getattr(self, name)}.")
        if not 0 <= self.latency_seconds <= 300:
            raise Malformed(f"latency_seconds is from 0 to 300; not {self.latency_seconds}.")

    def hits(self, key: str) -> bool:
        return self.keys_from <= key and (not self.keys_to or key < self.keys_to)


# The tabletop scenarios of the runbook, by link. "push" is the way to pagers and webhooks.
SCENARIOS: dict[str, dict[str, Wish]] = {
    "outage": {"storage": Wish(outage=True)},
    "partial": {"storage": Wish(latency_seconds=0.5, error_rate=0.7, keys_from="lists/", keys_to="lists/8")},
    "corruption": {"storage": Wish(corrupt_rate=0.4, keys_from="lists/", keys_to="lists0")},
    "communication": {"push": Wish(outage=True)},
}


class End(Enum):
    """How a call ends."""

    WELL = "well"
    OUTAGE = "outage"
    ERROR = "error"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Verdict:
    delay_seconds: float
    end: End
    corrupt: bool


@dataclass
class Faults:
    """One link. `counts` says what was done to whom since the last wish."""

    seed: int = 0
    wish: Wish = field(default_factory=Wish)
    counts: Counter[str] = field(default_factory=Counter)
    _healed: set[str] = field(default_factory=set)
    _chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self.want(self.wish)

    def want(self, wish: Wish) -> None:
        """From now on this goes wrong, and nothing else. The seed begins anew, and old healings are
        forgotten."""
        self.wish = wish
        self.counts = Counter()
        self._healed = set()
        self._chance = random.Random(self.seed)  # noqa: S311 - drills want chance that repeats

    def judge(self, key: str, *, data: bool) -> Verdict:
        """What happens to one call. `data`: it carries an object's bytes, so it can break off half-way."""
        wish = self.wish
        # All three are drawn for each call, so that one wish does not move the chances of another.
        error, drop, jitter = self._chance.random(), self._chance.random(), self._chance.uniform(0.8, 1.2)
        if not wish.hits(key):
            return Verdict(0.0, End.WELL, corrupt=False)
        end = End.WELL
        if wish.outage:
            end = End.OUTAGE
        elif error < wish.error_rate:
            end = End.ERROR
        elif data and drop < wish.drop_rate:
            end = End.DROP
        self.counts[end.value] += 1
        return Verdict(wish.latency_seconds * jitter, end, self.corrupts(key))

    def corrupts(self, key: str) -> bool:
        """Whether a key is among those that read wrong; the same ones each time."""
        if key in self._healed or not self.wish.hits(key):
            return False
        return self._number(key) / 2**64 < self.wish.corrupt_rate

    def written(self, key: str) -> None:
        """A key that was written anew is whole."""
        self._healed.add(key)

    def damaged_at(self, key: str, size: int) -> int:
        """Which byte of an object reads wrong."""
        return self._number(f"place of {key}") % size if size else 0

    def damage(self, key: str, size: int, start: int, chunk: bytes) -> bytes:
        """A chunk of an object, from `start` on, as it reads."""
        place = self.damaged_at(key, size) - start
        if not 0 <= place < len(chunk):
            return chunk
        self.counts["corrupt"] += 1
        return chunk[:place] + bytes([chunk[place] ^ 0x20]) + chunk[place + 1 :]

    def _number(self, text: str) -> int:
        return int.from_bytes(sha256(f"{self.seed}/{text}".encode()).digest()[:8])

    def shown(self) -> dict[str, Any]:
        return {"seed": self.seed, **asdict(self.wish), "counts": dict(self.counts)}


def read_wish(given: Any) -> Wish:
    """A wish from JSON or the command line; what is not named goes well."""
    if not isinstance(given, dict):
        raise Malformed('Say what is to go wrong, such as {"outage": true}.')
    kinds = {one.name: type(one.default) for one in fields(Wish)}
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in kinds:
            raise Malformed(f"There is no fault {name!r}; there are {', '.join(kinds)}.")
        wanted = kinds[name]
        right = isinstance(value, (int, float)) and not isinstance(value, bool) if wanted is float else False
        if not right and type(value) is not wanted:
            raise Malformed(f"{name} is {'a number' if wanted is float else wanted.__name__}; not {value!r}.")
        found[name] = float(value) if wanted is float else value
    return Wish(**found)
