"""How the chunks of a stream are computed: one after the other, or several at the same time.

Every thread has registers of its own, a lane, and takes the next part of the batch, some chunks, as
soon as it has finished one. A part has its own place for what it adds up, so results do not depend
on who computed what.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.batching.sweeps import Step, swept
from engine.batching.threads import most, share

Array = NDArray[Any]


class Sizes(NamedTuple):
    """How large a chunk may be."""

    cache: int  # bytes that its rows may take
    shortest: int  # examples; with fewer, the calls take most of the time
    longest: int


OF_SWEEPS: Final = Sizes(2**19, 128, 4096)
OF_CALLS: Final = Sizes(7 * 2**18, 1024, 16384)  # of NumPy, which take half a microsecond each
PARTS: Final = 32  # of a batch, at most, that threads take one after the other
WORTH_IT: Final = 2**20  # numbers to be computed, from which on threads are started


class TooWide(ValueError):  # noqa: N818 - it says what the graph is
    """A graph of which too much has to be kept at the same time."""


class Lanes:
    """The steps that each example goes through, and registers for them.

    Args:
        steps: functions, with the rows of their operands.
        rows: what they work on. First those of the caller, of which each chunk has its part; then
            some are numbers that all examples share, arrays without an axis. All others are None.
        own: of the others, what they are filled with by each lane, which makes them for itself.
        totals: rows that are added up.
        dtype: of all.

    Attributes:
        chunk: how many examples at a time.
        size: how many bytes the registers take.

    Raises:
        TooWide: if the rows of a chunk would not fit into the cache.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        rows: list[Any],
        own: dict[int, float],
        totals: Sequence[int],
        dtype: Any,
    ) -> None:
        self.rows, self.own, self.totals, self.dtype = rows, own, totals, np.dtype(dtype)
        self.steps = [(function, itemgetter(*places)) for function, places in steps]
        several = sum(row is None for row in rows)
        self.sweep = swept(steps, len(rows), several - len(own), self.dtype)
        width = several * self.dtype.itemsize
        cache, shortest, longest = OF_SWEEPS if self.sweep else OF_CALLS
        self.chunk = min(longest, cache // width // shortest * shortest)
        if not self.chunk:
            raise TooWide
        self.registers: list[list[Array]] = []

    @property
    def size(self) -> int:
        """How many bytes all registers take."""
        return sum(each.nbytes for lane in self.registers for each in lane)

    def run(
        self, inputs: Sequence[Array], results: Sequence[Array], look: Callable[[list[Array]], None]
    ) -> None:
        """Compute all examples, and put the totals into their rows.

        Args:
            inputs: of each, a number for every example; the first rows.
            results: where they go; the next rows.
            look: what is called with each part of the results.
        """
        batch = len(results[0])
        parts = self.parts(batch)
        sums = np.zeros((len(parts), len(self.totals)), self.dtype)
        count = self.workers(batch, len(parts))
        while len(self.registers) < count:
            self.registers.append([np.full(self.chunk, x, self.dtype) for x in self.own.values()])

        def work(item: tuple[slice, Array], worker: int) -> None:
            here, sums = item
            mine = [each[here] for each in results]
            given = [np.ascontiguousarray(each[here], self.dtype) for each in inputs]
            self.compute([*given, *mine], sums, self.registers[worker])
            look(mine)

        share(zip(parts, sums, strict=True), work, count)
        for place, total in zip(self.totals, sums.T, strict=True):
            np.add.reduce(total, None, None, self.rows[place])

    def parts(self, batch: int) -> list[slice]:
        """Which examples are computed by one call, whoever computes them: chunks of them."""
        chunks = -(-batch // self.chunk)
        size = self.chunk * (-(-chunks // PARTS) if self.sweep else 1)
        return [slice(first, min(first + size, batch)) for first in range(0, batch, size)]

    def workers(self, batch: int, parts: int) -> int:
        """How many threads a batch is worth."""
        is_worth_it = self.sweep is not None and batch * len(self.steps) > WORTH_IT
        return min(parts, most()) if is_worth_it else 1

    def compute(self, callers: list[Array], sums: Array, registers: list[Array]) -> None:
        """Compute a part of the batch: some chunks in a sweep, and else one."""
        rows = self.rows.copy()
        rows[: len(callers)] = callers
        for k, place in enumerate(self.totals):
            rows[place] = sums[k, ...]
        size = len(callers[-1]) if self.sweep is None else None  # a sweep does chunk after chunk
        for place, register in zip(self.own, registers, strict=True):
            rows[place] = register[:size]
        if self.sweep is not None:
            self.sweep(rows)
        else:
            for function, operands in self.steps:
                function(*operands(rows))
