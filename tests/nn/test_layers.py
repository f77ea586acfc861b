"""Neurons, layers and dropout: the formulas, what they take, and what they refuse."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import Value
from nn.activations import ACTIVATIONS
from nn.layers import Dropout, Layer, Neuron
from nn.networks import MLP, Sequential


def test_a_neuron_is_the_activation_of_the_weighted_sum() -> None:
    neuron = Neuron(2, activation="tanh", seed=1)
    (a, b), bias = neuron.weights, neuron.bias
    bias.data = 0.25
    y = neuron([1.5, -2.0])
    assert y.data == pytest.approx(math.tanh(1.5 * a.data - 2 * b.data + 0.25), rel=1e-15)
    y.backward()
    slope = 1 - y.data**2
    assert [a.grad, b.grad, bias.grad] == pytest.approx([1.5 * slope, -2 * slope, slope])


def test_the_perceptron_of_the_lecture() -> None:
    """Do I go to the park? With the lockdown not, without it I do: the sum is 0, and 0 counts."""
    park = Neuron(3, activation="step")
    for weight, number in zip(park.weights, [3, 1, -20], strict=True):
        weight.data = number
    park.bias.data = -3
    assert [park([1, 0, 1]).data, park([1, 0, 0]).data, park([0, 1, 0]).data] == [0, 1, 0]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_layer_equals_its_matrix(activation: str) -> None:
    layer = Layer(3, 4, activation, init="nielsen", seed=2)
    weight, bias = layer.state_dict().values()
    x = np.array([0.5, -1.0, 2.0])
    sums = [Value(z) for z in weight @ x + bias]
    expected = [y.data for y in ACTIVATIONS[activation](sums)]
    assert [y.data for y in layer(x)] == pytest.approx(expected, rel=1e-13)


def test_each_neuron_of_a_layer_is_one() -> None:
    layer = Layer(2, 3, "sigmoid", seed=4)
    x = [1.0, 2.0]
    assert [n(x).data for n in layer.neurons] == [y.data for y in layer(x)]


def test_the_weighted_sum_is_stated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A neuron that sums in its own way does so in a layer too."""
    monkeypatch.setattr(Neuron, "weighted_sum", lambda self, inputs: inputs[0] * 3)
    assert Neuron(2)([2.0, 5.0]).data == 6.0
    assert [y.data for y in Layer(2, 2)([2.0, 5.0])] == [6.0, 6.0]


def test_a_graph_has_one_node_per_input_sum_and_output() -> None:
    """Inputs become nodes once for all neurons, not once for each."""
    y = sum(Layer(5, 4, "tanh")([1.0] * 5))
    y.backward()
    outputs = Layer(5, 4, "tanh")([1.0] * 5)
    inputs = {id(each) for y in outputs for each in y.inputs[0].inputs if each.is_constant}
    assert len(inputs) == 5


def test_inputs_that_are_values_get_gradients() -> None:
    x = [Value(1.0), Value(2.0)]
    neuron = Neuron(2, seed=3)
    neuron(x).backward()
    assert [each.grad for each in x] == [w.data for w in neuron.weights]


ROWS: dict[str, Any] = {
    "list": [1.0, -2.0],
    "tuple": (1, -2),
    "row": np.array([1.0, -2.0]),
    "float32": np.array([1.0, -2.0], dtype=np.float32),
    "integers": np.array([1, -2]),
    "objects": np.array([Value(1.0), Value(-2.0)]),
    "values": [Value(1.0), Value(-2.0)],
    "mixed": [Value(1.0), -2],
    "scalars": [np.float64(1.0), np.int64(-2)],
    "range": range(1, -5, -3),
    "generator": (x for x in (1.0, -2.0)),
}


@pytest.mark.parametrize("kind", ROWS)
def test_all_kinds_of_examples(kind: str) -> None:
    model = MLP(2, [3, 1], seed=5)
    assert model(ROWS[kind]).data == model([1.0, -2.0]).data


def test_one_input_may_come_alone() -> None:
    model = MLP(1, [2, 1], seed=5)
    expected = model([0.5]).data
    assert model(0.5).data == model(np.float64(0.5)).data == model(Value(0.5)).data == expected


def test_a_single_neuron_in_the_middle() -> None:
    model = Sequential(Layer(2, 1), "tanh", Dropout(0.0), Layer(1, 2))
    assert len(model([1.0, 2.0])) == 2


REFUSED: dict[str, tuple[object, type[Exception], str]] = {
    "short": ([1.0], ValueError, "takes 2 inputs, but got 1"),
    "long": ([1.0, 2.0, 3.0], ValueError, "takes 2 inputs, but got 3"),
    "empty": ([], ValueError, "takes 2 inputs, but got 0"),
    "number": (3.0, ValueError, "takes 2 inputs, but got 1"),
    "batch": (np.zeros((3, 2)), ValueError, r"got 3 rows: write \[model\(x\) for x in X\]"),
    "lists": ([[1.0, 2.0], [3.0, 4.0]], ValueError, r"got 2 rows: write \[model\(x\) for x in X\]"),
    "arrays": ([np.zeros(2)], ValueError, "one example at a time, but got 1 row"),
    "text": ("12", TypeError, "the numbers of one example, but got '12' of type str"),
    "texts": (["1", "2"], TypeError, r"an input takes a real number, but got '1'.*float\(text\)"),
    "None": (None, TypeError, "the numbers of one example, but got None of type NoneType"),
    "Nones": ([1.0, None], TypeError, "an input takes a real number, but got None"),
    "dict": ({"x": 1.0, "y": 2.0}, TypeError, "the numbers of one example, but got {'x'"),
    "set": ({1.0, 2.0}, TypeError, "the numbers of one example, but got {1.0"),
    "complex": ([1j, 2.0], TypeError, "only real numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize(
    "model", [MLP(2, [3, 1], seed=1), Layer(2, 2, seed=1), Neuron(2, seed=1)], ids=repr
)
def test_what_is_no_example(model: Layer, name: str) -> None:
    x, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words) as caught:
        model(x)
    if "an input" not in words and "only real" not in words:
        assert repr(model) in str(caught.value)


NO_LAYERS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: Layer(0, 1), ValueError, "n_in must be a whole number, 1 at least, but got 0"),
    (lambda: Layer(1, -1), ValueError, "n_out must be a whole number, 1 at least, but got -1"),
    (lambda: Layer(2.5, 1), TypeError, "n_in must be a whole number"),  # type: ignore[arg-type]
    (lambda: Neuron("2"), TypeError, "n_in must be a whole number"),  # type: ignore[arg-type]
    (lambda: Neuron(None), TypeError, "n_in must be a whole number"),  # type: ignore[arg-type]
    (lambda: Layer(2, 3, "rleu"), ValueError, "did you mean 'relu'"),
    (lambda: Layer(2, 3, "relu", "nielson"), ValueError, "did you mean 'nielsen'"),
    (lambda: Layer(2, 1, "softmax"), ValueError, "a single output is always 1: use sigmoid"),
    (lambda: Neuron(2, "softmax"), ValueError, "a single output is always 1: use sigmoid"),
]


@pytest.mark.parametrize(("make", "kind", "words"), NO_LAYERS)
def test_what_is_no_layer_draws_nothing(
    make: Callable[[], object], kind: type[Exception], words: str, unused: None
) -> None:
    with pytest.raises(kind, match=words):
        make()


def test_texts() -> None:
    assert repr(Neuron(1)) == "Neuron 1 → 1 linear, 2 parameters"
    assert repr(Layer(784, 16, "sigmoid")) == "Layer 784 → 16 sigmoid, 12,560 parameters"
    assert repr(Dropout(0.25)) == "dropout 0.25, 0 parameters"


# --- dropout ---


def test_dropout_keeps_the_expected_value() -> None:
    """Each input is 0 or 1 / (1 - p) times itself, so often that the mean stays."""
    n = 20_000
    outputs = [y.data for y in Dropout(0.2, seed=1)([3.0] * n)]
    assert set(outputs) == {0.0, 3.75}
    assert outputs.count(0.0) / n == pytest.approx(0.2, abs=5 * 0.4 / math.sqrt(n))


def test_dropout_passes_gradients_through_what_it_keeps() -> None:
    x = [Value(float(k)) for k in range(1, 9)]
    outputs = Dropout(0.5, seed=2)(x)
    sum(outputs).backward()
    assert [each.grad for each in x] == [y.data / each.data for y, each in zip(outputs, x)]  # noqa: B905
    assert {each.grad for each in x} == {0.0, 2.0}


@pytest.mark.parametrize("dropout", [Dropout(0.5).eval(), Dropout(0.0)])
def test_dropout_at_rest_changes_and_draws_nothing(dropout: Dropout, unused: None) -> None:
    x = [Value(1.0), Value(2.0)]
    assert all(y is each for y, each in zip(dropout(x), x, strict=True))


def masks(model: Any, n: int = 40) -> list[list[bool]]:
    """Which inputs survive, in two passes."""
    return [[y.data != 0 for y in model([1.0] * n)] for _ in range(2)]


def test_a_seed_decides_the_masks(unused: None) -> None:
    dropout = Dropout(0.5, seed=6)
    first = masks(dropout)
    assert first[0] != first[1]
    assert masks(Dropout(0.5, seed=6)) == first
    dropout.reseed(7)
    second = masks(dropout)
    assert second != first
    dropout.reseed(7)
    assert masks(dropout) == second


def test_without_a_seed_python_decides() -> None:
    dropout = Dropout(0.5)
    random.seed(1)
    first = masks(dropout)
    random.seed(1)
    assert masks(dropout) == first


def test_a_network_reseeds_each_dropout_differently(unused: None) -> None:
    model = Sequential(Dropout(0.5), Sequential("linear", Dropout(0.5)), Dropout(0.5))
    model.reseed(5)
    parts = [part for part in model.modules() if isinstance(part, Dropout)]
    seen = [masks(part) for part in parts]
    assert len({str(each) for each in seen}) == 3
    model.reseed(5)
    assert [masks(part) for part in parts] == seen
    model.reseed(6)
    assert [masks(part) for part in parts] != seen


@pytest.mark.parametrize("p", [1, -0.1, 2, float("nan")])
def test_a_probability_out_of_range(p: float) -> None:
    with pytest.raises(ValueError, match=r"Dropout\(p\) must be a probability of at least 0 and"):
        Dropout(p)


@pytest.mark.parametrize("p", ["a", None])
def test_a_probability_that_is_no_number(p: Any) -> None:
    with pytest.raises(TypeError, match=r"Dropout\(p\) takes a real number"):
        Dropout(p)
