"""Quotes that were given, in a JSON file."""

import json
from pathlib import Path


class Store:
    """Quotes by their numbers."""

    def __init__(self, path=None):
        self.path = Path(path) if path else None
        self.quotes = {}
        if self.path is not None and self.path.exists():
            loaded = json.loads(self.path.read_text(encoding="utf-8"))
            self.quotes = {int(number): quote for number, quote in loaded.items()}

    def add(self, quote):
        """Keep a quote and give its number."""
        number = len(self.quotes) + 1
        self.quotes[number] = {**quote, "id": number}
        self._save()
        return number

    def get(self, number):
        """A quote; None if there is none of that number."""
        return self.quotes.get(number)

    def delete(self, number):
        """Whether there was a quote of that number."""
        gone = self.quotes.pop(number, None)
        self._save()
        return gone is not None

    def all(self):
        """All quotes, the oldest first."""
        return [self.quotes[number] for number in sorted(self.quotes)]

    def to(self, country):
        """The quotes to one country, the oldest first."""
        code = country.strip().upper()
        return [quote for quote in self.all() if quote["to"] == code]

    def _save(self):
        if self.path is not None:
            self.path.write_text(json.dumps(self.quotes), encoding="utf-8")
