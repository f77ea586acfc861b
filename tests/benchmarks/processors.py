"""How many processors both sides of a race may use.

NumPy's BLAS always has one: on processors that others use too, its threads wait for each other.
What we share among threads ourselves heeds OMP_NUM_THREADS, which is looked up each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "OMP_NUM_THREADS"
OF_BLAS = "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"


def begin() -> None:
    """Before NumPy is imported, whose BLAS looks only then: one thread."""
    os.environ |= dict.fromkeys((VARIABLE, *OF_BLAS), "1")


@contextmanager
def threads(several: bool) -> Iterator[None]:
    """Inside, we have one thread, or as many as we take unasked."""
    before = os.environ.pop(VARIABLE, None)
    if not several:
        os.environ[VARIABLE] = "1"
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)
        if before is not None:
            os.environ[VARIABLE] = before
