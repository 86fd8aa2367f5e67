"""Monitoring systems that never tire: each sends events to the server and remembers what it was told.

An answer of 202 is a promise. The audit at the end holds the server to every one of them.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

TIMEOUT_SECONDS = 15
SOURCES = 6


@dataclass(slots=True)
class Told:
    """What was said of one alert and what was promised.

    `open` is what the last answered request asked for; `sure` is false when a later one got no answer, so
    that nobody can know whether it was stored.
    """

    sent: int = 0
    accepted: int = 0
    open: bool = False
    sure: bool = True


@dataclass(slots=True)
class Said:
    """One event of a request."""

    integration: str
    key: str
    trigger: bool


@dataclass
class Source(threading.Thread):
    """One monitoring system over its own connection. It owns its integrations: nobody else sends there."""

    port: int
    keys: Mapping[str, str]
    seed: int
    pause_seconds: float
    told: dict[tuple[str, str], Told] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    broken: str = ""

    def __post_init__(self) -> None:
        super().__init__(name=f"source-{self.seed}", daemon=True)
        self._random = random.Random(self.seed)
        self._ending = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._open: dict[str, list[str]] = {name: [] for name in self.keys}
        self._number = 0
        self._unanswered: tuple[list[Said], str, object, dict[str, str]] | None = None

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Send until told to end."""
        try:
            while not self._ending.is_set():
                self._act()
                time.sleep(self._random.uniform(0, 2 * self.pause_seconds))
        except Exception as bug:
            # The audit must not pass because a source died.
            self.broken = f"{self.name}: {type(bug).__name__}: {bug}"
        finally:
            self._hang_up()

    def end(self) -> None:
        """Stop sending; the request under way is answered first."""
        self._ending.set()
        self.join(TIMEOUT_SECONDS * 2)

    def _act(self) -> None:
        """One request: mostly a single event, sometimes a batch, sometimes all is well again.

        One that was not accepted is sent again, as a real source does.
        """
        if self._unanswered is not None:
            return self._send(*self._unanswered)
        integration = self._random.choice(list(self.keys))
        is_open = self._open[integration]
        chance = self._random.random()
        if is_open and chance < 0.25:
            self._single(Said(integration, self._random.choice(is_open), trigger=True))
        elif is_open and chance < 0.35:
            self._resolve(integration, [self._random.choice(is_open)])
        elif is_open and chance < 0.48:
            self._resolve(integration, is_open)
        elif chance < 0.60:
            fresh = [self._fresh(integration) for _ in range(self._random.randint(2, 30))]
            again = [Said(integration, key, trigger=True) for key in is_open[:20]]
            self._batch(integration, fresh + again)
            is_open += [one.key for one in fresh]
        else:
            one = self._fresh(integration)
            self._single(one)
            is_open.append(one.key)

    def _resolve(self, integration: str, keys: list[str]) -> None:
        over = [Said(integration, key, trigger=False) for key in keys]
        self._open[integration] = [key for key in self._open[integration] if key not in keys]
        if len(over) == 1:
            self._single(over[0])
        else:
            self._batch(integration, over)

    def _fresh(self, integration: str) -> Said:
        self._number += 1
        return Said(integration, f"{self.seed}/{self._number}", trigger=True)

    def _single(self, one: Said) -> None:
        """PagerDuty's format."""
        body = {
            "routing_key": self.keys[one.integration],
            "event_action": "trigger" if one.trigger else "resolve",
            "dedup_key": one.key,
            "payload": {"summary": one.key, "source": one.integration, "severity": self._severity(one)},
        }
        self._send([one], "/v2/enqueue", body, {})

    def _batch(self, integration: str, many: list[Said]) -> None:
        """Our own format."""
        body = [
            {
                "action": "trigger" if one.trigger else "resolve",
                "key": one.key,
                "summary": one.key,
                "severity": self._severity(one),
            }
            for one in many
        ]
        self._send(many, "/api/v1/events", body, {"authorization": f"Bearer {self.keys[integration]}"})

    def _severity(self, one: Said) -> str:
        # By name, so that a repeat says the same.
        return "critical" if one.key.endswith(("1", "5", "7")) else "error"

    def _send(self, many: list[Said], path: str, body: object, headers: dict[str, str]) -> None:
        answer = self._answer(path, json.dumps(body), headers)
        self.answers[answer] += 1
        self._unanswered = None if answer == "202" else (many, path, body, headers)
        for one in many:
            told = self.told.setdefault((one.integration, one.key), Told())
            told.sent += one.trigger
            if answer == "202":
                told.accepted += one.trigger
                told.open, told.sure = one.trigger, True
            else:
                told.sure = False

    def _answer(self, path: str, body: str, headers: dict[str, str]) -> str:
        """The status, or "none" when the connection broke: then nobody knows whether it was stored."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
            self._connection.request("POST", path, body, {"content-type": "application/json"} | headers)
            response = self._connection.getresponse()
            response.read()
            return str(response.status)
        except (OSError, http.client.HTTPException):
            self._hang_up()
            time.sleep(0.05)
            return "none"

    def _hang_up(self) -> None:
        if self._connection is not None:
            with suppress(OSError):
                self._connection.close()
            self._connection = None


class Load:
    """All sources together, and one responder who acknowledges what he sees."""

    def __init__(
        self, port: int, keys: Mapping[str, str], seed: int, acknowledge: Callable[[], None]
    ) -> None:
        """`keys` are dealt out to the sources; `acknowledge` is called every now and then."""
        names = list(keys)
        self.sources = [
            Source(port, {name: keys[name] for name in names[number::SOURCES]}, seed * 10 + number, 0.005)
            for number in range(SOURCES)
        ]
        self._acknowledge = acknowledge
        self._ending = threading.Event()
        self._responder = threading.Thread(target=self._respond, name="responder", daemon=True)

    def start(self) -> None:
        """Begin."""
        for one in (*self.sources, self._responder):
            one.start()

    def end(self) -> None:
        """Stop; every request has its answer then."""
        self._ending.set()
        for source in self.sources:
            source.end()
        self._responder.join()
        broken = [one.broken for one in self.sources if one.broken]
        assert not broken, broken

    def told(self) -> dict[tuple[str, str], Told]:
        """Everything that was said and promised."""
        return {key: told for source in self.sources for key, told in source.told.items()}

    def answers(self) -> Counter[str]:
        """How often each status was heard."""
        return sum((source.answers for source in self.sources), Counter[str]())

    def _respond(self) -> None:
        while not self._ending.wait(0.3):
            self._acknowledge()
