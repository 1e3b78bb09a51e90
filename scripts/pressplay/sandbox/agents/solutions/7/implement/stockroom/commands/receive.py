"""Take a delivery into stock."""

from stockroom.stock import Stock
from stockroom.journal import Journal
from stockroom.catalogue import Catalogue
import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """SKU QUANTITY."""  
    parser.add_argument("sku")
    parser.add_argument("quantity", type=int)



def run(arguments: argparse.Namespace) -> int:
    """Record the delivery and print what there is now."""
    journal = Journal(arguments.book)
    product = Catalogue(journal).product(arguments.sku)   
    stock = Stock(journal)
    stock.receive(product.sku, arguments.quantity)
    print(f"received {arguments.quantity} {product.sku}, now {stock.level(product.sku)}")
    return 0
