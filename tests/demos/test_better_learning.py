"""The demos about better learning, in small sizes."""

from __future__ import annotations

import re
from math import exp
from typing import Any

import numpy as np
import pytest

from demos import hyperparameters, improve
from nn.losses import nielsen_cross_entropy, quadratic_cost

from .checks import Run

# --- improve ---


@pytest.mark.parametrize("start", improve.STARTS)
@pytest.mark.parametrize("cost", [quadratic_cost, nielsen_cross_entropy])
def test_the_neuron_learns_as_the_formulas_say(cost: Any, start: tuple[float, float]) -> None:
    z, outputs = sum(start), []
    for _ in range(improve.STEPS + 1):
        a = 1 / (1 + exp(-z))
        outputs.append(a)
        z -= 2 * 0.15 * (a * a * (1 - a) if cost is quadratic_cost else a)  # of w and b alike
    assert improve.saturated(cost, *start) == pytest.approx(outputs, rel=1e-12)


def test_a_saturated_neuron_hardly_moves_with_the_quadratic_cost() -> None:
    quadratic, entropy = (improve.saturated(c, 2.0, 2.0) for c in improve.COSTS.values())
    assert quadratic[100] > 0.95 > 0.05 > entropy[100]


def test_images_are_made_smaller_by_means() -> None:
    image = np.arange(784.0)
    small = improve.smaller(image[None])
    assert small.shape == (1, 196)
    assert small[0, 15] == np.mean([image[r * 28 + c] for r in (2, 3) for c in (2, 3)])


def test_improve_has_a_row_for_every_way(run: Run) -> None:
    said, _ = run("improve")
    names = [name for ways in improve.WAYS.values() for name in ways]
    assert len(names) == len(set(names)) == 12
    rows = [line for line in said.splitlines() if line.startswith(tuple(names))]
    assert [row.split("  ")[0] for row in rows] == names
    assert all(re.search(r"\d+\.\d%  +\d+\.\d%  +(\d+|never) ", row) for row in rows)
    near_zero = {row.split("  ")[0]: int(row.split()[-1].rstrip("%")) for row in rows}
    assert near_zero["L1"] > near_zero[improve.PLAIN]


def test_every_way_reaches_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def spy(model: Any, X: Any, y: Any, optimizer: Any, **settings: Any) -> None:
        large = max(abs(w.data) for w in improve.weights(model)) > 1.5  # as those of N(0, 1)
        settings.pop("validation")
        seen.append(f"{model} {large} {X.shape} {y.shape} {optimizer.settings} {settings}")

    monkeypatch.setattr(improve, "fit", spy)
    images = np.zeros((3, 784))
    for ways in improve.WAYS.values():
        for way in ways.values():
            improve.learn((images, [0, 1, 2], (images, [0, 1, 2])), 0, **way)
    assert len(seen) == len(set(seen)) == 12


# --- hyperparameters ---


def test_one_process_and_two_come_to_the_same(run: Run) -> None:
    alone, together = (run("hyperparameters", "--jobs", n)[0].splitlines() for n in "12")
    assert alone[:-1] == together[:-1]  # all but where the picture is
    assert len(alone) > 25


def outcome(costs: list[float], right: float = 0.5, cost: float = 1.0) -> Any:
    return hyperparameters.Outcome(costs, right, cost, 0.5)


def test_every_value_has_its_own_outcome() -> None:
    trial = hyperparameters.Trial(0.5, 4, (20, 20), 0)

    def attempts(trials: list[Any]) -> list[Any]:
        assert all(each._replace(l2=0.0) == trial for each in trials)
        return [outcome([each.l2]) for each in trials]

    found = hyperparameters.vary(attempts, trial, "l2", [3.0, 1.0, 2.0])
    assert found == {value: outcome([value]) for value in (3.0, 1.0, 2.0)}


def test_the_largest_learning_rate_at_which_the_cost_falls_is_found() -> None:
    rates = {0.1: [3, 2, 1], 10.0: [3, 1, 2], 1.0: [3, 2, 1.5], 5.0: [1, 1, 1]}
    found = {lr: outcome([float(cost) for cost in costs]) for lr, costs in rates.items()}
    assert hyperparameters.largest(found) == 1.0
    assert hyperparameters.largest({3.0: outcome([1.0, 2.0]), 0.5: outcome([1.0, 2.0])}) == 0.5


def test_of_settings_that_are_right_as_often_the_cheaper_is_chosen() -> None:
    found = {1: outcome([], 0.8, 0.1), 2: outcome([], 0.9, 0.5), 3: outcome([], 0.9, 0.4)}
    assert hyperparameters.best(found) == 3


def test_a_trial_that_diverges_is_the_worst() -> None:
    trial = hyperparameters.Trial(1e308, 4, (20, 20), 0, l2=1e3)
    assert hyperparameters.attempt(trial) == ([np.inf] * 4, 0.0, np.inf, 0.0)


def test_digits_that_decide_are_not_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def spy(model: Any, X: Any, y: Any, **settings: Any) -> Any:
        seen.update(learnt=X, aside=settings["validation"][0], batch=settings["batch_size"])
        return real(model, X, y, **settings)

    real = hyperparameters.fit
    monkeypatch.setattr(hyperparameters, "fit", spy)
    hyperparameters.attempt(hyperparameters.Trial(1.0, 1, (30, 50), 0, batch_size=7))
    assert (len(seen["learnt"]), len(seen["aside"]), seen["batch"]) == (30, 50, 7)
    assert not {row.tobytes() for row in seen["learnt"]} & {row.tobytes() for row in seen["aside"]}
