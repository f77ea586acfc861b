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
| stop_gradient                 | 0 everywhere, as it is meant: detach() within a recorded function          |
| sqrt at 0, asin, acos at +-1  | infinite; in sqrt of the sign of the zero, for 0.5 / -0.0 is -inf          |

The chain rule multiplies as IEEE 754 has it: where a gradient of 0 meets an infinite partial, or the other way
round, the result is NaN, as in PyTorch; sqrt(x) ** 2 at 0 is such a place. Only what a row that `selects` has not
chosen gets nothing at all, and no NaN: the other branch of `where`, the smaller argument of `maximum`, relu below 0.

Where PyTorch and JAX disagree with us or with each other, in the value f or its gradient f':

| where                | ours      | PyTorch    | JAX       | why                                                            |
|----------------------|-----------|------------|-----------|----------------------------------------------------------------|
| abs'(0)              | 0         | 0          | 1         | the middle of its slopes -1 and 1                              |
| abs'(NaN)            | NaN       | 0          | -1        | NaN stays NaN, so that it is seen                              |
| sign(NaN)            | NaN       | 0          | NaN       | NaN stays NaN, so that it is seen                              |
| step(NaN)            | NaN       | 0          | 0         | NaN stays NaN, so that it is seen                              |
| relu'(NaN)           | NaN       | 1          | 0         | NaN stays NaN, so that it is seen                              |
| leaky_relu(0, inf)   | NaN       | NaN        | 0         | slope * x, as written, also at 0                               |
| leaky_relu'(0, 0.25) | 0.25, 0   | 0.25, 0    | 1, 0      | 0 belongs to the side of the slope, as in PyTorch              |
| leaky_relu'(1, inf)  | 1, 0      | NaN, 0     | NaN, 0    | what is not chosen gets 0, never inf * 0                       |
| gelu(-inf)           | 0         | NaN        | NaN       | its limit                                                      |
| gelu'(inf)           | 1         | NaN        | NaN       | its limit                                                      |
| hypot'(0, 0)         | 0, 0      | NaN, NaN   | 0.5, 0.5  | the middle of its slopes; a distance of 0 is no reason for NaN |
| hypot'(1, inf)       | 0, NaN    | 0, NaN     | NaN, NaN  | a / inf is 0                                                   |
| atan2'(0, 0)         | 0, 0      | 0, 0       | NaN, NaN  | none exists; 0 does no harm                                    |
| pow'(0, 0)           | 0, 0      | 0, 0       | NaN, 0    | a ** 0 is 1 for all a                                          |
| pow'(NaN, 0)         | NaN, NaN  | 0, NaN     | NaN, NaN  | NaN stays NaN, so that it is seen                              |
| pow'(0, -inf)        | -inf, NaN | -inf, -inf | -inf, NaN | inf * log(1), which is inf * 0                                 |
| maximum'(NaN, 1)     | 0.5, 0.5  | 1, 1       | 0, 0      | NaN is neither larger nor smaller: a tie, shared half and half |
| minimum'(NaN, 1)     | 0.5, 0.5  | 1, 1       | 0, 0      | as maximum                                                     |

tests/engine/test_oracles.py writes this table, holds all three to it, and goes on to second order. There most
differences have one reason: what is 0 on purpose, or not chosen, stays 0, while they multiply 0 by inf or NaN.
Where Python's floats raise an error, as in log(0), 1 / 0 and exp(1000), so do we; they give inf.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, nan, pi, sqrt
from typing import Any, Final

from engine.primitive import Primitive

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
    return xp.where(xp.equal(b, 0) * xp.less(abs(a), 1e-30), 1, b - 1)


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
      lambda xp, x: xp.sign(x),                     lambda xp, y, x: 0.0, kinks={(0.0,): (0.0,)}, selects=True),
    P("step",       "step",       r"\operatorname{step}(#1)",            (R,),                     "1 where x >= 0, else 0: the perceptron's activation",
      lambda xp, x: xp.step(x),                     lambda xp, y, x: 0.0, kinks={(0.0,): (0.0,)}, selects=True),
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
      lambda xp, x: xp.maximum(x, 0.0),               lambda xp, y, x: xp.sign(y), kinks={(0.0,): (0.0,)}, selects=True),
    P("leaky_relu", "leaky_relu", r"\operatorname{leaky}(#1, #2)",       (R, UNIT),                "x where x > 0, else slope * x",
      lambda xp, x, slope: xp.where(xp.less(0, x), x, slope * x),
                                                    lambda xp, y, x, slope: xp.where(xp.less(0, x), 1.0, slope),
                                                    lambda xp, y, x, slope: xp.minimum(x, 0.0),
      defaults=(0.01,), kinks={(0.0, 0.01): (0.01, 0.0)}, selects=True),
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
      kinks={(1.5, 1.5): (0.5, 0.5), (inf, inf): (0.5, 0.5), (nan, 1.5): (0.5, 0.5)}, selects=True),
    P("minimum",    "min",        r"\min(#1, #2)",                      (R, R),                   "the smaller",
      lambda xp, a, b: xp.minimum(a, b),            lambda xp, y, a, b: below(xp, a, b),          lambda xp, y, a, b: below(xp, b, a),
      kinks={(1.5, 1.5): (0.5, 0.5), (inf, inf): (0.5, 0.5), (nan, 1.5): (0.5, 0.5)}, selects=True),
    P("where",      "where",      r"\operatorname{where}(#1, #2, #3)",   ((0.0, 1.0), R, R),       "a where the condition holds (is not 0), else b",
      lambda xp, condition, a, b: xp.where(condition, a, b),
                                                    lambda xp, y, condition, a, b: 0.0,
                                                    lambda xp, y, condition, a, b: xp.where(condition, 1.0, 0.0),
                                                    lambda xp, y, condition, a, b: xp.where(condition, 0.0, 1.0), selects=True),
    P("less",       "<",          "[#1 < #2]",                           (R, R),                   "1 where a < b, else 0",
      lambda xp, a, b: xp.less(a, b),               lambda xp, y, a, b: 0.0,                      lambda xp, y, a, b: 0.0,
      kinks={(1.5, 1.5): (0.0, 0.0)}, selects=True),
    P("less_equal", "≤",          r"[#1 \le #2]",                        (R, R),                   "1 where a <= b, else 0",
      lambda xp, a, b: xp.less_equal(a, b),         lambda xp, y, a, b: 0.0,                      lambda xp, y, a, b: 0.0,
      kinks={(1.5, 1.5): (0.0, 0.0)}, selects=True),
    P("equal",      "=",          "[#1 = #2]",                           (R, R),                   "1 where a = b, else 0",
      lambda xp, a, b: xp.equal(a, b),              lambda xp, y, a, b: 0.0,                      lambda xp, y, a, b: 0.0,
      kinks={(1.5, 1.5): (0.0, 0.0)}, selects=True),
    P("logsumexp",  "logsumexp",  r"\ln\sum\exp(#*)",                    (R,),                     "log(e^x1 + ... + e^xn), which never overflows",
      logsumexp,                                    lambda xp, k, y, x: xp.exp(x[k] - y), needs="at least one value", variadic=True),
    P("stop_gradient", "stop",    r"\operatorname{stop}(#1)",            (R,),                     "x, through which no derivative passes",
      lambda xp, x: 1 * x,                          lambda xp, y, x: 0.0, selects=True),
]
# fmt: on
TABLE: Final[dict[str, Primitive]] = {row.name: row for row in ROWS}
