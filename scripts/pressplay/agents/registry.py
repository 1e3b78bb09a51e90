"""The adapters by name: ours, and those that other packages add.

A package adds one by an entry point of the group `pressplay.agents`, whose name is the adapter's and whose object is a
subclass of `adapter.Adapter` that takes no arguments.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from pressplay.agents.adapter import Adapter
from pressplay.errors import InputError

GROUP = "pressplay.agents"


def names() -> list[str]:
    """The names of all adapters, sorted."""
    return sorted(_points())


def adapter(name: str) -> Adapter:
    """The adapter of this name; InputError where there is none, or it can't be loaded."""
    points = _points()
    if name not in points:
        raise InputError(f"agent {name!r}: expected one of {', '.join(sorted(points))}")
    point = points[name]
    try:
        kind = point.load()
    except (ImportError, AttributeError) as error:
        raise InputError(f"agent {name!r}: its adapter {point.value} can't be loaded: {error}") from error
    if not (isinstance(kind, type) and issubclass(kind, Adapter)):
        raise InputError(f"agent {name!r}: expected a subclass of pressplay.agents.adapter.Adapter, got {point.value}")
    return kind()


def _points() -> dict[str, EntryPoint]:
    """The entry points by name; of two with one name the first counts, as in an environment with two versions."""
    points: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        points.setdefault(point.name, point)
    return points
