"""Neurons, layers and networks composed from the engine's Values, and what it takes to train them.

>>> from nn import MLP
>>> model = MLP(2, [16, 16, 1], activation="tanh", seed=1)
>>> model
MLP 2 → 16 tanh → 16 tanh → 1 linear, 337 parameters
>>> score = model([1.0, -2.0])
>>> score.backward()
>>> len([p for p in model.parameters() if p.has_grad])
337

By hand a step of training is six lines, `fit` does it with everything around:

>>> from nn import SGD, squared_error, xor
>>> X, y = xor()
>>> optimizer = SGD(model.parameters(), lr=0.05)
>>> for _ in range(3):
...     loss = sum(squared_error(model(x), t) for x, t in zip(X, y)) / len(X)
...     optimizer.zero_grad()
...     loss.backward()
...     optimizer.step()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nn.activations import ACTIVATIONS, Activation
from nn.init import INITIALISERS
from nn.layers import Dropout, Layer, Neuron
from nn.losses import (
    LOSSES,
    absolute_error,
    binary_cross_entropy,
    cross_entropy,
    half_squared_error,
    hinge,
    l1,
    l2,
    nielsen_cross_entropy,
    quadratic_cost,
    squared_error,
)
from nn.module import Module
from nn.networks import MLP, Sequential
from nn.optim import OPTIMIZERS, SGD, Adam, AdamW, Optimizer, RMSprop
from nn.schedules import SCHEDULES, Constant, Cosine, HalveOnPlateau, InverseTime, Step, WarmUp

if TYPE_CHECKING:
    from nn.data import and_, batches, circles, digits, moons, names, or_, spirals, split, xor
    from nn.expansion import expand
    from nn.history import History
    from nn.idx import mnist
    from nn.metrics import accuracy, confusion_matrix, outputs, predict
    from nn.training import Diverged, fit

LAZY = {  # loaded at first use: importing nn does not load NumPy
    "nn.data": "and_ batches circles digits moons names or_ spirals split xor",
    "nn.expansion": "expand",
    "nn.history": "History",
    "nn.metrics": "accuracy confusion_matrix outputs predict",
    "nn.idx": "mnist",
    "nn.training": "Diverged fit",
}
PLACES = {name: module for module, names in LAZY.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module 'nn' has no attribute {name!r}")
    globals()[name] = getattr(import_module(PLACES[name]), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *PLACES})


__all__ = [
    "ACTIVATIONS",
    "INITIALISERS",
    "LOSSES",
    "MLP",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Diverged",
    "Dropout",
    "HalveOnPlateau",
    "History",
    "InverseTime",
    "Layer",
    "Module",
    "Neuron",
    "Optimizer",
    "RMSprop",
    "Sequential",
    "Step",
    "WarmUp",
    "absolute_error",
    "accuracy",
    "and_",
    "batches",
    "binary_cross_entropy",
    "circles",
    "confusion_matrix",
    "cross_entropy",
    "digits",
    "expand",
    "fit",
    "half_squared_error",
    "hinge",
    "l1",
    "l2",
    "mnist",
    "moons",
    "names",
    "nielsen_cross_entropy",
    "or_",
    "outputs",
    "predict",
    "quadratic_cost",
    "spirals",
    "split",
    "squared_error",
    "xor",
]
