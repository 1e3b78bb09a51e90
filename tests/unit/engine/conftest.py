"""The engine's unit tests use the world of its conformance tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "conformance"))
