"""Whose a ServiceAccount's token is: TokenReview, asked of the API server from within a pod.

Source: Kubernetes API reference, TokenReview v1 (authentication.k8s.io). An authenticator that knows nothing of
audiences answers with none; such an answer counts as no answer for ours.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import httpx

from pressplay.errors import InputError, TryAgain

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
_ACCOUNT = "system:serviceaccount:"
_TIMEOUT = 5.0


@dataclass(frozen=True)
class ServiceAccount:
    """The account that a token identifies."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{_ACCOUNT}{self.namespace}:{self.name}"


class TokenReviewer:
    """Asks the API server. Safe to share between threads."""

    def __init__(self, url: str, folder: Path) -> None:
        """`folder` has this pod's own `token`, which is read again each time (it changes hourly), and `ca.crt`."""
        self._url = url.rstrip("/") + _PATH
        self._token = folder / "token"
        context = ssl.create_default_context(cafile=str(folder / "ca.crt")) if url.startswith("https:") else True
        self._client = httpx.Client(verify=context, timeout=_TIMEOUT, trust_env=False)

    @classmethod
    def in_pod(cls) -> TokenReviewer:
        """The reviewer of the cluster that this process runs in; InputError outside a pod."""
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host or not (FOLDER / "token").exists():
            raise InputError(
                "ServiceAccounts' tokens can be reviewed in a pod only, with its own token mounted "
                "(KUBERNETES_SERVICE_HOST is not set, or there is no token)"
            )
        return cls(f"https://{f'[{host}]' if ':' in host else host}:{port}", FOLDER)

    def review(self, token: str, audiences: list[str]) -> ServiceAccount | None:
        """The ServiceAccount that a token identifies; None for a bad token, or one of no ServiceAccount.

        `audiences`: the token must be for one of them; empty: for the API server. TryAgain for a passing fault,
        InputError if this pod may not ask.
        """
        spec = {"token": token, **({"audiences": audiences} if audiences else {})}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        try:
            own = self._token.read_text(encoding="utf-8").strip()
            answer = self._client.post(self._url, json=body, headers={"Authorization": f"Bearer {own}"})
        except (httpx.HTTPError, OSError) as error:
            raise TryAgain(f"TokenReview: no answer from the API server ({type(error).__name__})") from error
        if answer.status_code in (401, 403):
            raise InputError(
                f"TokenReview: the API server answered {answer.status_code}; this ServiceAccount must be allowed to "
                "create tokenreviews (serve.auth.clusterRole in the chart's values, or system:auth-delegator)"
            )
        if not answer.is_success:
            raise TryAgain(f"TokenReview: the API server answered {answer.status_code}")
        try:
            status = answer.json()["status"]
            if not status.get("authenticated"):
                return None
            meant = set(status.get("audiences") or [])
            username = str(status["user"]["username"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TryAgain("TokenReview: the API server's answer broke off") from error
        if audiences and not meant & set(audiences):
            return None
        namespace, _, name = username.removeprefix(_ACCOUNT).partition(":")
        return ServiceAccount(namespace, name) if username.startswith(_ACCOUNT) and namespace and name else None

    def close(self) -> None:
        """Close its connections."""
        self._client.close()
