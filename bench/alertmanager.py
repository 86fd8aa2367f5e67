"""The same alerts to Debian's Alertmanager, which keeps them in memory only: a crash forgets them.

To pass it one day is the aim; it is told for comparison, not as a goal.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench import data, load, processes
from bench.figures import Figure, ratio
from bench.rounds import Round, run_round, told, triaged
from bench.sections import Bench

CONNECTIONS = 64
BATCH_CONNECTIONS = 16
BATCH_EVENTS = 100


async def measure(bench: Bench) -> list[Figure]:
    """Both in turn on the same core, with the same generator."""
    program = processes.alertmanager_program()
    if program is None:
        print("  no Alertmanager here (Debian: prometheus-alertmanager); this section is left out")
        return []
    path = bench.directory / "alertmanager"
    with data.prepared(path):
        pass
    figures = []
    core = bench.cores.server
    async with processes.alertmanager(program, core) as theirs, processes.tocsin(path, core) as ours:
        for name, events, connections, to_us in (
            ("single", 1, CONNECTIONS, load.singles(data.SHOP_KEY)),
            ("batched", BATCH_EVENTS, BATCH_CONNECTIONS, load.batches(data.SHOP_KEY)),
        ):
            them: list[Round] = []
            us: list[Round] = []
            for _ in range(bench.rounds):
                them.append(await run_round(theirs, _alerts(events), connections, events))
                us.append(await run_round(ours, to_us, connections, events))
                await triaged(path)
            share = ratio([one.per_second for one in us], [one.per_second for one in them])
            note = f"Alertmanager {told(them)}; Tocsin {told(us)}"
            figures.append(Figure("alertmanager", f"{name}, against Alertmanager", share, "x", note=note))
    return figures


_ALERT = (
    b'{"labels":{"alertname":"Errors","key":"%012d","severity":"warning","instance":"shop-eu-west-1",'
    b'"component":"checkout","group":"shop","class":"errors"},'
    b'"annotations":{"summary":"Error rate of checkout is at 7%%",'
    b'"rate":"7.0","limit":"1.0","dashboard":"shop"}}'
)


def _alerts(events: int) -> Iterator[bytes]:
    """So many alerts a request, each a new one."""
    template = b"[" + b",".join([_ALERT] * events) + b"]"
    return load.numbered("/api/v2/alerts", template, events)
