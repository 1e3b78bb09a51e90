"""The outcome of a run, as its agent hands it over in `$PRESSPLAY_RESULT`: one contract for all roles.

Its form is schemas/outcome.schema.json; `validation.outcomes` reads and checks a file of it. What counts in the end is
what GitHub holds (R5): the sandbox's runner posts what an outcome says, and an agent on a cluster posts it itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pressplay.domain.roles import COMMENTS, TEST, Role
from pressplay.errors import InputError
from pressplay.plaintext import plain

Result = Literal["done", "nothing", "blocked", "pass", "changes"]
FailureKind = Literal[
    "login", "key", "model", "setup", "limit", "overload", "turns", "time", "stall", "crash", "no-change", "no-result"
]
FATAL: frozenset[FailureKind] = frozenset({"login", "key", "model", "setup"})
"""What fails every run until a person puts it right: the play stops."""
PASSING: frozenset[FailureKind] = frozenset({"limit", "overload"})
"""What passes: the run waits, and begins again as the same attempt."""
_FAILURES: Mapping[FailureKind, str] = {
    "login": "not logged in",
    "key": "wrong key",
    "model": "no such model",
    "setup": "it can't be started",
    "limit": "usage limit",
    "overload": "the model's server is overloaded, or out of reach",
    "turns": "limit of turns",
    "time": "limit of time",
    "stall": "stalled",
    "crash": "crashed",
    "no-change": "no change",
    "no-result": "no result",
}
_MOST_WORDS = 2_000
BLOCKED_MARK = "press-play: blocked"
"""The first line of the comment, or of the pull request's body, in which an agent asks a person to decide."""
CONTESTED_MARK = "press-play: contested"
"""The first line of the comment in which the agent that fixes says which of the requests it holds to be wrong."""


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """What an agent says about one acceptance criterion."""

    id: str
    """As in `task/acceptance-criteria.md`: `AC1`, `AC2` …"""
    met: bool
    evidence: str = field(repr=False)
    """The command or test that shows it, and its output."""


@dataclass(frozen=True, slots=True)
class Contest:
    """Something that was asked for and that the agent holds to be wrong."""

    what: str = field(repr=False)
    why: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """How an agent's command line failed."""

    kind: FailureKind
    message: str = field(repr=False)
    """Its own words."""
    until: float | None = None
    """When a limit ends (Unix seconds); None where nobody says."""

    @property
    def line(self) -> str:
        """For people, on one line."""
        return f"{_FAILURES[self.kind]}: {' '.join(plain(self.message).split())[:_MOST_WORDS]}"

    def as_json(self) -> dict[str, Any]:
        """As a result file has it."""
        known = {"kind": self.kind, "message": self.message[:_MOST_WORDS]}
        return known if self.until is None else {**known, "until": self.until}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an agent hands over. All texts are the agent's: data, never an Argo parameter (R7)."""

    result: Result = "done"
    question: str = field(default="", repr=False)
    """What a person must decide before the work can go on; `blocked` always has one."""
    criteria: tuple[CriterionResult, ...] = ()
    contests: tuple[Contest, ...] = ()
    notes: str = field(default="", repr=False)
    usage: Mapping[str, float] = field(default_factory=dict)
    """What the run used, by name: `inputTokens`, `outputTokens`, `costUSD` …"""
    model: str = ""
    """The model that was used."""
    failure: Failure | None = None
    """Of a run that failed: how."""
    title: str = field(default="", repr=False)
    """Of the pull request that the role implement opens."""
    body: str = field(default="", repr=False)
    """Of that pull request, or of QA's review; Markdown."""
    task: str = field(default="", repr=False)
    """What the Issue agent made of an issue; Markdown."""
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Answers to reviewers by the thread's id; QA's to what was contested, by the point's id."""

    @staticmethod
    def of(data: Mapping[str, Any]) -> Outcome:
        """The outcome in a JSON object that the schema allows, in today's form or in the early one.

        The early form has no `result`, criteria, contests or notes. There a `verdict` is the result, and a
        `question` without a task is `blocked`.
        """
        is_early = "result" not in data
        later: Mapping[str, Any] = {} if is_early else data
        result: Result = data.get("result") or data.get("verdict") or "done"
        question = data.get("question") or ""
        if is_early and result == "done" and question and not data.get("task"):
            result = "blocked"
        return Outcome(
            result=result,
            question=question,
            criteria=tuple(CriterionResult(**item) for item in later.get("criteria", ())),
            contests=tuple(Contest(**item) for item in later.get("contests", ())),
            notes=later.get("notes", ""),
            usage=data.get("usage") or {},
            model=data.get("model") or "",
            failure=Failure(**failure) if (failure := data.get("failure")) else None,
            title=data.get("title") or "",
            body=data.get("body") or "",
            task=data.get("task") or "",
            answers=data.get("answers") or {},
        )

    def check(self, role: Role) -> None:
        """InputError where the outcome is none that a run of this role may have."""
        if self.result not in role.results:
            raise InputError(
                f"result: expected one of {', '.join(role.results)} for the role {role.name}, got {self.result}"
            )
        if self.answers and role not in (COMMENTS, TEST):
            raise InputError(
                f"answers: expected none for the role {role.name}, got {len(self.answers)}; only the role "
                f"{COMMENTS.name} answers reviewers, and {TEST.name} what was contested"
            )
        unmet = [criterion.id for criterion in self.criteria if not criterion.met]
        if self.result == "pass" and unmet:
            raise InputError(f"result: expected changes where a criterion is not met, got pass and {', '.join(unmet)}")

    @property
    def contested(self) -> str:
        """The contests as a list in Markdown, an item for each; empty without one."""
        return "\n".join(_item(contest.what, contest.why) for contest in self.contests)

    @property
    def markdown(self) -> str:
        """`body`, followed by what the outcome says of criteria, contests and notes."""
        parts = [self.body]
        if self.criteria:
            lines = [
                f"- {criterion.id}, {'met' if criterion.met else 'not met'}: {criterion.evidence}"
                for criterion in self.criteria
            ]
            parts.append("\n".join(["### Acceptance criteria", "", *lines]))
        if self.contests:
            parts.append(f"### Contested\n\n{self.contested}")
        if self.notes:
            parts.append(f"### Notes\n\n{self.notes}")
        return "\n\n".join(part for part in parts if part)

    @property
    def verdict(self) -> str:
        """`markdown` of a verdict: with its answers to what was contested."""
        lines = [_item(point, text) for point, text in self.answers.items()]
        answers = "\n".join(["### Answers", "", *lines]) if lines else ""
        return "\n\n".join(part for part in (self.markdown, answers) if part)


def _item(what: str, why: str) -> str:
    """An item of a list: texts of several lines stay within it."""
    return "- " + "\n  ".join(f"{what}: {why}".replace("\r\n", "\n").split("\n"))


def question_in(text: str) -> str:
    """The question in a comment or body whose first line is exactly `BLOCKED_MARK`; empty where it is not one."""
    return _after(BLOCKED_MARK, text)


def contest_in(text: str) -> str:
    """What is contested in a comment whose first line is exactly `CONTESTED_MARK`; empty where it is not one."""
    return _after(CONTESTED_MARK, text)


def _after(mark: str, text: str) -> str:
    first, _, rest = text.replace("\r\n", "\n").partition("\n")
    return rest.strip() if first.rstrip() == mark else ""
