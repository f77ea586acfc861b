"""Initialisers: their moments, their order of drawing, and one seed for one result."""

from __future__ import annotations

import math
import random
from statistics import fmean, pstdev
from typing import SupportsIndex

import numpy as np
import pytest

from nn.init import INITIALISERS, Initialiser, initialiser, source
from nn.layers import Layer, Neuron
from nn.networks import MLP

FAN_IN, FAN_OUT, N = 50, 30, 20_000
NORMAL, UNIFORM = 3.0, 1.8  # the kurtosis: what tells the two apart at equal deviation

# name: (deviation, kurtosis) of the weights; deviation of the biases
MOMENTS: dict[str, tuple[tuple[float, float], float]] = {
    "uniform": ((1 / math.sqrt(3), UNIFORM), 0),
    "zeros": ((0, 0), 0),
    "nielsen": ((1 / math.sqrt(FAN_IN), NORMAL), 1),
    "nielsen_large": ((1, NORMAL), 1),
    "xavier_normal": ((math.sqrt(2 / (FAN_IN + FAN_OUT)), NORMAL), 0),
    "xavier_uniform": ((math.sqrt(2 / (FAN_IN + FAN_OUT)), UNIFORM), 0),
    "he_normal": ((math.sqrt(2 / FAN_IN), NORMAL), 0),
    "he_uniform": ((math.sqrt(2 / FAN_IN), UNIFORM), 0),
}


def test_all_are_tested() -> None:
    assert MOMENTS.keys() == INITIALISERS.keys()


@pytest.mark.parametrize("name", MOMENTS)
def test_moments(name: str) -> None:
    """The tolerances are five standard errors and more: of the mean, deviation and kurtosis."""
    chance = random.Random(5)
    (deviation, kurtosis), bias_deviation = MOMENTS[name]
    drawn = [INITIALISERS[name].weight(FAN_IN, FAN_OUT, chance) for _ in range(N)]
    biases = [INITIALISERS[name].bias(FAN_IN, FAN_OUT, chance) for _ in range(N)]
    assert fmean(drawn) == pytest.approx(0, abs=5 * deviation / math.sqrt(N))
    assert pstdev(drawn) == pytest.approx(deviation, rel=0.03)
    assert pstdev(biases) == pytest.approx(bias_deviation, rel=0.03)
    if deviation:
        fourth = fmean(w**4 for w in drawn) / deviation**4
        assert fourth == pytest.approx(kurtosis, rel=0.08)


@pytest.mark.parametrize("name", ["xavier_normal", "xavier_uniform", "he_normal", "he_uniform"])
def test_the_same_deviation_as_in_torch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    there = name.replace("he_", "kaiming_") + "_"
    options = {"nonlinearity": "relu"} if name.startswith("he") else {}
    torch.manual_seed(3)
    weight = getattr(torch.nn.init, there)(torch.empty(400, 100), **options).numpy()
    ours = np.array([INITIALISERS[name].weight(100, 400, random.Random(k)) for k in range(8000)])
    assert ours.std() == pytest.approx(weight.std(), rel=0.04)
    assert abs(ours).max() == pytest.approx(abs(weight).max(), rel=0.2)


def test_a_layer_asks_with_its_own_sizes() -> None:
    asked = set()

    def spy(fan_in: int, fan_out: int, chance: object) -> float:
        asked.add((fan_in, fan_out))
        return 0.5

    layer = Layer(4, 3, init=spy)
    assert asked == {(4, 3)}
    assert {p.data for p in layer.parameters()} == {0.5, 0.0}
    asked.clear()
    Neuron(5, init=spy)
    MLP(2, [7, 1], init=Initialiser(spy))
    assert asked == {(5, 1), (2, 7), (7, 1)}


def test_neuron_by_neuron_weights_before_bias() -> None:
    chance = random.Random(11)
    expected = [chance.gauss(0, s) for _ in range(3) for s in (1 / math.sqrt(2),) * 2 + (1,)]
    layer = Layer(2, 3, init="nielsen", seed=11)
    assert [p.data for p in layer.parameters()] == expected


@pytest.mark.parametrize("name", INITIALISERS)
def test_one_seed_one_network(name: str, unused: None) -> None:
    def drawn(seed: SupportsIndex | random.Random) -> list[float]:
        return [p.data for p in MLP(3, [4, 2], init=name, seed=seed).parameters()]

    assert drawn(7) == drawn(7) == drawn(random.Random(7))
    assert name == "zeros" or drawn(7) != drawn(8)
    assert drawn(np.int64(7)) == drawn(7)


def test_a_seed_gives_what_the_global_one_gives() -> None:
    random.seed(7)
    from_global = [p.data for p in MLP(3, [4, 2]).parameters()]
    assert from_global == [p.data for p in MLP(3, [4, 2], seed=7).parameters()]


@pytest.mark.parametrize("seed", ["7", 1.5, [1], True])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(TypeError, match="seed must be a whole number, 0 at least, but got"):
        source(seed)  # type: ignore[arg-type]


def test_a_seed_is_not_negative() -> None:
    """Python's own Random(-1) is Random(1): two seeds, one network."""
    with pytest.raises(ValueError, match="seed must be a whole number, 0 at least, but got -1"):
        MLP(2, [1], seed=-1)


def test_unknown_initialisers() -> None:
    with pytest.raises(ValueError, match=r"'xaviar_normal' is not .*'xavier_normal'.*uniform, zer"):
        initialiser("xaviar_normal")
    for given in (None, 3, Layer):
        with pytest.raises(TypeError, match=r"init is a name \(uniform, zeros, .*or a function"):
            initialiser(given)
