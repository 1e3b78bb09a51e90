import unittest

from logsift.records import Record
from logsift.reports import percentile


class Percentiles(unittest.TestCase):
    def test_nearest_rank(self):
        records = [Record("10:00", "GET", "/", 200, millis) for millis in (30, 10, 20)]
        self.assertEqual(percentile(records, 34), ["20 ms"])
        self.assertEqual(percentile([], 50), [])
