"""Write the catalogue with its stock as CSV."""

import sys
import csv
import argparse

from stockroom.stock import Stock
from stockroom.catalogue import Catalogue
from stockroom import money
from stockroom.journal import Journal

COLUMNS = ["sku", "name", "price", "minimum", "quantity"]   


def configure(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Write the columns' names and a line a product, by SKU, to the standard output."""
    journal = Journal(arguments.book)
    levels = Stock(journal).levels()
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for product in Catalogue(journal).products():
        price = money.show(product.price)  
        writer.writerow([product.sku, product.name, price, product.minimum, levels[product.sku]])
    return 0


