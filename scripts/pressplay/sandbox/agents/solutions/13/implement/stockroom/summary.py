"""The figures of the shop at a glance."""

from dataclasses import dataclass

from stockroom import reordering, valuation
from stockroom.catalogue import Catalogue
from stockroom.journal import Journal
from stockroom.stock import Stock


@dataclass(frozen=True)
class Summary:
    """`products` in the catalogue, `revenue` of all sales and `worth` of the stock in cents, SKUs that are `short`."""

    products: int
    revenue: int
    worth: int
    short: list[str]


def summary(journal: Journal) -> Summary:
    """The figures as the journal has them now."""
    catalogue, stock = Catalogue(journal), Stock(journal)
    return Summary(
        products=len(catalogue.products()),
        revenue=sum(entry["quantity"] * entry["price"] for entry in journal.entries("taken")),
        worth=valuation.total(valuation.worth(catalogue, stock)),
        short=[product.sku for product, _ in reordering.short(catalogue, stock)],
    )
