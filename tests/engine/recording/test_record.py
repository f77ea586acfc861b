"""Recorded functions: both replays say what the eager engine says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Value, dot
from engine.rules import ROWS

from ..graphs import Program, programs, run
from ..reference import apply
from ..replays import compare


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
