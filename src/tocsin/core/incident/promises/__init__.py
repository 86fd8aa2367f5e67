"""What an incident promises and when it is due, derived from its state and the plan."""
