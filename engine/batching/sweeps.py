"""Which streams are computed by a sweep, all of a chunk in one call, where the engine is compiled.

A call of NumPy holds the interpreter's lock while it looks at its arguments. In a sweep,
engine/native/sweep.h runs NumPy's own loops one after the other without it: chunks can be as small
as the nearest cache, and threads work at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine import special
from engine.batching.kernels import maximum, minimum
from engine.batching.operations import ELEMENTWISE

try:
    from engine.batching.bundle import Sweep, tabulate
except ImportError:  # installed as plain Python
    Sweep = None  # type: ignore[assignment,misc]

Step = tuple[Callable[..., Any], tuple[int, ...]]  # a function, and the rows of its operands


def add_up(each: NDArray[Any], total: NDArray[Any]) -> None:
    """Add the examples of a chunk to a total."""
    np.add(total, np.add.reduce(each), total)


OWN: Final = {**ELEMENTWISE, minimum: "minimum", maximum: "maximum"}


def swept(steps: Sequence[Step], rows: int, callers: int, dtype: Any) -> Sweep | None:
    """The same steps as a sweep over so many rows, the caller's first; None if it cannot do one."""
    if Sweep is None:
        return None
    single = np.dtype(dtype) == np.float32
    operations = [each for step in steps for each in translated(*step, single)]
    try:
        return Sweep(operations, rows, callers, single)
    except ValueError:  # NumPy does not give away a loop
        return None


def translated(
    function: Callable[..., Any], places: tuple[int, ...], single: bool
) -> list[tuple[Any, tuple[int, ...]]]:
    """A step as operations of a sweep: their names, or functions of NumPy."""
    if function is special.erf:
        tables = special.grid("d")
        tabulate(int(tables.first), tables.erf, tables.slope, np.array(special.P, np.float32))
        if not single:
            return [("erf", places)]
        out = places[-1]
        return [("erf_argument", places), (np.tanh, (out, out))]
    if function is add_up:
        terms, total = places
        return [(np.add, (total, terms, total))]  # which NumPy's loop takes for a sum, by halves
    return [(OWN.get(function, function), places)]
