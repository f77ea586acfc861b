"""The demos of neurons and small networks: their numbers, beside other ways to them."""

from __future__ import annotations

import re
from itertools import pairwise
from math import cos, exp, sin
from random import Random

import numpy as np
import pytest

from demos import (
    any_function,
    convolution,
    cost,
    descent,
    neuron,
    perceptron,
    recurrent,
    untrained,
)
from engine import Value, no_grad
from nn import MLP, digits, outputs, spirals

from .checks import Run


def column(text: str, header: str) -> list[str]:
    """The cells of the last column of the table that has this header."""
    _, _, after = text.partition(header)
    lines = after.splitlines()[2:]
    return [line.split()[-1] for line in lines[: lines.index("")]]


def test_perceptron_decides_as_on_the_slide(run: Run) -> None:
    said, _ = run("perceptron")
    assert set(column(said, "printed  computed  difference")) == {"+0.0e+00"}
    assert re.search(
        r"by the definition, >= 0, the output is\s+1; by their example, > 0, 0\.", said
    )
    for rain in (0, 1):
        for warm in (0, 1):
            for lockdown in (0, 1):
                z = 3 * rain + warm - 20 * lockdown - 3
                assert perceptron.park(rain, warm, lockdown).data == (z >= 0)
    for name, weights in perceptron.GATES.items():
        answers = [perceptron.perceptron(weights, x).data for x in perceptron.CORNERS]
        assert answers == perceptron.TRUTH[name]
    assert [perceptron.two_layers(x) for x in perceptron.CORNERS] == [0, 1, 1, 0]
    assert perceptron.attempt(0)[0] == 3


def test_cost_of_the_slides_digit_and_of_many(run: Run) -> None:
    said, _ = run("cost")
    assert re.search(r"squares added up +2\.33 +2\.33 +[+-]\d", said)
    assert "C would be 1.69." in said
    assert "0.6, 0, 1, 0.4, 0, 0.2, -1.4, 0, 0, 1.8, 1.6." in said
    rows = re.findall(r"^(?:before|after) +(\S+) +(\S+)", said, re.M)
    for whole, half in rows:
        assert float(half) == pytest.approx(float(whole) / 2, abs=1e-4)
    assert float(rows[1][0]) < float(rows[0][0])
    model = MLP(64, [10], output="sigmoid", seed=0)
    X, y = digits()
    X, hot = X[:5], np.eye(10)[y[:5]]
    mean = ((outputs(model, X) - hot) ** 2).sum(axis=1).mean()
    assert cost.average(model, X, hot) == [f"{mean:.4f}", f"{mean / 2:.4f}"]


def test_descent_goes_down_along_the_gradient() -> None:
    path = descent.descend(lambda w: w**2, [3.0], 0.2, 8)
    assert path[:, 0] == pytest.approx([3 * 0.6**k for k in range(9)])
    assert path[:, 2] == pytest.approx(2 * path[:, 0])
    growth = {name: (1 - 2 * rate) for name, rate in descent.RATES.items()}
    assert abs(growth["too large"]) > 1 > growth["too small"] > 0.9
    ends = [descent.descend(descent.hills, start, 0.15, 60)[-1] for start in descent.STARTS]
    for w1, w2, height, *_ in ends:  # a minimum: by hand, its derivatives are 0
        assert pytest.approx(height) == (w1**2 + w2**2) / 10 + sin(1.5 * w1) * cos(1.3 * w2)
        assert abs(w1 / 5 + 1.5 * cos(1.5 * w1) * cos(1.3 * w2)) < 1e-4
        assert abs(w2 / 5 - 1.3 * sin(1.5 * w1) * sin(1.3 * w2)) < 1e-4
    assert ends[0][2] < min(ends[1][2], ends[2][2]) - 0.5
    assert abs(ends[1][1] - ends[2][1]) > 4


def test_the_drunk_man_is_quicker(run: Run) -> None:
    said, _ = run("descent")
    slow, quick = map(float, re.findall(r"^120 +(\S+) +(\S+)$", said, re.M)[0])
    assert quick < slow / 4
    assert float(re.findall(r"^6,000 +(\S+)$", said, re.M)[0]) < quick
    x = np.linspace(0, 2, 9)
    points = list(zip(x, 0.5 + 1.2 * x, strict=True))
    assert descent.misfit((1.2, 0.5), points) == pytest.approx(0)
    assert descent.misfit((1.2, 1.5), points) == pytest.approx(1)


def test_neuron_agrees_with_the_formulas_and_shows_the_slips(run: Run) -> None:
    said, _ = run("neuron")
    differences = column(said, "formula           graph  difference")
    assert len(differences) == 3
    assert all(abs(float(each)) < 1e-12 for each in differences)
    assert set(column(said, "weight   ratio")) == {"0.2307"}
    a, right = 1 / (1 + exp(-0.4)), []
    right += [(1 - a, a), (2 * (a - 1), 0.4 * a * (1 - a) * 2 * (a - 1))]
    rows = re.findall(r"^.{30,}?(-?\d\.\d{4}) +(-?\d\.\d{4})$", said.partition("Slips")[2], re.M)
    assert [tuple(map(float, row)) for row in rows[:2]] == [
        pytest.approx(pair, abs=1e-4) for pair in right
    ]
    up, down = map(float, rows[3])
    assert up > (a - 1) ** 2 > down


def test_the_wishes_of_the_outputs_add_up_to_the_gradient() -> None:
    model = MLP(64, [16, 10], "sigmoid", "sigmoid", seed=3)
    image = digits()[0][2]
    state = model.state_dict()
    hidden = 1 / (1 + np.exp(-(state["0.weight"] @ image + state["0.bias"])))
    a = 1 / (1 + np.exp(-(state["2.weight"] @ hidden + state["2.bias"])))
    delta = 2 * (a - np.eye(10)[2]) * a * (1 - a)
    wished = neuron.wishes(model, image, 2)
    assert wished == pytest.approx(-delta[:, None] * state["2.weight"])
    assert wished.sum(axis=0) == pytest.approx(-state["2.weight"].T @ delta)
    moves = neuron.nudges(model, image, 2)
    assert moves == pytest.approx([*(-delta[2] * hidden), -delta[2]])


def test_steps_follow_a_curve_and_learnt_ones_better() -> None:
    distances = [any_function.error(any_function.by_hand(n)) for n in any_function.BY_HAND]
    assert all(b < 0.6 * a for a, b in pairwise(distances))
    model = any_function.by_hand(9)
    middles = (np.arange(10) + 0.5) / 10
    assert outputs(model, middles[:, None])[:, 0] == pytest.approx(
        [any_function.curve(x) for x in middles], abs=1e-6
    )
    assert any_function.error(any_function.learnt(6, seed=0)) < distances[2]


def test_the_counter_counts_and_its_past_fades(run: Run) -> None:
    w, u = Value(2.0), Value(0.5)
    memory = recurrent.unroll(w, u, [1.0, 3.0, 5.0])
    assert [h.data for h in memory] == [2.0, 7.0, 13.5]
    memory[-1].backward()
    assert [h.grad for h in memory] == [0.25, 0.5, 1.0]
    assert w.grad == 1 * 0.25 + 3 * 0.5 + 5
    assert u.grad == 0 * 0.25 + 2 * 0.5 + 7
    assert "= 0.25 + 0 + 1" in run("recurrent")[0]
    chance = Random(3)
    w, u = Value(0.1), Value(0.1)
    recurrent.learn(w, u, chance)
    assert (w.data, u.data) == pytest.approx((1, 1), abs=0.1)  # in a quarter of the usual steps


def test_a_filter_is_the_same_at_every_place(run: Run) -> None:
    layer = convolution.Convolution(Random(0))
    image = digits()[0][5]
    windows = np.lib.stride_tricks.sliding_window_view(image.reshape(8, 8), (4, 4))
    filters = [np.reshape([w.data for w in each], (4, 4)) for each in layer.filters]
    maps = np.maximum([(windows * each).sum(axis=(2, 3)) for each in filters], 0)
    seen = layer(image)
    assert [a.data for a in seen] == pytest.approx(maps.ravel())
    total = sum(seen)
    total.backward()
    w = layer.filters[1][3]
    parts = convolution.uses(total, w)
    assert len(parts) == 25
    assert sum(parts) == pytest.approx(w.grad)
    said, _ = run("convolution")
    assert "used at 25 places" in said
    contributed, gradient = re.findall(r"add up to (\S+); its gradient is (\S+)\.\n", said)[0]
    assert contributed == gradient != "0.000000"


def test_the_picture_of_a_filter_has_every_pixel_once_and_every_use_of_a_weight() -> None:
    axes = convolution.small().axes[0]
    said = [each.get_text() for each in axes.texts]
    assert [said.count(pixel) for pixel in ("0.2", "0.9", "1")] == [1, 1, 1]
    assert said.count("w1") == said.count("w2") == 3
    assert [line.get_linestyle() for line in axes.lines].count("--") == 2
    sums = "".join(said)
    assert "0.2 + 0.9 + 0 = 1.1" in sums  # of w1
    assert "0.9 + 1 + 0 = 1.9" in sums


def test_only_the_last_layer_is_trained() -> None:
    X, y = spirals(20, seed=0)
    start = untrained.hidden_layer(3, seed=5)
    random, losses = untrained.last_layer_only(X, y, 3, seed=5)
    trained, _ = untrained.all_layers(X, y, 3, seed=5)
    before = [w.data for w in start.parameters()]
    assert [w.data for w in random.layers[0].parameters()] == before
    assert all(w.data != b for w, b in zip(trained.layers[0].parameters(), before, strict=True))
    assert losses[-1] < losses[0]
    with no_grad():
        assert any(w.data for w in random.layers[1].parameters())


def test_untrained_neurons_part_the_spirals_if_they_are_many() -> None:
    """The sizes of the demo: a third of its time, and the point of it."""
    X, y = spirals(untrained.POINTS, noise=0.02, arms=2, turns=1.0, seed=0)
    right = []
    for neurons in (2, 80):
        model, _ = untrained.last_layer_only(X, y, neurons, seed=0)
        right.append(((outputs(model, X)[:, 0] > 0) == y).mean())
    assert right[0] < 0.7
    assert right[1] > 0.95
