"""One run of an agent: its orders, limits and outcome."""
