"""The supply gate: what a change brings in besides code of its own (packages, binaries, workflows, secrets)."""
