"""Webhooks: where GitHub sends events, and the results of its deliveries.

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
class Webhook:
    """How a webhook is set up."""

    url: str
    content_type: str
    checks_certificate: bool
    signed: bool
    """Whether it has a secret. GitHub never shows the secret itself."""
    active: bool = True
    """GitHub does not report this for an App's webhook."""
    events: tuple[str, ...] | None = None
    """None: those that the App subscribes to."""
    deliveries: str = ""
    """The path of its deliveries."""


@dataclass(frozen=True)
class WebhookDelivery:
    """One delivery, and the receiver's answer."""

    at: float
    event: str
    status_code: int
    status: str

    @property
    def taken(self) -> bool:
        """Whether it was answered as it should."""
        return 200 <= self.status_code < 300


def of_app(gh: AppClient) -> Webhook | None:
    """The App's own webhook; None if it has none."""
    config = find(gh, "/app/hook/config")
    return _hook(config, deliveries="/app/hook/deliveries") if config and config.get("url") else None


def of_repository(gh: Client, repo: str) -> list[Webhook]:
    """A repository's webhooks."""
    return [
        _hook(
            item["config"],
            active=item["active"],
            events=tuple(item["events"]),
            deliveries=f"/repos/{repo}/hooks/{item['id']}/deliveries",
        )
        for item in pages(gh, f"/repos/{repo}/hooks")
    ]


def deliveries(gh: GitHub[Any], hook: Webhook, most: int) -> list[WebhookDelivery]:
    """A webhook's newest deliveries, newest first; GitHub keeps those of three days."""
    items = call(gh, "GET", hook.deliveries, params={"per_page": most})
    return [
        WebhookDelivery(parse_rfc3339(item["delivered_at"]), item["event"], int(item["status_code"]), item["status"])
        for item in items
    ]


def _hook(config: Mapping[str, Any], **more: Any) -> Webhook:
    return Webhook(
        url=config.get("url") or "",
        content_type=config.get("content_type") or "form",
        checks_certificate=str(config.get("insecure_ssl", "0")) in ("0", "0.0"),
        signed=bool(config.get("secret")),
        **more,
    )
