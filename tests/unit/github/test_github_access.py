"""Tokens are minted when needed, for one repository, with the least permissions, and never seen (R9)."""

from __future__ import annotations

import json
import logging

import httpx
import pytest
from github_world import REPO, URL, rsa_key

from pressplay import settings
from pressplay.errors import InputError, TryAgain
from pressplay.github import comments, contents, pulls, refs
from pressplay.github.access import AppKey, GitHubAccess
from pressplay.github.calls import call, tail
from pressplay.sandbox.forge import Fault

pytestmark = pytest.mark.rule("R9")


class Counting(httpx.BaseTransport):
    """Hands on to the forge and keeps what was asked."""

    def __init__(self, forge):
        self.inner = httpx.WSGITransport(forge.wsgi)
        self.asked = []

    def handle_request(self, request):
        self.asked.append((request.method, request.url.path))
        return self.inner.handle_request(request)


def access(world, transport=None, keys=None, api_url=f"{URL}/api/v3"):
    return GitHubAccess(
        settings.GitHub(apiURL=api_url, gitURL=URL, webURL=URL),
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
    shown = f"{client!r} {client.auth!r} {client.config!r} {github_world.access!r} {github_world.apps['rex']!r}"
    shown += f" {AppKey(1, rsa_key())!r} {caplog.text}"
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
    real.close()


@pytest.mark.rule("R3")
def test_a_token_that_was_revoked_early_is_minted_anew_once(github_world):
    counting = Counting(github_world.forge)
    one = access(github_world, counting)
    client = one.installation("rex", REPO, {"contents": "write"})
    before = client.auth.token
    for _ in range(2):
        github_world.forge.revoke_tokens("rex")
        assert contents.default_branch(client, REPO) == "main"
        refs.commit_files(client, REPO, "b", {"f": b"x"}, "m", refs.head(client, REPO, "main"))
    assert one.token("rex", REPO, {"contents": "write"}) == client.auth.token != before
    assert sum(path.endswith("/access_tokens") for _method, path in counting.asked) == 3


def test_a_client_outlives_its_token(github_world):
    client = github_world.client("rex")
    github_world.clock.sleep(3 * 3600)
    assert contents.default_branch(client, REPO) == "main"


def test_a_token_that_stays_refused_is_minted_anew_no_third_time(github_world):
    counting = Counting(github_world.forge)
    client = access(github_world, counting).installation("rex", REPO, {"contents": "read"})
    github_world.forge.faults.append(Fault(path=f"/repos/{REPO}$", times=9, status=401, message="Bad credentials"))
    with pytest.raises(InputError, match=r"401 .* to the App 'rex' .*the App's key or token is not accepted"):
        contents.default_branch(client, REPO)
    assert [path for _method, path in counting.asked].count(f"/api/v3/repos/{REPO}") == 2


@pytest.mark.parametrize("base", ["", "/api/v3"], ids=["github.com", "enterprise"])
def test_every_call_is_made_below_the_address_of_the_api(github_world, base):
    """REST, GraphQL, pages and downloads; a GitHub Enterprise Server has them all on a path of its own."""
    counting = Counting(github_world.forge)
    one = access(github_world, counting, api_url=f"{URL}{base}")
    pull, gh = github_world.pull(), one.installation("rex", REPO, {"contents": "write", "pull_requests": "write"})
    head = refs.head(gh, REPO, "main")
    for number in range(101):
        call(gh, "POST", f"/repos/{REPO}/git/refs", json={"ref": f"refs/heads/b/{number:03}", "sha": head})
    assert len(refs.branches_with_prefix(gh, REPO, "b/")) == 101
    assert comments.resolved(gh, REPO, pull.number) == set()
    assert tail(gh, f"/repos/{REPO}/contents/nowhere", 10) is None
    below = "/api/graphql" if base else "/graphql"
    assert {path for _method, path in counting.asked if not path.startswith(f"{base}/")} <= {below}
    assert below in {path for _method, path in counting.asked}


# -- what is said where there is no access -----------------------------------------------------------------------------


def test_an_app_that_is_not_installed_is_named_with_what_to_do(github_world):
    github_world.forge.create_repository("acme/other", None)
    with pytest.raises(InputError, match=r"'rex' is not installed on acme/other.*install it there"):
        github_world.access.installation("rex", "acme/other", {"contents": "read"})


def test_an_app_that_is_uninstalled_under_way_is_named_the_same(github_world):
    client = github_world.client("rex")
    github_world.forge.uninstall("rex", REPO)
    with pytest.raises(InputError, match=r"'rex' is not installed on acme/shop.*install it there"):
        contents.default_branch(client, REPO)


def test_a_suspended_installation_is_named_with_who_can_help(github_world):
    client = github_world.client("rex")
    github_world.forge.suspend("rex", REPO)
    with pytest.raises(InputError, match=r"to the App 'rex' .*an owner of the account must unsuspend"):
        contents.default_branch(client, REPO)
    for one in (github_world.access, access(github_world)):
        with pytest.raises(InputError, match="'rex' is suspended on acme/shop: an owner of acme must unsuspend it"):
            one.installation("rex", REPO, {"contents": "write"})
    github_world.forge.suspend("rex", REPO, suspended=False)
    assert contents.default_branch(client, REPO) == "main"


def test_a_permission_that_the_app_lacks_is_named_with_what_to_do(github_world):
    told = (
        r"'rex' on acme/shop must have the permissions administration: write, contents: read, and lacks "
        r"administration: write: give the App administration: write in its settings, then have an owner of acme accept"
    )
    with pytest.raises(InputError, match=told):
        github_world.access.installation("rex", REPO, {"administration": "write", "contents": "read"})


def test_a_permission_that_was_given_but_not_accepted_is_told_apart(github_world):
    class Accepted(Counting):
        """The installation still has what was accepted long ago."""

        def handle_request(self, request):
            response = super().handle_request(request)
            if request.url.path.endswith("/installation"):
                return httpx.Response(200, json={**json.loads(response.read()), "permissions": {"contents": "read"}})
            if request.url.path.endswith("/access_tokens"):
                return httpx.Response(422, json={"message": "The permissions requested are not granted"})
            return response

    with pytest.raises(InputError, match=r"lacks contents: write: have an owner of acme accept that .*/installations/"):
        access(github_world, Accepted(github_world.forge)).installation("rex", REPO, {"contents": "write"})


@pytest.mark.parametrize(("key", "message"), [("no key", "not an RSA key in PEM"), (None, "401")])
def test_a_wrong_key_is_an_input_error_that_does_not_show_it(github_world, key, message):
    from pressplay.sandbox.forge.accounts import new_key

    wrong = key or new_key()
    one = access(github_world, keys=lambda app: AppKey(github_world.apps[app].id, wrong))
    for ask in (lambda: one.login("rex"), lambda: one.token("rex", REPO, {"contents": "read"})):
        with pytest.raises(InputError, match=f"App 'rex'.*{message}|{message}.*Secret github-app-rex") as caught:
            ask()
        assert "Secret github-app-rex" in str(caught.value)
        assert wrong not in str(caught.value)


def test_a_wrong_app_id_is_told_from_an_app_that_is_not_installed(github_world):
    one = access(github_world, keys=lambda app: AppKey(99, github_world.apps[app].private_key))
    with pytest.raises(InputError, match=r"'rex', app-id 99: .*Integration not found.*Secret github-app-rex must hold"):
        one.token("rex", REPO, {"contents": "read"})


def test_an_installation_made_anew_is_found_again_at_once(github_world):
    github_world.access.token("rex", REPO, {"contents": "read"})
    with github_world.forge._store.session(write=True) as session:
        session.run("UPDATE forge_installations SET id = 77 WHERE app_id = ?", github_world.apps["rex"].id)
        session.run("UPDATE forge_installation_repos SET installation_id = 77 WHERE installation_id = 2")
    assert github_world.access.token("rex", REPO, {"contents": "write"})
