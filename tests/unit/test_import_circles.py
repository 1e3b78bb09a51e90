"""No module of the package imports, by way of others or not, one that imports it."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp


def circle(imports: dict[str, set[str]]) -> list[str]:
    """The modules of a circle, the first one again at its end; nothing where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        modules: list[str] = error.args[1]
        return modules
    return []


def test_no_modules_of_the_package_import_each_other():
    """Imports within functions count, those for the type checker alone do not."""
    graph = grimp.build_graph("pressplay", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 300
    assert circle(imports) == []


def test_a_circle_is_seen():
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
