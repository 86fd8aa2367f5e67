"""Streams of events as they were stored, and what they fold to: the guard of `fold` and of older events."""
