"""The step of training that `fit` takes: model and loss as a program, parameters as a vector."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isfinite
from typing import Any, Final, NamedTuple

import numpy as np
from librt.vecs import vec
from numpy.typing import DTypeLike

from engine import Value
from engine.loops.slots import write_gradients
from engine.program import Wanted
from engine.quiet import quietly
from nn.eager_step import EagerStep
from nn.examples import Vector
from nn.flat import from_leaves
from nn.labels import values
from nn.layers import Dropout
from nn.losses import l1, l2
from nn.metrics import count_outputs
from nn.module import Module
from nn.objective import Objective, Outcome, Step
from nn.optimizer import Optimizer
from nn.recording import NotRecorded, Recording
from nn.targets import Targets

OF_THE_LOSS: Final = Wanted(parameters=True, inputs=False, differentiated=(0,))


class Recorded(NamedTuple):
    """A recording, and what belongs to it."""

    recording: Recording
    targets: Targets  # how they are given to it
    dropouts: list[Dropout]  # whose chance it draws from


class RecordedStep(Step):
    """A step on a graph that is built once, for all examples of all batches.

    It gives what an EagerStep gives up to the order of additions. It is recorded when it is
    prepared, or at the first call, in the mode that the model has then: training or not. What
    cannot be recorded is done node by node. So is a batch whose loss or gradient is NaN or
    infinite, to say where that came up. An infinity on the way to a finite loss, of which 1 / (1 +
    exp(1000)) is an example, is an error there and none here.

    Args:
        model: the network, whose parameters the optimiser moves.
        objective: what is minimised.
        optimizer: how the parameters move.
        dtype: float32 if loss and gradient are to be computed in that, which is quicker for large
            batches; the parameters and what the optimiser remembers are float64 all the same.

    Raises:
        ValueError: if dtype is something else.

    Attributes:
        unrecorded: why it was not recorded; "" if it was, or if it was not tried yet.

    >>> from nn import LOSSES, MLP, SGD, xor
    >>> model, (X, y) = MLP(2, [4, 1], "tanh", seed=1), xor()
    >>> objective = Objective(LOSSES["squared_error"])
    >>> step = RecordedStep(model, objective, SGD(model.parameters(), lr=0.2))
    >>> step.prepare(X, y.tolist())
    >>> with step.held():  # the Values have the new numbers afterwards
    ...     losses = [step(X, y.tolist()).loss for _ in range(300)]
    >>> losses[-1] < 0.01
    True
    """

    takes_arrays = True

    def __init__(
        self,
        model: Module,
        objective: Objective,
        optimizer: Optimizer,
        dtype: DTypeLike = np.float64,
    ) -> None:
        super().__init__(model, objective, optimizer)
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(f"dtype is float32 or float64, but got {dtype!r}")
        self.eager = EagerStep(model, objective, optimizer)
        moved = {id(p) for p in optimizer.parameters}
        still = [p for p in self.eager.parameters if id(p) not in moved]
        self.parameters = [*optimizer.parameters, *still]
        self.example: tuple[Vector, Any] | None = None  # that it is recorded for
        self.recorded: Recorded | None = None
        self.unrecorded = ""
        self.still = np.empty(0)  # the numbers that the optimiser does not move
        self.gradient: Any = None  # of the last step: a vector, of dtype
        self.last: tuple[list[Vector], Vector] | None = None  # its inputs and parameters

    @property
    def kind(self) -> str:
        """That of the step that is really done."""
        return self.eager.kind if self.unrecorded else super().kind

    def prepare(self, X: Vector, targets: list[Any] | Vector) -> None:
        """Record it, if it was not tried yet.

        Args:
            X: examples, of which only the shape matters.
            targets: theirs.
        """
        if self.example is None:
            example = X[:1], listed(targets[:1])[0]
            self.renew(*example)
            self.example = example

    def renew(self, X: Vector, target: Any) -> None:
        """Record it, and keep what was recorded before if that is still the same."""
        earlier = self.recorded and self.recorded.recording
        try:
            made = self.record(X, target)
        except NotRecorded as reason:
            self.recorded, self.unrecorded = None, str(reason)
        else:
            self.recorded = made._replace(recording=made.recording.instead_of(earlier))

    def record(self, X: Vector, target: Any) -> Recorded:
        """Model, loss and penalties as one program.

        Raises:
            NotRecorded: if that cannot be.
        """
        kind, loss = type(self.optimizer), self.objective.loss
        if kind.step is not Optimizer.step:
            raise NotRecorded(f"{kind.__name__} has a step() of its own")
        outputs = count_outputs(self.model, X) if loss.targets == "classes" else 0
        targets = Targets(loss, outputs, target, self.dtype)

        def compute(x: list[Value], y: list[Value]) -> list[Value]:
            output = self.model(x)
            found = loss(output, targets.of(y))
            if not isinstance(found, Value):
                raise TypeError(f"the loss gave {found!r}")
            return [self.penalised(found), *values(output)]

        columns, functions = (X.shape[1], targets.width), (loss.function, type(loss).__call__)
        made = Recording(compute, columns, self.parameters, self.model, functions)
        if not any(made.reached[: len(self.optimizer.parameters)]):
            raise NotRecorded("the loss does not depend on what the optimiser moves")
        dropouts = [each for each in self.model.modules() if isinstance(each, Dropout)]
        return Recorded(made, targets, dropouts)

    def penalised(self, loss: Value) -> Value:
        """The loss of an example, with the penalties: their mean is themselves."""
        for penalty, strength in ((l1, self.objective.l1), (l2, self.objective.l2)):
            if strength:
                loss = loss + penalty(self.eager.weights, strength)
        return loss

    def __call__(self, X: Vector, targets: list[Any] | Vector) -> Outcome:
        """As for every Step."""
        self.prepare(X, targets)
        if self.recorded is None:
            return self.eager(X, listed(targets))
        if self.optimizer.numbers.vector is None:
            with self.held():
                return self(X, targets)
        recording, _, dropouts = self.recorded
        chance = states(dropouts) if recording.draws else []
        try:
            if chance or self.optimizer.is_foreign:  # which may have contexts of their own
                return self.moved(X, targets, self.optimizer.update)
            return quietly(self.moved, X, targets, self.advanced)
        except FloatingPointError:
            return self.node_by_node(X, listed(targets), chance)

    def moved(
        self, X: Vector, targets: list[Any] | Vector, update: Callable[[Vector, Any], Vector]
    ) -> Outcome:
        """The step by the recording, after which the parameters have what `update` makes of them.

        Raises:
            FloatingPointError: if the loss, the gradient or a result is NaN or infinite.
        """
        assert self.recorded is not None
        recording, into, _ = self.recorded
        n, numbers = len(X), self.optimizer.numbers
        assert numbers.vector is not None
        data = everything = numbers.vector
        if len(self.still):
            everything = np.concatenate([data, self.still])
        inputs = [np.asarray(X, self.dtype), into.matrix(targets)]
        if not recording.draws:  # else it is an array of its own
            self.gradient = None  # which the run overwrites
        outputs, gradient, _, _ = recording.run(inputs, everything, OF_THE_LOSS, (1 / n,))
        loss = sum(outputs[0].tolist()) / n
        if not isfinite(loss):
            raise FloatingPointError
        assert gradient is not None
        self.gradient, self.last = gradient, (inputs, everything)
        numbers.vector = update(data, gradient[: len(data)])
        return Outcome(loss, np.asarray(outputs[1:]).T)

    def advanced(self, data: Vector, gradient: Any) -> Vector:
        """What a rule of ours makes of the parameters; if it can be, the plan has it at once."""
        assert self.recorded is not None
        optimizer, plan, copy = self.optimizer, self.recorded.recording.latest_plan, None
        if plan is not None and plan.copies and not len(self.still):
            copy, plan.held = plan.parameters, None
        new = optimizer.at_once(data, gradient, copy)
        if new is None:
            return optimizer.advance(data, np.asarray(gradient, float))
        if plan is not None and copy is not None:
            plan.held = new
        return new

    def node_by_node(self, X: Vector, targets: list[Any], chance: list[tuple[Any, Any]]) -> Outcome:
        """The same step by the eager engine, to say what is wrong with it, if anything is."""
        for source, state in chance:
            source.setstate(state)
        self.gradient = self.last = None  # it leaves the gradient where it belongs
        self.optimizer.numbers.show()
        return self.eager(X, targets)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Around many steps: inside, the numbers of the parameters are in one vector alone.

        It is recorded anew if code that is not ours finds other numbers around it than before.
        """
        if self.example and self.recorded and self.recorded.recording.outdated:
            self.renew(*self.example)
        if self.recorded is None:
            yield
            return
        still = self.recorded.recording.parameters[len(self.optimizer.parameters) :]
        self.still, self.gradient, self.last = from_leaves(still), None, None
        try:
            with self.optimizer.numbers.held():
                yield
        finally:
            self.leave_gradient()

    def leave_gradient(self) -> None:
        """Let the parameters have the gradient of the last step, as backward() leaves it."""
        if self.last is None or self.recorded is None:
            return
        recording, (inputs, numbers) = self.recorded.recording, self.last
        if self.gradient is None:  # overwritten by a run that was broken off
            found = recording.run(inputs, numbers, OF_THE_LOSS, (1 / len(inputs[0]),))
            self.gradient = found.parameter_gradient
        nodes: list[Any] = self.parameters
        write_gradients(nodes, vec[float](np.asarray(self.gradient, float)))
        for p, reached in zip(self.parameters, recording.reached, strict=False):
            if not reached:
                p.zero_grad()


def listed(targets: list[Any] | Vector) -> list[Any]:
    """Targets as a list."""
    return targets if isinstance(targets, list) else targets.tolist()


def states(dropouts: list[Dropout]) -> list[tuple[Any, Any]]:
    """What random numbers are drawn from, and its state."""
    sources: list[Any] = [random, *(each.chance for each in dropouts if each.chance)]
    return [(source, source.getstate()) for source in sources]
