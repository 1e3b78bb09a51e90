"""`task/gates.json`: what `pressplay check` needs of an installation to judge commits as the gates will.

It lies in the agent's work tree, so it binds nobody: the gates read the settings themselves.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from pressplay import names
from pressplay.errors import InputError
from pressplay.settings import RepositoryDefaults, Supply, TestPaths

FILE = "gates.json"


class Rules(BaseModel):
    """The rules of one run."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

    role: str
    base: str
    """The branch that the work is merged into."""
    head: str
    """The commit that the run begins at; empty where it begins at the base."""
    plan: str
    """The path of the plan of probes."""
    criteria: tuple[str, ...] = ()
    """The ids of the task's criteria."""
    test_paths: TestPaths = TestPaths()
    supply: Supply = Supply()  # type: ignore[call-arg]

    @staticmethod
    def of(
        role: str, base: str, head: str, number: int, settings: RepositoryDefaults, criteria: Collection[str]
    ) -> Rules:
        """The rules of a run on the task, or what takes its place, of this number."""
        return Rules(
            role=role,
            base=base,
            head=head,
            plan=names.acceptance_plan(number),
            criteria=tuple(sorted(criteria)),
            test_paths=settings.test_paths,
            supply=settings.supply,
        )

    def dump(self) -> bytes:
        """The file's content."""
        return json.dumps(self.model_dump(by_alias=True)).encode()

    @staticmethod
    def load(content: bytes, where: str) -> Rules:
        """Read what `dump` wrote; InputError, naming `where`, for anything else."""
        try:
            document: Any = json.loads(content)
            return Rules.model_validate(document)
        except (ValueError, ValidationError) as error:
            raise InputError(f"{where}: expected the rules of a run, as Press Play wrote them") from error
