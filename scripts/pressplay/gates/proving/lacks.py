"""What a repository lacks so that a change to it can be proven: known before an agent costs anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pressplay.gates.lint.files import Files, text
from pressplay.gates.proving import services
from pressplay.gates.proving.detection import FILE, Advice, Contract
from pressplay.gates.proving.model import Language, Project
from pressplay.github.committed import Unreadable

PROCFILE = "Procfile"
WEB = re.compile(r"^web:\s*(\S.*)$", re.MULTILINE)
"""The line of a Procfile that starts what the sandbox deploys."""
_PROGRAMS: Mapping[Language, str] = {"rust": "cargo", "python": "python3", "typescript": "node", "go": "go"}
_PROGRAM = re.compile(r"(?:exec\s+)?([A-Za-z][A-Za-z0-9._+-]*)(?=\s|$)(?!\s*=)")
"""The program that a line begins with, where it is plain to see."""
_MANAGER = re.compile(r"(?:^|\s)(npm|pnpm|yarn)\s")


@dataclass(frozen=True)
class Means:
    """What there is to prove a change with. None: not known here, and nothing is said of it."""

    tests: bool = True
    """Whether the tests gate runs commands (`tests.enabled`, and no `tests.checks`)."""
    images: Mapping[str, str] | None = None
    """In a cluster: the image of each language; empty: none is named."""
    tool: Callable[[str], bool] | None = None
    """In the sandbox: whether a program of this name is there."""
    packages: bool = True
    """Whether gates can fetch packages."""
    processes: bool = True
    """In the sandbox: whether services can be processes, told from this machine's and ended."""
    services: Sequence[str] | None = None
    """In a cluster: the repositories of images that services may have (`gatePods.services.images`)."""
    deploys: bool | None = None
    """Whether a commit is deployed, so that it can be asked. In the sandbox the Procfile decides, if this is None."""


def lacks(contract: Contract, files: Files, means: Means) -> list[Advice]:
    """What the repository lacks, each with what to do; empty if nothing is known to be lacking.

    `files` are the default branch's. Paths in the text are checked names of folders.
    """
    advice: list[Advice] = []
    if means.tests:
        advice += contract.advice
        advice += _of_projects(contract, means)
    deploys = _deploys(files, means)
    if deploys is False and means.tool is not None:
        advice.append(
            Advice(
                f"{PROCFILE} has no line `web: COMMAND`, so that nothing is deployed and only tests and command probes "
                "can prove a change",
                "add the line, or give --start; for a library or a command line nothing is to do",
            )
        )
    elif deploys is False:
        advice.append(
            Advice(
                "nothing is deployed (deploy.mode: none), so that only tests and command probes can prove a change",
                "set deploy.mode (docs/how-to/gates.md); for a library or a command line nothing is to do",
            )
        )
    return advice


def provable(contract: Contract, files: Files, means: Means) -> bool:
    """Whether anything at all could prove a change: a deployment, or a project whose tools are there.

    Where that is not known, the answer is yes.
    """
    projects = contract.environment.projects
    tools = means.tests and any(
        not project.network and not [*_no_tools(project, means), *_no_services(project, means)] for project in projects
    )
    return tools or _deploys(files, means) is not False


def _deploys(files: Files, means: Means) -> bool | None:
    if means.deploys is not None or means.tool is None:
        return means.deploys
    try:
        return WEB.search(text(files, PROCFILE) or "") is not None
    except Unreadable:
        return False


def _of_projects(contract: Contract, means: Means) -> Iterator[Advice]:
    projects = contract.environment.projects
    if not projects:
        yield Advice("no project that the gates know is in it", f"write how it is tested into {FILE}")
    for project in projects:
        place = project.folder or "the root"
        if not project.test:
            yield Advice(
                f"{place}: it has no test command, so that no test can prove a change to it",
                f"add tests, or write their command into {FILE}",
            )
        if project.network:
            yield Advice(
                f"{place}: its tests need a network, which gates never give: they prove nothing",
                f"have the tests start what they need, and take `network: true` out of {FILE}",
            )
        if project.setup and not means.packages:
            in_sandbox = means.tool is not None
            yield Advice(
                f"{place}: its setup fetches packages, and gates "
                f"{'of the sandbox have no network' if in_sandbox else 'can reach no package proxy'}",
                "give --gates-online, unless it needs no packages"
                if in_sandbox
                else "set gatePods.packageProxy in the values, or put the packages into the image",
            )
        yield from _no_tools(project, means)
        yield from _no_services(project, means)


def _no_services(project: Project, means: Means) -> Iterator[Advice]:
    """The services that a project needs and that can't be had: without them its tests decide nothing."""
    place = project.folder or "the root"
    for image in services.refused([project], means.services) if means.services is not None else ():
        yield Advice(
            f"{place}: the values do not allow the image {image} of a service",
            f"add {services.repository(image)} to gatePods.services.images in the values",
        )
    if means.tool is None:
        return
    for service in project.services:
        program = _PROGRAM.match(service.process)
        if not means.processes:
            yield Advice(
                f"{place}: `unshare` does not work on this machine, without which the sandbox can't have the service "
                f"{service.name}, so that its tests decide nothing here",
                "play it on Linux with unprivileged user namespaces, or in a cluster",
            )
        elif not service.process:
            yield Advice(
                f"{place}: the sandbox runs no images, and the service {service.name} names no process, so that its "
                "tests decide nothing here",
                f"write its key `process` into {FILE}",
            )
        elif program and not means.tool(program[1]):
            yield Advice(
                f"{place}: {program[1]}, which the service {service.name} needs, is not on the PATH",
                f"install {program[1]} on this machine",
            )


def _no_tools(project: Project, means: Means) -> Iterator[Advice]:
    """The tools that a project needs and that are not there."""
    place, language = project.folder or "the root", project.language
    if means.images is not None and not means.images.get(language) and not _own_image_serves(project):
        where = "tests.image" if language == "other" else f"tests.images.{language}"
        yield Advice(f"{place}: no image with its tools is named", f"set {where} in the values")
    if means.tool is not None:
        needed = {_PROGRAMS[language]} if language in _PROGRAMS else set()
        needed |= {manager for line in project.setup for manager in _MANAGER.findall(line)}
        needed |= {"pytest"} if "-m pytest" in project.test else set()
        for program in sorted(name for name in needed if not means.tool(name)):
            yield Advice(f"{place}: {program} is not on the PATH", f"install {program} on this machine")


def _own_image_serves(project: Project) -> bool:
    """Whether the image of `pressplay` itself can run a project's tests: it has Python, and no packages for tests."""
    return project.language == "python" and "pytest" not in project.test
