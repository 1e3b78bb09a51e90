"""Stockroom's tests: `python -m unittest`."""
