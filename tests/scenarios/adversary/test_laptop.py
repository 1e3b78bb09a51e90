"""The laptop: an agent is a process of the same user. What it can't read, outlive or fill, and who may play where."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from harness import project, task

from pressplay.gates.acceptance.reach import OutOfReach, Reach, parse
from pressplay.sandbox import keeper
from pressplay.sandbox.launcher import ProcessLauncher

PLAY = [sys.executable, "-c", "from pressplay.cli import run; run()", "play"]
MARK = "LAPTOP_TEST_MARK"
SECONDS = 10.0
"""To the end, at most, on a machine that others use too; two are promised on a quiet one."""

AGENT = """
import json, os, pathlib, signal, subprocess, sys, time
env, folder = os.environ, pathlib.Path(sys.argv[1])
with open(folder / "starts", "a") as log:
    log.write(" ".join(env["PRESSPLAY_" + name] for name in ("RUN", "ROLE", "TASK", "ATTEMPT")) + "\\n")
if env["PRESSPLAY_ROLE"] == "implement":
    exec((folder / "first.py").read_text())
    pathlib.Path("done-" + env["PRESSPLAY_TASK"]).write_text("done")
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(["git", "commit", "-qm", "the work"], check=True)
if env["PRESSPLAY_ROLE"] == "test":
    pathlib.Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps({"verdict": "pass", "body": "seen"}))
"""
STUBBORN = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "600"])
subprocess.Popen(["setsid", "sh", "-c", "trap '' TERM INT; sleep 600 & wait"])
pathlib.Path("half").write_text("not handed over")
(folder / ("ready-" + env["PRESSPLAY_TASK"])).touch()
time.sleep(600)
"""
TIDY = """
def tidy(*_):
    (folder / "tidied").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, tidy)
(folder / ("ready-" + env["PRESSPLAY_TASK"])).touch()
time.sleep(600)
"""


@dataclass
class Playing:
    """A project, an agent whose first act a test decides, and plays of it as a shell would start them."""

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        (self.folder / "agent.py").write_text(AGENT)

    @property
    def state(self) -> Path:
        return self.folder / ".press-play" / "project"

    def prepare(self, first: str, tasks: int = 1) -> None:
        self.first(first)
        project(self.folder, [task(number) for number in range(1, tasks + 1)])

    def first(self, code: str) -> None:
        """What the agent does before its work."""
        (self.folder / "first.py").write_text(code)

    def press(self, *args: str) -> subprocess.Popen[str]:
        agent = ["--agent", f"{sys.executable} {self.folder / 'agent.py'} {self.folder}"]
        return subprocess.Popen(
            [*PLAY, "project", *(agent if "--resume" not in args else []), *args],
            cwd=self.folder,
            env={**os.environ, MARK: self.mark},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def whole(self, *args: str) -> tuple[int, str]:
        """A play to its end: exit status, and what it said."""
        pressed = self.press(*args)
        _, said = pressed.communicate(timeout=240)
        return pressed.returncode, said

    def alive(self) -> list[int]:
        """The living processes that were started below a play, by what they have in their environment."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if f"{MARK}={self.mark}".encode() in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
        return found

    def starts(self) -> list[list[str]]:
        return [line.split() for line in (self.folder / "starts").read_text().splitlines()]


@pytest.fixture
def playing(tmp_path: Path) -> Iterator[Playing]:
    made = Playing(tmp_path)
    yield made
    for pid in made.alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def until(happened: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


def ended(pressed: subprocess.Popen[str]) -> tuple[float, str]:
    """Seconds to the end of a play that was told to end, and what it said."""
    began = time.monotonic()
    _, said = pressed.communicate(timeout=120)
    return time.monotonic() - began, said


# -- stopped by hand ---------------------------------------------------------------------------------------------------

SIGNALS = {"ctrl-c": (signal.SIGINT,), "sigterm": (signal.SIGTERM,), "ctrl-c-twice": (signal.SIGINT, signal.SIGINT)}


@pytest.mark.rule("R3")
@pytest.mark.rule("R4")
@pytest.mark.parametrize("numbers", SIGNALS.values(), ids=SIGNALS)
def test_an_agent_that_ignores_sigterm_and_hides_its_child_ends_with_the_play(playing, numbers, record_property):
    playing.prepare(STUBBORN, tasks=2)
    pressed = playing.press()
    until(lambda: all((playing.folder / f"ready-{number}").exists() for number in (1, 2)), "both agents work")
    assert len(playing.alive()) >= 9, (
        "the play; and of each agent: keeper, itself, a child, one in a session of its own"
    )
    for number in numbers:
        # As a terminal does: to all of the foreground, git for example.
        os.killpg(pressed.pid, number)
        time.sleep(0.1)
    seconds, said = ended(pressed)
    record_property("seconds", round(seconds, 2))
    print(f"{[number.name for number in numbers]}: {seconds:.2f} s")
    assert seconds < SECONDS
    assert playing.alive() == []
    assert pressed.returncode == 128 + numbers[0]
    assert "Traceback" not in said
    if len(numbers) == 1:
        assert f"Stopped by {'Ctrl-C' if numbers[0] is signal.SIGINT else 'SIGTERM'}." in said
        runs = {start[2]: start[0] for start in playing.starts()}
        for number in ("1", "2"):
            assert f"  task   {number}  rex implements: .press-play/project/runs/{runs[number]}/log\n" in said
        assert "To resume:  pressplay play project --resume\n" in said

    playing.first("")
    assert playing.whole("--resume")[0] == 0
    starts = playing.starts()
    assert {start[3] for start in starts} == {"0"}, "no attempt is spent"
    again = [["implement", "1"], ["implement", "1"], ["implement", "2"], ["implement", "2"]]
    assert sorted(start[1:3] for start in starts if start[1] == "implement") == again
    assert len({start[0] for start in starts}) == 6, "no other run is made"
    assert len(starts) == 8
    kept = playing.state / "runs" / starts[0][0]
    assert (kept / "tree.stopped" / "half").read_text() == "not handed over"
    assert not (kept / "tree" / "half").exists()
    assert playing.alive() == []


@pytest.mark.rule("R3")
def test_an_agent_that_heeds_sigterm_has_time_to_tidy_up_and_is_no_success(playing):
    playing.prepare(TIDY)
    pressed = playing.press()
    until((playing.folder / "ready-1").exists, "the agent works")
    pressed.send_signal(signal.SIGINT)
    seconds, said = ended(pressed)
    assert seconds < SECONDS
    assert (playing.folder / "tidied").exists()
    assert pressed.returncode == 130, said
    playing.first("")
    assert playing.whole("--resume")[0] == 0
    assert [start[1] for start in playing.starts()] == ["implement", "implement", "lint", "test"]


def run(folder: Path, script: str, seconds: float = 60.0) -> int:
    """An agent by itself, in the keeper that every run has; its exit status."""
    folder.mkdir()
    launcher = ProcessLauncher(["sh", "-c", script])
    launcher.start(folder, folder, {**os.environ, MARK: folder.name})
    until(lambda: launcher.ended(folder) is not None, "the agent ends", seconds)
    code = launcher.ended(folder)
    assert code is not None
    return code


HIDDEN = "(setsid sh -c 'env -i sleep 1234.{0} & echo $! > child; wait' &) ; until [ -s child ]; do sleep 0.05; done"


def lives(pid: int) -> bool:
    return keeper.start_time(pid) != ""


def test_a_child_that_an_agent_leaves_behind_under_another_name_ends_with_the_run(tmp_path):
    """Orphaned twice, in a session of its own, with nothing in its environment: no list of ours has it."""
    assert run(tmp_path / "run", HIDDEN.format(1)) == 0
    assert not lives(int((tmp_path / "run" / "child").read_text()))


def test_a_child_that_the_agent_waits_for_does_its_work(tmp_path):
    assert run(tmp_path / "run", "(setsid sh -c 'sleep 0.3; echo done > child' &); until [ -s child ]; do :; done") == 0
    assert (tmp_path / "run" / "child").read_text() == "done\n"


# -- what fills the disk -----------------------------------------------------------------------------------------------

PRINTS = "echo first; head -c {size} /dev/zero | tr '\\0' x; echo; echo last"


def test_an_agent_that_prints_without_end_fills_no_disk_and_its_log_has_both_ends(tmp_path):
    began = time.monotonic()
    assert run(tmp_path / "run", PRINTS.format(size=200 << 20)) == 0
    print(f"200 MiB: {time.monotonic() - began:.1f} s")
    log = (tmp_path / "run" / "log").read_bytes()
    assert keeper.LOG_HEAD + keeper.LOG_TAIL <= len(log) <= keeper.LOG_LIMIT
    assert log.startswith(b"first\nxxx")
    assert log.endswith(b"xxx\nlast\n")
    told = re.findall(rb"\n\[press-play: (\d+) bytes left out here\]\n", log)
    whole = (200 << 20) + len(b"first\n\nlast\n")
    line = len(b"\n[press-play:  bytes left out here]\n") + len(told[0])
    assert [int(count) for count in told] == [whole - (len(log) - line)]


def test_the_log_of_an_agent_that_prints_a_lot_is_whole(tmp_path):
    assert run(tmp_path / "run", PRINTS.format(size=9 << 20)) == 0
    assert (tmp_path / "run" / "log").stat().st_size == (9 << 20) + len("first\n\nlast\n")


# -- keys --------------------------------------------------------------------------------------------------------------

LOOKS = """
import glob
found, needles = [], [b"PRIVATE KEY", b"ghs_", b"ghp_", b"webhook-secret", b"You are Rex"]
state = pathlib.Path(env["PRESSPLAY_RESULT"]).parents[2]
read = [path for path in state.rglob("*") if path.is_file()]
parent = os.getppid()
while parent > 1:
    read += [pathlib.Path(f"/proc/{parent}/{name}") for name in ("environ", "cmdline")]
    parent = int(open(f"/proc/{parent}/stat").read().rpartition(")")[2].split()[1])
read.append(pathlib.Path("/proc/self/environ"))
for path in read:
    try:
        text = path.read_bytes()
    except OSError:
        continue
    found += [[str(path), needle.decode()] for needle in needles if needle in text]
(folder / "found.json").write_text(json.dumps({"found": found, "read": len(read)}))
"""


@pytest.mark.rule("R9")
def test_an_agent_that_looks_for_keys_and_tokens_finds_none(playing):
    """In the database, its log, every file of the folder, and the environment of all that it comes from."""
    playing.prepare(LOOKS)
    assert playing.whole()[0] == 0
    seen = json.loads((playing.folder / "found.json").read_text())
    assert any(Path(path).name == "state.db-wal" for path in map(str, playing.state.iterdir())) or seen["read"] > 20
    assert [needle for _, needle in seen["found"] if needle != "You are Rex"] == []
    # It does find what is there for it to read: its persona.
    assert any(path.endswith("persona.md") for path, _ in seen["found"]), seen


@pytest.mark.rule("R9")
@pytest.mark.rule("R3")
def test_the_keys_of_a_new_process_serve_what_an_earlier_one_began(playing):
    """Killed in the middle, with no word: the next process has keys of its own, and the play its end."""
    playing.prepare("(folder / 'ready').touch()\nwhile not (folder / 'go').exists(): time.sleep(0.02)\n")
    pressed = playing.press()
    until((playing.folder / "ready").exists, "the agent works")
    pressed.send_signal(signal.SIGKILL)
    pressed.communicate()
    (playing.folder / "go").touch()
    assert playing.whole("--resume")[0] == 0
    assert [start[1] for start in playing.starts()] == ["implement", "lint", "test"]


NOBODY = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_reads_nothing_of_the_sandbox(playing):
    """Not even where an earlier version left it open."""
    playing.folder.chmod(0o755)
    playing.prepare("")
    assert playing.whole()[0] == 0
    for path in (playing.state, *playing.state.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert playing.whole("--resume")[0] == 0
    modes = {path.name: path.stat().st_mode & 0o777 for path in playing.state.iterdir()}
    assert all(mode in (0o600, 0o700) for mode in modes.values()), {name: oct(mode) for name, mode in modes.items()}
    assert playing.state.stat().st_mode & 0o777 == 0o700
    assert reads(playing.state / "state.db", NOBODY) != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_its_owner_reads_what_is_in_it_and_agents_files_have_the_modes_they_are_used_to(playing):
    playing.folder.chmod(0o755)
    playing.prepare("pathlib.Path('made').write_text('x')\n")
    assert playing.whole()[0] == 0
    assert reads(playing.state / "state.db", os.geteuid()) == 0
    made = next(playing.state.glob("runs/*/tree/made"))
    umask = os.umask(0o022)
    os.umask(umask)
    assert made.stat().st_mode & 0o777 == 0o666 & ~umask


def reads(file: Path, user: int) -> int:
    command = ["head", "-c", "1", str(file)]
    return subprocess.run(command, user=user, group=user, extra_groups=[], check=False, capture_output=True).returncode


# -- two plays, and where probes may go --------------------------------------------------------------------------------


@pytest.mark.rule("R1")
@pytest.mark.parametrize("args", [(), ("--resume",), ("--fresh",)], ids=["press", "resume", "fresh"])
def test_a_second_play_in_the_same_folder_is_refused_and_changes_nothing(playing, args):
    playing.prepare(STUBBORN)
    first = playing.press()
    until((playing.folder / "ready-1").exists, "the agent works")
    status, said = playing.whole(*args)
    assert status == 2
    # Above it stands what would be played.
    assert said.endswith(
        f"\n.press-play/project: process {first.pid} plays here already: wait for its end, end it with Ctrl-C, "
        "or give this play a folder of its own with --state\n"
    )
    assert first.poll() is None
    assert len(playing.starts()) == 1
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)


@pytest.mark.rule("R1")
def test_a_second_play_in_a_folder_of_its_own_is_played(playing):
    playing.prepare(STUBBORN)
    first = playing.press()
    until((playing.folder / "ready-1").exists, "the agent works")
    playing.first("")
    assert playing.whole("--state", "other")[0] == 0
    assert first.poll() is None
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)


DEPLOYED = parse("https://preview.example.com/")
HARMFUL = ["192.88.99.1", "fec0::1", "::ffff:192.88.99.1", "64:ff9b::c058:6301", "5f00::1", "3fff::1", "192.0.0.8"]


@pytest.mark.rule("R8")
@pytest.mark.parametrize("address", HARMFUL)
def test_a_preview_that_resolves_into_an_old_corner_of_the_address_space_is_not_asked(address):
    reach = Reach(hosts=("preview.example.com",), networks=("10.0.0.0/8", "fd00::/8"))
    with pytest.raises(OutOfReach, match="may not be asked"):
        reach.admit_address(DEPLOYED, address, DEPLOYED)


@pytest.mark.rule("R8")
@pytest.mark.parametrize("address", ["192.88.98.1", "93.184.216.34", "2606:2800:220:1::1", "10.1.2.3", "fd00::7"])
def test_a_preview_at_a_public_address_or_in_an_allowed_network_is_asked(address):
    assert socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    reach = Reach(hosts=("preview.example.com",), networks=("10.0.0.0/8", "fd00::/8"))
    reach.admit_address(DEPLOYED, address, DEPLOYED)
