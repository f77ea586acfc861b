"""How many processors both sides of a race may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from engine.batching.threads import processors

VARIABLE = "OMP_NUM_THREADS"  # which we heed ourselves, each time; BLAS reads it once
OF_BLAS = VARIABLE, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"
CAN_CHANGE = find_spec("threadpoolctl") is not None


def begin() -> None:
    """Before NumPy is imported: one thread for good, if there is no way to change it later."""
    if not CAN_CHANGE:
        os.environ |= dict.fromkeys(OF_BLAS, "1")


@contextmanager
def threads(several: bool) -> Iterator[None]:
    """Inside, NumPy's BLAS and we have one thread, or one for each processor, as unasked."""
    if not CAN_CHANGE:
        yield
        return
    from threadpoolctl import threadpool_limits

    before = os.environ.get(VARIABLE)
    count = processors() if several else 1
    os.environ[VARIABLE] = str(count)
    try:
        with threadpool_limits(count, "blas"):
            yield
    finally:
        del os.environ[VARIABLE]
        if before is not None:
            os.environ[VARIABLE] = before
