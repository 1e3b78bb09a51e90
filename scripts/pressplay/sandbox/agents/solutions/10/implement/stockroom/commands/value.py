"""Print what the stock is worth."""

import argparse

from stockroom import money, valuation
from stockroom.catalogue import Catalogue
from stockroom.journal import Journal
from stockroom.stock import Stock


def configure(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Print a line a product in stock, the dearest first, and the total."""
    journal = Journal(arguments.book)
    parts = valuation.worth(Catalogue(journal), Stock(journal))
    for part in parts:
        print(part.product.sku, part.quantity, money.show(part.cents), sep="\t")
    print("total", money.show(valuation.total(parts)), sep="\t")
    return 0
