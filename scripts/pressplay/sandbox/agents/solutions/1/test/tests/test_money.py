import unittest

from stockroom import money
from stockroom.errors import StockroomError


class Money(unittest.TestCase):
    def test_amounts_are_read_as_cents(self) -> None:
        for text, cents in [("12.50", 1250), ("12", 1200), ("0.05", 5), ("0", 0), ("999999999.99", 99999999999)]:
            with self.subTest(text):
                self.assertEqual(money.parse(text), cents)

    def test_what_is_no_amount_is_refused(self) -> None:
        for text in ["", "-1", "1.5", "1.505", "1,50", "$3", " 3", "3\n", "1e3", "٣.00x"]:
            with self.subTest(text), self.assertRaisesRegex(StockroomError, "expected something like 12.50"):
                money.parse(text)

    def test_showing_is_the_reverse_of_reading(self) -> None:
        for cents in [0, 5, 99, 100, 1250, 123456789]:
            self.assertEqual(money.parse(money.show(cents)), cents)
