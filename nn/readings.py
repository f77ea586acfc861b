"""How the outputs of a network are read as classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


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

    def each(self, outputs: Any) -> Any:
        """The class of every row of an array of outputs, as an array.

        >>> import numpy as np
        >>> Reading((0, 1, 2)).each(np.array([[0.1, 0.7, 0.2], [0.9, 0.0, 0.1]])).tolist()
        [1, 0]
        """
        if outputs.shape[1] > 1:
            return outputs.argmax(axis=1)
        first, second = self.classes
        return first + (second - first) * (outputs[:, 0] > self.threshold)

    def truth(self, target: Any) -> int:
        """The class that a target names: a class, or one-hot."""
        return target.index(max(target)) if isinstance(target, list) else int(target)


SIGN: Final = Reading((-1, 1), 0.0)
LOGIT: Final = Reading((0, 1), 0.0)
PROBABILITY: Final = Reading((0, 1), 0.5)


def of_several(outputs: int) -> Reading:
    """The reading of two or more outputs, of which the largest names the class."""
    return Reading(tuple(range(outputs)))


def is_one_hot(target: Any) -> bool:
    """Whether it is a list of a single 1 among zeros, be they floats or integers.

    >>> is_one_hot([0.0, 1.0]), is_one_hot([0.5, 0.5]), is_one_hot([1, 1])
    (True, False, False)
    """
    return isinstance(target, list) and sorted(target) == [0] * (len(target) - 1) + [1]
