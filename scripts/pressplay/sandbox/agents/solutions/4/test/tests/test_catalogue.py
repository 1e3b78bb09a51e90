import tempfile
import unittest
from pathlib import Path

from stockroom.catalogue import Catalogue, Product
from stockroom.errors import StockroomError
from stockroom.journal import Journal


class Products(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.catalogue = Catalogue(Journal(Path(folder.name) / "book.jsonl"))

    def test_products_are_listed_by_sku(self) -> None:
        for sku in ["TEA", "CUP", "POT"]:
            self.catalogue.add(Product(sku, sku.title(), 100))
        self.assertEqual([product.sku for product in self.catalogue.products()], ["CUP", "POT", "TEA"])

    def test_a_product_is_found_in_any_case(self) -> None:
        self.catalogue.add(Product("TEA-1", "Green tea", 450, minimum=3))
        self.assertEqual(self.catalogue.product("tea-1"), Product("TEA-1", "Green tea", 450, 3))

    def test_a_sku_is_given_once(self) -> None:
        self.catalogue.add(Product("TEA", "Tea", 100))
        with self.assertRaisesRegex(StockroomError, "SKU TEA is taken"):
            self.catalogue.add(Product("TEA", "Other tea", 200))
        self.assertEqual([product.name for product in self.catalogue.products()], ["Tea"])

    def test_what_is_unknown_blank_or_negative_is_refused(self) -> None:
        with self.assertRaisesRegex(StockroomError, "stockroom add CUP"):
            self.catalogue.product("cup")
        with self.assertRaisesRegex(StockroomError, "name: expected"):
            self.catalogue.add(Product("CUP", "  ", 1))
        with self.assertRaisesRegex(StockroomError, "minimum -1"):
            self.catalogue.add(Product("CUP", "Cup", 1, minimum=-1))
        self.assertEqual(self.catalogue.products(), [])
