"""Partials as graphs where floats would raise: their values are inf or NaN, as everywhere.

sqrt(x) at 0 has the derivative 0.5 / 0 = inf, and its second one is -inf. So the graph of a partial
that meets such a point is built anew by operations that never raise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from engine.elementary import extended_value
from engine.node import NO_LABEL
from engine.primitive import Primitive
from engine.rules import ROWS, TABLE
from engine.value import Value, as_value
from engine.variadic import many


class Extended:
    """A Value in a formula, with operators that give inf or NaN where those of Value raise."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value


def bare(given: Any) -> Any:
    """The Value or number in it."""
    return given.value if isinstance(given, Extended) else given


def apply(name: str, *operands: Any) -> Extended:
    """A row on Values and numbers, whether or not a float has a value there."""
    row = TABLE[name]
    nodes = [as_value(bare(each), name) for each in operands]
    y = extended_value(row, [node._data for node in nodes])
    code = ROWS.index(row)
    if row.variadic or len(nodes) > 2:
        return Extended(many(code, list(nodes), y))
    a, b = nodes[0]._data, nodes[-1]._data
    right = nodes[1] if len(nodes) == 2 else None
    return Extended(Value(None, NO_LABEL, code, nodes[0], right, y, a, b))


class Functions:
    """The `xp` of such formulas."""

    def __getattr__(self, name: str) -> Callable[..., Extended]:
        if name not in TABLE:
            raise AttributeError(name)
        return partial(apply, name)


def extended_graph(row: Primitive, k: int, y: Any, x: Sequence[Any]) -> Any:
    """The partial of a row as a graph, built where VALUES would raise.

    >>> from engine import sqrt
    >>> x = Value(0.0)
    >>> extended_graph(TABLE["sqrt"], 0, sqrt(x), [x])
    Value(inf)
    """
    return bare(row.partial(Functions(), k, Extended(y), tuple(map(Extended, x))))


def operator(name: str) -> tuple[Callable[..., Extended], Callable[..., Extended]]:
    """The operator of a row, and the same with its operands exchanged."""
    return lambda a, *b: apply(name, a, *b), lambda a, b: apply(name, b, a)


for _name in ("add", "sub", "mul", "div", "pow", "neg", "abs"):
    _symbol = "truediv" if _name == "div" else _name
    for _prefix, _operator in zip(("__", "__r"), operator(_name), strict=True):
        setattr(Extended, f"{_prefix}{_symbol}__", _operator)
