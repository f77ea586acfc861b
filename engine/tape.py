"""The tape: a recorded graph as flat arrays, in topological order, and its replay at one point."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from librt.vecs import vec
from mypy_extensions import i32, i64, u8

from engine import replay
from engine.drawing import draw
from engine.flatten import Flat
from engine.functions import VALUES
from engine.fusion import fuse
from engine.rules import ROWS, TABLE
from engine.slots import read_leaves
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
    1  input r
    2  mul      3.0 * r
    3  mul      [2] * r    output
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
        lines = list(self.lines())
        shown = lines if len(lines) <= 200 else [*lines[:100], None, *lines[-100:]]
        wide = [max((len(str(line[k])) for line in shown if line), default=0) for k in range(3)]
        wide = [min(width, 60) for width in wide]
        return "\n".join(
            "  ".join(
                str(cell).ljust(width) for cell, width in zip(line, [*wide, 0], strict=True)
            ).rstrip()
            if line
            else f"... {len(lines) - 200} more"
            for line in shown
        )

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
        self.flat = flat


class Point:
    """The slots of a tape, for one thread at a time.

    Args:
        tape: what to replay.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape, self.flat = tape, tape.fused
        count = self.flat.first + len(self.flat.codes)
        self.data = vec[float]([*self.flat.constants, *[0.0] * (count - len(self.flat.constants))])
        self.grad = vec[float]([0.0] * count)
        self.handed = vec[u8]([0] * count)
        self.first_parameter = len(self.flat.constants)
        self.first_input = self.first_parameter + self.flat.parameters

    def read_parameters(self, at: Sequence[float] | None = None) -> None:
        """Take the numbers that the parameters have now, or others."""
        if at is None:
            read_leaves(self.tape.parameters, self.data, self.first_parameter)
        else:
            for k, x in enumerate(at, self.first_parameter):
                self.data[k] = x

    def forward(self, inputs: Sequence[float], strict: bool) -> list[float]:
        """The outputs at a point.

        Raises:
            ArithmeticError, ValueError: if strict, where a value does not exist.
        """
        for k, x in enumerate(inputs, self.first_input):
            self.data[k] = x
        flat = self.flat
        replay.forward(flat.codes, flat.starts, flat.args, self.data, flat.first, strict)
        return [self.data[i64(slot)] for slot in flat.outputs]

    def backward(self, seeds: dict[int, float]) -> None:
        """The gradients of the given slots, with a seed for some of the outputs."""
        flat = self.flat
        outputs = vec[i32]([flat.outputs[i64(k)] for k in seeds])
        replay.backward(
            flat.codes, flat.starts, flat.args, self.data, self.grad, self.handed,
            flat.first, outputs, vec[float](seeds.values()), self.first_parameter,
        )  # fmt: skip

    def parameter_gradient(self) -> Any:
        """The gradient of the parameters: what the next run overwrites."""
        return self.grad[self.first_parameter : self.first_input]

    def input_gradient(self) -> Any:
        """The gradient of the inputs: what the next run overwrites."""
        return self.grad[self.first_input : self.flat.first]
