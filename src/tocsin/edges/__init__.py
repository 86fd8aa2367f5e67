"""The outside world, one file per thing: what comes in, what goes out, and how it can break."""
