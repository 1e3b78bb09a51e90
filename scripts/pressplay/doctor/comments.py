"""The server of pull requests' comments (`pressplay serve`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pressplay import names
from pressplay.cluster.port import Account, Manifest
from pressplay.doctor.results import NotLookedAt, Result, check, ok, wrong
from pressplay.doctor.subject import Subject, faults_of_key, is_unready

NAME = "press-play-serve"
"""Of its Deployment, its account and its settings."""


def app(subject: Subject) -> str:
    """The App that serves the release's comments; empty where none does, or nobody can tell."""
    if subject.files and not subject.problems:
        return names.serve_app(subject.values)
    try:
        settings = subject.find("ConfigMap", subject.namespace, NAME)
        return str(json.loads(settings["data"]["serve.json"])["app"]) if settings is not None else ""
    except (NotLookedAt, ValueError, KeyError, TypeError):
        return ""


@check("comments' server")
def server(subject: Subject) -> Iterator[Result]:
    """Whether it is ready, has its App's key, and may have tokens reviewed."""
    subject.need_release()
    namespace = subject.namespace
    deployment = subject.find("Deployment", namespace, NAME)
    if deployment is None:
        if not _wanted(subject):
            raise NotLookedAt("the release does not run it (serve.enabled, serve.auth.callers, repositories)")
        yield wrong(
            "comments' server",
            f"no Deployment {NAME} in {namespace}: agents can't read comments",
            f"helm upgrade --install press-play CHART -n {namespace} -f values.yaml, or set serve.enabled to false",
        )
        return
    fault = _key(subject, deployment)
    if fault:
        yield wrong("comments' server", *fault)
    elif not subject.may(Account(namespace, NAME), "create", "tokenreviews.authentication.k8s.io", ""):
        yield wrong(
            "comments' server",
            f"its account {namespace}:{NAME} may not have tokens reviewed, so that it lets nobody in",
            "set serve.auth.clusterRole to true, or kubectl create clusterrolebinding press-play-serve "
            f"--clusterrole system:auth-delegator --serviceaccount {namespace}:{NAME}",
        )
    elif is_unready(deployment):
        yield wrong(
            "comments' server",
            f"not all pods of {NAME} in {namespace} are ready",
            f"see why: kubectl -n {namespace} logs deployment/{NAME}",
        )
    else:
        yield ok("comments' server", f"{NAME} in {namespace} is ready")


def _wanted(subject: Subject) -> bool:
    """Whether the values want one; without them nobody knows."""
    return bool(subject.files and not subject.problems and names.serve_app(subject.values))


def _key(subject: Subject, deployment: Manifest) -> tuple[str, str] | None:
    """What is wrong with the Secret of its App's key, and what to do."""
    volumes: list[dict[str, Any]] = deployment["spec"]["template"]["spec"].get("volumes") or []
    name = next((volume["secret"]["secretName"] for volume in volumes if "secret" in volume), "")
    data = subject.data(subject.namespace, name) if name else None
    if data is not None and not faults_of_key(data):
        return None
    what = "is not there" if data is None else faults_of_key(data)
    return (
        f"the Secret {name} in {subject.namespace}, with the key of the App as which it reads, {what}",
        "create the App and fetch its key: pressplay apps -f values.yaml (docs/how-to/github-apps.md), or correct "
        "serve.githubApp",
    )
