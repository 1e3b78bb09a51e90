from stockroom.catalogue import Catalogue, Product
from stockroom.journal import Journal
from stockroom.stock import Stock
from tests.support import ShopTest


class List(ShopTest):
    def setUp(self) -> None:
        super().setUp()
        journal = Journal(self.book)
        Catalogue(journal).add(Product("TEA", "Green tea", 450))
        Catalogue(journal).add(Product("CUP", "Cup", 1200))
        Stock(journal).receive("TEA", 5)
        Stock(journal).take("TEA", 1, 450)

    def test_products_come_by_sku_with_stock_and_price(self) -> None:
        self.assertEqual(self.shop("list"), "CUP\t0\t12.00\tCup\nTEA\t4\t4.50\tGreen tea\n")

    def test_what_there_is_none_of_can_be_left_out(self) -> None:
        self.assertEqual(self.shop("list", "--in-stock"), "TEA\t4\t4.50\tGreen tea\n")

    def test_an_empty_shop_prints_nothing(self) -> None:
        self.book.unlink()
        self.assertEqual(self.shop("list"), "")
