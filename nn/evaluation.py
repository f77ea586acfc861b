"""What is learned from and validated with, and how well that goes in an epoch."""

from __future__ import annotations

from typing import Any, NamedTuple

from engine import no_grad
from nn.data import Pair
from nn.losses import Loss
from nn.metrics import in_mode
from nn.module import Module
from nn.readings import Reading
from nn.steps import example_loss


class Data(NamedTuple):
    """What is learned from, checked, and what the epochs are validated with."""

    training: Pair
    validation: Pair | None
    reading: Reading | None  # how outputs are read as classes, if the labels are that


def evaluate(model: Module, loss: Loss, data: Data) -> dict[str, float]:
    """Loss and accuracy on the validation data, dropout and the like at rest.

    Raises:
        FloatingPointError: if a loss is NaN or infinite; it names the first bad node.
    """
    assert data.validation is not None
    (X, y), read = data.validation, data.reading
    total, right = 0.0, 0
    with in_mode(model, training=False):
        for x, target in zip(X.tolist(), y.tolist(), strict=True):
            try:
                with no_grad():
                    outputs, found = example_loss(model, loss, x, target)
            except FloatingPointError:
                outputs, found = example_loss(model, loss, x, target)  # recorded, to name the node
            total += found.data
            right += correct(read, [outputs], [target])
    row = {"validation_loss": total / len(X)}
    return row if read is None else row | {"validation_accuracy": right / len(X)}


def correct(read: Reading | None, outputs: list[list[float]], targets: list[Any]) -> int:
    """How many of the outputs name the right class."""
    if read is None:
        return 0
    return sum(read(a) == read.truth(y) for a, y in zip(outputs, targets, strict=True))
