"""What a repository's rulesets ask of a branch (R5)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pressplay.github.calls import Client, call, pages, part


@dataclass(frozen=True)
class Protection:
    """What the active rules on a branch come to."""

    checks: tuple[tuple[str, int | None], ...]
    """Required checks: name, and the App that they must come from (None: whoever)."""
    pull_request: bool
    """Whether changes must come by pull request."""
    approvals: int
    dismisses_stale_reviews: bool
    force_push: bool
    """Whether history may be rewritten."""
    restricted: bool
    """Whether only who is listed to pass a ruleset by may update the branch, which merging does too."""
    bypass_by_us: bool
    """Whether the App that asked may pass any of the rulesets by."""
    bypass_actors: tuple[tuple[str, int | None], ...] | None
    """Who may pass them by, (type, id) each; None where GitHub does not tell this App."""


def protection(gh: Client, repo: str, branch: str) -> Protection:
    """What the active rulesets ask of a branch, the organisation's among them."""
    rules = list(pages(gh, f"/repos/{repo}/rules/branches/{part(branch)}"))
    by_type: dict[str, list[dict[str, Any]]] = {}
    for rule in rules:
        by_type.setdefault(rule["type"], []).append(rule.get("parameters") or {})
    rulesets = [
        call(gh, "GET", f"/repos/{repo}/rulesets/{number}")
        for number in dict.fromkeys(rule["ruleset_id"] for rule in rules)
    ]
    reviews = by_type.get("pull_request", [])
    listed = [ruleset.get("bypass_actors") for ruleset in rulesets]
    return Protection(
        checks=tuple(
            (check["context"], check.get("integration_id"))
            for parameters in by_type.get("required_status_checks", [])
            for check in parameters.get("required_status_checks", [])
        ),
        pull_request=bool(reviews),
        approvals=max((parameters.get("required_approving_review_count", 0) for parameters in reviews), default=0),
        dismisses_stale_reviews=any(parameters.get("dismiss_stale_reviews_on_push") for parameters in reviews),
        force_push="non_fast_forward" not in by_type,
        restricted="update" in by_type,
        bypass_by_us=any(ruleset.get("current_user_can_bypass", "never") != "never" for ruleset in rulesets),
        bypass_actors=None
        if any(actors is None for actors in listed)
        else tuple((actor["actor_type"], actor.get("actor_id")) for actors in listed for actor in actors or []),
    )


def unprotected(
    gh: Client, repo: str, branch: str, check: str, app_id: int, our_apps: Collection[int] | None = None
) -> str:
    """Why agents could get past the harness on this branch, in a sentence; empty where they cannot.

    A ruleset must require a pull request, an approval and the check `check` from the App `app_id`; one must restrict
    who updates the branch, since every agent's App may merge what only waits for that (`contents: write`); none of
    `our_apps` (None: no App at all) may be listed to pass it by, as far as GitHub tells; the App that asks in any case.
    """
    found = protection(gh, repo, branch)
    asked = [number for name, number in found.checks if name == check]
    if not asked:
        return f"no ruleset on {branch} requires the check {check!r}"
    if app_id not in asked:
        return f"the ruleset on {branch} takes the check {check!r} from others than the App {app_id}"
    if not found.pull_request:
        return f"no ruleset on {branch} requires a pull request"
    if found.bypass_by_us:
        return f"our App {app_id} may bypass the ruleset on {branch}"
    apps = [
        number
        for kind, number in found.bypass_actors or ()
        if kind == "Integration" and (our_apps is None or number in our_apps)
    ]
    if apps:
        return f"Apps may bypass the ruleset on {branch}: {', '.join(map(str, apps))}"
    if not found.approvals:
        return f"no ruleset on {branch} requires an approval"
    if not found.restricted:
        return f"no ruleset on {branch} restricts updates to people, so that an agent could merge what is approved"
    return ""
