"""Statements of the hot paths, compiled once and run on the driver's own cursor.

A step's load takes the database 4 microseconds, and SQLAlchemy 42 more. A statement is still written in its
expression language, once for both databases; only its running goes past it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Executable, Select

from tocsin.store.database import past_sqlalchemy, skip_locked
from tocsin.store.schema import Instant, from_micros, to_micros

Values = Mapping[str, object]


class Prepared:
    """A statement that names what it wants by `bindparam`, or by its columns where it writes them.

    Rows are tuples; times go in and come out as aware datetimes. IN lists of any length are not for it.
    """

    def __init__(self, statement: Executable, *, claims: bool = False) -> None:
        """`claims`: rows are held for the transaction, and those another node holds passed over."""
        self._statement = statement
        self._claims = claims
        self._compiled: dict[tuple[str, tuple[str, ...]], _Compiled] = {}
        columns = statement.selected_columns if isinstance(statement, Select) else ()
        self._times = tuple(at for at, column in enumerate(columns) if isinstance(column.type, Instant))

    def all(self, tx: Connection, values: Values) -> list[tuple[Any, ...]]:
        """Every row."""
        ready = self._for(tx, values)
        with past_sqlalchemy(tx, ready.words) as cursor:
            rows: list[tuple[Any, ...]] = cursor.execute(ready.words, ready.bound(values)).fetchall()
        return [self._read(row) for row in rows] if self._times else rows

    def first(self, tx: Connection, values: Values) -> tuple[Any, ...] | None:
        """The first row, or None."""
        ready = self._for(tx, values)
        with past_sqlalchemy(tx, ready.words) as cursor:
            row: tuple[Any, ...] | None = cursor.execute(ready.words, ready.bound(values)).fetchone()
        return self._read(row) if row and self._times else row

    def change(self, tx: Connection, values: Values) -> int:
        """Insert, update or delete; how many rows it met."""
        ready = self._for(tx, values)
        with past_sqlalchemy(tx, ready.words) as cursor:
            met: int = cursor.execute(ready.words, ready.bound(values)).rowcount
        return met

    def change_each(self, tx: Connection, rows: Sequence[Values]) -> None:
        """The same for each of these, all of which name the same columns."""
        if rows:
            ready = self._for(tx, rows[0])
            with past_sqlalchemy(tx, ready.words) as cursor:
                cursor.executemany(ready.words, [ready.bound(row) for row in rows])

    def _for(self, tx: Connection, values: Values) -> _Compiled:
        key = (tx.dialect.name, tuple(values))
        if key not in self._compiled:
            statement = skip_locked(tx, self._statement) if self._claims else self._statement
            self._compiled[key] = _Compiled(tx, statement, key[1])
        return self._compiled[key]

    def _read(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        read = list(row)
        for at in self._times:
            if read[at] is not None:
                read[at] = from_micros(read[at])
        return tuple(read)


class _Compiled:
    """The words of a statement in one dialect, and the order of what is bound in them."""

    def __init__(self, tx: Connection, statement: Any, names: tuple[str, ...]) -> None:
        written = None if isinstance(statement, Select) else list(names)
        compiled: Any = statement.compile(dialect=tx.dialect, column_keys=written)
        self.words = str(compiled)
        assert "POSTCOMPILE" not in self.words, f"an IN list cannot be prepared: {self.words}"
        self._order: list[str] | None = compiled.positiontup
        binds = compiled.binds.items()
        self._constants: dict[str, object] = {name: one.value for name, one in binds if not one.required}

    def bound(self, values: Values) -> Sequence[object] | Values:
        """Values as the driver takes them; raises KeyError for one that is missing."""
        given = {**self._constants, **values}
        if self._order is None:
            return {name: _plain(value) for name, value in given.items()}
        return [_plain(given[name]) for name in self._order]


def _plain(value: object) -> object:
    kind = type(value)
    if kind is str or kind is int:
        return value
    if isinstance(value, datetime):
        return to_micros(value)
    return value.value if isinstance(value, Enum) else value
