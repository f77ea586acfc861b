"""What is learned from and validated with, and how well that goes in an epoch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from engine import Value, no_grad
from nn.data import Pair
from nn.eager_step import example_loss
from nn.examples import Vector
from nn.flat import from_leaves
from nn.labels import values
from nn.losses import Loss
from nn.metrics import MANY, in_mode
from nn.module import Module
from nn.readings import Reading
from nn.recording import NotRecorded, Recording
from nn.targets import Targets


class Data(NamedTuple):
    """What is learned from, checked, and what the epochs are validated with."""

    training: Pair
    validation: Pair | None
    reading: Reading | None  # how outputs are read as classes, if the labels are that


class Evaluation:
    """Loss and accuracy on the validation data, dropout and the like at rest.

    It is recorded once, if there are many examples; where that cannot be, it goes node by node.

    Args:
        model: the network.
        loss: the bare loss, without penalties.
        data: with validation data.
    """

    def __init__(self, model: Module, loss: Loss, data: Data) -> None:
        self.model, self.loss, self.data = model, loss, data
        self.recorded: tuple[Recording, Targets] | None = None
        self.tried = False

    def __call__(self) -> dict[str, float]:
        """Measure them, as a row for the history.

        Raises:
            FloatingPointError: if a loss is NaN or infinite; it names the first bad node.
        """
        assert self.data.validation is not None
        (X, y), read = self.data.validation, self.data.reading
        targets = y.tolist()
        with in_mode(self.model, training=False):
            losses, outputs = self.measured(X, targets)
        row = {"validation_loss": sum(losses) / len(X)}
        if read is None:
            return row
        return row | {"validation_accuracy": correct(read, outputs, y) / len(X)}

    def measured(self, X: Vector, targets: list[Any]) -> tuple[list[float], Any]:
        """The losses and the outputs of all examples."""
        recorded = self.recorded
        outdated = recorded is not None and recorded[0].outdated
        if outdated or (len(X) >= MANY and not self.tried):
            self.tried = True
            self.recorded = self.record(X, targets, recorded and recorded[0])
        if self.recorded is None:
            pairs = [self.example(x, y) for x, y in zip(X.tolist(), targets, strict=True)]
            return [loss for _, loss in pairs], [outputs for outputs, _ in pairs]
        recording, into = self.recorded
        numbers = from_leaves(recording.parameters)
        found = recording.run([X, into.matrix(targets)], numbers).outputs
        losses, outputs = found[0], np.array(found[1:]).T
        for k in np.flatnonzero(~np.isfinite(losses)).tolist():
            outputs[k], losses[k] = self.example(X[k].tolist(), targets[k])
        return losses.tolist(), outputs

    def record(
        self, X: Vector, targets: list[Any], earlier: Recording | None
    ) -> tuple[Recording, Targets] | None:
        """Outputs and loss of an example as one program; None if that cannot be."""
        model, loss = self.model, self.loss
        try:
            with no_grad():
                outputs = len(values(model(X[0].tolist())))
            into = Targets(loss, outputs, targets[0])

            def compute(x: list[Value], y: list[Value]) -> list[Value]:
                output = model(x)
                return [loss(output, into.of(y)), *values(output)]

            columns = X.shape[1], into.width
            functions = loss.function, type(loss).__call__
            made = Recording(compute, columns, model.parameters(), model, functions)
            return made.instead_of(earlier), into
        except (NotRecorded, ArithmeticError, ValueError):
            return None

    def example(self, x: list[float], target: Any) -> tuple[list[float], float]:
        """The outputs and the loss of one example, node by node."""
        try:
            with no_grad():
                outputs, found = example_loss(self.model, self.loss, x, target)
        except FloatingPointError:
            outputs, found = example_loss(self.model, self.loss, x, target)  # to name the node
        return outputs, found.data


def correct(read: Reading | None, outputs: Any, y: Vector) -> int:
    """How many of the outputs, a row for each example, name the right class."""
    if read is None:
        return 0
    true = y.argmax(axis=1) if y.ndim > 1 else y
    return int(np.count_nonzero(read.each(np.asarray(outputs)) == true))
