"""Proofs in a bucket and in an OCI registry: real servers, and what each of their faults leads to."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from contextlib import closing

import httpx
import obstore
import pytest
from proof_documents import HEAD, honest
from proof_stores import BUCKET, PASSWORD, REPOSITORY, docker_config, free_port, proxied, registry, s3

from pressplay import names
from pressplay.errors import InputError, TryAgain
from pressplay.gates.proof import signing
from pressplay.gates.proof.stores import oci
from pressplay.gates.proof.stores.opening import opened
from pressplay.settings import OCIPlace, ProofSettings

pytestmark = pytest.mark.rule("R5")
REPO, PR, OTHER = "acme/shop", 7, "0" * 40
NAMESPACE = "press-play"


@pytest.fixture(scope="module")
def bucket():
    with s3() as server:
        yield server


@pytest.fixture(scope="module")
def artifacts():
    with registry() as address:
        yield address


@pytest.fixture(scope="module")
def envelope():
    return signing.sign(honest(), signing.new_private_key(), "key")


class Secrets:
    """A cluster that has Secrets alone."""

    def __init__(self, **secrets):
        self.secrets = secrets

    def get(self, kind, namespace, name):
        assert (kind, namespace) == ("Secret", NAMESPACE)
        if name not in self.secrets:
            return None
        data = {key: base64.b64encode(text.encode()).decode() for key, text in self.secrets[name].items()}
        return {"data": data}


def store_of(settings, **secrets):
    return opened(ProofSettings.model_validate(settings), Secrets(**secrets), NAMESPACE)


def in_s3(address, key, *, folder="", path_style=True):
    place = {
        "bucket": BUCKET,
        "prefix": folder,
        "endpoint": f"http://{address}",
        "pathStyle": path_style,
        "secret": "s",
    }
    return store_of({"store": "s3", "s3": place}, s=key)


def in_registry(address, *, path=REPOSITORY, login=None, http=True):
    place = {"repository": f"{address}/{path}", "plainHTTP": http, "secret": "s" if login else ""}
    return store_of({"store": "oci", "oci": place}, **({"s": login} if login else {}))


@pytest.fixture(params=["s3", "s3 below a folder", "oci"])
def behind(request, bucket, artifacts):
    """A proxy before a server, and the store there: what they have in common."""
    address, keys = bucket
    with proxied(artifacts if request.param == "oci" else address) as proxy:
        folder = f"press-play/{request.node.name.encode().hex()}" if "folder" in request.param else ""
        make = (
            in_registry(proxy.address, path=f"t{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}/proofs")
            if request.param == "oci"
            else in_s3(proxy.address, keys["writer"], folder=folder or request.node.name.encode().hex())
        )
        with make as store:
            yield proxy, store


def test_what_is_kept_is_fetched_byte_by_byte_and_kept_once(behind, envelope):
    proxy, store = behind
    where = store.keep(REPO, PR, HEAD, envelope)
    assert where.startswith(("s3://proofs/", f"{proxy.address}/"))
    assert store.keep(REPO, PR, HEAD, envelope) == where
    assert store.fetch(REPO, PR, HEAD) == [envelope]
    assert store.fetch(REPO, PR) == [envelope]
    assert store.look() in where


def test_nothing_is_kept_yet_is_no_fault(behind):
    assert behind[1].fetch(REPO, PR) == []


def test_a_second_proof_of_a_commit_replaces_nothing_and_others_stay_apart(behind, envelope):
    _, store = behind
    again = signing.sign(honest(), signing.new_private_key(), "key")
    kept = {store.keep(REPO, PR, HEAD, text) for text in (envelope, again)}
    assert len(kept) == 2
    store.keep(REPO, PR, OTHER, envelope)
    store.keep(REPO, 77, HEAD, envelope)
    store.keep("acme/shop-2", PR, HEAD, envelope)
    assert sorted(store.fetch(REPO, PR, HEAD)) == sorted([envelope, again])
    assert len(store.fetch(REPO, PR)) == 3


@pytest.mark.parametrize(
    ("status", "expected"),
    [(500, TryAgain), (503, TryAgain), (429, TryAgain), (403, InputError), (400, InputError)],
)
@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_a_fault_has_the_servers_own_words_and_says_whether_to_try_again(behind, envelope, status, expected, method):
    proxy, store = behind
    proxy.faults.append((method, status))
    with pytest.raises(expected) as raised:
        store.keep(REPO, PR, HEAD, envelope) if method == "PUT" else store.fetch(REPO, PR)
    assert f" {status} " in str(raised.value)
    assert "the proxy says no" in str(raised.value)
    # Nothing is half kept: the same call does it once the fault is over.
    proxy.faults.clear()
    assert store.fetch(REPO, PR) == []
    store.keep(REPO, PR, HEAD, envelope)
    assert store.fetch(REPO, PR) == [envelope]


def test_no_answer_is_tried_again_and_says_why(bucket, envelope):
    nobody = f"127.0.0.1:{free_port()}"
    for make in (in_s3(nobody, bucket[1]["writer"]), in_registry(nobody)):
        with make as store, pytest.raises(TryAgain, match=r"no answer: .*[Cc]onnection refused"):
            store.keep(REPO, PR, HEAD, envelope)


def test_other_content_under_a_proofs_name_is_neither_stored_nor_fetched(bucket, envelope):
    address, keys = bucket
    name = names.proof_object(REPO, PR, HEAD, hashlib.sha256(envelope.encode()).hexdigest())
    with in_s3(address, keys["writer"], folder="changed") as store:
        obstore.put(store._store, f"changed/{name}", b"somebody else's")
        for ask in (lambda: store.keep(REPO, PR, HEAD, envelope), lambda: store.fetch(REPO, PR)):
            with pytest.raises(InputError, match="got other content"):
                ask()


def test_other_content_under_a_proofs_tag_is_neither_stored_nor_fetched(artifacts, envelope):
    tag = names.proof_tag(REPO, PR, HEAD, hashlib.sha256(envelope.encode()).hexdigest())
    other = oci._manifest(b"somebody else's", REPO, PR, HEAD)
    with in_registry(artifacts, path="changed/proofs") as store:
        store._upload(b"somebody else's")
        store._upload(b"{}")
        store._ask("PUT", store._url(f"manifests/{tag}"), content=other, headers={"Content-Type": oci.MANIFEST_TYPE})
        for ask in (lambda: store.keep(REPO, PR, HEAD, envelope), lambda: store.fetch(REPO, PR)):
            with pytest.raises(InputError, match="got other content"):
                ask()


def test_an_artifact_says_what_it_is(artifacts, envelope):
    with in_registry(artifacts, path="shape/proofs") as store:
        where = store.keep(REPO, PR, HEAD, envelope)
        manifest = json.loads(store._get(f"manifests/{where.partition('@')[2]}"))
    assert manifest["artifactType"] == "application/vnd.in-toto+json"
    assert [layer["mediaType"] for layer in manifest["layers"]] == ["application/vnd.dsse.envelope.v1+json"]
    assert manifest["annotations"]["org.opencontainers.image.revision"] == HEAD


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"access-key-id": "AKIAIOSFODNN7EXAMPLE", "secret-access-key": "none"}, " 403 InvalidAccessKeyId"),
        ("reader", " 403 AccessDenied"),
        ("forged", " 403 SignatureDoesNotMatch"),
    ],
)
def test_who_may_not_write_into_the_bucket_learns_so(bucket, envelope, user, expected):
    address, keys = bucket
    keys = {**keys, "forged": {**keys["writer"], "secret-access-key": "none"}}
    key = keys[user] if isinstance(user, str) else user
    with in_s3(address, key) as store, pytest.raises(InputError) as raised:
        store.keep(REPO, PR, HEAD, envelope)
    assert expected in str(raised.value)
    assert key["secret-access-key"] not in str(raised.value) or key["secret-access-key"] == "none"
    assert key["access-key-id"] not in str(raised.value)


def test_a_bucket_that_is_not_there_is_no_passing_fault(bucket, envelope):
    address, keys = bucket
    place = {"bucket": "others", "endpoint": f"http://{address}", "pathStyle": True, "secret": "s"}
    with store_of({"store": "s3", "s3": place}, s=keys["writer"]) as store:
        with pytest.raises(InputError, match=" 404 NoSuchBucket"):
            store.keep(REPO, PR, HEAD, envelope)
        with pytest.raises(InputError, match=" 404 NoSuchBucket"):
            store.look()


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"endpoint": "https://s3.example.com:9000"}, ("https://proofs.s3.example.com:9000", "true")),
        ({"endpoint": "https://s3.example.com", "pathStyle": True}, ("https://s3.example.com", "false")),
        ({}, (None, "true")),
    ],
)
def test_the_bucket_is_where_the_values_say(monkeypatch, place, expected):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with store_of({"store": "s3", "s3": {"bucket": BUCKET, **place}}) as store:
        config = store._store.config
    assert (config.get("endpoint"), config["virtual_hosted_style_request"]) == expected


@pytest.mark.parametrize("login", ["basic", "bearer"])
def test_a_registry_that_asks_who_is_there_is_answered(artifacts, envelope, login):
    with proxied(artifacts, login) as proxy:
        with in_registry(proxy.address, path=f"{login}/proofs", login=docker_config(proxy.address)) as store:
            where = store.keep(REPO, PR, HEAD, envelope)
            assert store.fetch(REPO, PR) == [envelope]
        assert where.startswith(f"{proxy.address}/{login}/proofs@sha256:")
        # Asked once: what was given is used again.
        assert len([line for line in proxy.asked if line.startswith("GET /token")]) == (login == "bearer")
        for wrong in (docker_config(proxy.address, password="wrong"), None):
            with in_registry(proxy.address, login=wrong) as store, pytest.raises(InputError) as raised:
                store.keep(REPO, PR, HEAD, envelope)
            assert " 401 " in str(raised.value)
            assert PASSWORD not in str(raised.value)


@pytest.mark.rule("R9")
@pytest.mark.parametrize("realm", ["ftp://mallory.example/token", "mallory.example", "https://"])
def test_a_password_goes_to_no_token_service_without_tls(artifacts, envelope, realm):
    with proxied(artifacts, "bearer") as proxy:
        proxy.realm = realm
        make = in_registry(proxy.address, login=docker_config(proxy.address))
        with make as store, pytest.raises(InputError, match="no password is sent there"):
            store.keep(REPO, PR, HEAD, envelope)


@pytest.mark.rule("R9")
def test_a_redirect_leads_to_no_address_without_tls():
    place = OCIPlace(repository="registry.example.com/proofs")
    store = oci.OCI(place, None, "")
    moved = httpx.Response(307, headers={"Location": "http://mallory.example/"})
    store._client._transport = httpx.MockTransport(lambda _request: moved)
    with closing(store), pytest.raises(InputError, match=r"expected an address with https://, got http://"):
        store.look()


def test_a_registry_without_tls_is_asked_only_where_the_values_say_so(artifacts, envelope):
    with in_registry(artifacts, http=False) as store, pytest.raises(TryAgain, match="SSL"):
        store.keep(REPO, PR, HEAD, envelope)


@pytest.mark.parametrize(
    ("auths", "repository", "expected"),
    [
        ({"registry.example.com": "a"}, "registry.example.com/proofs", "a"),
        ({"https://registry.example.com/v2/": "a"}, "registry.example.com/proofs", "a"),
        ({"registry.example.com": "a", "registry.example.com/team": "b"}, "registry.example.com/team/proofs", "b"),
        ({"registry.example.com/team": "b"}, "registry.example.com/teams/proofs", None),
        ({"example.com": "a"}, "registry.example.com/proofs", None),
        ({"registry.example.com": "a"}, "registry.example.com:5000/proofs", None),
        ({"https://index.docker.io/v1/": "hub"}, "docker.io/acme/proofs", "hub"),
        ({}, "registry.example.com/proofs", None),
    ],
)
def test_the_login_is_that_of_the_registry(auths, repository, expected):
    entries = {host: {"username": user, "password": "secret"} for host, user in auths.items()}
    secret = {".dockerconfigjson": json.dumps({"auths": entries})}
    if expected is None:
        with pytest.raises(InputError, match=f"with an entry for {repository}"):
            oci._login(secret, repository, "Secret s")
    else:
        assert oci._login(secret, repository, "Secret s") == (expected, "secret")


@pytest.mark.rule("R9")
@pytest.mark.parametrize(
    ("store", "secrets", "expected"),
    [
        ("s3", {}, "expected the credentials for proofs, got no such Secret"),
        ("s3", {"s": {"access-key-id": "A"}}, "expected the key secret-access-key, got none"),
        ("s3", {"s": {"access-key-id": " ", "secret-access-key": "hush"}}, "the key access-key-id, got an empty text"),
        ("oci", {}, "expected the credentials for proofs, got no such Secret"),
        ("oci", {"s": {"config": "hush"}}, "expected the key .dockerconfigjson, got none"),
        ("oci", {"s": {".dockerconfigjson": "hush"}}, "got something else"),
        ("oci", {"s": {".dockerconfigjson": '{"auths": {"r.example.com": {"auth": "hush"}}}'}}, "got something else"),
        ("oci", {"s": {".dockerconfigjson": '{"auths": {"r.example.com": {"username": "hush"}}}'}}, "something else"),
        ("oci", {"s": {".dockerconfigjson": '["hush"]'}}, "got something else"),
    ],
)
def test_credentials_that_are_none_are_named_and_not_told(store, secrets, expected):
    place = {"s3": {"bucket": BUCKET, "secret": "s"}, "oci": {"repository": "r.example.com/proofs", "secret": "s"}}
    with pytest.raises(InputError) as raised, store_of({"store": store, **place}, **secrets):
        pass
    assert expected in str(raised.value)
    assert "Secret s in namespace press-play" in str(raised.value)
    assert "hush" not in str(raised.value)


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "pressplay.gates.proof.stores.s3", raising=False)
    make = store_of({"store": "s3", "s3": {"bucket": BUCKET}})
    with pytest.raises(InputError, match=r"not installed \(obstore\): pip install 'pressplay\[s3\]'"), make:
        pass


@pytest.mark.parametrize("head", ["0" * 40, "0" * 64])
def test_names_fit_where_they_are_used(head):
    repo = f"{'o' * 39}/{'n' * 100}"
    tag = names.proof_tag(repo, 99_999_999, head, "f" * 64)
    assert len(tag) <= 128
    assert len(names.proof_object(repo, 99_999_999, head, "f" * 64)) <= 512
    for wrong in ("main", "../..", head[:12]):
        with pytest.raises(InputError, match="expected a whole id"):
            names.proof_object(repo, 1, wrong, "f" * 64)
