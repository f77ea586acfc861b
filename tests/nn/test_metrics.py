"""Predictions, accuracy and the confusion matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import Value
from nn.layers import Dropout, Layer
from nn.losses import cross_entropy
from nn.metrics import accuracy, confusion_matrix, outputs, predict
from nn.module import Module
from nn.networks import MLP, Sequential
from nn.readings import LOGIT, PROBABILITY, SIGN, Reading
from nn.training import fit


class Pass(Module):
    """Gives its inputs as they are, as what comes from this activation."""

    def __init__(self, n: int, output_activation: str = "linear") -> None:
        self.n_in = self.n_out = n
        self.output_activation = output_activation

    def forward(self, inputs: list[Value]) -> list[Value]:
        return inputs


COLUMN = [[-0.7], [0.3], [0.7]]


@pytest.mark.parametrize(
    ("ends_in", "loss", "classes"),
    [
        ("linear", None, [0, 1, 1]),
        ("linear", "binary_cross_entropy", [0, 1, 1]),
        ("linear", "squared_error", [0, 0, 1]),
        ("linear", "hinge", [-1, 1, 1]),
        ("tanh", None, [0, 1, 1]),
        ("tanh", "hinge", [-1, 1, 1]),
        ("tanh", "squared_error", [0, 0, 1]),
        ("sigmoid", None, [0, 0, 1]),
        ("sigmoid", "nielsen_cross_entropy", [0, 0, 1]),
    ],
)
def test_a_single_output_tells_two_classes_apart(
    ends_in: str, loss: str | None, classes: list[int]
) -> None:
    model = Pass(1, ends_in)
    assert predict(model, COLUMN, loss=loss).tolist() == classes
    assert accuracy(model, COLUMN, classes, loss=loss) == 1.0
    wrong = [classes[0], classes[1], classes[0]]
    assert accuracy(model, COLUMN, wrong, loss=loss) == pytest.approx(2 / 3)


LINE = np.linspace(-1, 1, 9).reshape(-1, 1)
HALF = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1])
TRAINED: list[tuple[str, str | None, Any]] = [
    ("linear", "squared_error", HALF * 1.0),
    ("linear", None, HALF * 1.0),
    ("linear", None, HALF),
    ("linear", "squared_error", 2 * HALF - 1),
    ("linear", "hinge", 2 * HALF - 1),
    ("tanh", "squared_error", HALF),
    ("tanh", "squared_error", 2.0 * HALF - 1),
    ("tanh", "hinge", 2 * HALF - 1),
    ("relu", "absolute_error", HALF),
    ("sigmoid", None, HALF),
    ("sigmoid", "squared_error", HALF * 1.0),
]


@pytest.mark.parametrize(("ends_in", "loss", "y"), TRAINED)
def test_a_trained_model_is_read_as_fit_has_read_it(ends_in: str, loss: str | None, y: Any) -> None:
    """So many steps are taken that outputs lie on both sides of 0, 0.5, and in between."""
    model = MLP(1, [1], output=ends_in, seed=3)
    history = fit(model, LINE, y, loss=loss, validation=(LINE, y), epochs=9, lr=0.05, seed=3)
    assert accuracy(model, LINE, y) == history["validation_accuracy"][-1]
    assert np.mean(predict(model, LINE) == y) == history["validation_accuracy"][-1]
    assert np.trace(confusion_matrix(model, LINE, y)) / len(y) == accuracy(model, LINE, y)
    assert accuracy(model, LINE, y, loss=history.settings["loss"]) == accuracy(model, LINE, y)
    named = predict(model, LINE, loss=history.settings["loss"])
    assert named.tolist() == predict(model, LINE).tolist()
    assert set(named.tolist()) <= set(y.tolist())


def test_numbers_for_several_outputs_are_no_classes() -> None:
    """A loss of one's own gets a float for three outputs."""

    def own(output: list[Value], target: float) -> Value:
        return (output[0] + output[1] + output[2] - target) ** 2

    history = fit(MLP(1, [3], seed=1), LINE, HALF * 0.5, loss=own, epochs=1)
    assert "accuracy" not in history.columns
    with pytest.raises(ValueError, match="none is right or wrong"):
        accuracy(Pass(3), np.eye(3), [0.5, 1.0, 0.5], loss=own)
    with pytest.raises(ValueError, match=r"neither a class nor one-hot.*none is right or wrong"):
        accuracy(Pass(2), [[1.0, 2.0]], [[0.5, 0.5]])


@pytest.mark.parametrize(
    ("known", "classes"),
    [(PROBABILITY, [0, 0, 1]), (LOGIT, [0, 1, 1]), (SIGN, [-1, 1, 1]), (None, [0, 1, 1])],
)
def test_the_reading_on_the_model_is_used(known: Reading | None, classes: list[int]) -> None:
    model = Pass(1)
    model.reading = known
    assert predict(model, COLUMN).tolist() == classes
    assert accuracy(model, COLUMN, classes) == accuracy(model, COLUMN, np.array(classes) * 1.0) == 1
    assert predict(model, COLUMN, loss="hinge").tolist() == [-1, 1, 1], "what is said counts more"
    strangers = [0, 1, 0] if known == SIGN else [2, 1, 0]
    with pytest.raises(ValueError, match=r"y\[0\] is [02], but the single output .* class 1"):
        accuracy(model, COLUMN, strangers)


def test_of_several_outputs_the_largest_names_the_class() -> None:
    rows = [[0.1, 3.0, 0.2], [0.5, 0.1, 0.2], [1.0, 2.0, 9.0], [-3.0, -1.0, -2.0]]
    assert predict(Pass(3), rows).tolist() == [1, 0, 2, 1]
    assert accuracy(Pass(3), rows, [1, 0, 0, 1]) == 0.75
    one_hot = [[0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0]]
    for loss in (None, "squared_error", cross_entropy):
        assert accuracy(Pass(3), rows, one_hot, loss=loss) == 0.75
    assert accuracy(Pass(3, "sigmoid"), rows, [1, 0, 0, 1]) == 0.75


def test_the_confusion_matrix_has_the_true_classes_in_its_rows() -> None:
    rows = np.eye(3)[[0, 1, 1, 2, 2, 2]]
    matrix = confusion_matrix(Pass(3), rows, [0, 0, 1, 1, 2, 2])
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 2]]
    assert np.trace(matrix) / matrix.sum() == accuracy(Pass(3), rows, [0, 0, 1, 1, 2, 2])
    signed = confusion_matrix(Pass(1), [[-1.0], [2.0], [3.0]], [1, 1, -1], loss="hinge")
    assert signed.tolist() == [[0, 1], [1, 1]]
    assert confusion_matrix(Pass(1), [[-1.0], [2.0], [3.0]], [1, 1, -1]).tolist() == [
        [0, 1],
        [1, 1],
    ]


def test_a_model_in_use_is_left_as_it_was(unused: None) -> None:
    dropout = Dropout(0.5)
    model = Sequential(Layer(2, 8, seed=1), dropout, Layer(8, 1, seed=2))
    dropout.eval()
    once = outputs(model, [[1.0, 2.0]])
    assert model.training
    assert not dropout.training
    dropout.train()
    assert outputs(model, [[1.0, 2.0]]).tolist() == once.tolist(), "dropout was at work"
    assert dropout.training
    assert not any(p.has_grad for p in model.parameters())


def test_nothing_is_recorded() -> None:
    seen: list[Value] = []

    def spy(z: Value) -> Value:
        seen.append(z * 2)
        return z

    predict(Sequential(Layer(2, 1), spy), [[1.0, 2.0]])
    assert seen[0].is_constant


def test_the_mode_is_restored_after_an_error() -> None:
    def broken(z: Value) -> Value:
        raise RuntimeError("broken")

    model = Sequential(Layer(2, 1), broken)
    with pytest.raises(RuntimeError, match="broken"):
        predict(model, [[1.0, 2.0]])
    assert model.training
    assert not (Value(1.0) * 2).is_constant


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: predict(m, []), "X is empty"),
        (lambda m: predict(m, [[1.0]]), r"takes 2 inputs, but the rows of X have 1"),
        (lambda m: predict(m, [1.0, 2.0]), r"write \[x\]"),
        (lambda m: predict(m, np.zeros((3, 2, 2))), r"X.reshape\(len\(X\), -1\)"),
        (lambda m: predict(m, [[1.0, float("nan")]]), r"X\[0\]\[1\] is nan"),
        (lambda m: predict(m, [[1.0, 2.0], [3.0]]), "all of one length"),
        (lambda m: accuracy(m, [[1.0, 2.0]], [0, 1]), "X has 1 rows and y has 2"),
        (lambda m: accuracy(m, [[1.0, 2.0]], [0.3]), "none is right or wrong"),
        (lambda m: accuracy(m, [[1.0, 2.0]], [1], loss="hing"), "did you mean 'hinge'"),
        (lambda m: accuracy(m, [[1.0, 2.0]], [7]), "7.*single output"),
        (lambda m: accuracy(m, [[1.0, 2.0]], [0.3], loss="squared_error"), "no list of classes"),
        (lambda m: predict(m, [[1.0, 2.0]], loss="cross_entropy"), "binary_cross_entropy"),
        (lambda m: predict(m, [[1.0, 2.0]], loss="nielsen_cross_entropy"), 'output="sigmoid"'),
    ],
)
def test_what_makes_no_sense_is_refused(call: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call(MLP(2, [1]))
