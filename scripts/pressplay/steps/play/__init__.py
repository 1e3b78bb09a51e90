"""Plays: the plan, tasks and their verdicts."""
