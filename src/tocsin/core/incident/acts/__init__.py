"""What each command does to an incident, one theme a module."""
