"""Reading products and quantities from CSV."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass

from stockroom import money, skus
from stockroom.catalogue import Product
from stockroom.errors import StockroomError

COLUMNS = ("sku", "name", "price", "minimum", "quantity")


@dataclass(frozen=True)
class Row:
    """A product and how much of it to take in."""

    product: Product
    quantity: int


def rows(lines: Iterable[str], where: str) -> list[Row]:
    """All rows of a CSV text; StockroomError names `where` and the line of the first that is wrong."""
    reader = csv.DictReader(lines, strict=True)
    parsed = []
    try:
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise StockroomError(f"no column {', '.join(missing)}; expected {', '.join(COLUMNS)}")
        for record in reader:
            product = Product(
                skus.parse(record["sku"] or ""),
                record["name"] or "",
                money.parse(record["price"] or ""),
                _count(record["minimum"], "minimum"),
            )
            parsed.append(Row(product, _count(record["quantity"], "quantity")))
    except (StockroomError, csv.Error) as error:
        raise StockroomError(f"{where}:{max(reader.line_num, 1)}: {error}") from error
    return parsed


def _count(text: str | None, what: str) -> int:
    if not text or not text.isascii() or not text.isdigit():
        raise StockroomError(f"{what} {text!r}: expected a whole number, 0 or more")
    return int(text)
