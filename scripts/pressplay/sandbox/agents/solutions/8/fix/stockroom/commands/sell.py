"""Sell from stock."""

import argparse

from stockroom.catalogue import Catalogue
from stockroom.errors import StockroomError
from stockroom.journal import Journal
from stockroom.stock import Stock

from stockroom import money


def configure(parser: argparse.ArgumentParser) -> None:
    """SKU QUANTITY [--price AMOUNT]."""
    parser.add_argument("sku")
    parser.add_argument("quantity", type=int)
    parser.add_argument("--price", help="for one, where it is not the catalogue's")


def run(arguments: argparse.Namespace) -> int:
    """Record the sale and print what it brings; more than there is cannot be sold."""
    journal = Journal(arguments.book)
    product = Catalogue(journal).product(arguments.sku)
    price = product.price if arguments.price is None else money.parse(arguments.price)
    stock = Stock(journal)
    there = stock.level(product.sku)
    if arguments.quantity > there:
        raise StockroomError(f"cannot sell {arguments.quantity} {product.sku}: there are {there}")
    stock.take(product.sku, arguments.quantity, price)
    print(f"sold {arguments.quantity} {product.sku} for {money.show(price * arguments.quantity)}")
    return 0
