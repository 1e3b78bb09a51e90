"""Print the shop's figures at a glance."""

from stockroom.journal import Journal
from stockroom import summary, money  
import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """No arguments."""



def run(arguments: argparse.Namespace) -> int:
    """Print the number of products, the revenue, the worth of the stock and what is short."""
    figures = summary.summary(Journal(arguments.book))
    print("products", figures.products, sep="\t")
    print("revenue", money.show(figures.revenue), sep="\t")
    print("stock", money.show(figures.worth), sep="\t")
    print("short", ", ".join(figures.short) or "nothing", sep="\t")   
    return 0
