"""A scalar engine as short as they come, to measure ours against: what one writes in an evening.

A node holds its number, its gradient, its inputs and its local derivatives, computed on the way;
an operation is a line, and the reverse pass a loop of multiply-accumulate. Subtraction and
division are composed from the others, as such engines do.
"""

from __future__ import annotations

import math


class PlainValue:
    """A number with the numbers it came from."""

    __slots__ = ("data", "grad", "inputs", "local_derivatives")

    def __init__(
        self,
        data: float,
        inputs: tuple[PlainValue, ...] = (),
        local_derivatives: tuple[float, ...] = (),
    ) -> None:
        self.data = data
        self.grad = 0.0
        self.inputs = inputs
        self.local_derivatives = local_derivatives

    def __add__(self, other: PlainValue | float) -> PlainValue:
        other = other if isinstance(other, PlainValue) else PlainValue(other)
        return PlainValue(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: PlainValue | float) -> PlainValue:
        other = other if isinstance(other, PlainValue) else PlainValue(other)
        return PlainValue(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent: float) -> PlainValue:
        slope = exponent * self.data ** (exponent - 1)
        return PlainValue(self.data**exponent, (self,), (slope,))

    def exp(self) -> PlainValue:
        result = math.exp(self.data)
        return PlainValue(result, (self,), (result,))

    def log(self) -> PlainValue:
        return PlainValue(math.log(self.data), (self,), (1 / self.data,))

    def relu(self) -> PlainValue:
        return PlainValue(max(0.0, self.data), (self,), (float(self.data > 0.0),))

    def __neg__(self) -> PlainValue:
        return self * -1.0

    def __radd__(self, other: float) -> PlainValue:
        return self + other

    def __sub__(self, other: PlainValue | float) -> PlainValue:
        return self + (-other)

    def __rmul__(self, other: float) -> PlainValue:
        return self * other

    def __truediv__(self, other: PlainValue | float) -> PlainValue:
        return self * other**-1

    def backward(self) -> None:
        """Add to the gradient of every node below; the depth of the graph is no danger."""
        order, entered, done, waiting = [], set(), set(), [self]
        while waiting:
            node = waiting.pop()
            if node in entered:
                if node not in done:
                    done.add(node)
                    order.append(node)
                continue
            entered.add(node)
            waiting.append(node)
            waiting.extend(node.inputs)
        self.grad = 1.0
        for node in reversed(order):
            for each, slope in zip(node.inputs, node.local_derivatives, strict=True):
                each.grad += slope * node.grad
