"""Folders that guard cannot start in, said in a sentence; and one that is odd, where it can all the same."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from guard.tests.support import world
from tocsin_guard import GuardError
from tocsin_guard.lines import Record, encode, recover


def is_a_file(folder: Path) -> Path:
    folder.write_text("not ours")
    return folder


def journal_is_a_folder(folder: Path) -> Path:
    (folder / "journal").mkdir(parents=True)
    return folder / "journal"


def folder_among_uploads(folder: Path) -> Path:
    (folder / "incoming" / "mine").mkdir(parents=True)
    return folder / "incoming" / "mine"


def in_proc(folder: Path) -> Path:
    """Where nobody may write, root neither."""
    folder.symlink_to("/proc/guard")
    return folder


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (is_a_file, "File exists"),
        (journal_is_a_folder, "Is a directory"),
        (folder_among_uploads, "Is a directory"),
        (in_proc, "File exists"),
    ],
)
async def test_where_guard_cannot_start_it_says_where_and_why_and_can_be_started_once_it_is_mended(
    tmp_path: Path, make: Callable[[Path], Path], why: str
) -> None:
    folder = tmp_path / "guard"
    place = make(folder)
    w = world(folder)
    with pytest.raises(GuardError) as refused:
        await w.guard.start()
    assert str(refused.value) == (
        f"guard cannot start in {folder}: {place}: {why}. "
        "It wants a folder of its own on a local disk, and to write there."
    )
    place.rmdir() if place.is_dir() else place.unlink()
    async with w.guard.running():
        await w.files.put("k", b"1")


def test_a_damaged_journal_is_kept_aside_also_where_a_file_has_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    kept: Record = {"kind": "kept"}
    damaged = b"x" + encode({"kind": "n"})[1:] + encode(kept)
    (tmp_path / "journal").write_bytes(damaged)
    assert recover(tmp_path / "journal").records == [kept]
    assert (tmp_path / "journal.damaged-1").read_bytes() == damaged
