"""SKUs, the short codes by which a shop tells its products apart."""

import re

from stockroom.errors import StockroomError

LONGEST = 20
_SKU = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)*")


def parse(text: str) -> str:
    """The SKU in upper case, without blanks around it; StockroomError where it is none."""
    sku = text.strip().upper()
    if len(sku) > LONGEST or not _SKU.fullmatch(sku):
        raise StockroomError(f"SKU {text!r}: expected up to {LONGEST} letters, digits and single dashes, like TEA-100")
    return sku
