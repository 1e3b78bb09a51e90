"""GitHub Apps made from a manifest: what a browser posts, and what the code is exchanged for.

Source: https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest, and "Create a GitHub
App from a manifest" of GitHub's REST reference. There is no log-in here: whoever posts is taken to be who may.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Any
from urllib.parse import urlencode

from pressplay.sandbox.forge import accounts, hooks, shapes
from pressplay.sandbox.forge.errors import ApiError, invalid
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, route, token_hash
from pressplay.sandbox.forge.store import JSON, LEVELS, Session, at_least

CODE_SECONDS = 3600
NAME_LIMIT = 34
_KEYS = {
    "name", "url", "hook_attributes", "redirect_url", "callback_urls", "setup_url", "description", "public",
    "default_events", "default_permissions", "request_oauth_on_install", "setup_on_update",
}  # fmt: skip
_EVENTS = {
    "check_run": ("checks",), "check_suite": ("checks",), "code_scanning_alert": ("security_events",),
    "dependabot_alert": ("vulnerability_alerts",), "deployment": ("deployments",),
    "deployment_status": ("deployments",), "issue_comment": ("issues",), "issues": ("issues",),
    "merge_group": ("merge_queues",),
    "pull_request": ("pull_requests",), "pull_request_review": ("pull_requests",),
    "pull_request_review_comment": ("pull_requests",), "pull_request_review_thread": ("pull_requests",),
    "push": ("contents",), "secret_scanning_alert": ("secret_scanning_alerts",), "status": ("statuses",),
    "workflow_job": ("actions",), "workflow_run": ("actions",),
}  # fmt: skip


@route("POST", "/settings/apps/new", auth="none")
def new_app(call: ApiCall) -> ApiAnswer:
    """The form that a person posts; the App is made, and a code for its keys handed to the manifest's redirect."""
    try:
        manifest = json.loads(call.need("manifest", str))
    except ValueError:
        raise invalid("App", "manifest", "manifest is not valid JSON") from None
    if not isinstance(manifest, dict):
        raise invalid("App", "manifest", "manifest is not an object")
    number = _create(call.s, _checked(manifest))
    code = secrets.token_hex(20)
    call.s.insert(
        "forge_manifest_codes",
        hash=token_hash(code),
        app_id=number,
        hook=int(bool((manifest.get("hook_attributes") or {}).get("url"))),
        expires_at=call.s.now + CODE_SECONDS,
    )
    state = {"state": call.query["state"]} if "state" in call.query else {}
    return ApiAnswer(302, None, {"Location": f"{manifest['redirect_url']}?{urlencode({'code': code, **state})}"})


@route("POST", "/organizations/<org>/settings/apps/new", auth="none")
def new_app_of_an_organization(call: ApiCall) -> ApiAnswer:
    """The same, for an organization's App."""
    return new_app(call)


@route("POST", "/app-manifests/<code>/conversions", auth="none")
def convert(call: ApiCall) -> ApiAnswer:
    """The App with its keys, once for each code, within an hour."""
    s, digest = call.s, token_hash(call.args["code"])
    row = s.one("SELECT * FROM forge_manifest_codes WHERE hash = ? AND expires_at > ?", digest, s.now)
    if row is None:
        raise ApiError(404, "Not Found")
    s.run("DELETE FROM forge_manifest_codes WHERE hash = ?", digest)
    app, key = s.app(row["app_id"]), accounts.new_key()
    accounts.add_key(s, app["id"], key)
    return ApiAnswer(
        201,
        {
            **shapes.app(s, app),
            "client_secret": secrets.token_hex(20),
            "webhook_secret": secrets.token_hex(20) if row["hook"] else None,
            "pem": key,
        },
    )


def _checked(manifest: JSON) -> JSON:
    """The manifest, if it is one that GitHub takes."""
    unknown = sorted(manifest.keys() - _KEYS)
    if unknown:
        raise invalid("App", unknown[0], f"{unknown[0]} is not a known key of a manifest")
    for key in ("name", "url", "redirect_url"):
        if not isinstance(manifest.get(key), str) or not manifest[key]:
            raise invalid("App", key, f"{key} can't be blank", "missing_field")
    if len(manifest["name"]) > NAME_LIMIT:
        raise invalid("App", "name", f"name is too long (maximum is {NAME_LIMIT} characters)")
    hook: Any = manifest.get("hook_attributes")
    if hook is not None and not (isinstance(hook, dict) and str(hook.get("url", "")).startswith("http")):
        raise invalid("App", "hook_attributes", "hook url must be a valid URL")
    granted: dict[str, str] = manifest.get("default_permissions") or {}
    for name, level in granted.items():
        if level not in LEVELS:
            raise invalid("App", "default_permissions", f"{name}: {level} is not a level")
    for event in manifest.get("default_events") or []:
        needs = _EVENTS.get(event)
        if needs is None or not any(at_least(granted.get(name), "read", LEVELS) for name in needs):
            raise invalid("App", "default_events", f"default events are not supported by permissions: {event}")
    return manifest


def _create(s: Session, manifest: JSON) -> int:
    slug = re.sub(r"[^a-z0-9]+", "-", manifest["name"].lower()).strip("-")
    if s.one("SELECT 1 FROM forge_apps WHERE slug = ?", slug) is not None:
        raise invalid("App", "name", "name is already taken")
    number = accounts.add_app(
        s,
        slug,
        manifest["name"],
        manifest.get("default_permissions") or {},
        manifest.get("default_events") or [],
    )
    hook = manifest.get("hook_attributes") or {}
    if hook.get("url"):
        hooks.of_app(s, number, {"url": hook["url"], "content_type": "json"}, secret=True)
    return number
