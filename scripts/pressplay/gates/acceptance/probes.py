"""A plan carried out: each probe in its order, again until it holds or its tries are used up, all within one deadline.

The harness does this in the cluster, under a ServiceAccount that can only read. Nothing that a probe meets ends the
run: what is refused, broken, slow or missing is a probe that did not hold, and the proof says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx

from pressplay.clock import Clock, rfc3339
from pressplay.cluster.port import Cluster, Manifest
from pressplay.errors import PressPlayError
from pressplay.gates.acceptance import judge
from pressplay.gates.acceptance.net import BODY, Ask, Client, NoAnswer, ProbeAnswer, Resolver
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.probe_types import Command, Http, Logs, Look, Probe, WorkloadProbe
from pressplay.gates.acceptance.proof import ProbeProof, Proof, header, is_secret, safe, shortened
from pressplay.gates.acceptance.reach import Address, OutOfReach, Reach, parse

SECONDS = 900.0
"""How long a plan may take in all."""
PODS = 10
"""Pods whose logs are read for one probe."""
LOG = 256 * 1024
"""Bytes of one pod's log that are read, the newest."""
LAST_LINES = 20
"""Lines of a log that are shown where something expected was not in it."""

_SHOWN_HEADERS = frozenset(
    (
        "allow",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "etag",
        "location",
        "retry-after",
        "server",
        "www-authenticate",
    )
)
"""Response headers that a proof shows; others only where the plan expects something of them."""


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment."""

    url: str
    """Its address, http or https; empty if it has none (then a plan's paths lead nowhere)."""
    environment: str
    commit: str
    """The commit that runs there, which the plan was read at."""
    namespace: str
    """The namespace of its pods; empty if unknown (then each probe must name its own)."""


def run(
    plan: ProbePlan,
    target: Target,
    reach: Reach,
    workloads: Cluster | None,
    clock: Clock,
    transport: httpx.BaseTransport | None = None,
    say: Callable[[str], None] = lambda _line: None,
    *,
    resolve: Resolver | None = None,
    seconds: float = SECONDS,
) -> Proof:
    """Carry the plan out; the proof, even if nothing held.

    `workloads`: the cluster to read logs and workloads from; it is never changed. `transport`, `resolve`: replace
    the network and its names. `say` takes a line for the log, in our own words. InputError if the deployment's
    address is invalid, or the plan has `${COMMIT}` and the target has no full commit id.
    """
    own = parse(target.url) if target.url else None
    looks = _Looks(target, own, reach, Client(reach, own, transport, resolve), workloads)
    started = clock.now()
    made = tuple(_tried(probe, looks, clock, started + seconds, seconds, say) for probe in plan.probes(target.commit))
    return Proof(
        commit=target.commit,
        environment=target.environment,
        url=str(own) if own else "",
        plan=plan.digest,
        started=rfc3339(started),
        ended=rfc3339(clock.now()),
        probes=made,
    )


def _tried(
    probe: Probe, looks: _Looks, clock: Clock, deadline: float, seconds: float, say: Callable[[str], None]
) -> ProbeProof:
    """A probe's last try."""
    made = ProbeProof(probe.name, probe.kind, "", 0, "", f"not made: the {seconds:g} s for all probes were up", ())
    for attempt in range(1, probe.retries + 2):
        left = deadline - clock.now()
        if left <= 0:
            break
        proof, final = looks.at(probe, left)
        made = replace(proof, attempts=attempt)
        say(f"probe {probe.name}: try {attempt}: {'held' if made.passed else 'did not hold'}")
        if made.passed or final:
            break
        if attempt <= probe.retries:
            clock.sleep(min(probe.every_seconds, max(0.0, deadline - clock.now())))
    return made


@dataclass(frozen=True)
class _Looks:
    """Makes one try of a probe."""

    target: Target
    own: Address | None
    reach: Reach
    client: Client
    cluster: Cluster | None

    def at(self, probe: Probe, left: float) -> tuple[ProbeProof, bool]:
        """What one try brought within `left` seconds, and whether another would bring the same."""
        bare = ProbeProof(probe.name, probe.kind, safe(_asked(probe.look, self.target)), 0, "", "", ())
        try:
            match probe.look:
                case Http() as http:
                    return self._http(bare, http, left), False
                case Logs() as logs:
                    return self._logs(bare, logs), False
                case WorkloadProbe() as workload:
                    return self._workload(bare, workload), False
                case Command():
                    return replace(bare, fault="a command is not carried out against a deployment"), True
        except OutOfReach as error:
            return replace(bare, fault=safe(f"refused: {error}", 1000)), True
        except PressPlayError as error:
            return replace(bare, fault=safe(str(error), 1000)), False

    def _http(self, bare: ProbeProof, http: Http, left: float) -> ProbeProof:
        address = self._address(http)
        ask = Ask(http.method, address, http.headers, http.body.encode())
        bare = replace(bare, asked=_request(ask))
        names = {name.lower() for name, _ in http.expect.headers}
        try:
            answer = self.client.send(ask, min(http.timeout_seconds, left))
        except NoAnswer as error:
            shown = _response(error.partial, names) if error.partial else ""
            return replace(bare, fault=safe(str(error), 1000), came=shown, checks=judge.http(http.expect, None))
        return replace(bare, came=_response(answer, names), checks=judge.http(http.expect, answer))

    def _address(self, http: Http) -> Address:
        if http.url:
            return parse(http.url)
        if self.own is None:
            raise OutOfReach("the deployment has no address that a path could be below")
        return self.own.below(http.path)

    def _logs(self, bare: ProbeProof, logs: Logs) -> ProbeProof:
        cluster, namespace = self._cluster(logs.namespace)
        if logs.pod:
            pod = cluster.get("Pod", namespace, logs.pod)
            pods = [pod] if pod else []
        else:
            pods = cluster.list("Pod", namespace, dict(logs.labels))
        logs_read = []
        for pod in pods[:PODS]:
            name = pod["metadata"]["name"]
            text = cluster.logs(namespace, name, logs.container or _container(pod), logs.since_seconds, LOG + 1)
            if text is not None:
                logs_read.append(_log(name, text))
        checks = judge.logs(logs, logs_read, whole=len(pods) <= PODS)
        return replace(bare, came=_lines(logs, logs_read, all(check.ok for check in checks)), checks=checks)

    def _workload(self, bare: ProbeProof, workload: WorkloadProbe) -> ProbeProof:
        cluster, namespace = self._cluster(workload.namespace)
        manifest = cluster.get(workload.kind, namespace, workload.name)
        shown = ""
        if manifest is not None:
            shown = safe("\n".join([judge.rollout(manifest).words, *judge.images(manifest)]))
        return replace(bare, came=shown, checks=judge.workload(workload, manifest))

    def _cluster(self, named: str) -> tuple[Cluster, str]:
        """The cluster and the namespace to look into, which the reach allows."""
        namespace = named or self.target.namespace
        self.reach.admit_namespace(namespace)
        if self.cluster is None:
            raise OutOfReach("there is no cluster here to look into")
        return self.cluster, namespace


def _asked(look: Look, target: Target) -> str:
    """A probe in a line or two, before anything is known of what it leads to."""
    match look:
        case Http():
            return f"{look.method} {look.url or look.path}"
        case Logs():
            pods = f"pod {look.pod}" if look.pod else f"pods {','.join(f'{k}={v}' for k, v in look.labels)}"
            container = f", container {look.container}" if look.container else ""
            where = look.namespace or target.namespace
            return f"log of {pods} in {where}{container}, the last {look.since_seconds} s"
        case WorkloadProbe():
            return f"{look.kind} {look.name} in {look.namespace or target.namespace}"
        case Command():
            return "a command"


def _request(ask: Ask) -> str:
    lines = [f"{ask.method} {ask.address}", *(header(name, value) for name, value in ask.headers)]
    if ask.body:
        lines += ["", ask.body.decode()]
    return safe("\n".join(lines))


def _response(answer: ProbeAnswer, names: set[str]) -> str:
    """Status, some headers and the body's beginning. A header that is not for others is left out."""
    shown = _SHOWN_HEADERS | names
    lines = [f"status {answer.status}"]
    lines += [header(key, value) for key, value in answer.headers if key.lower() in shown and not is_secret(key)]
    text = safe("\n".join(lines), 2000)
    if not answer.body:
        return f"{text}\n\n(no body)"
    read = f"\n(only its first {BODY} bytes were read)" if answer.cut else ""
    return f"{text}\n\n{safe(answer.body.decode('utf-8', 'backslashreplace'))}{read}"


def _container(pod: Manifest) -> str:
    """The container whose log a Pod's log is, as kubectl has it; empty if the Pod does not say."""
    default = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    containers = (pod.get("spec") or {}).get("containers") or [{}]
    return str(default or containers[0].get("name") or "")


def _log(pod: str, text: bytes) -> judge.PodLog:
    """A pod's log; of one that is cut the first line goes too: half a line may be half a secret."""
    if len(text) <= LOG:
        return judge.PodLog(pod, text, cut=False)
    return judge.PodLog(pod, text.partition(b"\n")[2], cut=True)


def _lines(logs: Logs, pods_logs: list[judge.PodLog], held: bool) -> str:
    """For each pod the first line with each expected text; its last lines too, if not all checks held."""
    parts = []
    for log in pods_logs:
        lines = safe(log.text.decode("utf-8", "backslashreplace"), 2 * LOG).splitlines()
        kept = [next((line for line in lines if text in line), "") for text in (*logs.lines, *logs.absent)]
        shown = [f"pod {log.pod}:", *(shortened(line, 500) for line in dict.fromkeys(kept) if line)]
        if not held:
            shown += [f"its last lines, of {len(lines)}:", *(shortened(line, 500) for line in lines[-LAST_LINES:])]
        parts.append("\n".join(shown))
    return shortened("\n\n".join(parts), 8 * 1024)
