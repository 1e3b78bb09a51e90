"""R3: whatever goes wrong at whichever call to GitHub, the flow ends right, or with a reason that a person can read.

Each life is one flow with one fault at one call of our Apps, put in between HTTP and the forge. A passing fault comes
once: the end must be that of the unharmed flow, with no run started twice. A lasting one comes at each call of that
kind from then on: what can't be done is told, and nothing hangs; once GitHub is well again, pressing play goes on.
`make faults` tries every fault at every call; otherwise a fixed share of them is tried, with another fault each.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest
from conflicts import Conflicting, Writers, conflicting
from conversation import PR, Rex, Talk, changes_and_answers
from harness import REPO, Agents, World, git, project, reconciled, task, world

from pressplay import names
from pressplay.clock import VirtualClock
from pressplay.cluster import waits
from pressplay.sandbox.forge import Forge
from pressplay.sandbox.summary import Summary, summarize

pytestmark = pytest.mark.rule("R3")

FULL = os.environ.get("PRESSPLAY_FAULTS") == "full"
SHARES = 4
"""Tests that the lives are shared out to, so that two cores work at them."""
HOUR = 3600.0
Call = tuple[str, str]
Answer = Callable[[Any, dict[str, Any], Any], Iterable[bytes]]


# -- what goes wrong ---------------------------------------------------------------------------------------------------


def says(status: int, message: str, **headers: Callable[[float], str]) -> Callable[[VirtualClock], Answer]:
    """An answer instead of the forge's; headers' texts depend on the time."""

    def at(clock: VirtualClock) -> Answer:
        def answer(_web: Any, _environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            listed = [(name.replace("_", "-"), text(clock.now())) for name, text in headers.items()]
            start_response(f"{status} x", [("Content-Type", "application/json; charset=utf-8"), *listed])
            return [b'{"message": "%s"}' % message.encode()]

        return answer

    return at


def raises(error: type[httpx.TransportError], *, after: bool = False) -> Callable[[VirtualClock], Answer]:
    """No answer at all; with `after`, once the forge has done what was asked."""

    def answer(web: Any, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if after:
            b"".join(web(environ, lambda *_: None))
        raise error("broken on purpose")

    return lambda _clock: answer


def cut(_clock: VirtualClock) -> Answer:
    """The first half of the forge's answer."""

    def answer(web: Any, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = b"".join(web(environ, start_response))
        return [body[: len(body) // 2]]

    return answer


PASSING = {
    "500": says(500, "Server Error"),
    "502-done": lambda clock: done_then(says(502, "Bad Gateway")(clock)),
    "429": says(429, "slow down", Retry_After=lambda _now: "60"),
    "429-date": says(429, "slow down", Retry_After=lambda now: formatdate(now + 90, usegmt=True)),
    # An agent's run may not take more than an hour, its App's limits included.
    "403-reset": says(
        403,
        "API rate limit exceeded",
        X_RateLimit_Remaining=lambda _now: "0",
        X_RateLimit_Reset=lambda now: str(int(now + HOUR / 2)),
    ),
    # A token that was revoked before its hour was over.
    "401-token": says(401, "Bad credentials"),
    "timeout": raises(httpx.ReadTimeout),
    "broken-done": raises(httpx.RemoteProtocolError, after=True),
    "truncated": cut,
}
LASTING = {
    "403": says(403, "Resource not accessible by integration"),
    "404": says(404, "Not Found"),
    "422": says(422, "Validation Failed"),
    "401": says(401, "Bad credentials"),
}


def done_then(answer: Answer) -> Answer:
    """The forge does what was asked; its answer gets lost, and this one is given."""

    def both(web: Any, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        b"".join(web(environ, lambda *_: None))
        return answer(web, environ, start_response)

    return both


class Faulty:
    """WSGI between our Apps and the forge: counts the calls, and lets those go wrong that `wrong` picks."""

    def __init__(self, forge: Forge) -> None:
        self.web, self.clock = forge._web, forge._store.clock
        self.calls: list[Call] = []
        self.moments: list[float] = []
        self.wrong: Callable[[int, Call], bool] = lambda _number, _call: False
        self.answer: Answer | None = None
        forge._web = self  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.web, name)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("HTTP_USER_AGENT") != "press-play":
            return self.web(environ, start_response)
        call = environ["REQUEST_METHOD"], kind_of(environ["PATH_INFO"])
        self.calls.append(call)
        self.moments.append(self.clock.now())
        if self.answer is not None and self.wrong(len(self.calls) - 1, call):
            return self.answer(self.web, environ, start_response)
        return self.web(environ, start_response)


def kind_of(path: str) -> str:
    """The endpoint of a path: ids, commits and names of runs left out."""
    path = re.sub(r"/[0-9a-f]{40}\b", "/SHA", path.removeprefix("/api/v3"))
    return re.sub(r"/\d+\b", "/N", re.sub(r"run-[0-9a-f]{12}|snapshot-[0-9a-f]+", "NAME", path))


# -- the flows ---------------------------------------------------------------------------------------------------------


@dataclass
class Life:
    """One flow in one sandbox, under way."""

    made: World
    faulty: Faulty
    begin: Callable[[], None]
    end: Callable[[], Any]
    """What it comes to, to be compared."""
    least: float = 0
    """Hours that it takes: before `reconcile` looks, nothing seems to move."""

    def over(self) -> bool:
        """Whether nothing moves any more but `reconcile`, by itself or because it fails."""
        sandbox = self.made.sandbox
        if sandbox.kubelet.busy or sandbox.runs.busy:
            return False
        return all(_rests(workflow) for workflow in sandbox.controller.unfinished())

    def run(self, hours: float = 8, at_least: float = 0) -> None:
        clock = self.made.sandbox.clock
        began = clock.now()
        least = max(at_least, self.least)

        def done() -> bool:
            return self.over() and clock.now() >= began + least * HOUR

        self.made.sandbox.run(lambda: done() or clock.now() > began + hours * HOUR)
        assert done(), f"not over after {hours} hours: {[w['metadata']['name'] for w in self.unfinished()]}"

    def unfinished(self) -> list[dict[str, Any]]:
        return [w for w in self.made.sandbox.controller.unfinished() if flow_of(w) != "reconcile"]

    def starts(self) -> list[tuple[str, ...]]:
        starts = self.made.starts()
        assert len({line.split()[0] for line in starts}) == len(starts), f"a run was started twice: {starts}"
        return sorted(tuple(line.split()[1:]) for line in starts)


def flow_of(workflow: dict[str, Any]) -> str:
    return str((workflow["metadata"].get("labels") or {}).get("press-play/flow"))


def _rests(workflow: dict[str, Any]) -> bool:
    """Whether a Workflow only waits, for a merge; `reconcile` comes again each minute and waits for nothing."""
    if flow_of(workflow) == "reconcile":
        return True
    found = list(waits.of(workflow))
    return bool(found) and all(wait.kind == "await-merge" for wait in found)


def the_play(state: Path) -> Life:
    """A play of one task, from its press to the merge."""
    made = world(state, Agents(), chart=reconciled("*/10 * * * *"))
    faulty = Faulty(made.sandbox.forge)

    def end() -> Any:
        faulty.answer = None
        gh = made.sandbox.context.harness(REPO, pull_requests="read", checks="read")
        pulls = gh.request("GET", f"/repos/{REPO}/pulls?state=all").json()
        numbers = [pull["number"] for pull in pulls]
        reviews = [gh.request("GET", f"/repos/{REPO}/pulls/{number}/reviews").json() for number in numbers]
        return (
            [(result.id, result.state) for result in summarize(made.sandbox).tasks],
            git(made.sandbox.forge.git_path(REPO), "ls-tree", "-r", "--name-only", "main"),
            life.starts(),
            [pull["merged_at"] is not None for pull in pulls],
            [sorted((review["user"]["login"], review["state"]) for review in found) for found in reviews],
        )

    life = Life(made, faulty, lambda: void(made.sandbox.press()), end)
    return life


def the_comments(state: Path) -> Life:
    """Comments of a person on an approved pull request, from their webhook to the answers."""
    agents = Rex(does=changes_and_answers)
    made = world(state, agents, VirtualClock(moment(state)), merge=False, chart=reconciled("*/10 * * * *"))
    faulty, talk = Faulty(made.sandbox.forge), Talk(made, agents)

    def begin() -> None:
        talk.on_line("Why one?")
        talk.say("And please say why.")

    def end() -> Any:
        faulty.answer = None
        lines = talk.client().get(f"pulls/{PR}/comments").json()
        return (
            sorted(life.starts()),
            sorted(one["user"]["login"] for one in lines),
            sorted(login for login, _ in talk.conversation()),
            talk.check(),
            talk.labels(),
            talk.branches(),
        )

    life = Life(made, faulty, begin, end)
    return life


def the_conflict(state: Path) -> Life:
    """An approved pull request that conflicts once a person merges another one, to its approval."""
    made = world(state, Writers(), VirtualClock(moment(state)), merge=False, chart=reconciled("*/10 * * * *"))
    faulty, state_of = Faulty(made.sandbox.forge), Conflicting(made, Writers())

    def end() -> Any:
        faulty.answer = None
        # A limit that the last call met holds for an hour.
        made.sandbox.clock.sleep(HOUR)
        pull = state_of.pull(2)
        parents = len(git(made.sandbox.forge.git_path(REPO), "show", "-s", "--format=%P", pull.head_sha).split())
        return life.starts(), parents, pull.mergeable_state, state_of.check(2)["conclusion"], len(state_of.comments(2))

    life = Life(made, faulty, lambda: state_of.merge(1), end, least=1)
    return life


def void(_value: object) -> None: ...


def moment(state: Path) -> float:
    """When what is in the folder was made: time does not run backwards."""
    return float((state / "moment").read_text())


@dataclass
class Flow:
    """A flow's beginning, copied for each life, and what it comes to unharmed."""

    name: str
    live: Callable[[Path], Life]
    folder: Path
    calls: list[Call]
    expected: Any

    def life(self, state: Path) -> Life:
        shutil.copytree(self.folder, state, symlinks=True)
        return self.live(state)


def _flow(name: str, live: Callable[[Path], Life], folder: Path) -> Flow:
    made = Flow(name, live, folder, [], None)
    life = made.life(folder.with_name(f"{name}-unharmed"))
    life.begin()
    life.run()
    made.calls = list(life.faulty.calls)
    made.expected = life.end()
    life.made.sandbox.close()
    return made


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Flow]:
    directory = tmp_path_factory.mktemp("flows")
    source = project(directory, [task(1)])
    fresh = world(directory / "play", source=source)
    fresh.sandbox.close()
    approved = world(directory / "comments", source=source, merge=False)
    approved.play()
    (directory / "comments" / "moment").write_text(str(approved.sandbox.clock.now()))
    approved.sandbox.close()
    (directory / "two").mkdir()
    both = conflicting(directory / "two").made
    (directory / "two" / "state" / "moment").write_text(str(both.sandbox.clock.now()))
    both.sandbox.close()
    return {
        "play": _flow("play", the_play, directory / "play"),
        "comments": _flow("comments", the_comments, directory / "comments"),
        "conflict": _flow("conflict", the_conflict, directory / "two" / "state"),
    }


# -- passing faults ----------------------------------------------------------------------------------------------------

STEP = {"play": 9, "comments": 19, "conflict": 29}
"""Otherwise than in full, every so-manieth call is tried, with one of the faults in turn."""


def _is_by_token(path: str) -> bool:
    """Whether a call is by an installation's token; the others are by the App itself, with limits of their own."""
    return not path.startswith("/app") and not path.endswith("/installation")


def passing(flow: Flow) -> Iterator[tuple[int, str]]:
    kinds = list(PASSING)
    for at, (_method, path) in enumerate(flow.calls):
        own = [kind for kind in kinds if kind != "401-token" or _is_by_token(path)]
        if FULL:
            yield from ((at, kind) for kind in own)
        elif at % STEP[flow.name] == 0:
            yield at, own[(at // STEP[flow.name]) % len(own)]


@pytest.mark.rule("R1")
@pytest.mark.parametrize("name", ["play", "comments", "conflict"])
@pytest.mark.parametrize("share", range(SHARES))
def test_a_passing_fault_at_any_call_leads_to_the_same_end(flows, tmp_path, name, share):
    flow = flows[name]
    for at, kind in list(passing(flow))[share::SHARES]:
        life = flow.life(tmp_path / f"{kind}-{at}")
        life.faulty.answer = PASSING[kind](life.made.sandbox.clock)
        life.faulty.wrong = lambda number, _call, at=at: number == at
        life.begin()
        life.run()
        where = f"{kind} at call {at}, {flow.calls[at]}"
        assert len(life.faulty.calls) > at, where
        assert life.end() == flow.expected, (where, life.made.said)
        life.made.sandbox.close()
        shutil.rmtree(tmp_path / f"{kind}-{at}")


def test_the_hour_of_a_rate_limit_is_waited_out_and_nobody_asks_meanwhile(flows, tmp_path):
    """Also not the steps that start then, each a process of its own in a cluster: the state is in a ConfigMap."""
    flow = flows["play"]
    life = flow.life(tmp_path / "state")
    # Once its pull request is open no agent runs for the moment: all that is asked is the harness's.
    opened = flow.calls.index(("POST", "/repos/acme/shop/pulls")) + 3
    at = next(at for at in range(opened, len(flow.calls)) if _is_by_token(flow.calls[at][1]))
    life.faulty.answer = says(
        403,
        "API rate limit exceeded",
        X_RateLimit_Remaining=lambda _now: "0",
        X_RateLimit_Reset=lambda now: str(int(now + HOUR)),
    )(life.made.sandbox.clock)
    life.faulty.wrong = lambda number, _call: number == at
    life.begin()
    life.run()
    assert life.end() == flow.expected
    met = life.faulty.moments[at]
    assert [one for one in life.faulty.moments[at + 1 :] if one < met + HOUR] == []
    assert any(one >= met + HOUR for one in life.faulty.moments)
    held = life.made.sandbox.cluster.get("ConfigMap", "press-play", names.RATE_LIMITS)["data"]
    assert [key.rpartition(".")[0] for key in held] == ["press-play.acme"]
    life.made.sandbox.close()


# -- lasting faults ----------------------------------------------------------------------------------------------------


def lasting(flow: Flow) -> Iterator[tuple[int, str]]:
    kinds = list(LASTING)
    for at, (_method, path) in enumerate(flow.calls):
        # 404 is how GitHub says that somebody may do nothing here: their comments are left alone (R8), and no fault. A
        # snapshot that it calls absent leaves nothing to answer from.
        absent = ("/collaborators/", "/contents/comments.json")
        own = [kind for kind in kinds if kind != "404" or not any(part in path for part in absent)]
        if FULL:
            yield from ((at, kind) for kind in own)
        elif at % STEP[flow.name] == 1:
            yield at, own[(at // STEP[flow.name]) % len(own)]


def refused(flow: Flow, state: Path, at: int, kind: str) -> Life:
    """A life in which from one call on each of its kind is refused, until nothing moves any more."""
    life = flow.life(state)
    life.faulty.answer = LASTING[kind](life.made.sandbox.clock)
    life.faulty.wrong = lambda number, call: number >= at and call == flow.calls[at]
    life.begin()
    life.run()
    return life


READABLE = re.compile(
    # Where an agent's own calls are refused its run fails, and what it should have left is not there. A file that is
    # not there is nothing that a fault could be told from.
    r"GitHub answered 4\d\d|App '|the agent's run failed|no pull request is open|QA left no verdict|no tasks\.json;"
    r"|QA passed it without a plan of probes at \.press-play/acceptance/1\.yaml"
    r"|the branch press-play/context/\S+, which tells it what to do, was changed or deleted"
)


def reasons(life: Life) -> list[str]:
    """What a person finds: the task's reason, the pull request's, and in the logs the steps' last words."""
    sandbox = life.made.sandbox
    ledger = sandbox.context.ledger(REPO)
    entries = [*ledger.raw("task", 1).values(), *ledger.raw("pr", PR).values()]
    return [
        *(result.why.line() for result in ended(life).tasks if sandbox.plays() and result.why),
        *(str(entry["reason"]) for entry in entries if entry.get("reason")),
        *sandbox.kubelet.last_words.values(),
    ]


def ended(life: Life) -> Summary:
    life.faulty.answer = None
    return summarize(life.made.sandbox)


@pytest.mark.parametrize("share", range(SHARES))
def test_what_is_refused_for_good_ends_the_task_with_a_reason_and_hangs_nothing(flows, tmp_path, share):
    flow = flows["play"]
    for at, kind in list(lasting(flow))[share::SHARES]:
        where = f"{kind} from call {at} on, {flow.calls[at]}"
        life = refused(flow, tmp_path / f"{kind}-{at}", at, kind)
        summary, told = ended(life), reasons(life)
        if not life.made.sandbox.plays():
            (pressed,) = life.made.sandbox.cluster.list("Workflow", "press-play", {"press-play/flow": "press-play"})
            assert waits.phase(pressed) == "Failed", where
            assert any(READABLE.search(text) for text in told), (where, told)
        elif summary.state != "merged":
            (result,) = summary.tasks
            assert result.state in ("failed", "parked"), (where, summary)
            assert READABLE.search(result.why.line()), (where, result.why)
        # GitHub is well again: a person presses once more, and nothing that went right is done again.
        life.made.sandbox.press()
        life.run()
        assert ended(life).state == "merged", (where, ended(life), life.made.said)
        life.starts()
        life.made.sandbox.close()
        shutil.rmtree(tmp_path / f"{kind}-{at}")


@pytest.mark.parametrize("share", range(SHARES))
def test_comments_are_answered_once_github_refuses_no_more(flows, tmp_path, share):
    flow = flows["comments"]
    for at, kind in list(lasting(flow))[share::SHARES]:
        where = f"{kind} from call {at} on, {flow.calls[at]}"
        life = refused(flow, tmp_path / f"{kind}-{at}", at, kind)
        if life.end() != flow.expected:
            assert any(READABLE.search(text) for text in reasons(life)), (where, reasons(life))
        # Nobody does anything: `reconcile` sees what is unanswered.
        life.run(at_least=1.5)
        _runs, lines, conversation, _check, _labels, branches = life.end()
        # Whoever answered: the agent, again where the harness could not see that it had, or the harness for it.
        for said in (lines, conversation):
            assert {"rex[bot]", "press-play[bot]"} & set(said), (where, said)
        assert branches == [], where
        life.made.sandbox.close()
        shutil.rmtree(tmp_path / f"{kind}-{at}")
