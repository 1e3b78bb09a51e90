"""GitHub Apps made from a manifest, each with what the table of permissions says and nothing else.

Source: https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from githubkit import GitHub, UnauthAuthStrategy

from pressplay.errors import InputError, TryAgain
from pressplay.github.access import configuration
from pressplay.github.calls import GitHubRefused, call
from pressplay.github.permissions import HARNESS_USER, SERVE_USER, Needs

NAME_LIMIT = 34
"""Characters of an App's name that GitHub takes."""
REDIRECT = "http://localhost:8977/press-play"
"""Where GitHub sends the browser with the code. Nothing needs to answer there: the code, which is worth an App's key,
stays in the address bar of the browser that made the App."""
_ABOUT = {
    HARNESS_USER: "the harness: checks, comments, task folders",
    SERVE_USER: "reads comments of pull requests, to serve them",
}
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]*")
_CODE = re.compile(r"[A-Za-z0-9_-]{8,200}")


@dataclass(frozen=True)
class Created:
    """An App as GitHub made it, with its keys."""

    id: int
    slug: str
    name: str
    client_id: str
    html_url: str
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    """Empty where the App has no webhook."""


def manifest(needs: Needs, homepage: str, hook_url: str = "") -> dict[str, Any]:
    """The App's manifest. `hook_url`: where its webhook sends `needs.events`; empty: it has none."""
    who = _ABOUT.get(needs.user, f"works as {needs.agent}")
    hook = {"hook_attributes": {"url": hook_url, "active": True}, "default_events": list(needs.events)}
    return {
        "name": needs.app,
        "url": homepage,
        "description": f"Press Play, {who}",
        "public": False,
        "redirect_url": REDIRECT,
        "default_permissions": dict(sorted(needs.permissions.items())),
        **(hook if hook_url else {}),
    }


def new_app_url(web_url: str, org: str, state: str) -> str:
    """Where a manifest is posted: an organization's settings, or (no `org`) those of the user who posts it."""
    of = f"/organizations/{quote(org, safe='')}" if org else ""
    return f"{web_url}{of}/settings/apps/new?{urlencode({'state': state})}"


def page(app_manifest: Mapping[str, Any], action: str) -> str:
    """A page for a browser with one button, which posts the manifest to GitHub. It runs no script."""
    title = html.escape(f"Create the GitHub App {app_manifest['name']}")
    shown = html.escape(json.dumps(app_manifest, indent=2))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n"
        "<style>body{font:16px sans-serif;max-width:48em;margin:2em auto;padding:0 1em}button{font:inherit}</style>\n"
        f"</head>\n<body>\n<h1>{title}</h1>\n"
        f'<form action="{html.escape(action)}" method="post">\n'
        f'<input type="hidden" name="manifest" value="{html.escape(json.dumps(app_manifest))}">\n'
        '<button type="submit">Create it at GitHub</button>\n</form>\n'
        "<p>GitHub shows its name once more, and sends you on to an address at which nothing answers: copy that "
        "address and give it to <code>pressplay apps exchange</code>, within an hour.</p>\n"
        f"<pre>{shown}</pre>\n</body>\n</html>\n"
    )


def convert(api_url: str, code: str, transport: httpx.BaseTransport | None = None) -> Created:
    """Exchange the code that GitHub gave for the App's keys; a code is good once, for an hour.

    InputError if it is used, expired or not a code; TryAgain for a passing fault. Neither repeats the code, which is
    as good as the keys until it is used.
    """
    if not _CODE.fullmatch(code):
        raise InputError("the code: expected letters and digits, as in GitHub's address after code=")
    gh: GitHub[UnauthAuthStrategy] = GitHub(config=configuration(api_url, transport))
    try:
        answer = call(gh, "POST", f"/app-manifests/{code}/conversions")
    except TryAgain as error:
        raise TryAgain(f"{_without(code, error)}; the code may still be good: try again") from None
    except GitHubRefused as error:
        raise InputError(
            f"{_without(code, error)}. A code is good once and for an hour: delete the App on GitHub and create it "
            "again, or make a new private key in its settings"
        ) from None
    if not _SLUG.fullmatch(answer["slug"]):
        raise InputError(f"GitHub's answer: expected an App's slug in lower-case letters, got {answer['slug']!r}")
    return Created(
        id=answer["id"],
        slug=answer["slug"],
        name=answer["name"],
        client_id=answer["client_id"],
        html_url=answer["html_url"],
        private_key=answer["pem"],
        webhook_secret=answer.get("webhook_secret") or "",
    )


def _without(code: str, error: Exception) -> str:
    return str(error).replace(code, "CODE")
