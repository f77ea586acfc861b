"""Whether a replay says what the recorded function says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.capture import recording
from engine.derive import gradient
from engine.program import Result, Wanted
from engine.recording.arguments import Arguments
from engine.structures import leaves
from engine.value import Value, as_value

Array = NDArray[Any]


def compare(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    arguments: Arguments,
    found: Result,
    wanted: Wanted,
    seeds: Sequence[float],
    name: str,
) -> None:
    """Compare a replay with the function itself, called on every example.

    Raises:
        RuntimeError: if the replay says something else.
    """
    expected = eager(function, parameters, arguments, wanted, seeds)
    for what, mine, theirs in zip(Result._fields, found, expected, strict=True):
        if theirs is not None and not agree(np.asarray(mine), np.asarray(theirs)):
            raise RuntimeError(
                f"the replay of {name} differs from the function itself: its {what} is "
                f"{np.asarray(mine)!r:.200}, but should be {np.asarray(theirs)!r:.200}. Does it "
                "depend on something that was different when it was recorded: a global number, a "
                "branch taken in Python, v.data read before?"
            )


def eager(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    arguments: Arguments,
    wanted: Wanted,
    seeds: Sequence[float],
) -> Result:
    """What the function itself gives, example by example."""
    arrays = arguments.arrays(np.float64)
    inputs = np.concatenate(arrays, axis=1) if arrays else np.empty((1, 0))
    values: list[list[float]] = []
    of_parameters, of_inputs = np.zeros(len(parameters)), np.zeros(inputs.shape[::-1])
    for k, row in enumerate(inputs.tolist()):
        nodes = [Value(x) for x in row]
        with nullcontext() if arguments.batch is None else recording("the check", []):
            # of a batch: so what does not exist is inf or NaN, and no error
            outputs = [as_value(each) for each in leaves(function(*arguments.stand_ins(nodes)))]
        values.append([each.data for each in outputs])
        for output, seed in zip(wanted.differentiated, seeds, strict=True):
            slopes = seed * np.array(gradient(outputs[output], [*parameters, *nodes]))
            of_parameters += slopes[: len(parameters)]
            of_inputs[:, k] += slopes[len(parameters) :]
    return Result(
        list(np.array(values).T) if values else [np.empty(0) for _ in wanted.differentiated],
        of_parameters if wanted.parameters else None,
        of_inputs if wanted.inputs else None,
    )


def agree(mine: Array, theirs: Array) -> bool:
    """Whether numbers are the same up to the order of additions."""
    scale = np.max(np.abs(theirs[np.isfinite(theirs)]), initial=1.0)
    tolerance = 1e-4 if mine.dtype == np.float32 else 1e-10
    return bool(np.allclose(mine, theirs, rtol=tolerance, atol=tolerance * scale, equal_nan=True))
