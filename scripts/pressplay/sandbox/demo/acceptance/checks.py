"""The checks: each is a function over a fresh shop whose docstring says what must hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from pressplay.sandbox.demo.acceptance.shop import Refused, Shop


def own_tests(shop: Shop) -> None:
    """The project's own tests pass, and every command has some"""
    done = shop.python("-m", "unittest", "-v")
    output = done.stderr.decode(errors="replace")
    if done.returncode:
        raise Refused(output.strip().rpartition("\n")[2])
    for name in ("add", "receive", "sell", "list", "value", "reorder", "export", "report", "load"):
        if f"tests.test_{name}." not in output:
            raise Refused(f"no test of the command {name} ran")


def unsold_stays(shop: Shop) -> None:
    """What was sold is gone: the same goods are not sold twice, whatever was received before"""
    shop("add", "pot-1", "Teapot", "30.00")
    shop("receive", "POT-1", "4")
    shop.same(shop("sell", "POT-1", "3"), "sold 3 POT-1 for 90.00\n")
    before = shop.book.read_bytes()
    shop("sell", "POT-1", "2", status=1, says="cannot sell 2 POT-1: there are 1")
    shop.same(shop.book.read_bytes(), before)
    shop("receive", "POT-1", "1")
    shop.same(shop("sell", "POT-1", "2"), "sold 2 POT-1 for 60.00\n")
    shop("sell", "POT-1", "1", status=1, says="there are 0")


def a_day(shop: Shop) -> None:
    """A day in the shop: catalogue, deliveries, sales, shortage, worth and report agree"""
    shop.same(shop("add", "tea-100", "Green tea", "4.50", "--minimum", "3"), "added TEA-100 Green tea at 4.50\n")
    shop("add", "CUP", "Cup", "12")
    shop.same(shop("receive", "Tea-100", "5"), "received 5 TEA-100, now 5\n")
    shop("receive", "cup", "2")
    shop.same(shop("reorder"), "")
    shop("sell", "TEA-100", "2")
    shop("sell", "TEA-100", "1", "--price", "4.00")
    shop.same(shop("list"), "CUP\t2\t12.00\tCup\nTEA-100\t2\t4.50\tGreen tea\n")
    shop.same(shop("reorder"), "TEA-100\t1\tGreen tea\n")
    shop.same(shop("value"), "CUP\t2\t24.00\nTEA-100\t2\t9.00\ntotal\t33.00\n")
    shop.same(shop("report"), "products\t2\nrevenue\t13.00\nstock\t33.00\nshort\tTEA-100\n")


def to_csv_and_back(shop: Shop) -> None:
    """Export and load: the same products and quantities in another shop, odd names too"""
    name = 'Tea, "green" {{=1+1}}\nloose $(x)'
    shop("add", "TEA", name, "0.05", "--minimum", "2")
    shop("add", "CUP", "Cup", "12")
    shop("receive", "TEA", "7")
    shop("sell", "TEA", "3")
    exported = shop("export")
    rows = list(csv.DictReader(io.StringIO(exported, newline="")))
    shop.same([(row["sku"], row["name"], row["quantity"]) for row in rows], [("CUP", "Cup", "0"), ("TEA", name, "4")])
    file = shop.folder / "shop.csv"
    file.write_text(exported, encoding="utf-8", newline="")
    other = Shop(shop.checkout, shop.folder)
    other.book = shop.folder / "other.jsonl"
    shop.same(other("load", str(file)), "loaded 2 products\n")
    shop.same(other("export"), exported)
    other("load", str(file), status=1, says="is taken")
    shop.same(other("export"), exported)


def all_or_nothing(shop: Shop) -> None:
    """Load takes a file in whole or not at all"""
    file = shop.folder / "shop.csv"
    file.write_text("sku,name,price,minimum,quantity\nA,First,1,0,1\nB,Second,free,0,1\n", encoding="utf-8")
    shop("load", str(file), status=1, says=":3: amount 'free'")
    shop.same(shop("list"), "")


def refusals(shop: Shop) -> None:
    """Wrong SKUs, amounts and quantities are refused with a reason, and nothing is recorded"""
    shop("add", "TEA", "Tea", "1")
    before = shop.book.read_bytes()
    shop("add", "a b", "Name", "1", status=1, says="expected up to 20 letters")
    shop("add", "CUP", "Cup", "1.5", status=1, says="expected something like 12.50")
    shop("add", "tea", "Other", "1", status=1, says="is taken")
    shop("receive", "TEA", "0", status=1, says="expected 1 or more")
    shop("receive", "CUP", "1", status=1, says="stockroom add CUP")
    shop("sell", "TEA", "0", status=1, says="expected 1 or more")
    shop.same(shop.book.read_bytes(), before)


def damage(shop: Shop) -> None:
    """A damaged journal stops every command and names the line"""
    shop("add", "TEA", "Tea", "1")
    with shop.book.open("ab") as file:
        file.write(b"{half\n")
    for command in ("list", "value", "reorder", "report", "export"):
        shop(command, status=1, says=":2: not an entry of a journal")


def tidy(shop: Shop) -> None:
    """No source file has Windows line ends, blanks at line ends or a missing last line feed"""
    for file in sorted(shop.checkout.glob("stockroom/**/*.py")):
        text = file.read_bytes()
        if b"\r" in text or not text.endswith(b"\n") or any(line != line.rstrip() for line in text.split(b"\n")):
            raise Refused(f"{file.relative_to(shop.checkout)} is untidy")


CHECKS: tuple[Callable[[Shop], None], ...] = (
    own_tests,
    unsold_stays,
    a_day,
    to_csv_and_back,
    all_or_nothing,
    refusals,
    damage,
    tidy,
)
