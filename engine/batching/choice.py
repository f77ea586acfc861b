"""Which replay of a graph is faster for a batch: the tape's loop, or array instructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from operator import index
from typing import Final, NamedTuple

import numpy as np

from engine.batching.instructions import Instruction
from engine.loops.flatten import levels_of
from engine.node import COMPILED
from engine.rules import ROWS, TABLE
from engine.tape import Tape
from engine.wording import count

# Microseconds, as measured; only their proportions matter.
PER_NODE: Final = 0.004 if COMPILED else 0.4  # of the tape's loop, with the gradient
PER_TERM: Final = 0.0024 if COMPILED else 0.15
PER_PARAMETER: Final = 0.003  # which is copied, and whose gradients are added up
PER_FUNCTION: Final = 0.035 if COMPILED else 0.4  # more for exp and the like, which arrays do fast
PER_EXAMPLE: Final = 1.7  # of a batch that goes through the loop
PER_LOOP: Final = 10.0  # however few these are; a point does without both
PER_PROGRAM: Final = 8.0  # however small it is
PER_POINT: Final = 20.0  # more for a point, whose floats have to become arrays
PER_OPERATION: Final = 0.1 if COMPILED else 6.5  # of arithmetic in a program, which a bundle does
PER_CALL: Final = 0.25 if COMPILED else 6.5  # of a function, which is NumPy's
PER_OWN: Final = 6.5  # of one that NumPy does not have
PER_PRODUCT: Final = 4.0 if COMPILED else 6.5  # or sum, if it is not small
PER_PAIR: Final = 0.01 if COMPILED else 6.5  # of a small one, which a bundle does, too
PER_ELEMENT: Final = 0.0006

ARITHMETIC: Final = (
    "add", "sub", "mul", "div", "neg", "abs", "sum", "dot", "relu", "leaky_relu", "maximum",
    "minimum", "where", "less", "less_equal", "equal", "stop_gradient",
)  # fmt: skip
OWN: Final = "erf", "erfc"


class Estimate(NamedTuple):
    """What the replays would take, in microseconds."""

    tape: float
    program: float
    instructions: int
    is_least: bool  # whether there are at least so many instructions, which is enough to know

    @property
    def best(self) -> str:
        """The faster one."""
        return "tape" if self.tape <= self.program else "program"


class Choice:
    """What the replays of a graph take.

    Args:
        tape: the graph.
        instructions: finds the array instructions, which may take longer than to do without.
    """

    def __init__(self, tape: Tape, instructions: Callable[[], Sequence[Instruction]]) -> None:
        self.tape, self.instructions = tape, instructions
        self.known: dict[int | None, str] = {}
        self.arithmetic = [ROWS.index(TABLE[name]) for name in ARITHMETIC]
        self.own = [ROWS.index(TABLE[name]) for name in OWN]

    @cached_property
    def work(self) -> float:
        """What the loop takes for an example."""
        nodes, terms = self.tape.size
        codes = np.array(self.tape.fused.codes)
        functions = int(np.isin(codes, self.arithmetic, invert=True).sum())
        parameters = PER_PARAMETER * len(self.tape.parameters)
        return PER_NODE * nodes + PER_TERM * terms + PER_FUNCTION * functions + parameters

    @cached_property
    def depth(self) -> int:
        """How many instructions there are at least."""
        return max(levels_of(self.tape.fused), default=0)

    @cached_property
    def overhead(self) -> float:
        """What the instructions take however few the rows."""
        return sum(map(self.cost, self.instructions()))

    def cost(self, instruction: Instruction) -> float:
        """What one of them takes, and its gradient."""
        if instruction.kind == "elementwise":
            if instruction.code in self.own:
                return PER_OWN
            return PER_OPERATION if instruction.code in self.arithmetic else PER_CALL
        if instruction.kind == "reduce":
            return PER_PRODUCT
        return min(PER_PRODUCT, PER_OPERATION + PER_PAIR * instruction.operands[0].rows.size)

    def estimate(self, batch: int | None) -> Estimate:
        """How long each would take for a batch, or for one point if it is None, roughly."""
        tape, before = self.work, PER_PROGRAM + PER_POINT
        if batch is not None:
            tape, before = PER_LOOP + batch * (PER_EXAMPLE + self.work), PER_PROGRAM
        elements = PER_ELEMENT * self.tape.size[1] * (1 if batch is None else batch)
        least = before + PER_OPERATION * self.depth
        is_least = tape <= least
        instructions = self.depth if is_least else len(self.instructions())
        program = least if is_least else before + self.overhead
        return Estimate(tape, program + elements, instructions, is_least)

    def faster(self, batch: int | None) -> str:
        """Which one is chosen for a batch, or for one point if it is None: "tape" or "program"."""
        found = self.known.get(batch)
        if found is None:
            # nothing is to be computed for no examples, and the loop has nothing to prepare
            found = self.known[batch] = self.estimate(batch).best if batch != 0 else "tape"
        return found

    def report(self, batch: int | None) -> str:
        """Which one is chosen for a batch, or for one point if it is None, and why.

        Raises:
            TypeError, ValueError: if batch is no number of examples.
        """
        if isinstance(batch, bool) or not (batch is None or hasattr(batch, "__index__")):
            raise TypeError(
                f"report(batch) takes a number of examples, such as 100, but got {batch!r}"
            )
        if batch is not None and batch < 0:
            raise ValueError(f"report(batch) takes a number of examples, 0 or more, got {batch}")
        batch = None if batch is None else index(batch)
        what = "one point" if batch is None else count(batch, "example")
        guess, tape = self.estimate(batch), self.tape
        fused = tape.fused
        return (
            f"{count(len(tape), 'node')}, after fusion {len(fused.codes):,} with "
            f"{count(len(fused.args), 'operand')}, {count(self.depth, 'level')} deep\n"
            f"for {what}: about {guess.tape:.3g} us by the tape's "
            f"loop, {guess.program:.3g} us by {'at least ' * guess.is_least}"
            f"{count(guess.instructions, 'array instruction')}\n"
            f"so the {self.faster(batch)} runs{', which has nothing to prepare' * (batch == 0)}"
        )
