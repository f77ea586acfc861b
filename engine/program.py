"""The program: a tape as a few instructions on arrays, for whole batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.batching.instructions import Instruction, Layout, Z
from engine.batching.listing import Names
from engine.batching.plan import Plan
from engine.rules import ROWS
from engine.tape import Tape

Array = NDArray[Any]

CACHE: Final = 2**22  # bytes of values and gradients that a chunk may take
KEPT_PLANS: Final = 12


class Wanted(NamedTuple):
    """Which gradients a run computes."""

    parameters: bool = False
    inputs: bool = False
    differentiated: tuple[int, ...] = ()  # outputs that are seeded


NOTHING: Final = Wanted()
Key = tuple[int, Any, tuple[int, ...], Wanted]  # batch, dtype, columns of the inputs


class NotFinite(ArithmeticError):  # noqa: N818 - it says what it has met
    """A run that was to be strict has met infinity or NaN."""


class Result(NamedTuple):
    """What a run gives: arrays that belong to the caller."""

    outputs: list[Array]  # of each, a number per example
    parameter_gradient: Array | None  # summed over the examples
    input_gradient: Array | None  # shape (inputs, batch)


class Program:
    """Array instructions that compute what a tape computes, for any number of examples.

    It can be printed, and counted with len(). Runs may come from several threads at once.

    Args:
        tape: what is to be computed.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.plans: dict[Key, list[Plan]] = {}
        self.lock = Lock()

    @cached_property
    def layout(self) -> Layout:
        """The instructions."""
        return Layout(self.tape.fused)

    @property
    def instructions(self) -> list[Instruction]:
        """The instructions, in the order in which they run."""
        return self.layout.instructions

    def __len__(self) -> int:
        return len(self.layout.instructions)

    @cached_property
    def selects(self) -> bool:
        """Whether rows that select are among the nodes, whose zeros may hide an infinity."""
        return any(ROWS[each.code].selects for each in self.layout.instructions)

    def run(
        self,
        inputs: Sequence[Array],
        parameters: Array,
        dtype: Any,
        wanted: Wanted = NOTHING,
        seeds: Sequence[float] = (),
        strict: bool = False,
    ) -> Result:
        """Compute the outputs of a batch, and gradients if they are wanted.

        Args:
            inputs: the examples, matrices with a row for each.
            parameters: the numbers of all parameters.
            dtype: in which it is computed.
            wanted: which gradients.
            seeds: for each differentiated output.
            strict: whether to give up where a value is not finite.

        Raises:
            NotFinite: if strict, where a float might have raised an error.
        """
        batch = len(inputs[0]) if inputs else 1
        chunk = self.chunk(batch, dtype, wanted)
        if batch <= chunk:
            return self.run_chunk(inputs, parameters, dtype, wanted, seeds, strict)
        outputs = [np.empty(batch, dtype) for _ in self.layout.flat.outputs]
        of_parameters = np.zeros(len(parameters), dtype) if wanted.parameters else None
        of_inputs = np.empty((self.layout.flat.inputs, batch), dtype) if wanted.inputs else None
        for first in range(0, batch, chunk):
            rows = slice(first, min(first + chunk, batch))
            part = [each[rows] for each in inputs]
            found = self.run_chunk(part, parameters, dtype, wanted, seeds, strict)
            for array, output in zip(outputs, found.outputs, strict=True):
                array[rows] = output
            if of_parameters is not None:
                of_parameters += found.parameter_gradient
            if of_inputs is not None:
                of_inputs[:, rows] = found.input_gradient
        return Result(outputs, of_parameters, of_inputs)

    def run_chunk(
        self,
        inputs: Sequence[Array],
        parameters: Array,
        dtype: Any,
        wanted: Wanted,
        seeds: Sequence[float],
        strict: bool,
    ) -> Result:
        """The same for so many examples as are run at once."""
        batch = len(inputs[0]) if inputs else 1
        key = batch, dtype, tuple(each.shape[1] for each in inputs), wanted
        plan = self.borrow(key)
        plan.parameters[:] = parameters
        with np.errstate(all="ignore"):
            plan.run(inputs, seeds)
        if strict and not plan.is_finite():
            raise NotFinite
        found = Result(
            plan.results(),
            plan.parameter_gradient.copy() if wanted.parameters else None,
            plan.input_gradient.copy() if wanted.inputs else None,
        )
        self.give_back(plan, key)
        return found

    def chunk(self, batch: int, dtype: Any, wanted: Wanted) -> int:
        """How many examples at a time: so many that their rows stay in the processor's cache."""
        least = self.least_chunk
        if batch < 2 * least:
            return max(1, batch)
        rows = self.layout.sizes[Z] * (2 if wanted.differentiated else 1)
        size = max(1, CACHE // (rows * np.dtype(dtype).itemsize))
        return batch if batch < 2 * size else max(size, least)

    @cached_property
    def least_chunk(self) -> int:
        """Matrix products have a cache of their own, and want to be large."""
        return 4096 if any(each.kind == "matrix" for each in self.layout.instructions) else 512

    # --- plans: one at a time for each thread ---

    def borrow(self, key: Key) -> Plan:
        """A plan that nobody else uses."""
        with self.lock:
            kept = self.plans.pop(key, [])
            plan = kept.pop() if kept else None
            self.plans[key] = kept  # the last used is last
            while len(self.plans) > KEPT_PLANS:
                del self.plans[next(iter(self.plans))]
        batch, dtype, columns, wanted = key
        return Plan(self.layout, batch, dtype, columns, *wanted) if plan is None else plan

    def give_back(self, plan: Plan, key: Key) -> None:
        """Keep a plan for the next run."""
        with self.lock:
            self.plans.setdefault(key, []).append(plan)

    def __getstate__(self) -> Tape:
        return self.tape

    def __setstate__(self, tape: Tape) -> None:
        Program.__init__(self, tape)

    # --- printing ---

    def __repr__(self) -> str:
        return f"<program of {len(self)} instructions for {len(self.tape)} nodes>"

    def __str__(self) -> str:
        return "\n".join([self.headline(), *self.lines()])

    def headline(self) -> str:
        """What it is, in a line, and how to read the others."""
        return (
            f"{len(self.tape):,} nodes as {len(self)} array instructions. t1[16] is 16 rows with a "
            "number for every example, t1{16} are 16 numbers that all examples share."
        )

    def lines(self) -> Iterator[str]:
        """The instructions, one line each."""
        names = Names(self.tape, self.layout)
        for number, instruction in enumerate(self.layout.instructions):
            yield names.line(number, instruction)
