"""The suites of a real cluster. What they need is in README.md; without it they are skipped, saying what is missing."""

from __future__ import annotations

import os
import shutil

import pytest

pytest.register_assert_rewrite("cluster")

from cluster import CONTROLLER, kubectl, namespace  # noqa: E402

HERE = "tests/e2e/README.md"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = next((name for name in ("KUBECONFIG", "PRESSPLAY_E2E_IMAGE") if not os.environ.get(name)), None)
    if missing is not None:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=f"{missing} is not set: expected a test cluster's; see {HERE}"))


@pytest.fixture(scope="session", autouse=True)
def cluster() -> None:
    """A cluster that answers and knows CodeRun and DocsRun, which the chart never installs."""
    for tool in ("kubectl", "argo"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not on PATH; see {HERE}")
    known = kubectl("get", "crds", "-o", "name")
    for kind in ("coderuns.agents.platform", "docsruns.agents.platform", "workflows.argoproj.io"):
        if kind not in known:
            pytest.skip(f"the cluster has no {kind}: install its definition first; see {HERE}")


@pytest.fixture
def controller_namespace():
    """An empty namespace in which the CodeRuns are."""
    namespace(CONTROLLER)
    yield CONTROLLER
    kubectl("delete", "namespace", CONTROLLER, "--wait")
