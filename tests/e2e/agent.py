"""The agent of the play on a cluster: the scripted notes, and the task's own text in the pull request's title and body.

Started by the runner in a work tree, as any agent is.
"""

import json
import os
import sys
from pathlib import Path

from pressplay.sandbox.agents import log_start, run

log_start(os.environ)
code = run(Path.cwd(), os.environ)
if code == 0 and os.environ["PRESSPLAY_ROLE"] == "implement":
    text = Path("task/task.md").read_bytes().decode()
    told = {"title": text.splitlines()[0].removeprefix("# "), "body": text}
    Path(os.environ["PRESSPLAY_RESULT"]).write_text(json.dumps(told))
sys.exit(code)
