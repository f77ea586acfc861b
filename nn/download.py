"""Files from the network, whole or not at all: resumed, verified, and then moved into place.

What has arrived is kept in a `.part` file beside the final name. An interrupted download goes on
from there, and a file gets its final name only after its checksum was right.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import sys
import zlib
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PATIENCE = 30  # seconds without a sign of life before the next mirror is tried
NOTHING_MISSING = 416  # HTTP: the range that was asked for begins at the end of the file


def cache_folder() -> Path:
    """Where downloads are kept: CHAINRULE_CACHE if it is set, else the system's place for caches.

    That is %LOCALAPPDATA% on Windows, ~/Library/Caches on macOS, and elsewhere what
    XDG_CACHE_HOME says or ~/.cache, and in it a folder `chainrule`. It is not made here.
    """
    chosen = os.environ.get("CHAINRULE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "chainrule")


def fetch(name: str, md5: str, folder: Path, mirrors: Sequence[str]) -> bytes:
    """The unpacked content of a file, from a folder if it is there, else from the network.

    A file in the folder that is damaged is downloaded again. The checksum is looked at whenever a
    file is read: programs that download at the same time may disturb each other, but none of them
    is handed a wrong file.

    Args:
        name: The file's name at the mirrors and in the folder, with .gz if it is packed.
        md5: The checksum of the unpacked content: mirrors may have packed it differently.
        folder: Where it is kept; made if need be.
        mirrors: Addresses ending in a slash, tried in this order.

    Raises:
        ConnectionError: if no mirror gave the file; what has come so far is kept.
        OSError: if it cannot be written into the folder.
    """
    final = folder / name
    if final.is_file():
        try:
            return verified(final, md5)
        except ValueError as damage:
            print(f"{final}: {damage}; it is downloaded again", file=sys.stderr)
    part = folder / f"{name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.open("ab").close()
    except OSError as error:
        advice = "set the environment variable CHAINRULE_CACHE to a folder that can be written"
        reason = f"{error.strerror}: downloads cannot be kept here; {advice}"
        raise OSError(error.errno, reason, str(folder)) from error  # PermissionError and its like
    print(f"downloading {name} into {folder}", file=sys.stderr)
    failures = []
    for mirror in mirrors:
        try:
            content = obtain(mirror + name, part, md5)
        except (OSError, HTTPException, ValueError) as error:
            failures.append(f"{mirror}{name}: {str(error) or type(error).__name__}")
        else:
            part.replace(final)
            return content
    raise ConnectionError("; ".join(failures) or f"{name}: there is no mirror to ask")


def obtain(url: str, part: Path, md5: str) -> bytes:
    """Complete the part file and verify it.

    Another mirror may have packed the same content into other bytes, and then the end of its file
    does not fit the beginning that is there: all of it is asked for once more.

    Raises:
        ValueError: if what has come is not the file that was expected; it is not kept.
        OSError: if the connection fails, of which HTTP's errors are a kind; what has come is kept.
    """
    resumed = part.is_file() and part.stat().st_size > 0
    receive(url, part)
    try:
        return verified(part, md5)
    except ValueError:
        part.unlink()
        if not resumed:
            raise
    return obtain(url, part, md5)


def receive(url: str, part: Path) -> None:
    """Add to the part file what is missing.

    A server may answer with the rest, with the whole file after all, or that nothing is missing.
    The bytes are counted, for a connection that ends too early looks like the end of the file.

    Raises:
        OSError: if the connection fails or ends too early; what has come by then is in the file.
    """
    start = part.stat().st_size if part.is_file() else 0
    request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        with urlopen(request, timeout=PATIENCE) as answer, part.open("ab") as file:
            if answer.status != 206:  # not partial content: the server sends all of it
                file.truncate(start := 0)
            shutil.copyfileobj(answer, file)
            file.flush()
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
            promised = answer.headers["Content-Length"]
    except HTTPError as error:
        error.close()
        if error.code != NOTHING_MISSING:
            raise
        return
    if promised is not None and size < start + int(promised):
        raise ConnectionError(f"the connection ended after {size} of {start + int(promised)} bytes")


def verified(path: Path, md5: str) -> bytes:
    """The unpacked content of a file; ValueError if it is not the one with this checksum."""
    content = unpacked(path.read_bytes())
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise ValueError(f"not the file that was expected (its md5 is {found} instead of {md5})")
    return content


def unpacked(content: bytes) -> bytes:
    """What gzip has packed, or else the bytes as they are; ValueError if they are damaged.

    >>> unpacked(gzip.compress(b"7")), unpacked(b"7")
    (b'7', b'7')
    """
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"damaged: {error}") from None
