"""The gates that run a project's commands in walled Pods: lint and tests."""
