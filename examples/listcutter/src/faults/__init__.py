"""Faults on request, for drills and tests: between a service and its storage, or between it and whom it
pages."""
