"""The tape: a recorded graph as flat arrays, in topological order, and its replay at one point."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

from librt.vecs import vec
from mypy_extensions import i32, i64

from engine.capture import recording
from engine.drawing import draw
from engine.functions import VALUES
from engine.loops.flatten import Flat
from engine.loops.fusion import fuse
from engine.loops.point import Point
from engine.loops.schedule import schedule
from engine.pictures.listing import abridged
from engine.rules import ROWS, TABLE
from engine.value import Value

if TYPE_CHECKING:
    from engine.drawing import Drawing


class Tape:
    """A recorded graph.

    Its slots are the constants, the parameters, the inputs, and then the nodes, each after its
    operands. It can be printed, counted with len(), pickled and drawn.

    Args:
        flat: the graph as arrays.
        parameters: the Values whose numbers each replay reads.
        inputs: what the inputs are called.

    >>> from engine import record
    >>> area = record(lambda r: 3 * r * r)
    >>> area(2.0)
    12.0
    >>> print(area.tape)
    0  3.0
    1  input  r
    2  mul    3.0 * r
    3  mul    [2] * r  output
    """

    def __init__(self, flat: Flat, parameters: Sequence[Value], inputs: Sequence[str]) -> None:
        self.flat, self.inputs = flat, list(inputs)
        self.parameters: list[Any] = list(parameters)

    def __len__(self) -> int:
        """How many nodes it has, without constants, parameters and inputs."""
        return len(self.flat.codes)

    def __repr__(self) -> str:
        return (
            f"<tape of {len(self)} nodes from {len(self.inputs)} inputs, "
            f"{len(self.parameters)} parameters and {len(self.flat.constants)} constants>"
        )

    def counts(self) -> dict[str, int]:
        """How many nodes there are of each primitive, the most frequent first."""
        return dict(Counter(ROWS[code].name for code in self.flat.codes).most_common())

    def operands(self, node: int) -> list[int]:
        """The slots that a node is computed from."""
        flat = self.flat
        return [flat.args[k] for k in range(i64(flat.starts[node]), i64(flat.starts[node + 1]))]

    def name(self, slot: int) -> str:
        """What a slot is called: a number, an input, a parameter, or the node's slot."""
        flat = self.flat
        if slot < len(flat.constants):
            return repr(flat.constants[slot])
        slot -= len(flat.constants)
        if slot < flat.parameters:
            return self.parameters[slot].label or f"p[{slot}]"
        slot -= flat.parameters
        if slot < flat.inputs:
            return self.inputs[slot]
        return f"[{slot + flat.first - flat.inputs}]"

    def lines(self) -> Iterator[tuple[int, str, str, str]]:
        """Slot, kind, expression and remark of every slot."""
        flat, constants = self.flat, len(self.flat.constants)
        outputs = set(flat.outputs)
        for slot in range(flat.first + len(self)):
            remark = "output" if slot in outputs else ""
            if slot < constants:
                yield slot, self.name(slot), "", remark
            elif slot < flat.first:
                kind = "input" if slot >= constants + flat.parameters else "parameter"
                yield slot, kind, self.name(slot), remark
            else:
                row = ROWS[flat.codes[slot - flat.first]]
                operands = [self.name(each) for each in self.operands(slot - flat.first)]
                yield slot, row.name, row.call(*operands), remark

    def __str__(self) -> str:
        return abridged(list(self.lines()), aligned)

    def graph(self, inputs: Sequence[Any] | None = None) -> list[Value]:
        """The outputs as a graph of Values again, of the same parameters and new inputs.

        Args:
            inputs: their numbers, or Values; 0 if left out.
        """
        flat = self.flat
        slots: list[Any] = [Value(x).detach() for x in flat.constants]
        slots += self.parameters
        numbers = [0.0] * flat.inputs if inputs is None else inputs
        slots += [
            x if isinstance(x, Value) else Value(x, name)
            for x, name in zip(numbers, self.inputs, strict=True)
        ]
        with recording("the tape", []) if inputs is None else nullcontext():  # 0 may have no value
            for node in range(len(self)):
                row = ROWS[flat.codes[node]]
                slots.append(getattr(VALUES, row.name)(*(slots[k] for k in self.operands(node))))
        return [slots[k] for k in flat.outputs]

    def draw(self, **options: Any) -> Drawing:
        """A picture of the graph; the options are those of engine.draw()."""
        return draw(self.graph(), **options)

    @cached_property
    def fused(self) -> Flat:
        """The graph with its sums and products brought together, as both replays run it."""
        return fuse(self.flat)

    @cached_property
    def scheduled(self) -> Flat:
        """The fused graph in the order that the loops run fastest."""
        return schedule(self.fused)

    def point(self) -> Point:
        """Its slots at one point, for a thread of its own."""
        return Point(self.scheduled, self.fused, self.parameters)

    @property
    def size(self) -> tuple[int, int]:
        """How many nodes and operands the fused graph has."""
        return len(self.fused.codes), len(self.fused.args)

    # --- pickling: by the names of the primitives, whose numbers may change ---

    def __getstate__(self) -> dict[str, Any]:
        flat = self.flat
        return {
            "primitives": [ROWS[code].name for code in flat.codes],
            "starts": array("q", flat.starts).tobytes(),
            "args": array("q", flat.args).tobytes(),
            "outputs": list(flat.outputs),
            "constants": list(flat.constants),
            "parameters": self.parameters,
            "inputs": self.inputs,
            "extends": flat.extends,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        missing = [name for name in {*state["primitives"]} if name not in TABLE]
        if missing:
            raise ValueError(
                f"the tape uses primitives that are not in the table: {', '.join(sorted(missing))}"
                "; register them before it is loaded"
            )
        codes = {row.name: k for k, row in enumerate(ROWS)}
        self.parameters, self.inputs = state["parameters"], state["inputs"]
        flat = Flat(len(self.parameters), len(self.inputs), vec[float](state["constants"]))
        flat.codes = vec[i32]([codes[name] for name in state["primitives"]])
        for name in ("starts", "args"):
            numbers = array("q")
            numbers.frombytes(state[name])
            setattr(flat, name, vec[i32](numbers.tolist()))
        flat.outputs = vec[i32](state["outputs"])
        flat.extends = state["extends"]
        if not is_sound(flat):
            raise ValueError(
                "the tape is damaged: it speaks of slots that it has not, or a primitive has more "
                "or fewer operands than its row of the table"
            )
        self.flat = flat


def aligned(lines: Sequence[tuple[int, str, str, str]]) -> list[str]:
    """The lines of a listing in columns, the first three as wide as they have to be."""
    widths = [
        min(60, max(len(str(cell)) for cell in column)) for column in zip(*lines, strict=True)
    ]
    widths[-1:] = [0]
    return [
        "  ".join(str(cell).ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def is_sound(flat: Flat) -> bool:
    """Whether nodes have as many operands as they need, all before them: nobody looks later."""
    starts, args = [int(each) for each in flat.starts], [int(each) for each in flat.args]
    outputs, first, nodes = [int(each) for each in flat.outputs], int(flat.first), len(starts) - 1
    if len(flat.codes) != nodes or starts[:1] != [0] or starts[-1] != len(args):
        return False
    for code, start, end in zip(flat.codes, starts, starts[1:], strict=False):
        row = ROWS[code]
        if end <= start or (end - start != len(row.arguments) and not row.variadic):
            return False
    highest = (max(args[starts[n] : starts[n + 1]], default=0) < first + n for n in range(nodes))
    return (
        min([*args, *outputs], default=0) >= 0
        and max(outputs, default=0) < first + nodes
        and all(highest)
    )
