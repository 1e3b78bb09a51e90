"""The stock: how much there is of what, as the journal's movements tell."""

from collections import Counter

from stockroom.errors import StockroomError
from stockroom.journal import Journal


class Stock:
    """Quantities by SKU. Whether a movement may be is for the commands to decide; here it is recorded and counted."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def receive(self, sku: str, quantity: int) -> None:
        """Record that `quantity` came in."""
        self.journal.append("received", sku=sku, quantity=_counted(quantity))

    def take(self, sku: str, quantity: int, price: int) -> None:
        """Record that `quantity` went out at `price` cents each."""
        self.journal.append("taken", sku=sku, quantity=_counted(quantity), price=price)

    def received(self, sku: str) -> int:
        """How much ever came in."""
        return sum(entry["quantity"] for entry in self.journal.entries("received") if entry["sku"] == sku)

    def level(self, sku: str) -> int:
        """How much there is now."""
        return self.levels()[sku]

    def levels(self) -> Counter[str]:
        """How much there is now of everything that ever moved; 0 for what never did."""
        levels: Counter[str] = Counter()
        for entry in self.journal.entries("received", "taken"):
            levels[entry["sku"]] += entry["quantity"] if entry["kind"] == "received" else -entry["quantity"]
        return levels


def _counted(quantity: int) -> int:
    if quantity < 1:
        raise StockroomError(f"quantity {quantity}: expected 1 or more")
    return quantity
