"""Every name that Press Play gives to a thing, one function each.

A name is a function of what it names and of nothing else: no random part, no Workflow's uid. That is what makes a
second apply of the same run harmless (R1). Limits: Workflow names and label values take 63 characters (Kubernetes'
DNS-1123 label), a CodeRun's name shares 44 characters with its namespace, taskId and contextVersion (the existing
controller builds a Job's name of them).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Literal

from pressplay.errors import InputError

RUN_NAME_LENGTH = 16
CODERUN_BUDGET = 44
LABEL_LIMIT = 63
WINDOW_GRACE = 10
"""Seconds after the end of its window in which what was sent within it may still arrive."""
REQUEST_FOLDER = "press-play"
"""In Taskmaster's folder on a run's own branch: what Morgan is asked."""
GITHUB_TAGS = "github/"
"""How the tag of a backlog on GitHub begins. Taskmaster's own tags have no slash."""
HIGHEST_PLAIN_ID = 99_999_999
"""Up to this number, the first of nine digits tells tasks, issues and pull requests apart."""

SERVED_TOOLS = ("list_comments", "get_comment", "get_snapshot", "list_reviews")
"""The tools of `pressplay serve`."""

Kind = Literal["task", "issue", "pull request", "alerts", "documents"]

_REPO = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_CHECKED = re.compile(r"[A-Za-z0-9._/-]+")
_TASK_BRANCH = re.compile(r"feature/task-([1-9]\d{0,8})-implementation")
_APP_FILE = "_system-prompt.md"
APP_SECRETS = "github-app-"
"""How the Secrets with the Apps' keys begin."""


def digest(*parts: object, length: int) -> str:
    """The first `length` hexadecimal digits of a SHA-256 over `parts`; no two lists of parts share their input."""
    text = "".join(f"{len(str(part))}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def repo(text: str) -> str:
    """`text` if it is a repository's full name (`owner/name`); InputError otherwise."""
    if not _REPO.fullmatch(text) or text.endswith((".git", "/.", "/..")):
        raise InputError(f"repository {text!r}: expected owner/name, as GitHub writes it (for example acme/shop)")
    return text


def matches(pattern: str, name: str) -> bool:
    """Whether a name of parts (`owner/name`) is of a pattern, in which `*` stands for anything but a `/`."""
    return re.fullmatch("[^/]*".join(map(re.escape, pattern.split("*"))), name) is not None


def checked(text: str, what: str) -> str:
    """`text` if it may travel as an Argo parameter (R7: `[A-Za-z0-9._/-]+`); InputError naming `what` otherwise."""
    if not is_plain(text):
        raise InputError(
            f"{what} {text!r}: expected only letters, digits and . _ / -, because Argo evaluates other text"
        )
    return text


def is_plain(text: str) -> bool:
    """Whether `text` may stand in our own sentences, and travel as an Argo parameter (R7)."""
    return _CHECKED.fullmatch(text) is not None


def repo_key(full_name: str) -> str:
    """A repository as a label's value and a ConfigMap's key: `acme.shop` (an owner's name has no dot)."""
    return repo(full_name).replace("/", ".", 1)


def shown_branch(branch: str) -> str:
    """A branch's name for our own sentences (R7): itself if it is a plain name."""
    return branch if is_plain(branch) else "a branch with an unusual name"


def label(text: str) -> str:
    """`text` as a label's value: itself if it fits, else cut, with a hash to keep it unique."""
    value = re.sub(r"[^A-Za-z0-9._-]", ".", text).strip("._-")
    if value == text and len(value) <= LABEL_LIMIT:
        return value
    return f"{value[: LABEL_LIMIT - 9].rstrip('._-')}-{digest(text, length=8)}".lstrip("-")


_PLAIN_ID = re.compile(r"[1-9]\d{0,7}")


def task_number(task_id: int | str, tag: str = "master") -> int:
    """The number of a task in a repository (CodeRun's taskId, the branch, the folder).

    A whole-number id of the tag `master` keeps its number. An issue's number in a backlog on GitHub becomes nine
    digits, the first an 8: the same in each such backlog. Any other id of any tag becomes nine digits, the first a 4,
    the rest a hash. The planner reports the rare pair of tasks that would share a number.
    """
    text = str(task_id)
    is_plain_id = _PLAIN_ID.fullmatch(text) is not None
    if tag == "master" and is_plain_id:
        return int(text)
    if tag.startswith(GITHUB_TAGS) and is_plain_id:
        return _ranged(8, int(text), "issue")
    return 400_000_000 + int(digest("task", tag, text, length=12), 16) % 100_000_000


def issue_number(number: int) -> int:
    """The task number of a GitHub issue."""
    return _ranged(2, number, "issue")


def pull_request_number(number: int) -> int:
    """The task number of a GitHub pull request that no task of ours opened."""
    return _ranged(3, number, "pull request")


def alert_number(group: str) -> int:
    """The task number of a group of alerts (`<kind>:<rule or package>`)."""
    return 500_000_000 + int(digest("alert", group, length=12), 16) % 100_000_000


def documents_number(tag: str, docs_project: str = "") -> int:
    """The task number of the documents of a backlog's tasks."""
    return 600_000_000 + int(digest("documents", tag, docs_project.strip("/."), length=12), 16) % 100_000_000


_INDEPENDENT = 700_000_000


def independent_number(work: int) -> int:
    """The number under which independent criteria of a task are written, for a branch and a volume of their own."""
    return _INDEPENDENT + int(digest("independent", work, length=12), 16) % 100_000_000


def is_independent(number: int) -> bool:
    """Whether a number is one of `independent_number`."""
    return number // 100_000_000 * 100_000_000 == _INDEPENDENT


def kind_of(number: int) -> Kind:
    """The kind of a task number, by its first of nine digits; InputError for one that no function here makes."""
    kinds: dict[int, Kind] = {
        0: "task", 2: "issue", 3: "pull request", 4: "task", 5: "alerts", 6: "documents", 8: "task",
    }  # fmt: skip
    kind = kinds.get(number // 100_000_000)
    if number < 1 or kind is None:
        raise InputError(f"task number {number}: expected one of a task, an issue, a pull request, alerts or documents")
    return kind


def plain_number(number: int) -> int:
    """The issue's or pull request's number on GitHub for its task number; InputError for others."""
    if kind_of(number) not in ("issue", "pull request"):
        raise InputError(f"task number {number}: expected that of an issue or a pull request")
    return number % 100_000_000


def issue_of(number: int) -> int | None:
    """The GitHub issue that a task number stands for: of the flow `issue`, or of a backlog on GitHub; else None."""
    return number % 100_000_000 if number // 100_000_000 in (2, 8) else None


def _ranged(kind: int, number: int, what: str) -> int:
    if not 0 < number <= HIGHEST_PLAIN_ID:
        raise InputError(f"{what} number {number}: expected 1 to {HIGHEST_PLAIN_ID}")
    return kind * 100_000_000 + number


def task_branch(number: int) -> str:
    """The branch that the existing controller works on for a task's number."""
    return f"feature/task-{number}-implementation"


def task_of_branch(branch: str) -> int | None:
    """The task's number that a branch is named for; None for any other branch."""
    match = _TASK_BRANCH.fullmatch(branch)
    return int(match[1]) if match else None


def proxied_tool(server: str, tool: str) -> str:
    """A tool's name as a proxy of tools (toolman) gives it to agents: after the server's name, `-` as `_`."""
    return f"{server}_{tool}".replace("-", "_")


def serve_app(values: Mapping[str, Any]) -> str:
    """The App that serves comments, by the chart's values; empty where none is to serve them."""
    serve = values.get("serve") or {}
    serves = serve.get("enabled") and values.get("repositories") and (serve.get("auth") or {}).get("callers")
    return str(serve["githubApp"]) if serves else ""


def served_tools(agent: str, values: Mapping[str, Any]) -> list[str]:
    """The tools of `pressplay serve` that the chart's values give to an agent: none if no proxy knows it."""
    proxy = (values.get("serve") or {}).get("toolman") or {}
    if not (serve_app(values) and proxy.get("server") and agent in proxy["agents"]):
        return []
    return [proxied_tool(proxy["server"], tool) for tool in SERVED_TOOLS]


def context_branch(run: str) -> str:
    """The branch that carries the task folder to one run."""
    return f"press-play/context/{run}"


def taskmaster_folder(docs_project: str = "") -> str:
    """Taskmaster's folder in the repository, from the folder of the docs project (empty: the root)."""
    root = f"{docs_project.strip('/')}/" if docs_project.strip("/.") else ""
    return f"{root}.taskmaster"


def task_folder(number: int, docs_project: str = "") -> str:
    """Where the existing controller looks for a task's files in the docs repository."""
    return f"{taskmaster_folder(docs_project)}/docs/task-{number}"


def requirements_file(docs_project: str = "") -> str:
    """The file in which a project asks for more than the tools of its agents' personas."""
    return f"{taskmaster_folder(docs_project)}/requirements.yaml"


def run_name(key: tuple[str, ...]) -> str:
    """The name of the CodeRun with this key (R1): `run-` and twelve hexadecimal digits, 16 characters in all."""
    return f"run-{digest(*key, length=RUN_NAME_LENGTH - 4)}"


def coderun_room(namespace: str, number: int = 10, context_version: int = 1) -> int:
    """How many characters the existing controller leaves for a CodeRun's name (44 minus what else is in a Job's)."""
    return CODERUN_BUDGET - len(namespace) - len(str(number)) - len(str(context_version))


def play_stem(full_name: str, tag: str) -> str:
    """What the names of all plays of this repository and tag begin with: `play-<hash>`."""
    return f"play-{digest('play', repo(full_name), tag, length=8)}"


def play(full_name: str, tag: str, count: int) -> str:
    """The name of the play number `count` (from 1) of a repository and tag."""
    return f"{play_stem(full_name, tag)}-{count}"


def play_report(full_name: str, tag: str) -> str:
    """The ConfigMap with what the newest press and the newest `mode=show` of a repository and tag printed."""
    return f"{play_stem(full_name, tag)}-report"


STATUS_BRANCHES = "press-play/statuses/"
"""What the branches of status pull requests begin with; below `press-play/` only the harness may push."""


def backlog_branch(full_name: str, tag: str) -> str:
    """The branch with what a press read of a backlog on GitHub; below `press-play/` only the harness may push."""
    return f"press-play/backlogs/{play_stem(full_name, tag)}"


def play_backlog(full_name: str, tag: str) -> str:
    """The ConfigMap with the commit of `backlog_branch` that counts."""
    return f"{play_stem(full_name, tag)}-backlog"


def status_branch(full_name: str, tag: str) -> str:
    """The branch of the pull request that sets the statuses of a repository's tag."""
    return f"{STATUS_BRANCHES}{play_stem(full_name, tag)}"


def play_count(play_name: str) -> int:
    """The number of a play, by its name; 1 for any other name. A new press is a new try (R1)."""
    match = re.fullmatch(r"play-[0-9a-f]{8}-(\d+)(?:-\d+)?", play_name)
    return int(match[1]) if match else 1


def task_workflow(play_name: str, number: int) -> str:
    """The Workflow that carries one task through one play."""
    return f"{play_name.replace('play-', 'task-', 1)}-{number}"


def deployment(full_name: str, pr: int, head: str, attempt_of_person: int) -> str:
    """The Workflow that deploys one commit of a pull request in one try."""
    return f"deploy-{digest('deploy', repo(full_name), pr, head, attempt_of_person, length=12)}"


def proof(full_name: str, pr: int, head: str) -> str:
    """The ConfigMap with what the acceptance gate captured of one commit of a pull request."""
    return f"proof-{digest('proof', repo(full_name), pr, head, length=12)}"


def commit(text: str) -> str:
    """`text` if it is a commit's whole id; InputError otherwise."""
    if not _COMMIT.fullmatch(text):
        raise InputError(f"commit {text!r}: expected a whole id, 40 or 64 hexadecimal digits in lower case")
    return text


def proof_folder(full_name: str, pr: int, head: str = "") -> str:
    """The folder in a bucket with the proofs of a pull request, or of one of its commits."""
    folder = f"{repo(full_name)}/pull/{pr}/"
    return f"{folder}{commit(head)}/" if head else folder


def proof_object(full_name: str, pr: int, head: str, content: str) -> str:
    """The object in a bucket that is a commit's proof; `content` is the SHA-256 of its bytes."""
    return f"{proof_folder(full_name, pr, head)}{content}.json"


def proof_tags(full_name: str, pr: int, head: str = "") -> str:
    """What the tags of a pull request's proofs, or of those of one of its commits, begin with in an OCI registry."""
    tags = f"proof-{digest('proof', repo(full_name), length=12)}-{pr}-"
    return f"{tags}{commit(head)}-" if head else tags


def proof_tag(full_name: str, pr: int, head: str, content: str) -> str:
    """The tag of a commit's proof, 107 of the 128 characters of a tag at most; `content` as in `proof_object`."""
    return f"{proof_tags(full_name, pr, head)}{content[:12]}"


PROOF_KEYS = "press-play-proof-keys"
"""The ConfigMap with the public keys of all proofs that were signed here, each as `<its id>.pem`."""


def acceptance_plan(number: int) -> str:
    """Where in the repository the plan of probes for a task (or pull request) lies, by its integer."""
    return f".press-play/acceptance/{number}.yaml"


INDEPENDENT_PLAN = ".press-play/independent.cms"
"""Where a run leaves the sealed plan of independent criteria, on its own branch."""


def short_commit(commit_id: str) -> str:
    """A commit in a name: the first twelve digits of its whole id."""
    return commit(commit_id)[:12]


def flow_workflow(flow: str, full_name: str, *parts: object) -> str:
    """The Workflow that carries out a flow that an event (or `reconcile` in its stead) starts.

    `<flow>-<hash of the repository>-<parts…>`, the last part the window (`window_at`): all events of a window give one
    name, and the chart's Sensor the same (`pull-request-0a1b2c3d-17-56666666`). InputError if it is too long.
    """
    name = "-".join([flow, digest(repo(full_name), length=8), *map(str, parts)])
    if len(name) > LABEL_LIMIT or not _DNS_LABEL.fullmatch(name):
        raise InputError(f"Workflow name {name!r}: expected at most {LABEL_LIMIT} lower-case letters, digits and -")
    return name


def window_at(now: float, seconds: int) -> int:
    """The number of the window of `seconds` in which the moment `now` (unix) lies."""
    return int(now) // seconds


def window_until(window: int, seconds: int) -> int:
    """The moment (unix) at which a flow started in this window may begin: nothing of it is under way any more."""
    return (window + 1) * seconds + WINDOW_GRACE


def ledger(full_name: str, kind: str, number: int) -> str:
    """The ConfigMap that holds the ledger of a task (`kind` task) or a pull request (`kind` pr)."""
    return f"ledger-{digest('ledger', repo(full_name), length=8)}-{kind}-{number}"


def tally(full_name: str, span: str) -> str:
    """The ConfigMap that counts a repository's runs over `span`, a day (`2026-01-31`) or a play's name."""
    return f"tally-{digest('tally', repo(full_name), length=8)}-{span}"


def gate_run(gate: str, full_name: str, pr: int, head: str, workflow: str) -> str:
    """The volume of one run of a gate, and the beginning of its Pods' names: `gate-lint-` and twelve digits."""
    return f"gate-{gate}-{digest('gate', repo(full_name), pr, head, workflow, length=12)}"


def gate_token(run: str, number: int) -> str:
    """The Secret with a token for the checkout of a gate's run (`gate_run`); `number` counts them from 0."""
    return f"{run}-token-{number}"


RATE_LIMITS = "press-play-rate-limits"
"""The ConfigMap with which all processes of an installation keep to GitHub's rate limits."""


def rate_limit(api_url: str, app: str, account: str = "") -> str:
    """The key in RATE_LIMITS of an App's limits at a forge, or (with `account`) of its installation's there."""
    return ".".join([slug(app), *([account] if account else []), digest(api_url, length=8)])


def app_secret(github_app: str) -> str:
    """The Secret with an App's key, named as the existing controller names it: `github-app-rex`."""
    return f"{APP_SECRETS}{slug(github_app)}"


def slug(text: str) -> str:
    """An App's name in lower case with `_` and spaces as `-`, as GitHub and the existing controller write it."""
    return re.sub(r"[ _]+", "-", text.strip()).lower()


def bot(app: str) -> str:
    """The login as which an App acts on GitHub: all that our steps know of an agent's App, whose key they have not."""
    return f"{slug(app)}[bot]"


def persona_file(github_app: str) -> str:
    """The key of `controller-agents` with an App's system prompt. Spaces are not legal in a key and become `-`."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", github_app.strip()) + _APP_FILE
