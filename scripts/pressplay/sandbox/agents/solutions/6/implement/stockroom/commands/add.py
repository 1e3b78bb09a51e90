"""Add a product to the catalogue."""

import argparse

from stockroom import money, skus
from stockroom.catalogue import Catalogue, Product
from stockroom.journal import Journal


def configure(parser: argparse.ArgumentParser) -> None:
    """SKU NAME PRICE [--minimum N]."""
    parser.add_argument("sku")
    parser.add_argument("name")
    parser.add_argument("price", help="for one, such as 12.50")
    parser.add_argument("--minimum", type=int, default=0, help="order again below this quantity (default: 0, never)")


def run(arguments: argparse.Namespace) -> int:
    """Add the product and print it."""
    product = Product(skus.parse(arguments.sku), arguments.name, money.parse(arguments.price), arguments.minimum)
    Catalogue(Journal(arguments.book)).add(product)
    print(f"added {product.sku} {product.name} at {money.show(product.price)}")
    return 0
