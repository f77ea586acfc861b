"""A GPT on scalars: one layer of GPT-2, in which every number is a Value.

A token is a one-hot list: zeros, with a 1 in its place. So it picks its column of the embedding by
a weighted sum like any other, and a recorded program takes it as an input. At each position a
stream of numbers is carried along, to which the attention adds what it has gathered from the
positions before, and the perceptron what it makes of that; then the stream is read as a score for
each token that may follow.

As GPT-2, but for these: RMS norm instead of layer norm, relu instead of gelu, and no biases.

`Nodes` and `Programs` are two ways to train such a model and to ask it, with the same results.

Sources: A. Radford et al., Language Models are Unsupervised Multitask Learners, 2019 (GPT-2);
A. Vaswani et al., Attention Is All You Need, 2017; B. Zhang, R. Sennrich, Root Mean Square Layer
Normalization, 2019.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine import Value, as_value, dot, exp, logsumexp, no_grad, record, relu
from nn import Module
from nn.optim import Optimizer

Array: TypeAlias = NDArray[np.float64]
Vector: TypeAlias = Sequence[Any]  # of Values or numbers
Matrix: TypeAlias = Sequence[Vector]  # its rows


class GPT(Module):
    """One layer of a decoder.

    Args:
        vocabulary: how many tokens there are.
        block: how many tokens it can see at most.
        width: how many numbers the stream has at each position.
        heads: how many heads share them in the attention.
        deviation: of the random numbers from which the parameters start.
        seed: fixes these.

    >>> model = GPT(vocabulary=27, block=16, seed=0)
    >>> len(model.parameters())
    4192
    >>> a, b = ([float(token == k) for k in range(27)] for token in (0, 1))
    >>> [len(scores) for scores in model.logits([a, b])]
    [27, 27]
    >>> round(model.loss([a, b, a]).data, 1)  # as if by chance: log(27) is 3.3
    3.3
    """

    def __init__(
        self,
        vocabulary: int,
        block: int,
        width: int = 16,
        heads: int = 4,
        deviation: float = 0.1,
        seed: int | None = None,
    ) -> None:
        chance = random.Random(seed)

        def matrix(rows: int, columns: int) -> Matrix:
            draws = ([chance.gauss(0, deviation) for _ in range(columns)] for _ in range(rows))
            return [[Value(number) for number in row] for row in draws]

        self.heads = heads
        self.embedding, self.places = matrix(width, vocabulary), matrix(block, width)
        self.query, self.key, self.value, self.output = (matrix(width, width) for _ in range(4))
        self.widen, self.narrow = matrix(4 * width, width), matrix(width, 4 * width)
        self.unembedding = matrix(vocabulary, width)

    def loss(self, document: Matrix) -> Value:
        """The mean cross-entropy of each token after the first, given those before it."""
        scores, following = self.logits(document[:-1]), document[1:]
        losses = [logsumexp(s) - dot(token, s) for s, token in zip(scores, following, strict=True)]
        mean: Value = sum(losses) / len(losses)
        return mean

    def chances(self, tokens: Matrix, temperature: Any = 1.0) -> Matrix:
        """At each position, the probability of each token to come next.

        The likely ones gain where the temperature is below 1, the unlikely ones where it is above.
        """
        return [softmax([s / temperature for s in scores]) for scores in self.logits(tokens)]

    def logits(self, tokens: Matrix) -> Matrix:
        """At each position, a score for each token to come next."""
        stream = self.embed(tokens)
        gathered = self.attend([rms_norm(x) for x in stream])
        stream = [added(x, seen) for x, seen in zip(stream, gathered, strict=True)]
        stream = [added(x, self.perceptron(rms_norm(x))) for x in stream]
        return [linear(self.unembedding, rms_norm(x)) for x in stream]

    def embed(self, tokens: Matrix) -> Matrix:
        """What the stream begins with: which token it is, and at which place."""
        if not 0 < len(tokens) <= len(self.places):
            raise ValueError(
                f"the model sees from 1 to {len(self.places)} tokens, but got {len(tokens)}: "
                "cut the text, or make the model with a larger block"
            )
        embedded = [linear(self.embedding, token) for token in tokens]
        return [added(x, place) for x, place in zip(embedded, self.places, strict=False)]

    def attend(self, x: Matrix) -> Matrix:
        """What the heads gather at each position: the mean of the values, by their attention."""
        gathered = [
            [[dot(row, column[: len(row)]) for column in zip(*values, strict=True)] for row in rows]
            for rows, values in zip(self.attention(x), self.by_heads(self.value, x), strict=True)
        ]
        together = zip(*gathered, strict=True)  # from heads and positions to positions and heads
        return [linear(self.output, list(chain.from_iterable(heads))) for heads in together]

    def attention(self, x: Matrix) -> list[Matrix]:
        """For each head and position, how it shares its attention among the positions up to it."""
        queries, keys = self.by_heads(self.query, x), self.by_heads(self.key, x)
        scale = len(queries[0][0]) ** -0.5
        return [
            [softmax([dot(q, k) * scale for k in ks[:t]]) for t, q in enumerate(qs, start=1)]
            for qs, ks in zip(queries, keys, strict=True)
        ]

    def by_heads(self, weights: Matrix, x: Matrix) -> list[Matrix]:
        """The matrix times the vector at each position, cut into a part for each head."""
        size = len(weights) // self.heads
        products = [linear(weights, each) for each in x]
        starts = range(0, len(weights), size)
        return [[each[start : start + size] for each in products] for start in starts]

    def perceptron(self, x: Vector) -> Vector:
        """Two layers, the hidden one four times as wide."""
        return linear(self.narrow, [relu(each) for each in linear(self.widen, x)])


def linear(weights: Matrix, x: Vector) -> Vector:
    """The matrix times the vector.

    >>> linear([[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0])
    [21.0, 43.0]
    """
    return [dot(row, x) for row in weights]


def added(a: Vector, b: Vector) -> Vector:
    """The sum of two vectors.

    >>> added([1.0, 2.0], [3.0, 4.0])
    [4.0, 6.0]
    """
    return [x + y for x, y in zip(a, b, strict=True)]


def rms_norm(x: Vector) -> Vector:
    """The vector divided by the root of its mean square.

    >>> [round(each, 4) for each in rms_norm([1.0, 7.0])]
    [0.2, 1.4]
    """
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [each * scale for each in x]


def softmax(scores: Vector) -> Vector:
    """Positive numbers that add up to 1, in proportion to e to the power of each score.

    >>> [round(each, 4) for each in softmax([1.0, 1.0, -1000.0])]
    [0.5, 0.5, 0.0]
    """
    total = logsumexp(scores)
    return [exp(score - total) for score in scores]


# --- two ways to run it ---


class Nodes:
    """Eagerly: every step builds the graph of its document anew, node by node.

    Args:
        model: the model.
        optimizer: what moves its parameters.
    """

    def __init__(self, model: GPT, optimizer: Optimizer) -> None:
        self.model, self.optimizer = model, optimizer

    def step(self, document: Array) -> float:
        """Learn from one document, a row for each token; its loss before that."""
        loss = self.model.loss(constants(document))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.data

    def held(self) -> AbstractContextManager[None]:
        """To be put around many steps, which may then be faster."""
        return nullcontext()

    def chances(self, contexts: Array, position: int, temperature: float) -> Array:
        """For each context, the probability of each token to come after this position.

        Args:
            contexts: shape (contexts, block, vocabulary), and whatever after the position.
            position: the place in all of them, from 0.
            temperature: as for the model.
        """
        seen = [constants(context) for context in contexts[:, : position + 1]]
        with no_grad():
            found = [self.model.chances(context, temperature)[-1] for context in seen]
        return np.array([[chance.data for chance in chances] for chances in found])


class Programs(Nodes):
    """Through programs: for each length the graph is recorded once, when the first one comes."""

    def __init__(self, model: GPT, optimizer: Optimizer) -> None:
        super().__init__(model, optimizer)
        self.loss = record(model.loss, parameters=optimizer.parameters)
        self.ask = record(model.chances, parameters=optimizer.parameters)

    def step(self, document: Array) -> float:
        """Learn from one document, a row for each token; its loss before that."""
        numbers = self.optimizer.numbers
        loss, gradient = self.loss.value_and_gradient(document[np.newaxis], at=numbers.read())
        numbers.write(self.optimizer.update(numbers.read(), gradient))
        return float(loss)

    def held(self) -> AbstractContextManager[None]:
        """Inside, the numbers of the parameters are in one array, and afterwards in the Values."""
        return self.optimizer.numbers.held()

    def chances(self, contexts: Array, position: int, temperature: float) -> Array:
        """For each context, the probability of each token to come after this position.

        What comes later does not matter, for the attention never looks ahead: so one program, for
        contexts of the full length, serves every position.
        """
        return np.array(self.ask(contexts, temperature)[position]).T


def constants(rows: Array) -> Matrix:
    """Each number as one node, and not as a new one for each weight that meets it."""
    return [[as_value(number) for number in row] for row in rows.tolist()]
