"""The probes of a deployment that the tasks of a play have, by their plans in one commit.

A plan was written for the deployment of a pull request. A probe that names a place of its own says nothing of another
deployment: it is left out, and not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from pressplay.gates.acceptance import packing, probe_plan
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.probe_types import DEPLOYED


@dataclass(frozen=True)
class EndPlan:
    """The probes for the deployment of a commit of the base branch, and the tasks of which some are left out."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    probes: str = ""
    """The plan of all tasks (`probe_plan.joined`) as canonical JSON; empty: no task has a probe to carry out."""
    elsewhere: tuple[int, ...] = ()
    """The tasks that have probes of a place of their own."""
    left_out: tuple[int, ...] = ()
    """The tasks whose plan can't be read, or for whose probes there is no room."""

    @staticmethod
    def of(plans: Mapping[int, ProbePlan], unreadable: Sequence[int], namespace: str) -> EndPlan:
        """From plans by task, the most important first; `namespace` is that of the deployment, empty if unknown."""
        deployed = {task: own for task, plan in plans.items() if (own := plan.only(DEPLOYED)) is not None}
        carried = {task: own for task, plan in deployed.items() if (own := plan.anywhere(namespace)) is not None}
        elsewhere = tuple(task for task, plan in deployed.items() if carried.get(task) != plan)
        joined, too_many = probe_plan.joined(carried, DEPLOYED)
        return EndPlan(joined.document if joined else "", elsewhere, (*unreadable, *too_many))

    @property
    def plan(self) -> ProbePlan | None:
        """The plan of all tasks, which the step that carries it out checks again."""
        return ProbePlan(self.probes) if self.probes else None

    def lacks(self) -> str:
        """Why probes are left out, a clause of ours; empty where none is."""
        texts = []
        if self.elsewhere:
            texts.append(f"probes of {_tasks(self.elsewhere)} name a place of their own, and were not run here")
        if self.left_out:
            texts.append(f"probes of {_tasks(self.left_out)} were not run: their plans can't be read, or are too long")
        return "; ".join(texts)

    def pack(self) -> str:
        """As an Argo parameter, or a ConfigMap, may carry it."""
        return packing.pack_json(TypeAdapter(EndPlan), self)

    @staticmethod
    def unpack(text: str, where: str) -> EndPlan:
        """What `pack` packed; InputError naming `where` if it is not one."""
        return packing.unpack_json(TypeAdapter(EndPlan), text, where)


def _tasks(numbers: Sequence[int]) -> str:
    return f"task{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"
