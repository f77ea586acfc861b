"""The peers, each set up as its users would for speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from measure import peer


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
