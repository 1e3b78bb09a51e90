"""What is to be ordered again."""

from stockroom.catalogue import Catalogue, Product
from stockroom.stock import Stock


def short(catalogue: Catalogue, stock: Stock) -> list[tuple[Product, int]]:
    """Products below their minimum with the quantity that is missing, by SKU."""
    levels = stock.levels()
    return [
        (product, product.minimum - levels[product.sku])
        for product in catalogue.products()
        if levels[product.sku] < product.minimum
    ]
