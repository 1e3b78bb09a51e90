"""Webhooks: where GitHub sends events, and what came of it.

Source: GitHub's REST reference, "GitHub App webhooks" (asked as the App itself) and "Repository webhooks" (asked by an
installation with `repository_hooks: read`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from githubkit import GitHub

from pressplay.clock import parse_rfc3339
from pressplay.github.calls import Client, call, find, pages
from pressplay.github.client import AppClient


@dataclass(frozen=True)
class Hook:
    """How a webhook is set up."""

    url: str
    content_type: str
    checks_certificate: bool
    signed: bool
    """Whether it has a secret. Which one GitHub never tells."""
    active: bool = True
    """Of an App's webhook GitHub does not tell it."""
    events: tuple[str, ...] | None = None
    """None: those that the App subscribes to."""
    deliveries: str = ""
    """The path of its deliveries."""


@dataclass(frozen=True)
class Delivery:
    """One delivery, and what came back."""

    at: float
    event: str
    status_code: int
    status: str

    @property
    def taken(self) -> bool:
        """Whether it was answered as it should."""
        return 200 <= self.status_code < 300


def of_app(gh: AppClient) -> Hook | None:
    """The App's own webhook; None where it has none."""
    found = find(gh, "/app/hook/config")
    return _hook(found, deliveries="/app/hook/deliveries") if found and found.get("url") else None


def of_repository(gh: Client, repo: str) -> list[Hook]:
    """A repository's webhooks."""
    return [
        _hook(
            found["config"],
            active=found["active"],
            events=tuple(found["events"]),
            deliveries=f"/repos/{repo}/hooks/{found['id']}/deliveries",
        )
        for found in pages(gh, f"/repos/{repo}/hooks")
    ]


def deliveries(gh: GitHub[Any], hook: Hook, most: int) -> list[Delivery]:
    """A webhook's newest deliveries, newest first; GitHub keeps those of three days."""
    found = call(gh, "GET", hook.deliveries, params={"per_page": most})
    return [
        Delivery(parse_rfc3339(one["delivered_at"]), one["event"], int(one["status_code"]), one["status"])
        for one in found
    ]


def _hook(config: Mapping[str, Any], **more: Any) -> Hook:
    return Hook(
        url=config.get("url") or "",
        content_type=config.get("content_type") or "form",
        checks_certificate=str(config.get("insecure_ssl", "0")) in ("0", "0.0"),
        signed=bool(config.get("secret")),
        **more,
    )
