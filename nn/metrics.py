"""How good a network is: what it predicts, how often that is right, which classes it mixes up.

Outputs are read as classes by one rule, for `fit` as for the functions here. Of several outputs the
largest names the class. A single output says which of two it is:

| loss                              | above | class | otherwise |
|-----------------------------------|-------|-------|-----------|
| hinge                             | 0     | 1     | -1        |
| binary_cross_entropy, a logit     | 0     | 1     | 0         |
| nielsen_cross_entropy, a sigmoid  | 0.5   | 1     | 0         |
| of numbers, if they are 0 and 1   | 0.5   | 1     | 0         |
| of numbers, if they are -1 and 1  | 0     | 1     | -1        |

So give the `loss` that the network was trained with; left out, it is the one that `fit` takes
without words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import no_grad
from nn.data import paired
from nn.examples import Chosen, Vector, choose_loss, inputs_for, targets_for
from nn.labels import plain, values
from nn.losses import LOSSES, Loss
from nn.module import Module


@dataclass(frozen=True)
class Reading:
    """How outputs are read as a class.

    Args:
        classes: all there are; the class of several outputs is its place.
        threshold: a single output above it says that it is the second of the two.

    >>> Reading((-1, 1), 0.0)([0.3]), Reading((0, 1, 2))([0.1, 0.7, 0.2])
    (1, 1)
    """

    classes: tuple[int, ...]
    threshold: float = 0.0

    def __call__(self, outputs: list[float]) -> int:
        """The class that these outputs name."""
        if len(outputs) == 1:
            return self.classes[outputs[0] > self.threshold]
        return max(range(len(outputs)), key=outputs.__getitem__)

    def truth(self, target: Any) -> int:
        """The class that a target names: a class, or one-hot."""
        return target.index(max(target)) if isinstance(target, list) else int(target)


SIGNS: Final = Reading((-1, 1), 0.0)
LOGIT: Final = Reading((0, 1), 0.0)
PROBABILITY: Final = Reading((0, 1), 0.5)
BY_LOSS: Final = {
    "hinge": SIGNS,
    "binary_cross_entropy": LOGIT,
    "nielsen_cross_entropy": PROBABILITY,
}


def reading(loss: Loss, outputs: int, targets: list[Any]) -> Reading | None:
    """How the outputs of a network for this loss are read; None if its targets are no classes.

    Args:
        loss: what it is trained with.
        outputs: how many outputs it has.
        targets: the targets, as `loss.check` gave them.

    >>> reading(LOSSES["squared_error"], 1, [0.0, 1.0])
    Reading(classes=(0, 1), threshold=0.5)
    >>> reading(LOSSES["squared_error"], 1, [0.0, 1.5])
    """
    if outputs > 1:
        hot = all(isinstance(y, int) or is_one_hot(y) for y in targets)
        return Reading(tuple(range(outputs))) if hot else None
    if loss.name in BY_LOSS:
        return BY_LOSS[loss.name]
    kinds = (PROBABILITY, SIGNS)
    return next((each for each in kinds if all(y in each.classes for y in targets)), None)


def is_one_hot(target: Any) -> bool:
    """Whether it is a list of a single 1 among zeros."""
    return isinstance(target, list) and sorted(target) == [0] * (len(target) - 1) + [1]


# --- using a model ---


@contextmanager
def in_mode(model: Module, training: bool) -> Iterator[None]:
    """Inside, all of the model is training or not; every module is what it was afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def outputs(model: Module, X: ArrayLike) -> Vector:
    """The outputs of a network for every example, dropout and the like at rest.

    Args:
        model: the network.
        X: the examples, one per row.

    Returns:
        Shape (n, outputs).

    Raises:
        TypeError, ValueError: if the rows are not what the model takes.

    >>> from nn.networks import MLP
    >>> outputs(MLP(2, [3, 1], init="zeros"), [[1.0, 2.0], [3.0, 4.0]]).tolist()
    [[0.0], [0.0]]
    """
    rows = inputs_for(model, X).tolist()
    with in_mode(model, training=False), no_grad():
        return np.array([[a.data for a in values(model(x))] for x in rows])


def predict(model: Module, X: ArrayLike, *, loss: Chosen = None) -> NDArray[np.int64]:
    """The class of every example; for numbers take `outputs`.

    Args:
        model: the network.
        X: the examples, one per row.
        loss: what it was trained with, see above. Without one a single output is read by what it
            comes from: sigmoid as a probability, tanh as a sign, others as a logit.

    Returns:
        Shape (n,): integers from 0, or -1 and 1.

    Raises:
        TypeError, ValueError: if an argument makes no sense.

    >>> from nn.networks import MLP
    >>> predict(MLP(2, [3, 1], init="zeros", output="tanh"), [[1.0, 2.0]]).tolist()
    [-1]
    """
    found = outputs(model, X)
    ends_in = model.output_activation
    read = {"sigmoid": PROBABILITY, "tanh": SIGNS}.get(ends_in, LOGIT)
    if loss is not None:
        numbers = SIGNS if ends_in == "tanh" else PROBABILITY
        read = BY_LOSS.get(choose_loss(loss, model, None).name, numbers)
    return np.array([read(row) for row in found.tolist()])


def compared(
    model: Module, X: ArrayLike, y: ArrayLike, loss: Chosen
) -> tuple[Reading, list[int], list[int]]:
    """How its outputs are read, the true classes, and the predicted ones."""
    X, _ = paired(X, plain(y))
    found = outputs(model, X).tolist()
    kinds = set(np.ravel(plain(y)).tolist())
    signed = loss is None and len(found[0]) == 1 and -1 in kinds and kinds <= {-1, 1}
    chosen = LOSSES["hinge"] if signed else choose_loss(loss, model, y)
    targets = targets_for(chosen, model, y, len(found[0]))
    read = reading(chosen, len(found[0]), targets)
    if read is None:
        raise ValueError(
            "y holds numbers, of which none is right or wrong: look at the loss, or give classes"
        )
    return read, [read.truth(target) for target in targets], [read(row) for row in found]


def accuracy(model: Module, X: ArrayLike, y: ArrayLike, *, loss: Chosen = None) -> float:
    """The part of the examples whose class is predicted right, from 0 to 1.

    Args:
        model: the network.
        X: the examples, one per row.
        y: their classes, as for `fit`.
        loss: what it was trained with, see above.

    Raises:
        TypeError, ValueError: as for `fit`; if y are no classes.

    >>> from nn.networks import MLP
    >>> accuracy(MLP(2, [3, 1], init="zeros"), [[1.0, 2.0], [3.0, 4.0]], [0, 1])
    0.5
    """
    _, true, predicted = compared(model, X, y, loss)
    return sum(map(int.__eq__, true, predicted)) / len(true)


def confusion_matrix(
    model: Module, X: ArrayLike, y: ArrayLike, *, loss: Chosen = None
) -> NDArray[np.int64]:
    """How often each class was taken for which: rows are the true classes, columns the predicted.

    Args, Raises: as for `accuracy`.

    Returns:
        Shape (classes, classes); of two that a single output tells apart, the lower is first.

    >>> from nn.networks import MLP
    >>> confusion_matrix(MLP(2, [3, 1], init="zeros"), [[1.0, 2.0], [3.0, 4.0]], [0, 1]).tolist()
    [[1, 0], [1, 0]]
    """
    read, true, predicted = compared(model, X, y, loss)
    matrix = np.zeros((len(read.classes), len(read.classes)), dtype=np.int64)
    for row, column in zip(true, predicted, strict=True):
        matrix[read.classes.index(row), read.classes.index(column)] += 1
    return matrix
