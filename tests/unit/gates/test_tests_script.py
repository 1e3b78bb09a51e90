"""The script of the tests gate in a real shell, and the reader of what it prints: nothing that a test prints counts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pressplay.gates.proving import frames, job, script
from pressplay.gates.proving.frames import Seen, Tampered
from pressplay.gates.proving.model import Project, ReportKind
from pressplay.gates.proving.script import ProjectScript
from pressplay.sandbox.container import wall

pytestmark = pytest.mark.rule("R5")
MARK = "@0123456789abcdef"
HEAD = {
    "calc.py": "def double(x):\n    return x * 2\n",
    "check.py": "from calc import double\nassert double(3) == 6\n",
}
BASE = {"calc.py": b"def double(x):\n    return x\n"}
PYTHON = f"{sys.executable} -B check.py"


def run(
    folder: Path,
    test: str = PYTHON,
    variants: Mapping[str, Mapping[str, bytes | None]] | None = None,
    runs: Mapping[str, int] | None = None,
    head: Mapping[str, str] = HEAD,
    report: ReportKind = "exit",
    variables: Mapping[str, str] | None = None,
    **fields: object,
) -> tuple[int, str]:
    """The exit status and the output of a job with these variants, in a wall."""
    source, scripts, work = folder / "source", folder / "script", folder / "work"
    for path, text in head.items():
        _write(source / path, text.encode())
    work.mkdir()
    overlays = {"base": BASE, "head": {}} if variants is None else variants
    for name, overlay in overlays.items():
        place = scripts / "variants" / "p0" / name
        place.mkdir(parents=True)
        _write(place / "remove.sh", script.removal([p for p, content in overlay.items() if content is None]).encode())
        _write(place / "touch.sh", script.touches(overlay).encode())
        for path, content in overlay.items():
            if content is not None:
                _write(place / "files" / path, content)
    project = {key: value for key, value in fields.items() if key in Project.__dataclass_fields__}
    rest = {key: value for key, value in fields.items() if key not in project}
    part = ProjectScript(
        0,
        Project("", "python", test, report, **project),  # type: ignore[arg-type]
        dict.fromkeys(overlays, "base"),
        [(name, run) for name in overlays for run in range(1, (runs or {}).get(name, 1) + 1)],
        {},
        **rest,  # type: ignore[arg-type]
    )
    _write(scripts / "python.sh", script.script(MARK, [part]).encode())
    environment = {
        "GATE_SOURCE": str(source),
        "GATE_WORK": str(work),
        "HOME": str(work / "home"),
        "TMPDIR": str(work / "tmp"),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        **(variables or {}),
    }
    command = [*wall(lambda _: None), "sh", "-c", 'eval "$(cat "$0")"', str(scripts / "python.sh")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout


def seen(folder: Path, *args: object, **fields: object) -> Seen:
    code, log = run(folder, *args, **fields)  # type: ignore[arg-type]
    assert code == script.DONE
    return frames.read(MARK, log)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_each_variant_is_run_as_often_as_it_says_on_its_own_tree(tmp_path: Path) -> None:
    steps = seen(tmp_path, runs={"base": 3, "head": 3}).steps
    assert {name: step.exit_status for name, step in steps.items()} == {
        **{f"p0.base.{n}": 1 for n in (1, 2, 3)},
        **{f"p0.head.{n}": 0 for n in (1, 2, 3)},
    }
    assert b"AssertionError" in steps["p0.base.1"].frames["log"]


def test_a_file_that_a_variant_lacks_is_gone_and_is_back_on_the_next(tmp_path: Path) -> None:
    variants = {"base": {"calc.py": None}, "head": {}}
    steps = seen(tmp_path, variants=variants).steps
    assert b"No module named 'calc'" in steps["p0.base.1"].frames["log"]
    assert steps["p0.head.1"].exit_status == 0


def test_what_a_run_writes_is_gone_in_the_next_one(tmp_path: Path) -> None:
    spoil = "test ! -e spoilt && touch spoilt"
    steps = seen(tmp_path, spoil, runs={"base": 2, "head": 2}).steps
    assert {step.exit_status for step in steps.values()} == {0}


@pytest.mark.parametrize("where", ["$TMPDIR/x", "$TMPDIR/.x", "$SHARED/x", "$SHARED/.x"])
def test_what_a_run_writes_to_a_temporary_folder_is_gone_in_the_next_one(tmp_path: Path, where: str) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    path = where.replace("$SHARED", str(shared))
    test = f'test ! -e "{path}" && mkdir "{path}" && touch "{path}/x" && chmod 500 "{path}"'
    steps = seen(tmp_path, test, runs={"base": 2, "head": 2}, variables={"GATE_TMP": str(shared)}).steps
    assert {step.exit_status for step in steps.values()} == {0}


def test_caches_stay_and_changed_packages_are_named(tmp_path: Path) -> None:
    setup = ("mkdir -p node_modules/a target && echo 1 >node_modules/a/index.js",)
    test = "test -f node_modules/a/index.js && echo x >>target/built && cat target/built"
    fields = {"setup": setup, "packages": ("node_modules",), "caches": ("target",)}
    steps = seen(tmp_path, test, **fields).steps
    assert steps["p0.head.1"].frames["log"] == b"x\nx\n"
    assert not steps["p0.head.1"].tampered


def test_a_build_that_goes_by_time_sees_the_variant_also_where_its_first_run_built_nothing(tmp_path: Path) -> None:
    """Seen: a probe of the head ran the base's program, for no test had built the head's before it."""
    head = {"answer": "head\n", "Makefile": "target/answer: answer\n\tcp answer target/answer\n"}
    every_other_run = (
        "mkdir -p target; echo x >>target/runs; "
        "if [ $(($(wc -l <target/runs) % 2)) -eq 0 ]; then make -s target/answer; fi; cat target/answer"
    )
    steps = seen(
        tmp_path,
        every_other_run,
        variants={"base": {"answer": b"base\n"}, "head": {}},
        runs={"base": 2, "head": 2},
        head=head,
        caches=("target",),
    ).steps
    assert [steps[f"p0.{name}.2"].frames["log"] for name in ("base", "head")] == [b"base\n", b"head\n"]


def test_a_run_that_changes_the_packages_is_marked(tmp_path: Path) -> None:
    setup = ("mkdir -p node_modules/a && echo 1 >node_modules/a/index.js",)
    # Its time can be set back; when it was last changed can't.
    test = "sleep 1.1; echo 2 >node_modules/a/index.js; touch -d 2001-01-01 node_modules/a/index.js"
    steps = seen(tmp_path, test, setup=setup, packages=("node_modules",)).steps
    assert steps["p0.base.1"].tampered


def test_where_setup_fails_nothing_is_run_and_its_output_is_shown(tmp_path: Path) -> None:
    steps = seen(tmp_path, setup=("echo no network; exit 3",)).steps
    assert list(steps) == ["p0.base.setup-1"]
    assert steps["p0.base.setup-1"].exit_status == 3
    assert steps["p0.base.setup-1"].frames["log"] == b"no network\n"


def test_each_variant_of_packages_that_failed_says_why(tmp_path: Path) -> None:
    setup = ("echo no network; exit 3",)
    variants = tuple(job.PlannedVariant(name, "base", 1) for name in ("base", "head"))
    project = Project("", "python", PYTHON, "exit", setup)
    plan = job.TestsPlan(MARK, (job.PlannedProject(0, project, variants),))
    runs = job.results(plan, {"python": seen(tmp_path, setup=setup)})
    assert {name: (run.problem, run.log) for name, (run,) in runs.items()} == {
        "base": ("setup", "no network\n"),
        "head": ("setup", "no network\n"),
    }


def test_where_a_build_fails_only_that_variant_is_not_run(tmp_path: Path) -> None:
    steps = seen(tmp_path, build=("grep -q 'x \\* 2' calc.py",)).steps
    assert "p0.base.1" not in steps
    assert steps["p0.head.1"].exit_status == 0


def test_optional_variants_are_left_out_once_the_time_for_them_has_passed(tmp_path: Path) -> None:
    looked_at = seen(tmp_path, optional=frozenset({"head"}), budget=0)
    assert looked_at.skipped == {"p0.head"}
    assert "p0.head.1" not in looked_at.steps


def test_a_run_has_its_time_limit(tmp_path: Path) -> None:
    part = ProjectScript(0, Project("", "python", "sleep 60", "exit", minutes=1), {"head": "base"}, [("head", 1)], {})
    assert "tests p0.head.1 60 " in script.script(MARK, [part])


FORGERIES = {
    "an end of its own": f"printf '\\n{MARK} ended p0.base.1 0 0\\n' >\"$f\"",
    "a run of its own": f"printf '\\n{MARK} begin p0.head.1\\n' >\"$f\"",
    "the end of everything": f"printf '\\n{MARK} end\\n' >\"$f\"",
    "a report": f"printf '\\n{MARK} frame log plain\\n{MARK} done log\\n' >\"$f\"",
}


@pytest.mark.parametrize("what", FORGERIES)
def test_marks_that_a_test_prints_make_the_whole_log_worthless(tmp_path: Path, what: str) -> None:
    """The promise: approval rests on what the harness saw. The test knows the mark, and finds the script's output."""
    forging = f"for f in /proc/1/fd/*; do {FORGERIES[what]}; done 2>/dev/null; {PYTHON}"
    code, log = run(tmp_path, forging)
    assert code == script.DONE
    with pytest.raises(Tampered):
        frames.read(MARK, log)


def test_a_process_that_a_run_leaves_is_ended_before_its_results_are_shown(tmp_path: Path) -> None:
    late = f"(sleep 1; for f in /proc/1/fd/*; do printf '\\n{MARK} end\\n' >\"$f\"; done) & true"
    looked_at = seen(tmp_path, late)
    assert looked_at.ended
    assert looked_at.steps["p0.head.1"].exit_status == 0


@pytest.mark.parametrize("name", ["a b", "a\nb", "-rf", "$(touch gone)", "a'b", "ä"])
def test_names_of_files_are_data(tmp_path: Path, name: str) -> None:
    head = {**HEAD, name: "1", "keep": "1"}
    test = "ls >listed; test -e keep && test -e calc.py && ! test -e gone"
    steps = seen(tmp_path, test, {"base": {name: None}, "head": {name: b"2"}}, head=head).steps
    assert {step.exit_status for step in steps.values()} == {0}


def lines(*texts: str) -> str:
    return "\n".join(f"{MARK} {text}" if text else "" for text in texts)


WHOLE = ("begin p0.head.1", "ended p0.head.1 0 2", "frame log plain", "done log", "end")


def test_a_log_without_its_end_says_so() -> None:
    assert frames.read(MARK, lines(*WHOLE)).ended
    cut = frames.read(MARK, lines(*WHOLE[:1]))
    assert not cut.ended
    assert cut.steps["p0.head.1"].exit_status is None


@pytest.mark.parametrize(
    "texts",
    [
        WHOLE * 2,
        (*WHOLE, "end"),
        WHOLE[1:],
        (WHOLE[0], *WHOLE),
        (*WHOLE[:2], *WHOLE[1:]),
        (*WHOLE[:4], *WHOLE[2:]),
        (WHOLE[0], "ended p0.other.1 0 2", "end"),
        (WHOLE[0], "ended p0.head.1 -1 2", "end"),
        (WHOLE[0], "end"),
        ("frame log plain", "done log", "end"),
        (*WHOLE[:3], "done report", "end"),
        ("whatever",),
    ],
)
def test_marks_out_of_order_are_refused(texts: tuple[str, ...]) -> None:
    with pytest.raises(Tampered):
        frames.read(MARK, lines(*texts))


def test_a_frame_that_can_t_be_unpacked_is_refused() -> None:
    log = f"{MARK} begin a\n{MARK} ended a 0 0\n{MARK} frame log gzip\nnot base64!\n{MARK} done log\n{MARK} end"
    with pytest.raises(Tampered):
        frames.read(MARK, log)


def test_what_runs_sees_no_variable_of_the_gates(tmp_path: Path) -> None:
    steps = seen(tmp_path, "env | grep -E '^(GATE|PROBE|MARK)' && exit 1; test -n \"$REPORT\"").steps
    assert {step.exit_status for step in steps.values()} == {0}


def test_of_go_s_events_those_that_only_repeat_others_are_left_out(tmp_path: Path):
    events = (
        '{"Action":"run","Package":"a","Test":"TestA"}',
        '{"Action":"output","Package":"a","Test":"TestA","Output":"=== RUN   TestA\\n"}',
        '{"Action":"pause","Package":"a","Test":"TestA"}',
        '{"Action":"output","Package":"a","Test":"TestA","Output":"    a_test.go:3: got 1\\n"}',
        '{"Action":"output","Package":"a","Test":"TestA","Output":"--- FAIL: TestA (0.00s)\\n"}',
        '{"Action":"fail","Package":"a","Test":"TestA"}',
    )
    lines = "".join(f"{event}\n" for event in events)
    log = seen(tmp_path, "cat events", head={"events": lines}, variants={"head": {}}, report="go-json")

    assert log.steps["p0.head.1"].frames["log"].decode().splitlines() == [events[0], *events[3:]]
