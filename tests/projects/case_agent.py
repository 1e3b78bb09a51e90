"""An agent that hands in a case of the corpus: `case_agent.py CASE`, as the command line of `pressplay play --agent`.

Rex commits the case's program, QA its tests and its plan of probes, and passes it;
before that, where it is asked for, the case's independent criteria, sealed. It thinks nothing, and it is
trusted with nothing: what it hands in is proven by the gates, as any agent's work.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pressplay.gates.only_tests import Paths

PLAN = ".press-play/acceptance/1.yaml"
REMOVED = ".removed"


def main() -> int:
    case, role = Path(sys.argv[1]), os.environ["PRESSPLAY_ROLE"]
    if role == "criteria":
        shutil.copy(case / "independent.yaml", "task/criteria.yaml")
        subprocess.run(["sh", "task/seal.sh", "task/criteria.yaml"], check=True)
    if role in ("implement", "test"):
        hand_in(case / "head", tests=role == "test")
    commit(f"{case.name}: {role}")
    if role == "implement":
        write_result(result="done", title=f"Play {case.name}", body="As the task asks.")
    elif role == "test":
        write_result(result="pass", body="The tests pass.")
    elif role == "criteria":
        write_result(result="done")
    return 0


def hand_in(head: Path, *, tests: bool) -> None:
    """Lay the case's files that are tests, or those that are not, upon the work tree."""
    is_test = Paths().match
    removed = (head / REMOVED).read_text().splitlines() if (head / REMOVED).exists() else []
    for path in filter(None, removed):
        if is_test(path) == tests:
            Path(path).unlink(missing_ok=True)
    for file in sorted(head.rglob("*")):
        path = file.relative_to(head).as_posix()
        if file.is_file() and path != REMOVED and is_test(path) == tests:
            to = Path(path if path != PLAN else PLAN.replace("1.yaml", f"{os.environ['PRESSPLAY_TASK']}.yaml"))
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, to)


def commit(message: str) -> None:
    subprocess.run(["git", "add", "--all"], check=True)
    if subprocess.run(["git", "diff", "--cached", "--quiet"], check=False).returncode:
        subprocess.run(["git", "commit", "--quiet", "--message", message], check=True)


def write_result(**fields: str) -> None:
    Path(os.environ["PRESSPLAY_RESULT"]).write_text(json.dumps(fields))


if __name__ == "__main__":
    sys.exit(main())
