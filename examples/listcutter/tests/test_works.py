"""Cuts are made one after another, whatever became of another one."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from examples.listcutter.tests.support import running, wait
from guard.tests.support import Breakable
from listcutter.seen import Seen
from tocsin_guard import LocalFiles


def test_cuts_are_made_though_storage_was_away_at_the_start(tmp_path: Path) -> None:
    store = Breakable(LocalFiles(tmp_path / "store"))
    with running(tmp_path, store, cache_bytes_max=0) as user:
        first = user.id_of()
        user.cut(first)
    store.down = True
    with running(tmp_path, store, cache_bytes_max=0) as user:
        second = user.id_of()  # queued, and at hand
        assert user.cut(second, 10)["state"] == "done"


def test_a_cut_whose_record_is_damaged_holds_up_no_other(tmp_path: Path) -> None:
    with running(tmp_path, cache_bytes_max=0) as user:
        list_id = user.id_of()
        broken = user.cut(list_id)
    path = next((tmp_path / "store" / "objects").glob(f"*{broken['id']}*cut.json"))
    path.write_bytes(b"x" * path.stat().st_size)
    with running(tmp_path, cache_bytes_max=0) as user:
        assert user.cut(user.id_of(), 10)["state"] == "done"


def test_a_cut_that_fails_unforeseen_is_failed_and_the_next_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> bool:
        raise sqlite3.OperationalError("database or disk is full")

    with running(tmp_path) as user:
        list_id = user.id_of()
        monkeypatch.setattr(Seen, "first", full)
        failed = user.cut(list_id, 10, distinct=True)
        assert (failed["state"], failed["error"]) == (
            "failed",
            "The cut could not be made; the operators find why in the log. Ask for it again.",
        )
        monkeypatch.undo()
        wait(lambda: user.cut(list_id, 10, distinct=True)["state"] == "done")
