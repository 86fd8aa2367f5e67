"""`evolve`: `dataclasses.replace` for values with many fields, in less than half of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The type checker knows which fields there are to replace.
    from dataclasses import replace as evolve
else:
    from dataclasses import fields
    from functools import cache
    from operator import attrgetter

    def evolve(value, /, **changes):
        """A copy of a frozen dataclass with slots, some of its fields changed.

        Raises KeyError for a name that is no field of it.
        """
        values_of, into = _shape(type(value))
        copy = object.__new__(type(value))
        # An incident has fifty fields, and each event makes a copy: that was a fifth of a step's time.
        for set_field, kept in zip(into.values(), values_of(value), strict=True):
            set_field(copy, kept)
        for name, changed in changes.items():
            into[name](copy, changed)
        return copy

    @cache
    def _shape(kind):
        """How to read all fields of a class at once, and how to set each."""
        names = [one.name for one in fields(kind)]
        values_of = attrgetter(*names)
        # Of a single name it gives the value itself.
        read = values_of if len(names) > 1 else lambda value: (values_of(value),)
        return read, {name: getattr(kind, name).__set__ for name in names}


__all__ = ["evolve"]
