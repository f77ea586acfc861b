"""A step of training the GPT of `chainrule names`, Adam included, against an interpreted engine.

The network and the parameters of both sides are the same, of the size of Karpathy's microgpt: one
layer, 16 wide, four heads, up to 16 letters, 4,192 parameters. Ours is the step of the demo, with a
program for each length of a name; theirs is `gpt.py` on the plain engine of `yardstick.py`, node by
node. A turn goes through ten names, from the same start, and its time is shared out among them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from time import process_time
from typing import Any

import numpy as np
from gpt import ScalarGPT
from measure import Effort, Row, Side, alone, bar, race
from yardstick import PlainValue

from demos.parts.gpt import GPT, Programs
from nn import Adam

NAMES = (
    "emma", "olivia", "ava", "isabella", "liam", "noah", "william", "james", "sophia",
    "christopher",
)  # fmt: skip
BLOCK, LENGTHS = 16, range(2, 14)  # the letters it can see, and the lengths of names
TOKENS = ".abcdefghijklmnopqrstuvwxyz"
RATE, BETAS, EPSILON = 0.01, (0.85, 0.99), 1e-8


def training() -> Programs:
    """The demo's way of training, from the parameters of the yardstick."""
    model, start = GPT(len(TOKENS), BLOCK, seed=0), ScalarGPT(PlainValue, BLOCK)
    for name in ("query", "key", "value", "output", "widen", "narrow", "unembedding"):
        assign(getattr(model, name), getattr(start, name))
    assign(model.places, start.position_embedding)
    assign(model.embedding, zip(*start.token_embedding, strict=True))
    return Programs(model, Adam(model.parameters(), lr=RATE, betas=BETAS, eps=EPSILON))


def assign(ours: Any, theirs: Any) -> None:
    """Give the numbers of one matrix to the parameters of another."""
    for ours_row, theirs_row in zip(ours, theirs, strict=True):
        for p, q in zip(ours_row, theirs_row, strict=True):
            p.data = q.data


def numbered(name: str) -> list[int]:
    """The tokens of a name: its letters between two that say that it begins and ends."""
    return [TOKENS.index(letter) for letter in f".{name}."]


def by_record(names: tuple[str, ...]) -> Side:
    """Ours: a program for each length."""
    way = training()
    documents = [np.eye(len(TOKENS))[numbered(name)] for name in names]
    parameters = way.model.parameters()
    start, fresh = [p.data for p in parameters], way.optimizer.state_dict()

    def run(steps: int) -> float:
        for p, number in zip(parameters, start, strict=True):
            p.data = number
        way.optimizer.load_state_dict(fresh)
        with way.held():
            for _ in range(steps):
                for document in documents:
                    loss = way.step(document)
        return float(loss)

    return Side("chainrule", run, lambda: in_order(way.model))


def in_order(model: Any) -> list[float]:
    """The numbers of our parameters in the order in which the yardstick has its own."""
    matrices = [
        list(zip(*model.embedding, strict=True)), model.places, model.query, model.key,
        model.value, model.output, model.widen, model.narrow, model.unembedding,
    ]  # fmt: skip
    return [p.data for matrix in matrices for row in matrix for p in row]


def by_yardstick(names: tuple[str, ...]) -> Side:
    """Node by node, with Adam as one writes it in a loop over the parameters."""
    model = ScalarGPT(PlainValue, BLOCK)
    parameters = model.parameters()
    documents = [numbered(name) for name in names]
    start = [p.data for p in parameters]

    def run(steps: int) -> float:
        for p, number in zip(parameters, start, strict=True):
            p.data, p.grad = number, 0.0
        moments, squares = [0.0] * len(parameters), [0.0] * len(parameters)
        turns = itertools.repeat(documents, steps)
        for count, tokens in enumerate(itertools.chain.from_iterable(turns), start=1):
            loss = model.loss(tokens)
            loss.backward()
            adam(parameters, moments, squares, count)
        return float(loss.data)

    return Side("plain Python engine", run, lambda: [p.data for p in parameters])


def adam(parameters: list[Any], moments: list[float], squares: list[float], count: int) -> None:
    """One update, after which the gradients are 0 again."""
    first, second = BETAS
    for k, p in enumerate(parameters):
        moments[k] = first * moments[k] + (1 - first) * p.grad
        squares[k] = second * squares[k] + (1 - second) * p.grad**2
        moment, square = moments[k] / (1 - first**count), squares[k] / (1 - second**count)
        p.data -= RATE * moment / (square**0.5 + EPSILON)
        p.grad = 0.0


def seconds_to_record(lengths: range) -> float:
    """Until a name of each length has been seen once."""
    way = training()
    documents = [np.eye(len(TOKENS))[numbered("a" * length)] for length in lengths]
    start = process_time()
    for document in documents:
        way.step(document)
    return process_time() - start


def rows(effort: Effort) -> Iterator[Row]:
    """The step, and what goes before the first ones."""
    names = NAMES[: max(1, int(len(NAMES) * effort.scale))]
    lengths = LENGTHS[: max(1, int(len(LENGTHS) * effort.scale))]
    few = replace(effort, steps=1)
    sides, required = (by_record(names), by_yardstick(names)), bar(">=", compiled=800)
    yield race("names: GPT step with Adam", *sides, few, required, tolerance=1e-6, per=len(names))
    seconds = [seconds_to_record(lengths) for _ in range(1 + effort.pairs // 2)]
    yield alone(f"names: recording {len(lengths)} lengths", seconds, bar("<=", compiled=2.0))
