"""The settings that every step reads: `config.json` in the ConfigMap `press-play-config`, rendered by the chart.

Precedence: a step's own parameter > `repositories.<name>` > `defaults` > what is detected.
Unknown keys are errors (R10).
"""

from __future__ import annotations

import functools
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel, to_snake

from pressplay import names, patch
from pressplay.domain import flows as flows_
from pressplay.errors import InputError

CONFIG_MAP = "press-play-config"
CONFIG_KEY = "config.json"


class _Model(BaseModel):
    # Built with the whole that they are parts of, once, when that is read.
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, defer_build=True
    )


class GitHub(_Model):
    """Where the forge answers: GitHub, a GitHub Enterprise Server, or the sandbox's stand-in."""

    api_url: str = Field("https://api.github.com", alias="apiURL")
    git_url: str = Field("https://github.com", alias="gitURL")
    web_url: str = Field("https://github.com", alias="webURL")
    harness_app: str = "press-play"
    """The App as which no agent ever runs (R5)."""


class AgentRequirements(_Model):
    """What a project's requirements.yaml may ask for an agent, by names in which `*` matches any text."""

    remote_tools: list[str] = ["*"]
    local_servers: list[str] = ["*"]
    secrets: list[str] = []
    """Of those that are listed for the repository."""


class Agent(_Model):
    """One persona, as far as the workflows need it."""

    github_app: str
    role: str
    model: str
    local_tools: list[str] = []
    remote_tools: list[str] = []
    requirements: AgentRequirements = AgentRequirements()
    enabled: bool = True


class Workload(_Model):
    """A workload of the deployment that carries the commit which it runs as a label."""

    namespace: str = ""
    kind: Literal["Deployment", "StatefulSet", "DaemonSet", "Pod"] = "Deployment"
    name: str = ""
    """`{pr}` is replaced by the pull request's number."""
    label: str = "app.kubernetes.io/version"
    """The label whose value is the commit's id."""


class RunningCommit(_Model):
    """Where the harness sees for itself which commit runs; with neither, the deployment's own record is taken."""

    path: str = ""
    """Below the deployment's URL; what it answers must contain the commit's id."""
    workload: Workload = Workload()


class BaseDeployment(_Model):
    """Where CI deploys each commit of the base branch; the harness only looks."""

    environment: str = ""
    """Its name on GitHub; empty: nobody looks there."""
    commit: RunningCommit = RunningCommit()


class Deploy(_Model):
    """How a pull request's head is deployed, so that something can be proven of it."""

    mode: Literal["none", "github-deployment", "workflowTemplate"] = "none"
    environment: str = "preview"
    """Its name on GitHub; `{pr}` becomes the pull request's number. One deployment and proof at a time in each."""
    request: bool = True
    """`github-deployment`: whether the harness asks for the deployment, or waits for one that somebody else makes."""
    workflow_template: str = ""
    """`workflowTemplate`: its name. It takes repo, pr, head and environment, and gives url and commit."""
    timeout_minutes: int = Field(30, ge=1)
    commit: RunningCommit = RunningCommit()
    base: BaseDeployment = BaseDeployment()

    def commit_of(self, pr: int) -> RunningCommit:
        """Where the commit of a pull request's deployment is seen."""
        workload = self.commit.workload
        named = workload.model_copy(update={"name": workload.name.replace("{pr}", str(pr))})
        return self.commit.model_copy(update={"workload": named})


class Acceptance(_Model):
    """What the probes of a plan may reach, and for how long."""

    namespaces: list[str] = []
    """Where they may look at workloads, read logs and reach services."""
    hosts: list[str] = []
    """Further hosts that they may call: exact, or `*.suffix`."""
    networks: list[str] = []
    """Networks in which these hosts may lie; without, they must lie at public addresses."""
    timeout_minutes: int = Field(10, ge=1)


class RequiredCheck(_Model):
    """A check run of the project's CI that replaces the lint gate."""

    name: str
    app: str = "github-actions"
    """The App that must have reported it: others may name theirs as they like."""
    app_id: int | None = None
    """Its number, which no other App can have; its name can be given up and taken by another."""


class LanguageImages(_Model):
    """The images with a language's tools."""

    rust: str = ""
    python: str = ""
    typescript: str = ""
    go: str = ""


class GateVolume(_Model):
    """The volume that a checkout lies on for the minutes of a gate."""

    size: str = "8Gi"
    storage_class: str = ""


class CommandGate(_Model):
    """A gate that runs commands of the project's in containers, or waits for checks of its CI."""

    enabled: bool = True
    checks: list[RequiredCheck] = []
    """Named checks of the project's CI, whose result counts; then nothing is run."""
    image: str = ""
    """The image of commands that belong to no language. Empty: the image of `pressplay` itself."""
    images: LanguageImages = LanguageImages()
    volume: GateVolume = GateVolume()
    timeout_minutes: int = Field(20, ge=1)
    resources: dict[str, Any] = {}
    """The container's resources, as Kubernetes writes them."""


class Lint(CommandGate):
    """The lint gate of a repository. An image that is empty is that of `pressplay` itself."""

    commands: list[str] = []
    """The commands to run instead of those that the files ask for."""
    suppressions: Literal["show", "refuse"] = "show"
    """What to do with marks that silence a linter at a place: show them in the check, or fail."""


Bound = Literal["refuse", "report", "off"]
"""What becomes of a control that nothing notices: it fails the gate, it is shown, or no such control is made."""


class Controls(_Model):
    """Negative controls: the head with one thing spoilt on purpose, which the tests must notice."""

    bodies: Bound = "refuse"
    hunks: Bound = "report"
    mutants: Bound = "report"
    most: int = Field(20, ge=0)
    """How many are made for a commit, beside the one that empties all changed functions."""
    minutes: int = Field(10, ge=1)
    """After so many minutes no further one is begun."""


class Tests(CommandGate):
    """The tests gate of a repository. An image that is empty is the lint gate's of that language."""

    __test__ = False
    """Not a test class, although pytest would take it for one by its name."""
    timeout_minutes: int = Field(60, ge=1)
    repeat: int = Field(3, ge=2)
    """How often the tests run on the base and on the head: what differs between two runs is flaky."""
    environment: dict[str, Any] = {}
    """The environment contract, shaped as `.press-play/gates.yaml`; empty: that of the file, or what is detected."""
    controls: Controls = Controls()  # type: ignore[call-arg]
    criteria_first: bool = False
    """Whether a run of QA writes probes of a feature or fix from the task's text, before any code exists."""


SupplyAction = Literal["show", "park", "refuse"]
"""`show`: people read of it; `park`: a person decides; `refuse`: Rex fixes it."""


class Registries(_Model):
    """Mirrors of the registries, which are asked about new packages; empty: nothing is asked."""

    npm: str = ""
    pypi: str = ""
    crates: str = ""
    go: str = ""


class Supply(_Model):
    """The supply gate of a repository: what to do about what a change brings in."""

    enabled: bool = True
    secrets: SupplyAction = "refuse"
    hidden_text: SupplyAction = "refuse"
    links: SupplyAction = "refuse"
    lock_files: SupplyAction = "refuse"
    sources: SupplyAction = "park"
    install_scripts: SupplyAction = "park"
    workflows: SupplyAction = "park"
    test_runner: SupplyAction = "park"
    unknown_packages: SupplyAction = "park"
    binaries: SupplyAction = "park"
    large_files: SupplyAction = "show"
    images: SupplyAction = "show"
    packages: SupplyAction = "show"
    youngest_days: int = Field(7, ge=0)
    """A package or version that was published more recently is a finding."""
    registries: Registries = Registries()


class TestPaths(_Model):
    """Globs (as in .gitignore) of the files that QA may change, by language; empty: the built-in ones."""

    __test__ = False
    """Not a test class, although pytest would take it for one by its name."""
    python: list[str] = []
    rust: list[str] = []
    typescript: list[str] = []
    go: list[str] = []
    other: list[str] = []
    """Beside those of languages."""


class Base(_Model):
    """What becomes of an approval when the base branch moves on."""

    strategy: Literal["retest", "strict", "off"] = "off"
    """`retest`: the merge of both is judged; `strict`: and the next to be merged is brought up to date, since GitHub
    merges no other. A configuration of an earlier chart has no flow for either."""
    overtaken: int = Field(3, ge=1)
    """After how many judgements in a row that the base branch moved on during the check stays green meanwhile."""
    final_proof: bool = False
    """Whether a play ends with tests and probes of its tasks on the base's head."""


class Budget(_Model):
    """How much agents may do in a repository; 0: as much as `limits` say."""

    runs_per_day: int = Field(0, ge=0)
    """Runs in a day (UTC), in the place of `limits.runsPerRepositoryAndDay`."""
    runs_per_play: int = Field(0, ge=0)
    """Runs in a play, in the place of `limits.runsPerPlay`."""
    cost_per_day: float = Field(0, ge=0)
    """What the runs that began in a day (UTC) may cost, in USD; 0: anything."""
    cost_per_play: float = Field(0, ge=0)
    """What the runs of a play may cost, in USD; 0: anything."""


class RepositoryDefaults(_Model):
    """What a repository may set for itself; None means: not set here."""

    service: str | None = None
    docs_project_directory: str | None = None
    working_directory: str | None = None
    default_branch: str | None = None
    model: str | None = None
    tag: str | None = None
    parallelism: int | None = Field(None, ge=1)
    release: Literal["merged", "approved"] | None = None
    base: Base = Base()  # type: ignore[call-arg]
    overlaps: Literal["warn", "order"] | None = None
    others: Literal["pass", "require"] | None = None
    """The check on pull requests that are not under Press Play: a green one that says so, or none."""
    status_pull_request: bool | None = None
    """Whether a play ends with a pull request that sets the statuses of its tasks in tasks.json."""
    isolation: Literal["volume", "worktree"] | None = None
    runs_at_once: int | None = Field(None, ge=1)
    budget: Budget = Budget()  # type: ignore[call-arg]
    paused: str | None = None
    """Why no new run starts; empty: runs start."""
    secrets: list[str] | None = None
    """The Secrets of the controller's namespace that its requirements.yaml may ask for."""
    deploy: Deploy = Deploy()  # type: ignore[call-arg]
    acceptance: Acceptance = Acceptance()  # type: ignore[call-arg]
    lint: Lint = Lint()  # type: ignore[call-arg]
    tests: Tests = Tests()  # type: ignore[call-arg]
    supply: Supply = Supply()  # type: ignore[call-arg]
    test_paths: TestPaths = TestPaths()

    @property
    def tests_images(self) -> dict[str, str]:
        """The images of the tests gate by language, `other` among them; empty: that of `pressplay` itself."""
        own, lint = self.tests.images.model_dump(), self.lint.images.model_dump()
        return {**{language: own[language] or lint[language] for language in own}, "other": self.tests.image}


class PackageProxy(_Model):
    """How gates reach packages. Where it is in the network the chart alone knows."""

    files: dict[str, str] = {}
    """Files for the home directory of a gate's container: path → text."""
    reachable: bool = True
    """Whether gates may reach one at all (`gatePods.packageProxy.to`); the chart of an earlier version does not say."""


class GateServices(_Model):
    """What holds for the services beside the tests."""

    images: list[str] = ["*"]
    """The repositories of images that a contract may name (`gates.proving.services.refused`)."""
    resources: dict[str, Any] = {}
    """Each container's resources, as Kubernetes writes them."""
    security_context: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    }
    """Each container's, as Kubernetes writes it; the chart gives the gates' own."""


class GatePods(_Model):
    """What holds for the containers that run strangers' code."""

    package_proxy: PackageProxy = PackageProxy()
    services: GateServices = GateServices()


class Limits(_Model):
    """R4: bounds on everything that agents do; counted from the ledger."""

    attempts: int = Field(2, ge=1)
    """Runs that the machine starts for one key before it gives the key up."""
    rounds: int = Field(3, ge=1)
    """Passes Clippy → QA (→ Rex) over one pull request."""
    run_minutes: int = Field(60, ge=1)
    runs_per_pull_request: int = Field(20, ge=1)
    runs_per_task: int = Field(10, ge=1)
    runs_per_repository_and_day: int = Field(200, ge=1)
    runs_per_play: int = Field(1000, ge=1)
    runs_per_day: int = Field(500, ge=1)
    minutes_per_pull_request: int = Field(480, ge=1)
    """Minutes that all runs for one pull request (or one task) may take together."""
    minutes_per_task: int = Field(240, ge=1)
    wait_days: int = Field(14, ge=1)
    """The age at which a wait for a person ends its task with the reason."""
    triage_tries: int = Field(2, ge=1)
    """Runs of the Triage agent for one pull request and try."""
    security_groups: int = Field(5, ge=1)
    """Groups of alerts that are begun in a repository and day."""
    documents_per_run: int = Field(20, ge=1)
    """Tasks whose documents one run is asked for."""
    tokens_per_task: int = Field(0, ge=0)
    """Tokens that all runs for one task and its pull request may use together; 0: any number."""
    cost_per_task: float = Field(0, ge=0)
    """What they may cost together, in USD; 0: anything."""
    cost_per_day: float = Field(0, ge=0)
    """What the installation's runs that began in a day (UTC) may cost, in USD; 0: anything."""


class Price(_Model):
    """What a model's tokens cost, in USD for a million."""

    input: float = Field(0, ge=0)
    cached_input: float | None = Field(None, ge=0)
    """Of those that come from a cache; None: as much as others."""
    output: float = Field(0, ge=0)


class Reconcile(_Model):
    """How the comparison with the truth runs, and cleans up."""

    mode: Literal["service", "cron"] = "service"
    """Whether one process stays for it, or Argo makes a pod for each pass."""
    keep_days: int = Field(30, ge=1)
    """For how many days what ended is kept: runs, proofs of closed pull requests, ledgers of merged ones, plays."""


class SigningKey(_Model):
    """The key that signs proofs, in a Secret of the release's namespace."""

    secret: str = ""
    """The Secret's name; empty: the one with the key of the harness's App."""
    key: str = "private-key"


class S3Place(_Model):
    """A bucket for proofs."""

    bucket: str = ""
    prefix: str = ""
    """The folder in it, without a slash at either end."""
    region: str = ""
    """Empty: that of the environment, else us-east-1."""
    endpoint: str = ""
    """`https://HOST`; empty: AWS's."""
    path_style: bool = False
    """The bucket is in the path (`https://HOST/BUCKET`), not in the host's name (`https://BUCKET.HOST`)."""
    secret: str = ""
    """A Secret of the release's namespace; empty: the ambient identity."""


class OCIPlace(_Model):
    """A repository of an OCI registry for proofs."""

    repository: str = ""
    """`HOST/PATH`, without a tag."""
    plain_http: bool = Field(False, alias="plainHTTP")
    secret: str = ""
    """A Secret of the release's namespace, of type kubernetes.io/dockerconfigjson; empty: nobody logs in."""


class ProofSettings(_Model):
    """How proofs are signed, and where they are kept."""

    signing_key: SigningKey = SigningKey()
    store: Literal["configMap", "s3", "oci"] = "configMap"
    """Each proof is in a ConfigMap for its time; with `s3` or `oci`, there too."""
    s3: S3Place = S3Place()
    oci: OCIPlace = OCIPlace()  # type: ignore[call-arg]

    @property
    def secrets(self) -> tuple[str, ...]:
        """The Secrets that the values name for it: with the key, and with the credentials of the store."""
        credentials = {"s3": self.s3.secret, "oci": self.oci.secret}.get(self.store, "")
        return tuple(name for name in (self.signing_key.secret, credentials) if name)


class Events(_Model):
    """What may start on events without being asked (R8)."""

    enabled: bool = True
    start: Literal["label", "all"] = "label"
    label: str = Field("press-play", pattern=r"^[A-Za-z0-9._/-]+$")


class FlowSettings(_Model):
    """Whether events start a flow, and for how many seconds they are gathered first."""

    enabled: bool = True
    window: int = Field(ge=1)


class CommentsFlow(FlowSettings):
    """The flow `comments`."""

    agent: str = "rex"
    """The id of the agent that answers."""


class TriageFlow(FlowSettings):
    """The flow `triage`."""

    ignore_checks: list[str] = []
    """Names of checks and workflows whose failure is left alone."""


class SecurityFlow(FlowSettings):
    """The flow `security`."""

    scan_workflows: list[str] = []
    """Names of workflows whose success on the default branch is news about alerts."""


class Flows(_Model):
    """What events start; the defaults are those of the chart's values."""

    pull_request: FlowSettings = FlowSettings(window=30)
    comments: CommentsFlow = CommentsFlow(window=60)
    triage: TriageFlow = TriageFlow(window=60)
    security: SecurityFlow = SecurityFlow(window=300)
    issue: FlowSettings = FlowSettings(window=10)
    merge_group: FlowSettings = FlowSettings(window=60)


class Settings(_Model):
    """All settings of one installation."""

    namespace: str
    """Where our Workflows, ledgers and ConfigMaps live."""
    controller_namespace: str
    """Where the existing controller watches for CodeRuns."""
    instance_id: str = ""
    allow_unprotected: bool = False
    github: GitHub = GitHub()  # type: ignore[call-arg]
    repositories: dict[str, RepositoryDefaults] = {}
    defaults: RepositoryDefaults = RepositoryDefaults()  # type: ignore[call-arg]
    limits: Limits = Limits()  # type: ignore[call-arg]
    gate_pods: GatePods = GatePods()
    reconcile: Reconcile = Reconcile()  # type: ignore[call-arg]
    proof: ProofSettings = ProofSettings()
    events: Events = Events()  # type: ignore[call-arg]
    flows: Flows = Flows()
    agents: dict[str, Agent] = {}
    handover: Literal["github", "file"] = "github"
    """How agents hand over: they push and post as their Apps; in the sandbox they leave a file, and the runner does."""
    prices: dict[str, Price] = {}
    """By the model's name, as agents' command lines report it; `*` in it matches any text."""
    coderun_extra: dict[str, object] = {}
    """Fields that later versions of the CodeRun have, added to each one's spec."""

    @functools.cached_property
    def _merged(self) -> dict[str, tuple[RepositoryDefaults, RepositoryDefaults, RepositoryDefaults]]:
        """What `repository` made, by name: of which two models, and the result. Models never change."""
        return {}

    def listed(self, full_name: str) -> str:
        """A listed repository's name as the values spell it, in any letter case; InputError otherwise (R8).

        GitHub ignores the case of letters, and so do we: names, ledgers and locks use this spelling.
        """
        wanted = names.repo(full_name).lower()
        spelling = next((name for name in self.repositories if name.lower() == wanted), None)
        if spelling is None:
            known = ", ".join(sorted(self.repositories)) or "none"
            raise InputError(
                f"repository {full_name!r} is not listed: expected one of repositories in the chart's values "
                f"({known}); add it there and run helm upgrade"
            )
        return spelling

    def repository(self, full_name: str) -> RepositoryDefaults:
        """The settings of a listed repository, its own over the defaults; InputError if it is not listed (R8)."""
        name = self.listed(full_name)
        own, made = self.repositories[name], self._merged.get(name)
        # A copy of these settings shares what was merged, and may have other defaults.
        if made is not None and made[0] is self.defaults and made[1] is own:
            return made[2]
        everywhere, here = (model.model_dump(exclude_none=True, exclude_unset=True) for model in (self.defaults, own))
        merged = RepositoryDefaults.model_validate(patch.merge(everywhere, here))
        self._merged[name] = (self.defaults, own, merged)
        return merged

    def flow(self, name: str) -> FlowSettings:
        """Switch and window of a flow that events start, by its name; InputError where no flow has it."""
        flow = flows_.flow(name)
        if not flow.values:
            return FlowSettings(window=flow.window)
        settings: FlowSettings = getattr(self.flows, to_snake(flow.values))
        return settings

    def started_by(self, flow: flows_.Flow) -> tuple[flows_.Row, ...]:
        """The rows of a flow that count in this installation, as in the chart's Sensor; none where it is off."""
        settings = self.flow(flow.name) if flow.rows else None
        if settings is None or not (self.events.enabled and settings.enabled):
            return ()
        return tuple(
            row
            for row in flow.rows
            if row.start in (None, self.events.start)
            and (not row.requires or getattr(settings, to_snake(row.requires)))
        )

    def is_ours(self, login: str) -> bool:
        """Whether a login is that of one of our Apps."""
        apps = [self.github.harness_app, *(agent.github_app for agent in self.agents.values())]
        return login.lower() in {names.bot(app) for app in apps}

    def agent(self, name: str) -> tuple[str, Agent]:
        """The persona with this id or `githubApp`, as (id, persona); InputError if there is none or it is disabled."""
        for key, agent in self.agents.items():
            if name in (key, agent.github_app):
                if not agent.enabled:
                    raise InputError(f"agent {key!r} is disabled: set agents.{key}.enabled in the chart's values")
                return key, agent
        known = ", ".join(f"{key} ({agent.github_app})" for key, agent in sorted(self.agents.items()))
        raise InputError(f"no agent has the id or githubApp {name!r}: expected one of {known}")


def parse(text: str, where: str = f"ConfigMap {CONFIG_MAP}, key {CONFIG_KEY}", *, ours: bool = True) -> Settings:
    """Settings from `config.json`'s text; InputError names `where`, each path and what was expected.

    If it is not `ours` but that of another version, unknown keys are left out: a Workflow that began
    before an upgrade keeps its image and reads the new settings.
    """
    try:
        document = json.loads(text)
        try:
            return Settings.model_validate(document)
        except ValidationError as error:
            unknown = [fault["loc"] for fault in error.errors() if fault["type"] == "extra_forbidden"]
            if ours or not unknown:
                raise
            for path in unknown:
                _drop(document, path)
            return Settings.model_validate(document)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    except ValidationError as error:
        faults = "\n".join(f"{where}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(faults) from error


def _drop(document: Any, path: tuple[int | str, ...]) -> None:
    *above, last = path
    for part in above:
        document = document[part]
    del document[last]
