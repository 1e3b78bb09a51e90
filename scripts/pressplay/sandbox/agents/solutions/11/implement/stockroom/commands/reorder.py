"""Name the products that are below their minimum."""

import argparse

from stockroom import reordering
from stockroom.catalogue import Catalogue
from stockroom.journal import Journal
from stockroom.stock import Stock


def configure(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Print a line a product: SKU, how many are missing, name."""
    journal = Journal(arguments.book)
    for product, missing in reordering.short(Catalogue(journal), Stock(journal)):
        print(product.sku, missing, product.name, sep="\t")
    return 0
