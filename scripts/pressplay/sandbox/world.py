"""The sandbox: cluster, forge, workflow controller, kubelet, runner and a maintainer, on one machine, in one folder.

The chart's own manifests are installed into the SQLite cluster; only `press-play-config` and `press-play-limits` are
set for this machine, as an installation's values would. Everything that must survive a kill is in the folder:
`state.db` (cluster and forge), `git/`, `runs/` (a folder a run), `agents.log`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from pressplay import names
from pressplay.clock import Clock
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Manifest
from pressplay.cluster.rate_limits import RateLimits
from pressplay.cluster.sqlite import Key, SqliteCluster
from pressplay.errors import InputError, TryAgain
from pressplay.events.listing import listing
from pressplay.events.webhook import Delivery
from pressplay.github.access import AppKey, GitHubAccess
from pressplay.github.breaker import Breaker
from pressplay.sandbox import setup, stops
from pressplay.sandbox.comments_server import CommentsServer
from pressplay.sandbox.configuration import install
from pressplay.sandbox.controller import WorkflowController
from pressplay.sandbox.deployer import Deployer, ProcessStarter, Starter, VirtualStarter
from pressplay.sandbox.engine import set_node
from pressplay.sandbox.eventsource import EventSource, Hook, Network
from pressplay.sandbox.forge import App, Event, Forge
from pressplay.sandbox.gitwork import Remote
from pressplay.sandbox.idle import only_people_move
from pressplay.sandbox.kubelet import Kubelet
from pressplay.sandbox.launcher import Launcher
from pressplay.sandbox.maintainer import Maintainer
from pressplay.sandbox.runner import RUN_KINDS, Level, Runner, over_http
from pressplay.sandbox.runs import Runs
from pressplay.sandbox.server import Server
from pressplay.sandbox.step_rights import StepContexts, app_key
from pressplay.steps.core.context import Context
from pressplay.steps.core.manifests import WORKFLOW_ANNOTATION
from pressplay.steps.review.deploys import environment
from pressplay.steps.runs.run import has_ended

CURSOR = "press-play-sandbox"
"""The ConfigMap with the number of the newest event of the forge that was answered."""

_POLL = 0.02
_MERGE_FAULTS = 3
"""After how many faults in a row of the maintainer nobody waits for them."""


@dataclass(frozen=True)
class Options:
    """How a sandbox is set up."""

    directory: Path
    repo: str
    others: Sequence[str] = ()
    """Further repositories, that share the runs of the installation."""
    parallelism: int = 4
    runs_at_once: int = 0
    """Of all repositories together; 0: as many as `parallelism`."""
    merge: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Merged over what the chart's `config.json` says, by its own keys (a test's lower limits, for example)."""
    on_commit: Callable[[], None] = lambda: None
    """Called after every commit of the database."""
    say: Callable[[str], None] = lambda _line: None
    agent_environment: Mapping[str, str] = field(default_factory=dict)
    start_command: str | None = None
    """What starts the project where a commit has no Procfile that says so."""
    gates_online: bool = False
    """Whether gates' commands keep this machine's network, to fetch packages."""
    webhook_port: int = 0
    """Where, under real time, webhooks are taken; 0 takes a free port."""

    @property
    def repos(self) -> tuple[str, ...]:
        """All repositories, the one that is played first."""
        return (self.repo, *self.others)


class Sandbox:
    """A whole installation: make it, `set_up_project`, `press`, then `run` until it waits for people alone."""

    def __init__(
        self,
        options: Options,
        chart: Sequence[Manifest],
        clock: Clock,
        launcher: Launcher,
        starter: Starter | None = None,
    ) -> None:
        """Open the folder (made where it is not there) and take up what is in it.

        `starter` starts what is deployed; by default the project itself, or nothing under virtual time.
        """
        self.options = options
        self.clock = clock
        options.directory.mkdir(parents=True, exist_ok=True)
        self._wake = threading.Event()
        self._open_forge()
        self.settings = install(
            self.cluster, chart, self.url, options.repos, options.parallelism, options.settings, options.runs_at_once
        )
        # Keys end with the process that made them: what is taken up below needs new ones.
        self._hand_out_keys(setup.known_apps(self.forge, self.settings))
        self._open_webhooks(list(listing(chart, *options.repos)))
        # Under virtual time the forge answers in-process.
        transport = httpx.WSGITransport(app=self.forge.wsgi) if clock.virtual else None
        breaker = Breaker(clock, RateLimits(self.cluster, self.settings.namespace))

        def access(keys: Callable[[str], AppKey], breaker: Breaker = breaker) -> GitHubAccess:
            return GitHubAccess(self.settings.github, keys, clock, transport, breaker)

        # Steps have the keys in the release's namespace, agents those where they run: never each other's (R5).
        steps, self.github = (
            access(partial(app_key, self.cluster, namespace))
            for namespace in (self.settings.namespace, self.settings.controller_namespace)
        )
        # Under virtual time no port is listened on: git reads the forge's folders.
        folder = (lambda repo: str(self.forge.git_path(repo))) if clock.virtual else None
        self.context = Context(self.cluster, self.settings, steps, clock, options.say, folder)
        self._step_contexts = StepContexts(self.context, access)
        self.controller = WorkflowController(self.cluster, clock)
        self.kubelet = Kubelet(
            self.cluster,
            self.context,
            self._step_contexts.of,
            options.directory,
            clock.virtual,
            self._wake.set,
            options.gates_online,
        )
        self._fatal = ""
        self._held: deque[tuple[Key, float]] = deque()
        self.runner = self._make_runner(launcher)
        self._comments = CommentsServer(options.directory, options.say)
        if not clock.virtual:
            self.runner.comments = self._comments.entry
        self.runner.on_fatal, self.runner.on_hold = self._stop_for, self._extend
        self.runs = Runs(self.runner, clock, self._wake, options.say)
        self._may_merge, self._merge_faults = False, 0
        self._maintainers = [
            Maintainer(self.forge, self.settings.github, repo, setup.MAINTAINER, transport) for repo in options.repos
        ]
        self._deployers = {
            repo: Deployer(
                self.forge,
                self.settings.github,
                repo,
                setup.DEPLOYER,
                self.cluster,
                starter or self._starter(repo),
                transport,
                self._deploy_next,
            )
            for repo in options.repos
        }
        self._version = 0
        # Of an earlier process: the threads that deployed something went with it.
        self._to_deploy = True
        self._take_up()

    def _stop_for(self, why: str) -> None:
        """No agent can work: the next pass says so. Called by the runs' threads."""
        self._fatal = self._fatal or why
        self._wake.set()

    def _extend(self, run: Manifest, seconds: float) -> None:
        """A run waits, as the same attempt: the next pass extends its limits. Called by the runs' threads."""
        workflow = (run["metadata"].get("annotations") or {}).get(WORKFLOW_ANNOTATION)
        if workflow:
            self._held.append((Key("Workflow", self.settings.namespace, workflow), seconds))

    # -- set-up ----------------------------------------------------------------------------------------------------

    def _open_forge(self) -> None:
        """The database, with the cluster and the forge in it; under real time the forge's HTTP server."""
        database = self.options.directory / "state.db"
        self.cluster = SqliteCluster(database, self.clock, set_node, self.options.on_commit)
        self.forge = Forge(database, self.options.directory / "git", self.clock, "http://127.0.0.1")
        self.forge.on_commit = self.options.on_commit
        self._server = None if self.clock.virtual else self.forge.serve("127.0.0.1", 0)
        self.url = self._server.url if self._server else "http://127.0.0.1"

    def _open_webhooks(self, events: Sequence[Manifest]) -> None:
        """What takes the forge's webhooks, and what sends them there."""
        self.source = EventSource(self.cluster, events, self.clock, self.options.say)
        server: Server | None = None
        if not self.clock.virtual:
            server = Server(self.source.wsgi, "eventsource", port=self.options.webhook_port)
        self._source_server = server
        self.webhook_url = f"{server.url if server else self.url}{self.source.endpoint}"
        transport = httpx.WSGITransport(app=self.source.wsgi) if self.clock.virtual else None
        self._hook = Hook(self.source, self.webhook_url, transport, self._delivered)
        self.network = Network(self._hook)

    def _make_runner(self, launcher: Launcher) -> Runner:
        directory = self.options.directory
        log = {"PRESSPLAY_AGENT_LOG": str((directory / "agents.log").resolve())}
        return Runner(
            self.cluster,
            self.settings.controller_namespace,
            self.github,
            self._remote,
            launcher,
            directory / "runs",
            self.clock,
            {**log, **self.options.agent_environment},
        )

    def set_up_project(self, source: Path | None, repo: str = "", branch: str = "main", commit: str = "") -> None:
        """Set up the forge: the repository with the content of `source`, the Apps, the maintainer, the rulesets.

        `repo`: another one than the first. `branch`: its base, which begins at `commit` (empty: where the source has
        it).
        """
        repo = repo or self.options.repo
        apps = setup.set_up(self.forge, self.settings, repo, source, branch=branch, commit=commit)
        self.forge.set_webhook(names.slug(self.settings.github.harness_app), self.webhook_url)
        self._hand_out_keys(apps)

    def _hand_out_keys(self, apps: Mapping[str, App]) -> None:
        """Put the keys where the steps and the runner read them: in the cluster's Secrets, which are in no file."""
        for secret in setup.secrets(self.settings, apps):
            self.cluster.create(secret)

    def _delivered(self, delivery: Delivery, status: int) -> None:
        """Have the forge list the delivery, as GitHub does."""
        harness = names.slug(self.settings.github.harness_app)
        self.forge.delivered(harness, delivery.event, status, delivery.delivery_id)

    def _starter(self, repo: str) -> Starter:
        own = "" if repo == self.options.repo else f"-{names.repo_key(repo)}"
        directory = self.options.directory / f"deployments{own}"
        if self.clock.virtual:
            return VirtualStarter(directory)
        return ProcessStarter(self.forge, repo, directory, self.options.start_command)

    def _remote(self, app: str, repo: str, level: Level) -> Remote:
        if self._server is None:
            bot = self.github.login(app)
            return Remote(str(self.forge.git_path(repo)), {}, lambda: self.forge.sync(repo, bot), local=True)
        return over_http(self.github, self.settings.github.git_url, app, repo, level)

    # -- pressing play ---------------------------------------------------------------------------------------------

    def press(self, **arguments: str) -> str:
        """Submit `press-play`, as `argo submit` from its WorkflowTemplate does; its name.

        `repo` among the arguments: of another repository than the first.
        """
        count = len(self.cluster.list("Workflow", self.settings.namespace, {"press-play/flow": "press-play"}))
        name = f"press-play-{count + 1}"
        parameters = {"repo": self.options.repo, **arguments}
        self.submit("press-play", name, parameters)
        return name

    def submit(self, template: str, name: str, parameters: Mapping[str, str]) -> bool:
        """Create a Workflow that refers to a WorkflowTemplate; False where one of this name exists.

        Its parameters may be anything, as a person's: the label names a repository of the sandbox.
        """
        given = parameters.get("repo")
        repo = given if given in self.options.repos else self.options.repo
        return self.cluster.create(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Workflow",
                "metadata": {
                    "name": name,
                    "namespace": self.settings.namespace,
                    "labels": {
                        **PART_OF,
                        "press-play/flow": template,
                        "press-play/repo": names.repo_key(repo),
                    },
                },
                "spec": {
                    "workflowTemplateRef": {"name": template},
                    "arguments": {"parameters": [{"name": k, "value": v} for k, v in parameters.items()]},
                },
            }
        )

    def merge_what_is_ready(self) -> None:
        """Merge what became ready while no maintainer ran: no further event will say so."""
        if self.options.merge:
            for maintainer in self._maintainers:
                maintainer.merge_what_is_ready()

    def plays(self) -> list[Manifest]:
        """The Workflows of all plays, oldest first."""
        plays = self.cluster.list("Workflow", self.settings.namespace, {"press-play/flow": "play"})
        return sorted(plays, key=lambda play: names.play_count(play["metadata"]["name"]))

    # -- running ---------------------------------------------------------------------------------------------------

    def run(self, until: Callable[[], bool], watch: Callable[[], None] = lambda: None) -> None:
        """Work until `until()` holds once nothing is left to do at the moment; `watch` is called after each pass."""
        while True:
            if self.step() or self._merge():
                watch()
                continue
            if until():
                return
            self._rest()

    def step(self) -> bool:
        """Do what can be done now; whether there was anything. InputError where no agent can work."""
        if self._fatal:
            raise InputError(self._fatal)
        while self._held:
            key, seconds = self._held.popleft()
            self.controller.extend_limits_of(key, seconds)
            self.kubelet.extend_waits_of(key.name, seconds)
        did = self.controller.run_cron()
        changes = self.cluster.changes(self._version)
        if changes:
            self._version = max(changes.values())
            self.controller.changed(changes)
        did |= self.controller.advance()
        for key in changes:
            if key.kind == "Pod" and key.namespace == self.settings.namespace:
                did |= self.kubelet.sync(key.namespace, key.name)
            elif key.kind == "PersistentVolumeClaim":
                self.kubelet.sync_claim(key.namespace, key.name)
            elif key.kind in RUN_KINDS:
                did |= self.runs.sync(key.name)
        did |= self.kubelet.go_on({key for key in changes if key.kind in RUN_KINDS})
        did |= self.runs.finish_due()
        did |= self.forge.pass_time()
        did |= self._answer_events()
        did |= self._deploy()
        did |= self.network.deliver()
        return did or bool(changes)

    def _take_up(self) -> None:
        """After a kill, go on with what an earlier process left under way."""
        if stopped := stops.end(self.options.directory, self.clock.now()):
            self.controller.extend_limits(stopped)
            for run in self._runs():
                if not has_ended(run):
                    self.runner.leave_out(run, stopped)
        self._version = self.cluster.version()
        for deployer in self._deployers.values():
            deployer.restore()
        # What became ready before this process was killed no event says again.
        self._may_merge = self.cluster.get("ConfigMap", self.settings.namespace, CURSOR) is not None
        self.kubelet.take_up()
        for run in self._runs():
            self.runs.sync(run["metadata"]["name"])

    def _runs(self) -> list[Manifest]:
        return [run for kind in RUN_KINDS for run in self.cluster.list(kind, self.settings.controller_namespace)]

    def _answer_events(self) -> bool:
        """Deliver the forge's events; then note how far we are. Delivering one twice starts nothing new."""
        cursor = self.cluster.get("ConfigMap", self.settings.namespace, CURSOR)
        after = int((cursor or {"data": {"seq": "0"}})["data"]["seq"])
        events = self.forge.events(after)
        if not events:
            return False
        try:
            self._note_deployments(events)
        except TryAgain as error:
            self.options.say(f"deployer: {error}")
            return False
        for event in events:
            delivery = self._hook.delivery(event)
            if delivery is not None:
                self.network.send(delivery)
        try:
            self._look_for_merges(events)
        except TryAgain as error:
            # The events stay unanswered until the next pass that finds more of them.
            self.options.say(f"maintainer: {error}")
            return False
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": CURSOR, "namespace": self.settings.namespace, "labels": dict(PART_OF)},
                "data": {"seq": str(events[-1].seq)},
            }
        )
        return True

    def _look_for_merges(self, events: Sequence[Event]) -> None:
        """Merge a pull request that became ready. After a merge the next one waits: a person looks what came of it."""
        if not self.options.merge or not any(event.name in Maintainer.ANSWERS for event in events):
            return
        merged = any(event.name == "pull_request" and event.payload["action"] == "closed" for event in events)
        self._may_merge |= merged or self._merge_next()

    def _merge(self) -> bool:
        """Merge one more pull request, once nothing else is left to do."""
        if not self.options.merge or not self._may_merge:
            return False
        try:
            self._may_merge = self._merge_next()
        except TryAgain as error:
            self.options.say(f"maintainer: {error}")
            # It is tried again at each quiet moment.
            self._merge_faults += 1
            return False
        self._merge_faults = 0
        return self._may_merge

    def _merge_next(self) -> bool:
        """Merge one pull request of each repository that has one that is ready; whether there was any."""
        merged = [maintainer.merge_next() for maintainer in self._maintainers]
        return any(merged)

    def _note_deployments(self, events: Sequence[Event]) -> None:
        """Note deployments; have pushes to base branches deployed, and take down those of closed pull requests."""
        for event in events:
            self._deploy_push(event)
            if event.name == "pull_request" and event.payload["action"] == "closed":
                repo = event.payload["repository"]["full_name"]
                if repo in self._deployers:
                    settings = self.settings.repository(repo).deploy
                    self._deployers[repo].take_down(environment(settings, event.payload["number"]))
        self._to_deploy |= any(event.name == "deployment" for event in events)

    def _deploy_next(self) -> None:
        """A deployment has ended: the next pass starts what waited for it. Called by the deployers' threads."""
        self._to_deploy = True
        self._wake.set()

    def _deploy_push(self, event: Event) -> None:
        """Have a push deployed, as a CI would, where the settings name the environment of its branch."""
        repo = event.payload["repository"]["full_name"] if event.name == "push" else ""
        if repo not in self._deployers:
            return
        settings, payload = self.settings.repository(repo), event.payload
        branch = settings.default_branch or payload["repository"]["default_branch"]
        if settings.deploy.base.environment and payload["ref"] == f"refs/heads/{branch}" and not payload["deleted"]:
            self._deployers[repo].deploy_push(payload["after"], settings.deploy.base.environment)

    def _deploy(self) -> bool:
        if not self._to_deploy:
            return False
        self._to_deploy = False
        try:
            for deployer in self._deployers.values():
                deployer.deploy_requested()
        except TryAgain as error:
            self.options.say(f"deployer: {error}")
            self._to_deploy = True
            return False
        return True

    def _rest(self) -> None:
        """Wait for the next thing to happen."""
        if not self.clock.virtual:
            self._wake.wait(_POLL)
            self._wake.clear()
            return
        known = (
            self.controller.next_wake(),
            self.kubelet.next_due(),
            self.network.next_due(),
            self.runs.next_end(),
            self.forge.next_due(),
        )
        moments = [moment for moment in known if moment is not None]
        if not moments:
            raise InputError("the sandbox has nothing to do and nothing to wait for, but is not done")
        self.clock.sleep(min(moments) - self.clock.now())

    def only_people_are_waited_for(self) -> bool:
        """Whether only a person moves anything: by a merge or `pressplay continue`. True also where nothing is open."""
        if self.kubelet.busy or self.runs.busy or any(deployer.busy for deployer in self._deployers.values()):
            return False
        if self.forge.next_due() is not None:
            # What is in a merge queue moves on: by its checks, or by its time-out.
            return False
        if self.options.merge and self._may_merge and self._merge_faults < _MERGE_FAULTS:
            # The stand-in maintainer has not looked yet, or met a fault and tries again.
            return False
        return only_people_move(self.controller.unfinished(), self.context)

    def close(self) -> None:
        """Stop what runs in this process and what was deployed; agents under way go on (see `Runs.close`)."""
        self.runs.close()
        self._comments.close()
        for deployer in self._deployers.values():
            deployer.close()
        self.kubelet.close()
        self._hook.close()
        for maintainer in self._maintainers:
            maintainer.close()
        for closing in (self._step_contexts, self.context.github, self.github):
            closing.close()
        for server in (self._source_server, self._server):
            if server is not None:
                server.close()
        self.cluster.close()
        self.forge.close()
