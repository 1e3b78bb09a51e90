"""Whether changes to a repository can be proven, said before an agent costs anything."""

from __future__ import annotations

from pressplay.errors import InputError
from pressplay.gates.proving import environment, lacks
from pressplay.gates.proving.detection import FILE, Advice
from pressplay.github.calls import Client
from pressplay.github.listing import Listing
from pressplay.settings import GatePods, RepositoryDefaults, Settings


def means(settings: RepositoryDefaults, gate_pods: GatePods) -> lacks.Means:
    """What a repository's settings, and those of the gates' Pods, give to prove a change with."""
    tests = settings.tests
    return lacks.Means(
        tests=tests.enabled and not tests.checks,
        images=settings.tests_images,
        packages=gate_pods.package_proxy.reachable,
        services=gate_pods.services.images,
        deploys=settings.deploy.mode != "none",
    )


def look(gh: Client, repo: str, commit: str, settings: Settings) -> tuple[list[Advice], bool]:
    """What the repository lacks at a commit of its default branch, and whether anything can be proven at all.

    It can where a person's word is that tests don't count, or that those of the project's CI do. Raises Invalid if the
    environment contract is wrong.
    """
    own = settings.repository(repo)
    files, given = Listing(gh, repo, commit), means(own, settings.gate_pods)
    contract = environment.contract(files, own.tests.environment, f"{repo}@{commit[:12]}:{FILE}")
    return lacks.lacks(contract, files, given), not given.tests or lacks.provable(contract, files, given)


def demand(gh: Client, repo: str, commit: str, settings: Settings) -> list[Advice]:
    """What the repository lacks, as `look` has it; InputError if nothing could prove a change to it."""
    advice, possible = look(gh, repo, commit, settings)
    if not possible:
        listed = "".join(f"\n- {item}" for item in advice)
        raise InputError(
            f"{repo}: nothing could prove a change to it, so nothing was started. It lacks:{listed}\n"
            "To play anyway, without the tests gate: tests.enabled: false in its values"
        )
    return advice
