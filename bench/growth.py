"""What an event costs when a thousand alerts are stored, and when a million are."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from itertools import islice
from statistics import median

from sqlalchemy import Text, case, cast, func, select, update

from bench import data, load, processes
from bench.figures import Figure, ratio
from bench.rounds import Round, run_round, told
from bench.sections import Bench
from tocsin.core.model import AlertAction, Signal
from tocsin.store import alerts
from tocsin.store.alerts import Received
from tocsin.store.schema import alerts as stored
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction

FEW, MANY = 1_000, 1_000_000
STILL_OPEN = 15_000
"""Of the million; the others are resolved, as in a store that has kept a year of alerts."""

AT_ONCE = 10_000
CONNECTIONS = 16


async def measure(bench: Bench) -> list[Figure]:
    """The same load on both in turn: intake and triage, until every alert has its incident."""
    few, many = bench.directory / "few", bench.directory / "many"
    for path, count in ((few, FEW), (many, MANY)):
        with data.prepared(path) as store:
            _fill(store, count)
    async with (
        processes.tocsin(few, bench.cores.server) as small,
        processes.tocsin(many, bench.cores.server) as large,
    ):
        rounds: tuple[list[Round], list[Round]] = ([], [])
        for number in range(bench.rounds + 1):
            for server, path, found in ((small, few, rounds[0]), (large, many, rounds[1])):
                one = await run_round(server, load.batches(data.SHOP_KEY), CONNECTIONS, 100, path)
                if number:  # the first is for warming up
                    found.append(one)
    small_cost, large_cost = ([one.microseconds for one in some] for some in rounds)
    share = ratio(large_cost, small_cost)
    note = f"{median(large_cost):.1f} us against {median(small_cost):.1f}; {told(rounds[1])}"
    return [
        Figure("growth", f"an event at {MANY:,} alerts, against {FEW:,}", share, "x", 1.2, note=note),
    ]


def _fill(store: Store, count: int) -> None:
    """Alerts as intake stores them, triaged, all but the last resolved."""
    now = datetime.now(UTC)
    received = (Received("shop", _signal(number), now) for number in range(count))
    while some := list(islice(received, AT_ONCE)):
        store.write_now(partial(alerts.record, received=some))
    store.write_now(partial(_settle, still_open=min(count, STILL_OPEN)))


def _signal(number: int) -> Signal:
    details = {"rate": "7.0", "limit": "1.0", "dashboard": "shop"}
    return Signal(
        AlertAction.TRIGGER, f"stored-{number}", "Error rate is at 7%", source="shop", details=details
    )


def _settle(tx: Transaction, still_open: int) -> None:
    """What triage, and a year of resolves, would have made of them; in one statement, for there are many."""
    newest = select(func.max(stored.c.id)).scalar_subquery()
    status = case((stored.c.id > newest - still_open, "open"), else_="resolved")
    incident = "INC-" + cast(stored.c.id / 100, Text)
    tx.execute(update(stored).values(dirty=0, status=status, triaged=status, subject_id=incident))
