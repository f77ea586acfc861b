"""What is learned from: examples, labels, and the loss; all checked before anything moves."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import Value
from engine.wording import count
from nn.choice import choose
from nn.labels import checked, plain
from nn.losses import LOSSES, Loss
from nn.module import Module

Vector: TypeAlias = NDArray[np.float64]
Chosen: TypeAlias = str | Loss | Callable[[Any, Any], Value] | None

OWN: Final = "own"  # the kind of target of a loss that is the user's own function
ELSEWHERE: Final = {  # what others call these losses, to be answered with the name that is meant
    other: name
    for name, others in {
        "squared_error": "mse mse_loss mseloss mean_squared_error l2 l2_loss l2loss",
        "absolute_error": "mae mae_loss mean_absolute_error l1 l1_loss l1loss",
        "hinge": "svm svm_loss max_margin",
        "binary_cross_entropy": "bce bce_loss bceloss bce_with_logits bcewithlogitsloss log_loss "
        "logloss logistic",
        "cross_entropy": "ce ce_loss crossentropyloss nll nll_loss nllloss softmax "
        "categorical_crossentropy sparse_categorical_crossentropy",
    }.items()
    for other in others.split()
}
NO_NUMBERS: Final = {  # what NumPy could make numbers of, by the kind of its dtype, and what to do
    "U": ("text", "turn it into numbers, say with X.astype(float), or into one-hot columns"),
    "S": ("bytes", "turn them into numbers, say with numpy.frombuffer"),
    "O": ("text among objects", "turn it into numbers"),
    "c": ("complex numbers", "give real and imaginary part as columns of their own"),
}


def choose_loss(given: Chosen, model: Module, y: Any, outputs: int | None = None) -> Loss:
    """The loss that is meant by a name, a Loss, or a function of output and target.

    None is the squared error for numbers, and the cross-entropy that suits the network for classes:
    integers, bools, and one-hot rows of any type, as wide as the outputs, two at least. For a
    single output that is the binary cross-entropy, after sigmoids Nielsen's.

    Args:
        given: what is to be found.
        model: the network.
        y: the labels, which matter for None only.
        outputs: how many outputs the network has, if it does not say so itself.

    Raises:
        TypeError, ValueError: if it is none of these; if the labels fit no default.

    >>> choose_loss(None, Module(), [0.5, 1.5]).name
    'squared_error'
    """
    if given is None:
        return default_loss(model, y, outputs)
    if isinstance(given, Loss):
        return given
    if isinstance(given, str) or not callable(given):
        return choose("a loss", given, LOSSES, ELSEWHERE)
    known = (loss for loss in LOSSES.values() if loss.function is given)
    own = Loss(getattr(given, "__name__", type(given).__name__), given, OWN)
    return next(known, own)


def default_loss(model: Module, y: Any, outputs: int | None = None) -> Loss:
    """The loss for labels like these, if nobody names one."""
    outputs = model.n_out or outputs
    try:
        labels = np.asarray(y)
    except ValueError:  # rows of different lengths: the check that follows names the first
        return LOSSES["squared_error"]
    if labels.dtype.kind not in "biu" and not one_hot(labels, outputs):
        return LOSSES["squared_error"]
    if model.output_activation == "sigmoid":
        return LOSSES["nielsen_cross_entropy"]
    if outputs != 1:
        return LOSSES["cross_entropy"]
    strange = np.setdiff1d(labels, [0, 1])
    if strange.size:
        raise ValueError(
            f"y holds whole numbers such as {strange[0]}, and {model!r} has a single output, which "
            'can tell class 0 from class 1: for labels -1 and 1 write loss="hinge", for more '
            "classes give the model an output for each, and where they are numbers write "
            'loss="squared_error"'
        )
    return LOSSES["binary_cross_entropy"]


def one_hot(labels: NDArray[Any], outputs: int | None) -> bool:
    """Whether these are rows of a single 1 among zeros, one place for each of several outputs.

    >>> one_hot(np.eye(3), 3), one_hot(np.eye(3) / 2, 3), one_hot(np.eye(3), 2)
    (True, False, False)
    """
    if labels.ndim != 2 or labels.shape[1] < 2 or labels.shape[1] != outputs:
        return False
    return bool(np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all())


def inputs_for(model: Module, X: ArrayLike, where: str = "X") -> Vector:
    """The examples as an array of floats, one row each, checked against what the model takes.

    Raises:
        TypeError: if they are no numbers.
        ValueError: if there are none, a number is NaN or infinite, or a row does not fit.
    """
    found = real_numbers(X, where)
    if found.size == 0:
        raise ValueError(f"{where} is empty: there is nothing to learn from")
    if found.ndim == 1 and model.n_in in (1, None):
        found = found.reshape(-1, 1)
    if found.ndim != 2:
        advice = "[x]" if found.ndim < 2 else f"{where}.reshape(len({where}), -1)"
        raise ValueError(
            f"{where} must have one row per example, but its shape is {found.shape}: write {advice}"
        )
    if model.n_in not in (None, found.shape[1]):
        raise ValueError(
            f"{model!r} takes {count(int(model.n_in or 0), 'input')}, but the rows of {where} have "
            f"{found.shape[1]}"
        )
    with np.errstate(all="ignore"):
        if isfinite(np.add.reduce(found, axis=None)):  # quick; infinite too if numbers are huge
            return found
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        i, j = bad[0].tolist()
        raise ValueError(f"{where}[{i}][{j}] is {found[i, j]}: clean the data first")
    return found


def real_numbers(X: ArrayLike, where: str) -> Vector:
    """An array of floats, nothing parsed and nothing cut off.

    Raises:
        TypeError: if it holds something else than real numbers.
        ValueError: if its rows differ in length.
    """
    if X is None:
        raise TypeError(f"{where} is None: give the examples, rows of numbers")
    try:
        found = np.asarray(X)
        flat = found.ravel().tolist() if found.dtype.kind == "O" else []
        if found.dtype.kind in "biufO" and not any(isinstance(x, str | bytes) for x in flat):
            return found.astype(np.float64, copy=False)  # nobody writes to it
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where} must be rows of numbers, all of one length: {error}") from None
    held, advice = NO_NUMBERS.get(found.dtype.kind, (f"{found.dtype}", "turn it into numbers"))
    raise TypeError(f"{where} must be rows of real numbers, but holds {held}: {advice}")


def targets_for(loss: Loss, model: Module, y: Any, outputs: int, where: str = "y") -> list[Any]:
    """The labels as the loss takes them, checked; those of a function of one's own must be finite.

    Raises:
        TypeError, ValueError: as `Loss.check`, naming the set of labels.
    """
    if loss.targets != OWN:
        return loss.check(y, outputs, model.output_activation, where)
    labels = plain(y)
    width = len(labels[0]) if labels and isinstance(labels[0], list | tuple) else 1
    checked("numbers", y, width, where)
    return list(labels)
