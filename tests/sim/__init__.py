"""The simulator: the production store and engine, broken from a seed, in virtual time."""
