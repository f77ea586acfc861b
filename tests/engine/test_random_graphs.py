"""Random graphs: backward() against forward-mode differentiation by dual numbers, and PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, reject, settings
from hypothesis import strategies as st

from engine import Primitive, Value
from engine.rules import ROWS, TABLE

from .reference import apply, exact, mp, reference

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


def gradients(leaves: list[float], program: Program) -> tuple[Value, list[float]]:
    """The result, and the engine's gradients of the leaves."""
    x = [Value(each) for each in leaves]
    root = run(x, program, apply)
    root.backward()
    return root, [leaf.grad for leaf in x]


# --- dual numbers ---


class Dual:
    """A number, its derivative in each leaf, and the size of that if nothing had cancelled."""

    def __init__(self, primal: Any, tangents: Any = 0, sizes: Any = 0) -> None:
        self.primal, self.tangents, self.sizes = primal, tangents, sizes


def apply_dual(row: Primitive, operands: list[Any]) -> Dual:
    """Forward mode: the operands' tangents times the partials, differences in high precision."""
    f = reference(row)
    point = [each.primal if isinstance(each, Dual) else each for each in operands]
    result = Dual(exact(f, point))
    for k, each in enumerate(operands):
        if isinstance(each, Dual):
            partial = exact(f, point, k)
            if partial is None:
                reject()  # a kink: the rows' own tests have the policy for it
            result.tangents += partial * each.tangents
            result.sizes += abs(partial) * each.sizes
    return result


def check_against_duals(leaves: list[float], program: Program) -> None:
    """Value and gradients are right, but for the rounding of a few dozen operations."""
    root, grads = gradients(leaves, program)
    directions = np.eye(len(leaves), dtype=object)
    dual = run([*map(Dual, map(mp.mpf, leaves), directions, directions)], program, apply_dual)
    assert abs(root.data - dual.primal) <= 1e-12 * max(1, abs(dual.primal))
    for grad, tangent, size in zip(grads, dual.tangents, dual.sizes, strict=True):
        assert abs(grad - tangent) <= 1e-12 * size, f"{grad!r} instead of {mp.nstr(tangent, 15)}"


@given(programs())
def test_gradients_equal_those_of_dual_numbers(drawn: tuple[list[float], Program]) -> None:
    check_against_duals(*drawn)


def test_a_planted_fault_is_found(plant: Callable[..., Primitive]) -> None:
    plant("atan", lambda xp, y, x: 1 / (1 + x * x) + 1e-9)

    @settings(phases=[Phase.generate])  # without looking for the smallest graph that shows it
    @given(programs([TABLE["atan"], TABLE["mul"]]))
    def finds_it(drawn: tuple[list[float], Program]) -> None:
        check_against_duals(*drawn)

    with pytest.raises(AssertionError, match="instead of"):
        finds_it()


# --- PyTorch, if it is there ---


def torch_functions(torch: Any) -> dict[str, Callable[..., Any]]:
    """What PyTorch calls the rows: mostly the same."""
    by_name = {row.name: getattr(torch, row.name) for row in ROWS if hasattr(torch, row.name)}
    return by_name | {
        "sum": lambda *x: torch.stack(x).sum(),
        "dot": lambda *x: weighted_sum(torch, x),
        "logsumexp": lambda *x: torch.stack(x).logsumexp(0),
        "step": lambda x: (x >= 0).double(),
        "softplus": torch.nn.functional.softplus,
        "leaky_relu": lambda x, slope: torch.where(x > 0, x, slope * x),
        "gelu": torch.nn.functional.gelu,
        "where": lambda condition, a, b: torch.where(condition != 0, a, b),
        "less": lambda a, b: (a < b).double(),
        "less_equal": lambda a, b: (a <= b).double(),
        "equal": lambda a, b: (a == b).double(),
    }


def weighted_sum(torch: Any, x: Sequence[Any]) -> Any:
    """The row dot on tensors."""
    n = len(x) // 2
    return sum([w * each for w, each in zip(x[:n], x[n : 2 * n], strict=True)], sum(x[2 * n :]))


def test_gradients_equal_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    functions = torch_functions(torch)

    def tensor(x: Any) -> Any:
        return x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=torch.float64)

    @given(programs([row for row in TRUE if row.name in functions]))
    def agree(drawn: tuple[list[float], Program]) -> None:
        leaves, program = drawn
        root, grads = gradients(leaves, program)
        x = [tensor(each).requires_grad_() for each in leaves]
        result = run(x, program, lambda row, args: functions[row.name](*map(tensor, args)))
        result.backward()
        assert root.data == pytest.approx(result.item(), rel=1e-9, abs=1e-9)
        assert grads == pytest.approx([each.grad.item() for each in x], rel=1e-9, abs=1e-9)

    agree()
