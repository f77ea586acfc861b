"""Files that are replaced as a whole: whatever happens, the old one or the new one is there.

What is written first goes to a file beside the target, called `.NAME.….part`. A process that is
killed meanwhile leaves it behind; it can be removed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EINVAL, EISDIR
from os import PathLike
from pathlib import Path
from secrets import token_hex
from typing import Final

LONGEST: Final = 40  # letters of the name that the unfinished file shares with the target


def write_whole(path: str | PathLike[str], content: bytes, what: str) -> None:
    """Put a whole new file in the place of the old one, with its rights; a link stays a link.

    Args:
        path: where to.
        content: all of it.
        what: how an error begins, such as "the drawing cannot be saved".

    Raises:
        OSError: if it cannot be written; nothing has changed, and nothing is left behind.
        ValueError: if no file can have that name.
    """
    with explained(path, what):
        target, rights = examined(path)
        unfinished = beside(target)
        try:
            with open(unfinished, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # the numbers reach the disk before the name
            if rights is not None:
                os.chmod(unfinished, rights)
            os.replace(unfinished, target)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise


def require_writable(path: str | PathLike[str], what: str) -> None:
    """Find out beforehand whether `write_whole` could do it, by a trial that leaves nothing behind.

    Args, Raises: as for `write_whole`.
    """
    with explained(path, what):
        unfinished = beside(examined(path)[0])
        try:
            unfinished.touch(exist_ok=False)
        finally:
            with suppress(OSError):
                unfinished.unlink()


def examined(path: str | PathLike[str]) -> tuple[Path, int | None]:
    """What a path leads to, and the rights of the file that is there; None if there is none.

    Raises:
        OSError: if something else than a file is there, which must not be replaced.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return target, None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(EISDIR, "it is a folder, add the name of a file")
    if not stat.S_ISREG(mode):
        raise OSError(EINVAL, "it is a device and no file, choose another name")
    return target, stat.S_IMODE(mode)


def beside(target: Path) -> Path:
    """A name in the same folder that nobody else has, and that tells what it is."""
    return target.with_name(f".{target.name[:LONGEST]}.{token_hex(8)}.part")


@contextmanager
def explained(path: str | PathLike[str], what: str) -> Iterator[None]:
    """Errors inside say what could not be done, and where."""
    try:
        yield
    except OSError as error:
        reason = error.strerror
        if isinstance(error, FileNotFoundError):
            reason = "there is no such folder, make it first"
        raise type(error)(error.errno, f"{what}: {reason}", os.fspath(path)) from None
    except ValueError as error:  # a NUL in the name
        raise ValueError(f"{what}: no file can be called {os.fspath(path)!r}: {error}") from None
