"""The benchmarks run. What they say of speed is for people to read: no test depends on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import engine

HERE = Path(__file__).resolve().parent
RECORDED = {  # which of these can be asked depends on the peers
    "recording": "nodes of * and +",
    "moons_batch": "moons step recorded",
    "network": "784-16-16-10 SGD step",
    "point": "MLP 2-16-16-1",
    "long": "serial chain",
    "rosenbrock": "Rosenbrock",
    "options": "Black-Scholes",
    "names_gpt": "GPT step with Adam",
    "cost": "Hessian times vector",
}


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
    for name, question in RECORDED.items():
        assert question in done.stdout or f"{name} skipped: " in done.stdout, name
    kind = "compiled" if engine.compiled else "interpreted"
    assert f"engine {kind}" in done.stdout
