"""What the tests of demos share: no windows, and demos that run once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest

from .checks import SMALL, WORDS, Run


@pytest.fixture(autouse=True, scope="session")
def _no_windows() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "agg")
        yield


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a demo in a small size, once for each choice of options.

    It returns what the demo prints, and its pictures' folder.
    """

    @cache
    def run(name: str, *options: str) -> tuple[str, Path]:
        demo, folder = import_module(f"demos.{name}"), tmp_path_factory.mktemp(name)
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as said:
            for constant, value in SMALL.get(name, {}).items():
                patch.setattr(demo, constant, value)
            demo.main(["--out", str(folder), *(options or WORDS.get(name, []))])
        return said.getvalue(), folder

    return run
