"""What training can go back to: the last step, the best epoch, the chance that was there before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any

from nn.module import Module
from nn.optimizer import Optimizer


class Moment:
    """The numbers of the parameters and all that the optimiser remembers, as they are now."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        # These are replaced by a step, never changed in place; but for lr, which the run sets.
        self.numbers = optimizer.numbers.read()
        self.settings, self.state, self.steps = optimizer.settings, optimizer.state, optimizer.steps

    def restore(self) -> None:
        """Go back to it."""
        optimizer = self.optimizer
        optimizer.numbers.write(self.numbers)
        optimizer.settings, optimizer.state, optimizer.steps = self.settings, self.state, self.steps


@contextmanager
def all_or_nothing(optimizer: Optimizer) -> Iterator[Moment]:
    """If something comes between, above all Ctrl-C, the parameters are again what they were."""
    before = Moment(optimizer)
    try:
        yield before
    except BaseException:
        before.restore()
        raise


@dataclass
class Best:
    """The epoch with the lowest validation loss so far, and its weights."""

    loss: float = inf
    epoch: int = 0  # from 1
    waited: int = 0  # how many epochs have passed since
    weights: dict[str, Any] = field(default_factory=dict)

    def observe(self, loss: float, epoch: int, model: Module) -> None:
        """Take note of an epoch."""
        self.waited += 1
        if loss < self.loss:
            self.loss, self.epoch, self.waited = loss, epoch, 0
            self.weights = model.state_dict()


@contextmanager
def chance_kept(model: Module) -> Iterator[None]:
    """Afterwards every module has the source of chance that it had, which a run reseeds."""
    before = [(module, module.chance) for module in model.modules() if hasattr(module, "chance")]
    try:
        yield
    finally:
        for module, chance in before:
            module.chance = chance
