from stockroom.catalogue import Catalogue, Product
from stockroom.journal import Journal
from stockroom.stock import Stock
from tests.support import ShopTest

HEAD = "sku,name,price,minimum,quantity\n"


class Load(ShopTest):
    def load(self, text: str, status: int = 0) -> str:
        file = self.folder / "shop.csv"
        file.write_text(text, encoding="utf-8", newline="")
        return self.shop("load", str(file), status=status)

    def test_products_and_quantities_are_taken_in(self) -> None:
        printed = self.load(HEAD + 'tea,"Tea, ""green""\nloose",4.50,3,2\nCUP,Cup,12,0,0\n')
        self.assertEqual(printed, "loaded 2 products\n")
        journal = Journal(self.book)
        self.assertEqual(
            Catalogue(journal).products(),
            [Product("CUP", "Cup", 1200), Product("TEA", 'Tea, "green"\nloose', 450, 3)],
        )
        self.assertEqual(dict(Stock(journal).levels()), {"TEA": 2})

    def test_a_file_is_taken_in_whole_or_not_at_all(self) -> None:
        good = "TEA,Tea,4.50,3,2\n"
        for bad in [
            "CUP,Cup,x,0,1\n",
            "CUP,Cup,1,0,-1\n",
            "CUP,,1,0,1\n",
            "tea,Tea,1,0,1\n",
            "CUP\n",
            "c p,Cup,1,0,1\n",
        ]:
            with self.subTest(bad):
                self.load(HEAD + good + bad, status=1)
                self.assertIn("shop.csv", self.errors)
                self.assertFalse(self.book.exists())

    def test_a_wrong_line_is_named(self) -> None:
        self.load(HEAD + "TEA,Tea,4.50,3,2\nCUP,Cup,much,0,1\n", status=1)
        self.assertIn("shop.csv:3: amount 'much'", self.errors)
        self.load("sku,name\nTEA,Tea\n", status=1)
        self.assertIn("shop.csv:1: no column price, minimum, quantity", self.errors)

    def test_what_is_there_already_is_not_doubled(self) -> None:
        self.load(HEAD + "TEA,Tea,4.50,3,2\n")
        before = self.book.read_bytes()
        self.load(HEAD + "TEA,Tea,4.50,3,2\n", status=1)
        self.assertIn("SKU TEA is taken", self.errors)
        self.assertEqual(self.book.read_bytes(), before)

    def test_a_file_that_is_not_there_is_named(self) -> None:
        self.shop("load", str(self.folder / "none.csv"), status=1)
        self.assertIn("none.csv: cannot be read", self.errors)
