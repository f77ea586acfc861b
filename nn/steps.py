"""The mechanics of one training step, behind a seam: `fit` knows only that a Step can be called.

Another kind of step, recorded and batched, has to give what `EagerStep` gives up to the order of
additions, and goes into `make_step`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, NamedTuple, Protocol, TypeAlias

from engine import Value, topological_order
from nn.examples import Vector
from nn.labels import values
from nn.losses import Loss, l1, l2
from nn.module import Module
from nn.optimizer import Optimizer, Unbounded


class Objective(NamedTuple):
    """What is minimised: the mean loss of a batch, and penalties on the weights, without biases."""

    loss: Loss
    l1: float = 0.0
    l2: float = 0.0


class Outcome(NamedTuple):
    """What a step has seen, before it moved the parameters."""

    loss: float  # of the batch: the objective
    outputs: list[list[float]]  # of each example


class Step(Protocol):
    """One step of training."""

    def __call__(self, X: Vector, targets: list[Any]) -> Outcome:
        """Compute the objective of a batch and its gradient, and let the optimiser move.

        Args:
            X: the examples, shape (n, inputs).
            targets: theirs, as `Loss.check` gave them.

        Raises:
            FloatingPointError: if the loss, a gradient or a parameter would be NaN or infinite; it
                names the first bad node, and no parameter has moved.
        """


MakeStep: TypeAlias = Callable[[Module, Objective, Optimizer], Step]


class EagerStep:
    """A step on graphs that are built anew for every example, and gone after it.

    The gradient of a mean is the mean of the gradients, so each example is differentiated by itself
    with the seed 1/n, and the parameters add up: a batch takes no more memory than one example.

    Args:
        model: the network, whose parameters the optimiser moves.
        objective: what is minimised.
        optimizer: how the parameters move.
    """

    def __init__(self, model: Module, objective: Objective, optimizer: Optimizer) -> None:
        self.model, self.objective, self.optimizer = model, objective, optimizer
        self.parameters, self.weights = model.parameters(), weights(model)

    def __call__(self, X: Vector, targets: list[Any]) -> Outcome:
        """As for every Step."""
        for p in self.parameters:  # those too that the optimiser leaves alone
            p.zero_grad()
        total, outputs, n = 0.0, [], len(X)
        for x, target in zip(X.tolist(), targets, strict=True):
            output, loss = example_loss(self.model, self.objective.loss, x, target)
            loss.backward(1 / n)
            outputs.append(output)
            total += loss.data / n
        for penalty, strength in ((l1, self.objective.l1), (l2, self.objective.l2)):
            if strength:
                added = penalty(self.weights, strength)
                added.backward()
                total += added.data
        try:
            self.optimizer.step()
        except Unbounded as error:
            names = {id(p): name for name, p in self.model.named_parameters()}
            name = names[id(self.optimizer.parameters[error.place])]
            raise FloatingPointError(f"{name} {error.words}") from None
        return Outcome(total, outputs)


def make_step(model: Module, objective: Objective, optimizer: Optimizer) -> Step:
    """The step that `fit` takes: whichever kind is best for this model."""
    return EagerStep(model, objective, optimizer)


def weights(model: Module) -> list[Value]:
    """The parameters that penalties are on: all but those called bias, such as `0.bias[3]`.

    >>> model = Module()
    >>> model.bias, model.unbiased = [Value(1.0)], Value(2.0)
    >>> weights(model)
    [Value(2.0)]
    """
    named = model.named_parameters()
    return [p for name, p in named if name.rpartition(".")[2].partition("[")[0] != "bias"]


def example_loss(
    model: Module, loss: Loss, x: list[float], target: Any
) -> tuple[list[float], Value]:
    """The outputs and the loss of one example.

    Raises:
        FloatingPointError: if the loss is NaN, infinite, or has no value.
    """
    try:
        output = model(x)
        found = loss(output, target)
    except ArithmeticError as error:
        raise FloatingPointError(f"the loss has no value: {error}") from None
    except ValueError as error:
        if not str(error).startswith("math domain error"):
            raise
        raise FloatingPointError(f"the loss has no value: {error}") from None
    if not isinstance(found, Value):
        raise TypeError(
            f"the loss {loss.name} gave {found!r} of type {type(found).__name__}, where the "
            "gradient ends: compute it from the outputs, which are Values"
        )
    if not isfinite(found.data):
        raise FloatingPointError(f"the loss is {found.data}: {first_bad_node(found, model)}")
    return [a.data for a in values(output)], found


def first_bad_node(loss: Value, model: Module) -> str:
    """Where in a graph the first NaN or infinity came up, in words.

    >>> model = Module()
    >>> model.w = Value(1e308)
    >>> first_bad_node((model.w * 10 - 1) * 2, model)
    'the first bad node is mul = inf, computed from w = 1e+308, a number = 10'
    """
    names = {id(p): name for name, p in model.named_parameters()}
    node = next(node for node in topological_order(loss) if not isfinite(node.data))
    if not node.op:
        return f"the first bad node is {called(node, names)}, a leaf = {node.data}"
    pairs = zip(node.inputs, node.primals, strict=True)
    operands = [f"{called(each, names)} = {primal:g}" for each, primal in pairs]
    if len(operands) > 4:
        largest = sorted(range(len(operands)), key=lambda k: -abs(node.primals[k]))[:3]
        operands = [*(operands[k] for k in sorted(largest)), f"{len(operands) - 3} smaller ones"]
    return (
        f"the first bad node is {called(node, names)} = {node.data}, "
        f"computed from {', '.join(operands)}"
    )


def called(node: Value, names: dict[int, str]) -> str:
    """What a node is called in an error: a parameter's name, a label, or what computed it."""
    kind = node.op or ("a number" if node.is_constant else "a leaf")
    return names.get(id(node)) or node.label or kind
