"""A job of probes travels from the step that prepares it to the one that carries it out."""

from __future__ import annotations

import json

import pytest

from pressplay.errors import InputError
from pressplay.gates.acceptance import packing
from pressplay.gates.acceptance.probe_job import ProbeJob
from pressplay.gates.acceptance.probes import Target
from pressplay.gates.acceptance.reach import Reach

JOB = ProbeJob(
    target=Target("http://shop.test/{{=1}}", "preview-1", "a" * 40, "preview"),
    reach=Reach(("*.shop.test",), ("preview",), ("10.0.0.0/8",), loopback=True),
    running='{"probes": []}',
    seconds=600,
)


@pytest.mark.rule("R7")
def test_a_job_survives_its_journey_through_a_parameter():
    packed = JOB.pack()
    assert "{" not in packed
    assert ProbeJob.unpack(packed) == JOB


def test_a_job_leaves_the_address_of_the_kubernetes_api_to_the_pod_that_looks(monkeypatch):
    packed = JOB.pack()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.9.8.7")
    assert "10.9.8.7" in ProbeJob.unpack(packed).reach.api


def test_a_job_of_the_version_before_is_taken_up():
    fields = {
        "target": {"url": "", "environment": "preview-1", "commit": "a" * 40, "namespace": ""},
        "reach": {"hosts": ["127.0.0.1"], "namespaces": [], "networks": [], "loopback": True},
        "running": "",
        "seconds": 900,
    }
    job = ProbeJob.unpack(packing.pack(json.dumps(fields)))
    assert (job.target.environment, job.reach.hosts, job.reach.loopback, job.seconds) == (
        "preview-1",
        ("127.0.0.1",),
        True,
        900,
    )


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("?", "parameter target: expected a text packed by gzip and base64"),
        (packing.pack("[]"), "parameter target: all: "),
        (packing.pack("{}"), "parameter target: target: Field required"),
        (packing.pack('{"later": 1}'), "parameter target: target: Field required"),
    ],
)
def test_what_is_no_job_is_an_error_that_names_the_parameter(text, words):
    with pytest.raises(InputError, match="parameter target") as error:
        ProbeJob.unpack(text, "parameter target")
    assert words in str(error.value)
