"""One call of a recorded function: what is asked for, and how the answer is put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from librt.vecs import vec
from mypy_extensions import i32

from engine.program import Result, Wanted
from engine.recording.arguments import Arguments
from engine.recording.options import Options, Reduce, Wrt, output_weights
from engine.recording.replays import Replays
from engine.structures import leaves, restore


class Captured(NamedTuple):
    """What a function was for arguments of one shape."""

    replays: Replays
    result: Any  # what it returned, for its structure


class Call:
    """A call for the value and the gradient.

    Args:
        arguments: what was given.
        captured: what the function is for such arguments.
        wrt: in what it is differentiated, if that was said.
        reduce: whether the derivatives are of the mean or the sum, if that was said.
        seeds: what each output counts.
        options: what holds where nothing was said.
        name: what the function is called.

    Raises:
        TypeError, ValueError: if this makes no sense.
    """

    def __init__(
        self,
        arguments: Arguments,
        captured: Captured,
        wrt: Wrt | None,
        reduce: Reduce | None,
        seeds: Any,
        options: Options,
        name: str,
    ) -> None:
        tape = captured.replays.tape
        self.arguments, self.captured, self.batch = arguments, captured, arguments.batch
        self.wrt, self.reduce = options.derivative(
            wrt, reduce, bool(tape.parameters), self.batch is not None, name
        )
        weights = output_weights(seeds, len(tape.flat.outputs), name)
        share = 1 / self.batch if self.reduce == "mean" and self.batch else 1.0
        differentiated = tuple(k for k, weight in enumerate(weights) if weight != 0.0)
        self.wanted = Wanted(self.wrt != "inputs", self.wrt != "parameters", differentiated)
        self.seeds = [weights[k] * share for k in differentiated]
        self.dtype = options.dtype or arguments.dtype
        by_tape = options.replay == "tape" or (
            options.replay == "auto" and captured.replays.faster(1) == "tape"
        )
        self.is_quick = (
            self.batch is None and by_tape and not captured.replays.draws and not options.check
        )
        self.outputs, self.starts = vec[i32](differentiated), vec[float](self.seeds)

    def again(self, given: Sequence[Any]) -> Call:
        """The same call with other numbers: arguments of the same types and shapes."""
        other = object.__new__(Call)
        other.__dict__.update(self.__dict__)
        other.arguments = self.arguments.again(given)
        return other

    def at_point(self, given: Sequence[Any]) -> tuple[Any, Any]:
        """The value and the gradient for plain floats and lists of them, on the shortest way."""
        inputs: list[float] = []
        for each in given:
            if type(each) is list:
                inputs += each
            else:
                inputs.append(each)
        replays, result = self.captured
        point = replays.take_point()
        point.read_parameters()
        point.forward(inputs, not replays.tape.flat.extends)
        point.backward(self.outputs, self.starts)
        single = type(result) is int
        value = point.output(0) if single else restore(result, map(point.output, leaves(result)))
        of_parameters = np.array(point.parameter_gradient()) if self.wanted.parameters else None
        of_inputs: Any = None
        if self.wanted.inputs:
            parts = restore(tuple(given), iter(point.input_gradient()))
            of_inputs = parts[0] if len(parts) == 1 else parts
        replays.points.append(point)
        if self.wrt == "both":
            return value, (of_inputs, of_parameters)
        return value, of_inputs if of_parameters is None else of_parameters

    def answer(self, found: Result) -> tuple[Any, Any]:
        """The value and the gradient, structured as they were asked for."""
        value = restore(self.captured.result, map(self.value, found.outputs))
        if self.wrt == "parameters":
            return value, found.parameter_gradient
        assert found.input_gradient is not None
        summed = self.reduce != "none" or self.batch is None
        of_inputs = self.arguments.shaped(found.input_gradient, summed)
        return value, of_inputs if self.wrt == "inputs" else (of_inputs, found.parameter_gradient)

    def value(self, output: Any) -> Any:
        """An output: a number for one point, or for a mean or sum; else one for each example."""
        if self.batch is None:
            return float(output[0])
        if self.reduce == "none":
            return output
        total = float(np.add.reduce(output))
        if self.reduce == "sum":
            return total
        return total / self.batch if self.batch else float("nan")


def key_of(given: Sequence[Any]) -> tuple[Any, ...] | None:
    """What tells a call with other types or shapes; None if it would take long to find out."""
    key: list[Any] = []
    for each in given:
        if type(each) is np.ndarray and each.ndim and each.dtype in (np.float64, np.float32):
            key.append((each.shape, each.dtype.char))
        elif type(each) is float:
            key.append(None)
        elif type(each) is list and {*map(type, each)} == {float}:
            key.append(len(each))
        else:
            return None
    return tuple(key)
