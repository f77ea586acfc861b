"""Networks: micrograd's own, the text of a network, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from nn.layers import Dropout, Layer, Neuron
from nn.module import Module
from nn.networks import MLP, Sequential

Gradients = Callable[..., list[float]]


def test_the_same_network_as_micrograd(gradients: Gradients) -> None:
    peer = pytest.importorskip("micrograd.nn", reason="micrograd is not installed")
    for sizes in ([16, 16, 1], [1], [3, 2]):
        random.seed(1337)
        theirs = peer.MLP(2, sizes)
        random.seed(1337)
        ours = MLP(2, sizes)
        after = random.getstate()
        random.seed(1337)
        peer.MLP(2, sizes)
        assert random.getstate() == after
        assert [p.data for p in ours.parameters()] == [p.data for p in theirs.parameters()]
        for x in ([1.0, -2.0], [0.5, 0.25]):
            y, expected = ours(x), theirs(x)
            if sizes[-1] > 1:
                assert [each.data for each in y] == [each.data for each in expected]
                y, expected = y[0] * y[1], expected[0] * expected[1]
            assert y.data == expected.data
            for parameter in theirs.parameters():
                parameter.grad = 0
            expected.backward()
            their_gradients = [p.grad for p in theirs.parameters()]
            assert gradients(ours, y) == pytest.approx(their_gradients, rel=1e-12, abs=1e-14)


def test_the_numbers_of_micrograds_network(gradients: Gradients) -> None:
    """As micrograd 0.1.0 gave them for random.seed(1337); MLP(2, [16, 16, 1])."""
    random.seed(1337)
    model = MLP(2, [16, 16, 1])
    p = model.parameters()
    assert len(p) == 337
    assert [p[k].data for k in (0, 1, 2, 3, 48, 335, 336)] == [
        0.23550571390294128, 0.06653114721000164, 0, -0.26830328150124894,
        -0.08568482691922008, -0.2532524374373504, 0,
    ]  # fmt: skip
    assert random.random() == 0.2158536848686471  # so many were drawn, and no more
    y = model([1.0, -2.0])
    assert y.data == -1.3324313779586294
    assert model([0.5, 0.25]).data == -0.12224713742890275
    g = gradients(model, y)
    assert sum(map(abs, g)) == pytest.approx(114.52389336515245, rel=1e-12)
    assert [g[k] for k in (0, 2, 48, 336)] == pytest.approx(
        [-0.7444599569696363, -0.7444599569696363, 0.0935183830653547, 1], rel=1e-12
    )


def test_the_digit_network_of_the_lecture() -> None:
    model = MLP(784, [16, 16, 10], activation="sigmoid", output="sigmoid", init="nielsen", seed=1)
    text = "MLP 784 → 16 sigmoid → 16 sigmoid → 10 sigmoid, 13,002 parameters"
    assert repr(model) == text
    outputs = model([0.5] * 784)
    assert len(outputs) == 10
    assert all(0 < y.data < 1 for y in outputs)


def test_texts() -> None:
    assert repr(MLP(2, [16, 16, 1], "tanh")) == (
        "MLP 2 → 16 tanh → 16 tanh → 1 linear, 337 parameters"
    )
    model = Sequential(Layer(2, 4), "relu", Dropout(0.5), Sequential(Layer(4, 2, "softmax")))
    assert repr(model) == (
        "Sequential 2 → 4 linear → relu → dropout 0.5 → 2 softmax, 22 parameters"
    )
    assert repr(MLP(2, [2, 1], activation=lambda z: z)) == (
        "MLP 2 → 2 <lambda> → 1 linear, 9 parameters"
    )


def test_sizes_and_output_activation() -> None:
    model = Sequential(Dropout(0.1), Layer(2, 4, "relu"), Neuron(4, "sigmoid"), Dropout(0.1))
    assert (model.n_in, model.n_out, model.output_activation) == (2, 1, "sigmoid")
    model = Sequential(model, Layer(1, 3), "softmax")
    assert (model.n_in, model.n_out, model.output_activation) == (2, 3, "softmax")
    assert (Sequential("relu").n_in, Sequential("relu").n_out) == (None, None)
    mlp = MLP(2, [3, 4], output="tanh")
    assert (mlp.n_in, mlp.n_out, mlp.output_activation) == (2, 4, "tanh")


def test_sequential_is_one_after_the_other() -> None:
    first, second = Layer(2, 3, seed=1), Layer(3, 1, seed=2)
    x = [1.0, -2.0]
    by_hand = second([y.tanh() for y in first(x)])
    assert Sequential(first, "tanh", second)(x).data == by_hand.data
    assert Sequential(first, lambda z: z.tanh(), second)(x).data == by_hand.data
    assert Sequential(Sequential(first, "tanh"), second)(x).data == by_hand.data


def test_a_module_of_ones_own_fits_in(gradients: Gradients) -> None:
    class Residual(Module):
        def __init__(self, n: int) -> None:
            self.n_in = self.n_out = n
            self.layer = Layer(n, n, "tanh", seed=n)

        def forward(self, inputs: list[Any]) -> list[Any]:
            return [a + b for a, b in zip(inputs, self.layer.forward(inputs), strict=True)]

    model = Sequential(Layer(2, 3, seed=1), Residual(3), Layer(3, 1, seed=2))
    assert "1.layer.bias" in model.state_dict()
    assert all(gradients(model, model([1.0, 2.0])))
    with pytest.raises(ValueError, match="cannot follow Layer 2 → 4"):
        Sequential(Layer(2, 4), Residual(3))


def numbering(model: Module) -> list[str]:
    return [name for name in model.state_dict() if name.endswith("weight")]


def test_numbers_count_activations_as_pytorch_does() -> None:
    assert numbering(MLP(2, [3, 3, 1])) == ["0.weight", "2.weight", "4.weight"]
    assert numbering(MLP(2, [3, 3, 1], activation="linear")) == ["0.weight", "1.weight", "2.weight"]
    mixed = Sequential(
        Layer(2, 3), "relu", Dropout(0.1), Layer(3, 3, "tanh"), Neuron(3, "tanh"), Layer(1, 1)
    )
    assert numbering(mixed) == ["0.weight", "3.weight", "5.weight", "7.weight"]
    nested = Sequential(Sequential(Layer(2, 2, "tanh"), Layer(2, 2, "tanh")), Layer(2, 1))
    assert numbering(nested) == ["0.0.weight", "0.2.weight", "1.weight"]


ONE = Layer(2, 1, seed=1)
REFUSED: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "no sizes": (lambda: MLP(2, []), ValueError, "sizes is empty"),
    "one size": (lambda: MLP(2, 16), TypeError, r"but got 16 .*\[16, 16, 1\]"),  # type: ignore[arg-type]
    "text": (lambda: MLP(2, "16"), TypeError, "but got '16'"),  # type: ignore[arg-type]
    "None": (lambda: MLP(2, None), TypeError, "but got None"),  # type: ignore[arg-type]
    "zero": (lambda: MLP(2, [16, 0]), ValueError, r"sizes\[1\] must be a whole number, 1 at least"),
    "half": (lambda: MLP(2, [1.5]), TypeError, r"sizes\[0\] must be a whole"),  # type: ignore[list-item]
    "inputs": (lambda: MLP(-2, [1]), ValueError, "n_in must be a whole number"),
    "activation": (lambda: MLP(2, [3, 1], "tahn"), ValueError, "did you mean 'tanh'"),
    "unused": (lambda: MLP(2, [1], "tahn"), ValueError, "did you mean 'tanh'"),
    "output": (lambda: MLP(2, [3, 1], output="sigmod"), ValueError, "did you mean 'sigmoid'"),
    "init": (lambda: MLP(2, [3, 1], init="zero"), ValueError, "did you mean 'zeros'"),
    "seed": (lambda: MLP(2, [3, 1], seed="1"), TypeError, "seed must be a whole"),  # type: ignore[arg-type]
    "softmax of one": (lambda: MLP(2, [3, 1], output="softmax"), ValueError, "always 1"),
    "softmax after one": (lambda: Sequential(ONE, "softmax"), ValueError, "always 1"),
    "softmax later": (
        lambda: Sequential(Layer(2, 2, seed=1), ONE, "tanh", Dropout(0.1), "softmax"),
        ValueError,
        "always 1",
    ),
    "softmax within": (lambda: MLP(2, [3, 1, 3], "softmax"), ValueError, "always 1"),
    "nothing": (lambda: Sequential(), TypeError, r"Sequential\(\*layers\)"),
    "a list": (lambda: Sequential([Dropout(0.1)]), TypeError, r"Sequential\(\*layers\)"),  # type: ignore[arg-type]
    "a class": (lambda: Sequential(Dropout), TypeError, "an activation is a name"),  # type: ignore[arg-type]
    "a number": (lambda: Sequential(3), TypeError, "an activation is a name"),  # type: ignore[arg-type]
    "a name": (lambda: Sequential(Dropout(0.1), "rleu"), ValueError, "did you mean 'relu'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_draws_nothing(name: str, unused: None) -> None:
    make, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words):
        make()


def test_layers_must_fit() -> None:
    words = "Layer 4 → 1 linear, 5 parameters cannot follow Layer 2 → 3 relu, .* it takes 4 inputs"
    for between in ([], [Dropout(0.1)], ["tanh"]):
        with pytest.raises(ValueError, match=words):
            Sequential(Layer(2, 3, "relu"), *between, Layer(4, 1))
