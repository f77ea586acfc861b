"""A graph as a stream of elementwise operations, for batches that are large.

A plan has a row for every value and every gradient, which is more than the processor's cache can
hold. Here a chunk of the examples passes through a few registers, each used again as soon as
nobody needs what it holds; inputs are read and results are written where the caller has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from math import isnan
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.batching.expressions import Expression, Expressions
from engine.batching.instructions import Instruction, Layout
from engine.batching.kernels import ARRAY_FUNCTIONS, BY_NAME, Call, rewritten
from engine.batching.lanes import Lanes
from engine.batching.sweeps import Step, add_up
from engine.formulas import Symbol, in_order

Array = NDArray[Any]

OPERANDS: Final = 1000  # of a graph that may be a stream: to bind one takes a while
TERMS: Final = 8  # of a weighted sum, up to which BLAS is no faster

# When an expression is computed.
BEFORE: Final = 0  # once: all examples share it
DURING: Final = 1  # for each example
AFTER: Final = 2  # once: it needs what has been added up


class Stream:
    """The operations that compute a batch chunk by chunk, and the rows that they work on.

    The rows are numbers: first those of the caller's arrays, inputs and results, of which each
    chunk has its part; then those of what all examples share, arrays without an axis, and of
    registers, which hold a number for each example of a chunk and belong to `Lanes`.

    Args:
        expressions: what is to be computed.
        dtype: of all arrays.
        looks: whether to look for NaN among the gradients.

    Attributes:
        lanes: what computes the chunks.
        parameter_gradient: found by the last run, and added up.
        has_nan: whether the last run has found NaN among the gradients.

    Raises:
        TooWide: if the rows of a chunk would not fit into the cache.
    """

    def __init__(self, expressions: Expressions, dtype: Any, looks: bool) -> None:
        self.dtype, self.looks = np.dtype(dtype), looks
        self.inputs = expressions.flat.inputs
        self.parameters = np.empty(expressions.flat.parameters, dtype)
        self.seeds = np.empty(len(expressions.flat.outputs), dtype)
        self.examples = np.empty((), dtype)
        self.totals: list[int] = []
        self.before: list[Call] = []
        self.during: list[Step] = []
        self.after: list[Call] = []
        self.results = [*expressions.outputs, *expressions.input_gradient]
        self.rows: list[Any] = [None] * (self.inputs + len(self.results))
        self.places: dict[Symbol | str, int] = {}  # the row of an expression
        self.stages: dict[Symbol, int] = {}
        self.registers: dict[int, float] = {}  # rows as long as a chunk, and what is in them first
        self.free: list[int] = []
        self.repeated: dict[str, int] = {}  # numbers that have such a row
        self.bind(in_order(*self.results, *expressions.parameter_gradient))
        self.filled = self.bind_results()
        same = {k for k, _ in self.filled}
        self.slopes = [
            k for k in range(len(expressions.outputs), len(self.results)) if k not in same
        ]
        self.of_parameters = [self.place(each) for each in expressions.parameter_gradient]
        self.parameter_gradient = np.empty(len(self.of_parameters), dtype)
        self.has_nan = False
        self.lanes = Lanes(self.during, self.rows, self.registers, self.totals, dtype)

    def run(
        self,
        inputs: Sequence[Array],
        parameters: Array,
        seeds: Sequence[float],
        outputs: Sequence[Array],
        input_gradient: Sequence[Array],
    ) -> None:
        """Compute a batch. NumPy may warn.

        Args:
            inputs: for each argument, an array (B, columns).
            parameters: their numbers.
            seeds: the derivative of the final result with respect to each differentiated output.
            outputs: where they go; for each, an array of B numbers.
            input_gradient: the same for the gradient of each input, if wanted.
        """
        results = [*outputs, *input_gradient]
        columns = [x for each in inputs for x in (each if each.flags.aligned else each.copy()).T]
        np.copyto(self.parameters, parameters, "same_kind")
        self.seeds[: len(seeds)] = seeds
        self.examples.fill(len(results[0]))
        for call in self.before:
            call()
        self.has_nan = False
        self.lanes.run(columns, results, self.look_at_slopes)
        for call in self.after:
            call()
        for k, place in self.filled:
            results[k].fill(self.rows[place])
        self.parameter_gradient[:] = [self.rows[place] for place in self.of_parameters]
        self.look_for_nan([self.parameter_gradient, *[each[:1] for each in input_gradient]])

    @property
    def size(self) -> int:
        """How many bytes the registers take."""
        return self.lanes.size

    def look_at_slopes(self, results: list[Array]) -> None:
        """Look for NaN among the gradients of a chunk."""
        self.look_for_nan(results[k] for k in self.slopes)

    def look_for_nan(self, gradients: Iterable[Array]) -> None:
        """Note whether there is NaN among gradients, if that matters; several threads may look."""
        if self.looks and any(isnan(np.dot(each, each)) for each in gradients if each.size):
            self.has_nan = True

    # --- writing down the calls ---

    def bind(self, order: list[Symbol]) -> None:
        """Write down what is computed, in this order."""
        for each in order:
            latest = max(map(self.stage, each.operands))
            self.stages[each] = AFTER if each.function == "total" and latest == DURING else latest
        for place, result in enumerate(self.results, self.inputs):
            if isinstance(result, Symbol) and self.stages.get(result) == DURING:
                self.places.setdefault(result, place)
        last = {x: each for each in order for x in each.operands if isinstance(x, Symbol)}
        dying: dict[Symbol, list[Symbol]] = {each: [] for each in order}
        for x, each in last.items():
            dying[each].append(x)
        for each in order:
            if self.stages[each] == DURING:
                self.bind_operation(each, dying[each])
            elif each.function == "total" and self.stage(each.operands[0]) == DURING:
                self.bind_total(each, dying[each])
            else:
                self.bind_shared(each)

    def stage(self, each: Expression) -> int:
        """When an expression is computed, or is there from the beginning."""
        if not isinstance(each, Symbol) or not each.operands:
            return DURING if isinstance(each, Symbol) and each.function == "input" else BEFORE
        return self.stages[each]

    def bind_operation(self, each: Symbol, dying: list[Symbol]) -> None:
        """Write down what is computed for each example."""
        name, operands = rewritten(each, each.operands)
        place = self.repeat if name in BY_NAME else self.place
        given = [place(operand) for operand in operands]
        if name != "where":  # all others may write where they read
            self.give_back(dying)
        if each not in self.places:
            self.places[each] = self.free.pop() if self.free else self.add_register()
        function = BY_NAME.get(name, ARRAY_FUNCTIONS[name])
        self.during.append((function, (*given, self.places[each])))
        if name == "where":
            self.give_back(dying)

    def bind_total(self, each: Symbol, dying: list[Symbol]) -> None:
        """Write down what is added up, chunk by chunk."""
        self.places[each] = self.add_row(np.empty((), self.dtype))
        self.totals.append(self.places[each])
        self.during.append((add_up, (self.place(each.operands[0]), self.places[each])))
        self.give_back(dying)

    def bind_shared(self, each: Symbol) -> None:
        """Write down what is computed once."""
        name, operands = rewritten(each, each.operands)
        given = [self.rows[self.place(operand)] for operand in operands]
        if name == "total":  # of something that is the same for all
            name, given = "mul", [*given, self.examples]
        out = np.empty((), self.dtype)
        self.places[each] = self.add_row(out)
        calls = self.before if self.stages[each] == BEFORE else self.after
        calls.append(partial(ARRAY_FUNCTIONS[name], *given, out=out))

    def bind_results(self) -> list[tuple[int, int]]:
        """Write down what is copied; which results are the same for all, and their rows."""
        filled = []
        for k, each in enumerate(self.results):
            if self.stage(each) != DURING:
                filled.append((k, self.place(each)))
            elif self.place(each) != self.inputs + k:  # an input, or a result twice
                self.during.append((np.positive, (self.place(each), self.inputs + k)))
        return filled

    # --- rows ---

    def place(self, each: Expression) -> int:
        """The row of an expression that has been computed, of a leaf or a number."""
        if isinstance(each, Symbol) and each.function == "input":
            return each.index
        key = each if isinstance(each, Symbol) else each.hex()
        if key not in self.places:
            row = np.array(each, self.dtype) if isinstance(each, float) else self.leaf(each)
            self.places[key] = self.add_row(row)
        return self.places[key]

    def leaf(self, each: Symbol) -> Array:
        """Where the number of a parameter or a seed is."""
        numbers = self.parameters if each.function == "parameter" else self.seeds
        found: Array = numbers[each.index, ...]
        return found

    def repeat(self, each: Expression) -> int:
        """As `place`, but a number has a row as long as a chunk."""
        if isinstance(each, Symbol):
            return self.place(each)
        key = each.hex()
        if key not in self.repeated:
            self.repeated[key] = self.add_register(each)
        return self.repeated[key]

    def add_row(self, row: Any) -> int:
        """A new row."""
        self.rows.append(row)
        return len(self.rows) - 1

    def add_register(self, number: float = 0.0) -> int:
        """A new row for what each example of a chunk has, or for a number that is repeated."""
        place = self.add_row(None)
        self.registers[place] = number
        return place

    def give_back(self, dying: list[Symbol]) -> None:
        """Let registers be used again, of what nobody needs any more."""
        places = map(self.place, dying)
        self.free += [place for place in places if place in self.registers]


def suits(layout: Layout) -> bool:
    """Whether a graph should be a stream: it is small, and no work for other fast loops."""
    at_once = any(is_done_at_once(each, layout) for each in layout.instructions)
    return len(layout.args) <= OPERANDS and not at_once


def is_done_at_once(each: Instruction, layout: Layout) -> bool:
    """Whether an instruction has fast loops of its own: a matrix product, or a reduction."""
    if each.kind != "matrix":
        return each.kind == "reduce"
    weights, after = each.operands[0].rows, layout.constants + len(layout.flat.constants)
    are_constants = bool((weights >= layout.constants).all() and (weights < after).all())
    return len(weights) > 1 or not (are_constants or weights.size <= TERMS)
