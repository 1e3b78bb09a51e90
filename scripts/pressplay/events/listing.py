"""A rendering with another repository listed: what the committed one becomes for a sandbox, or for one payload."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pressplay import names
from pressplay.cluster.port import Manifest

_LISTED = "body.repository.full_name"


def listing(manifests: Iterable[Mapping[str, Any]], *repos: str) -> Iterator[Manifest]:
    """The EventSources and Sensors among `manifests`, with `repos` in place of the repositories that they list.

    Raises InputError if one of them is no repository's full name.
    """
    parts = [names.repo(repo).partition("/") for repo in repos]
    for manifest in manifests:
        if manifest["kind"] not in ("EventSource", "Sensor"):
            continue
        made: Manifest = copy.deepcopy(dict(manifest))
        if made["kind"] == "EventSource":
            for event in made["spec"]["github"].values():
                event["repositories"] = [{"owner": owner, "names": [name]} for owner, _, name in parts]
        else:
            for dependency in made["spec"]["dependencies"]:
                for condition in dependency["filters"]["data"]:
                    if condition["path"] == _LISTED:
                        condition["value"] = [f"(?i)^{re.escape(repo)}$" for repo in repos]
        yield made
