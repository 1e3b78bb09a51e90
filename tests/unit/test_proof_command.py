"""`pressplay proof` on files: what it says, and its exit status."""

from __future__ import annotations

import json
import stat

import pytest
import yaml
from proof_documents import HEAD, honest

from pressplay.cli import main
from pressplay.gates.proof import signing


@pytest.fixture
def files(tmp_path):
    private = signing.new_private_key()
    public = signing.public_key(private, "key")
    (tmp_path / "key.pem").write_text(public.pem)
    (tmp_path / "other.pem").write_text(signing.public_key(signing.new_private_key(), "key").pem)
    (tmp_path / "proof.json").write_text(signing.sign(honest(), private, "key") + "\n")
    (tmp_path / "bad.json").write_text((tmp_path / "proof.json").read_text().replace('"sig":"', '"sig":"AAAA'))
    (tmp_path / "none.json").write_text("no proof")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["proof.json", "--key", "key.pem", "--commit", HEAD], 0, f"verified: commit {HEAD} of pull request 7"),
        (["proof.json", "--key", "other.pem", "--key", "key.pem"], 0, "which commit it had to be about was not given"),
        (["proof.json", "--key", "key.pem", "--commit", "0" * 40], 1, "not 0000"),
        (["proof.json", "--key", "other.pem"], 1, "none of those given"),
        (["bad.json", "--key", "key.pem"], 1, "something changed it"),
        (["none.json", "--key", "key.pem"], 2, "expected JSON"),
        (["absent.json", "--key", "key.pem"], 2, "No such file"),
        (["proof.json", "--key", "absent.pem"], 2, "No such file"),
        (["proof.json", "--key", "none.json"], 2, "expected a public key in PEM"),
        (["proof.json", "--key", "key.pem", "--commit", "main"], 2, "expected a whole commit id"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_verify_says_what_is_wrong(files, monkeypatch, capsys, arguments, status, expected, as_json):
    monkeypatch.chdir(files)
    assert main(["proof", "verify", *arguments, *(["--json"] if as_json else [])]) == status
    streams = capsys.readouterr()
    if not as_json:
        assert expected in streams.out + streams.err
        return
    result = json.loads(streams.out or '{"verified": false}')
    assert result["verified"] is (status == 0)
    if status == 1:
        assert expected in result["problem"]


def test_show_prints_only_what_is_verified(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    assert main(["proof", "show", "proof.json", "--key", "other.pem"]) == 1
    assert capsys.readouterr().out == ""
    assert main(["proof", "show", "proof.json", "--key", "key.pem"]) == 0
    assert "Add a total to the cart" in capsys.readouterr().out


@pytest.mark.rule("R9")
def test_a_new_key_is_in_a_file_that_nobody_else_reads(tmp_path, capsys):
    folder = tmp_path / "keys"
    assert main(["proof", "key", "-o", str(folder), "-n", "team-a", "--name", "proofs"]) == 0
    printed, file = capsys.readouterr().out, folder / "proof-key.secret.yaml"
    secret = yaml.safe_load(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (secret["metadata"]["name"], secret["metadata"]["namespace"]) == ("proofs", "team-a")
    private = secret["stringData"]["private-key"]
    public = signing.read_public_key((folder / "proof-key.pem").read_bytes(), "key")
    assert signing.public_key(private, "key") == public
    assert public.id in printed
    assert "PRIVATE" not in printed
