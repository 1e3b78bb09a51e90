"""`pressplay apps`: manifests with the least permissions, and keys that nobody but their owner sees."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import yaml
from github_world import REPO, rsa_key

from pressplay import names
from pressplay import settings as settings_
from pressplay.cli import main
from pressplay.clock import SystemClock
from pressplay.errors import InputError
from pressplay.github import permissions
from pressplay.github.access import AppKey, GitHubAccess
from pressplay.sandbox.forge import Forge, accounts
from pressplay.sandbox.forge.http import Fault
from pressplay.validation import values

HOOK = "https://hooks.example.com/github"


class Form(HTMLParser):
    """What a browser posts when the page's one button is pressed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action, self.fields = "", {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            assert given["method"] == "post"
            self.action = given["action"]
        elif tag == "input":
            self.fields[given["name"]] = given["value"]


@pytest.fixture
def forge(tmp_path, monkeypatch):
    """A forge behind a real server, and values that name it."""
    monkeypatch.setattr(accounts, "new_key", rsa_key)
    made = Forge(tmp_path / "forge.db", tmp_path / "git", SystemClock(), "")
    server = made.serve()
    made.create_repository(REPO)
    (tmp_path / "values.yaml").write_text(
        yaml.safe_dump(
            {
                "github": {"apiURL": f"{server.url}/api/v3", "gitURL": server.url, "webURL": server.url},
                "repositories": {REPO: {}},
                "secrets": {"mode": "existing"},
                "serve": {"auth": {"callers": [{"serviceAccount": "agent-platform/*", "repositories": [REPO]}]}},
            }
        )
    )
    monkeypatch.chdir(tmp_path)
    yield made
    server.close()
    made.close()


def press(page: Path) -> str:
    """Press the button; the address to which the browser is sent."""
    form = Form(page.read_text())
    answer = httpx.post(form.action, data=form.fields)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def secrets(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    found = yaml.safe_load_all(path.read_text())
    return {(one["metadata"].get("namespace", ""), one["metadata"]["name"]): one["stringData"] for one in found}


@pytest.mark.rule("R9")
def test_from_the_manifests_to_tokens_that_may_what_is_needed_and_no_more(forge, tmp_path, capsys, monkeypatch):
    """All the way: written, posted to GitHub, exchanged, installed; each key then mints its App's permissions."""
    assert main(["apps", "-f", "values.yaml", "--org", "acme", "--webhook-url", HOOK]) == 0
    merged = values.load([("values.yaml", Path("values.yaml").read_text())])
    config = settings_.Settings.model_validate(values.config(merged, "press-play"))
    needs = permissions.needed(config, serve_app=names.serve_app(merged))
    assert needs["press-play-serve"].permissions == {"metadata": "read", "contents": "read", "pull_requests": "read"}
    keys: dict[str, AppKey] = {}
    for app, need in needs.items():
        address = press(Path(f"github-apps/{app}.html"))
        assert urlsplit(address).hostname == "localhost"
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{address}\n"))
        capsys.readouterr()
        assert main(["apps", "exchange", "-", "-f", "values.yaml"]) == 0
        said = capsys.readouterr()
        path = Path(f"github-apps/{app}.secret.yaml")
        assert path.stat().st_mode & 0o777 == 0o600
        held = secrets(path)
        assert "PRIVATE KEY" not in said.out + said.err
        assert not any(text in said.out + said.err for data in held.values() for text in data.values() if len(text) > 8)
        assert f"kubectl apply -f {path}" in said.out
        assert f"/apps/{app}/installations/new" in said.out
        where = (
            ["press-play"] if not need.agent else ["agent-platform"] + (["press-play"] if need.agent == "qa" else [])
        )
        of_app = [(namespace, f"github-app-{app}") for namespace in where]
        of_hook = [] if app != "press-play" else [("press-play", "press-play-webhook")]
        assert list(held) == of_app + of_hook
        data = held[of_app[0]]
        keys[app] = AppKey(int(data["app-id"]), data["private-key"])
        assert data["client-id"].startswith("Iv")
        if of_hook:
            assert held[of_hook[0]].keys() == {"secret"}
        forge.install(app, REPO)
    access = GitHubAccess(config.github, keys.__getitem__, SystemClock())
    for app, need in needs.items():
        assert access.installation(app, REPO, need.permissions).login == f"{app}[bot]"
        with pytest.raises(InputError, match="must have the permissions workflows: write"):
            access.installation(app, REPO, {"workflows": "write"})
    access.close()
    # Nothing half written is left.
    assert not list(Path("github-apps").glob(".*"))


def test_only_the_harness_has_a_webhook_with_the_events_that_flows_want(forge, capsys):
    assert main(["apps", "-f", "values.yaml", "--webhook-url", HOOK, "--json"]) == 0
    told = {app["name"]: app for app in json.loads(capsys.readouterr().out)["apps"]}
    manifests = {name: json.loads(Path(app["manifest"]).read_text()) for name, app in told.items()}
    assert manifests["press-play"]["hook_attributes"] == {"url": HOOK, "active": True}
    assert manifests["press-play"]["default_events"] == told["press-play"]["events"]
    assert "issue_comment" in told["press-play"]["events"]
    assert [name for name, made in manifests.items() if "hook_attributes" in made or "default_events" in made] == [
        "press-play"
    ]
    assert not any(made["public"] for made in manifests.values())
    assert told["issue-agent"]["permissions"] == {"contents": "read", "issues": "write", "metadata": "read"}


def test_without_an_address_no_app_has_a_webhook_and_that_is_said(forge, capsys):
    assert main(["apps", "-f", "values.yaml"]) == 0
    assert "No --webhook-url: Events start work only where there is a webhook" in capsys.readouterr().err
    made = json.loads(Path("github-apps/press-play.json").read_text())
    assert not {"hook_attributes", "default_events"} & made.keys()
    address = press(Path("github-apps/press-play.html"))
    assert main(["apps", "exchange", address, "-f", "values.yaml"]) == 0
    assert list(secrets(Path("github-apps/press-play.secret.yaml"))) == [("press-play", "github-app-press-play")]


def test_where_the_eventsource_makes_the_webhooks_the_app_may_and_has_none(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("values.yaml").write_text(
        "repositories: {acme/shop: {}}\n"
        "events: {webhook: {url: 'https://hooks.example.com', app: {id: 1, installationID: 2}}}\n"
    )
    assert main(["apps", "-f", "values.yaml"]) == 0
    assert capsys.readouterr().err == ""
    made = json.loads(Path("github-apps/press-play.json").read_text())
    assert made["default_permissions"]["repository_hooks"] == "write"
    assert "hook_attributes" not in made
    assert main(["apps", "-f", "values.yaml", "--webhook-url", HOOK]) == 2
    assert "would come twice" in capsys.readouterr().err


def test_a_page_posts_to_github_enterprise_server_or_an_account_and_the_steps_name_the_command(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("values.yaml").write_text("github: {apiURL: 'https://ghes.test/api/v3', webURL: 'https://ghes.test'}\n")
    assert main(["apps", "-f", "values.yaml", "-o", "out dir", "--org", "acme"]) == 0
    form = Form(Path("out dir/rex.html").read_text())
    assert form.action.startswith("https://ghes.test/organizations/acme/settings/apps/new?state=")
    assert json.loads(form.fields["manifest"]) == json.loads(Path("out dir/rex.json").read_text())
    assert "pressplay apps exchange - -f values.yaml -o 'out dir'" in Path("out dir/README.md").read_text()
    assert main(["apps"]) == 0
    assert Form(Path("github-apps/rex.html").read_text()).action.startswith(
        "https://github.com/settings/apps/new?state="
    )
    states = json.loads(Path("github-apps/states.json").read_text())
    assert len(set(states)) == len(states) == 9


@pytest.mark.rule("R5")
def test_an_answer_to_a_page_that_is_not_ours_is_not_exchanged(forge, capsys):
    """Somebody else's App must not become one of ours: its maker has its key, too."""
    assert main(["apps", "-f", "values.yaml"]) == 0
    address = press(Path("github-apps/rex.html"))
    code = parse_qs(urlsplit(address).query)["code"][0]
    assert main(["apps", "exchange", f"http://localhost:8977/?code={code}&state=other", "-f", "values.yaml"]) == 2
    said = capsys.readouterr().err
    assert "has a state= that no page in github-apps has" in said
    assert code not in said
    # It was not used up.
    assert main(["apps", "exchange", address, "-f", "values.yaml"]) == 0


@pytest.mark.rule("R9")
def test_a_code_is_good_once_and_is_never_repeated(forge, capsys):
    assert main(["apps", "-f", "values.yaml"]) == 0
    code = parse_qs(urlsplit(press(Path("github-apps/rex.html"))).query)["code"][0]
    for fault in (Fault(path="app-manifests", status=502), Fault(path="app-manifests", truncate=0)):
        forge.faults.append(fault)
    assert main(["apps", "exchange", code, "-f", "values.yaml"]) == 75
    said = capsys.readouterr().err
    assert "the code may still be good: try again" in said
    forge.faults.clear()
    assert main(["apps", "exchange", code, "-f", "values.yaml"]) == 0
    assert main(["apps", "exchange", code, "-f", "values.yaml"]) == 2
    said += capsys.readouterr().err
    assert "A code is good once and for an hour" in said
    assert code not in said
    assert not list(Path("github-apps").glob(".*"))


def test_a_key_that_cannot_be_written_is_told_and_left_nowhere(forge, capsys):
    assert main(["apps", "-f", "values.yaml"]) == 0
    Path("github-apps/rex.secret.yaml").mkdir()
    assert main(["apps", "exchange", press(Path("github-apps/rex.html")), "-f", "values.yaml"]) == 1
    assert "make a new private key in the App's settings" in capsys.readouterr().err
    assert not list(Path("github-apps").glob(".*"))


def test_a_name_that_was_changed_on_github_is_told_with_the_value_to_set(forge, capsys):
    assert main(["apps", "-f", "values.yaml"]) == 0
    form = Form(Path("github-apps/qa-agent.html").read_text())
    renamed = {**json.loads(form.fields["manifest"]), "name": "acme QA"}
    address = httpx.post(form.action, data={"manifest": json.dumps(renamed)}).headers["location"]
    assert main(["apps", "exchange", address, "-f", "values.yaml"]) == 0
    assert "set agents.qa.githubApp: acme-qa" in capsys.readouterr().out
    assert list(secrets(Path("github-apps/acme-qa.secret.yaml"))) == [
        ("agent-platform", "github-app-acme-qa"),
        ("press-play", "github-app-acme-qa"),
    ]


@pytest.mark.rule("R5")
def test_the_key_of_an_app_that_nobody_knows_is_put_into_no_namespace(forge, capsys):
    assert main(["apps", "-f", "values.yaml"]) == 0
    form = Form(Path("github-apps/qa-agent.html").read_text())
    renamed = {**json.loads(form.fields["manifest"]), "name": "other"}
    code = parse_qs(
        urlsplit(httpx.post(form.action, data={"manifest": json.dumps(renamed)}).headers["location"]).query
    )["code"][0]
    assert main(["apps", "exchange", code, "-f", "values.yaml"]) == 0
    assert "No App of the values has this name" in capsys.readouterr().out
    assert list(secrets(Path("github-apps/other.secret.yaml"))) == [("", "github-app-other")]


def test_for_a_store_the_entry_has_the_properties_that_externalsecrets_fetch(forge, capsys):
    Path("store.yaml").write_text("secrets: {mode: external, remoteKey: 'apps/{agent}/key'}\n")
    files = ["-f", "values.yaml", "-f", "store.yaml"]
    assert main(["apps", *files, "--webhook-url", HOOK]) == 0
    assert main(["apps", "exchange", press(Path("github-apps/press-play.html")), *files]) == 0
    path = Path("github-apps/press-play.store.json")
    assert json.loads(path.read_text()).keys() == {"app_id", "client_id", "private_key", "webhook_secret"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert "under apps/press-play/key" in capsys.readouterr().out


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--org", "a/b"], "expected an organization's name"),
        (["--webhook-url", "hooks.example.com"], "expected an address with its path"),
        (["-f", "long.yaml"], "GitHub takes at most 34 characters for an App's name"),
        (["-f", "quiet.yaml", "--webhook-url", HOOK], "events.enabled is false"),
        (["-f", "wrong.yaml"], "$.githb: unknown key"),
        (["-o", "long.yaml/x"], "expected a directory that can be written"),
        (["-f", "quiet.yaml", "exchange", "abcdefgh1"], "options of exchange stand behind it"),
        (["exchange", "a b"], "expected letters and digits"),
        (["exchange", "http://localhost/?state=x"], "the address has no code="),
        (["exchange", "http://localhost/?code=abcdefgh1"], "expected the file that `pressplay apps` wrote"),
    ],
)
def test_wrong_input_is_refused_with_what_to_do(arguments, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("long.yaml").write_text(f"agents: {{rex: {{githubApp: {'a' * 35}}}}}\n")
    Path("quiet.yaml").write_text("events: {enabled: false}\n")
    Path("wrong.yaml").write_text("githb: {}\n")
    assert main(["apps", *arguments]) == 2
    assert words in capsys.readouterr().err.replace("\n", " ")


def test_repositories_of_several_accounts_are_told(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("values.yaml").write_text("repositories: {acme/shop: {}, other/web: {}}\nevents: {enabled: false}\n")
    assert main(["apps", "-f", "values.yaml"]) == 0
    assert "of several accounts (acme, other)" in capsys.readouterr().err
