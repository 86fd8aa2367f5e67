"""Where in a database some words stand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Table, select

from tocsin.store.schema import metadata
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction


def stands_in(store: Store, words: str) -> set[str]:
    """Every table and column of the database in which these words stand."""
    found = set()
    for table in metadata.sorted_tables:
        rows = store.read_now(partial(_rows, table=table))
        for row in rows:
            for name, value in row._mapping.items():
                if isinstance(value, str) and words in value:
                    found.add(f"{table.name}.{name}")
    return found


def _rows(tx: Transaction, table: Table) -> Sequence[Any]:
    return tx.execute(select(table)).all()
