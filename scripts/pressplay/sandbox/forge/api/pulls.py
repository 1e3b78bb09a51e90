"""Pull requests: list, open, edit, close, merge."""

from __future__ import annotations

from pressplay.sandbox.forge import edits, events, gitdata, merging, rules, shapes
from pressplay.sandbox.forge.api.repos import signature_of
from pressplay.sandbox.forge.errors import ApiError, invalid
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, route
from pressplay.sandbox.forge.store import JSON, LEVELS, ROLES, Row, at_least


def pull_of(call: ApiCall) -> Row:
    """The pull request that the path names; 404 if there is none."""
    return call.s.row_or_404(
        f"{shapes.PULL} WHERE i.repo_id = ? AND i.number = ?", call.repo["id"], call.args["number"]
    )


def _full(call: ApiCall, row: Row) -> JSON:
    return shapes.pull(call.s, call.repo, row, rules.state(call.s, call.repo, row))


@route("GET", "/repos/<owner>/<name>/pulls", pull_requests="read")
def list_pulls(call: ApiCall) -> list[JSON]:
    """Pull requests by state, head (`owner:branch`) and base; newest first."""
    where, args = ["i.repo_id = ?"], [call.repo["id"]]
    state = call.query.get("state", "open")
    if state != "all":
        where.append("i.state = ?")
        args.append("closed" if state == "closed" else "open")
    if call.query.get("base"):
        where.append("p.base_ref = ?")
        args.append(call.query["base"])
    owner, colon, branch = call.query.get("head", "").partition(":")
    if colon:
        head = _head_repo(call, owner)
        if head is None:
            return []
        where += ["p.head_repo_id = ?", "p.head_ref = ?"]
        args += [head["id"], branch]
    column = {"updated": "updated_at"}.get(call.query.get("sort", ""), "number")
    order = "ASC" if call.query.get("direction") == "asc" else "DESC"
    rows, _ = call.rows(
        f"{shapes.PULL} WHERE {' AND '.join(where)} ORDER BY i.{column} {order}, i.number {order}", *args
    )
    return [shapes.pull(call.s, call.repo, row) for row in rows]


def _head_repo(call: ApiCall, owner: str) -> Row | None:
    if owner.lower() == call.repo["full_name"].partition("/")[0].lower():
        return call.repo
    return call.s.one(
        "SELECT r.* FROM forge_repos r JOIN forge_users u ON u.id = r.owner_id WHERE r.parent_id = ? AND u.login = ?",
        call.repo["id"],
        owner,
    )


@route("POST", "/repos/<owner>/<name>/pulls", role="read", pull_requests="write")
def create_pull(call: ApiCall) -> ApiAnswer:
    """Open a pull request from a branch of this repository or of a fork."""
    s, repo = call.s, call.repo
    title, head, base = call.need("title", str), call.need("head", str), call.need("base", str)
    owner, colon, branch = head.partition(":")
    head_repo = _head_repo(call, owner) if colon else repo
    branch = branch if colon else head
    if not title.strip():
        raise invalid("PullRequest", "title", "title is missing", "missing_field")
    head_sha = _tip(call, head_repo, branch) if head_repo is not None else None
    if head_repo is None or head_sha is None:
        raise invalid("PullRequest", "head", "head is invalid", "invalid")
    base_sha = _tip(call, repo, base)
    if base_sha is None:
        raise invalid("PullRequest", "base", "base is invalid", "invalid")
    if s.one(
        f"{shapes.PULL} WHERE i.repo_id = ? AND i.state = 'open'"
        " AND p.head_repo_id = ? AND p.head_ref = ? AND p.base_ref = ?",
        repo["id"],
        head_repo["id"],
        branch,
        base,
    ):
        raise invalid(
            "PullRequest",
            "head",
            f"A pull request already exists for {owner if colon else repo['full_name'].partition('/')[0]}:{branch}.",
        )
    author = s.acting_user()
    if head_repo["id"] == repo["id"] and s.actor.app is None and not at_least(s.role(repo, author), "write", ROLES):
        raise ApiError(403, "must be a collaborator")
    number = take_number(call)
    events.keep_head(s, repo, head_repo, number, head_sha)
    if head_sha == base_sha or gitdata.ahead_behind(s.git(repo), head_sha, base_sha)[0] == 0:
        s.git(repo).references.delete(f"refs/pull/{number}/head")
        raise invalid("PullRequest", "base", f"No commits between {base} and {branch}")
    issue_id = s.insert(
        "forge_issues",
        repo_id=repo["id"],
        number=number,
        is_pull=1,
        title=title,
        body=call.get("body", str, "") or None,
        state="open",
        user_id=author["id"],
        created_at=s.now,
        updated_at=s.now,
    )
    s.insert(
        "forge_pulls",
        issue_id=issue_id,
        head_repo_id=head_repo["id"],
        head_ref=branch,
        head_sha=head_sha,
        base_ref=base,
        base_sha=base_sha,
        draft=int(call.get("draft", bool, False)),
        last_pusher=author["id"],
    )
    events.pull_event(s, "opened", repo, issue_id, author)
    return ApiAnswer(201, _full(call, events.pull_row(s, issue_id)))


def _tip(call: ApiCall, repo: Row, branch: str) -> str | None:
    row = call.s.one("SELECT sha FROM forge_refs WHERE repo_id = ? AND name = ?", repo["id"], f"refs/heads/{branch}")
    return row["sha"] if row else None


def take_number(call: ApiCall) -> int:
    """The repository's next issue or pull request number."""
    row = call.s.row(
        "UPDATE forge_repos SET next_number = next_number + 1 WHERE id = ? RETURNING next_number - 1 AS number",
        call.repo["id"],
    )
    return int(row["number"])


@route("GET", "/repos/<owner>/<name>/pulls/<int:number>", pull_requests="read")
def get_pull(call: ApiCall) -> JSON:
    """One pull request, with what git and the rules say of it now."""
    return _full(call, pull_of(call))


@route("PATCH", "/repos/<owner>/<name>/pulls/<int:number>", role="read", pull_requests="write")
def update_pull(call: ApiCall) -> JSON:
    """Edit, close or reopen a pull request; its author may, too."""
    s, row, sender = call.s, pull_of(call), call.s.acting_user()
    edits.permit(s, call.repo, row["user_id"])
    state = call.get("state", str, row["state"])
    if state not in ("open", "closed"):
        raise invalid("PullRequest", "state", "state must be open or closed", "invalid")
    edited = {name: call.get(name, str, row[name]) for name in ("title", "body")}
    if not edited["title"].strip():
        raise invalid("PullRequest", "title", "title is missing", "missing_field")
    changes: JSON = {name: {"from": row[name] or ""} for name, value in edited.items() if value != row[name]}
    base = call.get("base", str, row["base_ref"])
    if base != row["base_ref"]:
        base_sha = _tip(call, call.repo, base)
        if base_sha is None:
            raise invalid("PullRequest", "base", "base is invalid", "invalid")
        s.run("UPDATE forge_pulls SET base_ref = ?, base_sha = ? WHERE issue_id = ?", base, base_sha, row["id"])
        changes["base"] = {"ref": {"from": row["base_ref"]}, "sha": {"from": row["base_sha"]}}
    s.run(
        "UPDATE forge_issues SET title = ?, body = ?, updated_at = ? WHERE id = ?",
        edited["title"],
        edited["body"],
        s.now,
        row["id"],
    )
    if "body" in changes:
        edits.record(s, "PullRequest", row["id"])
    if "title" in changes:
        events.note(s, row, "renamed", sender, rename={"from": row["title"], "to": edited["title"]})
    if changes:
        events.pull_event(s, "edited", call.repo, row["id"], sender, changes=changes)
    if state != row["state"]:
        set_state(call, row, state)
    return _full(call, pull_of(call))


def set_state(call: ApiCall, row: Row, state: str) -> None:
    """Close or reopen a pull request."""
    s = call.s
    if state == "closed":
        events.close(s, call.repo, row, s.acting_user())
        return
    tip = _tip(call, s.repo(row["head_repo_id"]), row["head_ref"])
    if row["merged_at"] is not None or tip is None or _tip(call, call.repo, row["base_ref"]) is None:
        raise invalid("PullRequest", "state", "state cannot be changed. The branch is gone or was merged.")
    events.keep_head(s, call.repo, s.repo(row["head_repo_id"]), row["number"], tip)
    s.run("UPDATE forge_pulls SET head_sha = ? WHERE issue_id = ?", tip, row["id"])
    s.run("UPDATE forge_issues SET state = 'open', closed_at = NULL, updated_at = ? WHERE id = ?", s.now, row["id"])
    events.note(s, row, "reopened", s.acting_user())
    events.pull_event(s, "reopened", call.repo, row["id"], s.acting_user())


def _common(call: ApiCall, row: Row) -> str | None:
    base = rules.base_tip(call.s, call.repo, row) if row["state"] == "open" else None
    return gitdata.merge_base(call.s.git(call.repo), base or row["base_sha"], row["head_sha"])


@route("GET", "/repos/<owner>/<name>/pulls/<int:number>/files", pull_requests="read")
def pull_files(call: ApiCall) -> list[JSON]:
    """The files that the pull request changes."""
    row = pull_of(call)
    changes = gitdata.difference(call.s.git(call.repo), _common(call, row), row["head_sha"])
    return [shapes.diff_entry(call.s, call.repo, change, row["head_sha"]) for change in call.page(changes)]


@route("GET", "/repos/<owner>/<name>/pulls/<int:number>/commits", pull_requests="read")
def pull_commits(call: ApiCall) -> list[JSON]:
    """The commits that the pull request brings."""
    row = pull_of(call)
    commits = gitdata.commits_between(call.s.git(call.repo), _common(call, row), row["head_sha"])
    return [shapes.commit(call.s, call.repo, commit) for commit in call.page(commits)]


@route("GET", "/repos/<owner>/<name>/pulls/<int:number>/merge", pull_requests="read")
def is_merged(call: ApiCall) -> ApiAnswer:
    """204 where it is merged, 404 where it is not."""
    if pull_of(call)["merged_at"] is None:
        raise ApiError(404, "Not Found")
    return ApiAnswer(204)


@route("PUT", "/repos/<owner>/<name>/pulls/<int:number>/merge", contents="write")
def merge(call: ApiCall) -> JSON:
    """Merge by merge commit, squash or rebase; 405 if the rules or a conflict forbid it, 409 for another head."""
    s, repo, row = call.s, call.repo, pull_of(call)
    expected = call.get("sha", str, row["head_sha"])
    if row["state"] != "open":
        raise ApiError(405, "Pull Request is not mergeable")
    if expected != row["head_sha"]:
        raise ApiError(409, "Head branch was modified. Review and try the merge again.")
    if row["draft"]:
        raise ApiError(405, "Pull Request is still a draft")
    wanting = [*rules.blockers(s, repo, row, s.actor), *rules.only_queued(s, repo, row["base_ref"], s.actor)]
    if wanting:
        raise ApiError(405, "Repository rule violations found\n\n" + "\n".join(wanting))
    base = rules.base_tip(s, repo, row)
    if base is None or rules.merge_tree(s, repo, base, row["head_sha"]) is None:
        raise ApiError(405, "Pull Request is not mergeable")
    method = call.get("merge_method", str, "merge")
    given = [call.get(name, str, "") if name in call.fields else None for name in ("commit_title", "commit_message")]
    sha = merging.commit(s, repo, row, base, method, *given)
    if sha is None:
        raise ApiError(405, "This branch can't be rebased")
    who = s.acting_user()
    # First the pull request, then the branch: the move of the branch would find it merged by somebody's push.
    events.merged(s, repo, row, sha, who)
    events.move_ref(s, repo, f"refs/heads/{row['base_ref']}", sha, activity="pr_merge")
    return {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}


@route("PUT", "/repos/<owner>/<name>/pulls/<int:number>/update-branch", pull_requests="write")
def update_branch(call: ApiCall) -> ApiAnswer:
    """Merge the base branch into the pull request's head; an App needs to write contents for it, too."""
    s, repo, row = call.s, call.repo, pull_of(call)
    git = s.git(repo)
    if s.actor.permissions is not None and not at_least(s.actor.permissions.get("contents"), "write", LEVELS):
        raise ApiError(
            403,
            "Resource not accessible by integration",
            headers={"X-Accepted-GitHub-Permissions": "contents=write,pull_requests=write"},
        )
    if call.get("expected_head_sha", str, row["head_sha"]) != row["head_sha"]:
        raise ApiError(422, "expected head sha didn't match current head ref.")
    base = rules.base_tip(s, repo, row)
    if row["state"] != "open" or base is None:
        raise ApiError(422, "The pull request is closed.")
    if gitdata.is_ancestor(git, base, row["head_sha"]):
        raise ApiError(422, "There are no new commits on the base branch.")
    tree = rules.merge_tree(s, repo, row["head_sha"], base)
    if tree is None:
        raise ApiError(422, "merge conflict between base and head")
    refused, _ = rules.refuses_update(s, s.repo(row["head_repo_id"]), row["head_ref"], row["head_sha"], base, s.actor)
    if refused:
        raise ApiError(422, f"Repository rule violations found\n\n{refused}")
    sign = signature_of(call, s.acting_user())
    message = f"Merge branch '{row['base_ref']}' into {row['head_ref']}"
    made = git.create_commit(None, sign, sign, message, tree, [row["head_sha"], base])
    if s.actor.permissions is not None and not at_least(s.actor.permissions.get("workflows"), "write", LEVELS):
        changed = gitdata.difference(git, row["head_sha"], str(made))
        workflow = next((each.path for each in changed if each.path.startswith(".github/workflows/")), "")
        if workflow:
            # Also where the base branch alone changed it.
            raise ApiError(
                403,
                f"refusing to allow a GitHub App to create or update workflow `{workflow}` without `workflows` "
                "permission",
            )
    events.move_ref(s, s.repo(row["head_repo_id"]), f"refs/heads/{row['head_ref']}", str(made))
    return ApiAnswer(202, {"message": "Updating pull request branch.", "url": shapes.pull(s, repo, row)["url"]})
