"""A rendering with another repository listed: what the committed one becomes for a sandbox, or for one payload."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pressplay import names
from pressplay.cluster.port import Manifest

_LISTED = "body.repository.full_name"


def listing(manifests: Iterable[Mapping[str, Any]], repo: str) -> Iterator[Manifest]:
    """The EventSources and Sensors among `manifests`, with `repo` in place of the repositories that they list.

    Raises InputError if `repo` is no repository's full name.
    """
    owner, _, name = names.repo(repo).partition("/")
    for manifest in manifests:
        made: Manifest = copy.deepcopy(dict(manifest))
        if made["kind"] == "EventSource":
            for event in made["spec"]["github"].values():
                event["repositories"] = [{"owner": owner, "names": [name]}]
            yield made
        if made["kind"] == "Sensor":
            for dependency in made["spec"]["dependencies"]:
                for condition in dependency["filters"]["data"]:
                    if condition["path"] == _LISTED:
                        condition["value"] = [f"(?i)^{re.escape(repo)}$"]
            yield made
