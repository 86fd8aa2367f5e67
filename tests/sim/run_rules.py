"""What must be true of a run as a whole: its wheels, its plans, and how it catches up."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from tests.sim.outbox_rules import Ring
from tests.sim.stream import Stream
from tests.sim.verdict import Verdict
from tocsin import limits
from tocsin.store.sending import Leased

VIEW_LASTS = timedelta(seconds=2)


def a_bug_is_not_swallowed(error: BaseException) -> Iterator[str]:
    """The engine meets no error but the store's and the channels' own."""
    yield "".join(traceback.format_exception(error)[-6:])


def the_wheels_come_to_rest(turns: int) -> Iterator[str]:
    """At any instant there is an end to what is to be done."""
    yield f"after {turns} turns there is still work at the same moment"


def nothing_due_is_left(
    overdue: Sequence[Ring],
    late: Sequence[str],
    untriaged: int,
    under_way: Collection[tuple[str, str]],
    room: int,
) -> Iterator[str]:
    """At rest, no deadline, no alert and no message that could go is waiting."""
    if late:
        yield f"past their due time: {late}"
    if untriaged:
        yield f"{untriaged} alerts wait for triage"
    busy = Counter(channel for _, channel in under_way)
    for ring in overdue:
        if busy[ring.channel] < room and (ring.person, ring.channel) not in under_way:
            yield f"{ring} could go"


def nothing_committed_is_lost(id: str, promised: int, found: int) -> Iterator[str]:
    """What somebody was told is stored is there, also after a crash, a restart or a power cut."""
    if found < promised:
        yield f"{id} was at version {promised} and is at {found}"


def new_incidents_follow_the_newest_plan(
    stream: Stream, version: str, opened_at: datetime, plans: Sequence[tuple[str, datetime]]
) -> Iterator[str]:
    """An incident opens under the plan that was applied last, or one replaced no more than seconds ago."""
    ended = {one: next_at for (one, _), (_, next_at) in pairwise(plans)}
    if version == plans[-1][0]:
        return
    if opened_at > ended[version] + VIEW_LASTS:
        yield f"{stream.id} opened at {opened_at} under {version}, replaced at {ended[version]}"


def after_an_outage_one_message_each(told: Counter[tuple[str, str, str]]) -> Iterator[str]:
    """When an outage ends, what is decided then pages nobody twice by one channel for one incident."""
    for (person, channel, incident), number in told.items():
        if number > 1:
            yield f"{person} is paged {number} times by {channel} for {incident}"


def channels_have_all_their_room(room: Mapping[str, int]) -> Iterator[str]:
    """When nothing is on its way, every channel can take as much as ever."""
    for channel, free in room.items():
        if free != limits.CHANNEL_MESSAGES:
            yield f"{channel} has room for {free} messages"


@dataclass(slots=True)
class Catching:
    """Messages that leave at the very moment an outage ends. `old` are rings that had been decided before."""

    at: int
    old: frozenset[str]
    told: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def left(self, at: int, leased: Leased) -> None:
        """A message leaves."""
        if at == self.at:
            # News is not a page: each thing that went wrong meanwhile is told, in words of its own.
            pages = [ring for ring in leased.rings if "/told/" not in ring.key]
            fresh = [ring for ring in pages if ring.key not in self.old]
            self.told.update({(leased.person, leased.channel, ring.incident) for ring in fresh})

    def judge(self, verdict: Verdict) -> None:
        """That was all of them."""
        verdict.expect(after_an_outage_one_message_each, self.told)
