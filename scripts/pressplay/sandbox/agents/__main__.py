"""The command that the runner starts in the work tree."""

import os
import sys
from pathlib import Path

from pressplay.sandbox.agents import log_start, run

log_start(os.environ)
sys.exit(run(Path.cwd(), os.environ))
