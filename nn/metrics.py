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

Which line holds, `fit` leaves on the model as `model.reading`, and where no `loss` is given it is
used again. A model that `fit` has not trained, or that was loaded from a file, is read as the
default loss for classes has it: a sigmoid as a probability, anything else as a logit; only labels
-1 and 1 themselves are taken for signs. So give the loss to which you trained it by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import Value, no_grad
from nn.data import paired
from nn.examples import Chosen, Vector, choose_loss, default_loss, inputs_for, targets_for
from nn.flat import from_leaves
from nn.labels import checked, plain, values
from nn.losses import Loss
from nn.module import Module
from nn.readings import LOGIT, SIGN, Reading, is_one_hot, of_several
from nn.recording import NotRecorded, Recording

MANY: Final = 32  # so many examples are worth a recording
NUMBERS: Final = "where y holds numbers, none is right or wrong: look at the loss"


def reading(
    loss: Loss, outputs: int, targets: list[Any], known: Reading | None = None
) -> Reading | None:
    """How the outputs of a network for this loss are read; None if its targets are no classes.

    Args:
        loss: what it is trained with.
        outputs: how many outputs it has.
        targets: the targets, as `loss.check` gave them.
        known: how they were read in training; of the readings of this loss it is the first.

    >>> from nn.losses import LOSSES
    >>> reading(LOSSES["squared_error"], 1, [0.0, 1.0])
    Reading(classes=(0, 1), threshold=0.5)
    >>> reading(LOSSES["squared_error"], 1, [0.0, 1.5])
    """
    if outputs > 1:
        hot = all(isinstance(y, int) or is_one_hot(y) for y in targets)
        return of_several(outputs) if hot else None
    readings = (known, *loss.readings) if known in loss.readings else loss.readings
    return next(
        (each for each in readings if each and all(y in each.classes for y in targets)), None
    )


def default_reading(model: Module, outputs: int) -> Reading:
    """That of the default loss for classes."""
    return reading(default_loss(model, [0, 1], outputs), outputs, []) or LOGIT


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


def count_outputs(model: Module, X: ArrayLike) -> int:
    """How many outputs a model has, as it says or as the first example shows.

    >>> from nn.networks import Sequential
    >>> count_outputs(Sequential("tanh"), [[1.0, 2.0, 3.0]])
    3
    """
    if model.n_out is not None:
        return model.n_out
    row = inputs_for(model, X)[0].tolist()
    with in_mode(model, training=False), no_grad():
        return len(values(model(row)))


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
    rows = inputs_for(model, X)
    with in_mode(model, training=False):
        found = recorded_outputs(model, rows) if len(rows) >= MANY else None
        with no_grad():
            if found is None:
                return np.array([[a.data for a in values(model(x))] for x in rows.tolist()])
            for k in np.flatnonzero(~np.isfinite(found).all(axis=1)).tolist():
                found[k] = [a.data for a in values(model(rows[k].tolist()))]  # or an error
    return found


def recorded_outputs(model: Module, rows: Vector) -> Vector | None:
    """The outputs by a program; None if it cannot be recorded."""

    def compute(x: list[Value]) -> list[Value]:
        return values(model(x))

    try:
        recording = Recording(compute, [rows.shape[1]], model.parameters(), model)
    except NotRecorded:
        return None
    return np.array(recording.run([rows], from_leaves(recording.parameters)).outputs).T


def predict(model: Module, X: ArrayLike, *, loss: Chosen = None) -> NDArray[np.int64]:
    """The class of every example; for numbers take `outputs`.

    Args:
        model: the network.
        X: the examples, one per row.
        loss: what it was trained with; left out, `fit` has left that on the model, see above.

    Returns:
        Shape (n,): integers from 0, or -1 and 1.

    Raises:
        TypeError, ValueError: if an argument makes no sense.

    >>> from nn.networks import MLP
    >>> predict(MLP(2, [3, 1], init="zeros"), [[1.0, 2.0]], loss="hinge").tolist()
    [-1]
    """
    found = outputs(model, X)
    n, read = found.shape[1], model.reading
    if loss is not None:
        chosen = choose_loss(loss, model, None)
        read = reading(chosen, n, [], read) or LOGIT
        targets_for(chosen, model, [read.classes[0]], n)  # refuses a loss that does not fit
    read = read or default_reading(model, n)
    return np.asarray(read.each(found), np.int64)


def compared(
    model: Module, X: ArrayLike, y: ArrayLike, loss: Chosen
) -> tuple[Reading, list[int], list[int]]:
    """How its outputs are read, the true classes, and the predicted ones."""
    X, _ = paired(X, plain(y))
    found = outputs(model, X)
    n, known = found.shape[1], model.reading
    if loss is None:
        targets = checked("numbers", y, n)
        signed = known is None and n == 1 and -1 in targets and set(targets) <= {-1, 1}
        read = SIGN if signed else known or default_reading(model, n)
        refuse_strangers(targets, read, model)
    else:
        chosen = choose_loss(loss, model, y)
        targets = targets_for(chosen, model, y, n)
        measured = reading(chosen, n, targets, known)
        if measured is None:
            raise ValueError(f"y is no list of classes: {NUMBERS}")
        read = measured
    return read, [read.truth(target) for target in targets], read.each(found).tolist()


def refuse_strangers(targets: list[Any], read: Reading, model: Module) -> None:
    """Refuse targets that are none of the classes that outputs are read as."""
    for k, target in enumerate(targets):
        if isinstance(target, list):
            if not is_one_hot(target):
                raise ValueError(f"y[{k}] is {target}, neither a class nor one-hot: {NUMBERS}")
        elif target not in read.classes:
            first, second = read.classes
            raise ValueError(
                f"y[{k}] is {target:g}, but the single output of {model!r} tells class {first} "
                f"from class {second}: give labels of these two; {NUMBERS}"
            )


def accuracy(model: Module, X: ArrayLike, y: ArrayLike, *, loss: Chosen = None) -> float:
    """The part of the examples whose class is predicted right, from 0 to 1.

    Args:
        model: the network.
        X: the examples, one per row.
        y: their classes, as for `fit`.
        loss: what it was trained with, as for `predict`.

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
