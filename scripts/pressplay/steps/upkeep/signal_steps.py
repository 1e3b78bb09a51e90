"""Wake waits after an event: a pull request was closed or edited, the default branch moved, a deployment ended, or a
person continued.

Events get lost (R2): `steps.upkeep.reconcile_steps` calls the same functions each minute.
"""

from __future__ import annotations

from pressplay import names
from pressplay.cluster import waits
from pressplay.errors import InputError
from pressplay.github import pulls
from pressplay.steps.core import landing, start
from pressplay.steps.core.context import Context, Inputs, Outputs, number
from pressplay.steps.play import final_deployment
from pressplay.steps.review import deploys, retests, standing
from pressplay.steps.upkeep import mergeability, stacks, wakes

KINDS = ("closed", "edited", "pushed", "deployed", "continue")


def signal(inputs: Inputs, context: Context) -> Outputs:
    """Wake the waits that end with a closed pull request, a push to the default branch, a deployment or a continue."""
    what = inputs.get("what", "")
    if what not in KINDS:
        raise InputError(f"parameter what: expected one of {', '.join(KINDS)}, got {what!r}")
    repo = context.settings.listed(inputs["repo"])
    if what == "continue":
        return {"woken": str(wakes.continued(context, repo))}
    if what == "pushed":
        # It may contain merges, make pull requests conflict, and move the base of approved ones.
        mergeability.note_push(context, repo)
        woken = wakes.merged(context, repo)
        retests.start_next(context, repo)
        return {"woken": str(woken)}
    if what == "deployed":
        return {"woken": str(deploys.wake(context, repo) + final_deployment.wake(context, repo))}
    pr = number(inputs, "pr")
    if pr is None:
        raise InputError("parameter pr: expected a pull request's number")
    if what == "edited":
        standing.of_pull(context, repo, pr)
        return {"woken": "0"}
    gh = context.harness(repo, **landing.NEEDS)
    pull = pulls.pull(gh, repo, pr)
    task = names.task_of_branch(pull.head_ref)
    if task is None or pull.state == "open":
        return {"woken": "0"}
    woken = stacks.after_close(context, repo, pr)
    for play in waits.running(context.cluster, context.settings.namespace, start.labels(repo, "play")):
        woken += wakes._closed(context, gh, repo, play, str(task), pr)
    return {"woken": str(woken)}
