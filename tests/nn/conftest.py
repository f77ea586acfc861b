"""What the tests of networks share."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from engine import Value
from nn.module import Module


@pytest.fixture(autouse=True)
def global_chance() -> Iterator[None]:
    """Every test finds Python's global random seeded, and leaves it as it was."""
    before = random.getstate()
    random.seed(2026)
    yield
    random.setstate(before)


@pytest.fixture
def unused() -> Iterator[None]:
    """The test fails if it draws from Python's global random."""
    before = random.getstate()
    yield
    assert random.getstate() == before, "a number was drawn"


Gradients = Callable[[Module, Value], list[float]]


@pytest.fixture
def gradients() -> Gradients:
    """The gradients of a result in all parameters of a model."""

    def gradients(model: Module, result: Value) -> list[float]:
        model.zero_grad()
        result.backward()
        return [parameter.grad for parameter in model.parameters()]

    return gradients
