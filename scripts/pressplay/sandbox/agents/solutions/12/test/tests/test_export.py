import csv
import io

from stockroom.catalogue import Catalogue, Product
from stockroom.journal import Journal
from stockroom.stock import Stock
from tests.support import ShopTest


class Export(ShopTest):
    def test_columns_are_named_even_in_an_empty_shop(self) -> None:
        self.assertEqual(self.shop("export"), "sku,name,price,minimum,quantity\n")

    def test_products_come_by_sku_and_names_survive_quoting(self) -> None:
        name = 'Tea, "green"\nloose'
        journal = Journal(self.book)
        Catalogue(journal).add(Product("TEA", name, 450, 3))
        Catalogue(journal).add(Product("CUP", "Cup", 1200))
        Stock(journal).receive("TEA", 2)
        rows = list(csv.DictReader(io.StringIO(self.shop("export"), newline="")))
        self.assertEqual([row["sku"] for row in rows], ["CUP", "TEA"])
        self.assertEqual(rows[1], {"sku": "TEA", "name": name, "price": "4.50", "minimum": "3", "quantity": "2"})
