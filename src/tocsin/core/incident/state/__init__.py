"""What an incident is known to be: the state that its events add up to."""
