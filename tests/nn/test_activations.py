"""Activations: what they compute, how they are named, and what is refused."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable

import pytest

import engine
from engine import Value
from nn.activations import ACTIVATIONS, Activation, resolve
from nn.layers import Layer
from nn.module import Module
from nn.networks import Sequential

POINTS = [-2.5, -0.5, 0.0, 0.25, 3.0]
FORMULAS: dict[str, Callable[[float], float]] = {
    "linear": lambda z: z,
    "step": lambda z: float(z >= 0),
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "tanh": lambda z: (math.exp(2 * z) - 1) / (math.exp(2 * z) + 1),
    "relu": lambda z: max(0.0, z),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "softplus": lambda z: math.log(1 + math.exp(z)),
    "gelu": lambda z: z * (1 + math.erf(z / math.sqrt(2))) / 2,
}


def half(z: Value) -> Value:
    """An activation of one's own; at the top of a module, so that it can be pickled."""
    return z / 2


def test_all_that_act_on_one_sum_are_tested() -> None:
    assert FORMULAS.keys() | {"softmax"} == ACTIVATIONS.keys()
    assert [name for name, each in ACTIVATIONS.items() if each.whole_layer] == ["softmax"]
    assert all(name == each.name for name, each in ACTIVATIONS.items())


@pytest.mark.parametrize("name", FORMULAS)
def test_values(name: str) -> None:
    outputs = resolve(name)([Value(z) for z in POINTS])
    assert [y.data for y in outputs] == pytest.approx(list(map(FORMULAS[name], POINTS)), rel=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
def test_gradients(name: str) -> None:
    h = 1e-6
    for z in (-2.5, -0.5, 0.25, 3.0):
        x = Value(z)
        resolve(name)([x])[0].backward()
        numerical = (FORMULAS[name](z + h) - FORMULAS[name](z - h)) / (2 * h)
        assert x.grad == pytest.approx(numerical, abs=1e-8)


def test_softmax_acts_on_the_whole_layer() -> None:
    z = [Value(each) for each in (1.0, 2.0, 3.0)]
    p = resolve("softmax")(z)
    total = sum(math.exp(k) for k in (1, 2, 3))
    assert [each.data for each in p] == pytest.approx([math.exp(k) / total for k in (1, 2, 3)])
    p[0].backward()
    assert z[1].grad == pytest.approx(-p[0].data * p[1].data)


def test_a_function_of_ones_own_acts_on_each_sum() -> None:
    mine = resolve(half)
    assert [y.data for y in mine([Value(1.0), Value(-3.0)])] == [0.5, -1.5]
    assert str(mine) == "half"
    assert not mine.whole_layer


@pytest.mark.parametrize("name", ACTIVATIONS.keys() - {"linear"})
def test_the_engines_functions_are_found_under_their_names(name: str) -> None:
    assert resolve(getattr(engine, name)) is ACTIVATIONS[name]


def test_methods_too() -> None:
    assert resolve(Value.tanh) is ACTIVATIONS["tanh"]


@pytest.mark.parametrize("given", [*ACTIVATIONS.values(), resolve(half)], ids=str)
def test_copies_are_equal_and_know_their_name(given: Activation) -> None:
    for twin in (copy.deepcopy(given), pickle.loads(pickle.dumps(given))):
        assert twin == given
        assert (str(twin) in ACTIVATIONS) == (twin == ACTIVATIONS.get(str(twin)))


def test_an_unknown_name_lists_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'rleu' is not .*'relu'.*linear, step, sigmoid, tanh"):
        resolve("rleu")


@pytest.mark.parametrize("given", [None, 3, Value(1.0), Value, [math.tanh]], ids=str)
def test_what_is_no_activation(given: object) -> None:
    with pytest.raises(TypeError, match=r"an activation is a name \(linear, .* or a function"):
        resolve(given)


class PReLU(Module):
    """An activation with a slope that is trained."""

    def __init__(self) -> None:
        self.slope = Value(0.25)

    def forward(self, inputs: list[Value]) -> list[Value]:
        return [engine.where(z > 0, z, self.slope * z) for z in inputs]


@pytest.mark.parametrize("given", [PReLU(), PReLU().forward], ids=["module", "its method"])
def test_a_module_is_no_activation_for_its_parameters_would_not_be_trained(given: object) -> None:
    with pytest.raises(TypeError, match=r"would not be trained: .* after the layer, Sequential"):
        Layer(2, 1, activation=given)  # type: ignore[arg-type]
    assert len(Sequential(Layer(2, 1), PReLU()).parameters()) == 4


def test_a_function_that_loses_the_gradient_is_refused() -> None:
    with pytest.raises(TypeError, match=r"<lambda> returned 1.0 of type float.*gradient ends"):
        resolve(lambda z: 1.0)([Value(2.0)])
    with pytest.raises(TypeError, match="would lose the gradient"):
        resolve(math.tanh)([Value(2.0)])


def test_only_a_name_that_leads_back_is_saved() -> None:
    assert resolve("gelu").saved() == "gelu"
    for own in (half, Activation("relu", half)):
        with pytest.raises(TypeError, match=r"function of your own.*ACTIVATIONS"):
            resolve(own).saved()
