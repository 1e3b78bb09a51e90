"""Keeps a small shop's stock in one journal file."""

__version__ = "0.1.0"
