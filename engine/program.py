"""The program: a tape as a few instructions on arrays, for whole batches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.batching.boxes import Boxes
from engine.batching.choice import Choice
from engine.batching.expressions import Expressions
from engine.batching.instructions import Layout
from engine.batching.listing import listing
from engine.batching.plan import Plan, Result
from engine.batching.stream import Stream, suits
from engine.pictures.diagram import LIMIT, Diagram, too_many_instructions
from engine.rules import ROWS
from engine.tape import Tape

Array = NDArray[Any]

CACHE: Final = 2**22  # bytes of values and gradients that a chunk may take
MEMORY: Final = 2**28  # bytes that a plan may take if a batch can be cut, and all that are kept
KEPT_PLANS: Final = 12
LARGE: Final = 2048  # examples from which on a stream is faster than a plan


class Wanted(NamedTuple):
    """Which gradients a run computes."""

    parameters: bool = False
    inputs: bool = False
    differentiated: tuple[int, ...] = ()  # outputs that are seeded


NOTHING: Final = Wanted()
Key = tuple[int, Any, tuple[int, ...], Wanted]  # batch, dtype, columns of the inputs
Given = tuple[Sequence[Array], Array, Sequence[float]]  # inputs, parameters, seeds


class StreamKey(NamedTuple):
    """What a stream is bound to."""

    dtype: Any
    wanted: Wanted
    ones: tuple[bool, ...]  # which seeds are 1


class NotFinite(ArithmeticError):  # noqa: N818 - it says what it has met
    """A run that was to be strict has met infinity or NaN."""


class Program:
    """Array instructions that compute what a tape computes, for any number of examples.

    It can be printed, drawn, and counted with len(). Runs may come from several threads at once.

    Args:
        tape: what is to be computed.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.choice = Choice(tape, lambda: self.layout.instructions)
        self.plans: dict[Key | StreamKey, list[Any]] = {}
        self.unsuitable: set[StreamKey] = set()
        self.lock = Lock()

    @cached_property
    def layout(self) -> Layout:
        """The instructions."""
        return Layout(self.tape.fused)

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
        """Compute the outputs of a batch, and gradients if they are wanted. NumPy may warn.

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
        key = batch, dtype, tuple([each.shape[1] for each in inputs]), wanted
        given = inputs, parameters, seeds
        if key in self.plans:
            return self.run_plan(given, key, strict)
        if not strict and self.is_stream(batch):
            found = self.run_stream(given, key)
            if found is not None:
                return found
        chunk = self.chunk(batch, dtype, wanted)
        if batch <= chunk:
            return self.run_plan(given, key, strict)
        return self.run_chunks(chunk, given, key, strict)

    def run_stream(self, given: Given, key: Key) -> Result | None:
        """A large batch by registers; None if the graph is none for them."""
        bound = StreamKey(key[1], key[3], tuple([seed == 1.0 for seed in given[2]]))
        if bound in self.unsuitable:
            return None
        try:
            stream = self.borrow(bound)
        except (ArithmeticError, TypeError, ValueError):  # a formula cannot be, or is too much
            self.unsuitable.add(bound)
            return None
        found = self.empty(key)
        of_inputs = () if found.input_gradient is None else found.input_gradient
        stream.run(*given, found.outputs, of_inputs)
        if found.parameter_gradient is not None:
            found.parameter_gradient[:] = stream.parameter_gradient
        found = found._replace(has_nan=stream.has_nan)
        self.give_back(stream, bound)
        return found

    def empty(self, key: Key) -> Result:
        """Arrays for the results of a batch."""
        batch, dtype, _, wanted = key
        flat = self.layout.flat
        return Result(
            [np.empty(batch, dtype) for _ in flat.outputs],
            np.zeros(flat.parameters, dtype) if wanted.parameters else None,
            np.empty((flat.inputs, batch), dtype) if wanted.inputs else None,
        )

    def run_chunks(self, size: int, given: Given, key: Key, strict: bool) -> Result:
        """So many examples at a time."""
        (inputs, parameters, seeds), (batch, dtype, columns, wanted) = given, key
        whole = self.empty(key)
        of_parameters, has_nan = whole.parameter_gradient, False
        for first in range(0, batch, size):
            rows = slice(first, min(first + size, batch))
            key = rows.stop - first, dtype, columns, wanted
            part = [x[rows] for x in inputs], parameters, seeds
            plan = self.computed(part, key, strict)
            for array, output in zip(whole.outputs, plan.results(), strict=True):
                array[rows] = output
            if whole.input_gradient is not None:
                whole.input_gradient[:, rows] = plan.input_gradient
            if of_parameters is not None:
                of_parameters += plan.parameter_gradient
            has_nan = has_nan or (self.selects and plan.has_nan())
            self.give_back(plan, key)
        return whole._replace(has_nan=has_nan)

    def run_plan(self, given: Given, key: Key, strict: bool) -> Result:
        """So many examples as are run at once."""
        plan = self.computed(given, key, strict)
        found = plan.result(self.selects)
        self.give_back(plan, key)
        return found

    def computed(self, given: Given, key: Key, strict: bool) -> Plan:
        """A plan that has run, to be given back."""
        plan: Plan = self.borrow(key)
        plan.run(*given)
        if strict and not plan.is_finite():
            self.give_back(plan, key)
            raise NotFinite
        return plan

    def chunk(self, batch: int, dtype: Any, wanted: Wanted) -> int:
        """How many examples at a time: so many that their rows stay in the processor's cache."""
        rows = self.layout.width * (2 if wanted.differentiated else 1)
        size = rows * np.dtype(dtype).itemsize
        chunk = max(1, CACHE // size, min(self.least_chunk, MEMORY // size))
        return max(1, batch) if batch < 2 * chunk else chunk

    @cached_property
    def has_products(self) -> bool:
        """Whether there are matrix products."""
        return any(each.kind == "matrix" for each in self.layout.instructions)

    @cached_property
    def least_chunk(self) -> int:
        """Matrix products have a cache of their own, and want to be large."""
        return 4096 if self.has_products else 512

    def is_stream(self, batch: int) -> bool:
        """Whether such a batch is a stream, if the graph can be one.

        It serves batches of any size: with many of them, plans would be made all the time.
        """
        many = batch > 0 and len(self.plans) >= KEPT_PLANS
        return (many or batch >= LARGE) and self.streams

    @cached_property
    def streams(self) -> bool:
        """Whether large batches are a stream."""
        return suits(self.layout)

    # --- plans and streams: one at a time for each thread ---

    def borrow(self, key: Key | StreamKey) -> Any:
        """A plan or a stream that nobody else uses."""
        try:
            return self.plans[key].pop()  # which no other thread can pop too
        except LookupError:
            if isinstance(key, StreamKey):
                expressions = Expressions(self.tape.fused, *key.wanted, key.ones)
                return Stream(expressions, key.dtype, self.selects)
            batch, dtype, columns, wanted = key
            return Plan(self.layout, batch, dtype, columns, *wanted)

    def give_back(self, plan: Plan | Stream, key: Key | StreamKey) -> None:
        """Keep a plan or a stream for the next run."""
        try:
            self.plans[key].append(plan)
        except KeyError:
            with self.lock:
                self.plans.setdefault(key, []).append(plan)
                while len(self.plans) > 1 and self.is_full():
                    self.plans.pop(next(iter(self.plans)), None)

    def is_full(self) -> bool:
        """Whether more plans are kept than should be."""
        size = sum(plan.size for kept in self.plans.values() for plan in kept)
        return len(self.plans) > KEPT_PLANS or size > MEMORY

    def __getstate__(self) -> Tape:
        return self.tape

    def __setstate__(self, tape: Tape) -> None:
        Program.__init__(self, tape)

    # --- printing ---

    def report(self, batch: int | None = None) -> str:
        """Whether it runs for so many examples, or for one point, or the tape's loop, and why."""
        return self.choice.report(batch)

    def __repr__(self) -> str:
        return f"<program of {len(self)} instructions for {len(self.tape)} nodes>"

    def __str__(self) -> str:
        return listing(self.tape, self.layout)

    def draw(self, direction: str = "TB", limit: int = LIMIT, title: str = "") -> Diagram:
        """A picture with a box for each instruction, which notebooks show; or .save() it.

        Args:
            direction: "TB" from top to bottom, or "LR" from left to right.
            limit: the most instructions that are drawn.
            title: a line below the picture.

        Raises:
            ValueError: if the direction is unknown, or there are more instructions than the limit.
        """
        if len(self) > limit:
            raise too_many_instructions(len(self), limit)
        return Diagram(Boxes(self.tape, self.layout).all, str(self), direction, title)
