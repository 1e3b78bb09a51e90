"""Each repository: our Apps on it, its ruleset (R5), what is to be played."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pressplay import names
from pressplay.backlog import graph, tasks
from pressplay.doctor.github import itself, listed, needs
from pressplay.doctor.results import NotLookedAt, Result, check, not_looked_at, note, ok, wrong
from pressplay.doctor.subject import Subject
from pressplay.errors import InputError
from pressplay.github import deployments, refs, rules
from pressplay.github.access import lacking
from pressplay.github.calls import Client, call
from pressplay.github.rules import Protection
from pressplay.steps import folder
from pressplay.steps import requirements as requirements_
from pressplay.steps.context import Subject as Work
from pressplay.steps.tasks import ACCEPTANCE_CHECK

RULESET = "docs/how-to/install.md, The ruleset"


@check("Apps")
def apps(subject: Subject, repo: str) -> Iterator[Result]:
    """Whether each App is installed there, not suspended, with the permissions that it asks for."""
    _ = subject.github
    fine, unseen = 0, []
    for name, need in needs(subject).items():
        try:
            subject.key(name)
            own = itself(subject, name)["permissions"]
        except (NotLookedAt, InputError):
            unseen.append(name)
            continue
        try:
            found = subject.installation(name, repo)
        except InputError as error:
            yield wrong(
                f"App {name}",
                str(error).partition(" (GET")[0],
                f"install it: {subject.settings.github.web_url}/apps/{names.slug(name)}/installations/new; or take "
                f"{repo} out of repositories in the values",
            )
            continue
        owner = repo.partition("/")[0]
        lacks = lacking(need.permissions, {"metadata": "read", **found["permissions"]})
        waiting = {one: level for one, level in lacks.items() if not lacking({one: level}, own)}
        if found.get("suspended_at"):
            yield wrong(
                f"App {name}",
                "its installation is suspended",
                f"an owner of {owner} unsuspends it: {found['html_url']}",
            )
        elif waiting:
            yield wrong(
                f"App {name}",
                f"its installation has not been given {listed(waiting)} yet",
                f"an owner of {owner} accepts the new permissions: {found['html_url']}",
            )
        else:
            fine += 1
    if unseen:
        raise NotLookedAt(f"no key of {', '.join(unseen)} that works, see there")
    if fine == len(needs(subject)):
        yield ok("Apps", f"all {fine} are installed, with the permissions that they were given")


def _client(subject: Subject, repo: str) -> Client:
    """GitHub as the harness, to read the repository; NotLookedAt where it does not reach it."""
    _ = subject.github
    if not subject.reaches(subject.harness, repo):
        raise NotLookedAt("the harness's App does not reach this repository, see there")
    return subject.speaking(subject.harness, repo, contents="read")


def _facts(subject: Subject, repo: str) -> dict[str, Any]:
    gh = _client(subject, repo)
    found: dict[str, Any] = subject.once(("repository", repo), lambda: call(gh, "GET", f"/repos/{repo}"))
    return found


def _base(subject: Subject, repo: str) -> str:
    """The branch that pull requests are made against; NotLookedAt where it is not there."""
    found = _facts(subject, repo)
    base = subject.settings.repository(repo).default_branch or str(found["default_branch"])
    gh = _client(subject, repo)
    if subject.once(("head", repo, base), lambda: refs.find_head(gh, repo, base) or "") == "":
        raise NotLookedAt(f"there is no branch {base}, see there")
    return base


@check("repository")
def repository(subject: Subject, repo: str) -> Iterator[Result]:
    """Whether it takes work, and has the branch that pull requests are made against."""
    found = _facts(subject, repo)
    spelling = str(found["full_name"])
    if spelling != repo:
        # It is one repository to GitHub, but what events start in its spelling is started anew in that of the values.
        yield wrong("repository", f"GitHub calls it {spelling}", f"write {spelling} in the values, in place of {repo}")
    if found.get("archived") or found.get("disabled"):
        what = "archived" if found.get("archived") else "disabled"
        yield wrong(
            "repository", f"it is {what}: nothing can be pushed", f"unarchive it, or take {repo} out of repositories"
        )
    try:
        base = _base(subject, repo)
    except NotLookedAt:
        base = subject.settings.repository(repo).default_branch or str(found["default_branch"])
        yield wrong(
            "repository",
            f"it has no branch {base}, against which pull requests are to be made",
            f"push it, or correct repositories.{repo}.defaultBranch",
        )
        return
    if subject.settings.events.enabled and subject.settings.flows.issue.enabled and not found.get("has_issues", True):
        yield note("repository", "its issues are switched off, so that the flow issue starts nothing")
    if not found.get("archived") and not found.get("disabled"):
        yield ok("repository", f"pull requests are made against {base}")


@check("ruleset")
def ruleset(subject: Subject, repo: str) -> Iterator[Result]:
    """What keeps agents from merging (R5): the harness's check, a review that is not stale, and no way past them."""
    base = _base(subject, repo)
    weak = list(_weak(subject, repo, base))
    allowed = subject.settings.allow_unprotected
    for message, do in weak:
        yield note("ruleset", f"{message} (allowUnprotected)", do) if allowed else wrong("ruleset", message, do)
    if not weak:
        yield ok(
            "ruleset", f"{base} wants {ACCEPTANCE_CHECK} from the harness, a fresh review, and lets none of our Apps by"
        )


def _weak(subject: Subject, repo: str, base: str) -> Iterator[tuple[str, str]]:
    harness = subject.harness
    found = _protection(subject, harness, repo, base)
    number = subject.key(harness).app_id
    edit = f"{_settings(subject, repo)} ({RULESET})"
    if not (found.checks or found.pull_request):
        yield (
            f"no ruleset protects {base}: an agent with write access could merge (classic branch protection does not "
            "count: it can't name the App that a check must come from as a ruleset does)",
            f"make one that requires a pull request and {ACCEPTANCE_CHECK} from the App {harness} ({number}): {edit}",
        )
        return
    asked = [app for name, app in found.checks if name == ACCEPTANCE_CHECK]
    if not asked:
        yield (
            f"the ruleset on {base} does not require the check {ACCEPTANCE_CHECK}",
            f"require it, from the App {harness} ({number}): {edit}",
        )
    elif number not in asked:
        yield (
            f"the ruleset on {base} takes the check {ACCEPTANCE_CHECK} from others than the App {harness}",
            f"choose {harness} as its source (integration_id {number}): {edit}",
        )
    if not found.pull_request:
        yield f"the ruleset on {base} does not require a pull request", f"require one before merging: {edit}"
    else:
        if found.approvals < 1:
            yield f"the ruleset on {base} requires no approval", f"set the required approvals to 1 or more: {edit}"
        if not found.dismisses_stale_reviews:
            yield (
                f"the ruleset on {base} keeps approvals that a new commit should void",
                f"dismiss stale approvals when new commits are pushed: {edit}",
            )
    if not found.restricted:
        yield (
            f"no ruleset restricts updates of {base} to people: an agent's App may merge what has check and approval",
            f"add one with the rule Restrict updates, which the role write may bypass for pull requests: {edit}",
        )
    if found.force_push:
        yield f"the ruleset on {base} lets history be rewritten", f"block force pushes: {edit}"
    past = sorted(_past(subject, repo, base))
    if past:
        yield (
            f"{', '.join(past)} may bypass the ruleset on {base}, and so merge",
            f"take it out of the ruleset's bypass list: {edit}",
        )


def _past(subject: Subject, repo: str, base: str) -> Iterator[str]:
    """Our Apps that may pass the rulesets by: each asks for itself, for GitHub tells of others to administrators."""
    for name in needs(subject):
        if subject.reaches(name, repo):
            try:
                found = _protection(subject, name, repo, base)
            except NotLookedAt:
                continue
            if found.bypass_by_us:
                yield f"the App {name}"


def _protection(subject: Subject, app: str, repo: str, base: str) -> Protection:
    """The rules on a branch as an App is told them."""
    gh = subject.speaking(app, repo, metadata="read")
    return subject.once(("protection", app, repo, base), lambda: rules.protection(gh, repo, base))


@check("bypass list")
def bypass(subject: Subject, repo: str) -> Iterator[Result]:
    """Which people and roles may pass the ruleset by: told to administrators, and none of our Apps is one."""
    found = _protection(subject, subject.harness, repo, _base(subject, repo))
    if found.checks:
        yield not_looked_at(
            "bypass list",
            "which people and roles may bypass the ruleset, GitHub tells administrators alone",
            f"look once as one that neither write nor maintain is among them: {_settings(subject, repo)}",
        )


def _settings(subject: Subject, repo: str) -> str:
    """Where a person sees the rulesets."""
    return f"{subject.settings.github.web_url}/{repo}/settings/rules"


@check("auto-merge")
def auto_merge(subject: Subject, repo: str) -> Iterator[Result]:
    """Where pull requests may merge themselves, an agent could ask for that: nobody would look then."""
    _base(subject, repo)
    # Without contents: write GitHub leaves the settings of merges out.
    gh = subject.speaking(subject.harness, repo, contents="write")
    if call(gh, "GET", f"/repos/{repo}").get("allow_auto_merge"):
        yield note(
            "auto-merge",
            "it is allowed: whoever may write can have a pull request merged as soon as our check and QA's approval "
            "are there, and no person looks",
            "switch Allow auto-merge off in the repository's settings, or require one more approval than QA's",
        )
    else:
        yield ok("auto-merge", "not allowed")


@check("backlog")
def backlog(subject: Subject, repo: str) -> Iterator[Result]:
    """Whether there is a tasks.json that can be played."""
    base, gh, work = _base(subject, repo), _client(subject, repo), _work(subject, repo)
    try:
        path, content = folder.backlog_file(gh, work, base)
    except InputError as error:
        yield note("backlog", str(error).partition(". Make")[0], "make one with task-master, if plays are wanted here")
        return
    where = f"{repo}@{base}:{path}"
    try:
        found = tasks.read(content, where, work.tag)
    except InputError as error:
        yield wrong("backlog", str(error), f"pressplay validate --tasks {path} tells all of it; tag: defaults.tag")
        return
    planned = graph.plan(found)
    blocked = [one for one in planned.problems if one.blocks]
    if blocked:
        yield note(
            "backlog",
            f"{where}: {len(blocked)} tasks are left out, the first: task {blocked[0].task} {blocked[0].problem}",
            f"pressplay plan {path} shows all",
        )
    else:
        yield ok("backlog", f"{where}: {len(planned.playable)} tasks to play")


@check("requirements.yaml")
def requirements(subject: Subject, repo: str) -> Iterator[Result]:
    """Whether the project asks for what its agents may have."""
    base, gh, work = _base(subject, repo), _client(subject, repo), _work(subject, repo)
    try:
        requirements_.check(subject.settings.agents, gh, work, base)
    except InputError as error:
        yield wrong(
            "requirements.yaml",
            str(error).splitlines()[0],
            "pressplay validate -f values.yaml --requirements FILE tells all of it (docs/how-to/requirements.md)",
        )
        return
    yield ok("requirements.yaml", "asks for nothing that its agents may not have")


@check("environment")
def environment(subject: Subject, repo: str) -> Iterator[Result]:
    """Whether the deployment's environment is there, where GitHub's deployments are used."""
    deploy = subject.settings.repository(repo).deploy
    if deploy.mode != "github-deployment" or "{pr}" in deploy.environment:
        return
    _base(subject, repo)
    gh = subject.speaking(subject.harness, repo, actions="read")
    if deployments.has_environment(gh, repo, deploy.environment):
        yield ok("environment", deploy.environment)
        return
    message = f"it has no environment {deploy.environment}: nothing was ever deployed into it"
    do = f"make it, or correct deploy.environment: {subject.settings.github.web_url}/{repo}/settings/environments"
    # GitHub makes one that a deployment names; but where nobody asks for one, nobody will.
    yield note("environment", message, do) if deploy.request else wrong("environment", message, do)


@check("GitHub Actions")
def actions(subject: Subject, repo: str) -> Iterator[Result]:
    """Who is to answer deployments that the harness asks for."""
    deploy = subject.settings.repository(repo).deploy
    if deploy.mode != "github-deployment" or not deploy.request:
        return
    _base(subject, repo)
    gh = subject.speaking(subject.harness, repo, actions="read")
    found = call(gh, "GET", f"/repos/{repo}/actions/workflows", params={"per_page": 100})
    if not any(one["state"] == "active" for one in found["workflows"]):
        yield note(
            "GitHub Actions",
            "no workflow is active here: something else must answer the deployments that the harness asks for",
            "see that Actions are enabled and a workflow runs on: deployment; where Argo CD answers, nothing is to do",
        )


def _work(subject: Subject, repo: str) -> Work:
    own = subject.settings.repository(repo)
    return Work(repo, own, task=None, pr=None, tag=own.tag or "master", play="", attempt_of_person=1)
