"""Tokens are minted when needed, for one repository, with the least permissions, and never seen (R9)."""

from __future__ import annotations

import logging

import httpx
import pytest
from github_world import REPO, URL, rsa_key

from pressplay import settings
from pressplay.errors import InputError, TryAgain
from pressplay.github import contents, pulls
from pressplay.github.access import AppKey, GitHubAccess

pytestmark = pytest.mark.rule("R9")


class Counting(httpx.BaseTransport):
    """Hands on to the forge and keeps what was asked."""

    def __init__(self, forge):
        self.inner = httpx.WSGITransport(forge.wsgi)
        self.asked = []

    def handle_request(self, request):
        self.asked.append((request.method, request.url.path))
        return self.inner.handle_request(request)


def access(world, transport=None, keys=None):
    return GitHubAccess(
        settings.GitHub(apiURL=f"{URL}/api/v3", gitURL=URL, webURL=URL),
        keys or (lambda app: AppKey(world.apps[app].id, world.apps[app].private_key)),
        world.clock,
        transport or httpx.WSGITransport(world.forge.wsgi),
    )


def test_a_token_is_kept_until_shortly_before_it_expires_and_then_made_anew(github_world):
    first = github_world.access.token("rex", REPO, {"contents": "read"})
    github_world.clock.sleep(54 * 60)
    assert github_world.access.token("rex", REPO, {"contents": "read"}) == first
    github_world.clock.sleep(2 * 60)
    second = github_world.access.token("rex", REPO, {"contents": "read"})
    assert second != first
    assert contents.default_branch(github_world.client("rex", contents="read"), REPO) == "main"


def test_a_long_virtual_play_never_meets_an_expired_token(github_world):
    for _ in range(20):
        github_world.clock.sleep(17 * 60)
        assert contents.read_file(github_world.client("rex"), REPO, "README.md", "main") == b"# Shop\n"


def test_each_set_of_permissions_has_a_token_of_its_own(github_world):
    counting = Counting(github_world.forge)
    one = access(github_world, counting)
    tokens = {one.token("rex", REPO, {"contents": level}) for level in ("read", "write", "read")}
    assert len(tokens) == 2
    assert sum(method == "POST" for method, _path in counting.asked) == 2
    assert sum(path.endswith("/installation") for _method, path in counting.asked) == 1


def test_tokens_and_keys_are_in_no_representation_and_no_log(github_world, caplog):
    caplog.set_level(logging.DEBUG)
    client = github_world.client("rex")
    contents.default_branch(client, REPO)
    shown = f"{client!r} {github_world.access!r} {github_world.apps['rex']!r} {AppKey(1, rsa_key())!r} {caplog.text}"
    assert client.auth.token not in shown
    assert "PRIVATE KEY" not in shown


def test_whose_a_client_is_is_known(github_world):
    assert github_world.client("qa").login == github_world.access.login("qa") == "qa[bot]"
    assert github_world.client("qa").app_id == github_world.access.app_id("qa") == github_world.apps["qa"].id
    assert github_world.access.app_id_of_harness() == github_world.apps["press-play"].id


def test_the_same_works_over_a_real_connection(github_world):
    server = github_world.forge.serve()
    real = GitHubAccess(
        settings.GitHub(apiURL=f"{server.url}/api/v3", gitURL=server.url, webURL=server.url),
        lambda app: AppKey(github_world.apps[app].id, github_world.apps[app].private_key),
        github_world.clock,
    )
    try:
        pull = github_world.pull()
        found = pulls.pull(real.installation("qa", REPO, {"pull_requests": "read"}), REPO, pull.number)
        assert found.html_url == f"{server.url}/{REPO}/pull/{pull.number}"
    finally:
        server.close()
    with pytest.raises(TryAgain, match="no answer from GitHub"):
        real.installation("rex", REPO, {"contents": "read"})


def test_an_app_that_is_not_installed_is_named_with_what_to_do(github_world):
    github_world.forge.create_repository("acme/other", None)
    with pytest.raises(InputError, match=r"'rex' is not installed on acme/other.*install it there"):
        github_world.access.installation("rex", "acme/other", {"contents": "read"})


def test_a_permission_that_the_app_lacks_is_named(github_world):
    with pytest.raises(InputError, match="must have the permissions administration: write"):
        github_world.access.installation("rex", REPO, {"administration": "write"})


@pytest.mark.parametrize(("key", "message"), [("no key", "not an RSA key in PEM"), (None, "401")])
def test_a_wrong_key_is_an_input_error_that_does_not_show_it(github_world, key, message):
    from pressplay.sandbox.forge.forge import new_key

    wrong = key or new_key()
    with pytest.raises(InputError, match=message) as caught:
        access(github_world, keys=lambda app: AppKey(github_world.apps[app].id, wrong)).login("rex")
    assert wrong not in str(caught.value)


def test_an_installation_made_anew_is_found_again(github_world):
    github_world.access.token("rex", REPO, {"contents": "read"})
    with github_world.forge._store.session(write=True) as session:
        session.run("UPDATE forge_installations SET id = 77 WHERE app_id = ?", github_world.apps["rex"].id)
        session.run("UPDATE forge_installation_repos SET installation_id = 77 WHERE installation_id = 2")
    with pytest.raises(InputError):
        github_world.access.token("rex", REPO, {"contents": "write"})
    assert github_world.access.token("rex", REPO, {"contents": "write"})
