from stockroom.catalogue import Catalogue, Product
from stockroom.journal import Journal
from stockroom.stock import Stock
from tests.support import ShopTest


class Value(ShopTest):
    def test_the_dearest_comes_first_and_the_total_last(self) -> None:
        journal = Journal(self.book)
        for sku, price, quantity in [("CUP", 1200, 1), ("POT", 9900, 0), ("TEA", 450, 4)]:
            Catalogue(journal).add(Product(sku, sku, price))
            if quantity:
                Stock(journal).receive(sku, quantity)
        self.assertEqual(self.shop("value"), "TEA\t4\t18.00\nCUP\t1\t12.00\ntotal\t30.00\n")

    def test_what_was_sold_counts_no_more_whatever_it_brought(self) -> None:
        journal = Journal(self.book)
        Catalogue(journal).add(Product("TEA", "Tea", 450))
        Stock(journal).receive("TEA", 4)
        Stock(journal).take("TEA", 3, 99999)
        self.assertEqual(self.shop("value"), "TEA\t1\t4.50\ntotal\t4.50\n")

    def test_an_empty_shop_is_worth_nothing(self) -> None:
        self.assertEqual(self.shop("value"), "total\t0.00\n")
