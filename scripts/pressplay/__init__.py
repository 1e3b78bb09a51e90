"""Press Play: drives a project's backlog to merged pull requests with a team of coding agents."""

__version__ = "0.1.0"
