"""The entries of a ledger: what is recorded of a task or a pull request, each kind with its key and its JSON.

A ledger is a ConfigMap; each entry is a key of its `data` with a JSON object as its text. What an earlier version wrote
can be read; fields that only a later version knows are left out, and entries that only it knows are `Other`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal, TypeVar, overload

from pydantic import Field, TypeAdapter, ValidationError

from pressplay.domain.reasons import Reason
from pressplay.errors import InputError

Ledger = Literal["task", "pr"]
"""Whose ledger it is."""
_Key = Field(exclude=True)
"""Of what only the entry's key holds."""
_Try = Annotated[int, Field(alias="try")]


@dataclass(frozen=True, kw_only=True)
class Details:
    """What is known of a reason beside its clause."""

    detail: str = ""
    look: str = ""
    todo: str = ""

    @staticmethod
    def of(reason: Reason) -> Details | None:
        """Of a reason; None where only its clause is known."""
        made = Details(detail=reason.detail, look=reason.look, todo=reason.todo)
        return made if made != Details() else None


@dataclass(frozen=True, kw_only=True)
class _Reasoned:
    """What has a reason: its clause, which is ours, and what is known beside it."""

    reason: str = ""
    details: Details | None = None

    @property
    def why(self) -> Reason:
        """The whole reason."""
        more = self.details or Details()
        return Reason(what=self.reason, detail=more.detail, look=more.look, todo=more.todo)


class _Single:
    """An entry of which a ledger has one at most."""

    KEY: ClassVar[str]

    def key(self) -> str:
        """Its key."""
        return self.KEY


@dataclass(frozen=True, kw_only=True)
class Result(_Reasoned):
    """What came of a run, as its judge says."""

    outcome: str
    """`done`, `nothing`, `pass`, `changes`, `blocked`; or `failed`, `refused`, `timeout`, `parked`, `superseded`,
    `stopped`."""
    new_head: str | None = None
    """The head when it ended."""
    pr: int | None = None
    """The pull request that it opened."""
    again: bool = False
    """Whether another attempt may do better."""
    review: int | None = None
    """The review that holds QA's verdict."""
    comment: int | None = None
    """The comment that holds the Issue agent's word, or what the agent that fixes contests."""
    moved: bool = False
    """Whether others moved the branch that told it what to do, so that nothing of it counts."""
    question: str | None = None
    """What the agent asks first, where it is blocked. An agent's text."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of an agent, from before it begins; `result` is what came of it, None while nobody has judged it."""

    PATTERN: ClassVar = re.compile(r"(?P<name>run-[0-9a-f]+)")

    name: Annotated[str, _Key]
    """Of its CodeRun or DocsRun."""
    role: str
    agent: str
    round: int = 1
    cause: str = ""
    attempt: int = 0
    try_: _Try = 1
    head: str | None = None
    """The commit that it began at."""
    started: int | None = None
    """When it was prepared (Unix seconds); None for one that never began."""
    play: str | None = None
    newest_review: int | None = None
    """QA's newest review before it."""
    newest_comment: int | None = None
    """The newest comment of the conversation before it."""
    newest_line: int | None = None
    """The newest comment on a line before it."""
    context: str | None = None
    """The commit that holds its orders."""
    tree: str | None = None
    """That commit's tree."""
    tasks: tuple[int, ...] | None = None
    """The tasks that documents are asked for."""
    ended: int | None = None
    held: int | None = None
    """Seconds that it waited for the model's server: they count for no limit."""
    model: str | None = None
    """The model that its agent used most, as its command line says."""
    usage: Mapping[str, float] | None = None
    """What it used, as its command line says (`domain.usage`)."""
    result: Annotated[Result | None, _Key] = None

    def key(self) -> str:
        """Its key."""
        return self.name

    @property
    def outcome(self) -> str:
        """The result's outcome; empty without one."""
        return self.result.outcome if self.result else ""

    @property
    def reason(self) -> str:
        """The result's reason; empty without one."""
        return self.result.reason if self.result else ""

    @property
    def new_head(self) -> str | None:
        """The head when it ended; None where it has not, or was not looked at."""
        return self.result.new_head if self.result else None

    @property
    def began(self) -> int:
        """When it began (Unix seconds); one that was refused never did, and ended at once."""
        return self.started or self.ended or 0

    def with_result(self, result: Result, ended: float) -> Run:
        """The same run, ended (Unix seconds)."""
        return replace(self, result=result, ended=int(ended))


@dataclass(frozen=True, kw_only=True)
class PullOfTask(_Single):
    """Of a task: the pull request that implements it."""

    KEY: ClassVar = "pr"

    pr: int
    try_: Annotated[int | None, Field(alias="try")] = None


@dataclass(frozen=True, kw_only=True)
class TaskOfPull(_Single):
    """Of a pull request: the task that it implements."""

    KEY: ClassVar = "task"

    task: int
    tag: str = ""


@dataclass(frozen=True, kw_only=True)
class Begun(_Single):
    """Of a task: the try that began last, of an issue, of alerts, of documents, or of a task asked for by name."""

    KEY: ClassVar = "begun"

    try_: _Try
    after: int | None = None
    """The newest pull request of the tries before."""
    began: int = 0
    comment: int | None = None
    """The Issue agent's newest comment before it."""
    cause: str | None = None
    """Of documents: the cause of the run that is asked for."""
    tasks: tuple[int, ...] | None = None
    """Of documents: the tasks that lack them."""
    head: str | None = None
    """Of documents: the commit at which the tasks were read."""
    why: str | None = None
    """Of documents: `asked`."""


@dataclass(frozen=True, kw_only=True)
class Landed(_Single):
    """Of a task: the merge by which it landed."""

    KEY: ClassVar = "landed"

    pr: int
    base: str
    commit: str
    by: str


@dataclass(frozen=True, kw_only=True)
class Stacked(_Single):
    """Of a task: the approved head of a dependency that it was begun on, before that landed. Empty: begun on the base.

    Nothing but this says what the task's own change is compared with (`steps.core.stack`).
    """

    KEY: ClassVar = "stacked"

    try_: _Try
    """The try whose run began there."""
    task: int = 0
    """The dependency."""
    pr: int = 0
    """Its pull request."""
    head: str = ""
    """The commit that was approved."""
    held: str = ""
    """The head of this task's own pull request that is proven, and waits for the dependency to land."""


@dataclass(frozen=True, kw_only=True)
class TaskVerdict(_Reasoned):
    """Of a task: how a try of it ended."""

    PATTERN: ClassVar = re.compile(r"verdict-(?P<try>\d+)")

    try_: Annotated[int, Field(alias="try", exclude=True)]
    outcome: str
    """`approved`, `merged`, `parked`, `failed`; of documents that of their run."""
    pr: int | None = None
    head: str | None = None
    link: str = ""
    ended: int = 0
    play: str | None = None

    @staticmethod
    def key_of(try_: int) -> str:
        """The key of a try's verdict."""
        return f"verdict-{try_}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.try_)

    @property
    def is_good(self) -> bool:
        """Whether what depends on the task may go on."""
        return self.outcome in ("approved", "merged")


@dataclass(frozen=True, kw_only=True)
class Alerts(_Single):
    """Of a group of alerts: those that its newest try is about."""

    KEY: ClassVar = "alerts"

    kind: str
    numbers: tuple[int, ...]
    try_: _Try
    closed: tuple[int, ...] = ()
    """Those that were seen closed."""


@dataclass(frozen=True, kw_only=True)
class Fault(_Single):
    """What a step said that failed for good."""

    KEY: ClassVar = "fault"

    reason: str
    """`step <name>: ` and the step's message, which may quote other people's text."""
    ended: int
    try_: _Try

    @property
    def why(self) -> Reason:
        """The whole reason."""
        step, _, message = self.reason.partition(": ")
        return Reason(what=f"{step} failed, and a repeat would not help", detail=message)


@dataclass(frozen=True, kw_only=True)
class PassingFault(_Single):
    """What a step said that may succeed later."""

    KEY: ClassVar = "passing-fault"

    said: str
    ended: int
    try_: _Try


@dataclass(frozen=True, kw_only=True)
class Parked(_Reasoned):
    """Of a pull request: that only a person goes on in a try."""

    PATTERN: ClassVar = re.compile(r"parked-(?P<try>\d+)")

    try_: _Try
    reason: str = field()
    head: str
    ended: int
    stopped: bool = False
    """Whether a person stopped all work on it."""
    cleared: bool = False
    """Whether that was taken back."""

    @staticmethod
    def key_of(try_: int) -> str:
        """The key of a try's parking."""
        return f"parked-{try_}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.try_)


@dataclass(frozen=True, kw_only=True)
class RaisedTry(_Single):
    """Of a pull request: the try that a person's retry began."""

    KEY: ClassVar = "try"

    try_: _Try
    command: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """Of a pull request: a command in a comment that was carried out, or overruled by a later one."""

    PATTERN: ClassVar = re.compile(r"command-(?P<id>.+)")

    id: Annotated[str, _Key]
    """The comment's id, as in a snapshot."""
    command: str
    handled: int

    @staticmethod
    def key_of(id_: str) -> str:
        """The key of a comment's command."""
        return f"command-{id_}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.id)


@dataclass(frozen=True, kw_only=True)
class GateEntry(_Reasoned):
    """Of a pull request: what a gate decided about one commit."""

    PATTERN: ClassVar = re.compile(r"gate-(?P<gate>[a-z-]+)-(?P<head>[0-9a-f]+)")

    gate: str
    head: str
    outcome: str
    """`pass`, `fail` or `error`."""
    at: int = 0
    holds: tuple[str, ...] | None = None
    """What a person must accept before an approval: criteria (`AC3`), or a gate's name."""
    proves: bool | None = None
    """False where a pass does not show that the change does what it is for: the gate had nothing to run."""
    green: bool | None = None
    """True where the tests gate ran all tests of the repository on the commit, and none failed."""

    @staticmethod
    def key_of(gate: str, head: str) -> str:
        """The key of a gate's verdict on a commit."""
        return f"gate-{gate}-{head}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.gate, self.head)


@dataclass(frozen=True, kw_only=True)
class MergedEntry(_Reasoned):
    """Of a pull request: what a gate decided last about a commit merged with one of its base branch."""

    PATTERN: ClassVar = re.compile(r"merged-(?P<gate>[a-z-]+)-(?P<head>[0-9a-f]+)")

    gate: str
    head: str
    onto: str
    """The commit of the base branch."""
    outcome: str
    """`pass`, `fail` or `error`."""
    tree: str = ""
    """The merged tree; empty where there was none."""
    at: int = 0
    green: bool | None = None
    """As of a `GateEntry`."""

    @staticmethod
    def key_of(gate: str, head: str) -> str:
        """The key of a gate's newest verdict on a commit merged with its base."""
        return f"merged-{gate}-{head}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.gate, self.head)


@dataclass(frozen=True, kw_only=True)
class Retest:
    """Of a pull request: for which commit of its base branch an approved head is known to hold."""

    PATTERN: ClassVar = re.compile(r"retest-(?P<head>[0-9a-f]+)")

    head: Annotated[str, _Key]
    state: Literal["proven", "pending", "conflict", "failed", "refused"]
    """`pending`: the base branch moved on, and the merge has not been judged yet. `conflict`: git can't merge both.
    `refused`: GitHub does not let the harness merge the base branch into the head's."""
    onto: str = ""
    """The commit of the base branch that was judged last."""
    of: str = ""
    """Where the head is nothing but an approved commit with `onto` merged into it: that commit. It was judged."""
    tree: str = ""
    """What git makes of `of` and `onto`, where no gate judged their merge."""
    behind: bool = False
    """Whether the head lacks `onto`, and the harness may not merge it in: a person does."""
    runs: int = 0
    """How many merges of this head were judged."""
    tries: int = 0
    """How often the judgement of a merge with `trying` was begun."""
    trying: str = ""
    overtaken: int = 0
    """How many judgements in a row the base branch moved on during."""
    at: int = 0

    @staticmethod
    def key_of(head: str) -> str:
        """The key of an approved head."""
        return f"retest-{head}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.head)


@dataclass(frozen=True, kw_only=True)
class DeployedProof(_Reasoned):
    """Of what a play ended with: what probes of its tasks show of the deployment of that commit."""

    environment: str
    since: int = 0
    """Since when the deployment is waited for (Unix seconds); 0: tests and commands come first."""
    deployment: int | None = None
    """The one that probes look at: its number on GitHub."""
    outcome: str = ""
    """`pass`, `fail` or `error` (it is not shown); empty while nothing is decided."""
    tasks: tuple[int, ...] = ()
    """Of `fail`: the tasks whose probes do not hold."""


@dataclass(frozen=True, kw_only=True)
class FinalProof(_Reasoned):
    """Of a play's last merged pull request: what tests and probes of its tasks do on a commit of the base branch.

    Before the tests gate has judged the commit, the entry only says how often that was begun.
    """

    PATTERN: ClassVar = re.compile(r"final-(?P<head>[0-9a-f]+)")

    head: Annotated[str, _Key]
    tip: str
    """The commit with which the play ended; other commits are judged to learn which one broke it."""
    onto: str
    """The commit before the play's first merge."""
    play: str
    tasks: tuple[int, ...] = ()
    """The play's tasks that are merged in it."""
    outcome: str = ""
    """`pass`, `fail` or `error`; empty while it is not judged."""
    tree: str = ""
    failing: tuple[str, ...] = ()
    """What fails: a digest of each test's id and each probe's name. Where it is judged again, what failed before."""
    runs: int = 1
    """How often tests and probes run in one judgement."""
    tries: int = 0
    """How often its judgement was begun."""
    deployed: DeployedProof | None = None
    """Of the commit with which the play ended, where the values name the environment of the base branch."""
    at: int = 0

    @property
    def shown(self) -> str:
        """What all of it shows, tests and deployment; empty while anything is open."""
        if self.deployed is None or self.outcome in ("", "fail"):
            return self.outcome
        both = (self.outcome, self.deployed.outcome)
        return next((outcome for outcome in ("", "fail", "error") if outcome in both), "pass")

    @property
    def whole(self) -> Reason:
        """Why `shown` is what it is."""
        if self.deployed is None or not self.deployed.outcome or self.outcome == "fail":
            return self.why
        parts = [part for part in (self, self.deployed) if part.outcome == self.shown]
        return replace(parts[-1].why, what="; ".join(part.reason for part in parts)) if parts else self.why

    @staticmethod
    def key_of(head: str) -> str:
        """The key of a commit."""
        return f"final-{head}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.head)


@dataclass(frozen=True, kw_only=True)
class Broken(_Reasoned):
    """Of a merged pull request: that a play ended with a broken base branch, and by which commit.

    It is in the ledger of the pull request that did it. Where no pull request of the play's did, it is in that of the
    last one that the play merged.
    """

    PATTERN: ClassVar = re.compile(r"broken-(?P<play>play-[0-9a-f]+-\d+)")

    play: Annotated[str, _Key]
    commit: str
    """The first commit of the base branch that does not hold; the last one, where only its deployment shows that."""
    tip: str
    """The commit with which the play ended."""
    onto: str
    """The commit before the play's first merge."""
    by_this: bool
    """Whether this pull request brought that commit."""
    at: int = 0

    @staticmethod
    def key_of(play: str) -> str:
        """The key of a play's."""
        return f"broken-{play}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.play)


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """Of a pull request: what a person accepted of one commit."""

    PATTERN: ClassVar = re.compile(r"waiver-(?P<subject>AC\d+|[a-z-]+)-(?P<head>[0-9a-f]+)")

    subject: Annotated[str, _Key]
    """A criterion (`AC3`), or the name of the gate that holds the approval."""
    head: Annotated[str, _Key]
    by: str
    """The person's login."""
    comment: str
    """The id of the comment that says so."""
    because: str
    """The person's reason: people's text."""
    at: int = 0

    @staticmethod
    def key_of(subject: str, head: str) -> str:
        """The key of what was accepted of a commit."""
        return f"waiver-{subject}-{head}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.subject, self.head)


@dataclass(frozen=True, kw_only=True)
class GivenProfile(_Single):
    """Of a pull request: the proof profile that a person gave it, in the place of its task's."""

    KEY: ClassVar = "profile"

    profile: str
    by: str
    comment: str
    at: int = 0


@dataclass(frozen=True, kw_only=True)
class Deployment(_Reasoned):
    """Of a pull request: what came of a commit's deployment."""

    PATTERN: ClassVar = re.compile(r"deploy-(?P<head>[0-9a-f]+)")

    head: Annotated[str, _Key]
    environment: str
    state: str
    """`deployed`, `failed` or `error`."""
    deployment: int | None = None
    """GitHub's number; 0 where a WorkflowTemplate deployed."""
    url: str | None = None
    commit: str | None = None
    """The commit that runs there, as whoever deployed says."""

    @staticmethod
    def key_of(head: str) -> str:
        """The key of a commit's deployment."""
        return f"deploy-{head}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.head)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Of a pull request: comments that were taken up together."""

    PATTERN: ClassVar = re.compile(r"snapshot-(?P<hash>[0-9a-f]+)")

    hash: Annotated[str, _Key]
    ids: tuple[str, ...]
    head: str
    try_: _Try = 1
    workflow: str = ""
    answered: bool = False
    context: str | None = None
    """The commit that holds the texts."""
    by: str | None = None
    """The snapshot that all of this one went into."""

    @staticmethod
    def key_of(hash_: str) -> str:
        """The key of a snapshot."""
        return f"snapshot-{hash_}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.hash)


@dataclass(frozen=True, kw_only=True)
class Triage:
    """Of a pull request: a failed check, what it was taken for, and what is done about it."""

    PATTERN: ClassVar = re.compile(r"triage-(?P<id>.+)")

    id: Annotated[str, _Key]
    """The check's id, or `run-<id>` of a workflow run that did not start."""
    kind: Annotated[str, Field(alias="class")] = "real"
    reason: str = ""
    plan: str
    """`rerun`, `report`, `repair` or `leave`."""
    done: bool = False
    rerun: bool = False
    head: str
    check: str = ""
    """The same for the same check in every attempt and on every commit."""
    cause: str
    """What the Triage agent's run is about."""
    run: int = 0
    """The workflow run, 0 without one."""
    attempt: int = 0
    ended: str = ""
    try_: _Try = 1
    at: int = 0

    @staticmethod
    def id_of(cause: str) -> str:
        """The id of a failure by its cause (`check-<id>`, `run-<id>`)."""
        return cause.removeprefix("check-")

    @staticmethod
    def key_of(cause: str) -> str:
        """The key of a failure by its cause."""
        return f"triage-{Triage.id_of(cause)}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.id)


@dataclass(frozen=True, kw_only=True)
class Base:
    """Of a pull request: the branch that it is reviewed for in a try."""

    PATTERN: ClassVar = re.compile(r"base-(?P<try>\d+)")

    try_: _Try
    base: str

    @staticmethod
    def key_of(try_: int) -> str:
        """The key of a try's base."""
        return f"base-{try_}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.try_)


@dataclass(frozen=True, kw_only=True)
class AskedToRestore:
    """Of a pull request: the head at which Rex was asked in a try to restore tests."""

    PATTERN: ClassVar = re.compile(r"asked-to-restore-(?P<try>\d+)")

    try_: Annotated[int, Field(alias="try", exclude=True)]
    head: str
    at: int = 0

    @staticmethod
    def key_of(try_: int) -> str:
        """The key of a try's request."""
        return f"asked-to-restore-{try_}"

    def key(self) -> str:
        """Its key."""
        return self.key_of(self.try_)


@dataclass(frozen=True, kw_only=True)
class Documents(_Single):
    """Of a pull request: the documents that it brings, as its newest judged head has them."""

    KEY: ClassVar = "documents"

    run: str
    task: int
    tag: str
    tasks: tuple[int, ...]
    lacking: tuple[int, ...] = ()
    head: str
    outcome: str
    reason: str = ""
    ended: int = 0


@dataclass(frozen=True, kw_only=True)
class LeftAlone(_Single):
    """Of a pull request: that no flow works on it, and why."""

    KEY: ClassVar = "left-alone"

    reason: str
    since: int


@dataclass(frozen=True, kw_only=True)
class StatusPull(_Single):
    """Of a pull request: that it sets statuses in tasks.json and does nothing else, as its head is."""

    KEY: ClassVar = "statuses"

    head: str
    play: str


@dataclass(frozen=True, kw_only=True)
class CriterionIds(_Single):
    """Of a task: the ids of its acceptance criteria, those that are gone included."""

    KEY: ClassVar = "criteria"

    ids: dict[str, str]
    """By `domain.criteria.Criterion.key`."""


@dataclass(frozen=True, kw_only=True)
class Sealing(_Single):
    """Of a task: the key for which the plan of its independent criteria is sealed."""

    KEY: ClassVar = "sealing"

    certificate: str
    """In PEM."""
    private_key: str = field(repr=False)
    """Encrypted: only whoever has the key of the harness's App can open it."""


@dataclass(frozen=True, kw_only=True)
class IndependentPlan(_Single):
    """Of a task: the probes that a run wrote from the task's text alone. No agent that implements may read them."""

    KEY: ClassVar = "independent"

    cause: str
    """The digest of the task's text."""
    run: str
    plan: str = field(repr=False)
    """As `ProbePlan.pack` packs it; empty where a person dropped it."""
    at: int = 0


@dataclass(frozen=True, kw_only=True)
class Other:
    """An entry that this version does not know."""

    name: str
    data: Mapping[str, Any]

    def key(self) -> str:
        """Its key."""
        return self.name


Entry = (
    Run
    | PullOfTask
    | TaskOfPull
    | Begun
    | Landed
    | Stacked
    | TaskVerdict
    | Alerts
    | Fault
    | PassingFault
    | Parked
    | RaisedTry
    | Command
    | GateEntry
    | MergedEntry
    | Retest
    | FinalProof
    | Broken
    | Waiver
    | GivenProfile
    | Deployment
    | Snapshot
    | Triage
    | Base
    | AskedToRestore
    | Documents
    | LeftAlone
    | StatusPull
    | CriterionIds
    | Sealing
    | IndependentPlan
    | Other
)
_FIXED: Mapping[str, type[Any]] = {
    kind.KEY: kind
    for kind in (
        PullOfTask,
        TaskOfPull,
        Begun,
        Landed,
        Stacked,
        Alerts,
        Fault,
        PassingFault,
        RaisedTry,
        Documents,
        LeftAlone,
        StatusPull,
        CriterionIds,
        Sealing,
        IndependentPlan,
        GivenProfile,
    )
}
_KEYED: tuple[type[Any], ...] = (
    Run,
    TaskVerdict,
    Parked,
    Command,
    GateEntry,
    MergedEntry,
    Retest,
    FinalProof,
    Broken,
    Waiver,
    Deployment,
    Snapshot,
    Triage,
    Base,
    AskedToRestore,
)
_E = TypeVar("_E")
_S = TypeVar("_S", bound=_Single)
_adapters: dict[str, TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Made when first needed: most steps touch few kinds, and each takes milliseconds."""
    if kind.__name__ not in _adapters:
        _adapters[kind.__name__] = TypeAdapter(kind)
    return _adapters[kind.__name__]


def read(key: str, data: object, where: str = "ledger") -> Entry:
    """An entry from its key and its JSON; InputError naming `where` and the field for one that is not whole."""
    kind = _FIXED.get(key)
    keyed: Mapping[str, str] = {}
    if kind is None:
        for candidate in _KEYED:
            match = candidate.PATTERN.fullmatch(key)
            if match:
                kind, keyed = candidate, match.groupdict()
                break
    if not isinstance(data, Mapping):
        raise InputError(f"{where}, entry {key}: expected a JSON object, got {type(data).__name__}")
    if kind is None:
        return Other(name=key, data=dict(data))
    try:
        entry: Entry = _adapter(kind).validate_python({**keyed, **data})
        if isinstance(entry, Run) and "outcome" in data:
            return replace(entry, result=_adapter(Result).validate_python(data))
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where}, entry {key}, {path}: {first['msg']}, got {first.get('input')!r:.60}") from error
    return entry


def dump(entry: Entry) -> dict[str, Any]:
    """The JSON object of an entry, without what its key holds and without what is not set."""
    if isinstance(entry, Other):
        return dict(entry.data)
    made: dict[str, Any] = _adapter(type(entry)).dump_python(entry, mode="json", by_alias=True, exclude_none=True)
    if isinstance(entry, Run) and entry.result is not None:
        made |= _adapter(Result).dump_python(entry.result, mode="json", exclude_defaults=True)
    return made


@dataclass(frozen=True)
class Entries:
    """All entries of a task or a pull request."""

    by_key: Mapping[str, Entry] = field(default_factory=dict)

    @staticmethod
    def read(data: Mapping[str, object], where: str = "ledger") -> Entries:
        """From JSON objects by key; InputError for one that is not whole."""
        return Entries({key: read(key, value, where) for key, value in data.items()})

    @overload
    def get(self, kind: type[_S]) -> _S | None: ...

    @overload
    def get(self, kind: type[_E], key: str) -> _E | None: ...

    def get(self, kind: type[Any], key: str = "") -> Any:
        """The entry of a kind: by its key, or the only one that a ledger has of it; None where there is none."""
        entry = self.by_key.get(key or kind.KEY)
        return entry if isinstance(entry, kind) else None

    def all(self, kind: type[_E]) -> list[_E]:
        """All entries of a kind, in the order of their keys."""
        return [entry for _, entry in sorted(self.by_key.items()) if isinstance(entry, kind)]

    @property
    def runs(self) -> list[Run]:
        """All runs."""
        return self.all(Run)

    def runs_of(self, try_: int) -> list[Run]:
        """The runs of a try."""
        return [run for run in self.runs if run.try_ == try_]

    @property
    def tries(self) -> list[int]:
        """All tries that an entry names, verdicts on tasks among them."""
        return [number for entry in self.by_key.values() if isinstance(number := getattr(entry, "try_", None), int)]

    def __bool__(self) -> bool:
        """Whether anything was recorded."""
        return bool(self.by_key)

    def __contains__(self, key: str) -> bool:
        """Whether there is an entry of this key."""
        return key in self.by_key

    def __iter__(self) -> Iterator[Entry]:
        """The entries."""
        return iter(self.by_key.values())
