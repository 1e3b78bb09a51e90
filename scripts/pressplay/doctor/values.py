"""The values: as files, and as the settings that they make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pressplay.doctor.results import Result, check, not_looked_at, note, ok, wrong
from pressplay.doctor.subject import Subject
from pressplay.settings import Lint, Settings

UPGRADE = "helm upgrade --install press-play CHART -n {namespace} -f values.yaml"
RUNS_OF_A_ROUND = 2
"""Clippy's and QA's; where QA wants changes, Rex's is a third."""


@check("values files")
def files(subject: Subject) -> Iterator[Result]:
    """What `pressplay validate` says of the files."""
    for problem in subject.problems:
        at = f"{problem.file}:{problem.line}" if problem.line else problem.file
        do = problem.hint or f"change {problem.path.removeprefix('$.')} (docs/reference/values.md)"
        yield wrong("values files", f"{at}: {problem.path}: {problem.message}", do)
    if subject.files and not subject.problems:
        yield ok("values files", f"{', '.join(name for name, _ in subject.files)}: no error")
    if not subject.files:
        yield not_looked_at("values files", "none was given", "give them as to helm: -f values.yaml")


@check("drift")
def drift(subject: Subject) -> Iterator[Result]:
    """Whether the release is that of the values: changed and not upgraded, or upgraded with others."""
    wanted, release = subject.from_values, subject.release
    here, there = (side.model_dump(mode="json", by_alias=True) for side in (wanted, release))
    different = [*_differences(here, there), *_image(subject)]
    if different:
        shown = ", ".join(different[:8]) + (f" and {len(different) - 8} more" if len(different) > 8 else "")
        yield wrong(
            "drift",
            f"the release has other settings than the values: {shown}",
            UPGRADE.format(namespace=subject.namespace) + ", or give doctor the files that it was installed with",
        )
    else:
        yield ok("drift", "the release has the values' settings")


def _differences(value: Any, other: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and isinstance(other, dict):
        for key in sorted({*value, *other}):
            yield from _differences(value.get(key), other.get(key), f"{path}.{key}" if path else key)
    elif value != other:
        yield path


def _image(subject: Subject) -> Iterator[str]:
    from pressplay.doctor.release import image

    own = subject.values["image"]
    wanted = f"{own['repository']}@{own['digest']}" if own["digest"] else f"{own['repository']}:{own['tag']}"
    pod_image = image(subject)
    if pod_image and not (
        pod_image == wanted or (not own["tag"] and not own["digest"] and pod_image.startswith(wanted))
    ):
        yield "image"


@check("repositories")
def repositories(subject: Subject) -> Iterator[Result]:
    """Whether any is listed."""
    listed = subject.settings.repositories
    if listed:
        yield ok("repositories", f"{len(listed)} listed: {', '.join(sorted(listed)[:5])}")
    else:
        yield wrong(
            "repositories",
            "none is listed, so that nothing can be played and no event is taken",
            "list one: --set 'repositories.acme/shop.tag=master', or repositories in the values",
        )


@check("images")
def images(subject: Subject) -> Iterator[Result]:
    """Whether each image is one certain image: two pods of `latest` may run two programs."""
    named = dict(_images(subject))
    loose = {key: image for key, image in named.items() if not pinned(image)}
    for key, image in loose.items():
        yield wrong(
            "images",
            f"{key} is {image}, which may be another image tomorrow",
            f"set {key} to an image with a version or a digest (sha256:…)",
        )
    if not loose:
        yield ok("images", f"{len(named)}, each with a version or a digest")


def pinned(image: str) -> bool:
    """Whether an image's name says which one: a digest, or a tag that is not `latest`."""
    if "@sha256:" in image:
        return True
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag not in ("", "latest")


def _images(subject: Subject) -> Iterator[tuple[str, str]]:
    from pressplay.doctor.release import image

    if subject.files and not subject.problems:
        own = subject.values["image"]
        if own["digest"] or own["tag"]:
            yield "image.tag", f"{own['repository']}{'@' + own['digest'] if own['digest'] else ':' + own['tag']}"
    elif not subject.no_cluster and (pod_image := image(subject)):
        yield "image.tag", pod_image
    settings = subject.settings
    everywhere = _lint_images(settings.defaults.lint)
    yield from ((f"defaults.lint.{key}", image_) for key, image_ in everywhere.items())
    for name in settings.repositories:
        own_images = _lint_images(settings.repository(name).lint)
        for key, image_ in own_images.items():
            if image_ != everywhere.get(key):
                yield f"repositories.{name}.lint.{key}", image_


def _lint_images(lint: Lint) -> dict[str, str]:
    """The images that a lint gate runs, by their keys; without those that are pressplay's own."""
    images = {"image": lint.image, **{f"images.{name}": text for name, text in lint.images.model_dump().items()}}
    return {key: text for key, text in images.items() if text and lint.enabled}


@check("limits")
def limits(subject: Subject) -> Iterator[Result]:
    """Whether the bounds leave room for what they bound (docs/how-to/limits-and-parking.md)."""
    problems = list(_limits(subject.settings))
    yield from problems
    if not problems:
        yield ok("limits", "each leaves room for what it bounds")


def _limits(settings: Settings) -> Iterator[Result]:
    bounds = settings.limits
    if bounds.runs_per_pull_request < RUNS_OF_A_ROUND:
        yield wrong(
            "limits",
            f"limits.runsPerPullRequest is {bounds.runs_per_pull_request}: Clippy's run and QA's are two, so that "
            "no pull request can be approved",
            f"set limits.runsPerPullRequest to {3 * bounds.rounds - 1} or more",
        )
    elif bounds.runs_per_pull_request < 3 * bounds.rounds - 1:
        yield note(
            "limits",
            f"limits.runsPerPullRequest is {bounds.runs_per_pull_request}: {bounds.rounds} rounds (limits.rounds) "
            f"take up to {3 * bounds.rounds - 1} runs",
            "raise it, or lower limits.rounds",
        )
    for span in ("task", "pull_request"):
        minutes = getattr(bounds, f"minutes_per_{span}")
        key = f"limits.minutesPer{'Task' if span == 'task' else 'PullRequest'}"
        if minutes < bounds.run_minutes:
            yield note(
                "limits",
                f"{key} is {minutes}: one run may take {bounds.run_minutes} (limits.runMinutes), and is the last then",
                f"raise {key}, or lower limits.runMinutes",
            )
    if bounds.runs_per_task < bounds.attempts:
        yield note(
            "limits",
            f"limits.runsPerTask is {bounds.runs_per_task}: fewer than the machine tries (limits.attempts)",
            "raise it",
        )
    budgets = [settings.repository(name).budget.runs_per_day for name in settings.repositories]
    if (most := max(budgets, default=0)) > bounds.runs_per_day:
        yield note(
            "limits",
            f"limits.runsPerDay is {bounds.runs_per_day}: fewer than one repository may have ({most}, "
            "budget.runsPerDay)",
            "raise the one or lower the other",
        )
    if bounds.runs_per_day < bounds.runs_per_repository_and_day:
        yield note(
            "limits",
            f"limits.runsPerDay is {bounds.runs_per_day}: fewer than one repository may have "
            f"({bounds.runs_per_repository_and_day}, limits.runsPerRepositoryAndDay)",
            "raise the one or lower the other",
        )


@check("protection")
def protection(subject: Subject) -> Iterator[Result]:
    """Whether plays start without a ruleset."""
    if subject.settings.allow_unprotected:
        yield note(
            "protection",
            "allowUnprotected is true: plays start where no rulesets keep agents from merging, or from each other's "
            "orders",
            "set allowUnprotected to false, once each repository has its rulesets",
        )
    else:
        yield ok("protection", "no play starts without the rulesets (allowUnprotected: false)")


@check("deployments")
def deployments(subject: Subject) -> Iterator[Result]:
    """Where nothing is deployed and no tests are run, nothing can be proven."""
    settings = subject.settings
    repositories = {name: settings.repository(name) for name in settings.repositories}
    modes = {repository.deploy.mode for repository in repositories.values()}
    without = sorted(name for name, own in repositories.items() if own.deploy.mode == "none" and not own.tests.enabled)
    if without:
        yield note(
            "deployments",
            f"deploy.mode is none and tests.enabled false for {', '.join(without)}: nothing is ever approved there",
            "set tests.enabled to true, or deploy.mode to github-deployment or workflowTemplate",
        )
    elif modes:
        yield ok("deployments", f"deploy.mode is {', '.join(sorted(modes))}")
