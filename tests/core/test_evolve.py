"""A copy with some fields changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tocsin.core.evolve import evolve


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class One:
    words: str


def test_it_is_what_replace_would_give() -> None:
    point = Point(1, 2, ("a",))
    assert evolve(point, y=5) == replace(point, y=5) == Point(1, 5, ("a",))
    assert evolve(point) == point
    assert point == Point(1, 2, ("a",))


def test_a_class_may_have_a_single_field() -> None:
    assert evolve(One("a"), words="b") == One("b")
    assert evolve(One("a")) == One("a")


def test_the_copy_is_frozen_as_well() -> None:
    with pytest.raises(AttributeError):
        evolve(Point(1), y=5).y = 6  # type: ignore[misc]  # that is what is refused


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(KeyError, match="z"):
        evolve(Point(1), z=5)  # type: ignore[call-arg]  # that is what is refused
