"""What a loss compares the outputs of a network with: targets of the right kind, size and range.

One function per kind of target. Each takes the target of one example, the number of outputs, and
what to call the target in an error; a Value in it passes, for a recorded step has targets as
Values. NumPy scalars and rows are taken everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, Final

from engine import Value
from engine.node import number

Numbers = list[Any]  # floats, and Values where the target held some


def numbers(target: Any, outputs: int, where: str) -> Numbers:
    """One number per output: a list of them, or a class of several, as one-hot.

    >>> numbers(0.5, 1, "y"), numbers([1, 2], 2, "y"), numbers(2, 3, "y")
    ([0.5], [1.0, 2.0], [0.0, 0.0, 1.0])
    """
    target = plain(target)
    if isinstance(target, list | tuple):
        if len(target) != outputs:
            raise ValueError(
                f"{where} has {len(target)} numbers, but the network has {outputs} "
                f"output{'s'[: outputs > 1]}: give one number for each"
            )
        return [finite(each, where) for each in target]
    if outputs == 1:
        return [finite(target, where)]
    hot = class_index(target, outputs, where)
    return [float(k == hot) for k in range(outputs)]


def signs(target: Any, outputs: int, where: str) -> Numbers:
    """-1 or 1 for the only output.

    >>> signs(-1, 1, "y")
    [-1.0]
    """
    if outputs != 1:
        raise ValueError(
            f"labels -1 and 1 are for a network of one output, but it has {outputs}: "
            'for several classes use loss="cross_entropy"'
        )
    found = numbers(target, 1, where)
    refuse_others(found, (-1.0, 1.0), where, "-1 or 1", "for labels 0 and 1 write 2 * y - 1")
    return found


def probabilities(target: Any, outputs: int, where: str) -> Numbers:
    """From 0 to 1 for each output; 0 or 1 says which class it is.

    >>> probabilities(0.9, 1, "y"), probabilities(1, 3, "y")
    ([0.9], [0.0, 1.0, 0.0])
    """
    found = numbers(target, outputs, where)
    for each in found:
        if not isinstance(each, Value) and not 0 <= each <= 1:
            raise ValueError(
                f"{where} must be from 0 to 1, but got {each:g}: for labels -1 and 1 write "
                "(y + 1) / 2"
            )
    return found


def binary(target: Any, outputs: int, where: str) -> Numbers:
    """0 or 1 for each output, or a class of several, as one-hot.

    >>> binary(1, 1, "y"), binary([0, 1], 2, "y"), binary(0, 3, "y")
    ([1.0], [0.0, 1.0], [1.0, 0.0, 0.0])
    """
    found = probabilities(target, outputs, where)
    refuse_others(found, (0.0, 1.0), where, "0 or 1", "round what is in between")
    return found


def distribution(target: Any, outputs: int, where: str) -> int | Numbers:
    """A class from 0, or a probability for each output; these add up to 1.

    >>> distribution(2, 3, "y"), distribution([0.25, 0.75], 2, "y")
    (2, [0.25, 0.75])
    """
    if outputs == 1:
        raise ValueError(
            "classes need one output each, but the network has one in all: for two classes 0 and "
            '1 and one output use loss="binary_cross_entropy"'
        )
    target = plain(target)
    if not isinstance(target, list | tuple):
        return class_index(target, outputs, where)
    found = probabilities(target, outputs, where)
    if not any(isinstance(each, Value) for each in found) and abs(sum(found) - 1) > 1e-6:
        raise ValueError(
            f"{where} has probabilities that add up to {sum(found):g}, not to 1: divide by the "
            "sum, or give the number of the class"
        )
    return found


def classes(target: Any, outputs: int, where: str) -> int:
    """A class from 0; one-hot is taken too.

    >>> classes(2, 3, "y"), classes([0, 1], 2, "y")
    (2, 1)
    """
    found = distribution(target, outputs, where)
    if isinstance(found, int):
        return found
    refuse_others(found, (0.0, 1.0), where, "one-hot", "a single 1 and the rest 0")
    return found.index(1.0)


LABELS: Final[dict[str, Callable[[Any, int, str], Any]]] = {
    "numbers": numbers,
    "signs": signs,
    "binary": binary,
    "classes": classes,
}


def checked(kind: str, y: Any, outputs: int, where: str = "y") -> list[Any]:
    """All labels of a data set, converted, before any of them is used.

    Args:
        kind: a name of LABELS.
        y: one label per example: a list, or an array of shape (n,) or (n, outputs).
        outputs: how many outputs the network has.
        where: what to call y in an error.

    Returns:
        One entry per example: a class as an int; a number for one output, or a list of numbers.

    Raises:
        TypeError: if y is no list of labels, or a label no number.
        ValueError: if there are none, or one is NaN or not of this kind: it says which.

    >>> checked("classes", [2, 0, [0, 1, 0]], outputs=3)
    [2, 0, 1]
    >>> checked("signs", [1, 0], outputs=1)
    Traceback (most recent call last):
    ...
    ValueError: y[1] must be -1 or 1, but got 0: for labels 0 and 1 write 2 * y - 1
    """
    at_once = in_bulk(kind, y, outputs)
    if at_once is not None:
        return at_once
    labels = plain(y)
    if not isinstance(labels, list | tuple):
        raise TypeError(
            f"{where} must be a list or an array with one label per example, but got {y!r} of type "
            f"{type(y).__name__}"
        )
    if not labels:
        raise ValueError(f"{where} is empty: there is nothing to learn from")
    found = [LABELS[kind](label, outputs, f"{where}[{k}]") for k, label in enumerate(labels)]
    return [row[0] for row in found] if outputs == 1 else found


def in_bulk(kind: str, y: Any, outputs: int) -> list[Any] | None:
    """The same by a few array operations; None if y is no plain array, or something is wrong.

    >>> in_bulk("classes", [2, 0], 3), in_bulk("numbers", [2, 0], 3)
    ([2, 0], [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    >>> in_bulk("signs", [1, 0], 1)
    """
    import numpy as np

    if isinstance(y, list) and set(map(type, y)) <= {int, float}:
        y = np.array(y)
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "biuf" or not y.size:
        return None
    found = y.astype(np.float64)
    good: Any = np.isfinite(found).all()
    rows: Any = found.ravel() if outputs == 1 else found
    if found.ndim == 1 and good and outputs > 1:  # the numbers of classes
        with np.errstate(invalid="ignore"):
            hot = found.astype(np.intp)
        good = kind != "signs" and (hot == found).all() and 0 <= hot.min() <= hot.max() < outputs
        rows = hot if kind == "classes" or not good else np.eye(outputs)[hot]
    elif found.shape not in ((len(found),), (len(found), outputs)):
        return None
    elif kind == "classes":
        good = outputs > 1 and np.isin(found, (0, 1)).all() and (found.sum(axis=1) == 1).all()
        rows = found.argmax(axis=-1)
    elif kind == "signs":
        good = outputs == 1 and np.isin(found, (-1, 1)).all()
    elif kind == "binary":
        good = np.isin(found, (0, 1)).all()
    return list(rows.tolist()) if good else None


# --- what they have in common ---


def values(output: Any) -> list[Value]:
    """The outputs of a network as a list."""
    found = [output] if isinstance(output, Value) else output
    if hasattr(found, "__len__") and len(found) and all(isinstance(a, Value) for a in found):
        return list(found)
    raise TypeError(
        f"a loss takes the network's output first, a Value or a list of Values, and then the "
        f"target, but got {output!r} of type {type(output).__name__} as the output"
    )


def plain(given: Any) -> Any:
    """Arrays as nested lists, NumPy scalars as numbers; anything else as it is."""
    return given.tolist() if hasattr(given, "tolist") else given


def finite(given: Any, where: str) -> Any:
    """A finite number, or a Value."""
    if isinstance(given, Value):
        return given
    found = number(given, where)
    if not isfinite(found):
        raise ValueError(f"{where} is {found}, which no output can come near: clean the data first")
    return found


def class_index(given: Any, outputs: int, where: str) -> int:
    """The number of a class, from 0; a whole float is taken too."""
    found = finite(number(given, where), where)
    if found % 1 or not 0 <= found < outputs:
        advice = "; if they count from 1, write y - 1" if found == outputs else ""
        raise ValueError(
            f"{where} is {found:g}, but the classes of a network with {outputs} outputs are the "
            f"whole numbers 0 to {outputs - 1}{advice}"
        )
    return int(found)


def refuse_others(
    found: Numbers, allowed: tuple[float, ...], where: str, words: str, advice: str
) -> None:
    """Refuse numbers other than the allowed ones."""
    for each in found:
        if not isinstance(each, Value) and each not in allowed:
            raise ValueError(f"{where} must be {words}, but got {each:g}: {advice}")
