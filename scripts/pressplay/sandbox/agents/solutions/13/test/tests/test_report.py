from tests.support import ShopTest


class Report(ShopTest):
    def test_an_empty_shop(self) -> None:
        self.assertEqual(self.shop("report"), "products\t0\nrevenue\t0.00\nstock\t0.00\nshort\tnothing\n")

    def test_sales_stock_and_shortage_are_told_together(self) -> None:
        self.shop_with_tea_and_cups()
        self.shop("sell", "TEA", "3")
        self.shop("sell", "TEA", "1", "--price", "4.00")
        self.assertEqual(self.shop("report"), "products\t2\nrevenue\t17.50\nstock\t28.50\nshort\tTEA\n")

    def test_a_refused_sale_brings_nothing(self) -> None:
        self.shop_with_tea_and_cups()
        self.shop("sell", "TEA", "4")
        self.shop("sell", "TEA", "4", status=1)
        self.assertIn("revenue\t18.00\n", self.shop("report"))

    def shop_with_tea_and_cups(self) -> None:
        from stockroom.catalogue import Catalogue, Product
        from stockroom.journal import Journal
        from stockroom.stock import Stock

        journal = Journal(self.book)
        Catalogue(journal).add(Product("TEA", "Tea", 450, 3))
        Catalogue(journal).add(Product("CUP", "Cup", 1200))
        Stock(journal).receive("TEA", 5)
        Stock(journal).receive("CUP", 2)
