"""`pressplay proof`: fetch, read and verify the signed proof of a commit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pressplay.commands._installation import DEFAULT_NAMESPACE, open_installation
from pressplay.errors import InputError, PressPlayError

if TYPE_CHECKING:
    from pressplay.commands._installation import Installation
    from pressplay.gates.proof.signing import PublicKey, Verified

_PULL = re.compile(r"(?P<repo>[^#]+)#(?P<pull>[1-9]\d{0,9})")
_FILE = click.Path(dir_okay=False, allow_dash=True)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _where(command: Decorated) -> Decorated:
    """`--state` and `--namespace`, of which installation is asked; it is opened only where it is needed."""
    state = click.option(
        "--state", type=click.Path(file_okay=False, path_type=Path), help="A sandbox's folder (default: the cluster's)."
    )
    namespace = click.option(
        "--namespace", "-n", default=DEFAULT_NAMESPACE, show_default=True, help="Where the chart is installed."
    )
    return state(namespace(command))


_commit = click.option("--commit", default="", metavar="SHA", help="The commit that it must be about: the whole id.")
_keys = click.option(
    "--key",
    "key_files",
    multiple=True,
    type=click.Path(dir_okay=False),
    help="A public key in PEM that may have signed it; repeat it. Without: those that the installation keeps.",
)


@click.group("proof")
def command() -> None:
    """Fetch, read and verify the signed proof of an approved commit (docs/how-to/proof.md)."""


@command.command("get")
@click.argument("pull", metavar="REPO#PR")
@_commit
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="The file; default: stdout.")
@_where
def get(pull: str, commit: str, output: Path | None, state: Path | None, namespace: str) -> None:
    """Fetch the proof of pull request REPO#PR (acme/shop#7): its newest, or that of --commit. Nothing is verified.

    It is read from the store that the values name (proof.store), else from its ConfigMap.
    """
    installation = open_installation(state, namespace)
    with closing(installation.cluster):
        text = _kept(installation, pull, _whole(commit))
    if output is None:
        click.echo(text)
    else:
        _write(output, f"{text}\n")


@command.command("show")
@click.argument("what", metavar="REPO#PR|FILE")
@_commit
@_keys
@click.option("--json", "as_json", is_flag=True, help="Print the Statement as JSON, for programs.")
@_where
def show(what: str, commit: str, key_files: tuple[str, ...], as_json: bool, state: Path | None, namespace: str) -> None:
    """Print a proof as the approval shows it, once it is verified: of REPO#PR (its newest) or of FILE (- is stdin)."""
    from pressplay.gates.proof.text import approval_text
    from pressplay.plaintext import plain

    verified = _verified(what, key_files, _whole(commit), state, namespace)
    if as_json:
        click.echo(json.dumps(json.loads(verified.statement.to_json()), indent=2))
        return
    click.echo(plain(approval_text(verified.statement)))


@command.command("verify")
@click.argument("file", type=_FILE)
@_commit
@_keys
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, for programs.")
@_where
@click.pass_context
def verify(
    ctx: click.Context,
    file: str,
    commit: str,
    key_files: tuple[str, ...],
    as_json: bool,
    state: Path | None,
    namespace: str,
) -> None:
    """Verify the proof in FILE (- is stdin): its signature, its schema, and the commit that it is about.

    Exit status 0 where all hold; 1 where one does not, with the reason; 2 where FILE or a key is none.
    """
    try:
        verified = _verified(file, key_files, _whole(commit), state, namespace, fetch=False)
    except PressPlayError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"verified": False, "problem": str(error)}, indent=2))
        ctx.exit(error.exit_code)
    statement = verified.statement
    if as_json:
        result = {"verified": True, "commit": statement.commit, "key": verified.key, "digest": verified.digest}
        click.echo(json.dumps(result, indent=2))
        return
    task = statement.predicate.task
    click.echo(f"verified: commit {statement.commit} of pull request {task.pull}, signed by the key {verified.key}")
    if not commit:
        click.echo("which commit it had to be about was not given: compare it, or give --commit", err=True)


@command.command("key")
@click.option(
    "--output",
    "-o",
    default="proof-key",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for the two files.",
)
@click.option("--name", default="press-play-proof-key", show_default=True, help="The Secret's name.")
@click.option(
    "--namespace", "-n", default=DEFAULT_NAMESPACE, show_default=True, help="Where the chart is (to be) installed."
)
def key(output: Path, name: str, namespace: str) -> None:
    """Make a key that signs proofs: a Secret for the release's namespace, and the public key for those who verify."""
    import yaml

    from pressplay.commands._app_keys import secret_file
    from pressplay.gates.proof import signing

    private = signing.new_private_key()
    public = signing.public_key(private, "the new key")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "stringData": {"private-key": private},
    }
    with secret_file(output) as save:
        path = save("proof-key.secret.yaml", yaml.safe_dump(secret, sort_keys=False))
    _write(output / "proof-key.pem", public.pem)
    click.echo(f"the key's id:  {public.id}")
    click.echo(f"apply it:      kubectl apply -f {path}")
    click.echo(f"then delete    {path}")
    click.echo(f"set the value: proof.signingKey.secret: {name}")
    click.echo(f"hand out:      {output / 'proof-key.pem'}, the public key")


def _whole(commit: str) -> str:
    if commit and not _COMMIT.fullmatch(commit):
        raise InputError(f"--commit {commit!r}: expected a whole commit id, 40 or 64 hexadecimal digits in lower case")
    return commit


def _verified(
    what: str, key_files: Sequence[str], commit: str, state: Path | None, namespace: str, fetch: bool = True
) -> Verified:
    """The verified proof in a file, or with `fetch` of a pull request."""
    from pressplay.gates.proof import signing

    pull = fetch and _PULL.fullmatch(what) is not None and not Path(what).exists()
    keys = [signing.read_public_key(_bytes(file, signing.LONGEST_KEY), file) for file in key_files]
    if not pull and keys:
        return signing.verify(_bytes(what, signing.LARGEST), keys, what, commit)
    installation = open_installation(state, namespace)
    with closing(installation.cluster):
        # A file is read before the cluster is asked: what is wrong with it does not depend on keys.
        envelope = _kept(installation, what, commit).encode() if pull else _bytes(what, signing.LARGEST)
        signing.key_id_of(envelope, what)
        known = keys or list(_kept_keys(installation))
    return signing.verify(envelope, known, what, commit)


def _kept_keys(installation: Installation) -> Iterator[PublicKey]:
    """The public keys of all proofs that the installation signed; InputError where it has none."""
    from pressplay import names
    from pressplay.gates.proof import signing

    config_map = installation.cluster.get("ConfigMap", installation.namespace, names.PROOF_KEYS)
    held = (config_map or {}).get("data") or {}
    if not held:
        raise InputError(
            f"namespace {installation.namespace}: no ConfigMap {names.PROOF_KEYS} with public keys, as the first "
            "approval makes it: give the public key by --key"
        )
    for name, pem in held.items():
        yield signing.read_public_key(pem.encode(), f"ConfigMap {names.PROOF_KEYS}, key {name}")


def _kept(installation: Installation, pull: str, commit: str) -> str:
    """The envelope that the installation keeps of a pull request: of a commit, else the newest.

    From the store that its values name. From a ConfigMap where they name none, and for what was signed before they did.
    """
    from pressplay import names
    from pressplay.gates.proof import signing
    from pressplay.gates.proof.stores.opening import opened

    match = _PULL.fullmatch(pull)
    if match is None:
        raise InputError(f"{pull!r}: expected a pull request as owner/name#number, for example acme/shop#7")
    settings = installation.settings()
    # Names are of the repository as the values spell it.
    repo, number = settings.listed(names.repo(match["repo"])), int(match["pull"])
    with opened(settings.proof, installation.cluster, installation.namespace) as store:
        documents = store.fetch(repo, number, commit) if store else []
    where = f"namespace {installation.namespace}"
    if not documents:
        documents = _in_config_maps(installation, repo, number, commit)
        if store and documents:
            click.echo(f"not in the store that proof.store names: this is the ConfigMap's, in {where}", err=True)
    if not documents:
        about = f" of commit {commit}" if commit else ""
        raise InputError(
            f"{pull}: no proof{about} in {where}{' or its store' if store else ''}: expected that of an approved "
            "commit; ConfigMaps of closed pull requests are deleted after reconcile.keepDays"
        )
    return max(documents, key=lambda text: signing.unverified(text.encode(), f"{pull} in {where}").predicate.made_at)


def _in_config_maps(installation: Installation, repo: str, number: int, commit: str) -> list[str]:
    from pressplay import names

    if commit:
        config_map = installation.cluster.get("ConfigMap", installation.namespace, names.proof(repo, number, commit))
        listed = [config_map] if config_map else []
    else:
        labels = {"press-play/repo": names.repo_key(repo), "press-play/pr": str(number)}
        listed = installation.cluster.list("ConfigMap", installation.namespace, labels)
    documents = [(config_map.get("data") or {}).get("document") for config_map in listed]
    return [document for document in documents if document]


def _bytes(file: str, most: int) -> bytes:
    """A file's bytes, one more than `most` at the most."""
    try:
        with click.open_file(file, "rb") as opened:
            return bytes(opened.read(most + 1))
    except OSError as error:
        raise InputError(f"{file}: expected a readable file: {error.strerror}") from error


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file}: expected a file that can be written: {error.strerror}") from error
