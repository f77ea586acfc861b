"""Random graphs, drawn by hypothesis, for any kind of number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from engine import Primitive
from engine.rules import ROWS, TABLE

# What a graph is computed by: rows, each on earlier results (integers) and constants (floats).
Program = list[tuple[Primitive, list[Any]]]
Apply = Callable[[Primitive, list[Any]], Any]

TRUE = [row for row in ROWS if row.name != "stop_gradient"]  # whose partial is 0 on purpose


@st.composite
def programs(draw: st.DrawFn, rows: Sequence[Primitive] = TRUE) -> tuple[list[float], Program]:
    """Leaves, and a program on them: a deep one, whose rows look back a little, or a wide one."""
    leaves = draw(st.lists(st.floats(-2, 2), min_size=1, max_size=3))
    reach = draw(st.sampled_from([2, 100]))
    program: Program = []
    for n in range(len(leaves), len(leaves) + draw(st.integers(1, 30))):
        row = draw(st.sampled_from(rows))
        arity = draw(st.integers(1, 5)) if row.variadic else len(row.arguments)
        earlier = st.integers(max(0, n - reach), n - 1)
        others = st.lists(earlier | st.floats(0.2, 0.8), min_size=arity - 1, max_size=arity - 1)
        program.append((row, draw(st.permutations([draw(earlier), *draw(others)]))))
    return leaves, program


def run(leaves: Sequence[Any], program: Program, apply: Apply) -> Any:
    """The sum of all results, so that every one counts. The leaves can be any kind of number.

    All rows are smooth between 0.2 and 0.8: a sine brings each result there, and keeps it varied.
    """

    def tame(x: Any) -> Any:
        wave = apply(TABLE["sin"], [apply(TABLE["mul"], [3.0, x])])
        return apply(TABLE["add"], [0.5, apply(TABLE["mul"], [0.3, wave])])

    results = [*leaves]
    operands = [tame(leaf) for leaf in leaves]
    for row, places in program:
        results.append(apply(row, [operands[n] if isinstance(n, int) else n for n in places]))
        operands.append(tame(results[-1]))
    return apply(TABLE["sum"], results)
