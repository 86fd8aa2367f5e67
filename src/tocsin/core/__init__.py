"""Decisions: pure functions over frozen values. Standard library only, no clock, no SQL, no async."""
