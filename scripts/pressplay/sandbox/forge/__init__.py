"""GitHub's stand-in: its REST API and git over HTTP, on one machine."""

from pressplay.sandbox.forge.ci import CiAnnotation, CiJob, Rerun
from pressplay.sandbox.forge.forge import App, Event, Forge
from pressplay.sandbox.forge.http import Fault

__all__ = ["App", "CiAnnotation", "CiJob", "Event", "Fault", "Forge", "Rerun"]
