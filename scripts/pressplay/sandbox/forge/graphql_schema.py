"""GitHub's GraphQL, as far as REST does not go: review threads and whether they are resolved, who edited what, drafts.

The schema is a part of GitHub's public one: types, fields and arguments of the same names. Whatever else is asked for
is refused by name, as an unknown field is there.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_schema, graphql_sync

from pressplay.clock import rfc3339
from pressplay.sandbox.forge import edits, events, merge_queue, rules, shapes
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.http import NeedsSync, permitted_repo
from pressplay.sandbox.forge.store import JSON, ROLES, Row, Session, at_least

_MOST = 100
_PAGES = "after: String, before: String, first: Int, last: Int"
_EDITED = f"editor: Actor lastEditedAt: DateTime userContentEdits({_PAGES}): UserContentEditConnection"
_SCHEMA = f"""
scalar BigInt
scalar DateTime
scalar GitObjectID
scalar URI
enum CommentAuthorAssociation {{
  COLLABORATOR CONTRIBUTOR FIRST_TIMER FIRST_TIME_CONTRIBUTOR MANNEQUIN MEMBER NONE OWNER
}}
enum DiffSide {{ LEFT RIGHT }}
enum PullRequestReviewCommentState {{ PENDING SUBMITTED }}
enum PullRequestReviewState {{ APPROVED CHANGES_REQUESTED COMMENTED DISMISSED PENDING }}
enum PullRequestReviewThreadSubjectType {{ FILE LINE }}
enum PullRequestState {{ CLOSED MERGED OPEN }}
interface Actor {{ login: String! url: URI! }}
interface Node {{ id: ID! }}
interface Comment {{
  id: ID! author: Actor body: String! createdAt: DateTime! {_EDITED} updatedAt: DateTime!
}}
type UserContentEdit implements Node {{
  id: ID! createdAt: DateTime! editedAt: DateTime! editor: Actor updatedAt: DateTime!
}}
type UserContentEditEdge {{ cursor: String! node: UserContentEdit }}
type UserContentEditConnection {{
  edges: [UserContentEditEdge] nodes: [UserContentEdit] pageInfo: PageInfo! totalCount: Int!
}}
union IssueOrPullRequest = Issue | PullRequest
type Bot implements Actor & Node {{ id: ID! databaseId: Int login: String! url: URI! }}
type User implements Actor & Node {{ id: ID! databaseId: Int login: String! url: URI! }}
type Organization implements Actor & Node {{ id: ID! databaseId: Int login: String! url: URI! }}
type Commit implements Node {{ id: ID! oid: GitObjectID! url: URI! }}
type PageInfo {{ endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String }}
type Repository implements Node {{
  id: ID! databaseId: Int name: String! nameWithOwner: String! url: URI!
  issueOrPullRequest(number: Int!): IssueOrPullRequest pullRequest(number: Int!): PullRequest
  mergeQueue(branch: String): MergeQueue
}}
type MergeQueue implements Node {{
  id: ID! repository: Repository! url: URI! entries({_PAGES}): MergeQueueEntryConnection
}}
enum MergeQueueEntryState {{ AWAITING_CHECKS LOCKED MERGEABLE QUEUED UNMERGEABLE }}
type MergeQueueEntry implements Node {{
  id: ID! baseCommit: Commit enqueuedAt: DateTime! enqueuer: Actor! headCommit: Commit jump: Boolean! position: Int!
  pullRequest: PullRequest solo: Boolean! state: MergeQueueEntryState!
}}
type MergeQueueEntryEdge {{ cursor: String! node: MergeQueueEntry }}
type MergeQueueEntryConnection {{
  edges: [MergeQueueEntryEdge] nodes: [MergeQueueEntry] pageInfo: PageInfo! totalCount: Int!
}}
type Issue implements Node & Comment {{
  id: ID! databaseId: Int number: Int! title: String! body: String! url: URI! author: Actor createdAt: DateTime!
  updatedAt: DateTime! {_EDITED} repository: Repository!
}}
type IssueComment implements Node & Comment {{
  id: ID! databaseId: Int fullDatabaseId: BigInt author: Actor body: String! createdAt: DateTime! updatedAt: DateTime!
  {_EDITED} url: URI! repository: Repository!
}}
type PullRequest implements Node & Comment {{
  id: ID! databaseId: Int number: Int! title: String! body: String! state: PullRequestState! isDraft: Boolean!
  createdAt: DateTime! updatedAt: DateTime! {_EDITED}
  url: URI! author: Actor headRefName: String! headRefOid: GitObjectID! baseRefName: String! baseRefOid: GitObjectID!
  repository: Repository! reviewThreads({_PAGES}): PullRequestReviewThreadConnection!
  timelineItems({_PAGES}, itemTypes: [PullRequestTimelineItemsItemType!]): PullRequestTimelineItemsConnection!
}}
enum PullRequestTimelineItemsItemType {{ ADDED_TO_MERGE_QUEUE_EVENT }}
type AddedToMergeQueueEvent implements Node {{ id: ID! actor: Actor createdAt: DateTime! enqueuer: User }}
union PullRequestTimelineItems = AddedToMergeQueueEvent
type PullRequestTimelineItemsConnection {{
  nodes: [PullRequestTimelineItems] pageInfo: PageInfo! totalCount: Int!
}}
type PullRequestReview implements Node & Comment {{
  id: ID! databaseId: Int fullDatabaseId: BigInt author: Actor body: String! state: PullRequestReviewState!
  createdAt: DateTime! updatedAt: DateTime! {_EDITED} submittedAt: DateTime url: URI!
}}
type PullRequestReviewThread implements Node {{
  id: ID! diffSide: DiffSide! isCollapsed: Boolean! isOutdated: Boolean! isResolved: Boolean! line: Int
  originalLine: Int originalStartLine: Int path: String! resolvedBy: User startDiffSide: DiffSide startLine: Int
  subjectType: PullRequestReviewThreadSubjectType! viewerCanReply: Boolean! viewerCanResolve: Boolean!
  viewerCanUnresolve: Boolean! pullRequest: PullRequest! repository: Repository!
  comments({_PAGES}, skip: Int): PullRequestReviewCommentConnection!
}}
type PullRequestReviewThreadEdge {{ cursor: String! node: PullRequestReviewThread }}
type PullRequestReviewThreadConnection {{
  edges: [PullRequestReviewThreadEdge] nodes: [PullRequestReviewThread] pageInfo: PageInfo! totalCount: Int!
}}
type PullRequestReviewComment implements Node & Comment {{
  id: ID! databaseId: Int fullDatabaseId: BigInt author: Actor authorAssociation: CommentAuthorAssociation! {_EDITED}
  body: String! commit: Commit originalCommit: Commit createdAt: DateTime! updatedAt: DateTime! publishedAt: DateTime
  diffHunk: String! line: Int originalLine: Int startLine: Int originalStartLine: Int outdated: Boolean! path: String!
  pullRequest: PullRequest! pullRequestReview: PullRequestReview replyTo: PullRequestReviewComment
  repository: Repository! state: PullRequestReviewCommentState! subjectType: PullRequestReviewThreadSubjectType!
  url: URI!
}}
type PullRequestReviewCommentEdge {{ cursor: String! node: PullRequestReviewComment }}
type PullRequestReviewCommentConnection {{
  edges: [PullRequestReviewCommentEdge] nodes: [PullRequestReviewComment] pageInfo: PageInfo! totalCount: Int!
}}
input ResolveReviewThreadInput {{ clientMutationId: String threadId: ID! }}
input UnresolveReviewThreadInput {{ clientMutationId: String threadId: ID! }}
input MarkPullRequestReadyForReviewInput {{ clientMutationId: String pullRequestId: ID! }}
input EnqueuePullRequestInput {{
  clientMutationId: String expectedHeadOid: GitObjectID jump: Boolean pullRequestId: ID!
}}
input DequeuePullRequestInput {{ clientMutationId: String id: ID! }}
input ConvertPullRequestToDraftInput {{ clientMutationId: String pullRequestId: ID! }}
type ResolveReviewThreadPayload {{ clientMutationId: String thread: PullRequestReviewThread }}
type UnresolveReviewThreadPayload {{ clientMutationId: String thread: PullRequestReviewThread }}
type MarkPullRequestReadyForReviewPayload {{ clientMutationId: String pullRequest: PullRequest }}
type EnqueuePullRequestPayload {{ clientMutationId: String mergeQueueEntry: MergeQueueEntry }}
type DequeuePullRequestPayload {{ clientMutationId: String mergeQueueEntry: MergeQueueEntry }}
type ConvertPullRequestToDraftPayload {{ clientMutationId: String pullRequest: PullRequest }}
type Query {{
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
  repository(followRenames: Boolean = true, name: String!, owner: String!): Repository
  viewer: User!
}}
type Mutation {{
  convertPullRequestToDraft(input: ConvertPullRequestToDraftInput!): ConvertPullRequestToDraftPayload
  dequeuePullRequest(input: DequeuePullRequestInput!): DequeuePullRequestPayload
  enqueuePullRequest(input: EnqueuePullRequestInput!): EnqueuePullRequestPayload
  markPullRequestReadyForReview(input: MarkPullRequestReadyForReviewInput!): MarkPullRequestReadyForReviewPayload
  resolveReviewThread(input: ResolveReviewThreadInput!): ResolveReviewThreadPayload
  unresolveReviewThread(input: UnresolveReviewThreadInput!): UnresolveReviewThreadPayload
}}
"""
_CONTENTS = (("contents", "write"),)
"""What GitHub requires of an App for threads, other than its documentation says (gh-aw issue 35726)."""
_READ = (("pull_requests", "read"),)
_READ_ISSUE = (("issues", "read"), ("pull_requests", "read"))
_WRITE = (("pull_requests", "write"),)
_QUEUE = (("merge_queues", "read"),)
"""What an App must be able to read of merge queues. GitHub documents it for the event `merge_group` alone."""


_TIMELINE = {"ADDED_TO_MERGE_QUEUE_EVENT": "added_to_merge_queue"}
"""The kinds of timeline items that are known → the events that they are of."""


@functools.cache
def _schema() -> GraphQLSchema:
    return build_schema(_SCHEMA)


class Refusal(GraphQLError):
    """An error with the type that GitHub gives it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def run(s: Session, query: str, variables: JSON | None, operation: str | None) -> JSON:
    """What GraphQL answers: `data`, and `errors` with GitHub's types. What is not GraphQL's fault is raised."""
    result = graphql_sync(_schema(), query, root_value=_Root(s), variable_values=variables, operation_name=operation)
    answer: JSON = {}
    if result.data is not None:
        answer["data"] = result.data
    errors = [_error(error) for error in result.errors or []]
    return {**answer, "errors": errors} if errors else answer


def _error(error: GraphQLError) -> JSON:
    cause = error.original_error
    shown: JSON = {"message": error.message}
    if isinstance(error, Refusal) or isinstance(cause, Refusal):
        shown["type"] = (error if isinstance(error, Refusal) else cause).kind  # type: ignore[union-attr]
    elif cause is not None:
        raise cause
    if error.path is not None:
        shown["path"] = error.path
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    return shown


def _permitted(s: Session, full_name: str, needs: tuple[tuple[str, str], ...], role: str, missing: str) -> Row:
    """The repository, or GitHub's two ways to say no: it is not there for you, or you may not."""
    try:
        repo = permitted_repo(s, full_name, needs, role)
    except ApiError as error:
        if error.status == 404:
            raise Refusal("NOT_FOUND", missing) from None
        raise Refusal("FORBIDDEN", "Resource not accessible by integration") from None
    if repo["id"] not in s.store.synced:
        raise NeedsSync(repo["full_name"])
    return repo


class _Root:
    """The queries and mutations; graphql-core calls a method for a field of its name."""

    def __init__(self, s: Session) -> None:
        self._s = s

    def viewer(self, _info: Any) -> JSON:
        return _actor(self._s, self._s.acting_user(), "User")

    def repository(self, _info: Any, owner: str, name: str, followRenames: bool = True) -> JSON:  # noqa: ARG002, N803
        full_name = f"{owner}/{name}"
        missing = f"Could not resolve to a Repository with the name '{full_name}'."
        return _repository(self._s, _permitted(self._s, full_name, (("metadata", "read"),), "read", missing))

    def node(self, _info: Any, id: str) -> JSON:
        s, missing = self._s, f"Could not resolve to a node with the global id of '{id}'"
        kind, number = shapes.from_node_id(id) or ("", 0)
        if kind == "PullRequestReviewThread" and (row_with_pull := _thread_row(s, number)):
            repo, pull, row = row_with_pull
            _permitted(s, repo["full_name"], _READ, "read", missing)
            return _thread(s, repo, pull, row)
        if kind == "PullRequest" and (of := _pull_row(s, number)):
            return _pull(s, _permitted(s, s.repo(of["repo_id"])["full_name"], _READ, "read", missing), of)
        text = _written(s, kind, number, missing)
        if text is not None:
            return text
        raise Refusal("NOT_FOUND", missing)

    def nodes(self, info: Any, ids: list[str]) -> list[JSON | GraphQLError]:
        if len(ids) > _MOST:
            raise Refusal("ARGUMENT_LIMIT", f"You may not provide more than {_MOST} node ids; you provided {len(ids)}.")
        nodes: list[JSON | GraphQLError] = []
        for id_ in ids:
            try:
                nodes.append(self.node(info, id_))
            except Refusal as refused:
                # This node becomes null with an error; the others are still answered.
                nodes.append(refused)
        return nodes

    def resolveReviewThread(self, _info: Any, input: JSON) -> JSON:  # noqa: N802 - GitHub's names
        return _resolve(self._s, input, resolved=True)

    def unresolveReviewThread(self, _info: Any, input: JSON) -> JSON:  # noqa: N802 - GitHub's names
        return _resolve(self._s, input, resolved=False)

    def markPullRequestReadyForReview(self, _info: Any, input: JSON) -> JSON:  # noqa: N802 - GitHub's names
        return _set_draft(self._s, input, draft=False)

    def convertPullRequestToDraft(self, _info: Any, input: JSON) -> JSON:  # noqa: N802 - GitHub's names
        return _set_draft(self._s, input, draft=True)

    def enqueuePullRequest(self, _info: Any, input: JSON) -> JSON:  # noqa: N802 - GitHub's names
        return _enqueue(self._s, input)

    def dequeuePullRequest(self, _info: Any, input: JSON) -> JSON:  # noqa: N802 - GitHub's names
        return _dequeue(self._s, input)


def _written(s: Session, kind: str, number: int, missing: str) -> JSON | None:
    """An issue, a comment or a review, by its kind and id."""

    def permitted(issue: Row, needs: tuple[tuple[str, str], ...]) -> Row:
        return _permitted(s, s.repo(issue["repo_id"])["full_name"], needs, "read", missing)

    if kind == "Issue" and (issue := s.one("SELECT * FROM forge_issues WHERE id = ? AND NOT is_pull", number)):
        return _issue(s, permitted(issue, _READ_ISSUE), issue)
    table = {
        "IssueComment": "forge_comments",
        "PullRequestReview": "forge_reviews",
        "PullRequestReviewComment": "forge_review_comments",
    }.get(kind)
    row = s.one(f"SELECT * FROM {table} WHERE id = ?", number) if table else None  # noqa: S608 - our own names
    if row is None:
        return None
    issue = s.row("SELECT * FROM forge_issues WHERE id = ?", row["issue_id"])
    repo = permitted(issue, _READ_ISSUE if kind == "IssueComment" else _READ)
    if kind == "IssueComment":
        return _issue_comment(s, repo, issue, row)
    pull = s.row(f"{shapes.PULL} WHERE i.id = ?", issue["id"])
    if kind == "PullRequestReviewComment":
        return _comment(s, repo, pull, row)
    return _review(s, f"{shapes.repo_page(s, repo)}/pull/{pull['number']}", row)


def _pull_row(s: Session, number: int) -> Row | None:
    return s.one(f"{shapes.PULL} WHERE i.id = ?", number)


def _thread_row(s: Session, number: int) -> tuple[Row, Row, Row] | None:
    row = s.one("SELECT * FROM forge_review_comments WHERE id = ? AND in_reply_to IS NULL", number)
    pull = _pull_row(s, row["issue_id"]) if row is not None else None
    return (s.repo(pull["repo_id"]), pull, row) if row is not None and pull is not None else None


def _may_resolve(s: Session, repo: Row, pull: Row) -> bool:
    """Whether a person may: who may write, and the pull request's author. An App's permissions are checked by name."""
    who = s.actor.user
    return who is not None and (who["id"] == pull["user_id"] or at_least(s.role(repo, who), "write", ROLES))


def _resolve(s: Session, given: JSON, *, resolved: bool) -> JSON:
    kind, number = shapes.from_node_id(given["threadId"]) or ("", 0)
    thread_row = _thread_row(s, number) if kind == "PullRequestReviewThread" else None
    missing = f"Could not resolve to a node with the global id of '{given['threadId']}'"
    if thread_row is None:
        raise Refusal("NOT_FOUND", missing)
    repo, pull, row = thread_row
    for needs in (_WRITE, _CONTENTS):
        _permitted(s, repo["full_name"], needs, "read", missing)
    if not _may_resolve(s, repo, pull):
        login = s.acting_user()["login"]
        raise Refusal("FORBIDDEN", f"{login} does not have permission to resolve this review thread.")
    before = s.one("SELECT 1 FROM forge_resolved WHERE comment_id = ?", row["id"]) is not None
    if resolved and not before:
        s.insert("forge_resolved", comment_id=row["id"], user_id=s.acting_user()["id"], at=s.now)
    elif not resolved:
        s.run("DELETE FROM forge_resolved WHERE comment_id = ?", row["id"])
    if before != resolved:
        comments = [shapes.review_comment(s, repo, comment, pull["number"]) for comment in _comment_rows(s, row)]
        thread = {"node_id": _thread_id(row), "comments": comments}
        shown = shapes.pull(s, repo, pull)
        action = "resolved" if resolved else "unresolved"
        sender = s.acting_user()
        events.emit(s, "pull_request_review_thread", repo, sender, action=action, thread=thread, pull_request=shown)
    return {"clientMutationId": given.get("clientMutationId"), "thread": _thread(s, repo, pull, row)}


def _set_draft(s: Session, given: JSON, *, draft: bool) -> JSON:
    kind, number = shapes.from_node_id(given["pullRequestId"]) or ("", 0)
    pull = _pull_row(s, number) if kind == "PullRequest" else None
    missing = f"Could not resolve to a node with the global id of '{given['pullRequestId']}'"
    if pull is None:
        raise Refusal("NOT_FOUND", missing)
    repo = _permitted(s, s.repo(pull["repo_id"])["full_name"], _WRITE, "read", missing)
    if not _may_resolve(s, repo, pull):
        raise Refusal("FORBIDDEN", f"{s.acting_user()['login']} does not have the correct permissions.")
    if pull["state"] != "open":
        raise Refusal("UNPROCESSABLE", "Pull request is closed.")
    if bool(pull["draft"]) != draft:
        s.run("UPDATE forge_pulls SET draft = ? WHERE issue_id = ?", int(draft), pull["id"])
        s.run("UPDATE forge_issues SET updated_at = ? WHERE id = ?", s.now, pull["id"])
        sender = s.acting_user()
        events.note(s, pull, "convert_to_draft" if draft else "ready_for_review", sender)
        events.pull_event(s, "converted_to_draft" if draft else "ready_for_review", repo, pull["id"], sender)
    new = events.pull_row(s, pull["id"])
    return {"clientMutationId": given.get("clientMutationId"), "pullRequest": _pull(s, repo, new)}


def _pull_to_queue(s: Session, id_: str) -> tuple[Row, Row]:
    """The pull request of a mutation of its queue, with its repository."""
    kind, number = shapes.from_node_id(id_) or ("", 0)
    pull = _pull_row(s, number) if kind == "PullRequest" else None
    unknown = f"Could not resolve to a node with the global id of '{id_}'"
    if pull is None:
        raise Refusal("NOT_FOUND", unknown)
    # What GitHub requires of an App is not documented: contents, as for a merge.
    for needs in (_WRITE, _CONTENTS):
        repo = _permitted(s, s.repo(pull["repo_id"])["full_name"], needs, "write", unknown)
    return repo, pull


def _enqueue(s: Session, given: JSON) -> JSON:
    repo, pull = _pull_to_queue(s, given["pullRequestId"])
    wanting = rules.blockers(s, repo, pull, None, queued=True)
    if merge_queue.parameters(s, repo, pull["base_ref"]) is None:
        wanting = ["The base branch has no merge queue."]
    elif pull["state"] != "open" or pull["draft"]:
        wanting = ["Pull request is closed or a draft."]
    elif merge_queue.entry_of(s, pull["issue_id"]) is not None:
        wanting = ["Pull request is already in the merge queue."]
    elif given.get("expectedHeadOid") not in (None, pull["head_sha"]):
        wanting = ["Head branch was modified."]
    if wanting:
        raise Refusal("UNPROCESSABLE", " ".join(wanting))
    merge_queue.add(s, repo, pull, jump=bool(given.get("jump")))
    entry = merge_queue.entry_of(s, pull["issue_id"])
    shown = None if entry is None else _queue_entry(s, repo, entry)
    return {"clientMutationId": given.get("clientMutationId"), "mergeQueueEntry": shown}


def _dequeue(s: Session, given: JSON) -> JSON:
    repo, pull = _pull_to_queue(s, given["id"])
    entry = merge_queue.entry_of(s, pull["issue_id"])
    if entry is None:
        raise Refusal("UNPROCESSABLE", "Pull request is not in the merge queue.")
    shown = _queue_entry(s, repo, entry)
    merge_queue.remove(s, repo, entry, "MANUAL")
    merge_queue.advance(s, repo)
    return {"clientMutationId": given.get("clientMutationId"), "mergeQueueEntry": shown}


def _queue_entry(s: Session, repo: Row, row: Row) -> JSON:
    queue = merge_queue.entries(s, repo, row["branch"])
    return {
        "__typename": "MergeQueueEntry",
        "id": shapes.node_id("MergeQueueEntry", row["id"]),
        "baseCommit": _commit(s, repo, row["base_sha"]) if row["base_sha"] else None,
        "headCommit": _commit(s, repo, row["head_sha"]) if row["head_sha"] else None,
        "enqueuedAt": shapes.when(row["created_at"]),
        "enqueuer": _actor(s, s.user(row["user_id"])),
        "jump": bool(row["jump"]),
        "solo": False,
        "position": next((at for at, entry in enumerate(queue, 1) if entry["id"] == row["id"]), 0),
        "pullRequest": lambda _info: _pull(s, repo, events.pull_row(s, row["issue_id"])),
        "state": merge_queue.state(s, repo, row),
    }


def _queue(s: Session, repo: Row, branch: str) -> JSON | None:
    """A branch's queue; null where its rules have none."""
    _permitted(s, repo["full_name"], _QUEUE, "read", "Could not resolve to a MergeQueue.")
    if merge_queue.parameters(s, repo, branch) is None:
        return None
    rows = merge_queue.entries(s, repo, branch)
    return {
        "__typename": "MergeQueue",
        "id": shapes.node_id("MergeQueue", f"{repo['id']}:{branch}"),
        "url": f"{shapes.repo_page(s, repo)}/queue/{branch}",
        "repository": lambda _info: _repository(s, repo),
        "entries": lambda _info, **page: _connection("entries", rows, page, lambda row: _queue_entry(s, repo, row)),
    }


def _actor(s: Session, row: Row, kind: str = "") -> JSON:
    """An Actor. A bot's login lacks here the `[bot]` that REST gives it."""
    return {
        "__typename": kind or row["type"],
        "id": shapes.node_id("User", row["id"]),
        "databaseId": row["id"],
        "login": row["login"].removesuffix("[bot]"),
        "url": shapes.user(s, row)["html_url"],
    }


def _repository(s: Session, repo: Row) -> JSON:
    def pull_request(_info: Any, number: int) -> JSON:
        missing = f"Could not resolve to a PullRequest with the number of {number}."
        _permitted(s, repo["full_name"], _READ, "read", missing)
        row = s.one(f"{shapes.PULL} WHERE i.repo_id = ? AND i.number = ?", repo["id"], number)
        if row is None:
            raise Refusal("NOT_FOUND", missing)
        return _pull(s, repo, row)

    def issue_or_pull(_info: Any, number: int) -> JSON:
        missing = f"Could not resolve to an issue or pull request with the number of {number}."
        _permitted(s, repo["full_name"], _READ_ISSUE, "read", missing)
        row = s.one("SELECT * FROM forge_issues WHERE repo_id = ? AND number = ?", repo["id"], number)
        if row is None:
            raise Refusal("NOT_FOUND", missing)
        return pull_request(_info, number) if row["is_pull"] else _issue(s, repo, row)

    return {
        "__typename": "Repository",
        "id": shapes.node_id("Repository", repo["id"]),
        "databaseId": repo["id"],
        "name": repo["full_name"].partition("/")[2],
        "nameWithOwner": repo["full_name"],
        "url": shapes.repo_page(s, repo),
        "issueOrPullRequest": issue_or_pull,
        "pullRequest": pull_request,
        "mergeQueue": lambda _info, branch=None: _queue(s, repo, branch or repo["default_branch"]),
    }


def _edited(s: Session, kind: str, row: Row, began: float) -> JSON:
    rows = edits.of(s, kind, row, began)

    def shown(edit: Row) -> JSON:
        at = shapes.when(edit["at"])
        return {
            "id": shapes.node_id("UserContentEdit", f"{kind}:{row['id']}:{edit['id']}"),
            "createdAt": at,
            "editedAt": at,
            "updatedAt": at,
            "editor": _actor(s, s.user(edit["user_id"])),
        }

    return {
        "editor": _actor(s, s.user(rows[0]["user_id"])) if rows else None,
        "lastEditedAt": shapes.when(rows[0]["at"]) if rows else None,
        "userContentEdits": lambda _info, **page: _connection("userContentEdits", rows, page, shown),
    }


def _issue(s: Session, repo: Row, row: Row) -> JSON:
    return {
        "__typename": "Issue",
        "id": shapes.node_id("Issue", row["id"]),
        "databaseId": row["id"],
        "number": row["number"],
        "title": row["title"],
        "body": row["body"] or "",
        "url": f"{shapes.repo_page(s, repo)}/issues/{row['number']}",
        "author": _actor(s, s.user(row["user_id"])),
        "createdAt": shapes.when(row["created_at"]),
        "updatedAt": shapes.when(row["updated_at"]),
        **_edited(s, "Issue", row, row["created_at"]),
        "repository": lambda _info: _repository(s, repo),
    }


def _issue_comment(s: Session, repo: Row, issue: Row, row: Row) -> JSON:
    page = f"{shapes.repo_page(s, repo)}/{'pull' if issue['is_pull'] else 'issues'}/{issue['number']}"
    return {
        "__typename": "IssueComment",
        "id": shapes.node_id("IssueComment", row["id"]),
        "databaseId": row["id"],
        "fullDatabaseId": str(row["id"]),
        "author": _actor(s, s.user(row["user_id"])),
        "body": row["body"],
        "createdAt": shapes.when(row["created_at"]),
        "updatedAt": shapes.when(row["updated_at"]),
        **_edited(s, "IssueComment", row, row["created_at"]),
        "url": f"{page}#issuecomment-{row['id']}",
        "repository": lambda _info: _repository(s, repo),
    }


def _pull(s: Session, repo: Row, row: Row) -> JSON:
    def threads(_info: Any, **page: Any) -> JSON:
        rows = s.all(
            "SELECT c.* FROM forge_review_comments c WHERE c.issue_id = ? AND c.in_reply_to IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM forge_reviews r WHERE r.id = c.review_id AND r.state = 'PENDING')"
            " ORDER BY c.id",
            row["id"],
        )
        return _connection("reviewThreads", rows, page, lambda root: _thread(s, repo, row, root))

    def timeline(_info: Any, itemTypes: list[str] | None = None, **page: Any) -> JSON:  # noqa: N803
        wanted = _TIMELINE if itemTypes is None else {kind: _TIMELINE[kind] for kind in itemTypes}
        events = [
            event
            for event in s.all("SELECT * FROM forge_issue_events WHERE issue_id = ? ORDER BY id", row["id"])
            if event["event"] in wanted.values()
        ]
        return _connection("timelineItems", events, page, lambda event: _entered(s, event))

    return {
        "__typename": "PullRequest",
        "id": shapes.node_id("PullRequest", row["id"]),
        "databaseId": row["id"],
        "number": row["number"],
        "title": row["title"],
        "body": row["body"] or "",
        "state": "MERGED" if row["merged_at"] is not None else row["state"].upper(),
        "isDraft": bool(row["draft"]),
        "url": f"{shapes.repo_page(s, repo)}/pull/{row['number']}",
        "author": _actor(s, s.user(row["user_id"])),
        "createdAt": shapes.when(row["created_at"]),
        "updatedAt": shapes.when(row["updated_at"]),
        **_edited(s, "PullRequest", row, row["created_at"]),
        "headRefName": row["head_ref"],
        "headRefOid": row["head_sha"],
        "baseRefName": row["base_ref"],
        "baseRefOid": rules.base_tip(s, repo, row) or row["base_sha"],
        "repository": lambda _info: _repository(s, repo),
        "reviewThreads": threads,
        "timelineItems": timeline,
    }


def _entered(s: Session, event: Row) -> JSON:
    who = s.user(event["actor_id"])
    actor = _actor(s, who)
    return {
        "__typename": "AddedToMergeQueueEvent",
        "id": shapes.node_id("AddedToMergeQueueEvent", event["id"]),
        "actor": actor,
        "createdAt": rfc3339(event["created_at"]),
        # The field's type is User: an App is not shown.
        "enqueuer": actor if who["type"] == "User" else None,
    }


def _thread_id(row: Row) -> str:
    return shapes.node_id("PullRequestReviewThread", row["id"])


def _comment_rows(s: Session, root: Row) -> list[Row]:
    return s.all(
        "SELECT * FROM forge_review_comments WHERE id = ?1"
        " UNION ALL SELECT * FROM forge_review_comments WHERE in_reply_to = ?1 ORDER BY id",
        root["id"],
    )


def _thread(s: Session, repo: Row, pull: Row, root: Row) -> JSON:
    line, start = shapes.lines_now(s, repo, root)
    by = s.one(
        "SELECT u.* FROM forge_resolved r JOIN forge_users u ON u.id = r.user_id WHERE comment_id = ?", root["id"]
    )
    outdated = root["line"] is not None and line is None
    may = _may_resolve(s, repo, pull)

    def comments(_info: Any, skip: int = 0, **page: Any) -> JSON:
        rows = _comment_rows(s, root)[skip:]
        return _connection("comments", rows, page, lambda comment: _comment(s, repo, pull, comment))

    return {
        "__typename": "PullRequestReviewThread",
        "id": _thread_id(root),
        "diffSide": root["side"],
        "isCollapsed": outdated or by is not None,
        "isOutdated": outdated,
        "isResolved": by is not None,
        "line": line,
        "startLine": start,
        "originalLine": root["line"],
        "originalStartLine": root["start_line"],
        "path": root["path"],
        # The field's type is User: an App is not shown.
        "resolvedBy": _actor(s, by) if by is not None and by["type"] == "User" else None,
        "startDiffSide": root["side"] if root["start_line"] is not None else None,
        "subjectType": "LINE" if root["line"] is not None else "FILE",
        "viewerCanReply": True,
        "viewerCanResolve": may and by is None,
        "viewerCanUnresolve": may and by is not None,
        "pullRequest": lambda _info: _pull(s, repo, pull),
        "repository": lambda _info: _repository(s, repo),
        "comments": comments,
    }


def _comment(s: Session, repo: Row, pull: Row, row: Row) -> JSON:
    line, start = shapes.lines_now(s, repo, row)
    author, page = s.user(row["user_id"]), f"{shapes.repo_page(s, repo)}/pull/{pull['number']}"

    def reply_to(_info: Any) -> JSON | None:
        comment = s.one("SELECT * FROM forge_review_comments WHERE id = ?", row["in_reply_to"])
        return _comment(s, repo, pull, comment) if comment is not None else None

    def review(_info: Any) -> JSON | None:
        reviewed = s.one("SELECT * FROM forge_reviews WHERE id = ?", row["review_id"])
        return _review(s, page, reviewed) if reviewed is not None else None

    return {
        "__typename": "PullRequestReviewComment",
        "id": shapes.node_id("PullRequestReviewComment", row["id"]),
        "databaseId": row["id"],
        "fullDatabaseId": str(row["id"]),
        "author": _actor(s, author),
        "authorAssociation": shapes.association(s, repo, author),
        **_edited(s, "PullRequestReviewComment", row, row["created_at"]),
        "body": row["body"],
        "commit": _commit(s, repo, row["commit_id"]),
        "originalCommit": _commit(s, repo, row["original_commit_id"]),
        "createdAt": shapes.when(row["created_at"]),
        "updatedAt": shapes.when(row["updated_at"]),
        "publishedAt": shapes.when(row["updated_at"]),
        "diffHunk": row["diff_hunk"],
        "line": line,
        "startLine": start,
        "originalLine": row["line"],
        "originalStartLine": row["start_line"],
        "outdated": row["line"] is not None and line is None,
        "path": row["path"],
        "pullRequest": lambda _info: _pull(s, repo, pull),
        "pullRequestReview": review,
        "replyTo": reply_to,
        "repository": lambda _info: _repository(s, repo),
        "state": "SUBMITTED",
        "subjectType": "LINE" if row["line"] is not None else "FILE",
        "url": f"{page}#discussion_r{row['id']}",
    }


def _commit(s: Session, repo: Row, sha: str) -> JSON:
    return {"id": shapes.node_id("Commit", sha), "oid": sha, "url": f"{shapes.repo_page(s, repo)}/commit/{sha}"}


def _review(s: Session, page: str, row: Row) -> JSON:
    began = row["submitted_at"] or 0.0
    return {
        "__typename": "PullRequestReview",
        "createdAt": shapes.when(began),
        "updatedAt": shapes.when(began),
        **_edited(s, "PullRequestReview", row, began),
        "id": shapes.node_id("PullRequestReview", row["id"]),
        "databaseId": row["id"],
        "fullDatabaseId": str(row["id"]),
        "author": _actor(s, s.user(row["user_id"])),
        "body": row["body"],
        "state": row["state"],
        "submittedAt": shapes.when(row["submitted_at"]),
        "url": f"{page}#pullrequestreview-{row['id']}",
    }


def _connection(name: str, rows: Sequence[Row], page: JSON, make: Callable[[Row], JSON]) -> JSON:
    """A page of a connection: `first` after a cursor or `last` before one, at most 100, as GitHub requires."""
    first, last = page.get("first"), page.get("last")
    if first is None and last is None:
        message = f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
        raise Refusal("MISSING_PAGINATION_BOUNDARIES", message)
    for word, size in (("first", first), ("last", last)):
        if size is not None and not 0 < size <= _MOST:
            message = (
                f"Requesting {size} records on the `{name}` connection exceeds the `{word}` limit of {_MOST} records."
            )
            raise Refusal("EXCESSIVE_PAGINATION", message)
    low, high = 0, len(rows)
    ids = [row["id"] for row in rows]
    if page.get("after"):
        low = ids.index(_uncursor(page["after"], ids)) + 1
    if page.get("before"):
        high = ids.index(_uncursor(page["before"], ids))
    if first is not None:
        high = min(high, low + first)
    if last is not None:
        low = max(low, high - last)
    chosen = rows[low:high]
    nodes = [make(row) for row in chosen]
    cursors = [_cursor(row["id"]) for row in chosen]
    return {
        "edges": [{"cursor": cursor, "node": node} for cursor, node in zip(cursors, nodes, strict=True)],
        "nodes": nodes,
        "totalCount": len(rows),
        "pageInfo": {
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
            "hasNextPage": high < len(rows),
            "hasPreviousPage": low > 0,
        },
    }


def _cursor(number: int) -> str:
    return base64.b64encode(f"cursor:v2:{number}".encode()).decode()


def _uncursor(text: str, ids: Sequence[int]) -> int:
    match = next((number for number in ids if _cursor(number) == text), None)
    if match is None:
        raise Refusal("INVALID_CURSOR_ARGUMENTS", f"`{text}` does not appear to be a valid cursor.")
    return match
