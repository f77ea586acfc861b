"""What is learned from: examples, labels, and the loss; all checked before anything moves."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import Value
from nn.choice import choose
from nn.labels import checked, plain
from nn.losses import LOSSES, Loss
from nn.module import Module, count

Vector: TypeAlias = NDArray[np.float64]
Chosen: TypeAlias = str | Loss | Callable[[Any, Any], Value] | None

OWN: Final = "own"  # the kind of target of a loss that is the user's own function


def choose_loss(given: Chosen, model: Module, y: Any) -> Loss:
    """The loss that is meant by a name, a Loss, or a function of output and target.

    None is the squared error for numbers, and the cross-entropy that suits the network for classes:
    integers, bools, one-hot included. For a single output that is the binary cross-entropy, after
    sigmoids Nielsen's.

    Raises:
        TypeError, ValueError: if it is none of these; if the labels fit no default.

    >>> choose_loss(None, Module(), [0.5, 1.5]).name
    'squared_error'
    """
    if given is None:
        return default_loss(model, y)
    if isinstance(given, Loss):
        return given
    if isinstance(given, str) or not callable(given):
        return choose("a loss", given, LOSSES)
    known = (loss for loss in LOSSES.values() if loss.function is given)
    own = Loss(getattr(given, "__name__", type(given).__name__), given, OWN)
    return next(known, own)


def default_loss(model: Module, y: Any) -> Loss:
    """The loss for labels like these, if nobody names one."""
    try:
        labels = np.asarray(y)
    except ValueError:  # rows of different lengths: the check that follows names the first
        return LOSSES["squared_error"]
    if labels.dtype.kind not in "biu":
        return LOSSES["squared_error"]
    if model.output_activation == "sigmoid":
        return LOSSES["nielsen_cross_entropy"]
    if model.n_out is None or model.n_out > 1:
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


def inputs_for(model: Module, X: ArrayLike, where: str = "X") -> Vector:
    """The examples as an array of floats, one row each, checked against what the model takes.

    Raises:
        TypeError: if they are no numbers.
        ValueError: if there are none, a number is NaN or infinite, or a row does not fit.
    """
    try:
        found: Vector = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where} must be rows of numbers, all of one length: {error}") from None
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
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        i, j = bad[0].tolist()
        raise ValueError(f"{where}[{i}][{j}] is {found[i, j]}: clean the data first")
    return found


def targets_for(loss: Loss, model: Module, y: Any, outputs: int, where: str = "y") -> list[Any]:
    """The labels as the loss takes them, checked; those of a function of one's own must be finite.

    Raises:
        TypeError, ValueError: as `Loss.check`, naming the set of labels.
    """
    try:
        if loss.targets != OWN:
            return loss.check(y, outputs, model.output_activation)
        labels = plain(y)
        width = len(labels[0]) if labels and isinstance(labels[0], list | tuple) else 1
        checked("numbers", labels, width)
        return list(labels)
    except (TypeError, ValueError) as error:
        raise type(error)(re.sub(r"^y\b", where, str(error))) from None
