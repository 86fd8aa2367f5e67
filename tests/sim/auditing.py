"""The production auditor, called into a run: what it says of a healthy engine would be a false alarm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from tests.sim.simulation import START, Simulation
from tocsin.engine.auditor import Finding, Mark, audit
from tocsin.engine.context import Context
from tocsin.engine.evidence import LATE, RETRY
from tocsin.store.store import Store

BEGINNING = Mark(START - timedelta(days=1))
TIMELY = ("is late with", "has not sent")
"""What the auditor rightly says of an engine that is not there, or was kept from its work until just now."""


def the_auditor_finds_nothing(findings: list[Finding], *, in_time: bool) -> Iterator[str]:
    """The auditor, which reads events and plan as a stranger would, has nothing to say."""
    for one in findings:
        if in_time or not any(words in one.what for words in TIMELY):
            yield one.what


def call_the_auditor(run: Simulation) -> None:
    """A whole round by a server that has just started: every change since the beginning, all that is open."""
    context = Context("auditor", frozenset(run.channels), "{}".format, "{}".format)
    calm, run.chaos.calm = run.chaos.calm, True
    store = Store(run.database.url)
    found: list[Finding] = []
    mark, more, now = BEGINNING, True, run.clock()
    while more:
        seen = store.read_now(partial(audit, context=context, now=now, since=mark))
        mark, more = seen.mark, seen.more
        found += seen.findings
    store.close()
    run.chaos.calm = calm
    in_time = run.at_rest and now > run.calm_since + LATE + RETRY
    run.verdict.expect(the_auditor_finds_nothing, found, in_time=in_time)
