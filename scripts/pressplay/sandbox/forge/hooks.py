"""The settings of webhooks, and their deliveries. Secrets are not kept: only whether there is one.

Source: GitHub's REST reference, "GitHub App webhooks" and "Repository webhooks". What happens here is carried to a
webhook's address by `sandbox.eventsource`, which notes each delivery.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pressplay.sandbox.forge import shapes
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.store import JSON, Row, Session

HIDDEN = "********"
_CONTENT_TYPES = ("json", "form")


def of_app(s: Session, app_id: int, config: Mapping[str, Any], *, secret: bool) -> Row:
    """Make, or change, an App's webhook. What it sends are the App's events."""
    row = s.one("SELECT * FROM forge_hooks WHERE app_id = ?", app_id)
    wanted = {**_checked(config), "secret": int(secret)}
    if row is None:
        number = _insert(s, app_id=app_id, repo_id=None, active=1, events=[], **wanted)
    else:
        number = row["id"]
        update(s, row, wanted)
    return s.row("SELECT * FROM forge_hooks WHERE id = ?", number)


def of_repo(s: Session, repo: Row, config: Mapping[str, Any], events: Sequence[str], *, active: bool) -> Row:
    """Make a repository's webhook."""
    fields = {**_checked(config), "secret": int(bool(config.get("secret")))}
    number = _insert(s, app_id=None, repo_id=repo["id"], active=int(active), events=list(events), **fields)
    return s.row("SELECT * FROM forge_hooks WHERE id = ?", number)


def update(s: Session, row: Row, fields: Mapping[str, Any]) -> None:
    """Change what is different."""
    changed = {name: value for name, value in fields.items() if row[name] != value}
    if changed:
        s.run(
            f"UPDATE forge_hooks SET {', '.join(f'{name} = ?' for name in changed)}, updated_at = ? WHERE id = ?",  # noqa: S608 - our own names
            *changed.values(),
            s.now,
            row["id"],
        )


def given(config: Mapping[str, Any]) -> JSON:
    """The columns that a request to change a webhook's configuration sets."""
    fields = {name: config[name] for name in ("url", "content_type", "insecure_ssl") if name in config}
    checked = {name: value for name, value in _checked({"url": "http://kept", **fields}).items() if name in fields}
    return {**checked, **({"secret": int(bool(config["secret"]))} if "secret" in config else {})}


def config_of(row: Row) -> JSON:
    """A webhook's configuration; its secret is never shown."""
    hidden = {"secret": HIDDEN} if row["secret"] else {}
    return {"content_type": row["content_type"], "insecure_ssl": row["insecure_ssl"], "url": row["url"], **hidden}


def shown(s: Session, repo: Row, row: Row) -> JSON:
    """A repository's webhook."""
    url = f"{shapes.repo_url(s, repo)}/hooks/{row['id']}"
    last = next((delivery for hook, delivery in reversed(s.store.deliveries) if hook == row["id"]), None)
    return {
        "type": "Repository",
        "id": row["id"],
        "name": "web",
        "active": bool(row["active"]),
        "events": json.loads(row["events"]),
        "config": config_of(row),
        "updated_at": shapes.when(row["updated_at"]),
        "created_at": shapes.when(row["created_at"]),
        "url": url,
        "test_url": f"{url}/test",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {
            "code": last["status_code"] if last else None,
            "status": last["status"] if last else "unused",
            "message": None,
        },
    }


def note(s: Session, hook: int, event: str, status_code: int, guid: str, action: str | None) -> None:
    """Record a delivery and the status of the answer."""
    number = s.store.deliveries[-1][1]["id"] + 1 if s.store.deliveries else 1
    status = "OK" if 200 <= status_code < 300 else f"Invalid HTTP Response: {status_code}"
    s.store.deliveries.append(
        (
            hook,
            {
                "id": number,
                "guid": guid or f"00000000-0000-0000-0000-{number:012}",
                "delivered_at": shapes.when(s.now),
                "redelivery": False,
                "duration": 0.1,
                "status": status if status_code else "failed to connect to host",
                "status_code": status_code or 502,
                "event": event,
                "action": action,
                "installation_id": None,
                "repository_id": None,
                "throttled_at": None,
            },
        )
    )


def deliveries(s: Session, hook: int, most: int) -> list[JSON]:
    """A webhook's newest deliveries, newest first."""
    newest = [delivery for of, delivery in reversed(s.store.deliveries) if of == hook]
    return newest[:most]


def _insert(s: Session, **values: Any) -> int:
    return s.insert("forge_hooks", created_at=s.now, updated_at=s.now, **values)


def _checked(config: Mapping[str, Any]) -> JSON:
    url = config.get("url")
    if not isinstance(url, str) or not url.startswith("http"):
        raise ApiError(422, "Validation Failed", [{"resource": "Hook", "code": "custom", "message": "url is invalid"}])
    content_type = config.get("content_type", "form")
    if content_type not in _CONTENT_TYPES:
        raise ApiError(422, f"content_type: expected one of {', '.join(_CONTENT_TYPES)}")
    return {"url": url, "content_type": content_type, "insecure_ssl": str(config.get("insecure_ssl", "0"))}
