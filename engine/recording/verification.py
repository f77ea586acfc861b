"""Whether a replay says what the recorded function says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.batching.plan import Result
from engine.capture import recording
from engine.derive import gradient
from engine.functions import FUNCTIONS
from engine.program import Wanted
from engine.recording.arguments import Arguments, labels
from engine.recording.rounding import Trials, doubt
from engine.structures import leaves
from engine.value import Value, as_value
from engine.wording import count as counted

Array = NDArray[Any]

ULPS: Final = 64  # units in the last place by which an operation may be off


class Asked(NamedTuple):
    """What was asked of a recorded function: which derivatives, of what, where."""

    function: Callable[..., Any]
    parameters: Sequence[Value]
    arguments: Arguments
    wanted: Wanted
    seeds: Sequence[float]
    outputs: int
    name: str


class Example:
    """The function itself, called on one example.

    Args:
        asked: what is asked of it.
        inputs: the numbers.
    """

    def __init__(self, asked: Asked, inputs: list[float]) -> None:
        nodes = [Value(x) for x in inputs]
        # Whatever no_grad() says around; and what does not exist is inf or NaN, and no error.
        with recording("the check", []):
            result = leaves(asked.function(*asked.arguments.stand_ins(nodes)))
            self.outputs = [as_value(each) for each in result]
            self.root = FUNCTIONS["sum"](self.outputs)
        self.xs = [*asked.parameters, *nodes]
        self.weights = dict(zip(asked.wanted.differentiated, asked.seeds, strict=True))
        self.values = np.array([each.data for each in self.outputs])
        self.slopes = np.zeros(len(self.xs))
        for k, weight in self.weights.items() if len(result) == asked.outputs else ():
            self.slopes += weight * np.array(gradient(self.outputs[k], self.xs))

    def doubts(self, unit: float) -> tuple[Array, Array]:
        """How far the values, and the slopes, may be off."""
        trials = Trials(self.root, unit)
        values = np.array([trials.values[id(each)] for each in self.outputs])
        slopes = np.zeros((len(self.xs), 1))
        for k, weight in self.weights.items():
            slopes = slopes + trials.gradient(self.outputs[k], weight, self.xs)
        return doubt(values, self.values), doubt(slopes, self.slopes)


def compare(asked: Asked, found: Result) -> None:
    """Compare a replay with the function itself, called on every example.

    Each number is compared for itself, so that a large one does not hide what is wrong in a small
    one. How far rounding may take it is only looked into if it is further off than its last digits.

    Raises:
        RuntimeError: if the replay says something else.
    """
    arrays = asked.arguments.arrays(np.float64)
    rows = np.concatenate(arrays, axis=1).tolist() if arrays else [[]]
    check = Check(asked, found.outputs[0].dtype)
    count = len(asked.parameters)
    total, sizes = np.zeros(count), np.zeros(count)
    for k, row in enumerate(rows):
        here = Example(asked, row)
        if len(here.values) != asked.outputs:
            raise RuntimeError(
                f"{asked.name} was recorded with {counted(asked.outputs, 'output')}, but returns "
                f"{len(here.values)} now: how many there are must not change between calls"
            )
        mine, theirs = np.array([each[k] for each in found.outputs], float), here.values
        if found.input_gradient is not None:
            mine = np.concatenate([mine, found.input_gradient[:, k]])
            theirs = np.concatenate([theirs, here.slopes[count:]])
        if check.off(mine, theirs).any():
            values, slopes = here.doubts(check.unit)
            where = f" of example {k}" if asked.arguments.batch is not None else ""
            far = np.concatenate([values, slopes[count:]])[: len(mine)]
            check.require(mine, theirs, far, [name + where for name in check.names()])
        total += here.slopes[:count]
        sizes += np.abs(here.slopes[:count])
    if found.parameter_gradient is None:
        return
    mine, far = np.asarray(found.parameter_gradient, float), check.unit * sizes
    if check.off(mine, total, far).any():
        far = far + sum(Example(asked, row).doubts(check.unit)[1][:count] for row in rows)
        names = [each.label or f"parameter {k}" for k, each in enumerate(asked.parameters)]
        check.require(mine, total, far, [f"derivative in {name}" for name in names])


class Check:
    """What tells a wrong number from a rounded one.

    Args:
        asked: what was asked.
        dtype: in which it was computed.
    """

    def __init__(self, asked: Asked, dtype: Any) -> None:
        self.asked, self.dtype = asked, dtype
        self.unit = ULPS * float(np.finfo(dtype).eps)

    def names(self) -> list[str]:
        """What the outputs, and the derivatives in the inputs, are called."""
        arguments = self.asked.arguments
        count = self.asked.outputs
        outputs = [f"output {k}" for k in range(count)] if count > 1 else ["value"]
        inputs = labels(arguments.names, arguments.given)
        return outputs + [f"derivative in {name}" for name in inputs]

    def off(self, mine: Array, theirs: Array, far: Array | float = 0.0) -> Array:
        """Which numbers are further apart than rounding explains."""
        with np.errstate(all="ignore"):
            near = np.abs(mine - theirs) <= self.unit * np.abs(theirs) + 4 * far
            theirs = theirs.astype(self.dtype)  # it may be too large for float32
        alike = (mine == theirs) | (np.isnan(mine) & np.isnan(theirs))
        return np.asarray(~(near & np.isfinite(theirs) | alike | np.isinf(far)))

    def require(self, mine: Array, theirs: Array, far: Array, names: Sequence[str]) -> None:
        """Raise if a number is wrong."""
        wrong = np.flatnonzero(self.off(mine, theirs, far))
        if len(wrong):
            k = int(wrong[0])
            raise RuntimeError(
                f"the replay of {self.asked.name} differs from the function itself: its {names[k]} "
                f"is {mine[k]}, but should be {theirs[k]}. Does it depend on something that was "
                "different when it was recorded: a global number, a branch taken in Python, v.data "
                "read before, random.random() or the like?"
            )
