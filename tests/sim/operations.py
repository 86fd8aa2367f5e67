"""What people and monitoring do in a run, one step after another or at the same moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from tests.sim.alert_rules import ALERT_COLUMNS, AlertRow, Name, the_sources_last_word_stands
from tests.sim.checks import open_incidents
from tests.sim.node import Node, SimCrash
from tests.sim.plans import INTEGRATIONS, PEOPLE, SEVERITIES, person
from tests.sim.simulation import Simulation
from tocsin.core.incident import commands
from tocsin.core.model import (
    Actor,
    ActorKind,
    AlertAction,
    AlertSeverity,
    LevelId,
    PersonId,
    Refused,
    ServiceId,
    Signal,
    SubjectId,
)
from tocsin.core.oncall import Override
from tocsin.engine.apply import Applied
from tocsin.engine.declare import Declared, PassedOn
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
    if signals and (node := _somebody(run)):
        _send(run, [(node, signals)])


def muddle(run: Simulation) -> None:
    """Triggers, acknowledgements and resolves of few alerts, in requests that come in together."""
    requests = []
    for _ in range(run.choice.randint(2, 4)):
        if node := _somebody(run):
            names = [(run.choice.choice(INTEGRATIONS), run.choice.choice(KEYS[:2])) for _ in range(4)]
            actions = [run.choice.choice(tuple(AlertAction)) for _ in names]
            pairs = zip(names, actions, strict=True)
            requests.append((node, [_received(run, name, action) for name, action in pairs]))
    _send(run, requests)


def storm(run: Simulation) -> None:
    """Very many alerts at once."""
    requests = []
    for number in range(run.choice.choice((3, 10))):
        if node := _somebody(run):
            integration = run.choice.choice(INTEGRATIONS)
            names = [(integration, f"storm{number}-{one}") for one in range(run.choice.choice((5, 20)))]
            requests.append((node, [_received(run, name, AlertAction.TRIGGER) for name in names]))
    _send(run, requests)


def acknowledge(run: Simulation) -> None:
    """People take an incident, at the same moment, again, or when it is long over."""
    incident = _some_incident(run)
    for _ in range(run.choice.choice((1, 1, 2, 3))):
        _ask(run, incident, commands.Acknowledge(run.choice.choice(("link", "web", "api"))))
    run.run_ready()


def resolve(run: Simulation) -> None:
    """Somebody says that it is over."""
    _ask(run, _some_incident(run), commands.Resolve("fixed"))
    run.run_ready()


def work(run: Simulation) -> None:
    """People move an incident on: look, mitigate, find that there was nothing, close it, open it again."""
    incident = _some_incident(run)
    for _ in range(run.choice.choice((1, 1, 2))):
        _ask(run, incident, run.choice.choice(WORK))
    run.run_ready()


def put_on_record(run: Simulation) -> None:
    """Somebody writes something down, or says who may see it."""
    soon = run.clock() + timedelta(minutes=run.choice.choice((-1, 20, 60)))
    written: tuple[commands.IncidentCommand, ...] = (
        commands.AddNote(run.choice.choice(("looks like the database", ""))),
        commands.SetEstimate(soon, "a guess"),
        commands.Link(run.choice.choice(("INC-0", "https://tickets.example/1")), "the same trouble"),
        commands.Restrict((PersonId(run.choice.choice(PEOPLE)),)),
        commands.Restrict(),
    )
    _ask(run, _some_incident(run), run.choice.choice(written))
    run.run_ready()


def set_level(run: Simulation) -> None:
    """Somebody says how bad it is, or tells people."""
    incident = _some_incident(run)
    level = LevelId(run.choice.choice(("L1", "L2", "L3", "L4", "L9")))
    _ask(run, incident, commands.SetLevel(level, "we know more"))
    if run.choice.random() < 0.3:
        _ask(run, incident, commands.PostUpdate(run.choice.choice(("inside", "outside")), "We are at it."))
    run.run_ready()


def open_by_hand(run: Simulation) -> None:
    """Somebody sees trouble that no source has told of."""
    if node := _somebody(run):
        service = ServiceId(run.choice.choice(("service1", "service2", "service3")))
        declared = Declared(service, "something is odd")
        who = Actor(ActorKind.PERSON, run.choice.choice(PEOPLE))
        run.start(_answered(run, who, node.engine.declare(declared, who)))
        run.run_ready()


def repin(run: Simulation) -> None:
    """Somebody lets an incident go by the plan that is in force, while others ask of it."""
    node, incident = _somebody(run), _some_incident(run)
    if node is not None:
        who = Actor(ActorKind.PERSON, run.choice.choice(PEOPLE))
        run.start(_answered(run, who, node.engine.repin(SubjectId(incident), "", who)))
        _ask(run, incident, commands.Acknowledge("web"))
        run.run_ready()


def merge(run: Simulation) -> None:
    """Two incidents turn out to be one trouble; perhaps somebody merges them the other way round."""
    one, other = _some_incident(run), _some_incident(run)
    _ask(run, one, commands.Merge(SubjectId(other)))
    if run.choice.random() < 0.3:
        _ask(run, other, commands.Merge(SubjectId(one)))
        _ask(run, one, commands.Acknowledge("web"))
    run.run_ready()


def race(run: Simulation) -> None:
    """People and sources do everything at the same moment, about the same incident."""
    incident = _some_incident(run)
    _ask(run, incident, commands.Acknowledge("link"))
    _send(run, [_request(run, AlertAction.TRIGGER)], alone=False)
    if run.choice.random() < 0.5:
        _ask(run, incident, commands.Resolve("fixed"))
    _send(run, [_request(run, run.choice.choice(tuple(AlertAction)))], alone=False)
    run.run_ready()


def resolve_most(run: Simulation) -> None:
    """The team clears up, so that a long quiet time can follow."""
    for story in open_incidents(run):
        if run.choice.random() < 0.9:
            _ask(run, story.id, commands.Resolve("clearing up"))
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


WORK: tuple[commands.IncidentCommand, ...] = (
    commands.Verify(),
    commands.BeginMitigation(),
    commands.Mitigate("rolled back"),
    commands.FalsePositive("a test of ours"),
    commands.Close("all done"),
    commands.Reopen("it is back"),
    commands.Escalate("I need help"),
    commands.ExtendProgress("work goes on"),
    commands.MarkDone("task:1"),
)


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
    acknowledge,
    resolve,
    work,
    put_on_record,
    set_level,
    open_by_hand,
    repin,
    merge,
    race,
    change_people,
    edit_plan,
    stand_in,
)
WEIGHTS: dict[Operation, float] = {
    alert: 6,
    clear: 3,
    acknowledge: 5,
    resolve: 2,
    work: 3,
    storm: 0.3,
    edit_plan: 0.3,
    stand_in: 2,
    open_by_hand: 0.5,
    repin: 0.5,
    merge: 0.7,
    change_people: 0.5,
}


def _somebody(run: Simulation) -> Node | None:
    awake = run.awake()
    return run.choice.choice(awake) if awake else None


def _some_incident(run: Simulation) -> str:
    opened = [one.id for one in open_incidents(run)]
    known = opened if opened and run.choice.random() < 0.8 else list(run.streams)
    return run.choice.choice(known) if known else "INC-0"


def _request(run: Simulation, action: AlertAction) -> Request | None:
    node = _somebody(run)
    names = [
        (run.choice.choice(INTEGRATIONS), run.choice.choice(KEYS))
        for _ in range(run.choice.choice((1, 1, 3)))
    ]
    return None if node is None else (node, [_received(run, name, action) for name in names])


def _received(run: Simulation, name: Name, action: AlertAction) -> Received:
    severity = AlertSeverity(run.choice.choice(SEVERITIES))
    signal = Signal(action, name[1], f"{name[1]} is {severity}", severity, source=name[0])
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


def _ask(run: Simulation, incident: str, command: commands.IncidentCommand) -> None:
    node, who = _somebody(run), run.choice.choice(PEOPLE)
    if node is not None:
        asked = commands.Asked(Actor(ActorKind.PERSON, who), command)
        run.start(_asked(run, node, incident, asked))


async def _asked(run: Simulation, node: Node, incident: str, asked: commands.Asked) -> None:
    run.log.write(f"{run.loop.micros} {asked.actor} asks {type(asked.command).__name__} of {incident}")
    await _answered(run, asked.actor, node.engine.ask(SubjectId(incident), asked))


async def _answered(run: Simulation, who: Actor, asking: Awaitable[Applied | PassedOn | Refused]) -> None:
    try:
        answer = await asking
    except (SimCrash, StoreError) as failed:
        run.log.write(f"{who} hears nothing: {type(failed).__name__}")
        return
    if isinstance(answer, Refused):
        run.log.write(f"{who} is refused: {answer.reason}")
        return
    for one in answer.applied if isinstance(answer, PassedOn) else (answer,):
        run.promised[one.incident] = max(run.promised.get(one.incident, 0), one.version)
