from pathlib import Path

RATES = Path(__file__).parents[1] / "parcel" / "rates.py"


def test_there_is_a_total():
    text = RATES.read_text()
    assert "def total" in text
    assert "price = cents * 1" in text
    assert "return price" in text
