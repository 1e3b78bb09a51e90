"""Each repository: our Apps on it, its rulesets (R5), and its backlog."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pressplay import names
from pressplay.backlog import github_issues, graph
from pressplay.doctor.github import itself, needs
from pressplay.doctor.results import NotLookedAt, Result, check, not_looked_at, note, ok, wrong
from pressplay.doctor.subject import Subject
from pressplay.errors import InputError
from pressplay.github import deployments, refs, rules
from pressplay.github.calls import Client, call
from pressplay.github.grants import lacking, listed
from pressplay.steps.core import backlog_file, provable, queue_advice, update_advice
from pressplay.steps.core.approvals import ACCEPTANCE_CHECK
from pressplay.steps.core.context import Subject as Work
from pressplay.steps.play import protection
from pressplay.steps.runs import requirements as requirements_


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
            installation = subject.installation(name, repo)
        except InputError as error:
            yield wrong(
                f"App {name}",
                str(error).partition(" (GET")[0],
                f"install it: {subject.settings.github.web_url}/apps/{names.slug(name)}/installations/new; or take "
                f"{repo} out of repositories in the values",
            )
            continue
        owner = repo.partition("/")[0]
        lacks = lacking(need.permissions, {"metadata": "read", **installation["permissions"]})
        waiting = {permission: level for permission, level in lacks.items() if not lacking({permission: level}, own)}
        if installation.get("suspended_at"):
            yield wrong(
                f"App {name}",
                "its installation is suspended",
                f"an owner of {owner} unsuspends it: {installation['html_url']}",
            )
        elif waiting:
            yield wrong(
                f"App {name}",
                f"its installation has not been given {listed(waiting)} yet",
                f"an owner of {owner} accepts the new permissions: {installation['html_url']}",
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
    facts: dict[str, Any] = subject.once(("repository", repo), lambda: call(gh, "GET", f"/repos/{repo}"))
    return facts


def _base(subject: Subject, repo: str) -> str:
    """The branch that pull requests are made against; NotLookedAt where it is not there."""
    facts = _facts(subject, repo)
    base = subject.settings.repository(repo).default_branch or str(facts["default_branch"])
    gh = _client(subject, repo)
    if subject.once(("head", repo, base), lambda: refs.find_head(gh, repo, base) or "") == "":
        raise NotLookedAt(f"there is no branch {base}, see there")
    return base


@check("repository")
def repository(subject: Subject, repo: str) -> Iterator[Result]:
    """Whether it takes work, and has the branch that pull requests are made against."""
    facts = _facts(subject, repo)
    spelling = str(facts["full_name"])
    if spelling != repo:
        # It is one repository to GitHub, but what events start in its spelling starts again in that of the values.
        yield wrong("repository", f"GitHub calls it {spelling}", f"write {spelling} in the values, in place of {repo}")
    if facts.get("archived") or facts.get("disabled"):
        what = "archived" if facts.get("archived") else "disabled"
        yield wrong(
            "repository", f"it is {what}: nothing can be pushed", f"unarchive it, or take {repo} out of repositories"
        )
    try:
        base = _base(subject, repo)
    except NotLookedAt:
        base = subject.settings.repository(repo).default_branch or str(facts["default_branch"])
        yield wrong(
            "repository",
            f"it has no branch {base}, the base of all pull requests",
            f"push it, or correct repositories.{repo}.defaultBranch",
        )
        return
    if subject.settings.events.enabled and subject.settings.flows.issue.enabled and not facts.get("has_issues", True):
        yield note("repository", "its issues are switched off, so that the flow issue starts nothing")
    if not facts.get("archived") and not facts.get("disabled"):
        yield ok("repository", f"pull requests are made against {base}")


@check("rulesets")
def rulesets(subject: Subject, repo: str) -> Iterator[Result]:
    """What keeps agents from merging and from telling each other what to do (R5); `plan` demands the same."""
    base, harness = _base(subject, repo), subject.harness
    others, unseen = _of_others(subject, repo, base)
    target = protection.wanted(subject.settings, repo, base, subject.key(harness).app_id)
    weak = rules.weaknesses(target, _protection(subject, harness, repo, base), others)
    allowed = subject.settings.allow_unprotected
    for weakness in weak:
        if allowed:
            yield note("rulesets", f"{weakness.message} (allowUnprotected)", weakness.do)
        else:
            yield wrong("rulesets", weakness.message, weakness.do)
    if not weak:
        yield ok(
            "rulesets",
            f"{base} wants {ACCEPTANCE_CHECK} from the harness and a fresh review; press-play/**/* is the harness's "
            f"alone; none of the {len(others) + 1} Apps that were asked may bypass that",
        )
    if unseen:
        yield not_looked_at(
            "rulesets",
            f"could not ask these Apps, each by its key, whether they may bypass the rulesets: {', '.join(unseen)}",
            "see their own lines, under Apps' keys and App",
        )


def _of_others(subject: Subject, repo: str, base: str) -> tuple[dict[str, rules.ProtectionView], list[str]]:
    """What GitHub shows our other Apps, each asked by itself; and those that could not be asked.

    GitHub shows the bypass lists to administrators alone, but tells each App what it may itself.
    """
    views: dict[str, rules.ProtectionView] = {}
    unseen = []
    for name in needs(subject):
        if name == subject.harness:
            continue
        try:
            if not subject.reaches(name, repo):
                raise NotLookedAt(f"the App {name} does not reach {repo}")
            if subject.key(name).app_id == subject.key(subject.harness).app_id:
                raise NotLookedAt("its key is the harness's, see there")
            views[name] = _protection(subject, name, repo, base)
        except (NotLookedAt, InputError):
            unseen.append(name)
    return views, unseen


def _protection(subject: Subject, app: str, repo: str, base: str) -> rules.ProtectionView:
    """The rules as GitHub shows them to an App."""
    gh = subject.speaking(app, repo, metadata="read")
    return subject.once(("protection", app, repo, base), lambda: rules.seen(gh, repo, base))


@check("bypass lists")
def bypass(subject: Subject, repo: str) -> Iterator[Result]:
    """Which people, roles and foreign Apps may bypass the rulesets: told to administrators, and none of our Apps is."""
    view = _protection(subject, subject.harness, repo, _base(subject, repo))
    if view.base.checks:
        yield not_looked_at(
            "bypass lists",
            "which people, roles and other Apps may bypass the rulesets, GitHub tells administrators alone",
            "look once as one that nobody may bypass the first, that write is the one role in the second, and the App "
            f"{subject.harness} the one entry in the third: {_settings(subject, repo)}",
        )


@check("merge queue")
def merge_queue(subject: Subject, repo: str) -> Iterator[Result]:
    """Whether a merge queue of the base branch gets its answers, in time."""
    base = _base(subject, repo)
    rule = _protection(subject, subject.harness, repo, base).base.queue
    faults = list(queue_advice.advice(subject.settings, repo, base, rule))
    for fault in faults:
        yield wrong("merge queue", fault.message, f"{fault.do}: {_settings(subject, repo)}")
    if rule is not None and not faults:
        yield ok("merge queue", f"{base} has one; it waits {rule.timeout_minutes} minutes for the check of a group")


@check("updates")
def updates(subject: Subject, repo: str) -> Iterator[Result]:
    """Whether GitHub's strict policy and the values want the same of heads that are behind their base branch."""
    base = _base(subject, repo)
    view = _protection(subject, subject.harness, repo, base).base
    for fault in update_advice.faults(subject.settings, repo, base, view):
        yield wrong("updates", fault.message, f"{fault.do}: {_settings(subject, repo)}")
    for advice in update_advice.advice(subject.settings, repo, base, view):
        yield note("updates", advice.message, f"{advice.do}: {_settings(subject, repo)}")


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
    if (selection := github_issues.of_tag(work.tag)) is not None:
        yield ok("backlog", f"{selection} on GitHub, which each press of play reads")
        return
    try:
        path, _content = backlog_file.tasks_file(gh, work, base)
    except InputError as error:
        yield note("backlog", str(error).partition(". Make")[0], "make one with task-master, if plays are wanted here")
        return
    try:
        resolved = backlog_file.resolved(gh, work)
        where, parsed = resolved.where, resolved.backlog()
    except InputError as error:
        yield wrong("backlog", str(error), f"pressplay validate --tasks {path} tells all of it; tag: defaults.tag")
        return
    planned = graph.plan(parsed)
    blocked = [problem for problem in planned.problems if problem.blocks]
    if blocked:
        yield note(
            "backlog",
            f"{where}: {len(blocked)} tasks are left out, the first: task {blocked[0].task} {blocked[0].problem}",
            f"pressplay plan {path} shows all",
        )
    else:
        yield ok("backlog", f"{where}: {len(planned.playable)} tasks to play")


@check("proof")
def proof(subject: Subject, repo: str) -> Iterator[Result]:
    """What the repository lacks so that a change to it can be proven; `plan` demands that anything can."""
    base, gh = _base(subject, repo), _client(subject, repo)
    commit = refs.head(gh, repo, base)
    advice, possible = provable.look(gh, repo, commit, subject.settings)
    if not possible:
        yield wrong(
            "proof",
            "nothing could prove a change to it: a play does not begin",
            "see the next lines, or set tests.enabled to false to play without the tests gate",
        )
    for item in advice:
        yield note("proof", item.message, item.do)
    if not advice:
        yield ok("proof", "its tests can be run, and commits are deployed")


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
    """Whether the deployments' environments are there, where GitHub's deployments are used."""
    deploy = subject.settings.repository(repo).deploy
    named = {"deploy.environment": (deploy.environment, deploy.request)}
    if deploy.base.environment:
        named["deploy.base.environment"] = (deploy.base.environment, False)
    if deploy.mode != "github-deployment":
        return
    for value, (name, is_requested) in named.items():
        if "{pr}" in name:
            continue
        _base(subject, repo)
        gh = subject.speaking(subject.harness, repo, actions="read")
        if deployments.has_environment(gh, repo, name):
            yield ok("environment", name)
            continue
        message = f"it has no environment {name}: nothing was ever deployed into it"
        do = f"make it, or correct {value}: {subject.settings.github.web_url}/{repo}/settings/environments"
        # GitHub makes one that a deployment names; but where nobody asks for one, nobody will.
        yield note("environment", message, do) if is_requested else wrong("environment", message, do)


@check("GitHub Actions")
def actions(subject: Subject, repo: str) -> Iterator[Result]:
    """Who is to answer deployments that the harness asks for."""
    deploy = subject.settings.repository(repo).deploy
    if deploy.mode != "github-deployment" or not deploy.request:
        return
    _base(subject, repo)
    gh = subject.speaking(subject.harness, repo, actions="read")
    answer = call(gh, "GET", f"/repos/{repo}/actions/workflows", params={"per_page": 100})
    if not any(workflow["state"] == "active" for workflow in answer["workflows"]):
        yield note(
            "GitHub Actions",
            "no workflow is active here: something else must answer the deployments that the harness asks for",
            "see that Actions are enabled and a workflow runs on: deployment; where Argo CD answers, nothing is to do",
        )


def _work(subject: Subject, repo: str) -> Work:
    own = subject.settings.repository(repo)
    return Work(repo, own, task=None, pr=None, tag=own.tag or "master", play="", attempt_of_person=1)
