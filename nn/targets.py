"""Targets of a recorded loss: inputs of its program, like the examples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from engine import Value
from nn.examples import Vector
from nn.losses import Loss


class Targets:
    """Targets as the rows of a matrix, and back as what a loss takes.

    Args:
        loss: what takes them.
        outputs: how many outputs the network has.
        example: one of them, as `Loss.check` gave it.
        dtype: of the matrix.

    >>> from nn.losses import LOSSES
    >>> targets = Targets(LOSSES["cross_entropy"], 3, 2)
    >>> targets.matrix([2, 0]).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """

    def __init__(
        self, loss: Loss, outputs: int, example: Any, dtype: DTypeLike = np.float64
    ) -> None:
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.one_hot = np.eye(outputs, dtype=dtype) if loss.targets == "classes" else None
        self.is_list = self.one_hot is not None or isinstance(example, list)
        self.width = outputs if self.one_hot is not None else len(example) if self.is_list else 1

    def matrix(self, targets: list[Any] | Vector) -> NDArray[Any]:
        """A row for each target."""
        if self.one_hot is not None:
            return self.one_hot.take(targets, axis=0)  # type: ignore[arg-type] # whole numbers
        return np.asarray(targets, self.dtype).reshape(-1, self.width)

    def of(self, row: list[Value]) -> Any:
        """What the loss takes for a row."""
        return row if self.is_list else row[0]
