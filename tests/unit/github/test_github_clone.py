"""Commits fetched over real HTTP from the forge, and written out so that nothing in them can do harm."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path

import pytest
from github_world import REPO

from pressplay.errors import InputError, TryAgain
from pressplay.github import contents, refs
from pressplay.github.clone import Clone
from pressplay.github.committed import Unreadable
from pressplay.github.files import Files
from pressplay.github.remote import Remote


@pytest.fixture
def served(github_world):
    server = github_world.forge.serve()
    yield github_world, f"{server.url}/{REPO}.git"
    server.close()


def token(world) -> str:
    return world.access.token("press-play", REPO, {"contents": "read"})


@pytest.mark.rule("R9")
def test_two_commits_come_without_their_history_and_no_token_stays(served, tmp_path):
    world, url = served
    gh = world.client("rex")
    base = refs.head(gh, REPO, contents.default_branch(gh, REPO))
    head = world.branch("work", {"src/new.py": b"x = 1\n"})
    older = world.branch("work", {"src/new.py": b"x = 2\n"}, base=head)
    secret = token(world)
    clone = Clone(tmp_path / "git")
    clone.fetch(Remote(url, secret), [older, base])
    assert clone.tree(older).content("src/new.py") == b"x = 2\n"
    assert clone.differing(base, older) == ["src/new.py"]
    assert (tmp_path / "git" / "shallow").read_text().split() == sorted([older, base])
    held = b"".join(file.read_bytes() for file in (tmp_path / "git").rglob("*") if file.is_file())
    assert secret.encode() not in held
    assert b"x-access-token" not in held
    # What is there is not asked for again.
    clone.fetch(Remote("http://127.0.0.1:1/nowhere.git", secret), [older])


def test_a_commit_that_is_not_there_a_wrong_token_and_no_answer_are_told_apart(served, tmp_path):
    world, url = served
    clone = Clone(tmp_path / "git")
    head = refs.head(world.client("rex"), REPO, "main")
    with pytest.raises(TryAgain):
        # libgit2 can't tell this from an answer that broke off.
        clone.fetch(Remote(url, token(world)), ["0123456789" * 4])
    with pytest.raises(InputError, match="token"):
        clone.fetch(Remote(url, "ghs_not_a_token"), [head])
    with pytest.raises(TryAgain):
        clone.fetch(Remote("http://127.0.0.1:1/acme/shop.git", "x"), [head])
    clone.fetch(Remote(url, token(world)), [head])


def test_a_tree_gives_plain_files_alone(served, tmp_path):
    world, _ = served
    gh = world.client("rex")
    head = world.branch("work", {"a/b.txt": b"text", "large": b"x" * 1_000_001, "binary": b"\xff"})
    clone = Clone(tmp_path / "git")
    clone.fetch(Remote(str(world.forge.git_path(REPO))), [head])
    tree = clone.tree(head)
    assert tree.names("") >= {"README.md", "a", "large"}
    assert tree.names("a") == {"b.txt"}
    assert tree.names("nowhere") == tree.names("README.md") == frozenset()
    assert tree.folders("") == ("a", "src")
    assert tree.content("a/b.txt") == b"text"
    assert tree.content("large", 1_000_001) == b"x" * 1_000_001
    # Absent and unreadable differ.
    assert [tree.content(path) for path in ("a", "nowhere", "")] == [None] * 3
    with pytest.raises(Unreadable, match="large: larger than 1,000,000 bytes"):
        tree.content("large")
    modes = Files(gh, REPO, head)
    assert [modes.mode(path) for path in ("a/b.txt", "a", "nowhere", "a/nowhere", "nowhere/x", "README.md")] == [
        "100644", None, None, None, None, "100644",
    ]  # fmt: skip


def commit(folder: Path, world, **links: str) -> str:
    """A commit with symbolic links (path → target), a submodule and attributes, as git itself would make it."""
    import pygit2
    from pygit2.enums import FileMode

    repository = pygit2.Repository(str(world.forge.git_path(REPO)))
    index = pygit2.Index()
    index.read_tree(repository.head.peel(pygit2.Tree))
    files = {".gitattributes": b"*.py text eol=crlf export-ignore\n*.bin filter=lfs\n", "large.bin": b"version lfs\n"}
    for path, content in files.items():
        index.add(pygit2.IndexEntry(path, repository.create_blob(content), FileMode.BLOB))
    for path, target in links.items():
        index.add(pygit2.IndexEntry(path, repository.create_blob(target.encode()), FileMode.LINK))
    index.add(pygit2.IndexEntry("module", pygit2.Oid(hex="0123456789" * 4), FileMode.COMMIT))
    who = pygit2.Signature("a", "a@example.test")
    parents = [repository.head.target]
    return str(repository.create_commit("refs/heads/odd", who, who, "odd", index.write_tree(repository), parents))


def test_a_checkout_holds_the_bytes_that_were_committed_and_follows_no_link(github_world, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    head = commit(tmp_path, github_world, linked="/etc/hostname", **{".cargo": str(outside), "ruff.toml": str(outside)})
    clone = Clone(tmp_path / "git")
    clone.fetch(Remote(str(github_world.forge.git_path(REPO))), [head])
    tree, into = clone.tree(head), tmp_path / "checkout"
    for path, why in (("linked", "a symbolic link"), ("module", "a submodule")):
        with pytest.raises(Unreadable, match=f"{path}: {why}"):
            tree.content(path)
    assert tree.target("linked") == "/etc/hostname"
    assert {tree.entries[path].kind for path in ("linked", "module", "large.bin")} == {"link", "submodule", "file"}
    assert tree.names("module") == frozenset()
    into.mkdir()
    instead = {".cargo/config.toml": b"[net]\n", "ruff.toml": b"x = 1\n", "src/app.py": None, "README.md/under": b"y"}
    clone.check_out(head, instead, into)
    found = {str(path.relative_to(into)): path for path in into.rglob("*")}
    assert found["linked"].is_symlink()
    assert found["linked"].readlink() == Path("/etc/hostname")
    assert not found[".cargo"].is_symlink()
    assert found[".cargo/config.toml"].read_bytes() == b"[net]\n"
    assert found["ruff.toml"].read_bytes() == b"x = 1\n"
    assert found["README.md/under"].read_bytes() == b"y"
    assert "src/app.py" not in found
    # No filter, no submodule, nothing left out of an archive.
    assert found["large.bin"].read_bytes() == b"version lfs\n"
    assert not [path for path in found if path.startswith("module/")]
    assert ".git" not in found
    assert list(outside.iterdir()) == []


def test_a_checkout_that_cannot_be_written_says_so(github_world, tmp_path):
    head = refs.head(github_world.client("rex"), REPO, "main")
    clone = Clone(tmp_path / "git")
    clone.fetch(Remote(str(github_world.forge.git_path(REPO))), [head])
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="could not be written"):
        clone.check_out(head, {}, tmp_path / "file")


class Stumbling(http.server.BaseHTTPRequestHandler):
    """A forge that answers every request with one status."""

    status = 502

    def do_GET(self):
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.rule("R2")
@pytest.mark.parametrize(
    ("status", "fault"), [(500, TryAgain), (502, TryAgain), (429, TryAgain), (403, InputError), (404, InputError)]
)
def test_a_forge_that_stumbles_is_asked_again_and_one_that_refuses_is_not(tmp_path, status, fault):
    handler = type("Handler", (Stumbling,), {"status": status})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(fault, match="git fetch from"):
            Clone(tmp_path / "git").fetch(
                Remote(f"http://127.0.0.1:{server.server_port}/a/b.git", "x"), ["0123456789" * 4]
            )
        server.shutdown()


@pytest.mark.rule("R5")
def test_two_commits_are_merged_here_alone_and_what_conflicts_is_named(served, tmp_path):
    world, url = served
    base = world.branch("base", {"a.txt": b"one\n", "b.txt": b"b\n"})
    first = world.branch("ours", {"a.txt": b"one\nours\n"}, base=base)
    aside = world.branch("aside", {"b.txt": b"b\naside\n"}, base=base)
    against = world.branch("against", {"a.txt": b"one\nagainst\n"}, base=base)
    clone = Clone(tmp_path / "git")
    clone.fetch(Remote(url, token(world)), [base, first, aside, against])

    merged = clone.merge(base, first, aside)
    assert merged.conflicts == ()
    tree = clone.tree(merged.tree)
    assert (tree.content("a.txt"), tree.content("b.txt")) == (b"one\nours\n", b"b\naside\n")
    assert clone.differing(first, merged.tree) == ["b.txt"]
    (tmp_path / "out").mkdir()
    clone.check_out(merged.tree, {}, tmp_path / "out")
    assert (tmp_path / "out" / "b.txt").read_bytes() == b"b\naside\n"
    # The same tree has the same id, whichever commits it is of.
    assert clone.merge(base, aside, first).tree == merged.tree

    assert clone.merge(base, first, against).conflicts == ("a.txt",)
    assert clone.merge(base, first, against).tree == ""
