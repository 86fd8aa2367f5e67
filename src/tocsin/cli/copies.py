"""Backup and restore."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from tocsin.app.address import database_url
from tocsin.app.clock import clock
from tocsin.cli.opening import settings_of
from tocsin.cli.result import Failure, Result
from tocsin.store import backup as copies
from tocsin.store.archive import Manifest
from tocsin.store.errors import AlreadyRunning, BackupError, StoreError

FAULTS = (BackupError, StoreError, AlreadyRunning)


def backup(parsed: Namespace) -> Result:
    """One consistent moment of the database, while the server goes on."""
    settings, file = settings_of(parsed), Path(parsed.file)
    try:
        manifest = copies.backup(database_url(settings), file, clock(), _progress)
    except FAULTS as wrong:
        raise Failure(str(wrong)) from wrong
    return Result([f"{file} holds {manifest.rows} rows, read back and compared."], _data(manifest))


def restore(parsed: Namespace) -> Result:
    """All of the file or nothing of it."""
    settings, file = settings_of(parsed), Path(parsed.file)
    try:
        if parsed.verify:
            manifest = copies.verify(file)
            return Result([f"{file} is whole: {manifest.rows} rows."], _data(manifest))
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        manifest = copies.restore(file, database_url(settings), _progress)
    except FAULTS as wrong:
        raise Failure(str(wrong)) from wrong
    lines = [
        f"{manifest.rows} rows restored.",
        "The key that signs links is not in a backup: give the server the same secret, or copy secret.key.",
    ]
    return Result(lines, _data(manifest))


def _progress(table: str, rows: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{table}: {rows} rows   ", end="", file=sys.stderr, flush=True)


def _data(manifest: Manifest) -> dict[str, Any]:
    return {"rows": manifest.rows, "tables": {name: rows.count for name, rows in manifest.tables.items()}}
