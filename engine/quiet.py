"""NumPy without warnings: in a batch, infinity and NaN are answers for one example among many."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any, Final, TypeVar

import numpy as np

T = TypeVar("T")

CONTEXTS: Final[list[Context]] = []  # at rest; each serves one call at a time


def quietly(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function; NumPy neither warns nor raises in it, whatever np.errstate says outside.

    A context that is kept takes a tenth of the time of `with np.errstate(all="ignore")`, which
    would be half the time of a small program. Other context variables have their defaults inside.

    >>> quietly(np.divide, 1.0, 0.0)
    np.float64(inf)
    """
    try:
        context = CONTEXTS.pop()  # which no other thread can pop too
    except IndexError:
        context = Context()
        context.run(np.seterr, all="ignore")
    try:
        return context.run(function, *arguments)
    finally:
        CONTEXTS.append(context)
