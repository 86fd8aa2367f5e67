"""A copy with some fields changed."""

from __future__ import annotations

import pytest
from msgspec import Struct

from tocsin.core.evolve import evolve


class Point(Struct, frozen=True):
    x: int
    y: int = 0
    names: tuple[str, ...] = ()


def test_the_copy_differs_in_those_fields_alone() -> None:
    point = Point(1, 2, ("a",))
    assert evolve(point, y=5) == Point(1, 5, ("a",))
    assert evolve(point) == point
    assert point == Point(1, 2, ("a",))


def test_the_copy_is_frozen_as_well() -> None:
    with pytest.raises(AttributeError):
        evolve(Point(1), y=5).y = 6  # type: ignore[misc]  # that is what is refused


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(TypeError, match="z"):
        evolve(Point(1), z=5)  # type: ignore[call-arg]  # that is what is refused
