"""What the tests of demos share: no windows, and demos that run once for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest

from .checks import Run


@pytest.fixture(autouse=True, scope="module")
def _no_windows() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "agg")
        yield


@pytest.fixture(scope="module")
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a demo, once for each choice of options: what it prints, and its pictures' folder.

    It is as small as the constants make it that the file of the test has in SMALL.
    """
    small: dict[str, dict[str, object]] = getattr(request.module, "SMALL", {})

    @cache
    def run(name: str, *options: str) -> tuple[str, Path]:
        demo, folder = import_module(f"demos.{name}"), tmp_path_factory.mktemp(name)
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as said:
            for constant, value in small.get(name, {}).items():
                patch.setattr(demo, constant, value)
            demo.main(["--out", str(folder), *options])
        return said.getvalue(), folder

    return run
