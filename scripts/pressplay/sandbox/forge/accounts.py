"""Users, Apps with their keys, and where they are installed: what a forge has before anybody works in it."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence

from pressplay import names
from pressplay.errors import InputError
from pressplay.sandbox.forge.store import Row, Session

KEYS = 25
"""How many keys an App may have, as at GitHub."""


def add_app(session: Session, slug: str, name: str, permissions: Mapping[str, str], events: Sequence[str]) -> int:
    """A new App with its bot, without a key; its number."""
    number = session.insert(
        "forge_apps",
        slug=slug,
        name=name,
        client_id=f"Iv23li{names.digest('app', slug, length=14)}",
        permissions=dict(permissions),
        events=list(events),
        created_at=session.now,
    )
    user(session, f"{slug}[bot]", kind="Bot", app_id=number)
    return number


def add_key(session: Session, app_id: int, private_key: str) -> None:
    """Add a key to an App, as its public half; beyond KEYS the oldest becomes void."""
    public = public_half(private_key)
    if session.one("SELECT 1 FROM forge_app_keys WHERE app_id = ? AND public_key = ?", app_id, public) is None:
        session.insert("forge_app_keys", app_id=app_id, public_key=public)
        session.run(
            "DELETE FROM forge_app_keys WHERE app_id = ?1 AND id NOT IN"
            " (SELECT id FROM forge_app_keys WHERE app_id = ?1 ORDER BY id DESC LIMIT ?2)",
            app_id,
            KEYS,
        )


def make_app(
    session: Session, slug: str, name: str, permissions: Mapping[str, str], events: Sequence[str], private_key: str
) -> Row:
    """Make sure of an App and its bot, with these permissions and events and this key; its row."""
    row = session.one("SELECT * FROM forge_apps WHERE slug = ?", slug)
    if row is None:
        number = add_app(session, slug, name, permissions, events)
    else:
        number = row["id"]
        session.run(
            "UPDATE forge_apps SET permissions = ?1, events = ?2 WHERE id = ?3 AND (permissions != ?1 OR events != ?2)",
            json.dumps(dict(permissions)),
            json.dumps(list(events)),
            number,
        )
    add_key(session, number, private_key)
    return session.app(number)


def install(session: Session, slug: str, full_name: str) -> int:
    """Make sure that an App is installed on a repository; the installation's id."""
    app, repo = app_by_slug(session, slug), repository(session, full_name)
    session.run(
        "INSERT OR IGNORE INTO forge_installations (app_id, owner_id, created_at) VALUES (?, ?, ?)",
        app["id"],
        repo["owner_id"],
        session.now,
    )
    row = session.row(
        "SELECT id FROM forge_installations WHERE app_id = ? AND owner_id = ?", app["id"], repo["owner_id"]
    )
    session.run(
        "INSERT OR IGNORE INTO forge_installation_repos (installation_id, repo_id) VALUES (?, ?)",
        row["id"],
        repo["id"],
    )
    return int(row["id"])


def suspend(session: Session, installation: int, *, suspended: bool) -> None:
    """Suspend an installation, or end its suspension."""
    if suspended:
        session.run("INSERT OR IGNORE INTO forge_suspended VALUES (?, ?)", installation, session.now)
    else:
        session.run("DELETE FROM forge_suspended WHERE installation_id = ?", installation)


def revoke_tokens(session: Session, slug: str) -> None:
    """Delete all of an App's installation tokens."""
    session.run(
        "DELETE FROM forge_tokens WHERE installation_id IN (SELECT i.id FROM forge_installations i"
        " JOIN forge_apps a ON a.id = i.app_id WHERE a.slug = ?)",
        slug,
    )


@functools.lru_cache(maxsize=256)
def public_half(private_key: str) -> str:
    """The public key of a private one, as PEM; ValueError if it is not a PEM key."""
    from cryptography.hazmat.primitives import serialization

    # No validation: it takes a hundred times as long as reading the key.
    key = serialization.load_pem_private_key(private_key.encode(), None, unsafe_skip_rsa_key_validation=True)
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, info).decode()


def new_key() -> str:
    """A new RSA key of 2048 bits as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


def user(session: Session, login: str, kind: str = "User", app_id: int | None = None) -> Row:
    """Make sure of a user or bot; their row."""
    if session.one("SELECT 1 FROM forge_users WHERE login = ?", login) is None:
        session.insert("forge_users", login=login, type=kind, app_id=app_id, created_at=session.now)
    return session.row("SELECT * FROM forge_users WHERE login = ?", login)


def app_by_slug(session: Session, slug: str) -> Row:
    """An App's row; InputError if there is none."""
    row = session.one("SELECT * FROM forge_apps WHERE slug = ?", slug)
    if row is None:
        raise InputError(f"App {slug!r}: there is none; create_app comes first")
    return row


def repository(session: Session, full_name: str) -> Row:
    """A repository's row; InputError if there is none."""
    row = session.one("SELECT * FROM forge_repos WHERE full_name = ?", full_name)
    if row is None:
        raise InputError(f"repository {full_name!r}: there is none; create_repository comes first")
    return row
