"""What was shown of a commit, as an in-toto Statement v1 with a predicate of our own.

Source: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md. Contrary to in-toto's parsing rules,
fields that this version does not know are refused: nobody may take for checked what nobody looked at.

What nobody looked at is absent; an empty list means that it was looked at and nothing was there. All texts were made
safe (`build`), but they stay strangers' texts (R7).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from pressplay.gates.proving.model import ControlKind, Language, Profile, Status
from pressplay.validation import packaged
from pressplay.validation.report import Invalid, invalid
from pressplay.validation.schema import check
from pressplay.validation.yamlsource import load_json

STATEMENT_TYPE: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Literal["https://press-play.dev/proof/v1"] = "https://press-play.dev/proof/v1"
"""A name of our own, as in-toto wants one: nothing has to answer there."""
SCHEMA_ID = "https://press-play.dev/proof/v1/schema.json"
LARGEST = 512 * 1024
"""Bytes of a Statement: with its signature it fits into a ConfigMap, which takes 1 MiB."""
TEXT = 500
"""Characters of one text in it."""
MOST = 500
"""Entries of one list in it."""
_MORE = 60
"""Room for what a cut text says of its own length."""

_CLOSED = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel, use_attribute_docstrings=True)

Commit = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$", description="an object id of git's, whole")]
Sha256 = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", description="sha256: and 64 hexadecimal digits")]
Moment = Annotated[
    str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$", description="a time in UTC, RFC 3339")
]
Text = Annotated[str, Field(max_length=TEXT + _MORE)]
Count = Annotated[int, Field(ge=0)]


class _Part:
    """A part of the document: no unknown fields, names in JSON in camel case."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED


@dataclass(frozen=True, kw_only=True)
class Task(_Part):
    """The work that the pull request is for."""

    repo: Text
    """The repository, as owner/name."""
    pull: Annotated[int, Field(ge=1)]
    """The pull request's number."""
    kind: Literal["task", "issue", "pull request", "alerts", "documents"]
    """What asked for the work; `pull request`: nothing but itself."""
    number: Annotated[int, Field(ge=1)]
    """The number that the harness knows the work by."""
    tag: Text | None = None
    """The tag of tasks.json."""
    profile: Profile | None = None
    """What kind of change was asked for, which decides what must be shown."""
    profile_source: Text | None = None
    """Where the profile is from."""
    title: Text | None = None
    """The title, made safe and cut."""
    title_digest: Sha256 | None = None
    """The whole title's digest."""


@dataclass(frozen=True, kw_only=True)
class Change(_Part):
    """What was judged: a head commit, for a base branch."""

    head: Commit
    """The commit, which is also the subject."""
    base: Text
    """The branch that it is for."""
    base_commit: Commit | None = None
    """The commit of that branch when the document was made."""
    merge_base: Commit | None = None
    """The commit where head and base parted."""
    tree: Commit | None = None
    """The tree of the head: the same in every commit with these files."""
    update_of: Commit | None = None
    """The approved commit of which the head is the merge with `updateOnto`, and nothing else: tests, controls and
    criteria were judged of that one, lint and tests of the tree, too. Absent: the head was judged itself."""
    update_onto: Commit | None = None
    """The commit of the base branch that came in."""


@dataclass(frozen=True, kw_only=True)
class Evidence(_Part):
    """What shows a criterion."""

    kind: Literal["test", "probe", "waiver", "independent"]
    """`independent`: probes that another run wrote from the task's text alone; `name` is the digest of their plan."""
    name: Text
    """The test's id, the probe's name, or the login of who accepted it."""


@dataclass(frozen=True, kw_only=True)
class CriterionShown(_Part):
    """An acceptance criterion, and what shows it."""

    id: Text
    """AC1, AC2 …"""
    text: Text
    """Its text, made safe and cut."""
    digest: Sha256
    """The whole text's digest."""
    source: Text | None = None
    """Its place in the task."""
    shown_by: tuple[Evidence, ...] | None = None
    """What shows it; empty: nothing does. Absent: nobody looked."""


@dataclass(frozen=True, kw_only=True)
class Gate(_Part):
    """A gate's verdict on the head."""

    name: Text
    outcome: Literal["pass", "fail", "error"]
    reason: Text
    at: Moment | None = None
    """When it was recorded."""
    details: Sha256 | None = None
    """The digest of the details that the ledger has of it (JSON, sorted keys, no spaces)."""


@dataclass(frozen=True, kw_only=True)
class TestShown(_Part):
    """A new or changed test, and what it proves."""

    __test__ = False
    """Not a test class, although pytest would take it for one by its name."""

    id: Text
    base: Status | None = None
    """Its result on the base with the head's tests; absent: it was not run there, or is not there."""
    head: Status
    """Its worst result on the head."""
    proves: bool
    """Whether it failed where the change is not, and passes where it is."""
    why: Text | None = None
    """Why it proves something, or nothing."""
    notices: tuple[Text, ...] = ()
    """The ids of the controls that it notices."""


@dataclass(frozen=True, kw_only=True)
class Tests(_Part):
    """What the tests gate saw."""

    passed: Count
    """Tests that passed on the head."""
    failed: Count
    """Tests that did not."""
    skipped: Count
    """Tests that were skipped there."""
    kept: Count | None = None
    """Tests that passed before the change, and still do."""
    lost: tuple[Text, ...] | None = None
    """Tests that passed before the change, and do not any more."""
    flaky: tuple[Text, ...] | None = None
    """Tests whose results differ from run to run."""
    changed: tuple[TestShown, ...] | None = None
    """The new and changed tests."""


@dataclass(frozen=True, kw_only=True)
class ControlShown(_Part):
    """The head with one thing spoilt on purpose, and whether that was noticed."""

    id: Text
    kind: ControlKind
    path: Text
    line: Count
    label: Text | None = None
    """What was changed."""
    outcome: Literal["noticed", "not noticed", "inconclusive"]
    """`inconclusive`: it did not build, or was not run to its end."""
    noticed_by: tuple[Text, ...] = ()
    """Tests and probes that failed on it."""


@dataclass(frozen=True, kw_only=True)
class ProbeShown(_Part):
    """One probe."""

    name: Text
    kind: Text
    held: bool
    newness: Literal["new", "not new", "unknown"] | None = None
    """Whether it fails on the base."""


@dataclass(frozen=True, kw_only=True)
class Probes(_Part):
    """What the harness' own probes saw."""

    digest: Sha256
    """The captured answers' digest, as they are kept beside this document."""
    plan: Text
    """The plan's digest."""
    environment: Text | None = None
    """Where it was deployed."""
    started: Text | None = None
    ended: Text | None = None
    probes: tuple[ProbeShown, ...]


@dataclass(frozen=True, kw_only=True)
class Independent(_Part):
    """The probes that another run wrote from the task's text alone, all of which held."""

    plan: Sha256
    """The digest of their plan, which no agent that implements may read."""
    probes: Count
    criteria: tuple[Text, ...]
    """The ids of the criteria that they ask about."""


@dataclass(frozen=True, kw_only=True)
class Waiver(_Part):
    """What a person accepted in spite of a gate."""

    subject: Text
    """The criterion's id, or another subject of `/press-play accept`."""
    person: Text
    """The login."""
    comment: Text
    """The comment's id."""
    at: Moment | None = None
    reason: Text
    """What the person wrote, as data."""


@dataclass(frozen=True, kw_only=True)
class ChangedExpectation(_Part):
    """A line of an existing test that expects something else now."""

    path: Text
    line: Count
    """At the head, from 1; 0 where the line is gone."""
    before: Text
    after: Text
    criterion: Text | None = None
    """The criterion that asks for it."""


@dataclass(frozen=True, kw_only=True)
class SupplyFinding(_Part):
    """What the change brings in."""

    kind: Text
    what: Text
    path: Text | None = None
    line: Count | None = None
    outcome: Literal["show", "park", "refuse"] | None = None
    """What the values say of its kind."""


@dataclass(frozen=True, kw_only=True)
class Person(_Part):
    """Somebody who had a part in it."""

    login: Text
    did: Literal["asked for it", "opened it", "accepted something", "wrote a command"]
    at: Moment | None = None


@dataclass(frozen=True, kw_only=True)
class Contract(_Part):
    """How the projects were built and tested."""

    origin: Literal["file", "values", "detected"]
    digest: Sha256 | None = None
    """Of what counted, as JSON with sorted keys and no spaces."""
    languages: tuple[Language, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Versions(_Part):
    """What judged it."""

    pressplay: Text
    images: Mapping[str, Text] | None = None
    """The images in which strangers' code ran, by language."""
    environment: Contract | None = None


@dataclass(frozen=True, kw_only=True)
class Predicate(_Part):
    """What was shown of the commit."""

    task: Task
    change: Change
    made_at: Moment
    """When the document was made."""
    gates: tuple[Gate, ...]
    versions: Versions
    criteria: tuple[CriterionShown, ...] | None = None
    tests: Tests | None = None
    independent: Independent | None = None
    controls: tuple[ControlShown, ...] | None = None
    probes: Probes | None = None
    waivers: tuple[Waiver, ...] | None = None
    changed_expectations: tuple[ChangedExpectation, ...] | None = None
    supply: tuple[SupplyFinding, ...] | None = None
    people: tuple[Person, ...] | None = None
    left_out: Mapping[str, Count] = field(default_factory=dict)
    """How many entries of a list are not in the document, by the list's name, where there were too many."""


@dataclass(frozen=True, kw_only=True)
class GitDigest(_Part):
    """What identifies the subject."""

    git_commit: Commit


@dataclass(frozen=True, kw_only=True)
class Subject(_Part):
    """What the Statement is about: one commit of a repository."""

    name: Text
    """`git+` and the repository's address."""
    digest: GitDigest


@dataclass(frozen=True, kw_only=True)
class Statement(_Part):
    """An in-toto Statement v1: the proof of one commit."""

    type_: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")] = STATEMENT_TYPE
    subject: tuple[Subject]
    predicate_type: Literal["https://press-play.dev/proof/v1"] = PREDICATE_TYPE
    predicate: Predicate

    @property
    def commit(self) -> str:
        """The commit that it is about."""
        return self.subject[0].digest.git_commit

    def to_json(self) -> str:
        """The Statement as it is signed: sorted keys, no spaces, what is absent left out.

        Invalid if it is not as the schema says.
        """
        text = self._text()
        from_json(text, "proof")
        return text

    @property
    def fits(self) -> bool:
        """Whether it is not larger than a Statement may be."""
        return len(self._text().encode()) <= LARGEST

    def _text(self) -> str:
        document = adapter().dump_python(self, mode="json", by_alias=True, exclude_none=True)
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@cache
def adapter() -> TypeAdapter[Statement]:
    """Reads and writes Statements. Made when first needed: it takes milliseconds."""
    return TypeAdapter(Statement)


def from_json(text: str, where: str) -> Statement:
    """The Statement that `to_json` wrote; Invalid, naming `where` and each fault, for anything else."""
    if len(text.encode()) > LARGEST:
        raise invalid(where, f"expected a Statement of at most {LARGEST} bytes, got a larger text", "it is not ours")
    source = load_json(text, where)
    problems = [*source.problems, *check(packaged.schema("proof"), source.value, source.place)]
    if problems:
        raise Invalid(problems)
    try:
        statement = adapter().validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        path = ".".join(map(str, first["loc"]))
        raise invalid(where, f"expected a proof of Press Play's: {path}: {first['msg']}", "it is not ours") from error
    if statement.commit != statement.predicate.change.head:
        message = f"expected one commit, got {statement.commit} as its subject and another as its head"
        raise invalid(where, message, "it is not ours")
    return statement


def digest(text: str | bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()}"


def schema() -> str:
    """`schemas/proof.schema.json`, made of the types here."""
    whole = adapter().json_schema(by_alias=True)
    made = _plain(whole)
    parts = {name: _plain(part) for name, part in whole["$defs"].items()}
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "proof of a commit",
        "description": "what was shown of a commit: an in-toto Statement v1 with a predicate of Press Play's",
        "type": "object",
        "additionalProperties": False,
        "required": list(made["properties"]),
        "properties": made["properties"],
        "$defs": parts,
    }
    return json.dumps(head, indent=2, ensure_ascii=False) + "\n"


def _plain(part: Any) -> Any:
    """A schema without pydantic's own titles and defaults, and without null: what is unknown is absent."""
    if isinstance(part, list):
        return [_plain(item) for item in part]
    if not isinstance(part, dict):
        return part
    branches = [branch for branch in part.get("anyOf", []) if branch != {"type": "null"}]
    if len(branches) == 1:
        part = {**branches[0], **{key: value for key, value in part.items() if key != "anyOf"}}
    kept = {key: value for key, value in part.items() if key not in ("title", "default", "properties", "$defs")}
    plain = {key: _plain(value) for key, value in kept.items()}
    if "properties" in part:
        plain["properties"] = {name: _plain(value) for name, value in part["properties"].items()}
    return plain
