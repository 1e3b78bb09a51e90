"""What a repository's rulesets ask of a branch, and the one judgement of whether that is enough (R5).

Rulesets alone protect two things: the default branch, which only people and GitHub's merge queue change, and the
branches below `press-play/`, which hold the agents' orders and which only the harness writes. `weaknesses` judges both,
for `plan` and for `pressplay doctor`. docs/how-to/install.md has the rulesets that leave no weakness.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pressplay import names
from pressplay.github.calls import Client, call, find, pages, part
from pressplay.github.merge_queue import RULE, QueueRule
from pressplay.github.merges import QUEUE

SEALING = ("creation", "update", "deletion")
"""The rules that reserve a branch for those who may bypass them."""
_ANY_ORDERS = names.context_branch("run-000000000000")
"""An example of a branch below `press-play/`: GitHub also lists the rules of a branch that does not exist."""
_ALL_OF_IT = ("always", "exempt")
_WITHOUT = {"creation": "create", "update": "overwrite", "deletion": "delete"}


@dataclass(frozen=True)
class Ruleset:
    """An active ruleset that says something of a branch."""

    rules: frozenset[str]
    """The types of its rules."""
    bypass: str | None
    """What the App that asked may of it: `never`, `pull_requests_only`, `always`, `exempt`; None if GitHub does not
    tell."""
    actors: tuple[tuple[str, int | None], ...] | None
    """Who may bypass it, (type, id) each; None if GitHub does not tell this App."""


@dataclass(frozen=True)
class Protection:
    """The effect of the active rules on a branch, as GitHub shows it to one App."""

    rulesets: tuple[Ruleset, ...]
    checks: tuple[tuple[str, int | None], ...]
    """Required checks: name, and the App that they must come from (None: any)."""
    approvals: int
    dismisses_stale_reviews: bool
    queue: QueueRule | None = None
    """The branch's merge queue, if it has one."""
    strict: bool = False
    """Whether only a head that holds the branch's newest commit can be merged."""

    def has(self, rule: str) -> bool:
        """Whether a rule of this type holds."""
        return any(rule in ruleset.rules for ruleset in self.rulesets)

    def stops(self, rule: str) -> bool:
        """Whether a rule of this type holds for the App that asked, as far as GitHub shows it."""
        return any(rule in ruleset.rules and ruleset.bypass == "never" for ruleset in self.rulesets)

    @property
    def may_bypass(self) -> bool:
        """Whether the App that asked may bypass any of the rulesets; also where GitHub does not tell."""
        return any(ruleset.bypass != "never" for ruleset in self.rulesets)

    def apps(self) -> set[int]:
        """The Apps that may bypass a ruleset, as far as GitHub shows it."""
        listed = (actor for ruleset in self.rulesets for actor in ruleset.actors or ())
        return {number for kind, number in listed if kind == "Integration" and number is not None}


@dataclass(frozen=True)
class ProtectionView:
    """A repository's protection as GitHub shows it to one App."""

    base: Protection
    """Of the default branch."""
    orders: Protection
    """Of the branches below `press-play/`."""
    queue_app: int | None = None
    """The App by which GitHub's merge queue merges, where a ruleset of the default branch may list it."""


@dataclass(frozen=True)
class RulesetTarget:
    """What is to be protected, and by whose check."""

    base: str
    """The branch that pull requests are made against."""
    check: str
    """The required check, from the App `harness` with the number `app_id`."""
    harness: str
    app_id: int
    edit: str
    """Where a person changes rulesets, and where the guide is."""


@dataclass(frozen=True)
class Weakness:
    """One way to bypass the harness that is left open."""

    message: str
    do: str
    """What closes it."""


def protection(gh: Client, repo: str, branch: str) -> Protection:
    """What the active rulesets ask of a branch, the organisation's among them; it need not exist.

    https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch: rulesets that only evaluate are not among them.
    """
    rules = list(pages(gh, f"/repos/{repo}/rules/branches/{part(branch)}"))
    types: dict[int, set[str]] = {}
    by_type: dict[str, list[dict[str, Any]]] = {}
    for rule in rules:
        types.setdefault(rule["ruleset_id"], set()).add(rule["type"])
        by_type.setdefault(rule["type"], []).append(rule.get("parameters") or {})
    reviews, queues = by_type.get("pull_request", []), by_type.get(RULE, [])
    return Protection(
        rulesets=tuple(
            _ruleset(call(gh, "GET", f"/repos/{repo}/rulesets/{number}"), rules) for number, rules in types.items()
        ),
        checks=tuple(
            (check["context"], check.get("integration_id"))
            for parameters in by_type.get("required_status_checks", [])
            for check in parameters.get("required_status_checks", [])
        ),
        approvals=max((parameters.get("required_approving_review_count", 0) for parameters in reviews), default=0),
        dismisses_stale_reviews=any(parameters.get("dismiss_stale_reviews_on_push") for parameters in reviews),
        queue=QueueRule.of(queues[0]) if queues else None,
        strict=any(
            parameters.get("strict_required_status_checks_policy")
            for parameters in by_type.get("required_status_checks", [])
        ),
    )


def _ruleset(item: Mapping[str, Any], rules: set[str]) -> Ruleset:
    actors = item.get("bypass_actors")
    return Ruleset(
        rules=frozenset(rules),
        bypass=item.get("current_user_can_bypass"),
        actors=None if actors is None else tuple((actor["actor_type"], actor.get("actor_id")) for actor in actors),
    )


def seen(gh: Client, repo: str, base: str) -> ProtectionView:
    """A repository's protection, as GitHub shows it to the App that asks."""
    of_base = protection(gh, repo, base)
    listed = of_base.queue is not None and of_base.apps()
    return ProtectionView(of_base, protection(gh, repo, _ANY_ORDERS), _queue_app(gh) if listed else None)


def _queue_app(gh: Client) -> int | None:
    """The number of the App of GitHub's own that merges as `merges.QUEUE`; None where there is no such App."""
    app = find(gh, f"/apps/{QUEUE.removesuffix('[bot]')}")
    return int(app["id"]) if app is not None else None


def weaknesses(
    wanted: RulesetTarget, harness: ProtectionView, others: Mapping[str, ProtectionView] | None = None
) -> list[Weakness]:
    """Every way to bypass the harness that the rulesets leave open, worst first; none if they are as R5 wants them.

    `harness` is the harness's App's view, `others` those of our other Apps by their names: GitHub hides the
    bypass lists from Apps without administration rights, but shows each one its own rights.
    """
    others = others or {}
    return [*_of_base(wanted, harness, others), *_of_orders(wanted, harness, others)]


def _of_base(
    wanted: RulesetTarget, harness: ProtectionView, others: Mapping[str, ProtectionView]
) -> Iterator[Weakness]:
    base, protection, edit = wanted.base, harness.base, wanted.edit
    if protection.checks or protection.has("pull_request"):
        yield from _of_what_is_merged(wanted, protection)
    else:
        yield Weakness(
            f"no ruleset on {base} requires a pull request or a check: an agent with write access could merge (classic "
            "branch protection does not count: it can't name the App that a check must come from as a ruleset does)",
            f"make one that requires a pull request and {wanted.check} from the App {wanted.harness} "
            f"({wanted.app_id}): {edit}",
        )
    if protection.queue is not None:
        yield from _of_queue(wanted, protection.queue)
    if not protection.has("update"):
        yield Weakness(
            f"no ruleset restricts updates of {base} to people: an agent's App may merge what has check and approval",
            f"add one with the rule Restrict updates, which the role write may bypass for pull requests: {edit}",
        )
    if not protection.has("non_fast_forward"):
        yield Weakness(f"no ruleset on {base} keeps history from being rewritten", f"block force pushes: {edit}")
    if not protection.has("deletion"):
        yield Weakness(
            f"no ruleset on {base} keeps it from being deleted, and created again without the other rules",
            f"restrict deletions: {edit}",
        )
    bypassers = {f"the App {name}" for name, view in others.items() if view.base.may_bypass}
    if protection.may_bypass:
        bypassers.add(f"the App {wanted.harness}")
    # Only GitHub's queue updates the branch besides people, and only where the branch has one.
    admitted = {wanted.app_id, harness.queue_app if protection.queue is not None else None}
    bypassers |= {f"the App number {number}" for number in protection.apps() if number not in admitted}
    if bypassers:
        yield Weakness(
            f"{', '.join(sorted(bypassers))} may bypass the ruleset on {base}, and so merge",
            f"take it out of the ruleset's bypass list: {edit}",
        )


def _of_queue(wanted: RulesetTarget, queue: QueueRule) -> Iterator[Weakness]:
    if not queue.all_green:
        yield Weakness(
            f"the merge queue of {wanted.base} merges entries whose own checks failed, if those of a later one pass",
            f"choose Only merge non-failing pull requests (grouping_strategy ALLGREEN): {wanted.edit}",
        )


def _of_what_is_merged(wanted: RulesetTarget, protection: Protection) -> Iterator[Weakness]:
    base, edit = wanted.base, wanted.edit
    asked = [app for name, app in protection.checks if name == wanted.check]
    if not asked:
        yield Weakness(
            f"no ruleset on {base} requires the check {wanted.check}",
            f"require it, from the App {wanted.harness} ({wanted.app_id}): {edit}",
        )
    elif wanted.app_id not in asked:
        yield Weakness(
            f"the ruleset on {base} takes the check {wanted.check} from others than the App {wanted.harness}",
            f"choose {wanted.harness} as its source (integration_id {wanted.app_id}): {edit}",
        )
    if not protection.has("pull_request"):
        yield Weakness(f"no ruleset on {base} requires a pull request", f"require one before merging: {edit}")
    else:
        if protection.approvals < 1:
            yield Weakness(
                f"no ruleset on {base} requires an approval", f"set the required approvals to 1 or more: {edit}"
            )
        if not protection.dismisses_stale_reviews:
            yield Weakness(
                f"the ruleset on {base} keeps approvals that a new commit should void",
                f"dismiss stale approvals when new commits are pushed: {edit}",
            )


def _of_orders(
    wanted: RulesetTarget, harness: ProtectionView, others: Mapping[str, ProtectionView]
) -> Iterator[Weakness]:
    orders, edit = harness.orders, wanted.edit
    where = "the branches press-play/**/*, which hold the agents' orders"
    open_to_all = [rule for rule in SEALING if not orders.has(rule)]
    if open_to_all:
        yield Weakness(
            f"no ruleset keeps agents from changing {where}: an agent may "
            f"{', '.join(_WITHOUT[rule] for rule in open_to_all)} them, and so tell another agent what to do",
            f"restrict {', '.join(f'{rule}s' for rule in open_to_all)} on refs/heads/press-play/**/* (press-play/** "
            f"does not match them), which the App {wanted.harness} ({wanted.app_id}) alone may bypass: {edit}",
        )
    barred = [
        ruleset
        for ruleset in orders.rulesets
        if ruleset.rules.intersection(SEALING) and ruleset.bypass not in _ALL_OF_IT
    ]
    if barred:
        yield Weakness(
            f"the App {wanted.harness} may not bypass a ruleset on {where}, and can't write them itself",
            f"put it into the bypass list, always: Integration {wanted.app_id}: {edit}",
        )
    bypassers = {
        f"the App {name}"
        for name, view in others.items()
        if any(orders.has(rule) and not view.orders.stops(rule) for rule in SEALING)
    }
    bypassers |= {f"the App number {number}" for number in orders.apps() - {wanted.app_id}}
    if bypassers:
        yield Weakness(
            f"{', '.join(sorted(bypassers))} may bypass the ruleset on {where}",
            f"take it out of the ruleset's bypass list, which is for {wanted.harness} alone: {edit}",
        )
