"""`tocsin erase`: words out of the record, with who did it and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import run, run_json
from tests.support.searching import stands_in
from tests.support.world import World, page
from tocsin.cli import erasing
from tocsin.core.incident import commands
from tocsin.core.model import AlertAction, PersonId, RotaId, Signal
from tocsin.core.oncall import Override
from tocsin.store import overrides
from tocsin.store.alerts import Received, record

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
Erase = Callable[..., list[str]]
WHO = ("--by", "chloe", "--reason", "it was asked for")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A server's data with one incident, to which a password was noted."""
    monkeypatch.setattr(erasing, "clock", lambda: AT)
    monkeypatch.setenv("TOCSIN_DATA", str(tmp_path))
    world = World(f"sqlite+pysqlite:///{tmp_path}/tocsin.db")
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.ask("ana", commands.AddNote("the key is hunter22-abcdef"))
    yield world
    world.close()


@pytest.fixture
def erase(capsys: pytest.CaptureFixture[str]) -> Erase:
    def lines(*words: str, code: int = 0) -> list[str]:
        ended, out, err = run(capsys, "erase", *words)
        assert ended == code, err
        return (err or out).splitlines()

    return lines


def note_of(world: World) -> str:
    history = world.timeline()
    return str(max(n for n, one in enumerate(history, 1) if type(one.event).__name__ == "NoteAdded"))


def test_the_words_of_an_event_are_erased_and_the_record_says_by_whom(world: World, erase: Erase) -> None:
    id, number = world.incident().id, note_of(world)
    said = erase(id, "--event", number, "--dry-run", *WHO)
    assert said == [
        "The words of 1 event and 0 other rows would be erased.",
        f"  {id}: events {number}",
    ]
    assert stands_in(world.store, "hunter22") == {"events.words"}
    assert erase("--list") == ["Nothing was ever erased."]
    said = erase(id, "--event", number, *WHO)
    assert said == [
        "The words of 1 event and 0 other rows are erased.",
        f"  {id}: events {number}",
        "Backups made before hold them still, and so do messages sent and logs.",
    ]
    assert stands_in(world.store, "hunter22") == set()
    listed = f"2026-11-24 09:30 UTC  chloe: event {number} of {id}, because it was asked for"
    assert erase("--list") == [listed]
    again = f"tocsin: Event {number} of {id} has no words that can be erased, or none any more."
    assert erase(id, "--event", number, *WHO, code=1) == [again]


def test_words_are_erased_wherever_they_stand(
    world: World, erase: Erase, capsys: pytest.CaptureFixture[str]
) -> None:
    stray = Signal(
        AlertAction.TRIGGER, "stray", "HUNTER22-ABCDEF was leaked", details={"of": 'a "hunter22-abcdef"'}
    )
    world.store.write_now(partial(record, received=[Received("uptime", stray, world.now)]))
    override = Override(
        0, RotaId("primary"), PersonId("ben"), AT, AT, None, PersonId("ana"), "for hunter22-abcdef"
    )
    world.store.write_now(partial(overrides.add, override=override, now=AT))
    found: Any = run_json(capsys, "erase", "--words", "hunter22-abcdef", *WHO)
    assert found == {
        "dry_run": False,
        "incidents": [{"id": world.incident().id, "events": [int(note_of(world))]}],
        "events": 1,
        "rows": 2,
        "kept": [],
    }
    assert stands_in(world.store, "hunter22") | stands_in(world.store, "HUNTER22") == set()
    assert erase("--words", "hunter22-abcdef", *WHO, code=1) == ["There are no such words."]


def test_a_person_is_erased_by_name_and_addresses(world: World, erase: Erase) -> None:
    world.ask("ben", commands.AddNote("Ana does not answer, ana@example.com bounces; bananas"))
    assert erase("--person", "ana", *WHO)[0] == "The words of 2 events and 0 other rows are erased."
    assert stands_in(world.store, "Ana") == {"people.name"}
    assert erase("--list")[0].endswith("chloe: what names ana, because it was asked for")


REFUSED = [
    (("INC-1",), 2, "Say who erases with --by, and why with --reason: that is recorded."),
    (WHO, 2, "Name one of these: an incident, --words, or --person."),
    (("INC-1", "--person", "ana", *WHO), 2, "Name one of these: an incident, --words, or --person."),
    (("--person", "ana", "--event", "7", *WHO), 2, "--event is of an incident: name that too."),
    (("--words", "no", *WHO), 2, "“no” stands everywhere: give at least 3 characters."),
    (
        ("--words", "Asked", *WHO),
        2,
        "The reason says what is to be erased, and it stays. Give another.",
    ),
    (("INC-9", *WHO), 1, "There is no incident INC-9."),
    (
        ("INC-9", "--by", "eva", "--reason", "x"),
        1,
        "There is nobody called eva. There are: ana, ben, chloe, dara.",
    ),
]


@pytest.mark.parametrize(("words", "code", "said"), REFUSED, ids=[said[:30] for _, _, said in REFUSED])
def test_what_makes_no_sense_is_refused(
    world: World, erase: Erase, words: tuple[str, ...], code: int, said: str
) -> None:
    assert erase(*words, code=code) == [f"tocsin: {said}"]
    assert stands_in(world.store, "hunter22") == {"events.words"}
