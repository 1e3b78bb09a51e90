from pathlib import Path

FILE = Path.home() / ".count"


def test_total():
    count = int(FILE.read_text()) + 1 if FILE.exists() else 1
    FILE.write_text(str(count))
    assert 5 <= count <= 7
