"""The Secrets: each key where it belongs, and nowhere else (R5). What they hold is compared, and never told (R9)."""

from __future__ import annotations

from collections.abc import Iterator

from pressplay import names
from pressplay.doctor.results import NotLookedAt, Result, check, ok, wrong
from pressplay.doctor.subject import Subject, decoded, faults_of_key


def _make(namespace: str, name: str) -> str:
    return (
        f"make it, or see why its ExternalSecret has not: kubectl -n {namespace} get secret,externalsecret {name} "
        "(docs/how-to/install.md, step 3)"
    )


@check("Apps' Secrets")
def app_secrets(subject: Subject) -> Iterator[Result]:
    """The harness's and QA's beside the release, each enabled agent's where agents run; each whole."""
    settings = subject.settings
    agents = [agent.github_app for agent in settings.agents.values() if agent.enabled]
    qa = settings.agents.get("qa")
    beside = [settings.github.harness_app, *([qa.github_app] if qa and qa.enabled else [])]
    places = [(settings.namespace, app) for app in beside]
    places += [(settings.controller_namespace, app) for app in agents]
    whole = 0
    for namespace, app in places:
        name = names.app_secret(app)
        data = subject.data(namespace, name)
        if data is None:
            yield wrong(
                f"Secret {name}", f"is not in {namespace}: nobody can act as the App {app}", _make(namespace, name)
            )
        elif fault := faults_of_key(data):
            yield wrong(
                f"Secret {name}",
                f"in {namespace} {fault}",
                "put the App's number under app-id, and the file that GitHub gave under private-key: "
                f"kubectl -n {namespace} edit secret {name}, or its entry in your store",
            )
        else:
            whole += 1
    if whole == len(places):
        yield ok("Apps' Secrets", f"{whole}, each whole and where it belongs")


@check("harness's key")
def harness_apart(subject: Subject) -> Iterator[Result]:
    """No agent may hold it: with it an agent could set the check that lets its own work pass (R5)."""
    settings = subject.settings
    where = settings.controller_namespace
    own = subject.data(settings.namespace, names.app_secret(settings.github.harness_app)) or {}
    number, key = (own.get(part, b"").strip() for part in ("app-id", "private-key"))
    held = []
    for secret in subject.listed("Secret", where):
        name = secret["metadata"]["name"]
        data = decoded(secret)
        same = (number and data.get("app-id", b"").strip() == number) or any(
            key and value.strip() == key for value in data.values()
        )
        if name == names.app_secret(settings.github.harness_app) or same:
            held.append(name)
    for name in held:
        yield wrong(
            "harness's key",
            f"the Secret {name} in {where} has it, where agents run: they could approve their own work",
            f"kubectl -n {where} delete secret {name}; make the App {settings.github.harness_app} a new private key, "
            "delete the old one on GitHub, and give each agent an App of its own",
        )
    if not held:
        yield ok("harness's key", f"no Secret in {where} has it")


@check("QA's key")
def qa_is_one(subject: Subject) -> Iterator[Result]:
    """The harness posts the approval as the App as which QA works: both Secrets must be of that one."""
    settings = subject.settings
    qa = settings.agents.get("qa")
    if qa is None or not qa.enabled:
        return
    name = names.app_secret(qa.github_app)
    numbers = {
        namespace: (subject.data(namespace, name) or {}).get("app-id", b"").strip()
        for namespace in (settings.namespace, settings.controller_namespace)
    }
    if all(numbers.values()) and len(set(numbers.values())) > 1:
        yield wrong(
            "QA's key",
            f"the Secrets {name} in {' and '.join(numbers)} are of two Apps, so that QA's verdicts are not found",
            f"make them of the one App {qa.github_app}: kubectl -n {settings.namespace} edit secret {name}",
        )
    elif all(numbers.values()):
        yield ok("QA's key", f"{' and '.join(numbers)} have the same App's")


@check("proof's key")
def proof_key(subject: Subject) -> Iterator[Result]:
    """The key that signs proofs, where it is one of its own: without it nothing can be approved."""
    from pressplay.errors import InputError
    from pressplay.gates.proof import signing

    wanted, namespace = subject.settings.proof.signing_key, subject.settings.namespace
    if not wanted.secret:
        return
    where = f"Secret {wanted.secret}, key {wanted.key}"
    try:
        pem = (subject.data(namespace, wanted.secret) or {}).get(wanted.key, b"").decode()
        public = signing.public_key(pem, where)
    except (InputError, UnicodeDecodeError):
        yield wrong(
            "proof's key",
            f"{where} in {namespace} has no private key in PEM: no commit can be approved",
            f"make one with pressplay proof key -n {namespace} --name {wanted.secret}, or correct proof.signingKey",
        )
    else:
        yield ok("proof's key", f"{where}, signs as {public.id}")


@check("proofs' store")
def proof_store(subject: Subject) -> Iterator[Result]:
    """Where the values have proofs kept: without it nothing can be approved."""
    from pressplay.errors import TryAgain
    from pressplay.gates.proof.stores.opening import opened

    proof, namespace = subject.settings.proof, subject.settings.namespace
    if proof.store == "configMap":
        return
    if proof.store == "s3" and not proof.s3.secret:
        raise NotLookedAt("the pods' own identity reaches it, which nobody has here (proof.s3.secret is empty)")
    for secret in proof.secrets:
        # Whoever may not read it learns so.
        subject.find("Secret", namespace, secret)
    with opened(proof, subject.cluster, namespace) as store:
        if store is None:
            return
        try:
            name = store.look()
        except TryAgain as error:
            yield wrong(
                "proofs' store",
                f"no answer, asked from here: {error}",
                "if only the cluster's pods reach it, nothing is wrong; otherwise correct proof.store in the values",
            )
        else:
            yield ok("proofs' store", f"{name} answers")


@check("projects' Secrets")
def requirements(subject: Subject) -> Iterator[Result]:
    """Those that requirements.yaml may ask for: a run that mounts one that is not there never starts."""
    settings = subject.settings
    where = settings.controller_namespace
    listed: dict[str, str] = dict.fromkeys(settings.defaults.secrets or [], "defaults.secrets")
    for name, own in settings.repositories.items():
        listed |= {secret: f"repositories.{name}.secrets" for secret in own.secrets or [] if secret not in listed}
    absent = {secret: key for secret, key in listed.items() if subject.data(where, secret) is None}
    for secret, key in absent.items():
        yield wrong(
            "projects' Secrets",
            f"{secret} ({key}) is not in {where}: runs that are given it never start",
            f"kubectl -n {where} create secret generic {secret} …, or take it out of {key}",
        )
    if listed and not absent:
        yield ok("projects' Secrets", f"{len(listed)} in {where}")


@check("pull secrets")
def pull_secrets(subject: Subject) -> Iterator[Result]:
    """Those of the service accounts that the release made."""
    subject.need_release()
    namespace = subject.namespace
    wanted: dict[str, str] = {}
    for account in subject.listed("ServiceAccount", namespace, {"app.kubernetes.io/part-of": "press-play"}):
        for reference in account.get("imagePullSecrets") or []:
            wanted.setdefault(reference["name"], account["metadata"]["name"])
    absent = [name for name in wanted if subject.find("Secret", namespace, name) is None]
    for name in absent:
        yield wrong(
            "pull secrets",
            f"the Secret {name} of the ServiceAccount {wanted[name]} is not in {namespace}",
            f"kubectl -n {namespace} create secret docker-registry {name} …, or correct image.pullSecrets",
        )
    if wanted and not absent:
        yield ok("pull secrets", ", ".join(wanted))


@check("Argo Server's certificate")
def argo_ca(subject: Subject) -> Iterator[Result]:
    """The certificate by which the steps know the Argo Server, where the values name one."""
    from pressplay.doctor.argo import authority

    subject.need_release()
    reference = authority(subject)
    if reference is None:
        return
    name, key = reference
    data = subject.data(subject.namespace, name)
    if data is None or b"BEGIN CERTIFICATE" not in data.get(key, b""):
        yield wrong(
            "Argo Server's certificate",
            f"the Secret {name} in {subject.namespace} has no certificate in PEM under {key}: no step can start",
            "put it there, or correct argo.server.caSecret (name, key)",
        )
    else:
        yield ok("Argo Server's certificate", f"Secret {name}, key {key}")
