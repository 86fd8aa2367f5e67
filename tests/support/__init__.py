"""What tests, bench and the proof share: a database of their own, a cast, a world."""
