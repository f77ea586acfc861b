"""Neurons and layers, as the lectures write them: activation(w · x + b)."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import SupportsIndex, TypeAlias

from engine import Value, dot
from engine.capture import drawn
from nn.activations import Activation, resolve
from nn.choice import require, require_whole
from nn.init import Chance, Draw, Initialiser, initialiser, source
from nn.module import Module
from nn.tensors import in_matrix

Act: TypeAlias = str | Activation | Callable[[Value], Value]
Init: TypeAlias = str | Initialiser | Draw
Seed: TypeAlias = SupportsIndex | Chance | None


def activation_for(n_out: int | None, given: Act) -> Activation:
    """The activation that is meant, if it makes sense for so many neurons; None: not known."""
    activation = resolve(given)
    if activation.name == "softmax" and activation.whole_layer and n_out == 1:
        raise ValueError(
            "softmax shares 1 out among the outputs of a layer, so a single output is always 1: "
            "use sigmoid for one probability, or two outputs"
        )
    return activation


class Neuron(Module):
    """One neuron: the weighted sum of its inputs and its bias, then an activation.

    Args:
        n_in: the number of its inputs.
        activation: a name in `nn.activations.ACTIVATIONS`, or a function from a Value to a Value.
        init: how its weights are drawn: a name in `nn.init.INITIALISERS`, or a function.
        seed: a whole number, or a random.Random; without one Python's global `random` is used.
        fan_out: how many neurons share its inputs, which some initialisers ask.

    Raises:
        TypeError, ValueError: if an argument makes no sense; nothing has been drawn then.

    >>> park = Neuron(3, activation="step")  # raining? warm? in lockdown?
    >>> for weight, number in zip(park.weights, [3, 1, -20]):
    ...     weight.data = number
    >>> park.bias.data = -3  # the threshold, on the other side of the sign
    >>> park([1, 0, 1]), park([1, 0, 0])
    (Value(0.0), Value(1.0))
    """

    arguments = ("n_in", "activation")
    n_out = 1

    def __init__(
        self,
        n_in: int,
        activation: Act = "linear",
        init: Init = "uniform",
        seed: Seed = None,
        fan_out: int = 1,
    ) -> None:
        self.n_in, fan_out = require_whole("n_in", n_in), require_whole("fan_out", fan_out)
        self.activation = activation_for(1, activation)
        self.output_activation = self.activation.name
        draw, chance = initialiser(init), source(seed)
        self.weights = [Value(draw.weight(self.n_in, fan_out, chance)) for _ in range(self.n_in)]
        self.bias = Value(draw.bias(self.n_in, fan_out, chance))

    def weighted_sum(self, inputs: list[Value]) -> Value:
        """w · x + b, which the activation is applied to."""
        total: Value = dot(self.weights, inputs, self.bias)
        return total

    def forward(self, inputs: list[Value]) -> list[Value]:
        """Its output, as a list of one."""
        return self.activation([self.weighted_sum(inputs)])

    def attributes(self) -> Mapping[str, object]:
        """Its tensors are those of a layer of one neuron."""
        return vars(self) | {"weights": None} | in_matrix([self])

    def _text(self) -> str:
        return f"1 {self.activation}"


class Layer(Module):
    """Neurons that share their inputs.

    Args:
        n_in: the number of inputs.
        n_out: the number of neurons, and so of outputs.
        activation, init, seed: as for a Neuron; softmax is possible here too.

    >>> layer = Layer(2, 3, activation="tanh", init="zeros")
    >>> layer([1.0, -2.0])
    [Value(0.0), Value(0.0), Value(0.0)]
    >>> layer
    Layer 2 → 3 tanh, 9 parameters
    """

    arguments = ("n_in", "n_out", "activation")

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: Act = "linear",
        init: Init = "uniform",
        seed: Seed = None,
    ) -> None:
        self.n_in, self.n_out = require_whole("n_in", n_in), require_whole("n_out", n_out)
        self.activation = activation_for(self.n_out, activation)
        self.output_activation = self.activation.name
        draw, chance = initialiser(init), source(seed)
        alone = "linear" if self.activation.whole_layer else self.activation
        self.neurons = [
            Neuron(self.n_in, alone, draw, chance, self.n_out) for _ in range(self.n_out)
        ]

    def forward(self, inputs: list[Value]) -> list[Value]:
        """The outputs of all its neurons."""
        return self.activation([neuron.weighted_sum(inputs) for neuron in self.neurons])

    def attributes(self) -> Mapping[str, object]:
        """Its tensors are the weights of all neurons, one row each, and their biases."""
        return vars(self) | {"neurons": None} | in_matrix(self.neurons)

    def _text(self) -> str:
        return f"{self.n_out} {self.activation}"


class Dropout(Module):
    """In training each input is dropped with probability p, and the others grow by 1 / (1 - p).

    So the expected value of each input stays, and a network in use needs no change: after
    `model.eval()` the inputs pass as they are.

    Args:
        p: the probability, at least 0 and below 1.
        seed: a whole number; without one Python's global `random` decides. `reseed` sets it anew.

    >>> Dropout(0.5, seed=1)([1.0, 2.0, 3.0])
    [Value(0.0), Value(4.0), Value(6.0)]
    >>> Dropout(0.5).eval()([1.0, 2.0, 3.0])
    [Value(1.0, constant), Value(2.0, constant), Value(3.0, constant)]

    Source: N. Srivastava et al., Dropout: a simple way to prevent neural networks from
    overfitting, JMLR 15, 2014; scaled in training ("inverted"), as PyTorch does it.
    """

    arguments = ("p",)

    def __init__(self, p: float = 0.5, seed: Seed = None) -> None:
        words = "a probability of at least 0 and below 1"
        self.p = require("Dropout(p)", p, lambda p: 0 <= p < 1, words)
        self.chance = None if seed is None else source(seed)  # a module cannot be pickled

    def forward(self, inputs: list[Value]) -> list[Value]:
        """The inputs, in training times 0 or 1 / (1 - p)."""
        if not self.training or self.p == 0:
            return inputs
        return [x * drawn(self.draw_factor) for x in inputs]

    def draw_factor(self) -> float:
        """What an input is multiplied by: 0, or what makes up for those that are dropped."""
        chance = self.chance or source(None)
        return 1 / (1 - self.p) if chance.random() >= self.p else 0.0

    def draw_seed(self, chance: random.Random) -> None:
        """Take a source of its own, seeded from this one."""
        self.chance = random.Random(chance.getrandbits(64))

    def _text(self) -> str:
        return f"dropout {self.p:g}"
