"""Which of GitHub's events each dependency of a rendered Sensor lets through, and which flow it starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pressplay.errors import InputError

_EVENT = "body.X-GitHub-Event"
_NAMES = re.compile(r"\^\(([a-z_|]+)\)\$")


def rows(manifests: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(dependency, flow, GitHub's names of its events) for each dependency of the Sensors among `manifests`.

    Raises InputError naming a dependency that does not say which events it takes, or that starts nothing.
    """
    for sensor in (manifest for manifest in manifests if manifest["kind"] == "Sensor"):
        flows = {
            trigger["template"]["conditions"]: trigger["template"]["k8s"]["source"]["resource"]["metadata"]["labels"][
                "press-play/flow"
            ]
            for trigger in sensor["spec"]["triggers"]
        }
        for dependency in sensor["spec"]["dependencies"]:
            name = dependency["name"]
            values = [one for data in dependency["filters"]["data"] if data["path"] == _EVENT for one in data["value"]]
            found = _NAMES.fullmatch(values[0]) if len(values) == 1 else None
            if found is None or name not in flows:
                raise InputError(f"Sensor, dependency {name}: expected one filter on {_EVENT}, and a trigger")
            yield name, flows[name], tuple(sorted(found[1].split("|")))
