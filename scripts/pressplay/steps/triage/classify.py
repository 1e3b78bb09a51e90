"""Classifies a failed check by GitHub's own record of it, without any agent's opinion.

The first line that fits decides:

| what the record says | class |
|---|---|
| cancelled, and not by the runner or a time limit: a person, a newer push, or another job's failure did it | none |
| the workflow could not start, and the pull request changes its file | real |
| … and on the base branch it can't start either | base |
| … otherwise | infrastructure |
| the account has no minutes left | infrastructure, which no re-run fixes |
| the runner's own messages: shut down, lost, never acquired, no space left, an internal error | infrastructure |
| no step of the project's own began, or none failed though the job did | infrastructure |
| a set-up step failed, and the end of the log names the network or a rate limit | infrastructure |
| the same check passed on this very commit in another attempt | flaky |
| the same check fails on the base branch's head | base |
| … or failed where the pull request left the base branch, which has fixed it since | base |
| on the base branch the same check failed and passed on one commit | flaky |
| anything else, and what is flaky but failed again when it was run again | real |

The runner's messages are read from annotations and error lines, which a job can write too: that only gains one re-run,
then a person decides. Sources: the messages of actions/runner and GitHub's hosted runners, as their issues quote them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Class = Literal["none", "infrastructure", "flaky", "base", "real"]
FAILED = ("failure", "timed_out", "startup_failure", "cancelled")
"""The conclusions of a check that are looked at."""
_BROKEN = ("failure", "timed_out", "startup_failure")

_TIME_LIMIT = re.compile(r"has exceeded the maximum execution time")
_NO_MINUTES = re.compile(r"recent account payments have failed or your spending limit needs to be increased")
_RUNNER: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"The runner has received a shutdown signal"), "the runner was shut down"),
    (re.compile(r"lost communication with the server"), "GitHub lost its runner"),
    (re.compile(r"was not acquired by Runner|no enabled runners online"), "no runner took the job"),
    (re.compile(r"[Nn]o space left on device"), "the runner's disk was full"),
    (
        re.compile(
            r"encountered an (?:internal )?error (?:while|when) running your job|Internal server error\. Correlation ID"
        ),
        "GitHub Actions met an error of its own",
    ),
    (re.compile(r"Failed to (?:download|resolve) action"), "an action could not be downloaded"),
)
_SETS_UP = re.compile(
    r"(?i)^(?:set up job|initialize containers|build .*@|pull "
    r"|(?:run |post )?(?:run )?actions/(?:checkout|setup-|cache)|checkout|check out|complete job)"
)
_NETWORK: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)rate limit|too ?many ?requests|error: 429|status code 429"), "a rate limit was met"),
    (
        re.compile(
            r"(?i)could not resolve host|connection (?:reset|refused|timed out)|ECONNRESET|ETIMEDOUT|EAI_AGAIN"
            r"|TLS handshake timeout|early EOF|unexpected disconnect|RPC failed|the requested URL returned error: 5\d\d"
            r"|(?:50[0234]) (?:internal server error|bad gateway|service unavailable|gateway time-?out)"
        ),
        "the network failed",
    ),
)


@dataclass(frozen=True)
class Evidence:
    """GitHub's record of one failed check. Its texts are read here and never passed on (R7)."""

    conclusion: str
    job: bool = False
    """Whether it is a job of GitHub Actions, whose steps are known."""
    began: bool = True
    """Whether a step of the project's own began."""
    failed_step: str | None = None
    """The name of the first step that failed; None if none did."""
    words: tuple[str, ...] = ()
    """Annotations on no file of the project, and the error lines at the end of the log."""
    log: str = ""
    """The log's end."""
    workflow_changed: bool = False
    """Whether the pull request changes the workflow's file."""
    passed_here: bool = False
    """Whether the same check passed on the same commit in another attempt."""
    on_base: str | None = None
    """How the same check ended on the base branch's head; None if it did not end there."""
    on_merge_base: str | None = None
    """The same, on the commit where the pull request left the base branch."""
    flaky_on_base: bool = False
    """Whether, on some commit of the base branch, the same check both failed and passed."""
    run_again: bool = False
    """Whether Press Play has had it run again on this commit."""


@dataclass(frozen=True)
class FailureVerdict:
    """A failure's class, the reason (a clause of ours, safe to show anywhere), and whether a re-run may help."""

    kind: Class
    reason: str
    rerun: bool = False


def classify(evidence: Evidence) -> FailureVerdict:
    """The class of a failure; see the module's table."""
    if evidence.conclusion == "cancelled" and not (
        _first_reason(evidence.words, _RUNNER) or _any(evidence.words, _TIME_LIMIT)
    ):
        return FailureVerdict("none", "it was cancelled")
    if evidence.conclusion == "startup_failure":
        return _not_started(evidence)
    infrastructure = _infrastructure(evidence)
    if infrastructure is not None:
        return infrastructure
    if evidence.passed_here:
        return _flaky(evidence, "it passed on this very commit in another attempt")
    if evidence.on_base in _BROKEN:
        return FailureVerdict("base", "it fails on the base branch too")
    if evidence.on_merge_base in _BROKEN:
        since = "which has fixed it since" if evidence.on_base == "success" else "where nothing has passed since"
        return FailureVerdict("base", f"it failed where this pull request left the base branch, {since}")
    if evidence.flaky_on_base:
        return _flaky(evidence, "on the base branch it failed and passed on one commit")
    return FailureVerdict("real", "nothing in GitHub's record explains it but this pull request")


def _not_started(evidence: Evidence) -> FailureVerdict:
    if evidence.workflow_changed:
        return FailureVerdict("real", "the workflow does not start, and this pull request changes it")
    if evidence.on_base == "startup_failure":
        return FailureVerdict("base", "the workflow does not start on the base branch either")
    return FailureVerdict("infrastructure", "the workflow did not start", rerun=not evidence.run_again)


def _infrastructure(evidence: Evidence) -> FailureVerdict | None:
    if _any(evidence.words, _NO_MINUTES):
        return FailureVerdict("infrastructure", "the account's spending limit is reached")
    reason = _first_reason(evidence.words, _RUNNER)
    if not reason and evidence.job and not evidence.began:
        reason = "none of its steps began"
    if not reason and evidence.job and evidence.failed_step is None and not _any(evidence.words, _TIME_LIMIT):
        reason = "the job failed though none of its steps did"
    if not reason and evidence.failed_step is not None and _SETS_UP.match(evidence.failed_step):
        reason = _first_reason((evidence.log, *evidence.words), _NETWORK)
        reason = f"{reason} while the job was set up" if reason else ""
    return FailureVerdict("infrastructure", reason, rerun=not evidence.run_again) if reason else None


def _flaky(evidence: Evidence, why: str) -> FailureVerdict:
    if evidence.run_again:
        return FailureVerdict("real", f"{why}, but it failed again when it was run again")
    return FailureVerdict("flaky", why, rerun=True)


def _any(words: Iterable[str], pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(word) for word in words)


def _first_reason(words: Iterable[str], table: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    """The first reason of the table whose pattern is in the words; empty if none is."""
    given = tuple(words)
    return next((reason for pattern, reason in table if _any(given, pattern)), "")
