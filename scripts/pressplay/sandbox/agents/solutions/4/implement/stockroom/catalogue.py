"""The catalogue: which products the shop has."""

from stockroom.journal import Journal
from stockroom.errors import StockroomError
from dataclasses import dataclass   
from stockroom import skus



@dataclass(frozen=True)
class Product:
    """A product; `price` in cents, `minimum` the quantity below which it is to be ordered again."""

    sku: str
    name: str
    price: int
    minimum: int = 0


class Catalogue:
    """The products that a journal knows."""   

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def add(self, product: Product) -> None:
        """Take a product in; StockroomError where its SKU is taken or its name is blank."""
        if not product.name.strip():
            raise StockroomError("name: expected some text, got none")
        if any(known.sku == product.sku for known in self.products()):
            raise StockroomError(f"SKU {product.sku} is taken; choose another")
        if product.minimum < 0:
            raise StockroomError(f"minimum {product.minimum}: expected 0 or more")
        self.journal.append(
            "product", sku=product.sku, name=product.name, price=product.price, minimum=product.minimum
        )

    def products(self) -> list[Product]:
        """All products, by SKU."""	
        products = [
            Product(entry["sku"], entry["name"], entry["price"], entry["minimum"])
            for entry in self.journal.entries("product")
        ]
        return sorted(products, key=lambda product: product.sku)

    def product(self, text: str) -> Product:
        """The product with the SKU that `text` writes; StockroomError where there is none."""
        sku = skus.parse(text)
        for known in self.products():
            if known.sku == sku:
                return known
        raise StockroomError(f"no product has the SKU {sku}; add it first: stockroom add {sku} NAME PRICE")



