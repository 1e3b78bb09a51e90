"""The GitHub Apps that values files want: what `pressplay apps` writes, and whose keys it fetches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pressplay import names
from pressplay.commands._installation import DEFAULT_NAMESPACE
from pressplay.errors import InputError

if TYPE_CHECKING:
    from pressplay.github.permissions import Needs
    from pressplay.settings import Settings

STATES = "states.json"
"""The file that tells which page an answer of GitHub's belongs to."""


@dataclass(frozen=True)
class Wanted:
    """The Apps that the values want, and where their keys go."""

    values: Mapping[str, Any]
    settings: Settings
    needs: Mapping[str, Needs]

    @staticmethod
    def of(files: tuple[Path, ...]) -> Wanted:
        """Read values files; InputError where they are wrong, or GitHub would not take an App's name."""
        from pressplay.github import apps, permissions
        from pressplay.settings import Settings
        from pressplay.validation import values
        from pressplay.validation.report import read_text

        merged = values.load([(str(file), read_text(file)) for file in files])
        settings = Settings.model_validate(values.config(merged, DEFAULT_NAMESPACE))
        needs = permissions.needed(
            settings,
            makes_webhooks=bool(merged["events"]["webhook"]["url"]),
            serve_app=names.serve_app(merged),
        )
        long = [name for name in needs if len(name) > apps.NAME_LIMIT]
        if long:
            raise InputError(
                f"GitHub takes at most {apps.NAME_LIMIT} characters for an App's name, got {', '.join(long)}: shorten "
                "agents.<id>.githubApp, github.harnessApp or serve.githubApp in the values"
            )
        return Wanted(merged, settings, needs)

    @property
    def external(self) -> bool:
        """Whether the keys go into a store, from which ExternalSecrets fetch them."""
        return bool(self.values["secrets"]["mode"] == "external")

    @property
    def accounts(self) -> list[str]:
        """The owners of the listed repositories."""
        return sorted({name.partition("/")[0] for name in self.settings.repositories})
