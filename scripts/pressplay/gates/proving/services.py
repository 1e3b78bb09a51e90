"""Services beside the tests (a database): what starts one afresh for each run, and what asks for that.

A service's container runs `supervisor`, which is its first process. For each run the script of the tests writes a new
word into `$GATE_ASK`, which services can only read. The supervisor then ends every process of its container, empties
every folder that these could write to, starts the service, and answers in a folder that tests can only read: so no run
sees what an earlier one left, and no test can answer for a service. A run without all its services does not count.

In the sandbox the supervisor starts the service's `process`, with a process table of its own, beside the tests.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pressplay.gates.proving.model import Project, Service

ASK, ANSWERS, ANSWER = "/gate/ask", "/gate/services", "/gate/answer"
"""In Pods: where the tests ask; where they read all answers; where a service writes its own."""
SCRIPT, PROJECT, DATA = "/gate/service", "/gate/project", "/gate/data"
"""In a service's container: its supervisor; the project's folder on the default branch; a folder of its own."""
AS_PROCESS = "GATE_PROCESS"
"""The variable that the sandbox sets: the service is a process of this machine."""
UP, REST = "services", "rest"
"""The steps of a run in which its services start, and end."""
_LOG, _TAIL = 8_000_000, 4_000
_GRACE = 20
"""Seconds that a supervisor may take beyond its service's own, to end and empty what was there."""
_POLL = "sleep 0.2 2>/dev/null || sleep 1"

FUNCTIONS = f"""\
# Services: `ask` says to all which are wanted, and `nonce` tells its answers from what a run could have asked itself.
ask=${{GATE_ASK-}} answers=${{GATE_SERVICES-}}
unset GATE_ASK GATE_SERVICES

request() {{
  nonce=$(head -c 15 /dev/urandom | base64)
  rm -rf "$ask"/* "$ask"/.[!.]* "$ask"/..?*
  printf '%s %s\\n' "$nonce" "$*" >"$ask/next" && mv "$ask/next" "$ask/now"
}}

# answered NAME SECONDS: waits for its answer to the last request; $state is `silent` where there is none.
answered() {{
  while :; do
    if [ -f "$answers/$1/state" ] && [ ! -L "$answers/$1/state" ]; then
      said='' state='' why=''
      read -r said state why <"$answers/$1/state"
      if [ "$said" = "$nonce" ]; then return; fi
    fi
    if [ $(($(date +%s) - started)) -ge "$2" ]; then
      state=silent why="it did not answer within $2 s"
      return
    fi
    {_POLL}
  done
}}

# each STEP WANTED SECONDS NAME…: a step in which each service answers with the state WANTED, or its log is shown.
each() {{
  step=$1 wanted=$2 patience=$3
  shift 3
  rm -rf "$out" && mkdir -p "$out" || exit 9
  say "begin $step"
  started=$(date +%s) code=0
  if [ -n "$ask" ] && [ -n "$answers" ]; then
    request "$wanted" "$@"
    for name; do
      answered "$name" "$patience"
      if [ "$state" != "$wanted" ]; then
        code=1
        printf '%s: %s\\n' "${{name#*-}}" "$why" >>"$out/why"
        if [ -f "$answers/$name/log" ] && [ ! -L "$answers/$name/log" ]; then
          tail -c {_TAIL} "$answers/$name/log" >>"$out/why"
        fi
      fi
    done
  else
    code=1
    echo "services are not to be had where this runs" >"$out/why"
  fi
  say "ended $step $code $(($(date +%s) - started))"
  if [ "$code" -ne 0 ]; then frame log "$out/why"; fi
}}

# settle NAME…: their end, and that of what they wrote, where a step did not go as it should.
settle() {{
  request stopped "$@"
  started=$(date +%s)
  for name; do answered "$name" {_GRACE}; done
}}

# serve STEP SECONDS NAME…: the services, started afresh; where one is not there nothing is run.
serve() {{
  served=0
  [ "$ready" -eq 0 ] || return 0
  served_step=$1 served_for=$2
  shift 2
  each "$served_step.{UP}" ready "$served_for" "$@"
  served=$code
  if [ "$code" -ne 0 ] && [ -n "$ask" ]; then settle "$@"; fi
}}

# rest STEP NAME…: whether the services lived to the end of the run, and their end.
rest() {{
  [ "$ready" -eq 0 ] && [ "$served" -eq 0 ] || return 0
  served_step=$1
  shift
  each "$served_step.{REST}" stopped {_GRACE} "$@"
  served=$code
  if [ "$code" -ne 0 ]; then settle "$@"; fi
}}

# What follows can't change that nothing is decided.
need_services() {{
  [ "$served" -eq 0 ] || {{
    say end
    exit 0
  }}
}}

"""
"""Of the script of the tests, if any project has services."""

_SUPERVISOR = f"""\
# Written by Press Play: runs the service %(name)s beside the tests, afresh for each run of theirs.
set -u
name=%(name)s ports=%(ports)s seconds=%(seconds)s
line=%(command)s
process=%(process)s
ready=%(ready)s
%(exports)s
state='' fell='' last='' asked='' count=0
ended=$GATE_ANSWER/ended log=$GATE_ANSWER/log
trap 'exit 0' TERM

answer() {{
  state=$1
  printf '%%s %%s\\n' "$asked" "$*" >"$GATE_ANSWER/next" && mv -f "$GATE_ANSWER/next" "$GATE_ANSWER/state"
}}

pause() {{ {_POLL}; }}

# A socket that listens (state 0A) on this port, whoever has it: the network is the Pod's.
listens() {{
  hex=$(printf '%%04X' "$1")
  grep -qsE "^ *[0-9]+: [0-9A-F]+:$hex [0-9A-F]+:0000 0A " /proc/net/tcp /proc/net/tcp6
}}

# Ends all that runs here but this, and empties every folder that it could write to.
clear_all() {{
  [ $$ -eq 1 ] || return 1
  kill -9 -1 2>/dev/null
  wait 2>/dev/null
  rest=$GATE_DATA:$GATE_ANSWER:
  while [ -n "$rest" ]; do
    folder=${{rest%%%%:*}} rest=${{rest#*:}}
    chmod -R u+rwX "$folder" 2>/dev/null
    rm -rf "$folder"/* "$folder"/.[!.]* "$folder"/..?* 2>/dev/null
    [ -z "$(ls -A "$folder")" ] || return 1
  done
  : >"$GATE_ANSWER/begun"
  # In a Pod it is the Pod's; elsewhere it is the machine's.
  [ -n "${{{AS_PROCESS}-}}" ] || rm -rf /dev/shm/* 2>/dev/null
  return 0
}}

run_line() {{
  if [ -n "${{{AS_PROCESS}-}}" ]; then cd "$PRESSPLAY_PROJECT" || return 126; fi
  sh -c "$1"
}}

is_ready() {{
  for port in $ports; do listens "$port" || return 1; done
  [ -z "$ready" ] || (run_line "$ready") </dev/null >/dev/null 2>&1
}}

start() {{
  if [ -n "${{{AS_PROCESS}-}}" ]; then line=$process; fi
  if [ -z "$line" ]; then
    answer failed "the sandbox runs no images, and it names no process"
    return
  fi
  for port in $ports; do
    if listens "$port"; then
      answer failed "its port $port is taken by another program"
      return
    fi
  done
  began=$(date +%%s)
  : >"$log"
  (run_line "$line"; echo $? >"$ended") </dev/null >>"$log" 2>&1 &
  while :; do
    if [ -e "$ended" ]; then
      answer failed "it ended with status $(head -n 1 "$ended")"
      return
    fi
    if is_ready; then
      answer ready
      return
    fi
    if [ $(($(date +%%s) - began)) -ge "$seconds" ]; then
      answer failed "it was not ready within $seconds s"
      return
    fi
    pause
  done
}}

# What follows a request: WANTED and the names of those that it concerns.
obey() {{
  case " $2 " in *" $name "*) wanted=$1 ;; *) wanted=other ;; esac
  if [ -z "$fell" ] && [ "$state" = ready ] && [ -e "$ended" ]; then
    fell="it ended with status $(head -n 1 "$ended") while the tests ran"
  fi
  end=$(tail -c %(tail)s "$log" 2>/dev/null)
  if ! clear_all; then
    answer failed "what it left can't be ended and removed"
  elif [ "$wanted" = ready ]; then
    fell=''
    start
  elif [ -n "$fell" ]; then
    printf '%%s\n' "$end" >"$log"
    answer fallen "$fell"
    fell=''
  else
    answer stopped
  fi
}}

if [ -e "$GATE_ANSWER/begun" ] && [ -f "$GATE_ASK/now" ]; then
  read -r asked rest <"$GATE_ASK/now"
  last="$asked $rest" fell="its container ended, and was started again"
  answer failed "$fell"
fi
: >"$GATE_ANSWER/begun"
while :; do
  if [ -f "$GATE_ASK/now" ]; then
    read -r asked wanted names <"$GATE_ASK/now"
    if [ "$asked $wanted $names" != "$last" ]; then
      last="$asked $wanted $names"
      obey "$wanted" "$names"
    fi
  fi
  count=$((count + 1))
  if [ "$count" -ge 50 ]; then
    count=0
    if [ -f "$log" ] && [ "$(wc -c <"$log")" -gt {_LOG} ]; then : >"$log"; fi
  fi
  pause
done
"""


def name(number: int, service: Service) -> str:
    """What a service of the project of this number is called in its Pod, where other projects have some too."""
    return f"p{number}-{service.name}"


def supervisor(number: int, service: Service) -> str:
    """The script that is the first process of a service's container."""
    exports = "\n".join(f"export {variable}={shlex.quote(value)}" for variable, value in service.env)
    values = {
        "tail": str(_TAIL),
        "name": name(number, service),
        "ports": " ".join(map(str, service.ports)),
        "seconds": str(service.seconds),
        "command": service.command,
        "process": service.process,
        "ready": service.ready,
    }
    return _SUPERVISOR % {**{key: shlex.quote(value) for key, value in values.items()}, "exports": exports}


def files(number: int, project: Project) -> Iterator[tuple[str, bytes]]:
    """The files that the containers of a project's services need: path below the folder of the scripts → content."""
    for service in project.services:
        yield f"services/{name(number, service)}/run.sh", supervisor(number, service).encode()


def serve(step: str, number: int, project: Project) -> str:
    """The line of the tests' script that starts a project's services for a step."""
    patience = max(service.seconds for service in project.services) + _GRACE
    return f"serve {step} {patience} {_names(number, project)}"


def rest(step: str, number: int, project: Project) -> str:
    """The line that ends them after the step."""
    return f"rest {step} {_names(number, project)}"


def _names(number: int, project: Project) -> str:
    return " ".join(name(number, service) for service in project.services)


def container(
    number: int,
    project: Project,
    service: Service,
    resources: Mapping[str, Any],
    security: Mapping[str, Any],
    scripts: str = "script",
) -> dict[str, Any]:
    """A service as a Pod's sidecar, which Kubernetes starts before the tests and ends after them.

    `resources` and `security`: the container's, as Kubernetes writes them. `scripts`: the folder of the volume with the
    scripts of its Pod. Its volumes are `gate`, `ask`, `answers` and
    `service-data` of the Pod (the chart's `press-play.gatePod`).
    """
    own = name(number, service)
    folders = [DATA, "/tmp", *service.data]  # noqa: S108 - of the container, which has a volume of its own there
    variables = {
        "GATE_ASK": ASK,
        "GATE_ANSWER": ANSWER,
        "GATE_DATA": ":".join(folders),
        "PRESSPLAY_PROJECT": PROJECT,
        "PRESSPLAY_DATA": DATA,
        "HOME": DATA,
    }
    base = f"base/{project.folder}" if project.folder else "base"
    return {
        "name": own,
        "image": service.image,
        "imagePullPolicy": "IfNotPresent",
        "restartPolicy": "Always",
        "command": ["sh", f"{SCRIPT}/run.sh"],
        "env": [{"name": key, "value": value} for key, value in variables.items()],
        "resources": dict(resources),
        "securityContext": {**security, **({"runAsUser": service.user} if service.user is not None else {})},
        "volumeMounts": [
            {"name": "gate", "mountPath": SCRIPT, "subPath": f"{scripts}/services/{own}", "readOnly": True},
            {"name": "gate", "mountPath": PROJECT, "subPath": base, "readOnly": True},
            {"name": "ask", "mountPath": ASK, "readOnly": True},
            {"name": "answers", "mountPath": ANSWER, "subPath": own},
            *(
                {"name": "service-data", "mountPath": folder, "subPath": f"{own}/{place}"}
                for place, folder in enumerate(folders)
            ),
        ],
    }


def refused(projects: Iterable[Project], allowed: Iterable[str]) -> list[str]:
    """The images of services that are of no allowed repository, once each.

    `allowed`: repositories in full (`docker.io/library/postgres`); one that ends in `/*`, or is `*`, allows all below.
    """
    patterns = list(allowed)
    images = dict.fromkeys(service.image for project in projects for service in project.services)
    return [image for image in images if not any(_allows(pattern, repository(image)) for pattern in patterns)]


def _allows(pattern: str, full: str) -> bool:
    return full == pattern or pattern == "*" or (pattern.endswith("/*") and full.startswith(pattern[:-1]))


def repository(image: str) -> str:
    """The repository of an image in full, as runtimes read it: `postgres@…` is `docker.io/library/postgres`."""
    text = image.partition("@")[0]
    first, slash, _ = text.partition("/")
    if not slash:
        return f"docker.io/library/{text}"
    return text if "." in first or ":" in first or first == "localhost" else f"docker.io/{text}"
