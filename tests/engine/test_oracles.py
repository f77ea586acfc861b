"""The table against PyTorch and JAX: every row at special points, and thousands of random graphs.

Value, gradient and Hessian agree to 1e-10, but where DIFFERENCES says otherwise, and why. The
docstring of engine/rules.py shows the part of it that most people meet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, isfinite, isinf, isnan, nan
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine import Primitive, rules
from engine.rules import ROWS, TABLE

from .oracles import Derived, oracle, our_graph, our_row, random_graph
from .reference import same

ORACLES: Final = ["torch", "jax"]
WRITTEN_FOR: Final = {"torch": "2.13.", "jax": "0.10."}  # whose answers the table quotes
GRAPHS: Final = 2000
ORDERS: Final = ["value", "gradient", "Hessian"]
FAILED: Final = [45, 18, 10, 6, 11]  # they found planted faults in five rows; add yours

ALONE = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, inf, -inf, nan)
ALONE += (1e-300, -1e-300, 1e300, -1e300, 1000.0, -1000.0)
TOGETHER = (0.0, -0.0, 1.0, -1.0, 2.0, inf, -inf, nan)  # ties among them

Numbers = tuple[float, ...]
AS_WE: Final[Numbers] = ()  # an oracle that gives what we give


@dataclass(frozen=True)
class Difference:
    """Where we and the oracles do not all say the same: a line of the table.

    Args:
        row: the primitive.
        order: 0 for its value, 1 for the gradient, 2 for the Hessian, row by row.
        at: one of the points.
        ours, torch, jax: what is given there.
        where: which points it is about, in words and as a function.
        why: what our policy is, and its reason.
    """

    row: str
    order: int
    at: Numbers
    ours: Numbers
    torch: Numbers
    jax: Numbers
    where: str
    covers: Callable[..., bool]
    why: str


def any_nan(*x: float) -> bool:
    return any(map(isnan, x))


def beyond(*x: float) -> bool:
    return not all(map(isfinite, x))


def at_origin(*x: float) -> bool:
    return not any(x)


D = Difference
NO_ZERO = "a partial that is 0 on purpose stays 0; they multiply 0 by inf or NaN"
STAYS = "NaN stays NaN, so that it is seen"

# fmt: off
DIFFERENCES: Final[list[Difference]] = [
    D("abs", 1, (0.0,), (0.0,), AS_WE, (1.0,), "0", at_origin,
      "the middle of its slopes -1 and 1"),
    D("abs", 1, (nan,), (nan,), (0.0,), (-1.0,), "NaN", any_nan, STAYS),
    D("sign", 0, (nan,), (nan,), (0.0,), AS_WE, "NaN", any_nan, STAYS),
    D("step", 0, (nan,), (nan,), (0.0,), (0.0,), "NaN", any_nan, STAYS),
    D("relu", 1, (nan,), (nan,), (1.0,), (0.0,), "NaN", any_nan, STAYS),
    D("leaky_relu", 0, (0.0, inf), (nan,), AS_WE, (0.0,), "0, an infinite slope",
      lambda x, slope: x == 0 and beyond(slope), "slope * x, as written, also at 0"),
    D("leaky_relu", 1, (0.0, 0.25), (0.25, 0.0), AS_WE, (1.0, 0.0), "0",
      lambda x, slope: x == 0, "0 belongs to the side of the slope, as in PyTorch"),
    D("leaky_relu", 1, (1.0, inf), (1.0, 0.0), (nan, 0.0), (nan, 0.0), "above 0, beyond floats",
      lambda x, slope: x > 0 and beyond(x, slope), "what is not chosen gets 0, never inf * 0"),
    D("leaky_relu", 2, (0.0, 1.0), (0.0, 1.0, 0.5, 0.0), (0.0, 1.0, 1.0, 0.0), (0.0,) * 4,
      "0, or NaN", lambda x, slope: x == 0 or isnan(x),
      "none exists; ours is from the tie in min(x, 0)"),
    D("gelu", 0, (-inf,), (-0.0,), (nan,), (nan,), "-inf", isinf, "its limit"),
    D("gelu", 1, (inf,), (1.0,), (nan,), (nan,), "inf", isinf, "its limit"),
    D("gelu", 2, (1e300,), (0.0,), (nan,), AS_WE, "far out", lambda x: abs(x) > 1e150,
      "its limit; their x * x overflows"),
    D("hypot", 1, (0.0, 0.0), (0.0, 0.0), (nan, nan), (0.5, 0.5), "(0, 0)", at_origin,
      "the middle of its slopes; a distance of 0 is no reason for NaN"),
    D("hypot", 1, (1.0, inf), (0.0, nan), AS_WE, (nan, nan), "an infinite side",
      lambda a, b: isinf(a) or isinf(b), "a / inf is 0"),
    D("hypot", 2, (2.0, 2.0), (0.1767766952966369, -0.17677669529663684, -0.17677669529663684,
                               0.1767766952966369), AS_WE, (0.0,) * 4, "|a| = |b|",
      lambda a, b: abs(a) == abs(b), "the formula; jax loses it in a tie of max(|a|, |b|)"),
    D("atan2", 1, (0.0, 0.0), (0.0, -0.0), AS_WE, (nan, nan), "(0, 0)", at_origin,
      "none exists; 0 does no harm"),
    D("atan2", 2, (0.0, 0.0), (0.0, 1.0, -1.0, 0.0), (nan,) * 4, (nan,) * 4, "(0, 0)", at_origin,
      "none exists; ours is that of the partials b / 1 and -a / 1"),
    D("atan2", 2, (1.0, inf), (nan, nan, 0.0, nan), AS_WE, (nan,) * 4, "an infinite side",
      lambda a, b: isinf(a) or isinf(b), NO_ZERO),
    D("pow", 1, (0.0, 0.0), (0.0, 0.0), AS_WE, (nan, 0.0), "(0, 0)", at_origin,
      "a ** 0 is 1 for all a"),
    D("pow", 1, (nan, 0.0), (nan, nan), (0.0, nan), AS_WE, "a NaN to the 0",
      lambda a, b: isnan(a), STAYS),
    D("pow", 1, (0.0, -inf), (-inf, nan), (-inf, -inf), AS_WE, "0 to the -inf",
      lambda a, b: a == 0 and b == -inf, "inf * log(1), which is inf * 0"),
    D("pow", 2, (1.0, 0.0), (0.0, 1.0, 1.0, 0.0), (0.0, 0.0, 1.0, 0.0), AS_WE, "exponent 0",
      lambda a, b: b == 0, "d/db of b a**(b-1) is a**(b-1) at b = 0; torch takes a constant 0"),
    D("pow", 2, (0.0, 2.0), (2.0, 0.0, 0.0, 0.0), (2.0, 0.0, nan, nan), AS_WE, "base 0",
      lambda a, b: a == 0, "0 ** b has derivative 0 in b"),
    D("pow", 2, (0.0, 1.0), (0.0, 1.0, 0.0, 0.0), (0.0, 1.0, nan, nan), (nan, nan, 0.0, 0.0),
      "base 0 to the 1", lambda a, b: a == 0 and b == 1, "0 ** b has derivative 0 in b"),
    D("pow", 2, (-1.0, 2.0), (2.0, nan, nan, nan), AS_WE, (nan,) * 4, "base below 0",
      lambda a, b: a < 0, "the exponent's log is NaN; the base does not hear of it"),
    D("pow", 2, (nan, 1.0), (nan,) * 4, (0.0, nan, nan, nan), AS_WE, "a NaN to the 1",
      lambda a, b: isnan(a), STAYS),
    D("pow", 2, (1.0, inf), (inf, nan, nan, 0.0), AS_WE, (inf, nan, nan, nan), "beyond floats",
      beyond, NO_ZERO),
    D("div", 2, (inf, 1.0), (0.0, -1.0, -1.0, inf), AS_WE, (0.0, -1.0, nan, inf),
      "beyond floats", beyond, NO_ZERO),
    D("asin", 2, (1.0,), (nan,), (inf,), (inf,), "+-1", lambda x: abs(x) == 1,
      "(1 - x) (1 + x) has more digits than 1 - x x; its derivative there is inf * 0"),
    D("acos", 2, (1.0,), (nan,), (-inf,), (-inf,), "+-1", lambda x: abs(x) == 1, "as asin"),
    D("maximum", 1, (nan, 1.0), (0.5, 0.5), (1.0, 1.0), (0.0, 0.0), "NaN", any_nan,
      "NaN is neither larger nor smaller: a tie, shared half and half"),
    D("minimum", 1, (nan, 1.0), (0.5, 0.5), (1.0, 1.0), (0.0, 0.0), "NaN", any_nan, "as maximum"),
    D("logsumexp", 2, (0.0, inf), (0.0, nan, nan, nan), (nan,) * 4, (nan,) * 4, "inf",
      lambda *x: inf in x, "what has no share has no curve"),
]
# fmt: on


def answer(difference: Difference, name: str) -> Numbers:
    """What an oracle says there; it may be what we say."""
    said: Numbers = getattr(difference, name)
    return difference.ours if said == AS_WE else said


# --- every row at special points ---


def points(row: Primitive) -> list[Numbers]:
    """Zeros, ones, ends, NaN, tiny, huge, ties; in all combinations for several arguments."""
    count = 2 if row.variadic else len(row.arguments)
    if count == 3:
        return list(product((0.0, 1.0, nan), TOGETHER, TOGETHER))
    return list(product(ALONE if count == 1 else TOGETHER, repeat=count))


def fits(got: Sequence[float], want: Sequence[float]) -> bool:
    """Whether they agree to 1e-10 of the largest of them; NaN with NaN, inf with inf."""
    size = max([0.0, *(abs(x) for x in want if isfinite(x))])
    return all(same(a, b, 1e-10 * size + 1e-290) for a, b in zip(got, want, strict=True))


def first_difference(got: Derived, want: Derived) -> int | None:
    """Whether the value differs, or the gradient, or the Hessian; None if nothing does."""
    return next((k for k in range(3) if not fits(got[k], want[k])), None)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("name", ORACLES)
def test_special_points(name: str, row: Primitive) -> None:
    """Every difference is in the table. Floats raise where the oracles have inf or NaN."""
    theirs = oracle(name).row(row, points(row))
    for point, want in zip(points(row), theirs, strict=True):
        got = our_row(row, point)
        if got is None:
            assert not isfinite(want[0][0]), f"{row.name}{point} is {want[0][0]} in {name}"
            continue
        order = first_difference(got, want)
        assert order is None or any(
            each.row == row.name
            and each.order == order
            and getattr(each, name) != AS_WE
            and each.covers(*point)
            for each in DIFFERENCES
        ), f"{ORDERS[order]} of {row.name}{point}: {got[order]}, but {want[order]} in {name}"


ids = [f"{d.row}-{d.order}-{d.where}" for d in DIFFERENCES]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=ids)
def test_the_table_quotes_us(difference: Difference) -> None:
    got = our_row(TABLE[difference.row], difference.at)
    assert got is not None
    assert difference.covers(*difference.at)
    assert fits(got[difference.order], difference.ours)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=ids)
@pytest.mark.parametrize("name", ORACLES)
def test_the_table_quotes_the_oracles(name: str, difference: Difference) -> None:
    module: Any = pytest.importorskip(name)
    if not module.__version__.startswith(WRITTEN_FOR[name]):
        pytest.skip(f"the table quotes {name} {WRITTEN_FOR[name]}x, not {module.__version__}")
    ((*theirs,),) = oracle(name).row(TABLE[difference.row], [difference.at])
    said = theirs[difference.order]
    assert fits(said, answer(difference, name)), said


def in_words(difference: Difference) -> list[str]:
    """The cells of a line: f(x) is the value of f at x, and f'(x) its gradient."""

    def written(numbers: Numbers) -> str:
        return ", ".join("NaN" if isnan(x) else f"{x + 0.0:g}" for x in numbers)

    where = difference.row + "'" * difference.order + f"({written(difference.at)})"
    said = [difference.ours, *(answer(difference, name) for name in ORACLES)]
    return [where, *map(written, said), difference.why]


def test_the_docstring_of_the_rules_shows_what_differs_up_to_the_gradient() -> None:
    heads = ["where", "ours", "PyTorch", "JAX", "why"]
    cells = [heads, *(in_words(each) for each in DIFFERENCES if each.order < 2)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    table = "\n".join(lines)
    assert table in str(rules.__doc__), f"it should say\n{table}"


def test_ties_and_kinks_agree_where_the_table_is_silent() -> None:
    """By hand, so that an empty comparison would be seen."""
    for name, point, gradient in [
        ("maximum", (1.0, 1.0), [0.5, 0.5]),
        ("minimum", (-0.0, 0.0), [0.5, 0.5]),
        ("relu", (0.0,), [0.0]),
        ("sqrt", (0.0,), [inf]),
        ("where", (0.0, inf, 1.0), [0.0, 0.0, 1.0]),
        ("logsumexp", (1.0, 1.0), [0.5, 0.5]),
    ]:
        got = our_row(TABLE[name], point)
        assert got is not None
        assert fits(got[1], gradient)


# --- random graphs ---


def check_graph(name: str, seed: int) -> None:
    graph = random_graph(seed)
    got, want = our_graph(graph), oracle(name).graph(graph)
    order = first_difference(got, want)
    if order is not None:
        rows = [ROWS[each.code].name for each in graph.instructions]
        pytest.fail(
            f"seed {seed}, {rows} of {graph.leaves}: the {ORDERS[order]} is {got[order]}, but "
            f"{want[order]} in {name}: add the seed to FAILED"
        )


def check_graphs(name: str, seeds: Sequence[int]) -> None:
    for seed in seeds:
        check_graph(name, seed)


@pytest.mark.parametrize("name", ORACLES)
def test_random_graphs(name: str) -> None:
    oracle(name)  # which skips

    @settings(max_examples=GRAPHS, derandomize=True, database=None, deadline=None)
    @given(st.integers(0, 2**64))
    def agree(seed: int) -> None:
        check_graph(name, seed)

    for seed in FAILED:
        agree = example(seed)(agree)
    agree()


def test_random_graphs_hold_every_row() -> None:
    """And some have one leaf and some three; some are long, and most leaves matter."""
    graphs = [random_graph(seed) for seed in range(200)]
    rows = {each.code for graph in graphs for each in graph.instructions}
    assert rows == set(range(len(ROWS)))
    assert {len(graph.leaves) for graph in graphs} == {1, 2, 3}
    assert max(len(graph.instructions) for graph in graphs) == 10
    curved = [graph for graph in graphs if any(our_graph(graph)[2])]
    assert len(curved) > 150


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize(
    ("row", "partial"),
    [
        ("atan", lambda xp, y, x: 1 / (1 + x * x) + 1e-8),
        ("exp", lambda xp, y, x: y.detach() if hasattr(y, "detach") else y),
    ],
)
def test_a_planted_fault_is_found(name: str, row: str, partial: Any, plant: Any) -> None:
    oracle(name)
    plant(row, partial)
    code = next(k for k, each in enumerate(ROWS) if each.name == row)
    seeds = [
        seed
        for seed in range(300)
        if any(each.code == code for each in random_graph(seed).instructions)
    ]
    with pytest.raises(pytest.fail.Exception, match=r"seed \d+, .*(gradient|Hessian) is"):
        check_graphs(name, seeds)
