"""Frozen values to stored text and back."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from tocsin.store.errors import Corrupt

T = TypeVar("T")


def dump(value: object) -> str:
    """Any frozen value as JSON text."""
    return msgspec.json.encode(value).decode()


def load(text: str, as_type: type[T]) -> T:
    """The value that `dump` wrote, checked against its type; raises Corrupt when it is not that any more."""
    try:
        return msgspec.json.decode(text, type=as_type)
    except msgspec.DecodeError as wrong:
        raise Corrupt(f"A stored {as_type.__name__} cannot be read: {wrong}.") from wrong


def made_of(data: dict[str, Any], as_type: type[T]) -> T:
    """The value of what was read as plain data; raises Corrupt as `load` does."""
    try:
        return msgspec.convert(data, as_type)
    except msgspec.ValidationError as wrong:
        raise Corrupt(f"A stored {as_type.__name__} cannot be read: {wrong}.") from wrong
