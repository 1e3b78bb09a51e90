"""The review of a pull request: rounds, gates, deployment, approval."""
