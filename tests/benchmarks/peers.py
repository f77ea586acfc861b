"""The peers, each set up as its users would for speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from measure import Side, peer, version


def torch_on_one_thread() -> Any:
    """Torch as we run: for steps as small as these its threads cost more than they bring.

    Raises:
        Skipped: if it is not installed.
    """
    torch = peer("torch")
    torch.set_num_threads(1)
    return torch


def jax_in_double() -> Any:
    """Jax, which computes in float32 unless told; arrays of float32 stay what they are.

    Raises:
        Skipped: if it is not installed.
    """
    jax = peer("jax")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    return jax


def bound(casadi_function: Any, arguments: Sequence[Any]) -> tuple[Callable[[], None], list[Any]]:
    """A call of a casadi function on arrays that it reads and writes in place: its fastest.

    Args:
        casadi_function: of vectors.
        arguments: an array of float64 for each.

    Returns:
        The call, and the arrays of its results.
    """
    buffer, call = casadi_function.buffer()
    for k, argument in enumerate(arguments):
        buffer.set_arg(k, memoryview(argument))
    results = [np.zeros(casadi_function.nnz_out(k)) for k in range(casadi_function.n_out())]
    for k, result in enumerate(results):
        buffer.set_res(k, memoryview(result))

    call.alive = [buffer, *arguments]  # as long as the call
    return call, results


def by_xad(parameters: list[Any], compute: Callable[[], Any]) -> Side:
    """The side of xad, whose numbers write themselves on a tape; it is rewound before each step.

    Args:
        parameters: numbers of xad.
        compute: a step's result, of which their gradient is taken.
    """
    tape = peer("xad.adj_1st").Tape()
    gradient: list[float] = []

    def run(steps: int) -> float:
        with tape:
            for _ in range(steps):
                tape.clearAll()
                tape.registerInputs(parameters)
                tape.newRecording()
                result = compute()
                tape.registerOutput(result)
                result.derivative = 1.0
                tape.computeAdjoints()
            gradient[:] = [parameter.derivative for parameter in parameters]
            return float(result.value)

    return Side(version("xad"), run, lambda: gradient)


def in_our_order(arrays: Iterable[Any]) -> list[float]:
    """The numbers of matrices of weights, each with the biases: neuron by neuron, its bias last."""
    each = [np.asarray(array) for array in arrays]
    layers = zip(each[::2], each[1::2], strict=True)
    found: list[float] = np.concatenate([np.column_stack(pair).ravel() for pair in layers]).tolist()
    return found
