"""Modules: what they find in themselves, and their state."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import Value, no_grad
from nn.layers import Dropout, Layer, Neuron
from nn.module import Module
from nn.networks import MLP, Sequential
from nn.readings import Reading


class Odd(Module):
    """A module of one's own with all that attributes may be. At the top, so that it pickles."""

    def __init__(self) -> None:
        self.name = "odd"
        self.constant = Value(9.0).detach()
        self.scale = Value(2.0)
        self.table = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
        self.ragged = [[Value(5.0)], [Value(6.0), Value(7.0)]]
        self.parts = [Layer(2, 1, init="zeros"), Dropout(0.5)]
        self.pair = (self.scale, self.table[0][1])
        self.sizes = [1, 2]
        self.seen = self.scale * 2  # computed, so no parameter

    def forward(self, inputs: list[Value]) -> list[Value]:
        return [self.scale * x for x in inputs]


def test_parameters_are_found_in_order_and_each_once() -> None:
    odd = Odd()
    assert [p.data for p in odd.parameters()] == [2, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0]
    assert len({id(p) for p in odd.parameters()}) == 11


def test_names() -> None:
    odd = Odd()
    names = dict(odd.named_parameters())
    assert list(names) == [
        "scale", "table[0][0]", "table[0][1]", "table[1][0]", "table[1][1]",
        "ragged.0[0]", "ragged.1[0]", "ragged.1[1]",
        "parts.0.weight[0][0]", "parts.0.weight[0][1]", "parts.0.bias[0]",
    ]  # fmt: skip
    assert [id(p) for p in names.values()] == [id(p) for p in odd.parameters()]
    assert names["table[1][0]"] is odd.table[1][0]


def test_a_network_names_its_parameters_as_pytorch_numbers_them() -> None:
    model = MLP(2, [3, 2])
    names = dict(model.named_parameters())
    first, second = model.layers
    assert isinstance(first, Layer)
    assert isinstance(second, Layer)
    assert list(names)[:4] == ["0.weight[0][0]", "0.weight[0][1]", "0.bias[0]", "0.weight[1][0]"]
    assert names["0.weight[2][1]"] is first.neurons[2].weights[1]
    assert names["2.bias[1]"] is second.neurons[1].bias


def test_a_shared_layer_counts_once() -> None:
    layer = Layer(2, 2)
    model = Sequential(layer, "tanh", layer)
    assert len(model.parameters()) == 6
    assert next(model.named_parameters())[0] == "0.weight[0][0]"
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_a_subclass_may_have_more_parameters() -> None:
    class Scaled(MLP):
        def __init__(self) -> None:
            super().__init__(2, [1])
            self.scale = Value(2.0)

    model = Scaled()
    assert {name for name, _ in model.named_parameters()} >= {"scale", "0.bias[0]"}
    assert model.state_dict().keys() == {"0.weight", "0.bias", "scale"}


def test_dicts_are_searched() -> None:
    class Named(Module):
        def __init__(self) -> None:
            self.parts = {"a": [Layer(2, 1)], "b": {"c": Value(1.0)}, 3: Dropout(0.5)}

    model = Named()
    assert [name for name, _ in model.named_parameters()] == [
        "parts.a.0.weight[0][0]", "parts.a.0.weight[0][1]", "parts.a.0.bias[0]", "parts.b.c",
    ]  # fmt: skip
    assert len(model.parameters()) == 4
    assert {name: x.shape for name, x in model.state_dict().items()} == {
        "parts.a.0.weight": (1, 2), "parts.a.0.bias": (1,), "parts.b.c": (),
    }  # fmt: skip
    assert [type(each) for each in model.eval().modules()] == [Named, Layer, Neuron, Dropout]
    assert not any(each.training for each in model.modules())


def test_two_keys_of_one_name_are_refused() -> None:
    model = Module()
    model.parts = {1: Value(1.0), "1": Value(2.0)}  # type: ignore[attr-defined]
    assert len(model.parameters()) == 2
    with pytest.raises(ValueError, match=r"two parameters named 'parts.1'.*keys of its dicts"):
        model.state_dict()


def test_arrays_of_values_are_searched() -> None:
    model = Module()
    model.table = np.array([[Value(1.0), Value(2.0)]])  # type: ignore[attr-defined]
    model.rows = [np.array([Layer(1, 1, seed=1)])]  # type: ignore[attr-defined]
    model.numbers = np.array([1.0, 2.0])  # type: ignore[attr-defined]
    assert [name for name, _ in model.named_parameters()] == [
        "table[0][0]", "table[0][1]", "rows.0.0.weight[0][0]", "rows.0.0.bias[0]",
    ]  # fmt: skip
    assert model.state_dict()["table"].tolist() == [[1.0, 2.0]]


class Child(Module):
    """A module that refers to what it is a part of."""

    def __init__(self, parent: Module) -> None:
        self.parent = parent
        self.layer = Layer(1, 1)


def test_a_module_may_refer_to_its_parent() -> None:
    root = Module()
    root.child = child = Child(root)  # type: ignore[attr-defined]
    root.again = {"self": root}  # type: ignore[attr-defined]
    assert list(root.state_dict()) == ["child.layer.weight", "child.layer.bias"]
    assert len(root.parameters()) == len(child.parameters()) == 2
    assert [id(p) for _, p in root.named_parameters()] == [id(p) for p in root.parameters()]
    assert [type(each).__name__ for each in root.modules()][:3] == ["Module", "Child", "Layer"]
    assert not child.eval().parent.training


def test_how_outputs_are_read_is_no_part_of_the_state() -> None:
    model = MLP(2, [1])
    assert model.reading is None
    model.reading = Reading((0, 1))
    assert model.state_dict().keys() == {"0.weight", "0.bias"}


def test_zero_grad_forgets() -> None:
    model = MLP(2, [2, 1], activation="tanh")
    model([1.0, 2.0]).backward()
    assert all(p.has_grad for p in model.parameters())
    model.zero_grad()
    assert not any(p.has_grad for p in model.parameters())


def test_train_and_eval_reach_everything() -> None:
    odd = Odd()
    model = Sequential(odd, Sequential(Dropout(0.5), "relu"))
    assert model.training
    assert model.eval() is model
    modules = list(model.modules())
    assert [type(m).__name__ for m in modules[:3]] == ["Sequential", "Odd", "Layer"]
    assert sum(isinstance(m, Dropout) for m in modules) == 2
    assert not any(m.training for m in modules)
    assert model.train() is model
    assert all(m.training for m in modules)


def test_without_forward_a_module_says_what_to_write() -> None:
    class Half(Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Half does not say.*forward\(self, inputs\)"):
        Half()([1.0])


class Returns(Module):
    """A module whose forward returns whatever it is made with."""

    n_in = 1

    def __init__(self, make: Callable[[Value], Any]) -> None:
        self.make = make

    def forward(self, inputs: list[Value]) -> Any:
        return self.make(inputs[0])


@pytest.mark.parametrize("make", [lambda x: x * 2, lambda x: (x * 2,), lambda x: [x * 2]])
def test_forward_may_return_a_value_or_a_tuple(make: Callable[[Value], Any]) -> None:
    assert Returns(make)([3.0]).data == 6.0
    assert Sequential(Returns(make), "tanh", Returns(make))([0.0]).data == 0.0
    assert Returns(lambda x: (x, x))([3.0])[1].data == 3.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "but got None of type NoneType"),
        (1.5, "but got 1.5 of type float"),
        ([1.5], "but got one that holds 1.5 of type float"),
        ([Value(1.0), None], "but got one that holds None"),
        (np.ones(2), "of type ndarray"),
    ],
)
def test_what_forward_must_not_return(given: Any, words: str) -> None:
    model = Returns(lambda x: given)
    for each in (model, Sequential(model, "tanh")):
        with pytest.raises(TypeError, match=f"Returns.forward must return a list of .*{words}"):
            each([1.0])


def test_inside_no_grad_nothing_is_recorded() -> None:
    with no_grad():
        assert MLP(2, [2, 1])([1.0, 2.0]).is_constant


# --- state ---


def test_state_dict_holds_the_numbers() -> None:
    model = MLP(2, [3, 1], seed=1)
    state = model.state_dict()
    assert {name: a.shape for name, a in state.items()} == {
        "0.weight": (3, 2), "0.bias": (3,), "2.weight": (1, 3), "2.bias": (1,),
    }  # fmt: skip
    assert {a.dtype for a in state.values()} == {np.dtype(np.float64)}
    named = {name: p.data for name, p in model.named_parameters()}
    assert state["0.weight"][2][1] == named["0.weight[2][1]"]
    state["0.weight"][:] = 9.0
    assert named["0.weight[2][1]"] == dict(model.named_parameters())["0.weight[2][1]"].data


@pytest.mark.parametrize("make", [Odd, lambda: MLP(2, [3, 1]), lambda: Neuron(3)])
def test_state_goes_from_one_to_the_other(make: Callable[[], Module]) -> None:
    one, other = make(), make()
    for k, parameter in enumerate(one.parameters()):
        parameter.data = k + 0.5
    other.load_state_dict(one.state_dict())
    assert [p.data for p in other.parameters()] == [p.data for p in one.parameters()]


def good() -> dict[str, Any]:
    return MLP(2, [3, 1], seed=2).state_dict()


BAD: dict[str, tuple[object, type[Exception], str]] = {
    "missing": ({k: v for k, v in good().items() if k != "2.bias"}, ValueError, "lacks 2.bias"),
    "unknown": (good() | {"4.bias": [0.0]}, ValueError, "4.bias is not in the model"),
    "shape": (good() | {"2.weight": [[1.0, 2.0]]}, ValueError, r"2.weight has shape \(1, 2\), not"),
    "transposed": (good() | {"0.weight": good()["0.weight"].T}, ValueError, r"\(2, 3\), not \(3"),
    "text": (good() | {"2.bias": ["a"]}, ValueError, "2.bias holds <U1, not real numbers"),
    "complex": (good() | {"2.bias": [1j]}, ValueError, "2.bias holds complex128"),
    "NaN": (good() | {"2.bias": [np.nan]}, ValueError, "2.bias holds nan"),
    "infinite": (good() | {"2.bias": [-np.inf]}, ValueError, "2.bias holds -inf"),
    "None": (None, TypeError, "a state is a dict of arrays.*None.*load_weights"),
    "path": ("a.safetensors", TypeError, "a state is a dict of arrays.*load_weights"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_state_that_does_not_fit_changes_nothing(name: str) -> None:
    model = MLP(2, [3, 1], seed=1)
    before = [p.data for p in model.parameters()]
    state, kind, words = BAD[name]
    with pytest.raises(kind, match=words):
        model.load_state_dict(state)  # type: ignore[arg-type]
    assert [p.data for p in model.parameters()] == before


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"does not fit MLP 2 → 3 relu.*lacks 0.bias.*2.weight"):
        MLP(2, [3, 1]).load_state_dict({"0.weight": np.zeros((3, 2)), "2.weight": [0.0]})


# --- copies ---


def through_pickle(given: Any) -> Any:
    return pickle.loads(pickle.dumps(given))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
def test_copies_work_and_are_independent(duplicate: Callable[[Any], Any]) -> None:
    model = Sequential(Layer(2, 3, "tanh"), Dropout(0.5, seed=3), "relu", Layer(3, 2, "softmax"))
    twin = duplicate(model)
    assert repr(twin) == repr(model)
    x = [1.0, -2.0]
    assert [y.data for y in twin(x)] == [y.data for y in model(x)]  # with the same mask
    for parameter in twin.parameters():
        parameter.data = 0.0
    assert all(p.data for p in model.layers[0].neurons[0].weights)  # type: ignore[union-attr]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
def test_copies_keep_sharing(duplicate: Callable[[Any], Any]) -> None:
    layer = Layer(2, 2)
    assert len(duplicate(Sequential(layer, layer)).parameters()) == 6
    odd = duplicate(Odd())
    assert odd.pair[0] is odd.scale
