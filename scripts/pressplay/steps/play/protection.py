"""What must protect a repository before agents work in it (R5): demanded by `plan`, shown by `pressplay doctor`."""

from __future__ import annotations

from pressplay.errors import InputError
from pressplay.github import rules
from pressplay.github.calls import Client
from pressplay.settings import Settings
from pressplay.steps.core.approvals import ACCEPTANCE_CHECK
from pressplay.steps.core.context import Context

RULESETS = "docs/how-to/install.md, The rulesets"


def wanted(settings: Settings, repo: str, base: str, app_id: int) -> rules.RulesetTarget:
    """What is to be protected in a repository; `app_id` is the harness's App's number."""
    return rules.RulesetTarget(
        base=base,
        check=ACCEPTANCE_CHECK,
        harness=settings.github.harness_app,
        app_id=app_id,
        edit=f"{settings.github.web_url}/{repo}/settings/rules ({RULESETS})",
    )


def demand(context: Context, gh: Client, repo: str, base: str) -> None:
    """InputError with all that is weak, a line each; where `allowUnprotected` permits it, it is said in the log."""
    target = wanted(context.settings, repo, base, context.github.app_id_of_harness())
    weak = rules.weaknesses(target, rules.seen(gh, repo, base))
    if not weak:
        return
    lines = [f"{weakness.message}: {weakness.do}" for weakness in weak]
    if not context.settings.allow_unprotected:
        raise InputError(
            "\n".join(
                [
                    f"{repo}: its rulesets leave open ways past the harness, so nothing was started",
                    *(f"- {line}" for line in lines),
                    f"To look again: pressplay doctor --repo {repo}. To play all the same: allowUnprotected",
                ]
            )
        )
    for line in lines:
        context.say(f"{repo}: unprotected, which allowUnprotected permits: {line}")
