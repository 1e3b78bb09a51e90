"""Proof profiles: what kind of change a task asks for, as people say it in the backlog, never an agent.

`gates.proving.profiles` says what must be shown of each.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Profile = Literal["feature", "fix", "refactor", "removal", "tests", "docs", "dependencies"]
"""What kind of change a task asks for: what must be shown of it."""
PROFILES: tuple[Profile, ...] = get_args(Profile)
DEFAULT: Profile = "feature"
"""Where nobody says anything: the one of which the most must be shown."""
FIELD = "profile"
LISTS = ("tags", "labels")
"""Fields of a task that list words, one of which may be a profile's name."""


@dataclass(frozen=True, slots=True)
class StatedProfile:
    """What a task of a backlog says of its profile."""

    profile: Profile | None = None
    source: str = ""
    """The field that says it."""
    problem: str = ""
    """What is wrong with it, as the rest of a sentence about the task; it quotes nothing of others."""


_FIELDS = frozenset((FIELD, *LISTS))
_NOTHING = StatedProfile()


def stated(fields: Mapping[str, Any]) -> StatedProfile:
    """The profile that a task's fields in tasks.json give: `profile`, else a list of tags that has just one's name."""
    if _FIELDS.isdisjoint(fields):
        return _NOTHING
    value = fields.get(FIELD)
    if value is not None and value != "":
        word = value.strip().lower() if isinstance(value, str) else ""
        if (profile := _of(word)) is not None:
            return StatedProfile(profile, FIELD)
        near = difflib.get_close_matches(word, PROFILES, n=1)
        hint = f'did you mean "{near[0]}"?' if near else "without one it is a feature"
        return StatedProfile(problem=f'has a "{FIELD}" that is none; expected one of {", ".join(PROFILES)}; {hint}')
    for name in LISTS:
        words = fields.get(name)
        named = {
            profile
            for word in (words if isinstance(words, list) else [])
            if isinstance(word, str) and (profile := _of(word.strip().lower())) is not None
        }
        if len(named) == 1:
            return StatedProfile(named.pop(), name)
    return StatedProfile()


def _of(word: str) -> Profile | None:
    return next((profile for profile in PROFILES if profile == word), None)


_PREFIXES: Mapping[str, Profile] = {
    "feat": "feature", "fix": "fix", "bugfix": "fix", "refactor": "refactor", "test": "tests", "tests": "tests",
    "docs": "docs", "doc": "docs", "deps": "dependencies",
}  # fmt: skip
"""The types of conventional commits."""
_WORDS: tuple[tuple[Profile, str], ...] = (
    ("fix", r"fix(?:es|ed)?|bugs?|crash(?:es)?|regressions?|hotfix|repair"),
    ("refactor", r"refactor(?:ing)?|restructure|reorgani[sz]e|clean ?up|tidy|simplify|deduplicate|rename|extract"),
    ("removal", r"remove|delete|drop|retire|deprecate|decommission"),
    ("tests", r"(?:unit |integration |end-to-end |e2e )?tests? (?:for|of|coverage)|(?:add|write) .{0,40}\btests|cover"),
    ("docs", r"document(?:ation)?|docs|readme|changelog|docstrings?|tutorial"),
    ("dependencies", r"upgrade|bump|dependenc(?:y|ies)|lock ?files?"),
)
_READ = tuple((profile, re.compile(rf"\b(?:{words})\b")) for profile, words in _WORDS)
_ANY = re.compile("|".join(rf"\b(?:{words})\b" for _, words in _WORDS))
"""Most titles have no such word, and one search shows it."""
_PREFIX = re.compile(r"\s*(?P<type>[a-z]+)(?:\((?P<scope>[^)]{0,40})\))?!?:")


def proposed(title: str) -> Profile | None:
    """The profile that a title reads like, other than the default: for a person to confirm, never to judge by."""
    title = title.lower()
    match = _PREFIX.match(title)
    if match is not None:
        named = _PREFIXES.get(match["type"]) or _PREFIXES.get(match["scope"] or "")
        if named is not None:
            return None if named == DEFAULT else named
    start = title[:300]
    if _ANY.search(start) is None:
        return None
    matches = {profile for profile, words in _READ if words.search(start)}
    return matches.pop() if len(matches) == 1 else None


def advice(profile: Profile, *, is_issue: bool = False) -> str:
    """What a plan says of a task that reads like one of `profile` and gives none, as the rest of a sentence."""
    how = f"give it the label {profile}" if is_issue else f'set "{FIELD}": "{profile}"'
    return f"reads like {_ARTICLES[profile]}: {how}, or it is judged as a {DEFAULT}"


_ARTICLES: Mapping[Profile, str] = {
    "feature": "a feature", "fix": "a fix", "refactor": "a refactoring", "removal": "a removal",
    "tests": "a task of tests alone", "docs": "one of documents alone", "dependencies": "a change of dependencies",
}  # fmt: skip
