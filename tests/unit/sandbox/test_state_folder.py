"""The sandbox's folder: the demo's volumes in memory, and nothing left of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pressplay.sandbox import state_folder

pytestmark = pytest.mark.rule("R3")


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands in for the machine's memory."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(state_folder, "MEMORY", folder)
    return folder


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A sandbox's folder."""
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def test_volumes_are_kept_in_memory_by_their_owner_alone(directory: Path, memory: Path):
    state_folder.keep_volumes_in_memory(directory, 1)
    (made,) = memory.iterdir()
    assert (directory / "volumes").resolve() == made
    assert made.stat().st_mode & 0o777 == 0o700


def test_a_play_that_goes_on_keeps_its_volumes(directory: Path, memory: Path):
    state_folder.keep_volumes_in_memory(directory, 1)
    (directory / "volumes" / "claim").mkdir()
    state_folder.keep_volumes_in_memory(directory, 1)
    assert len(list(memory.iterdir())) == 1
    assert (directory / "volumes" / "claim").is_dir()


def test_after_a_restart_of_the_machine_the_volumes_are_made_again(directory: Path, memory: Path):
    state_folder.keep_volumes_in_memory(directory, 1)
    (lost,) = memory.iterdir()
    lost.rmdir()
    state_folder.keep_volumes_in_memory(directory, 1)
    (made,) = memory.iterdir()
    assert made != lost
    assert (directory / "volumes").is_dir()


def test_without_room_the_volumes_stay_on_the_disk(directory: Path, memory: Path):
    state_folder.keep_volumes_in_memory(directory, 2**60)
    assert list(memory.iterdir()) == []
    assert not (directory / "volumes").is_symlink()


def test_without_memory_the_volumes_stay_on_the_disk(directory: Path, memory: Path):
    memory.rmdir()
    state_folder.keep_volumes_in_memory(directory, 1)
    assert not (directory / "volumes").is_symlink()


@pytest.mark.parametrize("end", [state_folder.free_memory, state_folder.clear])
def test_nothing_is_left_in_memory(end, directory: Path, memory: Path):
    state_folder.keep_volumes_in_memory(directory, 1)
    (directory / "volumes" / "claim").mkdir()
    end(directory)
    assert list(memory.iterdir()) == []
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("name", ["press-play-volumes-x", "other"])
def test_a_folder_elsewhere_is_not_removed(name: str, directory: Path, memory: Path, tmp_path: Path):
    del memory
    elsewhere = tmp_path / name
    elsewhere.mkdir()
    (directory / "volumes").symlink_to(elsewhere)
    state_folder.clear(directory)
    assert elsewhere.is_dir()
