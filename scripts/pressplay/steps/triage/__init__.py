"""Failing checks of a pull request."""
