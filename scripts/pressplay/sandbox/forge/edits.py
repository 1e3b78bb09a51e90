"""Who may edit a text on GitHub, and the record of who did: `lastEditedAt`, `editor` and `userContentEdits`.

Who has write access may edit any text; an author may edit his own, without any other right. A title has no
such record: a new one is the event `renamed`.
"""

from __future__ import annotations

from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.store import ROLES, Row, Session, at_least


def permit(s: Session, repo: Row, author: int) -> None:
    """ApiError 403 unless who asks may edit what `author` wrote. An App's permissions are checked by name before."""
    if s.actor.permissions is None and s.acting_user()["id"] != author and not has_role(s, repo, "write"):
        raise ApiError(403, "Must have push access to repository")


def has_role(s: Session, repo: Row, role: str) -> bool:
    """Whether who asks has a role: a person by what was granted, an App always."""
    return s.actor.permissions is not None or at_least(s.role(repo, s.acting_user()), role, ROLES)


def record(s: Session, kind: str, subject: int) -> None:
    """Note that the acting user edited the text of what has this kind (GraphQL's name) and id."""
    s.insert("forge_edits", kind=kind, subject_id=subject, user_id=s.acting_user()["id"], at=s.now)


def of(s: Session, kind: str, row: Row, began: float) -> list[Row]:
    """The edits of a text, newest first; once there is one, GitHub also lists the first version."""
    rows = s.all(
        "SELECT id, user_id, at FROM forge_edits WHERE kind = ?1 AND subject_id = ?2"
        " UNION ALL SELECT 0, ?3, ?4 ORDER BY id DESC",
        kind,
        row["id"],
        row["user_id"],
        began,
    )
    return rows if len(rows) > 1 else []
