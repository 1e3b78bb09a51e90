"""What the acceptance gate captured: for each probe the request, the answer, and the checks.

All texts of a proof are made safe when it is made: secrets are taken out, what a terminal or a browser would act
on is spelt out, long texts are cut. It is kept as JSON, travels packed through an Argo parameter, and is shown on the
pull request, where strangers' texts stand in code alone (R7).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pressplay.errors import InputError
from pressplay.gates.acceptance import packing
from pressplay.validation.markdown import code, fence
from pressplay.validation.redaction import redact

EXCERPT = 8 * 1024
"""Characters of an answer that are kept."""
PACKED = 48 * 1024
"""Characters of a proof as it travels through an Argo parameter."""
SHOWN = 60_000
"""Characters of a proof as it is shown: GitHub takes 65,535."""
NEEDED = 80
"""Characters that stay of what an expectation is called and of why there is nothing to compare."""
NAMED = 10
"""Probes that a reason names before it only counts the rest."""

_SECRET_NAME = re.compile(r"(?i)auth|cookie|token|secret|passw|api-?key|credential|session|signature")
_HIDDEN = "[hidden]"
_CLOSED = ConfigDict(extra="forbid", strict=True)
_LIMITS = (EXCERPT, 4096, 2048, 1024, 512, 256, 128, 64, 32, 0)
"""Characters that each text of a proof may keep, tried one after the other until the whole fits."""


@dataclass(frozen=True, slots=True)
class ProbeCheck:
    """One expectation."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    what: str
    """What it checks, in our own words (`status`, `body contains`); may name a header or a pointer of the plan."""
    expected: str
    got: str
    ok: bool


@dataclass(frozen=True, slots=True)
class ProbeProof:
    """What one probe brought, by its last try."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    name: str
    """As in the plan; safe anywhere."""
    kind: str
    """`http`, `logs`, `workload` or `command`."""
    asked: str
    attempts: int
    """Tries that were made; 0 if there was none."""
    came: str
    fault: str
    """Why there is nothing to compare: refused, no answer, no time; empty otherwise."""
    checks: tuple[ProbeCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether all checks held."""
        return not self.fault and bool(self.checks) and all(check.ok for check in self.checks)

    @property
    def failure(self) -> str:
        """Why it does not hold: what was expected and what it got; empty where it holds. Strangers' text, made safe."""
        wrong = next((check for check in self.checks if not check.ok), None)
        return self.fault or (f"{wrong.what}: expected {wrong.expected}, got {wrong.got}" if wrong else "")


@dataclass(frozen=True, slots=True)
class Proof:
    """What a plan brought at one commit in one environment."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    commit: str
    environment: str
    url: str
    plan: str
    """The plan's digest."""
    started: str
    ended: str
    """Both RFC 3339."""
    probes: tuple[ProbeProof, ...]

    @property
    def passed(self) -> bool:
        """Whether every probe held. A proof without probes proves nothing."""
        return bool(self.probes) and all(probe.passed for probe in self.probes)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the probes that did not hold."""
        return tuple(probe.name for probe in self.probes if not probe.passed)

    def to_json(self) -> str:
        """The proof as JSON, keys as the fields."""
        return json.dumps(asdict(self), separators=(",", ":"), ensure_ascii=False)

    @staticmethod
    def from_json(text: str, where: str = "proof") -> Proof:
        """The proof that `to_json` wrote; InputError naming `where` for anything else."""
        try:
            return TypeAdapter(Proof).validate_json(text)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'all'}: {fault['msg']}" for fault in error.errors()[:5]
            )
            raise InputError(f"{where}: expected a proof as the acceptance gate writes it: {faults}") from error

    def pack(self) -> str:
        """The proof as an Argo parameter may carry it, at most `PACKED` characters: its texts are cut until it fits.

        InputError if it does not fit even without them, which cannot happen for a plan that `read` accepts.
        """
        for limit in _LIMITS:
            packed = packing.pack(cut(self, limit).to_json())
            if len(packed) <= PACKED:
                return packed
        raise InputError(
            f"proof: expected at most {PACKED} characters once packed, got more: {len(self.probes)} probes"
        )

    @staticmethod
    def unpack(text: str, where: str = "proof") -> Proof:
        """The proof that `pack` packed; InputError if it is not one."""
        return Proof.from_json(packing.unpack(text, where), where)


def safe(text: str, limit: int = EXCERPT) -> str:
    """Strangers' text as a proof may hold it: without secrets, without control characters, cut to `limit`."""
    return shortened(visible(redact(text)), limit)


def visible(text: str) -> str:
    """`text` with everything that does not show spelt out (`\\x1b`, `\\u202e`); tabs and line ends stay."""
    plain = text.replace("\r\n", "\n")
    if plain.isprintable():
        return plain
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else letter.encode("unicode_escape").decode("ascii")
        for letter in plain
    )


def shortened(text: str, limit: int) -> str:
    """`text` cut to `limit` characters, saying how much is missing."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"


def is_secret(header: str) -> bool:
    """Whether a header's value is not for others, by its name."""
    return _SECRET_NAME.search(header) is not None


def header(name: str, value: str) -> str:
    """A header as a proof may hold it."""
    return f"{name}: {_HIDDEN if is_secret(name) else labelled(name, value)}"


def labelled(label: str, value: str, limit: int = 300) -> str:
    """`value` as a proof may hold it; its label may be what marks it as a secret."""
    whole = f"{label}: {value}"
    hidden = redact(whole)
    return safe(value if hidden == whole else hidden.removeprefix(f"{label}: "), limit)


def cut(proof: Proof, limit: int) -> Proof:
    """The proof with each of its texts cut to `limit` characters."""

    def short(text: str) -> str:
        return shortened(text, limit) if limit else ""

    def kept(text: str) -> str:
        return shortened(text, max(limit, NEEDED))

    probes = tuple(
        replace(
            probe,
            asked=short(probe.asked),
            came=short(probe.came),
            fault=kept(probe.fault),
            checks=tuple(
                replace(check, what=kept(check.what), expected=short(check.expected), got=short(check.got))
                for check in probe.checks
            ),
        )
        for probe in proof.probes
    )
    return replace(proof, probes=probes)


def reason(proof: Proof) -> str:
    """Why there is no approval, in one sentence of our own: only counts, the commit and names of probes."""
    count = len(proof.probes)
    if proof.passed:
        return f"{_counted(count, 'probe')} held at {proof.commit[:12] or 'the deployment'}"
    if not count:
        return "nothing was probed"
    where = proof.commit[:12] or "the deployment"
    return f"{len(proof.failed)} of {_counted(count, 'probe')} did not hold at {where}: {listed(proof.failed)}"


def first_failure(proof: Proof) -> str:
    """The first probe that does not hold, with what was expected and what it got; strangers' text, made safe."""
    return next((f"{probe.name}: {probe.failure}" for probe in proof.probes if probe.failure), "")


def summary(proof: Proof) -> str:
    """A proof in one paragraph of Markdown."""
    outcome = "passed" if proof.passed else "failed"
    held = len(proof.probes) - len(proof.failed)
    text = f"**Acceptance {outcome}:** {held} of {_counted(len(proof.probes), 'probe')} held"
    if proof.commit:
        text += f" at `{proof.commit}`"
    if proof.environment:
        text += f" in {code(proof.environment)}"
    if proof.url:
        text += f" ({code(proof.url)})"
    if proof.failed:
        text += f". Failed: {listed([f'`{name}`' for name in proof.failed])}"
    return f"{text}."


def listed(names: Sequence[str]) -> str:
    """Names for people; of many the first `NAMED`, and how many more there are."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def markdown(proof: Proof) -> str:
    """A proof for people on GitHub: fewer than `SHOWN` characters, all that is strangers' in code."""
    for text in _renderings(proof):
        if len(text) < SHOWN:
            return text
    return f"{summary(proof)}\n\nIt is too large to be shown here.\n"


def _renderings(proof: Proof) -> Iterator[str]:
    """The proof as Markdown, longer ones first."""
    for limit in _LIMITS:
        yield _rendered(cut(proof, limit), every=True)
    yield _rendered(cut(proof, 0), every=False)


def _rendered(proof: Proof, every: bool) -> str:
    """`every`: also list the checks that held."""
    parts = [
        summary(proof),
        f"Made by the harness from {proof.started} to {proof.ended}, by the plan `{proof.plan}`.",
    ]
    for probe in sorted(proof.probes, key=lambda probe: probe.passed):
        tries = "" if probe.attempts == 1 else f", {_counted(probe.attempts, 'try', 'tries')}"
        parts.append(f"### `{probe.name}` {'held' if probe.passed else 'failed'} ({probe.kind}{tries})")
        if probe.asked:
            parts.append(_block(probe.asked))
        lines = [f"- {code(probe.fault, 500)}"] if probe.fault else []
        lines += [_line(check) for check in probe.checks if every or not check.ok]
        parts.append("\n".join(lines))
        if probe.came:
            parts.append(f"<details><summary>Answer</summary>\n\n{_block(probe.came)}\n\n</details>")
    return "\n\n".join(part for part in parts if part) + "\n"


def _line(check: ProbeCheck) -> str:
    line = f"- {'held' if check.ok else '**failed**'}: {code(check.what)}"
    if check.expected:
        line += f", expected {code(check.expected)}"
    return line + (f", got {code(check.got)}" if check.got else "")


def _block(text: str) -> str:
    marks = fence(text)
    return f"{marks}\n{text}\n{marks}"


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
