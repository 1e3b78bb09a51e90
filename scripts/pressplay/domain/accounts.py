"""The service accounts: which steps run as each, and what each may do in the cluster.

They are data, in `accounts.yaml` beside this file, which explains the format. `make generate` copies it to
`chart/files`, where the chart makes ServiceAccounts, Roles and bindings of it.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pressplay.errors import InputError

FILE = "accounts.yaml"
Place = Literal["release", "controller", "probed"]
Key = Literal["harness", "qa", "proofKey", "proofStore"]
Verb = Literal["get", "list", "watch", "create", "patch", "update", "delete"]
RESULTS = "workflowtaskresults.argoproj.io"
"""What Argo's executor writes for every pod of ours, as the pod's account."""
OTHERS = ("press-play-gate", "press-play-sensor", "press-play-eventsource", "press-play-serve", "press-play-agents")
"""The ServiceAccounts of the release that no step runs as."""
APPROVER = "approver"
"""The account whose name the values give (`serviceAccount.name`)."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Model):
    """What an account may do to some resources of a namespace."""

    place: Place = Field(alias="in")
    resources: tuple[str, ...] = Field(min_length=1)
    """As `pods/log` or `workflows.argoproj.io`."""
    names: tuple[str, ...] = ()
    """The only objects that the rule is for; empty: all."""
    verbs: tuple[Verb, ...] = Field(min_length=1)
    why: str


class StepAccount(_Model):
    """A service account, with what runs as it."""

    name: str
    about: str
    steps: tuple[str, ...] = ()
    applies: tuple[str, ...] = ()
    """Templates of the kind `resource`, as WORKFLOWTEMPLATE/TEMPLATE."""
    earlier: tuple[str, ...] = ()
    """Steps and templates that are no more: a Workflow goes on with the templates that it began with."""
    keys: tuple[Key, ...] = ()
    token: bool = False
    """Whether its pods mount a token that another account made for them."""
    rules: tuple[Rule, ...]

    @property
    def service_account(self) -> str:
        """The ServiceAccount's name, unless the values give the approver's another one."""
        return "press-play" if self.name == APPROVER else f"press-play-{self.name}"

    @model_validator(mode="after")
    def _steps_or_applies(self) -> Self:
        if (self.steps and self.applies) or not (self.steps or self.applies or self.earlier):
            raise ValueError("expected one of steps and applies, or earlier alone")
        if self.applies and self.keys:
            raise ValueError("expected no keys: none of our code runs in a resource template")
        if self.token and self.keys:
            raise ValueError("expected a token or keys: a token is for who has no key")
        return self


class _Accounts(_Model):
    accounts: tuple[StepAccount, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for unique in (
            [account.name for account in self.accounts],
            [run for account in self.accounts for run in (*account.steps, *account.applies, *account.earlier)],
        ):
            if len(set(unique)) != len(unique):
                raise ValueError("two accounts have the same name, or the same step")
        return self


def parse(text: str) -> tuple[StepAccount, ...]:
    """The accounts of the file's text; InputError with each path and what is wrong there."""
    import yaml

    try:
        return _Accounts.model_validate(yaml.safe_load(text)).accounts
    except ValidationError as error:
        faults = (f"{FILE}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise InputError("\n".join(faults)) from error


def text() -> str:
    """The file's text."""
    return resources.files("pressplay.domain").joinpath(FILE).read_text(encoding="utf-8")


@cache
def accounts() -> tuple[StepAccount, ...]:
    """All accounts."""
    return parse(text())


def account(name: str) -> StepAccount:
    """The account with this name; InputError where there is none."""
    for candidate in accounts():
        if candidate.name == name:
            return candidate
    raise InputError(f"account {name!r}: expected one of {', '.join(known.name for known in accounts())}")


def taken() -> frozenset[str]:
    """The ServiceAccounts whose names are fixed: all but the approver's."""
    own = (account.service_account for account in accounts() if account.name != APPROVER)
    return frozenset((*OTHERS, *own))


def of_step(step: str) -> StepAccount:
    """The account that a step runs as; InputError for a step that the table does not have."""
    for candidate in accounts():
        if step in (*candidate.steps, *candidate.earlier):
            return candidate
    raise InputError(f"step {step!r}: {FILE} names no account for it")
