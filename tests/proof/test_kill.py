"""What ends a server, and sometimes its database, under load: nothing that was promised is lost."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

import pytest

from tests.proof.audit import Outage
from tests.proof.kill import LATE_SECONDS_MAX, ground, prove
from tests.support.postgres import Cluster
from tests.support.server import until
from tocsin import limits

KILLS = 5
PATIENCE = 3.0
"""Other tests run beside these; `prove` by itself takes a server at its word."""

log = logging.getLogger(__name__)
# Several starts of several processes, on whatever is left of the machine.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind, as `ground` takes it."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


def test_kill_9_at_random_moments(database: str) -> None:
    log.info(prove(KILLS, database, seed=1, progress=log.info, patience=PATIENCE))


def test_an_orderly_stop_under_load_sends_nothing_twice(database: str) -> None:
    with ground(database, seed=2, patience=PATIENCE) as here, here.server() as server:
        here.start(server)
        load = here.load(server)
        load.start()
        time.sleep(1.5)
        with here.outage(fault=False):
            assert server.stop() == 0
            server.launch()
        here.ready_seconds.append(server.wait_ready())
        time.sleep(0.5)
        found = here.finish(load)
    log.info(here.figures(load, found, answers=("202", "none", "503")))
    assert found.repeats == 0


def test_what_is_being_sent_when_the_server_stops_is_finished_first() -> None:
    with ground("", seed=3, patience=PATIENCE) as here, here.server() as server:
        here.start(server)
        assert (server.data / "address").read_text() == f"{server.url}\n", "commands on this machine read it"
        here.inbox.delay_seconds = 3
        (name, key), *_ = here.keys.items()
        payload = {"summary": "down", "source": name, "severity": "error"}
        event = {"routing_key": key, "event_action": "trigger", "dedup_key": "1", "payload": payload}
        assert server.post("/v2/enqueue", event).status_code == 202
        page = here.inbox.wait(lambda one: one.channel == "webhook")

        assert server.stop() == 0
        stopped = datetime.now(UTC)
        assert (stopped - page.at).total_seconds() > 2.5, "it waited for the slow receiver's answer"

        server.start()
        (incident,) = server.get("/api/v1/incidents", here.token).json()
        shown = server.get(f"/api/v1/incidents/{incident['id']}", here.token).json()
        assert [one["outcome"] for one in shown["deliveries"]] == ["accepted"]
        time.sleep(1)
    assert here.inbox.messages == [page], "and it went out once"


def test_the_database_crashes_under_load(postgres: Cluster, postgres_url: str) -> None:
    with ground(postgres_url, seed=4, patience=PATIENCE) as here, here.server() as server:
        here.start(server)
        load = here.load(server)
        load.start()
        for _ in range(2):
            time.sleep(1)
            with here.outage(fault=True):
                postgres.crash()
                until(lambda: not server.ready(), 15)
                postgres.start()
            began = time.monotonic()
            until(server.ready, 30)
            here.ready_seconds.append(time.monotonic() - began)
        time.sleep(1)
        # What was being sent and could not be recorded waits until its lease is over.
        found = here.finish(load, exact=False, late_seconds_max=limits.LEASE_SECONDS + LATE_SECONDS_MAX)
        assert load.answers()["503"] > 0
    log.info(here.figures(load, found, answers=("202", "503")))


def test_another_node_takes_over_from_one_that_was_killed(postgres_url: str) -> None:
    with (
        ground(postgres_url, seed=5, patience=PATIENCE) as here,
        here.server("web", role="web") as web,
        here.server("first", role="engine") as first,
        here.server("second", role="engine") as second,
    ):
        here.inbox.delay_seconds = 0.5
        for node in (web, first, second):
            node.launch()
        for node in (web, first, second):
            here.ready_seconds.append(node.wait_ready())
        load = here.load(web)
        load.start()
        time.sleep(2)
        first.kill()
        killed = datetime.now(UTC)
        # Nothing is down for anybody; what the dead node held may come again.
        here.faults.append(Outage(killed, killed))
        time.sleep(2)
        found = here.finish(load, late_seconds_max=limits.LEASE_SECONDS)
    log.info(here.figures(load, found, answers=("202",)))
