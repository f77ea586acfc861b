"""Calls of a recorded function: what is asked for, and how the answer is put together.

Compiled like node.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from librt.vecs import vec
from mypy_extensions import i32

from engine.batching.kernels import LONGEST_SUM
from engine.batching.plan import Result
from engine.loops.point import Point
from engine.program import NOTHING, Wanted
from engine.quiet import quietly
from engine.recording.arguments import Arguments
from engine.recording.options import Options, output_weights
from engine.recording.plain import in_a_row, like
from engine.recording.replays import Job, Replays
from engine.structures import leaves, restore


class Captured(NamedTuple):
    """What a function was for arguments of one shape."""

    replays: Replays
    result: Any  # what it returned, for its structure


class Call:
    """A call for the value.

    Args:
        arguments: what was given.
        captured: what the function is for such arguments.
        options: what holds where nothing was said.

    Attributes:
        is_point, is_batch: whether `at_point` or `at_batch` serves later calls of such arguments.
    """

    wanted = NOTHING
    seeds: list[float] = []

    def __init__(self, arguments: Arguments, captured: Captured, options: Options) -> None:
        self.arguments = arguments.again(())  # a call is kept, but not the caller's arrays
        self.captured, self.batch = captured, arguments.batch
        self.dtype = arguments.dtype(options.dtype)
        replays = captured.replays
        plain = not replays.draws and not options.check
        chosen = replays.chosen(options.replay, self.batch, self.dtype)
        self.is_point = plain and self.batch is None and chosen == "tape"
        arrays = all(isinstance(each, np.ndarray) for each in arguments.given)
        self.is_batch = plain and bool(self.batch) and arrays
        # For `at_point`: what is looked up in no other object takes less time.
        self.replays, self.is_nested = replays, arguments.is_nested
        self.is_number = type(captured.result) is int
        self.uses_program = chosen == "program"
        self.replay = replays.by_program if self.uses_program else replays.by_tape

    def at_point(self, given: Sequence[Any], at: Any) -> Any:
        """What plain floats and lists of them give, on the shortest way."""
        replays = self.replays
        here = replays.take_point(at)
        point = here.point
        point.forward(in_a_row(given) if self.is_nested else given, replays.raises)
        value = point.output(0) if self.is_number else self.value_at(point)
        replays.points.append(here)
        return value

    def value_at(self, point: Point) -> Any:
        """The values that a point has computed, structured as the function returns them."""
        result = self.captured.result
        return restore(result, map(point.output, leaves(result)))

    def at_batch(self, given: Sequence[Any], at: Any) -> Any:
        """What arrays give, on the shortest way."""
        return quietly(self.in_batch, given, at)

    def in_batch(self, given: Sequence[Any], at: Any) -> Any:
        """The same; NumPy may warn."""
        inputs = [np.asarray(each, self.dtype) for each in given]
        inputs = [x if x.ndim == 2 else x.reshape(len(x), -1) for x in inputs]
        found = self.by_plan(inputs, at) if self.uses_program else None
        if found is None or found.has_nan:
            job = Job(inputs, self.dtype, self.wanted, self.seeds, False, at)
            found = self.replay(job) if found is None else self.replays.mended(found, job)
        return self.answer(found)

    def by_plan(self, inputs: list[Any], at: Any) -> Result | None:
        """What a plan that is at rest gives; None if there is none.

        `Replays.by_program` and `Program.run` would find the same one, on a longer way.
        """
        replays, program = self.replays, self.replays.program
        key: Any = self.batch, self.dtype, tuple([x.shape[1] for x in inputs]), self.wanted
        try:
            kept: list[Any] = program.plans[key]
            plan = kept.pop()  # which no other thread can pop too
        except LookupError:
            return None
        if at is None:
            reading = replays.take_reading()
            plan.run(inputs, reading.read(), self.seeds)
            replays.readings.append(reading)
        else:
            plan.run(inputs, at, self.seeds)
        found: Result = plan.result(program.selects)
        kept.append(plan)
        return found

    def answer(self, found: Result) -> Any:
        """The value, structured as the function returns it."""
        result = self.captured.result
        if type(result) is int:
            return self.value(found.outputs[0])
        return restore(result, map(self.value, found.outputs))

    def value(self, output: Any) -> Any:
        """An output: a number for one point, else one for each example."""
        return float(output[0]) if self.batch is None else output


class GradientCall(Call):
    """A call for the value and the gradient.

    Args:
        arguments, captured, options: as for every call.
        wrt: in what it is differentiated, if that was said.
        reduce: whether the derivatives are of the mean or the sum, if that was said.
        seeds: what each output counts.
        name: what the function is called.

    Raises:
        TypeError, ValueError: if this makes no sense.
    """

    def __init__(
        self,
        arguments: Arguments,
        captured: Captured,
        options: Options,
        wrt: Any,  # whatever was given: `Options.derivative` says what is wrong with it
        reduce: Any,
        seeds: Any,
        name: str,
    ) -> None:
        super().__init__(arguments, captured, options)
        has_parameters = bool(captured.replays.tape.parameters)
        self.wrt, self.reduce = options.derivative(
            wrt, reduce, has_parameters, self.batch is not None, name
        )
        weights = output_weights(seeds, captured.result, name)
        share = 1 / self.batch if self.reduce == "mean" and self.batch else 1.0
        differentiated = tuple(k for k, weight in enumerate(weights) if weight != 0.0)
        self.wanted = Wanted(self.wrt != "inputs", self.wrt != "parameters", differentiated)
        self.seeds = [weights[k] * share for k in differentiated]
        self.outputs, self.starts = vec[i32](differentiated), vec[float](self.seeds)
        # The sum of few numbers is quicker as a product; of many, it would be less accurate.
        count = 0 if self.reduce == "none" else self.batch or 0
        self.ones = np.ones(count, self.dtype) if 0 < count <= LONGEST_SUM else None

    def at_point(self, given: Sequence[Any], at: Any) -> tuple[Any, Any]:
        """What plain floats and lists of them give, on the shortest way."""
        replays = self.replays
        here = replays.take_point(at)
        point = here.point
        numbers = in_a_row(given) if self.is_nested else given
        point.run(numbers, replays.raises, self.outputs, self.starts)
        value = point.output(0) if self.is_number else self.value_at(point)
        gradient: Any
        if self.wrt == "parameters":
            gradient = here.parameter_gradient.copy()
        else:
            parts = like(given, list(point.input_gradient()))
            gradient = parts[0] if len(parts) == 1 else parts
            if self.wrt == "both":
                gradient = gradient, here.parameter_gradient.copy()
        replays.points.append(here)
        return value, gradient

    def answer(self, found: Result) -> tuple[Any, Any]:
        """The value and the gradient, structured as they were asked for."""
        value = super().answer(found)
        if self.wrt == "parameters":
            return value, found.parameter_gradient
        assert found.input_gradient is not None
        of_inputs = self.arguments.shaped(found.input_gradient, self.reduce != "none")
        return value, of_inputs if self.wrt == "inputs" else (of_inputs, found.parameter_gradient)

    def value(self, output: Any) -> Any:
        """An output: a number for one point, or for a mean or sum; else one for each example."""
        if self.batch is None or self.reduce == "none":
            return super().value(output)
        total = float(np.add.reduce(output) if self.ones is None else np.dot(output, self.ones))
        if self.reduce == "sum":
            return total
        return total / self.batch if self.batch else float("nan")
