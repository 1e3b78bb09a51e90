"""Print the version."""

import argparse

from stockroom import __version__


def configure(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Print the version of Stockroom."""
    print(f"stockroom {__version__}")
    return 0
