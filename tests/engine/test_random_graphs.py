"""Random graphs: backward() against forward-mode differentiation by dual numbers, and PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, example, given, reject, settings

from engine import Primitive, Value
from engine.rules import TABLE

from .graphs import Program, programs, run
from .oracles import Torch
from .reference import apply, exact, mp, reference


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
    if len(set(map(float, point))) < len(set(point)):
        reject()  # a tie, but only for floats
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


@example(([0.0, 1e-26], [(TABLE["maximum"], [0, 1])]))
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


def test_gradients_equal_those_of_pytorch() -> None:
    torch = Torch()

    def on_tensors(row: Primitive, operands: list[Any]) -> Any:
        numbers = [torch.tensor(x) if isinstance(x, float) else x for x in operands]
        return torch.functions[row.name](*numbers)

    @given(programs())
    def agree(drawn: tuple[list[float], Program]) -> None:
        leaves, program = drawn
        root, grads = gradients(leaves, program)
        x = [torch.tensor(each).requires_grad_() for each in leaves]
        y = run(x, program, on_tensors)
        theirs = [torch.number(slope) for slope in torch.slopes(y, x)]
        assert root.data == pytest.approx(torch.number(y), rel=1e-9, abs=1e-9)
        assert grads == pytest.approx(theirs, rel=1e-9, abs=1e-9)

    agree()
