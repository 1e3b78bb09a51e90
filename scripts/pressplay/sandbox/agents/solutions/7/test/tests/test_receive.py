from stockroom.catalogue import Catalogue, Product
from stockroom.journal import Journal
from stockroom.stock import Stock
from tests.support import ShopTest


class Receive(ShopTest):
    def setUp(self) -> None:
        super().setUp()
        Catalogue(Journal(self.book)).add(Product("TEA", "Tea", 450))

    def test_deliveries_add_up(self) -> None:
        self.assertEqual(self.shop("receive", "tea", "5"), "received 5 TEA, now 5\n")
        self.assertEqual(self.shop("receive", "TEA", "7"), "received 7 TEA, now 12\n")
        self.assertEqual(Stock(Journal(self.book)).level("TEA"), 12)

    def test_unknown_products_and_quantities_below_one_are_refused(self) -> None:
        before = self.book.read_bytes()
        for sku, quantity in [("CUP", "1"), ("TEA", "0"), ("TEA", "-2")]:
            with self.subTest(sku=sku, quantity=quantity):
                self.shop("receive", "--", sku, quantity, status=1)
        self.assertEqual(self.book.read_bytes(), before)
