"""The protection that a repository needs before agents work in it (R5): `plan` enforces it, the doctor shows it."""

from __future__ import annotations

from pressplay.errors import InputError
from pressplay.github import rules
from pressplay.github.calls import Client
from pressplay.settings import Settings
from pressplay.steps.core import queue_advice, update_advice
from pressplay.steps.core.approvals import ACCEPTANCE_CHECK
from pressplay.steps.core.context import Context

RULESETS = "docs/how-to/install.md, The rulesets"


def wanted(settings: Settings, repo: str, base: str, app_id: int) -> rules.RulesetTarget:
    """The protection that a repository needs; `app_id` is the id of the harness's App."""
    return rules.RulesetTarget(
        base=base,
        check=ACCEPTANCE_CHECK,
        harness=settings.github.harness_app,
        app_id=app_id,
        edit=f"{settings.github.web_url}/{repo}/settings/rules ({RULESETS})",
    )


def demand(context: Context, gh: Client, repo: str, base: str) -> None:
    """InputError with all weaknesses, one per line; if `allowUnprotected` permits them, they go to the log instead."""
    target = wanted(context.settings, repo, base, context.github.app_id_of_harness())
    view = rules.seen(gh, repo, base)
    for advice in (
        *queue_advice.advice(context.settings, repo, base, view.base.queue),
        *update_advice.advice(context.settings, repo, base, view.base),
    ):
        context.say(f"{repo}: {advice.message}: {advice.do}")
    faults = update_advice.faults(context.settings, repo, base, view.base)
    lines = [f"{weakness.message}: {weakness.do}" for weakness in rules.weaknesses(target, view)]
    lines += [f"{fault.message}: {fault.do}" for fault in faults]
    if not lines:
        return
    if not context.settings.allow_unprotected:
        raise InputError(
            "\n".join(
                [
                    f"{repo}: its rulesets leave open ways past the harness, so nothing was started",
                    *(f"- {line}" for line in lines),
                    f"To look again: pressplay doctor --repo {repo}. To play anyway: allowUnprotected",
                ]
            )
        )
    for line in lines:
        context.say(f"{repo}: unprotected, which allowUnprotected permits: {line}")
