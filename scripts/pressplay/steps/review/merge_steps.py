"""A merge of a head with a commit of its base, tried where no key is: which files conflict, and which tree it makes.

`plan` makes a token; `read` merges with it in a clone of its own, and has no key. Nothing is pushed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from pressplay import names
from pressplay.errors import InputError
from pressplay.github.given import TokenSpent
from pressplay.steps.core import merged_trees
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.core.tried_merge import NONE, TriedMerge
from pressplay.steps.gate_pods import gate_runs, gate_tokens


def plan(inputs: Inputs, context: Context) -> Outputs:
    """Make the token with which `head` is merged with `onto`: the run's `name`."""
    subject, head = Subject.of(inputs, context), names.checked(inputs["head"], "head")
    onto, workflow = names.checked(inputs["onto"], "onto"), names.checked(inputs["workflow"], "workflow")
    name = names.gate_run("merge", subject.repo, subject.pull_number, head, f"{workflow}.{onto}")
    owner = gate_tokens.workflow(inputs, gate_runs.labels(subject, name))
    gate_tokens.hand_over(context, subject, name, 0, owner)
    return {"name": name}


def read(inputs: Inputs, context: Context) -> Outputs:
    """Merge both: `merge`, packed, and its `tree`; `none` where a repeat would not help, or the token lasted no longer.

    `tree` is `none` for two that conflict, too.
    """
    subject, head = Subject.of(inputs, context), names.checked(inputs["head"], "head")
    onto = names.checked(inputs["onto"], "onto")
    try:
        with_token = context.with_token(inputs["token"])
        with tempfile.TemporaryDirectory(prefix="press-play-") as folder:
            from pressplay.github.clone import Clone

            gh = with_token.harness(subject.repo, contents="read")
            merge = merged_trees.merge(with_token, gh, Clone(Path(folder)), subject.repo, onto, head)
    except (InputError, TokenSpent) as error:
        context.say(f"the merge of {head} with {onto} can't be tried: {error}")
        return {"merge": NONE, "tree": NONE}
    return {"merge": TriedMerge.of(merge.tree, merge.conflicts).pack(), "tree": merge.tree or NONE}
