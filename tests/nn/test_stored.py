"""Models in files: every class loads what it saved, and says what to do with anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine import Value
from nn.layers import Dropout, Layer, Neuron
from nn.module import Module
from nn.networks import MLP, Sequential
from nn.training import fit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def write(path: Path, architecture: object, **tensors: Any) -> None:
    """A file that says anything about its model."""
    save_file(tensors, path, {"chainrule": json.dumps(architecture)})


MODELS = [
    lambda: Neuron(2, "tanh", seed=1),
    lambda: Layer(2, 3, "softmax", seed=1),
    lambda: Dropout(0.25),
    lambda: Sequential(Layer(2, 1, seed=1), "tanh"),
    lambda: MLP(2, [2, 1], "tanh", seed=1),
]


@pytest.mark.parametrize("make", MODELS)
def test_each_class_loads_its_own(path: Path, make: Callable[[], Module]) -> None:
    model = make()
    model.save(path)
    for again in (type(model).load(path), Module.load(path)):
        assert type(again) is type(model)
        assert again.architecture() == model.architecture()
        assert [p.data for p in again.parameters()] == [p.data for p in model.parameters()]


@pytest.mark.parametrize("make", MODELS)
def test_the_advice_of_an_error_can_be_followed(path: Path, make: Callable[[], Module]) -> None:
    model = make()
    model.save(path)
    kind = type(model)
    other = Layer if kind is Neuron else Neuron
    advice = rf"{kind.__name__}\.load\(path\)"
    with pytest.raises(ValueError, match=f"it holds no {other.__name__}: write {advice}"):
        other.load(path)
    with pytest.raises(ValueError, match=f"load it with {advice}"):
        MLP(7, [1]).load_weights(path)


def test_a_file_without_an_architecture(path: Path) -> None:
    save_file({"weight": np.ones((1, 2)), "bias": np.ones(1)}, path)
    with pytest.raises(ValueError, match=r"write MLP.load\(path, .*model.load_weights\(path\)"):
        Layer.load(path)
    layer = Layer(2, 1)
    layer.load_weights(path)
    assert layer([1.0, 2.0]).data == 4.0


def test_a_checkpoint_says_how_to_go_on(path: Path) -> None:
    X, y = [[0.0, 1.0], [1.0, 0.0]], [0, 1]
    model = MLP(2, [1], seed=1)
    fit(model, X, y, epochs=1, checkpoint=path, seed=1, progress=False)
    words = r"is a checkpoint of fit.*fit\(model, X, y, ..., resume=path\)"
    loads: list[Callable[[Path], object]] = [MLP.load, Sequential.load, Layer.load]
    for load in (*loads, model.load_weights):
        with pytest.raises(ValueError, match=words):
            load(path)


# --- sharing ---


def test_a_layer_that_is_there_twice_is_not_saved(path: Path) -> None:
    layer = Layer(2, 2)
    for model in (Sequential(layer, layer), Sequential(Sequential(layer), "tanh", layer)):
        with pytest.raises(ValueError, match="holds the same parameters in several places"):
            model.save(path)
        assert not path.exists()


class Twice(Module):
    """It says itself what is called twice."""

    def __init__(self, seed: int) -> None:
        self.layer = Layer(2, 2, seed=seed)

    def forward(self, inputs: list[Value]) -> list[Value]:
        return self.layer.forward(self.layer.forward(inputs))


def test_a_module_that_calls_a_layer_twice_is_saved(path: Path) -> None:
    Twice(1).save(path)
    again = Twice(2)
    again.load_weights(path)
    assert [p.data for p in again.parameters()] == [p.data for p in Twice(1).parameters()]


# --- files that lie ---


def layer(n_in: object, n_out: object) -> dict[str, object]:
    return {"class": "Layer", "n_in": n_in, "n_out": n_out}


@pytest.mark.parametrize(
    "layers",
    [
        [layer(10, 10)] * 20,  # each has as many weights as there are numbers, all have too many
        [layer(10**6, 10**6), layer(-(10**6), 10**6)],
        [layer(10**6, 10**6), layer(float("nan"), 1)],
        [layer(float("inf"), 1)],
    ],
)
def test_what_has_more_weights_than_there_are_numbers_is_not_built(
    path: Path, layers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Layer, "__init__", lambda *_, **__: pytest.fail("a layer was built"))
    write(path, {"format": 1, "class": "Sequential", "layers": layers}, w=np.ones(100))
    with pytest.raises(ValueError, match="its numbers do not suffice for its Sequential"):
        Sequential.load(path)


@pytest.mark.parametrize(
    "architecture",
    [
        {"format": float("inf"), "class": "MLP", "n_in": 2, "sizes": [1]},
        {"format": 1, "class": "Dropout", "p": 10**400},
        {"format": 1, "class": "MLP", "n_in": 10**400, "sizes": [1]},
        {"format": 1, "class": "MLP", "n_in": [1], "sizes": [10**12]},
        {"format": 1, "class": "MLP", "n_in": "a", "sizes": [10**12]},
        {"format": 1, "class": "Sequential", "layers": 7},
        {"format": 1, "class": "Sequential", "layers": [7]},
    ],
)
def test_absurd_metadata(path: Path, architecture: object) -> None:
    write(path, architecture, w=np.ones(3))
    loads: list[Callable[[Path], object]] = [Module.load, MLP.load, MLP(2, [1]).load_weights]
    for load in loads:
        with pytest.raises(ValueError, match=str(path)):
            load(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_not_loaded(path: Path, bad: float) -> None:
    model = MLP(2, [2, 1], seed=1)
    model.layers[1].neurons[0].bias.data = bad  # type: ignore[union-attr]
    model.save(path)
    same = MLP(2, [2, 1], seed=2)
    before = [p.data for p in same.parameters()]
    loads: list[Callable[[Path], object]] = [MLP.load, same.load_weights]
    for load in loads:
        with pytest.raises(ValueError, match=f"2.bias holds {bad}"):
            load(path)
    assert [p.data for p in same.parameters()] == before
