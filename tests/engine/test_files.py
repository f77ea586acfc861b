"""A file is replaced as a whole: the old one or the new one is there, and nothing else."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.files import require_writable, write_whole

WHAT = "the letter cannot be sent"
posix = pytest.mark.skipif(sys.platform == "win32", reason="rights and links are others there")


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize("name", ["a", "ä" * 120, "n" * 255])
def test_a_file_is_written_whatever_its_name(name: str, tmp_path: Path) -> None:
    for content in (b"first", b"", b"second\r\n\0"):
        write_whole(tmp_path / name, content, WHAT)
        assert (tmp_path / name).read_bytes() == content
    assert names(tmp_path) == [name]


@posix
@pytest.mark.parametrize("rights", [0o600, 0o644, 0o755])
def test_the_rights_stay(rights: int, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(rights)
    write_whole(path, b"new", WHAT)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", rights)


@posix
def test_a_link_stays_a_link_even_into_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    link, target = tmp_path / "link", tmp_path / "folder" / "target"
    link.symlink_to(target)
    for content in (b"first", b"second"):
        write_whole(link, content, WHAT)
        assert link.is_symlink()
        assert target.read_bytes() == content
    assert names(tmp_path) == ["folder", "link"]


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_comes_between_leaves_the_old_file_alone(
    where: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"old")

    def fail(*given: object) -> None:
        (unfinished,) = set(names(tmp_path)) - {"letter.txt"}
        assert unfinished.startswith(".letter.txt.")
        assert unfinished.endswith(".part")
        raise error

    monkeypatch.setattr(os, where, fail)
    with pytest.raises(type(error)) as caught:
        write_whole(path, b"new", WHAT)
    if isinstance(error, OSError):
        words = f"[Errno 28] {WHAT}: No space left on device: {str(path)!r}"
        assert str(caught.value) == words
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["letter.txt"]


@pytest.mark.parametrize("attempt", [lambda path: write_whole(path, b"new", WHAT),
                                     lambda path: require_writable(path, WHAT)])  # fmt: skip
@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("", IsADirectoryError, "it is a folder, add the name of a file"),
        ("gone/a", FileNotFoundError, "there is no such folder, make it first"),
        ("file/a", OSError, ""),
        ("n" * 300, OSError, ""),
        ("nul\0", ValueError, "no file can be called"),
    ],
)
def test_where_nothing_can_be_written(
    name: str, error: type[Exception], words: str, attempt: Callable[[str], None], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(error, match=f"{WHAT}: {words}"):
        attempt(os.path.join(tmp_path, name))
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_or_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is a device and no file"):
        require_writable(tmp_path / "pipe", WHAT)
    with pytest.raises(OSError, match="it is a device and no file"):
        write_whole(tmp_path / "pipe", b"new", WHAT)
    assert (tmp_path / "pipe").is_fifo()
    assert names(tmp_path) == ["pipe"]


def test_a_trial_leaves_everything_as_it_was(tmp_path: Path) -> None:
    require_writable(tmp_path / "new", WHAT)
    assert names(tmp_path) == []
    (tmp_path / "old").write_bytes(b"old")
    require_writable(tmp_path / "old", WHAT)
    assert (tmp_path / "old").read_bytes() == b"old"
    assert names(tmp_path) == ["old"]
