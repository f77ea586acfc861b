"""The elementary functions for each kind of number: the `xp` of the formulas of the table.

Python's floats raise where a function has no value; arrays go on with inf and NaN, as IEEE 754 has
it. Both are needed: a value that does not exist is an error, a partial that does not exist is inf
or NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Final

from engine.primitive import Primitive
from engine.rules import TABLE


class Elementary:
    """Elementary functions as attributes. One that is not given is computed by its row."""

    def __init__(self, functions: dict[str, Callable[..., Any]]) -> None:
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in TABLE:
            raise AttributeError(
                f"no elementary function is called {name!r}; the table has {', '.join(TABLE)}"
            )
        function = partial(TABLE[name].forward, self)
        setattr(self, name, function)
        return function


def power(a: float, b: float) -> float:
    """The power a ** b, but a ValueError where Python would slip into complex numbers."""
    result: float | complex = a**b
    if isinstance(result, complex):
        raise ValueError("math domain error")
    return result


def maximum(a: float, b: float) -> float:
    """The larger; NaN if either is, as in NumPy (the builtin's answer depends on the order)."""
    return a if a >= b or a != a else b


def minimum(a: float, b: float) -> float:
    """The smaller; NaN if either is."""
    return a if a <= b or a != a else b


def sign(x: float) -> float:
    """-1, 0 or 1; NaN for NaN."""
    return 1.0 if x > 0 else -1.0 if x < 0 else 0.0 if x == 0 else x


# What both the math module and NumPy have, the latter under the row's `numpy` name. Besides these,
# each kind of number gets what is given below for it; all other rows are computed from the two.
NAMES: Final = (
    "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "atan2",
    "sinh", "cosh", "tanh", "hypot",
)  # fmt: skip

FLOATS: Final = Elementary(
    {name: getattr(math, name) for name in (*NAMES, "erf", "erfc")}
    | {
        "pow": power,
        "maximum": maximum,
        "minimum": minimum,
        "sign": sign,
        "step": lambda x: x if x != x else float(x >= 0),
        "where": lambda condition, a, b: a if condition else b,
        "less": lambda a, b: float(a < b),
        "less_equal": lambda a, b: float(a <= b),
        "equal": lambda a, b: float(a == b),
    }
)


@cache
def arrays() -> Elementary:
    """The functions for arrays, made at first use: NumPy takes longer to import than the engine."""
    import numpy as np

    import engine.special as special

    return Elementary(
        {name: getattr(np, TABLE[name].numpy) for name in NAMES}
        | {
            "pow": np.power,
            "erf": special.erf,
            "erfc": special.erfc,
            "step": lambda x: np.heaviside(x, 1.0),
            **{name: getattr(np, name) for name in ("maximum", "minimum", "sign", "where")},
            **{name: getattr(np, name) for name in ("less", "less_equal", "equal")},
        }
    )


def extended(row: Primitive, k: int, y: float, x: Sequence[float]) -> float:
    """The partial of a row in IEEE 754 arithmetic: inf or NaN where Python's floats raise.

    >>> extended(TABLE["sqrt"], 0, 0.0, [0.0])
    inf
    """
    import numpy as np

    with np.errstate(all="ignore"):
        return float(row.partial(arrays(), k, np.float64(y), tuple(map(np.float64, x))))


def extended_value(row: Primitive, x: Sequence[float]) -> float:
    """The value of a row; inf or NaN where Python's floats raise.

    >>> extended_value(TABLE["log"], [0.0])
    -inf
    """
    try:
        return float(row.forward(FLOATS, *x))
    except (ArithmeticError, ValueError):
        import numpy as np

        with np.errstate(all="ignore"):
            return float(row.forward(arrays(), *map(np.float64, x)))
