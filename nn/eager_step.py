"""The step of training that anybody would write: a graph for every example, and its backward()."""

from __future__ import annotations

from functools import cached_property
from math import isfinite
from typing import Any

from engine import Value, topological_order
from nn.examples import Vector
from nn.labels import values
from nn.losses import Loss, l1, l2
from nn.module import Module
from nn.objective import Objective, Outcome, Step, weights
from nn.optimizer import Optimizer
from nn.refusals import Unbounded


class EagerStep(Step):
    """A step on graphs that are built anew for every example, and gone after it.

    The gradient of a mean is the mean of the gradients, so each example is differentiated by itself
    with the seed 1/n, and the parameters add up: a batch takes no more memory than one example.

    Args:
        model: the network, whose parameters the optimiser moves.
        objective: what is minimised.
        optimizer: how the parameters move.
    """

    def __init__(self, model: Module, objective: Objective, optimizer: Optimizer) -> None:
        super().__init__(model, objective, optimizer)
        self.parameters = model.parameters()

    @cached_property
    def weights(self) -> list[Value]:
        """What penalties are on."""
        return weights(self.model)

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
