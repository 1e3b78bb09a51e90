"""What GitHub records of a deployment, as the ledger has it: deployed, failed, or replaced by another one."""

from __future__ import annotations

from dataclasses import replace

from pressplay.domain.entries import Deployment, Details
from pressplay.domain.reasons import Reason
from pressplay.github import deployments
from pressplay.github.calls import Client
from pressplay.validation.details import ending


def came_of(gh: Client, repo: str, deployment: deployments.Deployment, head: str) -> Deployment | None:
    """What came of a deployment of the commit `head`; None while it is under way. Wants `deployments: read`."""
    where, status = deployment.environment, deployments.status(gh, repo, deployment.id)
    made = Deployment(
        head=head, environment=where, state="deployed", deployment=deployment.id, url=status.url, commit=deployment.sha
    )
    if status.state == "success":
        return made
    details = Details.of(Reason(what="", detail=ending(status.description), look=status.log_url))
    if status.state in deployments.FAILED:
        reason = f"the deployment into {where} failed (deployment {deployment.id})"
        return replace(made, state="failed", reason=reason, details=details)
    if status.state == deployments.REPLACED:
        reason = f"the deployment into {where} was replaced by another one (deployment {deployment.id})"
        return replace(made, state="error", reason=reason, details=details)
    return None


def replaced(gh: Client, repo: str, environment: str, deployment: int | None, head: str) -> str:
    """Why a deployment of `head` is not what runs in its environment, by GitHub's records; empty where it is."""
    newest = deployments.newest(gh, repo, environment)
    if newest is None or newest.id != deployment or newest.sha != head:
        return f"something else was deployed into {environment} since"
    return ""
