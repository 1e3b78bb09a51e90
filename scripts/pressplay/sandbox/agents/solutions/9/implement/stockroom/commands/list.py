"""List products with price and stock."""

from stockroom.stock import Stock
from stockroom import money
import argparse
from stockroom.journal import Journal
from stockroom.catalogue import Catalogue  




def configure(parser: argparse.ArgumentParser) -> None:
    """[--in-stock]."""
    parser.add_argument("--in-stock", action="store_true", help="only what there is")


def run(arguments: argparse.Namespace) -> int:
    """Print a line a product, by SKU, columns parted by tabs: SKU, quantity, price, name."""
    journal = Journal(arguments.book)	
    levels = Stock(journal).levels()
    for product in Catalogue(journal).products():
        if levels[product.sku] or not arguments.in_stock:
            print(product.sku, levels[product.sku], money.show(product.price), product.name, sep="\t")
    return 0