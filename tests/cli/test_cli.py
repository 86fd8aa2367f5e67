"""The command line: every command explains itself, speaks JSON, and says in a sentence why it cannot."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tocsin.app.address import note_address
from tocsin.app.start import load_plan_and_people, open_store
from tocsin.cli import main
from tocsin.cli.parser import build_parser
from tocsin.cli.words.incidents import AN_INCIDENT
from tocsin.settings import read_settings
from tocsin.store import directory
from tocsin.store.database import lock_data, sqlite_url


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Every command that does something, groups opened."""
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not groups or parser.get_default("run"):
        yield parser
    for group in groups:
        for child in group.choices.values():
            yield from commands(child)


@pytest.mark.parametrize("command", list(commands(build_parser())), ids=lambda one: one.prog)
def test_every_command_has_help_with_an_example_and_speaks_json(command: argparse.ArgumentParser) -> None:
    words = command.format_help()
    assert f"Example: {command.prog.replace(' ID', f' {AN_INCIDENT}')}" in words
    assert "--json" in words


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    with pytest.raises(SystemExit) as exit:
        main(words)
    captured = capsys.readouterr()
    return int(exit.value.code or 0), captured.out, captured.err


def run_json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What a command that works answers to --json."""
    code, out, err = run(capsys, *words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_data_that_began_as_a_demo_no_longer_takes_the_keys_that_everybody_knows(data: str) -> None:
    settings = read_settings({"data": data}, {})
    store = open_store(settings)
    assert store.read_now(directory.keys)
    load_plan_and_people(store, settings)
    assert store.read_now(directory.keys) == {}
    store.close()


def test_a_directory_without_a_server_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, "people", "list", "--data", str(tmp_path)) == (
        1,
        "",
        f"tocsin: There is no database in {tmp_path}. Name the server's directory with --data.\n",
    )


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--port", "http"], "port is `http`. Write a whole number from 1 to 65535."),
        (
            ["--database", "mysql://tocsin:password@db/tocsin"],
            "database is mysql. Write it like postgresql://user@host/name, or leave it empty.",
        ),
        (["--role", "boss"], "role is `boss`. Use one of: all, web, engine."),
        (
            ["--public-url", "tocsin.example.com"],
            "public_url is `tocsin.example.com`. Write it like https://tocsin.example.com.",
        ),
        (
            ["--smtp-host", "mail.example.com"],
            "smtp_from is missing. Name the sender of mail, such as tocsin@example.com.",
        ),
        (["--keep-days", "0"], "keep_days is `0`. Write a whole number from 1 to 100000."),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_remedy(
    capsys: pytest.CaptureFixture[str], data: str, flags: list[str], sentence: str
) -> None:
    assert run(capsys, "people", "list", "--data", data, *flags) == (2, "", f"tocsin: {sentence}\n")


def test_the_demo_serves_this_machine_only(capsys: pytest.CaptureFixture[str], data: str) -> None:
    code, _, err = run(capsys, "serve", "--demo", "--host", "0.0.0.0", "--data", data)
    assert code == 2
    assert err == "tocsin: The demo has well-known keys, so it serves this machine only: leave --host out.\n"


def test_a_demo_does_not_take_the_place_of_a_plan_of_ones_own(
    capsys: pytest.CaptureFixture[str], data: str
) -> None:
    own = read_settings({"data": data}, {})
    store = open_store(own)
    load_plan_and_people(store, own)
    store.close()
    code, _, err = run(capsys, "serve", "--demo", "--data", data)
    assert (code, err) == (
        1,
        f"tocsin: {data} holds a plan that is no demo's, and the demo would put its own in its place."
        " Leave --demo out, or give the demo a --data of its own (`make run DATA=./demo`).\n",
    )


@pytest.mark.parametrize("content", ["", "\n", "short"])
def test_a_key_that_anybody_could_guess_signs_nothing(
    capsys: pytest.CaptureFixture[str], data: str, content: str
) -> None:
    path = Path(data) / "secret.key"
    path.write_text(content, encoding="utf-8")
    sentence = (
        f"{path} holds no key of 32 characters or more. Take the file away: the next start makes a new key,"
        " and links in messages that are out stop working."
    )
    code, _, err = run(capsys, "serve", "--demo", "--data", data)
    assert (code, err) == (1, f"tocsin: {sentence}\n")
    code, out, _ = run(capsys, "doctor", "--data", data, "--json")
    assert [one["sentence"] for one in json.loads(out) if one["name"] == "secret"] == [sentence]
    assert path.read_text(encoding="utf-8") == content


def test_doctor_makes_no_key(capsys: pytest.CaptureFixture[str], data: str) -> None:
    # Made by root, it would be a key that the server cannot read.
    _, out, _ = run(capsys, "doctor", "--data", data, "--json")
    path = Path(data) / "secret.key"
    assert [one["sentence"] for one in json.loads(out) if one["name"] == "secret"] == [
        f"There is no key at {path} yet."
    ]
    assert not path.exists()


@pytest.mark.parametrize("command", [("serve", "--demo"), ("people", "list")])
def test_a_database_of_no_use_is_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "tocsin.db").write_bytes(b"nothing that SQLite knows" * 400)
    code, _, err = run(capsys, *command, "--data", str(tmp_path))
    assert (code, err) == (
        1,
        "tocsin: The database cannot be opened: file is not a database."
        " `tocsin doctor` looks what is wrong with it.\n",
    )


def test_a_data_directory_of_no_use_is_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    code, _, err = run(capsys, "serve", "--demo", "--data", str(file))
    assert (code, err) == (
        1,
        f"tocsin: The data directory {file} cannot be used: File exists. Name another with --data,"
        " or give its owner's rights to the user that runs Tocsin.\n",
    )


def test_a_second_server_is_refused_by_whatever_name_it_knows_the_database(
    capsys: pytest.CaptureFixture[str], data: str, tmp_path: Path
) -> None:
    held = lock_data(Path(data))
    database = sqlite_url(Path(data) / "tocsin.db")
    other = str(tmp_path / "other")
    code, _, err = run(capsys, "serve", "--demo", "--data", other, "--database", database)
    os.close(held)
    sentence = f"Another Tocsin server is using {data}. Stop it first, or give this one its own --data."
    assert (code, err) == (1, f"tocsin: {sentence}\n")


def test_a_routing_key_is_made_shown_once_and_taken_away(
    capsys: pytest.CaptureFixture[str], data: str
) -> None:
    made = run_json(capsys, "integration", "add", "nagios", "--data", data)
    assert len(made["key"]) == 32
    assert run_json(capsys, "integration", "remove", "nagios", "--data", data) == {"removed": 1}
    assert run(capsys, "integration", "remove", "nagios", "--data", data)[0] == 1


def test_one_key_of_an_integration_is_taken_away_and_the_other_stays(
    capsys: pytest.CaptureFixture[str], data: str
) -> None:
    old, new = (run_json(capsys, "integration", "add", "nagios", "--data", data) for _ in range(2))
    listed = run_json(capsys, "integration", "list", "--data", data)
    assert {one["id"] for one in listed if one["integration"] == "nagios"} == {old["id"], new["id"]}
    assert old["key"] not in json.dumps(listed)
    remove = ("integration", "remove", "nagios", "--data", data, "--key")
    assert run_json(capsys, *remove, old["id"]) == {"removed": 1}
    left = [one["id"] for one in run_json(capsys, "integration", "list", "--data", data)]
    assert new["id"] in left
    assert old["id"] not in left
    wrong = f"tocsin: 0 keys of nagios have the id {old['id']}. See `tocsin integration list`.\n"
    assert run(capsys, *remove, old["id"]) == (1, "", wrong)
    assert run(capsys, *remove, "")[0] == 1, "no id is not every id"
    of_another = ("integration", "remove", "prometheus", "--data", data, "--key", new["id"])
    assert run(capsys, *of_another)[0] == 1, "the name must fit as well"


def test_no_keys_is_a_sentence_with_the_remedy(capsys: pytest.CaptureFixture[str], data: str) -> None:
    for name in ("prometheus", "uptime"):
        run(capsys, "integration", "remove", name, "--data", data)
    assert run(capsys, "integration", "list", "--data", data) == (
        0,
        "No keys. Make one with `tocsin integration add NAME`.\n",
        "",
    )


def test_a_token_is_made_listed_and_ended(capsys: pytest.CaptureFixture[str], data: str) -> None:
    secret = run_json(capsys, "token", "add", "ana", "--name", "laptop", "--data", data)["token"]
    (listed,) = run_json(capsys, "token", "list", "--data", data)
    assert (listed["person"], listed["name"]) == ("ana", "laptop")
    assert secret not in json.dumps(listed)
    assert run_json(capsys, "token", "remove", listed["id"], "--data", data) == {"removed": 1}
    assert run_json(capsys, "token", "list", "--data", data) == []


def test_a_token_for_a_stranger_is_refused(capsys: pytest.CaptureFixture[str], data: str) -> None:
    code, _, err = run(capsys, "token", "add", "zoe", "--data", data)
    assert code == 1
    assert err == "tocsin: There is nobody called zoe. There are: ana, ben, chloe, dara.\n"


def test_a_sign_in_link_names_the_public_address(capsys: pytest.CaptureFixture[str], data: str) -> None:
    link = run_json(capsys, "sign-in", "ana", "--data", data, "--public-url", "https://tocsin.example.com")[
        "link"
    ]
    assert link.startswith("https://tocsin.example.com/sign-in/")


def test_a_sign_in_link_names_where_the_server_was_started(
    capsys: pytest.CaptureFixture[str], data: str
) -> None:
    note_address(read_settings({"data": data, "port": "9191"}, {}))
    link = run_json(capsys, "sign-in", "ana", "--data", data)["link"]
    assert link.startswith("http://127.0.0.1:9191/sign-in/")
    link = run_json(capsys, "sign-in", "ana", "--data", data, "--port", "9292")["link"]
    assert link.startswith("http://127.0.0.1:9292/sign-in/")


def test_a_backup_is_verified_and_restored_elsewhere(
    capsys: pytest.CaptureFixture[str], data: str, tmp_path: Path
) -> None:
    file, elsewhere = str(tmp_path / "all.tocsin"), str(tmp_path / "elsewhere")
    held = run_json(capsys, "backup", file, "--data", data)
    assert run_json(capsys, "restore", file, "--verify") == held
    assert run_json(capsys, "restore", file, "--data", elsewhere) == held
    assert run_json(capsys, "people", "list", "--data", elsewhere) == run_json(
        capsys, "people", "list", "--data", data
    )
    code, _, err = run(capsys, "restore", file, "--data", elsewhere)
    assert code == 1
    assert "Remedy: name a new folder with --data" in err


def test_doctor_finds_a_person_whom_the_plan_names_and_nobody_knows(
    capsys: pytest.CaptureFixture[str], data: str, tmp_path: Path
) -> None:
    people = tmp_path / "people.yaml"
    people.write_text("ana: {name: Ana, channels: {mailbox: ana}}\n", encoding="utf-8")
    run(capsys, "people", "load", str(people), "--data", data)
    code, out, _ = run(capsys, "doctor", "--data", data, "--json")
    bad = [one for one in json.loads(out) if one["standing"] == "bad"]
    assert code == 2
    assert {one["name"] for one in bad} == {"people"}
    assert len(bad) == 3


def test_a_plan_with_problems_exits_2_with_each_in_its_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "plan.yaml").write_text("plan: Test\nlevel: {}\n", encoding="utf-8")
    code, out, _ = run(capsys, "plan", "check", str(tmp_path))
    assert code == 2
    assert "plan.yaml:1:1: `catch_all` is missing. Add `catch_all: ...` here.\n" in out
    assert "plan.yaml:2:1: level: `level` means nothing here. Did you mean `levels`?\n" in out


def test_no_server_is_a_sentence_with_the_remedy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_TOKEN", "tocsin_test")
    code, _, err = run(capsys, "incidents", "--url", "http://127.0.0.1:9")
    assert code == 1
    assert err.endswith("Is the server running at http://127.0.0.1:9? Name another with --url.\n")


def test_a_reader_that_has_seen_enough_is_no_fault(tmp_path: Path) -> None:
    levels = "".join(f"  L{number}: {{}}\n" for number in range(1_000))
    (tmp_path / "plan.yaml").write_text(f"plan: P\nlevels:\n{levels}nonsense: 1\n")
    command = [sys.executable, "-m", "tocsin", "plan", "check", "--json", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(60) == 2


def test_short_commands_load_neither_web_nor_plan_nor_alembic(data: str) -> None:
    """Each would double the time that a command takes to start."""
    program = (
        "import sys, tocsin.cli\n"
        "try: tocsin.cli.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(sorted({'litestar', 'alembic', 'tocsin.plan', 'tocsin.core.incident'} & sys.modules.keys()))"
    )
    words = ("integration", "list", "--data", data)
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
