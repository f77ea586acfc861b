"""Recorded functions: both replays say what the eager engine says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Value, dot, record
from engine.rules import ROWS

from .reference import apply
from .test_random_graphs import Program, programs, run

Function = Callable[..., Any]


def eager(
    f: Function, parameters: list[Value], rows: list[Any], share: float
) -> tuple[list[Any], list[float], list[Any]]:
    """Values, the gradient in the parameters, and those in the inputs, graph by graph."""
    for each in parameters:
        each.zero_grad()
    values, of_inputs = [], []
    for row in rows:
        inputs = [Value(x) for x in row]
        y = f(*inputs)
        if y.op or y.has_grad or not y.is_constant:
            y.backward(share)
        values.append(y.data)
        of_inputs.append([x.grad for x in inputs])
    return values, [p.grad for p in parameters], of_inputs


def same(mine: Any, theirs: Any, scale: float = 1.0) -> None:
    """Equal up to the order of additions."""
    np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-11 * scale)


def compare(f: Function, parameters: list[Value], X: Any, replay: Any) -> None:
    """A batch by a replay, and graph by graph."""
    values, of_parameters, of_inputs = eager(f, parameters, X.tolist(), 1 / max(1, len(X)))
    recorded = record(f, parameters, replay=replay)
    same(recorded(*X.T), values)
    wrt = "both" if parameters else "inputs"
    mean, found = recorded.value_and_gradient(*X.T, wrt=wrt, reduce="mean")
    if len(X):
        same(mean, np.mean(values))
    scale = float(np.max(np.abs(of_inputs), initial=1.0))
    own = found[0] if parameters else found
    own = own if X.shape[1] > 1 else (own,)
    if len(X):
        same(np.array(own).T.reshape(len(X), -1), of_inputs, scale)
    if parameters:
        same(found[1], of_parameters, scale * max(1, np.max(np.abs(of_parameters))))


@pytest.mark.parametrize("replay", ["tape", "program"])
@settings(max_examples=40)
@given(
    drawn=programs(ROWS),
    batch=st.sampled_from([0, 1, 2, 33]),
    shared=st.integers(0, 2),
    copies=st.integers(1, 4),
    data=st.data(),
)
def test_random_graphs(
    drawn: tuple[list[float], Program],
    batch: int,
    shared: int,
    copies: int,
    data: st.DataObject,
    replay: str,
) -> None:
    """Every row, fan-out, ragged sums; inputs and parameters mixed; several alike to be grouped."""
    start, program = drawn
    shared = min(shared, len(start) - 1)
    parameters = [Value(x) for x in start[:shared]]
    shifts = data.draw(st.lists(st.floats(-1, 1), min_size=copies, max_size=copies), label="shifts")

    def f(*inputs: Value) -> Value:
        x = [*parameters, *inputs]
        parts = [run([each + shift for each in x], program, apply) for shift in shifts]
        ragged = [sum(parts[: k + 1]).tanh() for k in range(len(parts))]
        total: Value = sum(parts) + dot(parts, ragged) * x[0]
        return total

    numbers = st.floats(-2, 2)
    X = np.array(
        data.draw(
            st.lists(st.tuples(*[numbers] * (len(start) - shared)), min_size=batch, max_size=batch)
        ),
        float,
    ).reshape(batch, len(start) - shared)
    compare(f, parameters, X, replay)
