import unittest

from stockroom import skus
from stockroom.errors import StockroomError


class Skus(unittest.TestCase):
    def test_case_and_blanks_do_not_count(self) -> None:
        self.assertEqual(skus.parse(" tea-100 "), "TEA-100")
        self.assertEqual(skus.parse("7"), "7")
        self.assertEqual(skus.parse("A" * 20), "A" * 20)

    def test_what_is_no_sku_is_refused(self) -> None:
        for text in ["", " ", "-A", "A-", "A--B", "A B", "A" * 21, "TEA_1", "Ä", "a;rm", "../x"]:
            with self.subTest(text), self.assertRaisesRegex(StockroomError, "like TEA-100"):
                skus.parse(text)
