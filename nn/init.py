"""Initialisation: where the weights and biases of a neuron start.

An initialiser is a function of the number of inputs `fan_in`, the number of neurons that share
them `fan_out`, and a source of chance, and returns one number. If weights are drawn too large,
neurons saturate before training begins; if they are all equal, neurons stay equal for ever.

| name           | weights                            | biases  | for                    |
|----------------|------------------------------------|---------|------------------------|
| uniform        | U(-1, 1)                           | 0       | micrograd's small ones |
| zeros          | 0                                  | 0       | one neuron, no more    |
| nielsen        | N(0, 1 / sqrt(fan_in))             | N(0, 1) | sigmoid, tanh          |
| nielsen_large  | N(0, 1), saturates: for comparison | N(0, 1) | sigmoid, tanh          |
| xavier_normal  | N(0, sqrt(2 / (fan_in + fan_out))) | 0       | tanh, sigmoid          |
| xavier_uniform | U(-a, a), of the same deviation    | 0       | tanh, sigmoid          |
| he_normal      | N(0, sqrt(2 / fan_in))             | 0       | relu                   |
| he_uniform     | U(-a, a), of the same deviation    | 0       | relu                   |

N(mean, standard deviation); U(-a, a) has the deviation a / sqrt(3).

Sources: M. Nielsen, Neural Networks and Deep Learning, chapter 3, 2015; X. Glorot and Y. Bengio,
Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010 (Xavier);
K. He et al., Delving deep into rectifiers, ICCV 2015.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Final, Protocol, SupportsIndex, runtime_checkable

from nn.choice import choose, require_whole


@runtime_checkable
class Chance(Protocol):
    """A source of random numbers: a `random.Random`, or the module `random` itself."""

    def random(self) -> float:
        """A number from [0, 1), uniformly."""

    def uniform(self, a: float, b: float, /) -> float:
        """A number between a and b, uniformly."""

    def gauss(self, mu: float, sigma: float, /) -> float:
        """A number from the normal distribution of this mean and standard deviation."""


Draw = Callable[[int, int, Chance], float]


def uniform(fan_in: int, fan_out: int, chance: Chance) -> float:
    """From -1 to 1, as micrograd draws its weights."""
    return chance.uniform(-1, 1)


def zeros(fan_in: int, fan_out: int, chance: Chance) -> float:
    """Zero. Weights that start equal stay equal, so this is for biases and for single neurons."""
    return 0.0


def standard_normal(fan_in: int, fan_out: int, chance: Chance) -> float:
    """N(0, 1): for biases; with many inputs such weights saturate a sigmoid."""
    return chance.gauss(0.0, 1.0)


def nielsen(fan_in: int, fan_out: int, chance: Chance) -> float:
    """N(0, 1 / sqrt(fan_in)): the weighted sum varies by about 1, however many the inputs."""
    return chance.gauss(0.0, 1 / sqrt(fan_in))


def xavier_normal(fan_in: int, fan_out: int, chance: Chance) -> float:
    """Between what keeps the size of the signals, and what keeps that of the gradients."""
    return chance.gauss(0.0, sqrt(2 / (fan_in + fan_out)))


def xavier_uniform(fan_in: int, fan_out: int, chance: Chance) -> float:
    """The same deviation as `xavier_normal`, without its tails."""
    limit = sqrt(6 / (fan_in + fan_out))
    return chance.uniform(-limit, limit)


def he_normal(fan_in: int, fan_out: int, chance: Chance) -> float:
    """Twice the variance of 1 / fan_in, for relu silences half of the sums."""
    return chance.gauss(0.0, sqrt(2 / fan_in))


def he_uniform(fan_in: int, fan_out: int, chance: Chance) -> float:
    """The same deviation as `he_normal`, without its tails."""
    limit = sqrt(6 / fan_in)
    return chance.uniform(-limit, limit)


@dataclass(frozen=True)
class Initialiser:
    """How a neuron's weights and its bias are drawn."""

    weight: Draw
    bias: Draw = zeros


INITIALISERS: Final[dict[str, Initialiser]] = {
    "uniform": Initialiser(uniform),
    "zeros": Initialiser(zeros),
    "nielsen": Initialiser(nielsen, bias=standard_normal),
    "nielsen_large": Initialiser(standard_normal, bias=standard_normal),
    "xavier_normal": Initialiser(xavier_normal),
    "xavier_uniform": Initialiser(xavier_uniform),
    "he_normal": Initialiser(he_normal),
    "he_uniform": Initialiser(he_uniform),
}


def initialiser(given: object) -> Initialiser:
    """The initialiser that is meant by a name, or by a function for the weights (biases are 0).

    Raises:
        TypeError: if it is neither.
        ValueError: if the name is not known.

    >>> initialiser("nielsen").bias is standard_normal
    True
    >>> constant = initialiser(lambda fan_in, fan_out, chance: 0.5)
    >>> constant.weight(2, 3, random), constant.bias(2, 3, random)
    (0.5, 0.0)
    """
    if isinstance(given, str):
        return choose("an initialiser", given, INITIALISERS)
    if isinstance(given, Initialiser):
        return given
    if callable(given) and not isinstance(given, type):
        return Initialiser(given)
    raise TypeError(
        f"init is a name ({', '.join(INITIALISERS)}) or a function of fan_in, fan_out and a source "
        f"of chance that returns a weight, but got {given!r} of type {type(given).__name__}"
    )


def source(seed: SupportsIndex | Chance | None) -> Chance:
    """Where random numbers come from: Python's global `random`, or a source of one's own.

    >>> source(1).random() == random.Random(1).random()
    True

    Raises:
        TypeError: if the seed is not a whole number.
        ValueError: if it is negative: Python would take -1 for 1.
    """
    if seed is None:
        return random
    return seed if isinstance(seed, Chance) else random.Random(require_whole("seed", seed, least=0))
