"""Simulations and comparisons that go on while pages are drawn, each belonging to the session that started it."""
