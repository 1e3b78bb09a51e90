from stockroom.catalogue import Catalogue, Product
from stockroom.journal import Journal
from tests.support import ShopTest


class Add(ShopTest):
    def products(self) -> list[Product]:
        return Catalogue(Journal(self.book)).products()

    def test_a_product_is_added_with_price_and_minimum(self) -> None:
        printed = self.shop("add", "tea-100", "Green tea", "4.50", "--minimum", "3")
        self.assertEqual(printed, "added TEA-100 Green tea at 4.50\n")
        self.assertEqual(self.products(), [Product("TEA-100", "Green tea", 450, 3)])

    def test_what_is_refused_leaves_the_journal_as_it_was(self) -> None:
        self.shop("add", "TEA", "Tea", "1")
        before = self.book.read_bytes()
        for arguments in [("tea", "Again", "1"), ("a b", "Name", "1"), ("CUP", "Cup", "-1"), ("CUP", "", "1")]:
            with self.subTest(arguments):
                self.shop("add", "--", *arguments, status=1)
                self.assertTrue(self.errors.startswith("stockroom: "), self.errors)
        self.assertEqual(self.book.read_bytes(), before)

    def test_a_name_is_text_and_nothing_else(self) -> None:
        name = '$(rm -rf) {{=1+1}} "q" \\ é'
        self.shop("add", "ODD", name, "1")
        self.assertEqual([product.name for product in self.products()], [name])
