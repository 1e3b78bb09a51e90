"""The keys of a GitHub App that was just made: from GitHub's answer to the Secrets that they belong in (R9).

They are written to files that nobody else can read, and are in no message.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from pressplay import names
from pressplay.commands._app_needs import STATES, Wanted
from pressplay.errors import InputError, PressPlayError
from pressplay.github import apps
from pressplay.github.apps import Created
from pressplay.github.permissions import HARNESS_USER, Needs


def exchange(wanted: Wanted, answer: str, directory: Path, namespace: str, api_url: str | None) -> Iterator[str]:
    """Fetch and write the keys that `answer` (an address, or its code) stands for; lines on what comes next."""
    code, page = _answer(answer, directory)
    with secret_file(directory) as save:
        created = apps.convert((api_url or wanted.settings.github.api_url).rstrip("/"), code)
        needs = _whose(wanted, created, page)
        if wanted.external:
            path = save(f"{created.slug}.store.json", json.dumps(_entry(created), indent=2) + "\n")
        else:
            secrets = _secrets(wanted, created, needs, namespace)
            text = "---\n".join(yaml.safe_dump(secret, sort_keys=False) for secret in secrets)
            path = save(f"{created.slug}.secret.yaml", text)
    return _next_steps(wanted, created, needs, path)


def _answer(text: str, directory: Path) -> tuple[str, str]:
    """The code, and the App whose page it answers; that is empty where only a code was given."""
    if "://" not in text:
        return text, ""
    query = parse_qs(urlsplit(text).query)
    code, state = (query.get(name, [""])[0] for name in ("code", "state"))
    if not code:
        raise InputError("the address has no code=: expected the one to which GitHub sent the browser")
    file = directory / STATES
    try:
        states = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: expected the file that `pressplay apps` wrote beside the pages: {error}") from error
    if state not in states:
        raise InputError(
            f"the address has a state= that no page in {directory} has: it answers another page, or was made up by "
            "somebody else. Create the App from the page there; do not use this code"
        )
    return code, str(states[state])


def _whose(wanted: Wanted, created: Created, page: str) -> Needs | None:
    """What the App was made for: by the page that it answers, else by its name."""
    if page in wanted.needs:
        return wanted.needs[page]
    return next((needs for app, needs in wanted.needs.items() if names.slug(app) == created.slug), None)


def _entry(created: Created) -> dict[str, str]:
    """The App's entry in a store, with the properties that the chart's ExternalSecrets fetch."""
    hook = {"webhook_secret": created.webhook_secret} if created.webhook_secret else {}
    return {"app_id": str(created.id), "client_id": created.client_id, "private_key": created.private_key, **hook}


def _secrets(wanted: Wanted, created: Created, needs: Needs | None, namespace: str) -> Iterator[dict[str, Any]]:
    """The Secrets with the App's key, in each namespace where it belongs (R5), and the webhook's."""
    data = {"app-id": str(created.id), "client-id": created.client_id, "private-key": created.private_key}
    release_namespace, agents_namespace = namespace, wanted.settings.controller_namespace
    namespaces = [""] if needs is None else [release_namespace] if not needs.agent else [agents_namespace]
    if needs is not None and needs.agent == "qa":
        namespaces.append(release_namespace)
    for target in namespaces:
        yield _secret(names.app_secret(created.slug), target, data)
    hook = wanted.values["events"]["webhook"]["secret"]
    if created.webhook_secret and needs is not None and needs.user == HARNESS_USER:
        yield _secret(hook["name"], release_namespace, {hook["key"]: created.webhook_secret})


def _secret(name: str, namespace: str, data: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": dict(data)}


@contextmanager
def secret_file(directory: Path) -> Iterator[Callable[[str, str], Path]]:
    """A way to save one secret text in the directory, which nobody else can read.

    The file is there before the code is used: a code is good once, and a key that can't be written would be lost.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # mkstemp makes it with mode 0600.
        handle, name = tempfile.mkstemp(prefix=".key-", dir=directory)
        os.close(handle)
    except OSError as error:
        raise InputError(f"{directory}: expected a directory that can be written: {error.strerror}") from error
    half = Path(name)

    def save(final: str, text: str) -> Path:
        path = directory / final
        try:
            half.write_text(text, encoding="utf-8")
            half.replace(path)
        except OSError as error:
            raise PressPlayError(
                f"{path}: the key could not be written ({error.strerror}), and its code is used: make a new private "
                "key in the App's settings"
            ) from error
        return path

    try:
        yield save
    finally:
        half.unlink(missing_ok=True)


def _next_steps(wanted: Wanted, created: Created, needs: Needs | None, path: Path) -> Iterator[str]:
    """What was made and what comes next; no key."""
    who = needs.who if needs is not None else "nobody yet"
    yield f"App {created.name}, number {created.id}, for {who}"
    if needs is None:
        yield (
            "No App of the values has this name: set agents.<id>.githubApp, github.harnessApp or serve.githubApp to "
            f"{created.slug}, and put the key where that App's key belongs (docs/how-to/github-apps.md)"
        )
    elif names.slug(needs.app) != created.slug:
        yield f"GitHub knows it under another name than the values: set {needs.value}: {created.slug}"
    yield f"install it:  {created.html_url}/installations/new"
    if wanted.external:
        key = wanted.values["secrets"]["remoteKey"].replace("{agent}", created.slug)
        yield f"store it:    the properties of {path}, under {key}"
    else:
        yield f"apply it:    kubectl apply -f {path}"
    yield f"then delete {path}"
