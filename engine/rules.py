"""The table: every primitive once, one row each.

A row states a function and its partial derivatives as formulas in `xp`, which holds the elementary functions
for the kind of number at hand (`elementary.py`). The kind of number that a formula is handed decides what
comes back: floats give numbers, Values give a graph (differentiation to higher order), arrays give a whole
batch, and mpmath's numbers give the tests their reference. So a new primitive is one new row: eager values,
gradients, drawings, LaTeX and the property tests follow from it.

How to read a row:

* `forward(xp, *x)` is the value. It raises only where the value does not exist.
* The k-th partial, `partial(xp, y, *x)`, is the derivative with respect to argument k; y is the value. Where it
  is infinite or undefined it is inf or NaN.
* A variadic row, of any number of arguments, has one `partial(xp, k, y, x)` for argument k. There x is one tuple:
  to unpack a thousand arguments for each of a thousand partials would take a million steps.
* No formula asks a Python `if` about its numbers, so that arrays and graphs can pass through it.
* In LaTeX, #1, #2 are the arguments, as in a TeX macro, and #* is all of them.

Where a function has a kink, its row takes the useful subgradient: that of PyTorch and JAX where those agree.
`kinks` lists such points with the partials there, and the tests hold the row to them.

| where                         | partial                                                                    |
|-------------------------------|----------------------------------------------------------------------------|
| abs, relu, sign, step at 0    | 0 (step itself is 1 for x >= 0: the lecture's perceptron needs it at 0)    |
| leaky_relu at 0               | its slope                                                                  |
| hypot, atan2 at (0, 0)        | 0, 0                                                                       |
| pow at (0, 0)                 | 0, 0; and 0 ** b has derivative 0 in b                                     |
| maximum, minimum at a tie     | half and half; also where one is NaN, which is neither larger nor smaller  |
| sqrt at 0, asin, acos at +-1  | infinite; in sqrt of the sign of the zero, for 0.5 / -0.0 is -inf          |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf, nan, pi, sqrt
from types import FunctionType
from typing import Any, Final

Point = tuple[float, ...]
Formula = Callable[..., Any]


class Primitive:
    """One row of the table: a function that the engine knows how to differentiate.

    Args:
        name: what it is called in Python.
        symbol: what stands for it in a drawing.
        latex: its LaTeX.
        domain: an interval per argument from which tests draw points; one for all if it is variadic.
        doc: what it is, in a few words.
        forward: the value, `forward(xp, *x)`.
        partials: a `partial(xp, y, *x)` for each argument; one `partial(xp, k, y, x)` if it is variadic.
        needs: what the arguments must satisfy for the value to exist; "" if nothing.
        kinks: points of interest, each with the partials that the policy above gives there.
        defaults: values of arguments that may be left out, from the right.
        numpy: what NumPy calls it, where that is another name.
        variadic: whether it takes any number of arguments.
    """

    __slots__ = (
        "name", "symbol", "latex", "domain", "doc", "forward", "partials",
        "needs", "kinks", "defaults", "numpy", "variadic", "arguments",
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
    ) -> None:
        if not isinstance(forward, FunctionType):  # a builtin does not tell its arguments
            raise TypeError(f"write the value of {name} as lambda xp, x: ..., not as {forward!r}")
        code = forward.__code__
        starred = bool(code.co_flags & 4)  # inspect.CO_VARARGS; inspect is slow to import
        self.name, self.symbol, self.latex, self.domain, self.doc = name, symbol, latex, domain, doc
        self.forward: Formula = forward
        self.partials, self.needs, self.kinks = partials, needs, kinks or {}
        self.defaults, self.numpy, self.variadic = defaults, numpy or name, variadic
        self.arguments = code.co_varnames[1 : code.co_argcount + starred]
        counts = (len(self.arguments), len(partials), len(domain))
        if (
            starred != variadic
            or code.co_kwonlyargcount
            or len({*counts}) > 1
            or counts[0] < max(1, len(defaults))
        ):
            raise ValueError(
                f"the row of {name} has {counts[0]} arguments, {counts[1]} partials and {counts[2]} "
                "intervals: give one of each and at most one default per argument, and variadic=True for *x"
            )

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def partial(self, xp: Any, k: int, y: Any, x: Sequence[Any]) -> Any:
        """The derivative with respect to argument k (from 0) at the point x, where the value is y."""
        return self.partials[0](xp, k, y, x) if self.variadic else self.partials[k](xp, y, *x)

    def tex(self, *operands: str) -> str:
        r"""Its LaTeX with the operands filled in.

        >>> print(TABLE["div"].tex("x + y", "z"))
        \frac{x + y}{z}
        """
        names = {"#*": ", ".join(operands)} | {f"#{k}": each for k, each in enumerate(operands, 1)}
        return re.sub(r"#[*\d]", lambda found: names[found[0]], self.latex)

    def call(self, *operands: str) -> str:
        """Its Python expression with the operands filled in.

        >>> TABLE["sub"].call("a", "2.0"), TABLE["tanh"].call("a")
        ('a - 2.0', 'tanh(a)')
        """
        if self.symbol in ("+", "-", "*", "/", "**") and len(operands) == 2:
            return f"{operands[0]} {self.symbol} {operands[1]}"
        if self.name == "neg":
            return f"-{operands[0]}"
        return f"{self.name}({', '.join(operands)})"


# --- formulas too long for a row ---


def total(terms: Iterable[Any]) -> Any:
    """The sum from left to right; the builtin one compensates floats from Python 3.12 on, and starts from 0."""
    terms = iter(terms)
    result = next(terms, 0.0)
    for term in terms:
        result = result + term
    return result


def nonzero(xp: Any, x: Any) -> Any:
    """x, or 1 where x is 0: the divisor of a quotient that is to be 0 at 0 / 0."""
    return xp.where(xp.equal(x, 0), 1, x)


def power_below(xp: Any, a: Any, b: Any) -> Any:
    """b - 1, the exponent of pow's derivative; 1 where b is 0 and a so small that 0 * a ** -1 fails to be 0."""
    return xp.where(xp.equal(b, 0) * xp.less(abs(a), 1e-300), 1, b - 1)


def below(xp: Any, a: Any, b: Any) -> Any:
    """1 where a < b, 0 where a > b, and half where neither is: at a tie, or with NaN among them."""
    return 0.5 * (1 + xp.less(a, b) - xp.less(b, a))


def within(xp: Any, x: Any) -> Any:
    """x, but no further out than +-40: there the tails of gelu are 0 already, and inf * 0 would be NaN."""
    return xp.minimum(xp.maximum(x, -40.0), 40.0)


def weighted_sum(xp: Any, *operands: Any) -> Any:
    """b + w1 x1 + ... + wn xn. The operands are w1..wn, x1..xn and, where their number is odd, b."""
    n = len(operands) // 2
    return total([*operands[2 * n :], *map(lambda w, x: w * x, operands[:n], operands[n : 2 * n])])


def weighted_sum_partial(xp: Any, k: int, y: Any, operands: tuple[Any, ...]) -> Any:
    """Of a weight: its input. Of an input: its weight. Of the bias: 1."""
    n = len(operands) // 2
    return operands[k + n] if k < n else operands[k - n] if k < 2 * n else 1.0


def logsumexp(xp: Any, *x: Any) -> Any:
    """log(e^x1 + ... + e^xn), shifted by the largest x so that no exponential overflows.

    The partial exp(xk - y) has an error of 1e-16 |y|, from y's last digit: above 10,000 shift first, as softmax() does.
    """
    if not x:
        raise ValueError("math domain error")
    top = x[0]
    for other in x[1:]:
        top = xp.maximum(top, other)
    shift = xp.where(xp.equal(abs(top), inf), 0.0, top)  # inf - inf would be NaN
    exponentials = total(xp.exp(xp.minimum(each - shift, 0.0)) for each in x)
    return top + xp.log(xp.maximum(exponentials, 1.0))  # the sum is 1 at least, but for -inf alone


# --- the table ---

P = Primitive
BELL = 1 / sqrt(2 * pi)  # the height of the standard normal density
ROOT2 = sqrt(2)
R, SMALL, UNIT, POSITIVE = (-30.0, 30.0), (-5.0, 5.0), (-1.0, 1.0), (0.01, 30.0)

# fmt: off
ROWS: Final[list[Primitive]] = [
    # name        symbol        LaTeX                                  domain                    what it is
    #   value                                       partials, one per argument
    P("add",        "+",          "#1 + #2",                             (R, R),                   "the sum",
      lambda xp, a, b: a + b,                       lambda xp, y, a, b: 1.0,                      lambda xp, y, a, b: 1.0),
    P("sub",        "-",          "#1 - #2",                             (R, R),                   "the difference",
      lambda xp, a, b: a - b,                       lambda xp, y, a, b: 1.0,                      lambda xp, y, a, b: -1.0),
    P("mul",        "*",          r"#1 \cdot #2",                        (R, R),                   "the product",
      lambda xp, a, b: a * b,                       lambda xp, y, a, b: b,                        lambda xp, y, a, b: a),
    P("div",        "/",          r"\frac{#1}{#2}",                      (R, POSITIVE),            "the quotient",
      lambda xp, a, b: a / b,                       lambda xp, y, a, b: 1 / b,                    lambda xp, y, a, b: -y / b, needs="a divisor other than 0"),
    P("neg",        "-x",         "-#1",                                 (R,),                     "the opposite",
      lambda xp, x: -x,                             lambda xp, y, x: -1.0),
    P("pow",        "**",         "{#1}^{#2}",                           (POSITIVE, (-3.0, 3.0)),  "a to the power b",
      lambda xp, a, b: xp.pow(a, b),                lambda xp, y, a, b: b * xp.pow(a, power_below(xp, a, b)),
                                                    lambda xp, y, a, b: y * xp.log(nonzero(xp, a)),
      needs="a base above 0, or a whole exponent (and for base 0 one that is not below 0)",
      kinks={(0.0, 0.0): (0.0, 0.0), (0.0, 2.0): (0.0, 0.0), (0.0, 0.5): (inf, 0.0), (-1.5, 2.0): (-3.0, nan)}),
    P("abs",        "|x|",        r"\left|#1\right|",                    (R,),                     "the absolute value",
      lambda xp, x: abs(x),                         lambda xp, y, x: xp.sign(x), kinks={(0.0,): (0.0,)}),
    P("sum",        "Σ",          r"\operatorname{sum}(#*)",             (R,),                     "the sum of any number of terms",
      lambda xp, *x: total(x),                      lambda xp, k, y, x: 1.0, variadic=True),
    P("dot",        "w·x",        r"\operatorname{dot}(#*)",             (R,),                     "the weighted sum w1 x1 + ... + wn xn + b",
      weighted_sum,                                 weighted_sum_partial, variadic=True),
    P("sign",       "sign",       r"\operatorname{sign}(#1)",            (R,),                     "-1, 0 or 1, as x is negative, zero or positive",
      lambda xp, x: xp.sign(x),                     lambda xp, y, x: 0.0, kinks={(0.0,): (0.0,)}),
    P("step",       "step",       r"\operatorname{step}(#1)",            (R,),                     "1 where x >= 0, else 0: the perceptron's activation",
      lambda xp, x: xp.step(x),                     lambda xp, y, x: 0.0, kinks={(0.0,): (0.0,)}),
    P("exp",        "exp",        "e^{#1}",                              (SMALL,),                 "e to the power x",
      lambda xp, x: xp.exp(x),                      lambda xp, y, x: y, needs="x below 709.78, or the result overflows"),
    P("expm1",      "expm1",      "e^{#1} - 1",                          (SMALL,),                 "e^x - 1, accurate near 0",
      lambda xp, x: xp.expm1(x),                    lambda xp, y, x: xp.exp(x), needs="x below 709.78, or the result overflows"),
    P("log",        "log",        r"\ln(#1)",                            (POSITIVE,),              "the natural logarithm",
      lambda xp, x: xp.log(x),                      lambda xp, y, x: 1 / x, needs="x > 0"),
    P("log1p",      "log1p",      r"\ln(1 + #1)",                        (POSITIVE,),              "log(1 + x), accurate near 0",
      lambda xp, x: xp.log1p(x),                    lambda xp, y, x: 1 / (1 + x), needs="x > -1"),
    P("sqrt",       "sqrt",       r"\sqrt{#1}",                          (POSITIVE,),              "the square root",
      lambda xp, x: xp.sqrt(x),                     lambda xp, y, x: 0.5 / y, needs="x >= 0", kinks={(0.0,): (inf,)}),
    P("sin",        "sin",        r"\sin(#1)",                           (R,),                     "the sine of x radians",
      lambda xp, x: xp.sin(x),                      lambda xp, y, x: xp.cos(x), needs="a finite x"),
    P("cos",        "cos",        r"\cos(#1)",                           (R,),                     "the cosine of x radians",
      lambda xp, x: xp.cos(x),                      lambda xp, y, x: -xp.sin(x), needs="a finite x"),
    P("tan",        "tan",        r"\tan(#1)",                           (UNIT,),                  "the tangent of x radians",
      lambda xp, x: xp.tan(x),                      lambda xp, y, x: 1 + y * y, needs="a finite x"),
    P("asin",       "asin",       r"\arcsin(#1)",                        (UNIT,),                  "the angle in radians whose sine is x",
      lambda xp, x: xp.asin(x),                     lambda xp, y, x: 1 / xp.sqrt((1 - x) * (1 + x)),
      needs="-1 <= x <= 1", numpy="arcsin", kinks={(1.0,): (inf,), (-1.0,): (inf,)}),
    P("acos",       "acos",       r"\arccos(#1)",                        (UNIT,),                  "the angle in radians whose cosine is x",
      lambda xp, x: xp.acos(x),                     lambda xp, y, x: -1 / xp.sqrt((1 - x) * (1 + x)),
      needs="-1 <= x <= 1", numpy="arccos", kinks={(1.0,): (-inf,), (-1.0,): (-inf,)}),
    P("atan",       "atan",       r"\arctan(#1)",                        (R,),                     "the angle in radians whose tangent is x",
      lambda xp, x: xp.atan(x),                     lambda xp, y, x: 1 / (1 + x * x), numpy="arctan"),
    P("atan2",      "atan2",      r"\operatorname{atan2}(#1, #2)",       (R, R),                   "the angle in radians of the point (b, a)",
      lambda xp, a, b: xp.atan2(a, b),              lambda xp, y, a, b: b / nonzero(xp, xp.hypot(a, b)) / nonzero(xp, xp.hypot(a, b)),
                                                    lambda xp, y, a, b: -a / nonzero(xp, xp.hypot(a, b)) / nonzero(xp, xp.hypot(a, b)),
      numpy="arctan2", kinks={(0.0, 0.0): (0.0, 0.0)}),
    P("sinh",       "sinh",       r"\sinh(#1)",                          (SMALL,),                 "the hyperbolic sine",
      lambda xp, x: xp.sinh(x),                     lambda xp, y, x: xp.cosh(x), needs="|x| below 710.47, or the result overflows"),
    P("cosh",       "cosh",       r"\cosh(#1)",                          (SMALL,),                 "the hyperbolic cosine",
      lambda xp, x: xp.cosh(x),                     lambda xp, y, x: xp.sinh(x), needs="|x| below 710.47, or the result overflows"),
    P("tanh",       "tanh",       r"\tanh(#1)",                          (R,),                     "the hyperbolic tangent",
      lambda xp, x: xp.tanh(x),                     lambda xp, y, x: 1 - y * y),
    P("sigmoid",    "σ",          r"\sigma(#1)",                         (R,),                     "the logistic function 1 / (1 + e^-x)",
      lambda xp, x: xp.exp(xp.minimum(x, 0.0)) / (1 + xp.exp(-abs(x))),
                                                    lambda xp, y, x: y * (1 - y)),
    P("softplus",   "softplus",   r"\ln(1 + e^{#1})",                    (R,),                     "log(1 + e^x), a smooth relu",
      lambda xp, x: xp.maximum(x, 0.0) + xp.log1p(xp.exp(-abs(x))),
                                                    lambda xp, y, x: xp.sigmoid(x)),
    P("relu",       "relu",       r"\max(0, #1)",                        (R,),                     "the rectified linear unit, max(0, x)",
      lambda xp, x: xp.maximum(x, 0.0),               lambda xp, y, x: xp.sign(y), kinks={(0.0,): (0.0,)}),
    P("leaky_relu", "leaky_relu", r"\operatorname{leaky}(#1, #2)",       (R, UNIT),                "x where x > 0, else slope * x",
      lambda xp, x, slope: xp.where(xp.less(0, x), x, slope * x),
                                                    lambda xp, y, x, slope: xp.where(xp.less(0, x), 1.0, slope),
                                                    lambda xp, y, x, slope: xp.minimum(x, 0.0),
      defaults=(0.01,), kinks={(0.0, 0.01): (0.01, 0.0)}),
    P("gelu",       "gelu",       r"\operatorname{gelu}(#1)",            (R,),                     "x times the normal distribution function",
      lambda xp, x: 0.5 * xp.maximum(x, -40.0) * xp.erfc(-x / ROOT2),
                                                    lambda xp, y, x: 0.5 * xp.erfc(-x / ROOT2) + within(xp, x) * BELL * xp.exp(-0.5 * x * x)),
    P("erf",        "erf",        r"\operatorname{erf}(#1)",             (R,),                     "the error function",
      lambda xp, x: xp.erf(x),                      lambda xp, y, x: 2 * ROOT2 * BELL * xp.exp(-x * x)),
    P("erfc",       "erfc",       r"\operatorname{erfc}(#1)",            (R,),                     "1 - erf(x), accurate for large x",
      lambda xp, x: xp.erfc(x),                     lambda xp, y, x: -2 * ROOT2 * BELL * xp.exp(-x * x)),
    P("hypot",      "hypot",      r"\sqrt{#1^2 + #2^2}",                 (R, R),                   "the length of the vector (a, b)",
      lambda xp, a, b: xp.hypot(a, b),              lambda xp, y, a, b: a / nonzero(xp, y),       lambda xp, y, a, b: b / nonzero(xp, y),
      kinks={(0.0, 0.0): (0.0, 0.0)}),
    P("maximum",    "max",        r"\max(#1, #2)",                      (R, R),                   "the larger",
      lambda xp, a, b: xp.maximum(a, b),            lambda xp, y, a, b: below(xp, b, a),          lambda xp, y, a, b: below(xp, a, b),
      kinks={(1.5, 1.5): (0.5, 0.5), (inf, inf): (0.5, 0.5), (nan, 1.5): (0.5, 0.5)}),
    P("minimum",    "min",        r"\min(#1, #2)",                      (R, R),                   "the smaller",
      lambda xp, a, b: xp.minimum(a, b),            lambda xp, y, a, b: below(xp, a, b),          lambda xp, y, a, b: below(xp, b, a),
      kinks={(1.5, 1.5): (0.5, 0.5), (inf, inf): (0.5, 0.5), (nan, 1.5): (0.5, 0.5)}),
    P("where",      "where",      r"\operatorname{where}(#1, #2, #3)",   ((0.0, 1.0), R, R),       "a where the condition holds (is not 0), else b",
      lambda xp, condition, a, b: xp.where(condition, a, b),
                                                    lambda xp, y, condition, a, b: 0.0,
                                                    lambda xp, y, condition, a, b: xp.where(condition, 1.0, 0.0),
                                                    lambda xp, y, condition, a, b: xp.where(condition, 0.0, 1.0)),
    P("less",       "<",          "[#1 < #2]",                           (R, R),                   "1 where a < b, else 0",
      lambda xp, a, b: xp.less(a, b),               lambda xp, y, a, b: 0.0,                      lambda xp, y, a, b: 0.0, kinks={(1.5, 1.5): (0.0, 0.0)}),
    P("less_equal", "≤",          r"[#1 \le #2]",                        (R, R),                   "1 where a <= b, else 0",
      lambda xp, a, b: xp.less_equal(a, b),         lambda xp, y, a, b: 0.0,                      lambda xp, y, a, b: 0.0, kinks={(1.5, 1.5): (0.0, 0.0)}),
    P("equal",      "=",          "[#1 = #2]",                           (R, R),                   "1 where a = b, else 0",
      lambda xp, a, b: xp.equal(a, b),              lambda xp, y, a, b: 0.0,                      lambda xp, y, a, b: 0.0, kinks={(1.5, 1.5): (0.0, 0.0)}),
    P("logsumexp",  "logsumexp",  r"\ln\sum\exp(#*)",                    (R,),                     "log(e^x1 + ... + e^xn), which never overflows",
      logsumexp,                                    lambda xp, k, y, x: xp.exp(x[k] - y), needs="at least one value", variadic=True),
]
# fmt: on
TABLE: Final[dict[str, Primitive]] = {row.name: row for row in ROWS}
