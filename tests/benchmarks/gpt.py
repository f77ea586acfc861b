"""One training step of a GPT whose every number is a scalar node: one layer, 16 wide, four heads.

Token and position embeddings, RMS normalization, causal attention over the keys and values of the
tokens before, a perceptron with relu, and the cross-entropy of the next token, in + * / ** exp log
relu and sum only, so that any scalar engine can run it. The other side is `yardstick.py`.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

from measure import Effort, Row, Side, bar, race
from yardstick import PlainValue

import engine

VOCABULARY, WIDTH, HEADS, BLOCK = 27, 16, 4, 8
Number = Any  # a number of whichever engine has its turn
Vector = list[Number]
Matrix = list[Vector]


class ScalarGPT:
    """The parameters, and what is computed with them."""

    def __init__(self, number: type, block: int = BLOCK) -> None:
        self.number, self.chance = number, random.Random(3)
        self.token_embedding = self.matrix(VOCABULARY, WIDTH)
        self.position_embedding = self.matrix(block, WIDTH)
        self.query, self.key, self.value, self.output = (
            self.matrix(WIDTH, WIDTH) for _ in range(4)
        )
        self.widen, self.narrow = self.matrix(4 * WIDTH, WIDTH), self.matrix(WIDTH, 4 * WIDTH)
        self.unembedding = self.matrix(VOCABULARY, WIDTH)

    def matrix(self, rows: int, columns: int) -> Matrix:
        """Small random parameters."""
        gauss = self.chance.gauss
        return [[self.number(gauss(0.0, 0.2)) for _ in range(columns)] for _ in range(rows)]

    def parameters(self) -> Vector:
        """All of them, in the order in which they were made."""
        matrices = [each for each in vars(self).values() if isinstance(each, list)]
        return [number for matrix in matrices for row in matrix for number in row]

    def loss(self, tokens: list[int]) -> Number:
        """The mean cross-entropy of each token after the first, given those before it."""
        keys: Matrix = []
        values: Matrix = []
        losses = []
        for position, (token, following) in enumerate(itertools.pairwise(tokens)):
            chances = softmax(self.logits(token, position, keys, values))
            losses.append(-chances[following].log())
        return sum(losses) / len(losses)

    def logits(self, token: int, position: int, keys: Matrix, values: Matrix) -> Vector:
        """The scores of all tokens to follow; keys and values grow by those of this token."""
        x = added(self.token_embedding[token], self.position_embedding[position])
        normal = rms_norm(x)
        keys.append(linear(self.key, normal))
        values.append(linear(self.value, normal))
        seen = attention(linear(self.query, normal), keys, values)
        x = added(x, linear(self.output, seen))
        hidden = [each.relu() for each in linear(self.widen, rms_norm(x))]
        x = added(x, linear(self.narrow, hidden))
        return linear(self.unembedding, rms_norm(x))


def added(a: Vector, b: Vector) -> Vector:
    """The sum of two vectors."""
    return [x + y for x, y in zip(a, b, strict=True)]


def product(a: Vector, b: Vector) -> Number:
    """The scalar product."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def linear(weights: Matrix, x: Vector) -> Vector:
    """The matrix times the vector."""
    return [product(row, x) for row in weights]


def rms_norm(x: Vector) -> Vector:
    """The vector divided by the root of its mean square."""
    scale = (product(x, x) / len(x) + 1e-5) ** -0.5
    return [each * scale for each in x]


def softmax(x: Vector) -> Vector:
    """Positive numbers that add up to 1; the largest is taken off, so that exp cannot overflow."""
    largest = max(each.data for each in x)
    powers = [(each - largest).exp() for each in x]
    total = sum(powers)
    return [power / total for power in powers]


def attention(query: Vector, keys: Matrix, values: Matrix) -> Vector:
    """Each head's mean of the values, weighted by how well their keys meet the query."""
    size = WIDTH // HEADS
    seen: Vector = []
    for start in range(0, WIDTH, size):
        part = slice(start, start + size)
        scores = [product(query[part], key[part]) / size**0.5 for key in keys]
        weights = softmax(scores)
        columns = zip(*(value[part] for value in values), strict=True)
        seen += [product(weights, list(column)) for column in columns]
    return seen


def side(name: str, number: type, tokens: list[int]) -> Side:
    """The training of the GPT on these tokens, without its updates."""
    model = ScalarGPT(number)
    parameters = model.parameters()

    def run(steps: int) -> float:
        for _ in range(steps):
            for parameter in parameters:
                parameter.grad = 0.0
            loss = model.loss(tokens)
            loss.backward()
        return float(loss.data)

    return Side(name, run, lambda: [float(p.grad) for p in parameters])


def rows(effort: Effort) -> Iterator[Row]:
    """Ours against the yardstick; the number of tokens is what grows the graph."""
    chance = random.Random(4)
    tokens = [chance.randrange(VOCABULARY) for _ in range(1 + max(2, int(BLOCK * effort.scale)))]
    ours = side("chainrule", engine.Value, tokens)
    plain = side("plain Python engine", PlainValue, tokens)
    yield race("scalar GPT step", ours, plain, effort, bar(">=", compiled=10))
