"""The server: wires the rooms together, owns the clock and the loops, starts and stops in order."""
