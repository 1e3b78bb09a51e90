"""Probes of commands in a real shell: nothing of a plan is evaluated, and what came is judged like an answer."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pressplay.cli import main
from pressplay.gates.acceptance import command
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.proof import ProbeProof, markdown
from pressplay.gates.proving import frames, script
from pressplay.gates.proving.model import Project
from pressplay.gates.proving.script import ProjectScript
from pressplay.sandbox.container import wall

MARK = "@0123456789abcdef"
PYTHON = sys.executable
COPY = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
WORDS = 'import sys; sys.stdout.write("\\0".join(sys.argv[1:]))'
ALL_SHELLS = ["dash", "bash", "busybox"]


def plan(*commands: Mapping[str, Any]) -> ProbePlan:
    """A plan of these commands, also where it shows nothing of a change."""
    probes = [{"name": f"p{number}", "command": command_} for number, command_ in enumerate(commands)]
    return ProbePlan(json.dumps({"probes": probes}))


def carried_out(folder: Path, wanted: ProbePlan, shell: tuple[str, ...] = ("sh",), path: str = "") -> list[ProbeProof]:
    """What the commands of a plan bring in an empty tree, by the shell alone."""
    frames_: dict[str, bytes] = {}
    for number, probe in enumerate(wanted.commands(), start=1):
        tree, out, scripts = folder / f"tree{number}", folder / f"out{number}", folder / "script"
        tree.mkdir(parents=True)
        (out / "frames").mkdir(parents=True)
        for name, content in command.files_for(probe, number).items():
            write(scripts / name, content)
        lines = [
            "set -u",
            f"out={shlex.quote(str(out))}",
            'frame() { if [ -f "$2" ]; then cp "$2" "$out/frames/$1"; fi; }',
            "reap() { :; }",
            f"cd {shlex.quote(str(tree))}",
            command.shell(probe, number),
        ]
        write(scripts / "gate.sh", "\n".join(lines).encode())
        environment = {**os.environ, "PATH": path or os.environ["PATH"]}
        done = subprocess.run(
            [*shell, str(scripts / "gate.sh")], env=environment, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == b""
        frames_ |= {file.name: file.read_bytes() for file in (out / "frames").iterdir()}
    results = command.results(frames_, wanted)
    return [command.judge(probe, results[probe.name]) for probe in wanted.commands()]


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def failed(proof: ProbeProof) -> list[tuple[str, str, str]]:
    return [(check.what, check.expected, check.got) for check in proof.checks if not check.ok]


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("argv", "expect", "what"),
    [
        (["printf", "tea\n"], {"stdout": {"equals": "tea\n"}}, None),
        (["printf", "tea\n"], {"stdout": {"equals": "tea"}}, "stdout is"),
        (["printf", "tea\ncup\n"], {"stdout": {"lines": ["cup"], "contains": ["a\nc"]}}, None),
        (["printf", "tea\ncup\n"], {"stdout": {"lines": ["cu"]}}, "stdout has the line"),
        (["printf", "tea\r\ncup"], {"stdout": {"lines": ["tea", "cup"]}}, None),
        (["printf", '{"a": [1]}'], {"stdout": {"json": {"/a/0": 1}}}, None),
        (["printf", '{"a": [1]}'], {"stdout": {"json": {"/a/0": 2}}}, "JSON of stdout at /a/0"),
        (["printf", "tea"], {"stdout": {"notContains": ["Traceback"]}}, None),
        (["printf", "Traceback"], {"stdout": {"notContains": ["Traceback"]}}, "stdout does not contain"),
        (["sh", "-c", "echo why >&2; exit 3"], {"exitStatus": 3, "stderr": {"equals": "why\n"}}, None),
        (["sh", "-c", "echo why >&2; exit 3"], {"stderr": {"equals": "why\n"}}, "exit status"),
        (["sh", "-c", "echo why >&2"], {"stdout": {"contains": ["why"]}}, "stdout contains"),
        (["false"], {"exitStatus": [1, 2]}, None),
        (["no-such-program"], {"exitStatus": 0}, "exit status"),
        (["sh", "-c", "kill -9 $$"], {"exitStatus": 0}, "exit status"),
        (["sh", "-c", "echo x >out.txt"], {"files": {"out.txt": {"equals": "x\n"}}}, None),
        (["true"], {"files": {"out.txt": {"equals": ""}}}, "file out.txt is"),
        (["true"], {"files": {"out.txt": {"notContains": ["Traceback"]}}}, "file out.txt does not contain"),
        (["true"], {"files": {"out.txt": {"absent": True}}}, None),
        (["touch", "out.txt"], {"files": {"out.txt": {"absent": True}}}, "file out.txt"),
        (
            ["ln", "-s", "/etc/passwd", "out.txt"],
            {"files": {"out.txt": {"contains": ["root"]}}},
            "file out.txt contains",
        ),
        (["ln", "-s", "nowhere", "out.txt"], {"files": {"out.txt": {"absent": True}}}, "file out.txt"),
        (["mkfifo", "out.txt"], {"files": {"out.txt": {"contains": ["abc"]}}}, "file out.txt contains"),
        (["mkdir", "out.txt"], {"files": {"out.txt": {"absent": True}}}, "file out.txt"),
    ],
)
def test_what_a_command_brings_is_judged(tmp_path: Path, argv: list[str], expect: dict[str, Any], what: str | None):
    (proof,) = carried_out(tmp_path, plan({"argv": argv, "expect": expect}))
    assert (proof.kind, proof.attempts, proof.fault) == ("command", 1, "")
    assert [name for name, _, _ in failed(proof)] == ([] if what is None else [what])
    assert proof.passed is (what is None)


@pytest.mark.parametrize("shell", ALL_SHELLS)
@pytest.mark.parametrize("limited", [True, False])
def test_every_shell_does_the_same_with_and_without_the_program_timeout(tmp_path: Path, shell: str, limited: bool):
    program = subprocess.run(["which", shell], capture_output=True, text=True, check=False).stdout.strip()
    if not program:
        pytest.skip(f"{shell} is not here")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in (
        "sh",
        "cp",
        "rm",
        "mkdir",
        "head",
        "cat",
        "date",
        "sleep",
        "printf",
        *(["timeout"] if limited else []),
    ):
        where = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        (programs / name).symlink_to(where)
    steps = [
        {"argv": ["cat", "in.txt", "-"], "stdin": "two", "expect": {"stdout": {"equals": "one two"}}},
        {"argv": ["sh", "-c", "exit 7"], "expect": {"exitStatus": 7}},
        {"argv": ["sleep", "30"], "timeoutSeconds": 1, "expect": {"exitStatus": 0}},
        {"argv": ["cat", "in.txt"], "expect": {"stdout": {"equals": "one "}}},
    ]
    words = (program, "sh") if shell == "busybox" else (program,)
    (proof,) = carried_out(tmp_path, plan({"files": {"in.txt": "one "}, "steps": steps}), words, str(programs))
    assert failed(proof) == [
        ("step 3: exit status", "0", "no end within 1 s"),
        ("step 4: exit status", "0", "not carried out"),
        ("step 4: stdout is", "one ", "not carried out"),
    ]


@pytest.mark.rule("R7")
@given(
    words=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12), max_size=4),
    stdin=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    content=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_of_a_plan_is_evaluated(tmp_path_factory, words: list[str], stdin: str, content: str):
    folder = tmp_path_factory.mktemp("probe")
    (proof, copied) = carried_out(
        folder,
        plan(
            {"argv": [PYTHON, "-c", WORDS, *words], "expect": {"stdout": {"equals": "\0".join(words)}}},
            {
                "files": {"in $(x).txt": content},
                "argv": [PYTHON, "-c", COPY],
                "stdin": stdin,
                "expect": {"stdout": {"equals": stdin}, "files": {"in $(x).txt": {"equals": content}}},
            },
        ),
    )
    assert not failed(proof)
    assert not failed(copied)


@pytest.mark.rule("R7")
@pytest.mark.parametrize(
    "text",
    ["$(touch made)", "`touch made`", "; touch made", "'; touch made; '", '"; touch made; "', "\n touch made\n",
     "| touch made", "&& touch made", "$HOME", "${0}", "-n", "*", "~", "!!", "\\", "\t", "EOF\n", "frame x y"],
)  # fmt: skip
def test_hostile_texts_stay_texts(tmp_path: Path, text: str):
    (proof,) = carried_out(
        tmp_path,
        plan(
            {
                "files": {"a;touch made": text, "$(touch made)/b": "x"},
                "argv": [PYTHON, "-c", WORDS, text, text],
                "stdin": text,
                "expect": {
                    "stdout": {"equals": f"{text}\0{text}"},
                    "files": {"made": {"absent": True}, "a;touch made": {"equals": text}},
                },
            }
        ),
    )
    assert not failed(proof)


@pytest.mark.rule("R7")
@pytest.mark.parametrize(
    "name", ["frame", "reap", "probe_run", "say", "eval", "exit", ".", "cd", "command", "probe_file"]
)
def test_a_program_s_name_is_never_a_function_or_a_builtin_of_the_gate_s_shell(tmp_path: Path, name: str):
    (proof,) = carried_out(tmp_path, plan({"argv": [name, "1", "1", "true"], "expect": {"exitStatus": [126, 127]}}))
    assert not failed(proof)


@pytest.mark.rule("R4")
def test_a_long_output_is_cut_and_what_lies_beyond_is_not_known(tmp_path: Path):
    text = "import sys; sys.stdout.write('begin' + 'x' * 200_000 + '\\nend')"
    expect = {
        "stdout": {"contains": ["begin"], "notContains": ["end"], "equals": "y", "lines": ["end"], "json": {"": 1}}
    }
    (proof,) = carried_out(tmp_path, plan({"argv": [PYTHON, "-c", text], "expect": expect}))
    assert [name for name, _, _ in failed(proof)] == [
        "stdout does not contain", "stdout has the line", "stdout is", "JSON of stdout at its root",
    ]  # fmt: skip
    assert failed(proof)[0][2] == "a text longer than what is read"
    assert "only its first 65536 bytes were read" in proof.came
    assert len(proof.came) < 10_000


def test_steps_share_a_tree_and_probes_do_not(tmp_path: Path):
    add = {"argv": ["sh", "-c", "echo tea >>book"], "expect": {"files": {"book": {"lines": ["tea"]}}}}
    show = {"argv": ["cat", "book"], "expect": {"stdout": {"equals": "tea\n"}}}
    both, alone = carried_out(tmp_path, plan({"steps": [add, show]}, show))
    assert not failed(both)
    assert [name for name, _, _ in failed(alone)] == ["exit status", "stdout is"]
    assert "$ sh -c 'echo tea >>book'\n$ cat book" in both.asked
    assert "step 2: exit status 0\nstdout:\ntea" in both.came


def test_a_command_that_damages_where_results_are_kept_brings_nothing(tmp_path: Path):
    spoil = "rm -rf ../out1/probe-1; echo tea"
    (proof,) = carried_out(tmp_path, plan({"argv": ["sh", "-c", spoil], "expect": {"stdout": {"equals": "tea\n"}}}))
    assert not proof.passed


@pytest.mark.rule("R9")
def test_secrets_are_not_shown():
    token = "ghp_" + "a" * 36
    wanted = plan(
        {"argv": ["show", token], "expect": {"stdout": {"contains": ["x" * 9]}, "files": {"f": {"equals": "b"}}}}
    )
    left = command.LeftFile("file", f"password={token}".encode())
    result = command.CommandResult((command.StepResult(0, False, token.encode(), token.encode(), {"f": left}),))
    proof = command.judge(wanted.commands()[0], result)
    assert token not in repr(proof)
    assert "[redacted: GitHub token]" in proof.came


def test_what_was_not_carried_out_did_not_hold():
    wanted = plan({"argv": ["true"], "expect": {"exitStatus": 0}})
    assert command.results({}, wanted) == {"p0": None}
    proof = command.judge(wanted.commands()[0], None)
    assert (proof.passed, proof.attempts, proof.fault) == (False, 0, "it was not carried out")


@pytest.mark.parametrize(
    "status", [b"", b"step 1 0", b"step 2 0 1", b"step 1 -1 0", b"step 1 0 0 x", b"\xff", b"step 1 00000 1", b"unlaid"]
)
def test_a_status_that_the_shell_does_not_write_is_no_result(status: bytes):
    wanted = plan({"argv": ["true"], "expect": {"exitStatus": 0}})
    (result,) = command.results({"probe-1-status": status}, wanted).values()
    assert not command.judge(wanted.commands()[0], result).passed


def test_files_that_can_not_be_written_into_the_tree_are_a_fault(tmp_path: Path):
    folder = tmp_path / "tree1" / "data"
    wanted = plan({"files": {"data": "x"}, "argv": ["true"], "expect": {"exitStatus": 0}})
    folder.mkdir(parents=True)
    (tmp_path / "tree1").rename(tmp_path / "kept")
    probe = wanted.commands()[0]
    frames_ = {"probe-1-status": b"unlaid\n"}
    assert "could not be written" in command.judge(probe, command.results(frames_, wanted)["p0"]).fault


@pytest.mark.parametrize(
    ("named", "projects", "folder"),
    [
        (None, ["", "web"], ""),
        (None, ["web"], "web"),
        (None, ["web", "api"], None),
        ("api", ["web", "api"], "api"),
        ("api", ["web"], None),
        (None, [], None),
    ],
)
def test_a_probe_runs_in_the_project_that_it_names(named: str | None, projects: list[str], folder: str | None):
    wanted = plan({**({"project": named} if named else {}), "argv": ["true"], "expect": {"exitStatus": 0}})
    assert command.folder(wanted.commands()[0], projects) == folder


@pytest.mark.rule("R5")
def test_in_the_gate_s_own_script_a_probe_sees_each_variant_and_leaves_no_marks_of_its_own(tmp_path: Path):
    source, scripts, work = tmp_path / "source", tmp_path / "script", tmp_path / "work"
    work.mkdir()
    write(source / "calc.py", b"import sys\nprint(int(sys.argv[1]) * 2)\n")
    wanted = plan(
        {"argv": [PYTHON, "calc.py", "4"], "expect": {"stdout": {"equals": "8\n"}}},
        {"argv": ["sh", "-c", f"echo; echo '{MARK} end'"], "expect": {"stdout": {"contains": [f"{MARK} end"]}}},
    )
    for variant, overlay in {"base": {"calc.py": b"print(1)\n"}, "head": {}}.items():
        place = scripts / "variants" / "p0" / variant
        (place / "files").mkdir(parents=True)
        write(place / "remove.sh", script.removal([]).encode())
        write(place / "touch.sh", script.touches(overlay).encode())
        for path, content in overlay.items():
            write(place / "files" / path, content)
    for number, probe in enumerate(wanted.commands(), start=1):
        for name, content in command.files_for(probe, number).items():
            write(scripts / name, content)
    part = ProjectScript(
        0,
        Project("", "python", "true", "exit"),
        {"base": "base", "head": "base"},
        [("base", 1), ("head", 1)],
        {probe.name: command.shell(probe, number) for number, probe in enumerate(wanted.commands(), start=1)},
        probed=frozenset({"base", "head"}),
    )
    write(scripts / "python.sh", script.script(MARK, [part]).encode())
    environment = {
        "GATE_SOURCE": str(source), "GATE_WORK": str(work), "HOME": str(work / "home"), "TMPDIR": str(work / "tmp"),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }  # fmt: skip
    words = [*wall(lambda _: None), "sh", "-c", 'eval "$(cat "$0")"', str(scripts / "python.sh")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == script.DONE, done.stderr
    log = frames.read(MARK, done.stdout)
    outcomes = {}
    for variant in ("base", "head"):
        shown = {name: data for name_, step in log.steps.items() if name_.startswith(f"p0.{variant}.1.p")
                 for name, data in step.frames.items()}  # fmt: skip
        results = command.results(shown, wanted)
        outcomes[variant] = [command.judge(probe, results[probe.name]).passed for probe in wanted.commands()]
    assert outcomes == {"base": [False, True], "head": [True, True]}


def test_a_person_tries_commands_in_copies_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    checkout = tmp_path / "checkout"
    write(checkout / "packages" / "lib.txt", b"lib")
    write(checkout / ".gitignore", b"/packages/\n/old.txt\n")
    write(checkout / "old.txt", b"state of yesterday")
    write(checkout / "tool.sh", b'cat packages/lib.txt; echo " $1" >>book; cat book; ls old.txt\n')
    for words in (["init", "-q"], ["add", "tool.sh"]):
        subprocess.run(["git", "-C", str(checkout), *words], check=True, capture_output=True)
    step: dict[str, Any] = {
        "argv": ["sh", "tool.sh", "tea"],
        "expect": {"exitStatus": 2, "stdout": {"equals": "lib tea\n"}},
    }
    adds = {**step, "expect": {**step["expect"], "exitStatus": [0, 2]}}
    document = {
        "probes": [
            {"name": "adds", "command": adds},
            {"name": "again", "command": step},
            {"name": "lists", "http": {"path": "/", "expect": {"status": 200}}},
        ]
    }
    write(checkout / "plan.yaml", json.dumps(document).encode())
    monkeypatch.chdir(checkout)
    assert main(["acceptance", "plan.yaml"]) == 0
    shown = capsys.readouterr()
    assert "without the walls of the gate" in shown.err
    assert "looks at a deployment: see --url" in " ".join(shown.out.split())
    assert "2 probes held at the deployment" in shown.out or "2 probes held" in shown.out
    assert not (checkout / "book").exists()


def test_the_proof_shows_a_command_as_code():
    wanted = plan({"argv": ["show", "![x](http://evil.test)"], "expect": {"stdout": {"contains": ["</details>"]}}})
    result = command.CommandResult((command.StepResult(0, False, b"```\n@everyone", b"", {}),))
    proof = command.judge(wanted.commands()[0], result)
    from pressplay.gates.acceptance.proof import Proof

    text = markdown(Proof("a" * 40, "", "", wanted.digest, "", "", (proof,)))
    assert "````\nexit status 0\nstdout:\n```\n@everyone\n````" in text
