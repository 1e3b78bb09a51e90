from stockroom.catalogue import Catalogue, Product
from stockroom.journal import Journal
from stockroom.stock import Stock
from tests.support import ShopTest


class Reorder(ShopTest):
    def test_only_what_is_below_its_minimum_is_named(self) -> None:
        journal = Journal(self.book)
        for sku, minimum, quantity in [("A", 3, 2), ("B", 3, 3), ("C", 0, 0), ("D", 1, 0)]:
            Catalogue(journal).add(Product(sku, f"Product {sku}", 100, minimum))
            if quantity:
                Stock(journal).receive(sku, quantity)
        self.assertEqual(self.shop("reorder"), "A\t1\tProduct A\nD\t1\tProduct D\n")

    def test_selling_below_the_minimum_names_the_product(self) -> None:
        journal = Journal(self.book)
        Catalogue(journal).add(Product("TEA", "Tea", 450, 3))
        Stock(journal).receive("TEA", 3)
        self.assertEqual(self.shop("reorder"), "")
        Stock(journal).take("TEA", 2, 450)
        self.assertEqual(self.shop("reorder"), "TEA\t2\tTea\n")
