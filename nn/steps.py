"""The mechanics of one training step, behind a seam: `fit` knows only that a step can be called.

An `EagerStep` builds the graph of every example anew, node by node. A `RecordedStep` builds it once
and gives the same up to the order of additions, at the speed of arrays.
"""

from __future__ import annotations

from nn.eager_step import EagerStep
from nn.module import Module
from nn.objective import MakeStep, Objective, Outcome, Step, weights
from nn.optimizer import Optimizer
from nn.recorded_step import RecordedStep

__all__ = [
    "EagerStep",
    "MakeStep",
    "Objective",
    "Outcome",
    "RecordedStep",
    "Step",
    "make_step",
    "weights",
]


def make_step(model: Module, objective: Objective, optimizer: Optimizer) -> Step:
    """The step that `fit` takes: recorded, and node by node where that cannot be."""
    return RecordedStep(model, objective, optimizer)
