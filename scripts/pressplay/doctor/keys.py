"""The Apps' keys from files, as `pressplay apps exchange` wrote them: where there is no cluster to read Secrets of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pressplay import names
from pressplay.doctor.subject import faults_of_key
from pressplay.errors import InputError
from pressplay.github.access import AppKey
from pressplay.validation.report import read_text

SECRETS, ENTRIES = ".secret.yaml", ".store.json"
"""How the files end: Secrets for `kubectl apply`, entries of a store."""


def read(folder: Path) -> dict[str, AppKey]:
    """The keys in a folder, by the Apps' slugs. InputError, naming the file, for none at all or what is no key."""
    keys: dict[str, AppKey] = {}
    for file in sorted(folder.iterdir()):
        if file.name.endswith((SECRETS, ENTRIES)):
            for slug, data in _held(file):
                if fault := faults_of_key(data):
                    raise InputError(
                        f"{file}: the key of the App {slug} {fault}; fetch it again: pressplay apps exchange"
                    )
                keys[slug] = AppKey(int(data["app-id"].decode().strip()), data["private-key"].decode())
    if not keys:
        raise InputError(
            f"{folder}: expected files *{SECRETS} or *{ENTRIES}, as `pressplay apps exchange` writes them, found none"
        )
    return keys


def _held(file: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """(slug, what a Secret of it holds) for each App in a file."""
    text = read_text(file)
    try:
        if file.name.endswith(ENTRIES):
            entry = json.loads(text)
            data = {"app-id": str(entry["app_id"]).encode(), "private-key": str(entry["private_key"]).encode()}
            yield file.name.removesuffix(ENTRIES), data
            return
        for secret in yaml.safe_load_all(text):
            name = str(secret["metadata"]["name"])
            if name.startswith(names.APP_SECRETS):
                held: dict[str, Any] = secret["stringData"]
                yield name.removeprefix(names.APP_SECRETS), {key: str(value).encode() for key, value in held.items()}
    except (ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        # What the parser says may quote the key (R9).
        raise InputError(
            f"{file}: expected what `pressplay apps exchange` writes, got something else ({type(error).__name__})"
        ) from None
