"""`evolve`: a copy of a frozen value with some of its fields changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The type checker knows by it which fields there are to replace, and what each may hold.
    from dataclasses import replace as evolve
else:
    from msgspec.structs import replace as evolve

__all__ = ["evolve"]
