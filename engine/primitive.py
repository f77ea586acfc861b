"""What a row of the table holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

Point = tuple[float, ...]
Formula = Callable[..., Any]


class Primitive:
    """One row of the table: a function that the engine knows how to differentiate.

    Args:
        name: what it is called in Python.
        symbol: what stands for it in a drawing.
        latex: its LaTeX.
        domain: an interval per argument from which tests draw points; one if it is variadic.
        doc: what it is, in a few words.
        forward: the value, `forward(xp, *x)`.
        partials: a `partial(xp, y, *x)` for each argument; one `partial(xp, k, y, x)` if variadic.
        needs: what the arguments must satisfy for the value to exist; "" if nothing.
        kinks: points of interest, each with the partials that the policy of rules.py gives there.
        defaults: values of arguments that may be left out, from the right.
        numpy: what NumPy calls it, where that is another name.
        variadic: whether it takes any number of arguments.
        selects: whether a partial of 0 means that the argument was not chosen. It is handed nothing
            then, so that no infinity further down becomes 0 * inf = NaN.
    """

    __slots__ = (
        "name", "symbol", "latex", "domain", "doc", "forward", "partials",
        "needs", "kinks", "defaults", "numpy", "variadic", "selects", "arguments",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        symbol: str,
        latex: str,
        domain: Sequence[tuple[float, float]],
        doc: str,
        forward: Formula,
        *partials: Formula,
        needs: str = "",
        kinks: Mapping[Point, Point] | None = None,
        defaults: Point = (),
        numpy: str = "",
        variadic: bool = False,
        selects: bool = False,
    ) -> None:
        if not isinstance(forward, FunctionType):  # a builtin does not tell its arguments
            raise TypeError(f"write the value of {name} as lambda xp, x: ..., not as {forward!r}")
        code = forward.__code__
        starred = bool(code.co_flags & 4)  # inspect.CO_VARARGS; inspect is slow to import
        self.name, self.symbol, self.latex, self.domain, self.doc = name, symbol, latex, domain, doc
        self.forward: Formula = forward
        self.partials, self.needs, self.kinks = partials, needs, kinks or {}
        self.defaults, self.numpy, self.variadic = defaults, numpy or name, variadic
        self.selects = selects
        self.arguments = code.co_varnames[1 : code.co_argcount + starred]
        counts = (len(self.arguments), len(partials), len(domain))
        if (
            starred != variadic
            or code.co_kwonlyargcount
            or len({*counts}) > 1
            or counts[0] < max(1, len(defaults))
        ):
            raise ValueError(
                f"the row of {name} has {counts[0]} arguments, {counts[1]} partials and "
                f"{counts[2]} intervals: give one of each and at most one default per argument, "
                "and variadic=True for *x"
            )

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def partial(self, xp: Any, k: int, y: Any, x: Sequence[Any]) -> Any:
        """The derivative in argument k (from 0) at the point x, where the value is y."""
        return self.partials[0](xp, k, y, x) if self.variadic else self.partials[k](xp, y, *x)

    def tex(self, *operands: str) -> str:
        r"""Its LaTeX with the operands filled in.

        >>> from engine.rules import TABLE
        >>> print(TABLE["div"].tex("x + y", "z"))
        \frac{x + y}{z}
        """
        names = {"#*": ", ".join(operands)} | {f"#{k}": each for k, each in enumerate(operands, 1)}
        return re.sub(r"#[*\d]", lambda found: names[found[0]], self.latex)

    def call(self, *operands: str) -> str:
        """Its Python expression with the operands filled in.

        >>> from engine.rules import TABLE
        >>> TABLE["sub"].call("a", "2.0"), TABLE["tanh"].call("a")
        ('a - 2.0', 'tanh(a)')
        """
        if self.symbol in ("+", "-", "*", "/", "**") and len(operands) == 2:
            return f"{operands[0]} {self.symbol} {operands[1]}"
        if self.name == "neg":
            return f"-{operands[0]}"
        return f"{self.name}({', '.join(operands)})"
