"""What a step of training minimises, sees and gives: the seam between `fit` and its steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

from engine import Value
from nn.examples import Vector
from nn.losses import Loss
from nn.module import Module
from nn.optimizer import Optimizer


class Objective(NamedTuple):
    """What is minimised: the mean loss of a batch, and penalties on the weights, without biases."""

    loss: Loss
    l1: float = 0.0
    l2: float = 0.0


class Outcome(NamedTuple):
    """What a step has seen, before it moved the parameters."""

    loss: float  # of the batch: the objective
    outputs: Vector | Sequence[Sequence[float]]  # a row for each example


class Step(ABC):
    """One step of training. Whatever is called as this is will do for `fit`.

    Args:
        model: the network, whose parameters the optimiser moves.
        objective: what is minimised.
        optimizer: how the parameters move.

    Attributes:
        takes_arrays: whether targets may be given as an array, too.
    """

    takes_arrays = False

    def __init__(self, model: Module, objective: Objective, optimizer: Optimizer) -> None:
        self.model, self.objective, self.optimizer = model, objective, optimizer

    @abstractmethod
    def __call__(self, X: Vector, targets: list[Any]) -> Outcome:
        """Compute the objective of a batch and its gradient, and let the optimiser move.

        Args:
            X: the examples, shape (n, inputs).
            targets: theirs, as `Loss.check` gave them.

        Raises:
            FloatingPointError: if the loss, a gradient or a parameter would be NaN or infinite; it
                names the first bad node, and no parameter has moved.
        """

    @property
    def kind(self) -> str:
        """What tells it from steps that do not give the same to the last bit."""
        return type(self).__name__

    @contextmanager
    def held(self) -> Iterator[None]:
        """Around many steps: inside, it may keep the parameters' numbers to itself."""
        yield


MakeStep: TypeAlias = Callable[[Module, Objective, Optimizer], Callable[..., Outcome]]


def weights(model: Module) -> list[Value]:
    """The parameters that penalties are on: all but those called bias, such as `0.bias[3]`.

    >>> model = Module()
    >>> model.bias, model.unbiased = [Value(1.0)], Value(2.0)
    >>> weights(model)
    [Value(2.0)]
    """
    named = model.named_parameters()
    return [p for name, p in named if name.rpartition(".")[2].partition("[")[0] != "bias"]
