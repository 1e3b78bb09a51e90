"""Who may read which repositories: to each caller it is as if there were none but those that its entries name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pressplay import names
from pressplay.cluster.tokens import ServiceAccount
from pressplay.serve.config import AllowedCaller
from pressplay.settings import Settings


@dataclass(frozen=True)
class Caller:
    """Somebody who calls, and what of the repositories there is for it."""

    name: str
    repositories: tuple[str, ...]
    """Patterns of `owner/name`, in any letter case, as GitHub compares names."""

    def view(self, settings: Settings) -> Settings:
        """The settings with this caller's repositories alone: whatever reads them can't tell that there are others."""
        shown = {
            name: own
            for name, own in settings.repositories.items()
            if any(names.matches(pattern.lower(), name.lower()) for pattern in self.repositories)
        }
        return settings.model_copy(update={"repositories": shown})


LOCAL = Caller("local", ("*/*",))
"""Who calls where nobody else can: over stdio, or with the static token."""


def caller(account: ServiceAccount, allowed: Sequence[AllowedCaller]) -> Caller | None:
    """The caller that a ServiceAccount is, with the repositories of all entries that name it; None where none does."""
    own = f"{account.namespace}/{account.name}"
    entries = [entry for entry in allowed if names.matches(entry.service_account, own)]
    patterns = tuple(dict.fromkeys(pattern for entry in entries for pattern in entry.repositories))
    return Caller(str(account), patterns) if entries else None
