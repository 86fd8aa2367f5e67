"""Which rows were there before, in bounded memory: 16 bytes of hash for each in a temporary SQLite file.

Memory is the page cache that is set (16 MB), however long the list is; the disk takes about 40 bytes a row.
Two different rows with the same 128 bits are as likely as a disk that lies unnoticed: for 100 million rows
one in 10^22.
"""

import sqlite3
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from listcutter import limits


class Seen:
    """Use as a context manager, in one thread. The file is in a folder that the caller removes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "seen.sqlite"

    def __enter__(self) -> "Seen":
        self._database = sqlite3.connect(self._path, isolation_level=None)
        for pragma in (
            "journal_mode = OFF",
            "synchronous = OFF",
            f"cache_size = -{limits.SEEN_CACHE_BYTES // 1024}",
        ):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("CREATE TABLE seen (hash BLOB PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")
        self._cursor = self._database.cursor()
        return self

    def __exit__(self, *about: object) -> None:
        self._database.close()
        self._path.unlink(missing_ok=True)

    def first(self, cells: Sequence[str]) -> bool:
        """Whether a row with these cells is the first of its kind."""
        # The length of each cell goes in, so that ("ab", "c") is not ("a", "bc").
        text = "".join([f"{len(cell)}:{cell}" for cell in cells])
        key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        return self._cursor.execute("INSERT OR IGNORE INTO seen VALUES (?)", (key,)).rowcount == 1
