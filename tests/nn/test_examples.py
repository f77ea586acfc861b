"""Examples and labels are checked before anything moves, and the default loss suits them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine import Value
from nn.examples import ELSEWHERE, choose_loss, inputs_for
from nn.losses import LOSSES
from nn.metrics import count_outputs
from nn.module import Module
from nn.networks import MLP
from nn.training import fit

HOT = np.eye(2)[[0, 1, 1, 0]]


class Own(Module):
    """A model that does not say how many outputs it has."""

    def __init__(self, outputs: int) -> None:
        self.weights = [Value(0.5) for _ in range(outputs)]

    def forward(self, inputs: list[Value]) -> list[Value]:
        return [w * inputs[0] + inputs[1] for w in self.weights]


@pytest.mark.parametrize(
    ("y", "outputs", "name"),
    [
        (HOT, 2, "cross_entropy"),
        (HOT.astype(np.float32), 2, "cross_entropy"),
        (HOT.tolist(), 2, "cross_entropy"),
        (HOT.astype(int), 2, "cross_entropy"),
        (HOT * 0.5, 2, "squared_error"),
        (HOT + np.array([0.0, 1.0]), 2, "squared_error"),
        (np.ones((4, 2)), 2, "squared_error"),
        (HOT, 3, "squared_error"),
        (np.ones((4, 1)), 1, "squared_error"),
        (np.array([0.0, 1.0]), 2, "squared_error"),
        ([[0.0, 1.0], [1.0]], 2, "squared_error"),
        ([0, 1], 1, "binary_cross_entropy"),
        ([0, 1], 2, "cross_entropy"),
    ],
)
def test_the_default_loss(y: Any, outputs: int, name: str) -> None:
    assert choose_loss(None, MLP(2, [outputs]), y).name == name
    assert choose_loss(None, Own(outputs), y, outputs).name == name


def test_the_default_loss_of_one_hot_rows_after_sigmoids() -> None:
    model = MLP(2, [2], output="sigmoid")
    assert choose_loss(None, model, HOT).name == "nielsen_cross_entropy"


@pytest.mark.parametrize(("outputs", "name"), [(1, "binary_cross_entropy"), (2, "cross_entropy")])
def test_a_model_that_does_not_say_how_many_outputs_it_has(outputs: int, name: str) -> None:
    X = [[0.0, 1.0], [1.0, 0.0]]
    assert count_outputs(Own(outputs), X) == outputs
    assert fit(Own(outputs), X, [0, 1], epochs=1).settings["loss"] == name


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("mse", "squared_error"),
        ("MSE", "squared_error"),
        ("MSELoss", "squared_error"),
        ("CrossEntropyLoss", "cross_entropy"),
        ("BCEWithLogitsLoss", "binary_cross_entropy"),
        ("l2loss", "squared_error"),
        ("mae", "absolute_error"),
        ("bce", "binary_cross_entropy"),
        ("ce", "cross_entropy"),
        ("crossentropy", "cross_entropy"),
        ("svm", "hinge"),
    ],
)
def test_losses_by_the_names_that_others_use(given: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean '{meant}'"):
        choose_loss(given, Module(), [0.5])


def test_all_hints_name_a_loss() -> None:
    assert set(ELSEWHERE.values()) <= set(LOSSES)
    assert not set(ELSEWHERE) & set(LOSSES)


@pytest.mark.parametrize("kind", [np.float32, np.int8, np.uint8, np.bool_, np.float64, object])
def test_examples_of_any_kind_of_real_number(kind: Any) -> None:
    found = inputs_for(MLP(2, [1]), np.array([[1, 0], [0, 1]], dtype=kind))
    assert found.dtype == np.float64
    assert found.tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ([["1.0", "2.0"]], "X must be rows of real numbers, but holds text: .*astype"),
        ([[b"1.0", b"2.0"]], "but holds bytes"),
        (np.array([["1", 2.0]], dtype=object), "but holds text among objects"),
        ([[1.0 + 2.0j, 1.0]], "but holds complex numbers: .*columns"),
        (np.array([[1j, 1.0]], dtype=object), "X must be rows of numbers"),
        (np.array([["2026-01-01", "2026-01-02"]], dtype="datetime64[D]"), "but holds datetime64"),
        (None, "X is None: give the examples"),
        ([[{}, 1.0]], "X must be rows of numbers"),
    ],
)
def test_examples_of_other_things_are_refused(X: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        inputs_for(MLP(2, [1]), X)
