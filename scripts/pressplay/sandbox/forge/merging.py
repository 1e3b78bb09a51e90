"""The commit that merges a pull request into a base."""

from __future__ import annotations

import re

from pressplay.sandbox.forge import gitdata, rules, shapes
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.store import Row, Session


def commit(
    s: Session, repo: Row, pull: Row, base: str, method: str, title: str | None = None, text: str | None = None
) -> str | None:
    """Make the commit of `pull` merged into the commit `base`; None for a conflict. ApiError for an unknown method.

    `method`: `merge`, `squash` or `rebase`. `title` and `text` replace the message that GitHub makes.
    """
    git, head = s.git(repo), pull["head_sha"]
    tree = rules.merge_tree(s, repo, base, head)
    if tree is None:
        return None
    who = s.acting_user()
    sign = gitdata.signature(who["login"], shapes.email(who), s.now)
    if method == "squash":
        commits = gitdata.commits_between(git, gitdata.merge_base(git, base, head), head)
        author = s.user(pull["user_id"])
        message = _message(
            title if title is not None else f"{pull['title']} (#{pull['number']})",
            text if text is not None else "\n\n".join(f"* {made.message.strip()}" for made in commits),
        )
        signed = gitdata.signature(author["login"], shapes.email(author), s.now)
        return str(git.create_commit(None, signed, sign, message, tree, [base]))
    if method == "rebase":
        commits = gitdata.commits_between(git, base, head)
        return gitdata.replay(git, base, [made for made in commits if len(made.parent_ids) < 2], sign)
    if method == "merge":
        owner = s.user(s.repo(pull["head_repo_id"])["owner_id"])["login"]
        message = _message(
            title if title is not None else f"Merge pull request #{pull['number']} from {owner}/{pull['head_ref']}",
            text if text is not None else pull["title"],
        )
        return str(git.create_commit(None, sign, sign, message, tree, [base, head]))
    raise ApiError(422, "merge_method must be merge, squash or rebase")


def _message(title: str, text: str) -> str:
    subject = re.sub(r"[\r\n]+", " ", title)
    return f"{subject}\n\n{text}".rstrip("\n")
