"""Frozen values to stored text and back."""

from __future__ import annotations

from threading import Lock
from typing import Any, TypeVar

import msgspec

from tocsin.store.errors import Corrupt

T = TypeVar("T")

_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_preparing = Lock()


def dump(value: object) -> str:
    """Any frozen value as JSON text."""
    return msgspec.json.encode(value).decode()


def load(text: str, as_type: type[T]) -> T:
    """The value that `dump` wrote, checked against its type; raises Corrupt when it is not that any more."""
    try:
        return _decoder(as_type).decode(text)
    except msgspec.DecodeError as wrong:
        raise Corrupt(f"A stored {as_type.__name__} cannot be read: {wrong}.") from wrong


def made_of(data: dict[str, Any], as_type: type[T]) -> T:
    """The value of what was read as plain data; raises Corrupt as `load` does."""
    _decoder(as_type)
    try:
        return msgspec.convert(data, as_type)
    except msgspec.ValidationError as wrong:
        raise Corrupt(f"A stored {as_type.__name__} cannot be read: {wrong}.") from wrong


def _decoder(as_type: type[T]) -> msgspec.json.Decoder[T]:
    # msgspec looks at a class when it first meets it, and other threads run meanwhile: one that meets it
    # too finds half of it, and the whole process crashes. So one thread looks, and the others wait.
    if as_type not in _decoders:
        with _preparing:
            _decoders.setdefault(as_type, msgspec.json.Decoder(as_type))
    return _decoders[as_type]
