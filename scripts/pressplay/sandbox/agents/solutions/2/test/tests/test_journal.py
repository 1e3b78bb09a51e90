import tempfile
import unittest
from pathlib import Path

from stockroom.errors import StockroomError
from stockroom.journal import Journal


class JournalFile(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "book.jsonl"

    def test_a_file_that_is_not_there_has_no_entries(self) -> None:
        self.assertEqual(list(Journal(self.path).entries()), [])
        self.assertFalse(self.path.exists())

    def test_entries_come_back_in_order_through_another_object(self) -> None:
        journal = Journal(self.path)
        journal.append("received", sku="A", quantity=2)
        journal.append("taken", sku="A", quantity=1)
        self.assertEqual([e["kind"] for e in Journal(self.path).entries()], ["received", "taken"])
        self.assertEqual(list(Journal(self.path).entries("taken")), [{"kind": "taken", "sku": "A", "quantity": 1}])

    def test_text_survives_as_it_is(self) -> None:
        name = 'Ünï "quoted" {{x}}\nsecond line \\ \u2028'
        Journal(self.path).append("product", name=name)
        self.assertEqual([e["name"] for e in Journal(self.path).entries()], [name])
        self.assertEqual(self.path.read_bytes().count(b"\n"), 1)

    def test_a_damaged_line_is_named(self) -> None:
        for damage in ["{", "[]", '{"sku": "A"}', '"kind"']:
            with self.subTest(damage):
                self.path.write_text(f'{{"kind": "received"}}\n{damage}\n', encoding="utf-8")
                with self.assertRaisesRegex(StockroomError, "book.jsonl:2: not an entry"):
                    list(Journal(self.path).entries())
