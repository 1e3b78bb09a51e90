"""The command that the runner starts in the work tree."""

import os
import sys
from pathlib import Path

from pressplay.sandbox.agents import run

sys.exit(run(Path.cwd(), os.environ))
