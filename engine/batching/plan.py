"""A program bound to one size of batch: every array and every view made once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import isfinite, isnan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.batching.bundles import bundled, is_read_in_place
from engine.batching.gradients import Gradients
from engine.batching.instructions import Layout, S, Z
from engine.batching.kernels import Call
from engine.batching.sources import Source, copy_turned
from engine.batching.values import Values
from engine.quiet import quietly

Array = NDArray[Any]


class Result(NamedTuple):
    """What a run gives: arrays that belong to the caller."""

    outputs: Sequence[Array]  # of each, a number per example: a list, or rows of one array
    parameter_gradient: Array | None  # summed over the examples
    input_gradient: Array | None  # shape (inputs, batch)
    has_nan: bool = False  # among the gradients; looked for if there are rows that select


class Plan:
    """Arrays, and the calls that fill them.

    Args:
        layout: the instructions.
        batch: how many examples.
        dtype: of all arrays.
        columns: for each argument, how many inputs it has.
        of_parameters, of_inputs: whether their gradients are wanted.
        differentiated: which outputs are seeded.

    Attributes:
        size: how many bytes all its arrays take.
        copies: whether the numbers of the parameters have to be in `parameters`.
        held: a vector that never changes, and whose numbers are there already.
    """

    def __init__(
        self,
        layout: Layout,
        batch: int,
        dtype: Any,
        columns: Sequence[int],
        of_parameters: bool = False,
        of_inputs: bool = False,
        differentiated: Sequence[int] = (),
    ) -> None:
        self.layout, self.batch, self.dtype = layout, batch, np.dtype(dtype)
        flat = layout.flat
        self.S = np.zeros((layout.sizes[S], 1), dtype)
        self.Z = np.zeros((layout.sizes[Z], batch), dtype)
        constants = layout.constants, layout.constants + len(flat.constants)
        quietly(np.copyto, self.S[slice(*constants), 0], np.array(list(flat.constants)))
        for space, row in layout.lowest.items():
            (self.S, self.Z)[space][row] = -np.inf
        self.Z[layout.ones] = 1.0
        # What a run is given: the inputs, and last the parameters. Until then, what it looks like.
        self.parameters = self.S[1 : flat.parameters + 1, 0]
        self.given: list[Any] = [np.empty((batch, n), dtype) for n in columns]
        self.given.append(self.parameters)
        bounds = np.cumsum([1, *columns]).tolist()
        self.sources = list(pairwise(bounds))
        values = Values((self.S, self.Z), constants, layout.ones, self.given, self.sources)
        contexts = [values.bind(each) for each in layout.instructions]
        self.outputs = layout.places(flat.outputs)
        for space, row in self.outputs:
            if space == Z and row <= flat.inputs:
                values.note_read(np.array([row]))
        several = len(self.outputs) > 1 and all(space == Z for space, _ in self.outputs)
        self.together = np.array([row for _, row in self.outputs]) if several else None
        calls = copies_of_inputs(values) + values.work.calls
        self.forward = bundled(calls, self.given)
        self.size = self.S.nbytes + self.Z.nbytes + values.work.bytes
        self.held: Array | None = None
        self.of_parameters, self.of_inputs = of_parameters, of_inputs
        self.backward: list[Call] = []
        self.seeds: list[tuple[list[int], int]] = []  # which outputs it is, and how often it counts
        self.starts = np.zeros(0, dtype)  # for each seeded row, its number in a run
        self.looked_at: list[Array] = []  # the gradients, each in a row
        if of_parameters or of_inputs:
            self.bind_gradients(values, contexts, of_parameters, of_inputs, differentiated)
        read = is_read_in_place(len(columns), self.given, [*self.forward, *self.backward])
        given_out = any(space == S and row <= flat.parameters for space, row in self.outputs)
        self.copies = not read or given_out or self.dtype != np.float64

    def bind_gradients(
        self,
        values: Values,
        contexts: list[Any],
        of_parameters: bool,
        of_inputs: bool,
        differentiated: Sequence[int],
    ) -> None:
        """Write down the reverse pass; the arguments are those of the constructor."""
        layout, flat = self.layout, self.layout.flat
        wanted = np.zeros(len(self.S), bool), np.zeros(len(self.Z), bool)
        wanted[S][1 : flat.parameters + 1] = of_parameters
        wanted[Z][1 : flat.inputs + 1] = of_inputs
        gradients = Gradients(values, wanted)
        for each in layout.instructions:
            gradients.mark_wanted(each)
        for k in differentiated:
            gradients.seed(self.outputs[k])
        # Outputs may be the same node; and one that all examples share counts for each of them.
        places = [self.outputs[k] for k in differentiated]
        self.starts = np.zeros(len(set(places)), self.dtype)
        for row, (space, at) in enumerate(dict.fromkeys(places)):
            which = [k for k, each in enumerate(places) if each == (space, at)]
            self.seeds.append((which, self.batch if space == S else 1))
            seeded = gradients.into.buffers[space][at]
            gradients.work.call(np.copyto, seeded, self.starts[row, ...])
        pairs = zip(reversed(layout.instructions), reversed(contexts), strict=True)
        for instruction, context in pairs:
            gradients.bind(instruction, context)
        self.backward = bundled(gradients.work.calls, self.given)
        self.size += self.S.nbytes + self.Z.nbytes + gradients.work.bytes
        self.parameter_gradient = gradients.into.buffers[S][1 : flat.parameters + 1, 0]
        self.input_gradient = gradients.into.buffers[Z][1 : flat.inputs + 1]
        asked = of_parameters * [self.parameter_gradient] + of_inputs * [self.input_gradient]
        self.looked_at = [each.reshape(-1) for each in asked if each.size]

    def run(self, inputs: Sequence[Array], parameters: Array, seeds: Sequence[float] = ()) -> None:
        """Compute all values, and all gradients if there are seeds. NumPy may warn.

        Args:
            inputs: for each argument, an array (B, columns).
            parameters: their numbers.
            seeds: the derivative of the final result with respect to each differentiated output.
        """
        if not self.copies:
            parameters = plain(parameters, self.dtype)
        else:
            if parameters is not self.held:
                self.held = None
                np.copyto(self.parameters, parameters, "same_kind")
            parameters = self.parameters
        try:
            self.given[:] = [*[plain(each, self.dtype) for each in inputs], parameters]
            for call in self.forward:
                call()
            if seeds:
                for row, (which, times) in enumerate(self.seeds):
                    total = 0.0
                    for k in which:
                        total += seeds[k]
                    self.starts[row] = times * total
                for call in self.backward:
                    call()
        finally:
            self.given[:] = [None] * len(self.given)  # which are the caller's

    def result(self, selects: bool) -> Result:
        """A copy of what the last run has computed.

        Args:
            selects: whether to look for NaN.
        """
        return Result(
            self.results(),
            self.parameter_gradient.copy() if self.of_parameters else None,
            self.input_gradient.copy() if self.of_inputs else None,
            selects and self.has_nan(),
        )

    def results(self) -> Sequence[Array]:
        """A copy of each output, a number for every example."""
        if self.together is not None:
            return self.Z.take(self.together, 0)  # type: ignore[return-value] # of rows
        return [
            self.S[row].repeat(self.batch) if space == S else self.Z[row].copy()
            for space, row in self.outputs
        ]

    def has_nan(self) -> bool:
        """Whether a gradient of the last run is NaN somewhere."""
        return any(isnan(np.dot(each, each)) for each in self.looked_at)

    def is_finite(self) -> bool:
        """Whether all that the last run has computed is, but for rows that are -inf on purpose."""
        flat, lowest = self.layout.flat, self.layout.lowest
        of_all = self.S[1 + flat.parameters + len(flat.constants) :]
        of_each = self.Z[1 + flat.inputs :]
        if not lowest and isfinite(np.add.reduce(of_all, None) + np.add.reduce(of_each, None)):
            return True  # which is quick to see; a sum of finite numbers may be infinite
        infinite = sum(np.count_nonzero(~np.isfinite(rows)) for rows in (of_all, of_each))
        return bool(infinite == (S in lowest) + (Z in lowest) * self.batch)


def plain(array: Array, dtype: Any) -> Array:
    """An array as a bundle wants it: itself, if it is one piece of memory."""
    found = np.ascontiguousarray(array, dtype)
    return found if found.flags.aligned else found.copy()


def copies_of_inputs(values: Values) -> list[Call]:
    """Calls that copy those arguments whose rows are read."""
    found: list[Call] = []
    for k in values.read_rows:
        first, last = values.sources[k]
        rows = values.buffers[Z][first:last]
        found.append(partial(copy_turned, values.inputs, Source(k, 0, last - first), rows))
    return found
