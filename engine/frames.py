"""Whose code something is, and where in the user's own code something happens."""

from __future__ import annotations

import os
import sys
import sysconfig
import warnings
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final

# By folders, since a name would not tell: the user may have a package nn, or a file code.py.
FOLDER: Final = Path(__file__).parent
OURS: Final = tuple(f"{folder}{os.sep}" for folder in (FOLDER, FOLDER.parent / "nn"))
PYTHONS: Final = f"{sysconfig.get_path('stdlib')}{os.sep}"
INSTALLED: Final = tuple(PYTHONS + name for name in ("site-packages", "dist-packages"))
NO_FILES: Final = "built-in", "frozen"  # where Python has modules that come without a file


def is_ours(file: str) -> bool:
    """Whether a file belongs to the engine or to nn."""
    return file.startswith(OURS)


def is_library(file: str) -> bool:
    """Whether a file holds code that everybody knows: ours, Python's own, NumPy's."""
    if file.startswith(PYTHONS):
        return not file.startswith(INSTALLED) or file.startswith(numpys())
    return is_ours(file) or file in NO_FILES or file.startswith(numpys())


@cache
def numpys() -> str:
    """The folder of NumPy, which is not imported before somebody asks."""
    import numpy as np

    return f"{Path(np.__file__).parent}{os.sep}"


def file_of(code: Any) -> str:
    """Where a function, a class or a module was written; "" if nobody knows, as at a prompt."""
    if isinstance(code, ModuleType):
        return file_in(vars(code))
    variables = getattr(code, "__globals__", None)  # @wraps gives a function another's __module__
    if isinstance(variables, dict):
        return file_in(variables)
    return file_in({"__name__": getattr(code, "__module__", None)})


def file_in(variables: dict[str, Any]) -> str:
    """The file that has these variables, or a name at least: exec(text, {}) has none."""
    if "__file__" not in variables:
        module = sys.modules.get(str(variables.get("__name__")))
        variables = vars(module) if module else variables
    origin = getattr(variables.get("__spec__"), "origin", None)
    return str(variables.get("__file__") or origin or "")


def users_frame() -> FrameType:
    """The innermost frame outside of the engine and of nn: the user's line that is running."""
    frame: FrameType = sys._getframe(1)
    while frame.f_back is not None and is_ours(file_in(frame.f_globals)):
        frame = frame.f_back
    return frame


def warn(words: str) -> None:
    """A warning that points to the user's line."""
    frame = users_frame()
    seen: dict[Any, Any] = frame.f_globals.setdefault("__warningregistry__", {})
    name = frame.f_globals.get("__name__", "__main__")
    place = frame.f_code.co_filename, frame.f_lineno
    warnings.warn_explicit(words, UserWarning, *place, module=name, registry=seen)
