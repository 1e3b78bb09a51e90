"""What the stock is worth."""

from dataclasses import dataclass

from stockroom.catalogue import Catalogue, Product
from stockroom.stock import Stock


@dataclass(frozen=True)
class Worth:
    """One product's part: `quantity` in stock, `cents` at the catalogue's price."""

    product: Product
    quantity: int
    cents: int


def worth(catalogue: Catalogue, stock: Stock) -> list[Worth]:
    """The worth of every product that is in stock, the dearest first."""
    levels = stock.levels()
    parts = [
        Worth(product, levels[product.sku], levels[product.sku] * product.price)
        for product in catalogue.products()
        if levels[product.sku]
    ]
    return sorted(parts, key=lambda part: -part.cents)


def total(parts: list[Worth]) -> int:
    """The sum in cents."""
    return sum(part.cents for part in parts)
