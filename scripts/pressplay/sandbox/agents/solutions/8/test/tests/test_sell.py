from stockroom.catalogue import Catalogue, Product
from stockroom.journal import Journal
from stockroom.stock import Stock
from tests.support import ShopTest


class Sell(ShopTest):
    def setUp(self) -> None:
        super().setUp()
        journal = Journal(self.book)
        Catalogue(journal).add(Product("TEA", "Tea", 450))
        Stock(journal).receive("TEA", 5)

    def level(self) -> int:
        return Stock(Journal(self.book)).level("TEA")

    def test_a_sale_takes_from_stock_at_the_catalogues_price(self) -> None:
        self.assertEqual(self.shop("sell", "tea", "2"), "sold 2 TEA for 9.00\n")
        self.assertEqual(self.level(), 3)

    def test_a_price_may_be_given(self) -> None:
        self.assertEqual(self.shop("sell", "TEA", "3", "--price", "4"), "sold 3 TEA for 12.00\n")
        self.assertEqual([entry["price"] for entry in Journal(self.book).entries("taken")], [400])

    def test_all_there_is_can_be_sold(self) -> None:
        self.shop("sell", "TEA", "5")
        self.assertEqual(self.level(), 0)

    def test_more_than_there_is_cannot_be_sold(self) -> None:
        self.shop("sell", "TEA", "6", status=1)
        self.assertIn("cannot sell 6 TEA: there are 5", self.errors)
        self.assertEqual(self.level(), 5)

    def test_what_was_sold_before_is_gone(self) -> None:
        self.shop("sell", "TEA", "3")
        before = self.book.read_bytes()
        self.shop("sell", "TEA", "3", status=1)
        self.assertIn("cannot sell 3 TEA: there are 2", self.errors)
        self.assertEqual(self.book.read_bytes(), before)
        self.assertEqual(self.level(), 2)

    def test_unknown_products_and_quantities_below_one_are_refused(self) -> None:
        for sku, quantity in [("CUP", "1"), ("TEA", "0"), ("TEA", "-1")]:
            with self.subTest(sku=sku, quantity=quantity):
                self.shop("sell", "--", sku, quantity, status=1)
        self.assertEqual(self.level(), 5)
