"""Sealed files (R5): what `task/seal.sh` writes only the harness opens."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pressplay.errors import InputError
from pressplay.gates.acceptance import sealing
from pressplay.gates.acceptance.sealing import SealingKey

pytestmark = pytest.mark.rule("R5")
NOW = 1_800_000_000.0
SEALED = ".press-play/independent.cms"


@pytest.fixture(scope="module")
def key() -> SealingKey:
    return sealing.new_key(NOW)


def seal(tmp_path: Path, key: SealingKey, text: bytes, *arguments: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "plan.yaml").write_bytes(text)
    (tmp_path / "seal.sh").write_text(sealing.script(key.certificate, SEALED))
    command = ["sh", "seal.sh", *(arguments or ("plan.yaml",))]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("text", [b"probes: []\n", b"\r\nprobes:\r\n", bytes(range(256)) * 256, b""])
def test_a_sealed_file_is_opened_byte_for_byte(tmp_path: Path, key: SealingKey, text: bytes) -> None:
    assert seal(tmp_path, key, text).returncode == 0
    sealed = (tmp_path / SEALED).read_bytes()
    assert not text or text[:12] not in sealed
    assert sealing.opened(sealed, key, "it") == text


def test_a_file_sealed_for_another_key_is_not_opened(tmp_path: Path, key: SealingKey) -> None:
    seal(tmp_path, sealing.new_key(NOW), b"probes: []\n")
    with pytest.raises(InputError, match=r"it: expected a file that `task/seal\.sh` sealed"):
        sealing.opened((tmp_path / SEALED).read_bytes(), key, "it")


@pytest.mark.parametrize("spoil", [lambda _s: b"", lambda s: s[:-1], lambda s: b"x" * len(s), lambda s: s + b"x"])
def test_what_is_no_sealed_file_is_an_error_and_nothing_worse(tmp_path: Path, key: SealingKey, spoil) -> None:
    seal(tmp_path, key, b"probes: []\n")
    with pytest.raises(InputError):
        sealing.opened(spoil((tmp_path / SEALED).read_bytes()), key, "it")


def test_the_script_says_what_it_needs(tmp_path: Path, key: SealingKey) -> None:
    done = seal(tmp_path, key, b"", "absent.yaml")
    assert (done.returncode, done.stderr) == (2, "usage: sh task/seal.sh FILE\n")


def test_the_private_half_is_wrapped_for_whoever_has_the_app_s_key_alone(key: SealingKey) -> None:
    wrapped = sealing.wrapped(key, b"a" * 32)
    assert "PRIVATE" not in wrapped
    assert sealing.unwrapped(key.certificate, wrapped, b"a" * 32) == key
    assert sealing.unwrapped(key.certificate, wrapped, b"b" * 32) is None
