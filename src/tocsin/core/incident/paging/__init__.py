"""Reaching people: the ladder, pages and their rings, telling, and whom the plan means."""
