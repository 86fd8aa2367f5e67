"""What monitoring and the world do in a run, and everything that can happen, with its weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from tests.sim import conditions, response
from tests.sim.alert_rules import ALERT_COLUMNS, AlertRow, Name, the_sources_last_word_stands
from tests.sim.asking import ask, some_incident, some_node
from tests.sim.cast import PEOPLE, person
from tests.sim.checks import open_incidents
from tests.sim.clauses import SEVERITIES
from tests.sim.node import Node
from tests.sim.plans import INTEGRATIONS
from tests.sim.simulation import Simulation
from tocsin.core.incident import commands
from tocsin.core.model import AlertAction, AlertSeverity, PersonId, Signal
from tocsin.core.oncall import Override
from tocsin.engine.intake import Busy
from tocsin.store import overrides
from tocsin.store.alerts import Received
from tocsin.store.errors import StoreError

KEYS = tuple(f"k{number}" for number in range(5))
Request = tuple[Node, list[Received]]


def alert(run: Simulation) -> None:
    """Sources say that something is wrong, some of them again."""
    _send(run, [_request(run, AlertAction.TRIGGER) for _ in range(run.choice.choice((1, 1, 2, 3)))])


def clear(run: Simulation) -> None:
    """A source says that something is over, or acknowledges it, known or not."""
    action = run.choice.choice((AlertAction.RESOLVE, AlertAction.RESOLVE, AlertAction.ACKNOWLEDGE))
    _send(run, [_request(run, action)])


def clear_everything(run: Simulation) -> None:
    """Every alert of a service is over."""
    living = sorted({row.name for row in run.book.live.values()})
    signals = [_received(run, name, AlertAction.RESOLVE) for name in living]
    if signals and (node := some_node(run)):
        _send(run, [(node, signals)])


def muddle(run: Simulation) -> None:
    """Triggers, acknowledgements and resolves of few alerts, in requests that come in together."""
    requests = []
    for _ in range(run.choice.randint(2, 4)):
        if node := some_node(run):
            names = [(run.choice.choice(INTEGRATIONS), run.choice.choice(KEYS[:2])) for _ in range(4)]
            actions = [run.choice.choice(tuple(AlertAction)) for _ in names]
            pairs = zip(names, actions, strict=True)
            requests.append((node, [_received(run, name, action) for name, action in pairs]))
    _send(run, requests)


def storm(run: Simulation) -> None:
    """Very many alerts at once."""
    requests = []
    for number in range(run.choice.choice((3, 10))):
        if node := some_node(run):
            integration = run.choice.choice(INTEGRATIONS)
            names = [(integration, f"storm{number}-{one}") for one in range(run.choice.choice((5, 20)))]
            requests.append((node, [_received(run, name, AlertAction.TRIGGER) for name in names]))
    _send(run, requests)


def race(run: Simulation) -> None:
    """People and sources do everything at the same moment, about the same incident."""
    incident = some_incident(run)
    ask(run, incident, commands.Acknowledge("link"))
    _send(run, [_request(run, AlertAction.TRIGGER)], alone=False)
    if run.choice.random() < 0.5:
        ask(run, incident, commands.Resolve("fixed"))
    _send(run, [_request(run, run.choice.choice(tuple(AlertAction)))], alone=False)
    run.run_ready()


def resolve_most(run: Simulation) -> None:
    """The team clears up, so that a long quiet time can follow."""
    for story in open_incidents(run):
        if run.choice.random() < 0.9:
            ask(run, story.id, commands.Resolve("clearing up"))
    run.run_ready()


def change_people(run: Simulation) -> None:
    """Somebody leaves the directory, comes back, or is reached in other ways."""
    name = run.choice.choice(PEOPLE)
    others = [one for one in run.contacts.values() if one.id != name]
    if name not in run.contacts or run.choice.random() < 0.5:
        others.append(person(run.choice, name, slow=run.slow))
    run.replace_people(others)


def edit_plan(run: Simulation) -> None:
    """Another plan comes into force, while incidents go on under theirs."""
    run.advance(0.001)
    run.apply_plan()


def stand_in(run: Simulation) -> None:
    """Somebody is arranged to stand in, now or later; or a stand-in is taken back."""
    choice, now = run.choice, run.clock()
    standing = [one for one in run.duty.overrides if one.until > now]
    if standing and choice.random() < 0.4:
        gone = choice.choice(standing).id
        run.quietly(lambda tx: _true(overrides.remove(tx, gone, "ana", now)))
        run.duty.taken_back(gone, now)
        run.log.write(f"stand-in {gone} is taken back")
        return
    rotas = list(run.duty.history[-1].rotas)
    since = now + timedelta(seconds=choice.choice((0, 0, 60, 3_600, 86_400)))
    until = since + timedelta(seconds=choice.choice((30, 600, 3_600, 3 * 86_400)))
    replaces = PersonId(choice.choice(PEOPLE)) if choice.random() < 0.5 else None
    wanted = Override(0, choice.choice(rotas), PersonId(choice.choice(PEOPLE)), since, until, replaces, "ana")
    made: list[Override] = []
    run.quietly(lambda tx: made.append(overrides.add(tx, wanted, now)))
    run.duty.stands_in(made[0], now)
    run.log.write(f"stand-in {made[0]}")


def _true(done: bool) -> None:
    assert done


Operation = Callable[[Simulation], None]
OPERATIONS: tuple[Operation, ...] = (
    alert,
    clear,
    clear_everything,
    muddle,
    storm,
    race,
    change_people,
    edit_plan,
    stand_in,
    response.acknowledge,
    response.resolve,
    response.work,
    response.put_on_record,
    response.set_level,
    response.post,
    response.say_facts,
    response.hand_roles,
    response.keep_promises,
    response.open_by_hand,
    response.repin,
    response.change_the_plan,
    response.merge,
)
WEIGHTS: dict[Operation, float] = {
    alert: 6,
    clear: 3,
    storm: 0.3,
    change_people: 0.5,
    edit_plan: 0.3,
    stand_in: 4,
    response.acknowledge: 5,
    response.resolve: 1,
    response.work: 3,
    response.say_facts: 4,
    response.put_on_record: 1.5,
    response.hand_roles: 2,
    response.open_by_hand: 0.5,
    response.repin: 0.5,
    response.change_the_plan: 0.7,
    response.merge: 0.7,
}


def _request(run: Simulation, action: AlertAction) -> Request | None:
    node = some_node(run)
    names = [
        (run.choice.choice(INTEGRATIONS), run.choice.choice(KEYS))
        for _ in range(run.choice.choice((1, 1, 3)))
    ]
    return None if node is None else (node, [_received(run, name, action) for name in names])


def _received(run: Simulation, name: Name, action: AlertAction) -> Received:
    severity = AlertSeverity(run.choice.choice(SEVERITIES))
    details: dict[str, object] = {}
    if run.choice.random() < 0.35:
        details.update(conditions.said(run.choice))
    words = f"{name[1]} is {severity}{''.join(f', {one}={value}' for one, value in details.items())}"
    signal = Signal(action, name[1], words, severity, source=name[0], details=details)
    return Received(name[0], signal, run.clock())


def _send(run: Simulation, requests: Sequence[Request | None], *, alone: bool = True) -> None:
    """Requests that come in together. When nothing else happens, their last word is checked at once."""
    begun = [one for one in requests if one is not None]
    faults = run.chaos.counts.total()
    tasks = [run.loop.start(_accept(run, node, received)) for node, received in begun]
    if not alone:
        return
    run.run_ready()
    undisturbed = run.chaos.counts.total() == faults and len({node.name for node, _ in begun}) == 1
    if undisturbed and all(task.done() and task.result() for task in tasks):
        last = {
            (one.integration, one.signal.dedup_key): one.signal for _, received in begun for one in received
        }
        rows = run.database.look(f"{ALERT_COLUMNS} WHERE status <> 'resolved'")
        living = {row.name: row for row in (AlertRow(*row) for row in rows)}
        run.verdict.expect(the_sources_last_word_stands, last, living)


async def _accept(run: Simulation, node: Node, received: list[Received]) -> bool:
    for one in received:
        run.log.write(f"{run.loop.micros} {one.integration} {one.signal.action} {one.signal.summary}")
    faults = run.chaos.counts.total()
    # In doubt until it is answered: a server that dies answers nobody.
    run.book.doubt(received)
    try:
        await node.intake.accept(received)
    except (StoreError, Busy):
        # The answer of a commit may have been lost too: then nobody can know.
        if run.chaos.counts.total() == faults:
            run.book.refused(received)
        return False
    # A commit whose answer was lost is done again: then a signal may count twice, never not at all.
    run.book.promise(received, once=run.chaos.counts.total() == faults)
    run.counts["signals"] += len(received)
    return True
