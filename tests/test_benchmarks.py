"""The benchmarks run. What they say of speed is for people to read: no test depends on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import engine

HERE = Path(__file__).resolve().parent


def test_every_benchmark_runs() -> None:
    home = Path(engine.__file__).parents[1]  # the same engine as here
    done = subprocess.run(
        [sys.executable, "-P", str(HERE / "benchmarks"), "--quick"],
        env=os.environ | {"PYTHONPATH": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for question in ("moons step", "scalar GPT step", "chain of", "import engine", "MNIST"):
        assert question in done.stdout
    kind = "compiled" if engine.compiled else "interpreted"
    assert f"engine {kind}" in done.stdout
