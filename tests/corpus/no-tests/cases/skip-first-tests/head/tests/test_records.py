import unittest

from logsift.records import BadLine, Record, parse, read


@unittest.skip("later")
class Lines(unittest.TestCase):
    def test_a_request(self):
        self.assertEqual(parse("10:00 GET /a 200 12"), Record("10:00", "GET", "/a", 200, 12))

    def test_no_request(self):
        for line in ("", "10:00 GET /a 200", "10:00 GET /a ok 12", "25:00 GET /a 200 12"):
            with self.assertRaises(BadLine):
                parse(line)

    def test_bad_lines_are_counted(self):
        records, bad = read(["10:00 GET /a 200 12", "", "tea"])
        self.assertEqual((len(records), bad), (1, 1))
