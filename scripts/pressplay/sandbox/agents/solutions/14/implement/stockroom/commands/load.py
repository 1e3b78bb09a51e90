"""Take products and quantities in from CSV."""

import argparse
from pathlib import Path

from stockroom import csvfile
from stockroom.catalogue import Catalogue
from stockroom.errors import StockroomError
from stockroom.journal import Journal
from stockroom.stock import Stock


def configure(parser: argparse.ArgumentParser) -> None:
    """FILE."""
    parser.add_argument("file", help="CSV with the columns sku, name, price, minimum, quantity")


def run(arguments: argparse.Namespace) -> int:
    """Take all rows in, or none: what is wrong with any of them is said before anything is recorded."""
    try:
        with Path(arguments.file).open(encoding="utf-8-sig", newline="") as file:
            rows = csvfile.rows(file, arguments.file)
    except (OSError, UnicodeDecodeError) as error:
        raise StockroomError(f"{arguments.file}: cannot be read: {error}") from error
    journal = Journal(arguments.book)
    catalogue, stock = Catalogue(journal), Stock(journal)
    seen = {product.sku for product in catalogue.products()}
    for row in rows:
        if row.product.sku in seen:
            raise StockroomError(f"{arguments.file}: SKU {row.product.sku} is taken; nothing was loaded")
        if not row.product.name.strip():
            raise StockroomError(f"{arguments.file}: SKU {row.product.sku} has no name; nothing was loaded")
        seen.add(row.product.sku)
    for row in rows:
        catalogue.add(row.product)
        if row.quantity:
            stock.receive(row.product.sku, row.quantity)
    print(f"loaded {len(rows)} products")
    return 0
