"""Agents that know the corpus: `corpus_agent.py good|sloppy CORPUS`, as the command line of `pressplay eval --agent`.

The good one hands in the honest case of the task that it is given. The sloppy one hands in the first dishonest case of
the same task, and says that it is done; told to fix it, it changes nothing. Clippy has linters fix what they can.
"""

import os
import subprocess
import sys
from pathlib import Path

import case_agent

from pressplay.evaluation import corpus


def main() -> int:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    if os.environ["PRESSPLAY_ROLE"] == "lint":
        subprocess.run([sys.executable, "-m", "ruff", "check", "--fix", "--quiet", "."], check=False)
        case_agent.commit("Fix what the linters name")
        return 0
    prompt = Path("task/prompt.md").read_text(encoding="utf-8")
    files = {path.name for path in Path().iterdir()}
    cases = [
        case
        for case in corpus.read(folder)
        if case.title in prompt
        and case.honest == (kind == "good")
        and {path.name for path in case.base.iterdir()} <= files
    ]
    if not cases:
        print(f"no {kind} case of this task", file=sys.stderr)
        return 1
    sys.argv = [sys.argv[0], str(cases[0].folder)]
    return case_agent.main()


if __name__ == "__main__":
    sys.exit(main())
