import tempfile
import unittest
from pathlib import Path

from stockroom.errors import StockroomError
from stockroom.journal import Journal
from stockroom.stock import Stock


class Movements(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.stock = Stock(Journal(Path(folder.name) / "book.jsonl"))

    def test_levels_are_what_came_less_what_went(self) -> None:
        self.stock.receive("TEA", 5)
        self.stock.receive("CUP", 2)
        self.stock.take("TEA", 3, 450)
        self.stock.receive("TEA", 1)
        self.assertEqual(dict(self.stock.levels()), {"TEA": 3, "CUP": 2})
        self.assertEqual((self.stock.level("TEA"), self.stock.received("TEA")), (3, 6))

    def test_what_never_moved_has_a_level_of_nothing(self) -> None:
        self.assertEqual((self.stock.level("POT"), self.stock.received("POT")), (0, 0))

    def test_a_quantity_is_at_least_one(self) -> None:
        for quantity in [0, -1]:
            with self.assertRaisesRegex(StockroomError, f"quantity {quantity}: expected 1 or more"):
                self.stock.receive("TEA", quantity)
            with self.assertRaisesRegex(StockroomError, f"quantity {quantity}: expected 1 or more"):
                self.stock.take("TEA", quantity, 1)
        self.assertEqual(dict(self.stock.levels()), {})
