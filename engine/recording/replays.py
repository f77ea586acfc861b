"""Which replay runs, the tape's loop or the program, and how they stand in for each other.

The loop is exact to the last rule: a gradient that `where` has not chosen is 0 whatever lies below.
Arrays would have 0 * inf = NaN there, so examples in which a gradient comes out as NaN are computed
again by the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ctypes import c_double
from typing import Any, Final, NamedTuple

import numpy as np
from librt.vecs import vec
from mypy_extensions import i32
from numpy.typing import NDArray

from engine.batching.plan import Plan, Result
from engine.loops.point import Point
from engine.loops.slots import read_leaves
from engine.node import ENGINE
from engine.program import NotFinite, Program, Wanted
from engine.quiet import quietly
from engine.tape import Tape

Array = NDArray[Any]
SINGLE: Final = np.dtype(np.float32)


class Job(NamedTuple):
    """What a run is asked for, as `Replays.run` explains it."""

    inputs: Sequence[Array]
    dtype: Any
    wanted: Wanted
    seeds: Sequence[float]
    strict: bool
    at: Array | None


class Station(NamedTuple):
    """The slots of a point, and arrays that share their memory."""

    point: Point
    parameters: Array
    parameter_gradient: Array
    input_gradient: Array


def station(point: Point) -> Station:
    """Arrays for the slots of a point."""
    first, last = point.first_parameter, point.first_input
    gradient = as_array(point.grad)
    # a vector gives its memory away for reading alone, but its owner may write
    count = last - first
    address = as_array(point.data).ctypes.data + first * gradient.itemsize
    parameters = np.empty(0)
    if count:
        memory: Any = (c_double * count).from_address(address)
        parameters = np.frombuffer(memory)
    return Station(point, parameters, gradient[first:last], gradient[last : point.flat.first])


class Reading:
    """The numbers of parameters, read again only if a leaf was assigned meanwhile."""

    __slots__ = ("array", "numbers", "parameters", "read_at")

    def __init__(self, parameters: list[Any]) -> None:
        self.parameters = parameters
        self.numbers = vec[float]([0.0] * len(parameters))
        self.array = as_array(self.numbers)
        self.read_at = -1  # ENGINE.writes when they were read

    def read(self) -> Array:
        """What they are now, to be looked at until the next time."""
        writes = ENGINE.writes
        if self.read_at != writes:
            read_leaves(self.parameters, self.numbers, 0)
            self.read_at = writes
        return self.array


class Replays:
    """Both replays of one recorded graph.

    Args:
        tape: the graph.
        draws: for inputs that each run draws anew, as dropout does: the last ones of the tape.
    """

    def __init__(self, tape: Tape, draws: Sequence[Callable[[], float]] = ()) -> None:
        self.tape, self.draws = tape, list(draws)
        self.program = Program(tape)
        self.raises = not tape.flat.extends  # where a value does not exist, for one point
        self.points: list[Station] = []  # those that are at rest: each serves one thread at a time
        self.readings: list[Reading] = []  # likewise

    def run(
        self,
        inputs: Sequence[Array],
        dtype: Any,
        wanted: Wanted,
        seeds: Sequence[float],
        strict: bool,
        choice: str = "auto",
        at: Array | None = None,
    ) -> Result:
        """Compute a batch by the replay that is chosen, or by the one that is faster.

        Args:
            inputs: the examples, matrices with a row for each.
            dtype: in which it is computed.
            wanted: which gradients.
            seeds: for each differentiated output.
            strict: whether it is a point, for which a value that does not exist is an error.
            choice: "tape", "program" or "auto".
            at: the numbers of the parameters, if not those that they have.

        Raises:
            ArithmeticError, ValueError: if strict, as in the eager engine.
        """
        batch = len(inputs[0]) if inputs else 1
        if self.draws:  # by code that is not ours, and has its own context
            drawn = [[draw() for draw in self.draws] for _ in range(batch)]
            inputs = [*inputs, np.array(drawn, dtype).reshape(batch, len(self.draws))]
        job = Job(inputs, dtype, wanted, seeds, strict and self.raises, at)
        by_tape = self.chosen(choice, None if strict else batch, dtype) == "tape"
        return quietly(self.by_tape if by_tape else self.by_program, job)

    def chosen(self, choice: str, batch: int | None, dtype: Any) -> str:
        """Which replay runs for a batch, or for one point if it is None: "tape" or "program"."""
        if batch == 0:
            return "tape"
        if choice != "auto":
            return choice
        # the loop knows float64 alone, and a result is not to change its digits with the batch
        return "program" if dtype == SINGLE else self.program.choice.faster(batch)

    def plan(self, batch: int, dtype: Any, columns: Sequence[int], wanted: Wanted) -> Plan | None:
        """A plan for somebody who keeps it, if a batch is computed as a whole by the program.

        Args:
            batch: how many examples.
            dtype: in which it is computed.
            columns: for each argument, how many inputs it has.
            wanted: which gradients.
        """
        program = self.program
        if self.draws or self.chosen("auto", batch, dtype) == "tape" or program.is_stream(batch):
            return None
        if batch > program.chunk(batch, dtype, wanted):
            return None
        return Plan(program.layout, batch, dtype, columns, *wanted)

    def by_program(self, job: Job) -> Result:
        """By array instructions; NumPy may warn."""
        inputs, dtype, wanted, seeds, strict, at = job
        reading = None
        if at is None:
            reading = self.take_reading()
            at = reading.read()
        try:
            found = self.program.run(inputs, at, dtype, wanted, seeds, strict)
        except NotFinite:
            return self.by_tape(job)
        if reading is not None:
            self.readings.append(reading)
        return self.mended(found, job) if found.has_nan else found

    def take_reading(self) -> Reading:
        """A reading of the parameters that nobody else uses, until it is put back."""
        try:
            return self.readings.pop()
        except IndexError:
            return Reading(self.tape.parameters)

    def take_point(self, at: Array | None) -> Station:
        """The slots of a point that nobody else uses, until they are put back.

        Those of a run that was broken off are not: nodes may have gradients left.

        Args:
            at: the numbers of the parameters, if not those that they have.
        """
        try:
            here = self.points.pop()  # which no other thread can pop too
        except IndexError:
            here = station(self.tape.point())
        if at is None:
            here.point.read_parameters()
        else:
            here.point.read_at = -1
            np.copyto(here.parameters, at)
        return here

    def mended(self, found: Result, job: Job) -> Result:
        """A result whose gradients that are NaN have been computed by the exact loop."""
        of_parameters, of_inputs = found.parameter_gradient, found.input_gradient
        if of_parameters is not None and np.isnan(of_parameters).any():
            exact = self.by_tape(job)
            return found._replace(
                parameter_gradient=exact.parameter_gradient, input_gradient=exact.input_gradient
            )
        if of_inputs is not None:
            bad = np.flatnonzero(np.isnan(of_inputs).any(axis=0))
            again = self.by_tape(job._replace(inputs=[each[bad] for each in job.inputs]))
            of_inputs[:, bad] = again.input_gradient
        return found

    def by_tape(self, job: Job) -> Result:
        """Example by example, by the tape's loop; NumPy may warn."""
        inputs, dtype, wanted = job.inputs, job.dtype, job.wanted
        batch = len(inputs[0]) if inputs else 1
        flat = self.tape.flat
        outputs = [np.empty(batch, dtype) for _ in flat.outputs]
        of_parameters = np.zeros(flat.parameters) if wanted.parameters else None
        of_inputs = np.empty((flat.inputs, batch), dtype) if wanted.inputs else None
        here = self.take_point(job.at)
        point = here.point
        differentiated, seeds = vec[i32](wanted.differentiated), vec[float](job.seeds)
        rows = np.concatenate(inputs, axis=1).tolist() if inputs else [[]]
        for k, row in enumerate(rows):
            point.forward(row, job.strict)
            for n, array in enumerate(outputs):
                array[k] = point.output(n)
            if len(seeds):
                point.backward(differentiated, seeds)
                if of_parameters is not None:
                    of_parameters += here.parameter_gradient
                if of_inputs is not None:
                    of_inputs[:, k] = here.input_gradient
        self.points.append(here)
        if of_parameters is not None:
            of_parameters = of_parameters.astype(dtype, copy=False)
        if of_inputs is not None and not len(seeds):
            of_inputs[:] = 0.0
        return Result(outputs, of_parameters, of_inputs)

    def __getstate__(self) -> dict[str, Any]:
        return {"tape": self.tape, "draws": self.draws}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Replays.__init__(self, state["tape"], state["draws"])


def as_array(numbers: Any) -> Array:
    """A vector of floats as an array that shares its memory and cannot be written to."""
    return np.frombuffer(numbers) if len(numbers) else np.empty(0)
