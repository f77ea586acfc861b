"""Where in the user's own code something happens."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from types import FrameType
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
# By folders, since a name would not tell: there may be a package of the user's called nn too.
OURS: Final = tuple(f"{folder}{os.sep}" for folder in (FOLDER, FOLDER.parent / "nn"))


def users_frame() -> FrameType:
    """The innermost frame outside of the engine and of nn: the user's line that is running."""
    frame: FrameType = sys._getframe(1)
    while frame.f_back is not None and is_ours(frame):
        frame = frame.f_back
    return frame


def is_ours(frame: FrameType) -> bool:
    """Whether a frame runs code of the engine or of nn."""
    module = sys.modules.get(frame.f_globals.get("__name__") or "")  # exec(text, {}) has no name
    return (getattr(module, "__file__", None) or "").startswith(OURS)


def warn(words: str) -> None:
    """A warning that points to the user's line."""
    frame = users_frame()
    seen: dict[Any, Any] = frame.f_globals.setdefault("__warningregistry__", {})
    name = frame.f_globals.get("__name__", "__main__")
    place = frame.f_code.co_filename, frame.f_lineno
    warnings.warn_explicit(words, UserWarning, *place, module=name, registry=seen)
