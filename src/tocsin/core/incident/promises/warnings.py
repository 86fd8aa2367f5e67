"""When whoever leads is told that what is promised is due soon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from tocsin.core.incident.promises.cadence import interval, update_id
from tocsin.core.incident.promises.promised import promise_id
from tocsin.core.incident.state.incident import Incident
from tocsin.core.model import Deadline, DeadlineState
from tocsin.core.policy import Cadence, Policy


def warnings(state: Incident, policy: Policy, standing: Iterable[Deadline]) -> Iterator[Deadline]:
    """The warnings still to come for those of the promises in `standing` that the plan wants any for."""
    before = {
        promise_id(state, one): one.warn for one in (*policy.promises, *policy.review_steps) if one.warn
    }
    cadences = [one for one in policy.level(state.level).updates if one.warn]
    before |= {update_id(state, one.audience): _shorter(state, policy, one) for one in cadences}
    if not before:
        return
    for one in standing:
        said_at = state.warned.get(one.id)
        for length in before.get(one.id, ()) if one.state is DeadlineState.DUE else ():
            at = one.due_at - length
            if said_at is None or said_at < at:
                id = f"remind:{length // timedelta(seconds=1)}:{one.id}"
                yield Deadline(id, f"warn that “{one.promise}” is due", at)


def _shorter(state: Incident, policy: Policy, one: Cadence) -> tuple[timedelta, ...]:
    """Those that leave some quiet after an update: a stage may have brought them closer together."""
    every = interval(state, policy, one)
    return tuple(length for length in one.warn if every is None or length < every)
