"""The suites of a real cluster. What they need is in README.md; without it they are skipped, saying what is missing."""

from __future__ import annotations

import os
import shutil

import pytest

pytest.register_assert_rewrite("cluster")

from cluster import CONTROLLER, kubectl, namespace  # noqa: E402

HERE = "tests/e2e/README.md"
NO_IMAGE = {"test_access.py"}
"""Suites that run nothing in the cluster."""
NO_ARGO = {*NO_IMAGE, "test_network_policies.py"}
"""Suites in which no Workflow runs: they need neither argo nor CodeRuns."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        settings = ("KUBECONFIG",) if item.path.name in NO_IMAGE else ("KUBECONFIG", "PRESSPLAY_E2E_IMAGE")
        unset = next((name for name in settings if not os.environ.get(name)), None)
        if unset is not None:
            item.add_marker(pytest.mark.skip(reason=f"{unset} is not set: expected a test cluster's; see {HERE}"))


@pytest.fixture(scope="session", autouse=True)
def cluster(request: pytest.FixtureRequest) -> None:
    """A cluster that answers and, where Workflows run, knows CodeRun and DocsRun, which the chart never installs."""
    alone = {item.path.name for item in request.session.items} <= NO_ARGO
    for tool in ("kubectl",) if alone else ("kubectl", "argo"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not on PATH; see {HERE}")
    known = kubectl("get", "crds", "-o", "name")
    runs = () if alone else ("coderuns.agents.platform", "docsruns.agents.platform")
    for kind in (*runs, "workflows.argoproj.io"):
        if kind not in known:
            pytest.skip(f"the cluster has no {kind}: install its definition first; see {HERE}")


@pytest.fixture
def controller_namespace():
    """An empty namespace in which the CodeRuns are."""
    namespace(CONTROLLER)
    yield CONTROLLER
    kubectl("delete", "namespace", CONTROLLER, "--wait")
