"""The forge itself: setting it up, serving it, and what it recorded."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pygit2

from pressplay import names
from pressplay.backlog.issues_file import IssuesFile
from pressplay.clock import Clock
from pressplay.errors import InputError
from pressplay.github.merges import QUEUE
from pressplay.sandbox.forge import accounts, alerts, ci, gitdata, hooks, merge_queue, planned, shapes, smart
from pressplay.sandbox.forge import events as events_
from pressplay.sandbox.forge.api.rulesets import save
from pressplay.sandbox.forge.ci import CiJob, Rerun
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.http import Fault, Web, token_hash
from pressplay.sandbox.forge.store import JSON, ROLES, Actor, Session, Store
from pressplay.sandbox.server import Server

EMAIL = "forge@press-play.invalid"
_GIT_CONFIG = """\
[http]
\treceivepack = true
[receive]
\tautogc = false
\tdenyDeleteCurrent = ignore
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[gc]
\tauto = 0
"""


@dataclass(frozen=True)
class App:
    """A GitHub App: what `github-app-<slug>` holds. Its bot is `<slug>[bot]`."""

    id: int
    slug: str
    client_id: str
    private_key: str = field(repr=False)


@dataclass(frozen=True)
class Event:
    """A webhook that GitHub would have sent."""

    seq: int
    name: str
    delivery: str
    payload: JSON
    time: float


class Forge:
    """GitHub's stand-in over a database file and a folder of bare repositories.

    Everything that sets it up may be repeated with the same arguments. `on_commit` is called after each commit.
    """

    def __init__(
        self,
        db: Path,
        git_root: Path,
        clock: Clock,
        web_url: str,
        on_commit: Callable[[], None] | None = None,
    ) -> None:
        self._store = Store(db, git_root, clock, web_url)
        self._store.on_commit = on_commit
        self._tokens: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        """The private keys that this process made or was given, by the Apps' slugs."""
        self._web = Web(self._store, self.sync)
        self._git = smart.SmartHTTP(self._store)
        with self._store.session(write=False) as session:
            repositories = [row["full_name"] for row in session.all("SELECT full_name FROM forge_repos ORDER BY id")]
        for full_name in repositories:
            if not (self._store.git_path(full_name) / "HEAD").is_file():
                raise InputError(
                    f"{self._store.git_path(full_name)}: the repository {full_name} is gone: put a copy back, "
                    "or start again with --fresh"
                )
            # A previous process may have been killed between changing git and recording it.
            self.sync(full_name)

    @property
    def web_url(self) -> str:
        """The address that answers and events carry."""
        return self._store.web_url

    @web_url.setter
    def web_url(self, url: str) -> None:
        self._store.web_url = url.rstrip("/")

    @property
    def on_commit(self) -> Callable[[], None] | None:
        """What is called after each commit."""
        return self._store.on_commit

    @on_commit.setter
    def on_commit(self, hook: Callable[[], None] | None) -> None:
        self._store.on_commit = hook

    @property
    def faults(self) -> list[Fault]:
        """What is to go wrong; tests append."""
        return self._web.faults

    def enforce_rate_limit(self, an_hour: int | None) -> None:
        """Refuse a token's requests beyond so many an hour; None counts only."""
        self._store.meter.enforce = an_hour

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI application: git over HTTP, else the REST API."""
        if smart.PATH.fullmatch(environ.get("PATH_INFO", "")):
            return self._git(environ, start_response)
        return self._web(environ, start_response)

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> Server:
        """Serve over HTTP; port 0 takes a free one, and answers carry it from then on."""
        server = Server(self.wsgi, "forge", host, port)
        if port == 0:
            self.web_url = server.url
        return server

    def close(self) -> None:
        """Close this thread's connection to the database."""
        self._store.close()

    def create_user(self, login: str) -> int:
        """Make sure of a user; their id."""
        with self._store.session(write=True) as session:
            return int(accounts.user(session, login)["id"])

    def user_token(self, login: str) -> str:
        """A token of a user's, which does not expire: for the stand-in maintainer and for tests."""
        if login not in self._tokens:
            token = f"ghp_{secrets.token_urlsafe(27)}"
            with self._store.session(write=True) as session:
                session.insert("forge_tokens", hash=token_hash(token), user_id=accounts.user(session, login)["id"])
            self._tokens[login] = token
        return self._tokens[login]

    def create_repository(
        self,
        full_name: str,
        source: Path | None = None,
        default_branch: str = "main",
        parent: str | None = None,
        commit: str = "",
    ) -> None:
        """Make sure of a repository, from a directory's content, a git repository's branches and tags, or empty.

        `parent` makes it a fork. `commit`: where the default branch begins; by default where the source has it.
        InputError if `source` is no directory or lacks the default branch.
        """
        owner = names.repo(full_name).partition("/")[0]
        with self._store.session(write=True) as session:
            if session.one("SELECT 1 FROM forge_repos WHERE full_name = ?", full_name) is not None:
                return
            path = self._store.git_path(full_name)
            # Without a row this is what a killed attempt left.
            shutil.rmtree(path, ignore_errors=True)
            git = self._fill(path, source, default_branch, commit)
            forked = accounts.repository(session, parent)["id"] if parent is not None else None
            number = session.insert(
                "forge_repos",
                full_name=full_name,
                owner_id=accounts.user(session, owner)["id"],
                parent_id=forked,
                default_branch=default_branch,
                created_at=session.now,
                pushed_at=session.now,
            )
            for name, sha in gitdata.refs(git).items():
                session.insert("forge_refs", repo_id=number, name=name, sha=sha)
            self._store.synced.add(number)

    def _fill(self, path: Path, source: Path | None, default_branch: str, commit: str) -> pygit2.Repository:
        git = pygit2.init_repository(str(path), bare=True, initial_head=default_branch)
        with (path / "config").open("a") as config:
            config.write(_GIT_CONFIG)
        smart.write_hook(path)
        if source is None:
            return git
        if not source.is_dir():
            raise InputError(f"{source}: expected a directory or a git repository to begin {path.name} with")
        if (source / ".git").exists() or ((source / "HEAD").is_file() and (source / "objects").is_dir()):
            gitdata.fetch(path, source, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            if commit:
                gitdata.fetch(path, source, f"+{commit}:refs/heads/{default_branch}")
        else:
            who = gitdata.signature("Press Play", EMAIL, self._store.clock.now())
            git.create_commit(
                f"refs/heads/{default_branch}", who, who, "Begin\n", gitdata.tree_of_directory(git, source), []
            )
        if gitdata.ref(git, f"refs/heads/{default_branch}") is None:
            branches = ", ".join(name[11:] for name in gitdata.refs(git) if name.startswith("refs/heads/")) or "none"
            raise InputError(f"{source}: expected the branch {default_branch!r}, got {branches}")
        return git

    def grant(self, full_name: str, login: str, permission: str) -> None:
        """Give a user a role: read, triage, write, maintain or admin."""
        if permission not in ROLES:
            raise InputError(f"permission {permission!r}: expected one of {', '.join(ROLES)}")
        with self._store.session(write=True) as session:
            session.run(
                "INSERT INTO forge_grants (repo_id, user_id, permission) VALUES (?, ?, ?)"
                " ON CONFLICT (repo_id, user_id) DO UPDATE SET permission = excluded.permission"
                " WHERE permission != excluded.permission",
                accounts.repository(session, full_name)["id"],
                accounts.user(session, login)["id"],
                permission,
            )

    def publish(self, full_name: str) -> None:
        """Make a repository public: everybody with a token reads it and may comment, as strangers do at GitHub."""
        with self._store.session(write=True) as session:
            session.run(
                "UPDATE forge_repos SET public = 1 WHERE id = ? AND public = 0",
                accounts.repository(session, full_name)["id"],
            )

    def create_app(
        self,
        slug: str,
        name: str,
        permissions: Mapping[str, str],
        events: Sequence[str] = (),
        private_key: str | None = None,
    ) -> App:
        """Make sure of an App and its bot; a key is made once for each process, unless one is given.

        The keys that other processes were given stay good: an App may have several.
        """
        # Made outside of the transaction: it takes longer than everything else here together.
        key = private_key or self._keys.get(slug) or accounts.new_key()
        with self._store.session(write=True) as session:
            row = accounts.make_app(session, slug, name, permissions, events, key)
            self._keys[slug] = key
            return App(row["id"], row["slug"], row["client_id"], key)

    def app_key(self, slug: str) -> App | None:
        """An App that is there, with a key of this process; None if there is none of that slug."""
        with self._store.session(write=False) as session:
            row = session.one("SELECT * FROM forge_apps WHERE slug = ?", slug)
        if row is None:
            return None
        return self.create_app(slug, row["name"], json.loads(row["permissions"]), json.loads(row["events"]))

    def set_webhook(self, slug: str, url: str, *, secret: bool = True, **config: str) -> None:
        """Set an App's webhook, as its owner does in its settings. `config`: `content_type`, `insecure_ssl`.

        The sandbox's event source (`sandbox.eventsource`) posts the events; these settings don't change where.
        """
        with self._store.session(write=True) as session:
            number = accounts.app_by_slug(session, slug)["id"]
            hooks.of_app(session, number, {"url": url, "content_type": "json", **config}, secret=secret)

    def delivered(self, slug: str, event: str, status_code: int, guid: str = "", action: str | None = None) -> None:
        """Record a delivery to an App's webhook and the status of the answer; 0 for no answer."""
        with self._store.session(write=False) as session:
            hook = session.one("SELECT * FROM forge_hooks WHERE app_id = ?", accounts.app_by_slug(session, slug)["id"])
            if hook is not None:
                hooks.note(session, hook["id"], event, status_code, guid, action)

    def install(self, slug: str, full_name: str) -> int:
        """Make sure that an App is installed on a repository; the installation's id."""
        with self._store.session(write=True) as session:
            return accounts.install(session, slug, full_name)

    def suspend(self, slug: str, full_name: str, *, suspended: bool = True) -> None:
        """Suspend an App's installation, as an owner of the account does, or end that."""
        with self._store.session(write=True) as session:
            accounts.suspend(session, accounts.install(session, slug, full_name), suspended=suspended)

    def uninstall(self, slug: str, full_name: str) -> None:
        """Remove an App from a repository, and revoke its tokens."""
        with self._store.session(write=True) as session:
            session.run(
                "DELETE FROM forge_installation_repos WHERE installation_id = ? AND repo_id = ?",
                accounts.install(session, slug, full_name),
                accounts.repository(session, full_name)["id"],
            )
            accounts.revoke_tokens(session, slug)

    def revoke_tokens(self, slug: str) -> None:
        """Revoke all of an App's installation tokens before their hour is over."""
        with self._store.session(write=True) as session:
            accounts.revoke_tokens(session, slug)

    def git_path(self, full_name: str) -> Path:
        """Where a repository's bare git directory is; who changes its refs there calls `sync` after."""
        return self._store.git_path(full_name)

    def sync(self, full_name: str, by: str | None = None) -> None:
        """Record what changed in a repository's refs since last seen, as a push of `by` (a login; else its owner)."""
        # The lock comes before the transaction, as for a push; one that outlived its process holds it to its end.
        with self._store.pushing(full_name), self._store.session(write=True) as session:
            if by is not None:
                session.actor = Actor(session.row("SELECT * FROM forge_users WHERE login = ?", by))
            repo = accounts.repository(session, full_name)
            events_.sync(session, repo)
            merge_queue.advance(session, repo)

    def pass_time(self) -> bool:
        """Let the merge queues go on whom only time holds; whether anything changed."""
        with self._store.session(write=False) as session:
            waiting = session.all("SELECT DISTINCT repo_id FROM forge_queue")
        if not waiting:
            return False
        with self._store.session(write=True) as session:
            before = session.connection.total_changes
            for row in waiting:
                merge_queue.advance(session, session.repo(row["repo_id"]))
            return session.connection.total_changes != before

    def next_due(self) -> float | None:
        """The next moment at which time alone may change anything here; None where there is none."""
        with self._store.session(write=False) as session:
            return merge_queue.next_due(session)

    def create_ruleset(
        self,
        full_name: str,
        name: str,
        *,
        required_check: str | None = None,
        required_check_app: str | None = None,
        strict: bool = False,
        approvals: int | None = None,
        rules: Sequence[Mapping[str, Any]] = (),
        include: Sequence[str] = ("~DEFAULT_BRANCH",),
        bypass_actors: Sequence[Mapping[str, Any]] = (),
        enforcement: str = "active",
    ) -> int:
        """Create or replace the ruleset of this name; its id.

        `required_check` must come from the App with the slug `required_check_app` (None: whoever), and with `strict` on
        a head that holds the branch's; `approvals` asks for a pull request with so many, void after a push. More
        `rules` and `bypass_actors` are as the API writes them.
        """
        with self._store.session(write=True) as session:
            repo = accounts.repository(session, full_name)
            wanted = [dict(rule) for rule in rules]
            if required_check is not None:
                wanted.append(_check_rule(session, required_check, required_check_app, strict=strict))
            if approvals is not None:
                wanted.append(_review_rule(approvals))
            fields = {
                "name": name,
                "target": "branch",
                "enforcement": enforcement,
                "conditions": {"ref_name": {"include": list(include), "exclude": []}},
                "rules": wanted,
                "bypass_actors": [dict(actor) for actor in bypass_actors],
            }
            row = session.one("SELECT id FROM forge_rulesets WHERE repo_id = ? AND name = ?", repo["id"], name)
            try:
                return save(session, repo, fields, row["id"] if row else None)
            except ApiError as error:
                raise InputError(f"ruleset {name!r} of {full_name}: {error.message}") from error

    def report_ci(
        self,
        full_name: str,
        sha: str,
        workflow: str = "CI",
        jobs: Sequence[CiJob] = (),
        *,
        actor: str | None = None,
        conclusion: str | None = None,
    ) -> int:
        """A run of GitHub Actions on a commit, with its jobs, checks and events; the run's id.

        It belongs to the commit's pull request, else to the push; `actor` (by default who pushed) started it. Where a
        job's conclusion is None the run goes on, and `finish_ci` ends it. `conclusion` is for a run that ends by
        other means than its jobs: `startup_failure`, `cancelled`. InputError for an unknown commit.
        """
        with self._store.session(write=True) as session:
            who = accounts.user(session, actor) if actor is not None else None
            return ci.report(session, accounts.repository(session, full_name), sha, workflow, jobs, who, conclusion)

    def finish_ci(self, run_id: int, jobs: Sequence[CiJob] = (), *, conclusion: str | None = None) -> None:
        """Say how jobs of a run that goes on, or was asked for again, ended. InputError for a run that has ended."""
        with self._store.session(write=True) as session:
            ci.finish(session, run_id, jobs, conclusion)

    def reruns(self, run_id: int) -> list[Rerun]:
        """The re-runs that were asked for, oldest first; the run is queued until `finish_ci`."""
        with self._store.session(write=False) as session:
            return ci.reruns(session, run_id)

    def merged_by_queue(self, full_name: str, number: int, entered_by: str) -> None:
        """Say that a merged pull request went through GitHub's merge queue, which `entered_by` had entered it into.

        As if: the queue itself is `merge_queue`. InputError for an unknown login.
        """
        with self._store.session(write=True) as session:
            bot = accounts.user(session, QUEUE, "Bot")["id"]
            pull = session.row(
                f"{shapes.PULL} WHERE i.repo_id = ? AND i.number = ?",
                accounts.repository(session, full_name)["id"],
                number,
            )
            events_.note(session, pull, "added_to_merge_queue", accounts.user(session, entered_by))
            session.run("UPDATE forge_pulls SET merged_by = ? WHERE issue_id = ?", bot, pull["id"])

    def create_alert(self, full_name: str, kind: str, **fields: Any) -> int:
        """Raise an alert: `code-scanning`, `dependabot`, `secret-scanning`; its number.

        The fields are those of `alerts.CodeScanning`, `alerts.Dependabot`, `alerts.SecretScanning`. InputError for
        an unknown kind or field, a ref or location that is not there.
        """
        with self._store.session(write=True) as session:
            return alerts.create(session, accounts.repository(session, full_name), kind, fields)

    def fix_alert(self, full_name: str, kind: str, number: int, ref: str = "") -> None:
        """End an alert, as GitHub does once a scan of `ref` (the default branch) finds it gone; a secret is revoked."""
        with self._store.session(write=True) as session:
            alerts.fix(session, accounts.repository(session, full_name), kind, number, ref)

    def reopen_alert(self, full_name: str, kind: str, number: int, action: str = "reopened", ref: str = "") -> None:
        """Open an ended alert again; of Dependabot also as `reintroduced` or `auto_reopened`."""
        with self._store.session(write=True) as session:
            alerts.reopen(session, accounts.repository(session, full_name), kind, number, action, ref)

    def alert_in_branch(self, full_name: str, number: int, ref: str) -> None:
        """A code scanning alert appears in one more branch, or in a pull request (`refs/pull/<number>/merge`)."""
        with self._store.session(write=True) as session:
            alerts.appear(session, accounts.repository(session, full_name), number, ref)

    def disable_alerts(self, full_name: str, kind: str) -> None:
        """Switch a kind of alerts off for a repository: its endpoints refuse as GitHub's do."""
        with self._store.session(write=True) as session:
            alerts.disable(session, accounts.repository(session, full_name), kind)

    def put_issues(self, full_name: str, login: str, file: IssuesFile) -> tuple[int, int]:
        """Take the issues of a file in, as those of `login`; how many are new, and how many changed.

        InputError for the number of a pull request, and where milestones have other numbers than here.
        """
        with self._store.session(write=True) as session:
            repo, author = accounts.repository(session, full_name), accounts.user(session, login)
            session.actor = Actor(author)
            return planned.put(session, repo, author, file.milestones, file.issues)

    def events(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """What was recorded after an event's number, oldest first."""
        with self._store.session(write=False) as session:
            rows = session.all("SELECT * FROM forge_events WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
        return [Event(r["seq"], r["name"], r["delivery"], json.loads(r["payload"]), r["time"]) for r in rows]


def _check_rule(session: Session, name: str, app: str | None, *, strict: bool) -> JSON:
    check: JSON = {"context": name}
    if app is not None:
        check["integration_id"] = accounts.app_by_slug(session, app)["id"]
    return {
        "type": "required_status_checks",
        "parameters": {"strict_required_status_checks_policy": strict, "required_status_checks": [check]},
    }


def _review_rule(approvals: int) -> JSON:
    return {
        "type": "pull_request",
        "parameters": {
            "required_approving_review_count": approvals,
            "dismiss_stale_reviews_on_push": True,
            "require_code_owner_review": False,
            "require_last_push_approval": False,
            "required_review_thread_resolution": False,
        },
    }
