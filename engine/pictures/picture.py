"""What all drawings have in common: a picture for notebooks and files, and text for a terminal."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from engine.pictures.render import FORMATS, render, write


class Picture:
    """A picture in DOT, and what stands for it where there are only letters."""

    @property
    def text(self) -> str:
        """What print() shows of it."""
        raise NotImplementedError

    @property
    def source(self) -> str:
        """The picture in DOT, the language of Graphviz."""
        raise NotImplementedError

    def save(self, path: str | PathLike[str]) -> Path:
        """Save the picture in the format that the ending of the name says.

        Args:
            path: a file name that ends in .svg, .png, .pdf or .dot.

        Returns:
            The path.

        Raises:
            ValueError: if the ending is none of these.
            OSError: if the file cannot be written; nothing is left behind then.
            RuntimeError: if a program is missing; it says what to install.
        """
        target = Path(path)
        kind = target.suffix.lower().removeprefix(".")
        if kind not in FORMATS:
            endings = ", ".join(f".{known}" for known in FORMATS)
            raise ValueError(f"cannot save a drawing as {target.name!r}: end the name in {endings}")
        write(render(self.source, kind), target)
        return target

    def __str__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows, and a terminal that runs IPython."""
        return {"image/svg+xml": render(self.source, "svg").decode(), "text/plain": self.text}


def checked_direction(direction: str) -> str:
    """The direction of a drawing.

    Raises:
        ValueError: if there is no such direction.
    """
    if direction not in ("LR", "TB"):
        raise ValueError(f'direction is "LR" or "TB" (left to right, or down), not {direction!r}')
    return direction
