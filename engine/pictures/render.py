"""From DOT to a picture: by the machine's `dot` if it has one, else by the Graphviz pip installed.

That one, graphviz-pure, is young, so that nothing else here depends on it: a program whose command
line is that of `dot`.
"""

from __future__ import annotations

import os
import shutil
from importlib import metadata
from pathlib import Path
from typing import Final

from engine.files import write_whole

FORMATS: Final = ("svg", "png", "pdf", "dot")
PIXELS: Final = ("-Gdpi=192", "-Gsize=30,30")  # twice a screen's density, 5,760 a side at most


def render(source: str, kind: str) -> bytes:
    """The picture of a DOT source, as the content of a file.

    Args:
        source: a graph in DOT.
        kind: one of FORMATS.

    Raises:
        RuntimeError: if no program can make it; it says what to install.
    """
    if kind == "dot":
        return source.encode()
    from graphviz.backend import dot_command, execute

    command = dot_command.command("dot", kind)
    command[0] = program(kind)  # all that is not left to the graphviz package
    command += PIXELS if kind == "png" else ()
    try:
        done = execute.run_check(command, input=source.encode(), capture_output=True, quiet=True)
    except execute.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"{command[0]} could not make the {kind}: {words}") from error
    return bytes(done.stdout)


def program(kind: str) -> str:
    """The Graphviz to run for a kind of file.

    Raises:
        RuntimeError: if there is none; it says what to install.
    """
    found = shutil.which("dot") or (None if kind == "pdf" else bundled())
    if found is None and kind == "pdf":
        raise RuntimeError(
            "a PDF needs the program `dot`: install Graphviz (apt install graphviz, brew install "
            "graphviz, or graphviz.org/download), or save as .svg or .png, which need nothing more"
        )
    if found is None:
        raise RuntimeError(
            f"there is no Graphviz to make the {kind}: pip install graphviz-pure, or save as .dot"
        )
    return found


def bundled() -> str | None:
    """The program graphviz-pure: where pip put it, even if that is not on the PATH."""
    try:
        files = metadata.files("graphviz-pure") or []
    except metadata.PackageNotFoundError:
        files = []
    installed = [str(file.locate()) for file in files if file.stem == "graphviz-pure"]
    return next(filter(os.path.exists, installed), None) or shutil.which("graphviz-pure")


def write(content: bytes, path: Path) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: if it cannot be written; nothing is left behind.
    """
    write_whole(path, content, "the drawing cannot be saved")
