"""What the step that prepares the acceptance gate hands over to the one that carries the probes out.

The two run in pods of their own, and the second one asks nothing of GitHub: all that it needs beside the plan is here.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from pressplay.gates.acceptance import packing
from pressplay.gates.acceptance.probes import Target
from pressplay.gates.acceptance.reach import Reach


@dataclass(frozen=True)
class ProbeJob:
    """Where probes look, what they may reach, and how long."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    target: Target
    reach: Reach
    running: str
    """A plan of ours that sees which commit runs, as JSON; empty where nothing is set up to see it by."""
    seconds: float
    """What a plan may take in all."""

    def pack(self) -> str:
        """The job as an Argo parameter may carry it: only letters, digits and `+ / =` (gzip, base64)."""
        fields = asdict(self)
        # The address of the Kubernetes API is what the pod that looks knows it by.
        del fields["reach"]["api"]
        return packing.pack(json.dumps(fields))

    @staticmethod
    def unpack(text: str, where: str = "probe job") -> ProbeJob:
        """The job that `pack` packed; InputError naming `where` if it is not one."""
        return packing.unpack_json(TypeAdapter(ProbeJob), text, where)
