"""Tocsin's tests. A package, so that `tests.support` and `tests.sim` can be imported by name."""
