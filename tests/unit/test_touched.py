"""Which unit tests `make test-fast` runs for a change."""

from __future__ import annotations

import pytest
from touched import touched

FILES = {
    "tests/unit/a/test_one.py": "from pressplay.a import first\n",
    "tests/unit/a/test_two.py": "import pressplay.a.second\n",
    "tests/unit/test_three.py": "def test():\n    from pressplay.a.first import thing\n",
    "tests/unit/test_four.py": "import json\n",
}


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        (["scripts/pressplay/a/first.py"], ["tests/unit/a/test_one.py", "tests/unit/test_three.py"]),
        (["scripts/pressplay/a/second.py", "docs/x.md"], ["tests/unit/a/test_two.py"]),
        (["tests/unit/test_four.py"], ["tests/unit/test_four.py"]),
        (["scripts/pressplay/a/__init__.py"], ["tests/unit/a/test_one.py"]),
        (["chart/values.yaml"], []),
    ],
)
def test_a_test_is_touched_that_changed_or_imports_what_changed(tmp_path, changed, tests):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert touched(changed, tmp_path) == tests
