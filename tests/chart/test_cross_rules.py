"""The rules across values are in the chart and in `pressplay validate`: both refuse the same values.

The chart's own `validate.yaml` judges hundreds of values in one rendering; its messages are kept.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from charts import ROOT, load

from pressplay import patch
from pressplay.validation import helm, packaged
from pressplay.validation.schema import check
from pressplay.validation.values import across
from pressplay.validation.yamlsource import Place

NAMESPACE = "press-play"
PAIRS = 250
"""Helm takes some 25 ms for each; all 1,176 pairs agreed when this was written."""
EVENTS = {"repositories": {"acme/shop": {}}}
APP = {"id": 7, "installationID": 8}


def called(*repositories: str) -> dict[str, Any]:
    """The server's `auth`, with a caller of these repositories."""
    return {"callers": [{"serviceAccount": "runs/rex", "repositories": list(repositories)}]}


CALLED = called("*/*")
FRAGMENTS: dict[str, dict[str, Any]] = {
    # Each breaks one rule, or all but breaks it.
    "nothing": {},
    "a repository": EVENTS,
    "no events": {"events": {"enabled": False}},
    "criteria first": {"defaults": {"tests": {"criteriaFirst": True}}},
    "criteria first without a tests gate": {"defaults": {"tests": {"criteriaFirst": True, "enabled": False}}},
    "a namespace of 18 characters": {"controller": {"namespace": "n" * 18}},
    "a namespace of 19 characters": {"controller": {"namespace": "n" * 19}},
    "the harness's App for an agent": {"agents": {"rex": {"githubApp": "Press_Play"}}},
    "an agent's App for the harness": {**EVENTS, "github": {"harnessApp": "QA Agent"}},
    "another App for the harness": {"github": {"harnessApp": "conductor"}},
    "an App that is another agent's id": {"agents": {"rex": {"githubApp": "qa"}}},
    "an App that is the agent's own id": {"agents": {"qa": {"githubApp": "qa"}}},
    "one App for two agents": {"agents": {"qa": {"githubApp": "rex"}}},
    "Apps of one Secret": {"agents": {"qa": {"githubApp": "Rex"}}},
    "Apps of one persona file": {"agents": {"qa": {"githubApp": "rex  agent"}, "rex": {"githubApp": "rex--agent"}}},
    "the second of two disabled": {"agents": {"qa": {"githubApp": "rex", "enabled": False}}},
    "an agent without a prompt": {
        "agents": {
            "nova": {
                "enabled": True,
                "githubApp": "nova",
                "role": "implement",
                "description": "Implements.",
                "model": "m",
            }
        }
    },
    "a prompt below front matter": {"agents": {"rex": {"systemPrompt": "---\nname: x\n---\nDo it.\n"}}},
    "a prompt below front matter of Windows": {
        "agents": {"qa": {"systemPrompt": "\n --- \r\nname: x\r\n---\r\nDo it.\r\n"}}
    },
    "a prompt with a rule in it": {"agents": {"rex": {"systemPrompt": "Do it.\n\n---\n\nNo more.\n"}}},
    "an agent with a prompt": {
        "agents": {
            "nova": {
                "enabled": True,
                "githubApp": "nova",
                "role": "implement",
                "description": "Implements.",
                "model": "m",
                "systemPrompt": "You implement.",
            }
        }
    },
    "an App's key for a repository": {"repositories": {"acme/shop": {"secrets": ["db", "github-app-rex"]}}},
    "an App's key for all": {"defaults": {"secrets": ["github-app-x", "github-app-y"]}},
    "a Secret of the project": {"defaults": {"secrets": ["app-key", "github"]}},
    "a repository ending with .git": {"repositories": {"acme/shop.git": {"service": "a"}}},
    "a repository twice": {"repositories": {"acme/shop": {}, "Acme/Shop": {}}},
    "two repositories of one name": {"repositories": {"acme/shop": {}, "beta/Shop": {}}},
    "two repositories with one service": {"repositories": {"acme/web": {"service": "shop"}, "acme/shop": {}}},
    "one service for all": {"defaults": {"service": "common"}, "repositories": {"acme/a": {}, "acme/b": {}}},
    "a service of its own": {"repositories": {"beta/Shop": {"service": "beta-shop"}}},
    "no name of the webhook's Secret": {**EVENTS, "events": {"webhook": {"secret": {"name": ""}}}},
    "no key of the webhook's Secret": {**EVENTS, "events": {"webhook": {"secret": {"key": ""}}}},
    "the harness's Secret for the webhook": {
        **EVENTS,
        "events": {"webhook": {"secret": {"name": "github-app-press-play"}}},
    },
    "QA's Secret for the webhook": {**EVENTS, "events": {"webhook": {"secret": {"name": "github-app-qa-agent"}}}},
    "Secrets that are there": {"secrets": {"mode": "existing"}},
    "webhooks as nobody": {**EVENTS, "events": {"webhook": {"url": "https://hooks.example.com"}}},
    "webhooks as the App": {**EVENTS, "events": {"webhook": {"url": "https://hooks.example.com", "app": APP}}},
    "an App that nobody asks for": {**EVENTS, "events": {"webhook": {"app": APP}}},
    "repositories of another account": {"repositories": {"other/web": {}}},
    "webhooks of two accounts": {
        **EVENTS,
        "repositories": {**EVENTS["repositories"], "other/web": {}},
        "events": {"webhook": {"url": "https://hooks.example.com", "app": APP}},
    },
    "comments by nobody": {**EVENTS, "flows": {"comments": {"agent": "nobody"}}},
    "comments by a disabled agent": {**EVENTS, "agents": {"rex": {"enabled": False}}},
    "comments switched off": {"flows": {"comments": {"enabled": False}}},
    "deploys by no template": {"defaults": {"deploy": {"mode": "workflowTemplate"}}},
    "deploys by a template": {"repositories": {"acme/shop": {"deploy": {"workflowTemplate": "deploy-shop"}}}},
    "a workload without a name": {"defaults": {"deploy": {"commit": {"workload": {"namespace": "preview"}}}}},
    "a workload's name": {"repositories": {"acme/shop": {"deploy": {"commit": {"workload": {"name": "shop"}}}}}},
    "the base branch's environment": {"defaults": {"deploy": {"base": {"environment": "staging"}}}},
    "the base branch's environment on GitHub": {
        "defaults": {"deploy": {"mode": "github-deployment", "base": {"environment": "staging"}}}
    },
    "the base branch's environment, without a final proof": {
        "defaults": {
            "base": {"finalProof": False},
            "deploy": {"mode": "github-deployment", "base": {"environment": "staging"}},
        }
    },
    "the environment of pull requests for the base branch": {
        "defaults": {
            "deploy": {"mode": "github-deployment", "environment": "a.b-{pr}", "base": {"environment": "a.b-12"}}
        }
    },
    "almost the environment of pull requests for the base branch": {
        "defaults": {
            "deploy": {"mode": "github-deployment", "environment": "a.b-{pr}", "base": {"environment": "acb-12"}}
        }
    },
    "the base branch's workload without a name": {
        "defaults": {"deploy": {"base": {"commit": {"workload": {"namespace": "preview"}}}}}
    },
    "a namespace that may be looked at": {"defaults": {"acceptance": {"namespaces": ["preview"]}}},
    "another that may": {"repositories": {"acme/shop": {"acceptance": {"namespaces": ["other"]}}}},
    "the harness's App for the server": {**EVENTS, "serve": {"auth": CALLED, "githubApp": "Press_Play"}},
    "an agent's App for the server": {**EVENTS, "serve": {"auth": CALLED, "githubApp": "qa agent"}},
    "a disabled agent's App for the server": {
        **EVENTS,
        "agents": {"rex": {"enabled": False}},
        "serve": {"auth": CALLED, "githubApp": "rex"},
    },
    "an App of its own for the server": {**EVENTS, "serve": {"auth": CALLED, "githubApp": "reader"}},
    "the harness's App for a server of nobody": {**EVENTS, "serve": {"githubApp": "Press_Play"}},
    "a caller of what is not listed": {
        **EVENTS,
        "serve": {"auth": called("acme/shop", "ACME/*", "other/*", "acme/sh.p")},
    },
    "tools for nobody": {**EVENTS, "serve": {"auth": CALLED, "toolman": {"server": "c", "agents": ["nobody", "rex"]}}},
    "no server": {"serve": {"enabled": False, "githubApp": "press-play", "auth": CALLED}},
    "webhooks for two accounts": {
        "repositories": {"acme/shop": {}, "beta/cart": {}},
        "events": {"webhook": {"url": "https://hooks.example.com", "app": APP}},
    },
    "proofs in no bucket": {"proof": {"store": "s3", "oci": {"repository": "registry.example.com/proofs"}}},
    "proofs in a bucket": {"proof": {"store": "s3", "s3": {"bucket": "proofs"}}},
    "proofs in no repository": {"proof": {"store": "oci"}},
    "approves as the reader": {"serviceAccount": {"name": "press-play-reader"}},
    "approves as the Sensor": {"serviceAccount": {"name": "press-play-sensor"}},
    "approves as an account of one's own": {"serviceAccount": {"create": False, "name": "press-play-own"}},
    "a field that the flows set": {"coderun": {"extraSpec": {"taskId": 3, "service": "x"}}},
    "a field of a later version": {"coderun": {"extraSpec": {"later": {"deep": ["x"]}}}},
    "an expression": {"coderun": {"extraSpec": {"later": {"deep": ["{{=1+1}}"]}}}},
}
CHART_ONLY = (
    "the release's namespace %q is the controller's too",
    "repositories: the Sensor that filters their events has",
    "the ConfigMap %s in %s is there already and not ours",
)
"""What values alone do not tell: the namespace of the release, the rendered Sensor, the cluster."""


def _cases() -> dict[str, dict[str, Any]]:
    """The whole values of every fragment, and of some pairs, the second over the first."""
    defaults = yaml.safe_load((ROOT / "chart/values.yaml").read_text(encoding="utf-8"))
    pairs = random.Random(14).sample(list(itertools.combinations(FRAGMENTS, 2)), PAIRS)
    return {
        f"{first}, {second}": patch.merge(patch.merge(defaults, FRAGMENTS[first]), FRAGMENTS[second])
        for first, second in [*((name, name) for name in FRAGMENTS), *pairs]
    }


def _by_the_chart(folder: Path, values: list[dict[str, Any]]) -> list[list[str]]:
    """What validate.yaml has to say of each of these values."""
    shutil.copytree(ROOT / "chart", folder, ignore=shutil.ignore_patterns("values.schema.json"))
    rules, fails = re.subn(
        r"\{\{- with \$wrong \}\}\n\{\{- fail .*\n\{\{- end \}\}",
        "{{ toJson $wrong }}",
        (folder / "templates/validate.yaml").read_text(encoding="utf-8"),
    )
    assert fails == 1
    for path in (folder / "templates").iterdir():
        if path.name != "_helpers":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / "templates/_helpers/_rules.tpl").write_text(
        f'{{{{ define "rules" }}}}{rules}{{{{ end }}}}', encoding="utf-8"
    )
    (folder / "cases.json").write_text(json.dumps({"cases": values}), encoding="utf-8")
    (folder / "templates/made.yaml").write_text(
        "made:\n"
        '{{- range (.Files.Get "cases.json" | fromJson).cases }}\n'
        '- {{ include "rules" (dict "Values" . "Release" $.Release "Files" $.Files) | trim }}\n'
        "{{- end }}\n",
        encoding="utf-8",
    )
    (made,) = load(helm.run(ROOT, "template", "x", str(folder), "--namespace", NAMESPACE))
    answers: list[list[str]] = made["made"]
    return answers


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict[str, Any], list[str]]]:
    """Each case, with its values and what the chart says."""
    cases = _cases()
    answers = _by_the_chart(tmp_path_factory.mktemp("rules") / "chart", list(cases.values()))
    return {name: (cases[name], answer) for name, answer in zip(cases, answers, strict=True)}


@pytest.mark.parametrize("name", FRAGMENTS)
def test_each_fragment_fits_the_schema(name: str):
    defaults = yaml.safe_load((ROOT / "chart/values.yaml").read_text(encoding="utf-8"))
    values = patch.merge(defaults, FRAGMENTS[name])
    assert check(packaged.schema("values"), values, lambda _path: Place("own", 0, 0)) == []


@pytest.mark.rule("R10")
def test_both_find_as_much_wrong_with_the_same_values(judged: dict[str, tuple[dict[str, Any], list[str]]]):
    for name, (values, complaints) in judged.items():
        problems = [message for _, message, _ in across(values)]
        assert len(complaints) == len(problems), f"{name}: chart: {complaints}, pressplay: {problems}"


@pytest.mark.rule("R10")
def test_each_rule_of_the_chart_is_broken_by_some_of_them(judged: dict[str, tuple[dict[str, Any], list[str]]]):
    source = (ROOT / "chart/templates/validate.yaml").read_text(encoding="utf-8")
    formats = re.findall(r'append \$wrong (?:\(printf )?"((?:[^"\\]|\\.)*)"', source)
    assert len(formats) == source.count("append $wrong")
    complaints = {message for _, answer in judged.values() for message in answer}
    unbroken = [
        written
        for written in formats
        if not any(re.fullmatch(_as_pattern(written), message, re.DOTALL) for message in complaints)
    ]
    assert len(unbroken) == len(CHART_ONLY), [w[:80] for w in unbroken]
    assert all(any(written.startswith(start) for start in CHART_ONLY) for written in unbroken)


def _as_pattern(written: str) -> str:
    return ".*".join(map(re.escape, re.split(r"%[qsd]", written)))
