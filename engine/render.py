"""From DOT to a picture: by the `dot` that the machine has, or else by the Graphviz that pip installed with us."""

from __future__ import annotations

import shutil
from importlib import metadata
from typing import Final

RESOLUTION: Final = (
    "192"  # dots per inch in a PNG, twice a screen's, so that it stays sharp on a slide
)


def render(source: str, kind: str) -> bytes:
    from graphviz.backend import dot_command, execute

    command = dot_command.command("dot", kind)
    command[0] = program(kind)
    if kind == "png":
        command.append(f"-Gdpi={RESOLUTION}")
    return execute.run_check(command, input=source.encode(), capture_output=True, quiet=True).stdout


def program(kind: str) -> str:
    return shutil.which("dot") or installed()


def installed() -> str:
    for file in metadata.files("graphviz-pure") or []:
        if file.stem == "graphviz-pure":
            return str(file.locate())
