"""What each role does, for the demo project (recorded solutions) and for any other (notes)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from pressplay import names
from pressplay.errors import InputError, PressPlayError
from pressplay.sandbox.agents.worktree import WorkTree

SOLUTIONS = Path(__file__).with_name("solutions")
TEST_SECONDS = 120
_SHOWN = 6_000
"""Characters of failing output that a verdict quotes: the end, where the failures are."""
_SCRIPTED = "This is a scripted agent of Press Play's sandbox: it repeats a recorded answer and thinks nothing."


class Script(Protocol):
    """The roles of a task; each yields what it has to say."""

    def criteria(self) -> Iterator[str]:
        """Write sealed probes of the task."""
        ...

    def implement(self) -> Iterator[str]:
        """Build the task."""
        ...

    def lint(self) -> Iterator[str]:
        """Tidy what the branch changed."""
        ...

    def test(self) -> Iterator[str]:
        """Add tests, run them, give the verdict."""
        ...

    def fix(self) -> Iterator[str]:
        """Fix what the verdict asks for."""
        ...

    def conflict(self) -> Iterator[str]:
        """Merge the base."""
        ...


def perform(worktree: Path, env: Mapping[str, str]) -> Iterator[str]:
    """Play the role of `env` in the work tree, yielding what the agent says; PressPlayError where it fails."""
    kind = env.get("PRESSPLAY_SCRIPT", "demo")
    if kind not in ("demo", "notes"):
        raise InputError(f"PRESSPLAY_SCRIPT {kind!r}: expected demo or notes")
    if env.get("PRESSPLAY_ROLE") == "plan":
        from pressplay.sandbox.agents import documents

        yield from documents.write(worktree, _SCRIPTED)
        return
    script: Script = _Demo(worktree, env) if kind == "demo" else _Notes(worktree, env)
    roles = {
        "criteria": script.criteria,
        "implement": script.implement,
        "lint": script.lint,
        "test": script.test,
        "fix": script.fix,
        "conflict": script.conflict,
    }
    role = env.get("PRESSPLAY_ROLE", "")
    if role not in roles:
        raise InputError(
            f"PRESSPLAY_ROLE {role!r}: expected one of {', '.join(roles)}, plan; no other role is scripted"
        )
    yield from roles[role]()


class _Any:
    """What both scripts share."""

    def __init__(self, worktree: Path, env: Mapping[str, str]) -> None:
        self.env = env
        self.agent = env.get("PRESSPLAY_AGENT") or "agent"
        self.task = env.get("PRESSPLAY_TASK", "")
        if not self.task.isdecimal():
            raise InputError(f"PRESSPLAY_TASK {self.task!r}: expected the task's number")
        self.tree = WorkTree(worktree, env, self.agent)

    def message(self, subject: str) -> str:
        return f"{subject}\n\nTask {self.task}. {_SCRIPTED}\n"

    def seal(self, plan: str) -> None:
        """Hand a plan of independent criteria over."""
        (self.tree.path / "task" / "criteria.yaml").write_text(plan, encoding="utf-8")
        command = ["sh", "task/seal.sh", "task/criteria.yaml"]
        done = subprocess.run(command, cwd=self.tree.path, env=self.plain(), capture_output=True, text=True)
        if done.returncode:
            raise PressPlayError(f"{' '.join(command)}: {done.stderr.strip()}")
        self.tree.commit(self.message("Hand over sealed criteria"), [names.INDEPENDENT_PLAN])
        self.result(result="done")

    def wanted(self) -> str:
        """What this run's task folder says is wanted: reviews, and what gates refused; PressPlayError where nothing."""
        texts = [self.tree.path / "task" / name for name in ("review.md", "findings.md")]
        wanted = "\n".join(text.read_text(encoding="utf-8") for text in texts if text.exists())
        if not wanted:
            raise PressPlayError("task/review.md: expected what is wanted; neither it nor task/findings.md is there")
        return wanted

    def plain(self) -> dict[str, str]:
        """The environment of what is started here: it learns nothing of this run."""
        environment = {**os.environ, **self.env}
        return {k: v for k, v in environment.items() if not k.startswith(("PRESSPLAY_", "GIT_", "PYTHON"))}

    def conflict(self) -> Iterator[str]:
        """Merge the base, and keep the lines of both sides where they conflict."""
        base = self.env.get("PRESSPLAY_BASE", "")
        self.tree.merge(base, self.message(f"Merge {base}: keep the lines of both sides"))
        yield f"merged {base}"

    def result(self, **fields: str) -> None:
        """Hand over through PRESSPLAY_RESULT, whole or not at all."""
        if path := self.env.get("PRESSPLAY_RESULT"):
            part = Path(f"{path}.part")
            part.write_text(json.dumps(fields), encoding="utf-8")
            part.replace(path)


class _Demo(_Any):
    """The demo project's tasks, from the recorded solutions."""

    def __init__(self, worktree: Path, env: Mapping[str, str]) -> None:
        super().__init__(worktree, env)
        self.folder = SOLUTIONS / self.task
        if not (worktree / "stockroom" / "cli.py").exists() or not self.folder.is_dir():
            raise InputError(
                f"task {self.task} of {env.get('PRESSPLAY_REPO') or worktree}: the scripted agents know the tasks of "
                "the demo project and no others; give a real agent: pressplay play --agent COMMAND"
            )
        self.solution: dict[str, Any] = json.loads((self.folder / "solution.json").read_text(encoding="utf-8"))

    def criteria(self) -> Iterator[str]:
        plan = self.folder / "criteria.yaml"
        if not plan.exists():
            raise InputError(
                f"task {self.task}: no independent criteria are recorded for it; set tests.criteriaFirst to false, or "
                "give a real agent: pressplay play --agent COMMAND"
            )
        self.seal(plan.read_text(encoding="utf-8"))
        yield "sealed independent criteria"

    def stage(self, stage: str) -> Iterator[str]:
        """Commit what is recorded for a stage, commit by commit."""
        for step in self.solution.get(stage, []):
            for name in step["files"]:
                if not self.has_fix(stage, name):
                    self.tree.write(name, (self.folder / stage / name).read_bytes())
            if self.tree.commit(self.message(step["message"]), step["files"]):
                yield f"committed: {step['message']}"

    def has_fix(self, stage: str, name: str) -> bool:
        """Whether the branch has a later stage's form of the file: an old one must not come back over it."""
        there, later = self.tree.path / name, self.folder / "fix" / name
        return stage == "implement" and there.exists() and later.exists() and there.read_bytes() == later.read_bytes()

    def implement(self) -> Iterator[str]:
        said = list(self.stage("implement"))
        yield from said or ["everything of this task is in the branch already"]
        title = str(self.solution["title"])
        self.result(
            result="done",
            title=f"{title} (task {self.task})",
            body=f"{_SCRIPTED}\n\n" + "\n".join(f"- {s}" for s in said),
        )

    def lint(self) -> Iterator[str]:
        changed = self.tree.changed(self.env.get("PRESSPLAY_BASE", ""))
        files = [self.tree.path / name for name in changed if name.endswith(".py")]
        before = {file: file.read_bytes() for file in files if not file.is_symlink()}
        for command in (["check", "--fix-only", "--exit-zero"], ["format"]):
            self.ruff(*command, *map(str, before))
        tidied = [str(file.relative_to(self.tree.path)) for file, old in before.items() if file.read_bytes() != old]
        if tidied and self.tree.commit(self.message("Tidy the format, nothing else"), tidied):
            yield f"tidied {', '.join(tidied)}"
        else:
            yield "nothing to tidy"

    def ruff(self, *arguments: str) -> None:
        """Run ruff in the work tree; a file that it can't read it leaves as it is."""
        command = [sys.executable, "-m", "ruff", arguments[0], "--no-cache", "--quiet", *arguments[1:]]
        subprocess.run(command, cwd=self.tree.path, env=self.plain(), capture_output=True, check=False)

    def test(self) -> Iterator[str]:
        yield from self.stage("test")
        passed, output = self.run_tests()
        count = "".join(re.findall(r"^Ran \d+ tests?", output, re.MULTILINE)[-1:]) or "No tests ran"
        if passed:
            self.result(result="pass", body=f"{count}, all passed.\n\n{_SCRIPTED}")
            yield f"pass: {count}"
            return
        failed = re.findall(r"^(?:FAIL|ERROR): (.+)$", output, re.MULTILINE)
        failures = "\n".join(f"- {_code(name)}" for name in failed) or "- the tests did not come to an end"
        quoted = _fenced(output[-_SHOWN:])
        self.result(result="changes", body=f"{count}. What fails:\n\n{failures}\n\n{quoted}\n\n{_SCRIPTED}")
        yield f"changes wanted: {', '.join(failed) or 'the tests did not come to an end'}"

    def run_tests(self) -> tuple[bool, str]:
        """Run the project's tests as a process of its own, which learns nothing of this run."""
        command = [sys.executable, "-S", "-B", "-m", "unittest"]
        try:
            done = subprocess.run(
                command,
                cwd=self.tree.path,
                env=self.plain(),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TEST_SECONDS,
            )
        except subprocess.TimeoutExpired as late:
            text = late.stderr.decode(errors="replace") if isinstance(late.stderr, bytes) else late.stderr or ""
            return False, f"{text}\nstopped after {TEST_SECONDS} s"
        # The path of this work tree is of no use to the reader and differs from run to run.
        output = (
            (done.stdout + done.stderr).replace(f"{self.tree.path.resolve()}/", "").replace(f"{self.tree.path}/", "")
        )
        # Python says 5 where there was no test at all (3.12); that is no pass either.
        return done.returncode == 0 and "\nRan 0 tests" not in output, output

    def fix(self) -> Iterator[str]:
        wanted = self.wanted()
        answered = [name for name in self.solution.get("answers", []) if name in wanted]
        if not answered:
            yield "nothing is recorded for what is wanted; left as it is"
            return
        yield f"wanted: {', '.join(answered)}"
        yield from self.stage("fix")


class _Notes(_Any):
    """Any project: the task's text, as the run got it, becomes a note in `notes/`."""

    def note(self) -> str:
        return f"notes/task-{self.task}.md"

    def criteria(self) -> Iterator[str]:
        listed = (self.tree.path / "task" / "acceptance-criteria.md").read_text(encoding="utf-8")
        ids = ", ".join(dict.fromkeys(re.findall(r"AC[1-9][0-9]*", listed)))
        covers = f"covers: [{ids}], " if ids else ""
        command = f"{{argv: [cat, {self.note()}], expect: {{exitStatus: 0, stdout: {{contains: [ask]}}}}}}"
        self.seal(f"probes:\n  - {{name: the-note-is-there, {covers}command: {command}}}\n")
        yield "sealed independent criteria"

    def implement(self) -> Iterator[str]:
        task_text = self.tree.path / "task" / "task.md"
        if not task_text.exists():
            raise PressPlayError("task/task.md: expected the task's text; the task folder is not there")
        self.tree.write(self.note(), task_text.read_bytes())
        self.tree.commit(self.message(f"Note task {self.task}"), [self.note()])
        self.result(result="done", title=f"Note task {self.task}", body=_SCRIPTED)
        yield f"wrote {self.note()}"

    def lint(self) -> Iterator[str]:
        yield "nothing to tidy"

    def test(self) -> Iterator[str]:
        if int(self.env.get("PRESSPLAY_ROUND") or 1) <= self.send_backs():
            self.result(result="changes", body=f"Sent back by PRESSPLAY_SEND_BACK.\n\n{_SCRIPTED}")
            yield "changes wanted"
            return
        if not (self.tree.path / self.note()).exists():
            raise PressPlayError(f"{self.note()}: expected the note of this task in the branch")
        self.result(result="pass", body=f"The note is there.\n\n{_SCRIPTED}")
        yield "pass"

    def send_backs(self) -> int:
        for entry in self.env.get("PRESSPLAY_SEND_BACK", "").split(","):
            task, _, rounds = entry.strip().partition(":")
            if task == self.task:
                return int(rounds or 1)
        return 0

    def fix(self) -> Iterator[str]:
        file = self.tree.path / self.note()
        points = ", ".join(re.findall(r"^### (\S+)", self.wanted(), re.MULTILINE))
        line = f"\nAnswered in round {self.env.get('PRESSPLAY_ROUND') or 1}: {points or 'what the harness refused'}.\n"
        self.tree.write(self.note(), (file.read_bytes() if file.exists() else b"") + line.encode())
        self.tree.commit(self.message(f"Answer what was asked of task {self.task}"), [self.note()])
        yield f"changed {self.note()}"


def _code(text: str) -> str:
    """`text` as code in Markdown, whatever it holds."""
    ticks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def _fenced(text: str) -> str:
    """`text` as a block of code in Markdown; the fence is longer than any in it."""
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}text\n{text.strip()}\n{fence}"
