"""A tape at one point: its slots, and the loops that fill them. Compiled like node.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from librt.vecs import append, vec
from mypy_extensions import i32, i64, u8

from engine.loops.flatten import Flat
from engine.loops.replay import backward, forward
from engine.loops.slots import read_leaves
from engine.node import ENGINE


class Point:
    """The slots of a tape, for one thread at a time.

    Args:
        flat: the graph, in the order of `schedule`.
        original: the same in the order of the user's code, for errors.
        parameters: the leaves whose numbers each run reads.
    """

    def __init__(self, flat: Flat, original: Flat, parameters: list[Any]) -> None:
        self.flat, self.original = flat, original
        self.parameters = parameters
        # data, and grad for the leaves, are filled anew and never replaced: arrays share the memory
        self.data = vec[float](flat.constants)
        count: i64 = flat.first + len(flat.codes)
        while len(self.data) < count:
            self.data = append(self.data, 0.0)
        self.grad = vec[float]([0.0] * count)
        self.handed = vec[u8]([0] * count)
        self.read_at: i64 = -1  # ENGINE.writes when the parameters were read; -1: read them again
        self.first_parameter: i64 = len(flat.constants)
        self.first_input: i64 = self.first_parameter + flat.parameters

    def read_parameters(self) -> None:
        """Take the numbers that the parameters have now, unless no leaf has got another one."""
        writes = ENGINE.writes
        if self.read_at != writes:
            read_leaves(self.parameters, self.data, self.first_parameter)
            self.read_at = writes

    def forward(self, inputs: Sequence[float], strict: bool) -> None:
        """Compute the values at a point.

        Raises:
            ArithmeticError, ValueError: if strict, where a value does not exist.
        """
        slot = self.first_input
        for x in inputs:
            self.data[slot] = x
            slot += 1
        flat = self.flat
        try:
            forward(flat.codes, flat.starts, flat.args, self.data, flat.first, strict)
        except (ArithmeticError, ValueError):  # in the order of the user's code another comes first
            flat = self.original
            forward(flat.codes, flat.starts, flat.args, self.data, flat.first, strict)
            raise

    def run(
        self, inputs: Sequence[float], strict: bool, differentiated: vec[i32], seeds: vec[float]
    ) -> None:
        """Compute values and gradients."""
        self.forward(inputs, strict)
        self.backward(differentiated, seeds)

    def output(self, k: i64) -> float:
        """The value of output k."""
        return self.data[i64(self.flat.outputs[k])]

    def backward(self, differentiated: vec[i32], seeds: vec[float]) -> None:
        """The gradients, with a seed for each of these outputs."""
        flat = self.flat
        outputs = vec[i32](capacity=len(differentiated))
        k: i64
        for k in range(len(differentiated)):
            outputs = append(outputs, flat.outputs[i64(differentiated[k])])
        backward(
            flat.codes, flat.starts, flat.args, self.data, self.grad, self.handed,
            flat.first, outputs, seeds, self.first_parameter,
        )  # fmt: skip

    def input_gradient(self) -> vec[float]:
        """A copy of the gradient of the inputs."""
        return self.grad[self.first_input : self.flat.first]
