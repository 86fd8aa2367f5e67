"""Data directories for the servers to be measured, filled through the production functions."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from tocsin import limits
from tocsin.app.start import load_plan_and_people, open_store
from tocsin.core.model import AlertAction, AlertSeverity, PersonId, Signal, SubjectId
from tocsin.engine.context import Context
from tocsin.engine.engine import Engine
from tocsin.engine.intake import Intake
from tocsin.settings import read_settings
from tocsin.store import access, directory, subjects
from tocsin.store.access import TokenKind
from tocsin.store.alerts import Received
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction

PLAN = """
plan: Benchmark
zone: UTC
incident_id: "INC-{{date:%Y%m%d}}-{{number:05d}}"
levels:
  P1:
    acknowledge_within: 5m
    repeat_every: 10m
    ladder:
      - {{after: {first_step}, page: "on call: primary"}}
      - {{after: 5m, page: "on call: secondary"}}
  P2:
    acknowledge_within: 15m
    repeat_every: 15m
    ladder:
      - {{after: {first_step}, page: "on call: primary"}}
      - {{after: 15m, page: "on call: secondary"}}
  P3:
    urgent: false
classify:
  - {{severity: critical, level: P1}}
  - {{severity: error, level: P2}}
  - {{severity: warning, level: P3}}
services: {{shop: Shop}}
integrations: {{shop: shop}}
rotas:
  primary: {{people: [ana, ben], shift: 1w, starts: "2026-01-05 09:00"}}
  secondary: {{people: [ben, ana], shift: 1w, starts: "2026-01-05 09:00"}}
catch_all: [ana]
notify:
  - {{after: 0m, by: [webhook]}}
"""
PEOPLE = """
ana: {{name: Ana, email: ana@example.com, channels: {{webhook: {{to: "{sink}", secret: whsec_{secret}}}}}}}
ben: {{name: Ben, email: ben@example.com, channels: {{webhook: {{to: "{sink}", secret: whsec_{secret}}}}}}}
"""
NOWHERE = "http://127.0.0.1:9/"
SHOP_KEY = "benchmark-key-of-shop-0000000001"
API_TOKEN = "tocsin_benchmark_token_of_ana_000000000000001"


def service_name(number: int) -> str:
    """An integration that the plan does not name is its own service."""
    return f"service-{number:05d}"


def service_key(number: int) -> str:
    """The routing key of that integration."""
    return f"benchmark-key-of-service-{number:05d}"


@contextmanager
def prepared(
    data: Path, *, services: int = 0, sink: str = NOWHERE, first_step: str = "0m"
) -> Iterator[Store]:
    """A fresh store with plan, people and keys, open until the body ends."""
    data.mkdir(parents=True, exist_ok=True)
    plan = data / "plan"
    plan.mkdir()
    (plan / "plan.yaml").write_text(PLAN.format(first_step=first_step))
    people = data / "people.yaml"
    people.write_text(PEOPLE.format(sink=sink, secret=secrets.token_hex(16)))
    settings = read_settings({"data": str(data)}, {})
    store = open_store(settings)
    try:
        load_plan_and_people(store, replace(settings, plan=str(plan), people=str(people)))
        store.write_now(partial(_add_keys, services=services))
        yield store
    finally:
        store.close()


def _add_keys(tx: Transaction, services: int) -> None:
    now = datetime.now(UTC)
    directory.add_key(tx, "shop", SHOP_KEY, now)
    for number in range(services):
        directory.add_key(tx, service_name(number), service_key(number), now)
    until = now + timedelta(days=1)
    access.add(tx, API_TOKEN, TokenKind.API, PersonId("ana"), "benchmark", now, until)


async def open_incidents(store: Store, severities: Sequence[str], alerts_each: int, now: datetime) -> None:
    """One incident for each severity, of service 0, 1, ..., each with so many alerts, all opened at `now`.

    Through the production intake and triage; whatever would be sent waits in the outbox.
    """
    context = Context(
        node="local",
        channels=frozenset({"webhook"}),
        link=lambda bundle, person, _now: f"http://{bundle}/{person}",
        sign_in_link=lambda _tx, person, _now: f"http://{person}",
    )
    engine = Engine(store, context, {}, lambda: now, lambda _applied: None)
    intake = Intake(store, lambda: None)
    received = [
        Received(service_name(number), _signal(f"{number}-{index}", severity), now)
        for number, severity in enumerate(severities)
        for index in range(alerts_each)
    ]
    for start in range(0, len(received), limits.INTAKE_COMMIT_SIGNALS):
        await intake.accept(received[start : start + limits.INTAKE_COMMIT_SIGNALS])
    while await engine.triage_once():
        pass


def incident_ids(tx: Transaction) -> list[SubjectId]:
    """All open incidents."""
    return [one.state.id for one in subjects.listing(tx, open_only=True, limit=100_000)]


def _signal(key: str, severity: str) -> Signal:
    return Signal(
        AlertAction.TRIGGER,
        key,
        f"Error rate of {key} is at 7%",
        AlertSeverity(severity),
        source="shop-eu-west-1",
        component="checkout",
        group="shop",
        event_class="errors",
        details={"rate": "7.0", "limit": "1.0", "dashboard": "shop"},
    )
