"""What an optimiser refuses: settings, parameters, and steps that would lead nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from typing import TYPE_CHECKING, Final

from engine import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

LIMITS: Final = {  # every setting is at least 0 and below its limit
    "lr": (inf, "0 or more and finite: a step goes lr times along the negative gradient"),
    "momentum": (1.0, "from 0 to below 1: the share of the velocity that is kept"),
    "weight_decay": (inf, "0 or more and finite: the strength of the pull towards 0"),
    "alpha": (1.0, "from 0 to below 1: the share of the old average of squares that is kept"),
    "beta1": (1.0, "from 0 to below 1: the share of the old mean gradient that is kept"),
    "beta2": (1.0, "from 0 to below 1: the share of the old mean square that is kept"),
    "eps": (inf, "0 or more and finite: it keeps a division by 0 away"),
    "nesterov": (2.0, "True or False"),
    "steps": (inf, "0 or more: how many steps were made"),
}
LOOK: Final = "look for the first bad node of the loss"
SLOW_DOWN: Final = "take a smaller learning rate, or eps above 0"


class Unbounded(FloatingPointError):  # noqa: N818 - says what has happened
    """A gradient, or what a parameter would become, is NaN or infinite.

    Args:
        place: of the parameter among those of the optimiser.
        words: what is the matter with it.
    """

    def __init__(self, place: int, words: str) -> None:
        super().__init__(place, words)  # as they are, so that it can be pickled
        self.place, self.words = place, words

    def __str__(self) -> str:
        return f"parameters[{self.place}] {self.words}"


def trainable(parameters: Iterable[Value], who: str) -> list[Value]:
    """The parameters as a list, if every one can be trained and is there once."""
    if not isinstance(parameters, Iterable) or isinstance(parameters, Iterator | set | frozenset):
        raise TypeError(
            f"{who}(parameters) takes a list of Values, which keeps its order and can be walked "
            f"again, but got a {type(parameters).__name__}: write model.parameters(), or list(...)"
        )
    found, places = list(parameters), dict[int, int]()
    if not found:
        raise ValueError(f"{who}(parameters) got an empty list: there is nothing to train")
    for k, p in enumerate(found):
        if not isinstance(p, Value):
            raise TypeError(
                f"{who}(parameters) takes Values, but parameters[{k}] is {p!r} of type "
                f"{type(p).__name__}: write model.parameters(), or make one with Value(number)"
            )
        if p.op or p.is_constant:
            kind = f"the result of {p.op}" if p.op else "a constant"
            raise ValueError(
                f"parameters[{k}] is {kind}, and only leaves can be trained: "
                "give the Values that were made with Value(number)"
            )
        if places.setdefault(id(p), k) != k:
            raise ValueError(
                f"parameters[{places[id(p)]}] and parameters[{k}] are the same Value, which would "
                "move twice in a step: give each once"
            )
    return found


def refuse_unbounded(vector: Vector, what: str, advice: str) -> None:
    """Name the first number that is NaN or infinite, if there is one."""
    import numpy as np

    bad = np.flatnonzero(~np.isfinite(vector))
    if len(bad):
        raise Unbounded(
            int(bad[0]),
            f"{what} {vector[bad[0]]}, so the step was not made and nothing has changed: {advice}",
        )
