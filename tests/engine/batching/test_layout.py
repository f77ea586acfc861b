"""How nodes are grouped into instructions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parents[3]
MIXED = """
from itertools import product
from engine import Value, logsumexp, record

p = [Value(0.1 * k) for k in range(3)]
mixtures = [m for m in product([0, 1], repeat=3) if len({*m}) == 2]
r = record(lambda x: [logsumexp([x[k] if m else p[k] for k, m in enumerate(each)])
                      for each in mixtures], p, example=([1.0, 2.0, 3.0],))
print(r)
"""


def test_every_process_has_the_same_program() -> None:
    """Shared and batched operands in several mixtures: their order may not hang on hash()."""
    listings = {
        subprocess.run(
            [sys.executable, "-c", MIXED],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=SOURCES,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    (listing,) = listings
    assert listing.count("logsumexp(") == 6
