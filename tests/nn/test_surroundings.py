"""What code finds around it: a recording may not freeze a number that changes later."""

from __future__ import annotations

import random
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from engine import Value
from nn.examples import choose_loss
from nn.layers import Dropout, Layer
from nn.losses import squared_error
from nn.module import Module
from nn.networks import MLP, Sequential
from nn.optim import SGD
from nn.schedules import Constant
from nn.steps import Objective, RecordedStep
from nn.surroundings import LONG, Surroundings
from nn.training import fit

CHANCE = np.random.RandomState(6)
X, Y = CHANCE.uniform(-1, 1, (40, 2)), CHANCE.uniform(-1, 1, 40)

factors, factor, calls, table = [1.0], 1.0, list[int](), {"factor": [np.ones(1)]}
elsewhere = types.ModuleType("elsewhere")
elsewhere.factor = 1.0  # type: ignore[attr-defined]


class Settings:
    factor = 1.0

    def __init__(self) -> None:
        self.own = 1.0

    def loss(self, output: Value, target: Any) -> Value:
        return (output - target) ** 2 * self.own

    def __call__(self, output: Value, target: Any) -> Value:
        return self.loss(output, target)


chosen = Settings()


def by_list(output: Value, target: Any) -> Value:
    return (output - target) ** 2 * factors[0]


def by_number(output: Value, target: Any) -> Value:
    return (output - target) ** 2 * factor


def by_array_inside(output: Value, target: Any) -> Value:
    return (output - target) ** 2 * float(table["factor"][0][0])


def by_class(output: Value, target: Any) -> Value:
    return (output - target) ** 2 * Settings.factor


def by_object(output: Value, target: Any) -> Value:
    return (output - target) ** 2 * chosen.own


def by_file(output: Value, target: Any) -> Value:
    return (output - target) ** 2 * elsewhere.factor


def by_another(output: Value, target: Any) -> Value:
    return sum((by_list(output, target) for _ in range(2)), Value(0.0)) / 2


def by_argument(output: Value, target: Any, scale: list[float]) -> Value:
    return (output - target) ** 2 * scale[0]


def by_default(output: Value, target: Any, scale: list[float] = factors) -> Value:
    return (output - target) ** 2 * scale[0]


def in_a_cell() -> tuple[Callable[..., Value], Callable[[float], None]]:
    number = 1.0

    def loss(output: Value, target: Any) -> Value:
        return (output - target) ** 2 * number

    def assign(new: float) -> None:
        nonlocal number
        number = new

    return loss, assign


def assign_everywhere(number: float) -> None:
    global factor
    factor = factors[0] = Settings.factor = chosen.own = number
    elsewhere.factor = number  # type: ignore[attr-defined]
    table["factor"][0][0] = number


cell, assign_cell = in_a_cell()
LOSSES: dict[str, Any] = {
    "list": by_list,
    "number": by_number,
    "array inside": by_array_inside,
    "class": by_class,
    "object": by_object,
    "file": by_file,
    "another": by_another,
    "partial": partial(by_argument, scale=factors),
    "default": by_default,
    "method": chosen.loss,
    "callable": chosen,
    "cell": cell,
}


@pytest.fixture(autouse=True)
def ones() -> None:
    assign_everywhere(1.0)
    assign_cell(1.0)
    calls.clear()


class Changing(Constant):
    """A schedule that changes the number that losses use, beside the learning rate."""

    def __call__(self, epoch: int) -> float:
        assign_everywhere(epoch + 0.5)
        assign_cell(epoch + 0.5)
        return 1.0


@pytest.mark.parametrize("kind", LOSSES)
def test_a_number_that_changes_is_not_frozen(kind: str) -> None:
    found = []
    for eager in (False, True):
        assign_everywhere(1.0)
        assign_cell(1.0)
        model, options = MLP(2, [3, 1], seed=1), {"loss": LOSSES[kind], "schedule": Changing()}
        history = fit(model, X, Y, **options, epochs=3, validation=(X, Y), seed=1, batch_size=20,
                      eager=eager)  # fmt: skip
        assert history.unrecorded == ""
        found.append([history["loss"], history["validation_loss"]])
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-12)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-12)


class Scaled(Module):
    """With a number in an attribute, which is no parameter."""

    def __init__(self) -> None:
        self.layer, self.factor = Layer(2, 1, seed=1), 1.0
        self.dropout = Dropout(0.2)

    def forward(self, inputs: list[Value]) -> list[Value]:
        return [self.factor * each for each in self.layer.compute(self.dropout.compute(inputs))]


def test_an_attribute_that_changes_is_not_frozen() -> None:
    found = []
    for eager in (False, True):
        model = Scaled()

        class Growing(Constant):
            def __call__(self, epoch: int, model: Scaled = model) -> float:
                model.factor = epoch + 1.0
                return 1.0

        history = fit(model, X, Y, schedule=Growing(), epochs=3, seed=1, eager=eager)
        assert history.unrecorded == ""
        found.append(history["loss"])
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_what_becomes_impossible_to_record_is_trained_node_by_node() -> None:
    found = []
    for eager in (False, True):
        branch = [False]

        def loss(output: Value, target: Any, branch: list[bool] = branch) -> Value:
            error = output - target
            return -error if branch[0] and error.data < 0 else error * error

        class Switching(Constant):
            def __call__(self, epoch: int, branch: list[bool] = branch) -> float:
                branch[0] = epoch == 1
                return 1.0

        history = fit(MLP(2, [3, 1], seed=1), X, Y, loss=loss, schedule=Switching(), epochs=3,
                      seed=1, eager=eager)  # fmt: skip
        found.append(history["loss"])
        assert history.unrecorded == "" or not eager
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_a_step_by_itself_sees_the_change() -> None:
    model = MLP(2, [3, 1], seed=1)
    objective = Objective(choose_loss(by_list, model, Y))
    step = RecordedStep(model, objective, SGD(model.parameters(), lr=0.0))
    first = step(X, Y.tolist()).loss
    factors[0] = 3.0
    assert step(X, Y.tolist()).loss == pytest.approx(3 * first, rel=1e-12)


def test_what_stays_is_not_recorded_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what fit itself changes: modes, the reading, the sources of dropout."""
    made: list[object] = []
    record = RecordedStep.record

    def counted(self: RecordedStep, *given: Any) -> Any:
        made.append(1)
        return record(self, *given)

    monkeypatch.setattr(RecordedStep, "record", counted)
    fit(Sequential(Scaled(), "tanh"), X, np.resize([-1, 1], 40), loss=by_list, epochs=4, seed=1)
    assert len(made) == 1


def counting(output: Value, target: Any) -> Value:
    calls.append(1)
    return squared_error(output, target)


def summing(output: Value, target: Any) -> Value:
    global factor
    factor += 1
    return squared_error(output, target)


def counting_in_a_class(output: Value, target: Any) -> Value:
    Settings.factor += 1
    return squared_error(output, target)


def counting_in_an_object(output: Value, target: Any) -> Value:
    chosen.own += 1
    return squared_error(output, target)


@pytest.mark.parametrize(
    ("loss", "count"),
    [
        (counting, lambda: len(calls)),
        (summing, lambda: factor - 1),
        (counting_in_a_class, lambda: Settings.factor - 1),
        (counting_in_an_object, lambda: chosen.own - 1),
    ],
)
def test_a_loss_that_counts_its_calls_is_called_for_every_example(
    loss: Any, count: Callable[[], float]
) -> None:
    history = fit(MLP(2, [1], seed=1), X[:8], Y[:8], loss=loss, epochs=2, seed=1)
    assert "leaves something behind" in history.unrecorded
    assert count() == 16


def test_all_is_put_back() -> None:
    inner, made = [2, 3], Settings()
    numbers, row = {1, 2}, [1, inner]
    source, array = random.Random(1), np.zeros(3)
    state = source.getstate()

    def code() -> Any:
        return numbers, row, made, source, array

    world = Surroundings([code])
    assert world.changed() == world.moved() == ""
    numbers.add(3)
    inner.append(4)
    row.append(5)
    made.own = 2.0
    made.other = 3.0  # type: ignore[attr-defined]
    source.random()
    array[1] = 7.0
    assert world.changed()
    world.put_back()
    assert world.changed() == world.moved() == ""
    assert (numbers, row, vars(made)) == ({1, 2}, [1, [2, 3]], {"own": 1.0})
    assert source.getstate() == state
    assert not array.any()


def test_chance_is_told_apart() -> None:
    source = random.Random(1)
    world = Surroundings([lambda: source])
    source.random()
    assert (world.moved(), world.changed()) == ("", "Random")


def test_data_is_not_looked_at() -> None:
    long = [0.0] * (LONG + 1)
    world = Surroundings([lambda: long])
    long[0] = 1.0
    assert world.changed() == ""


def test_a_variable_is_called_by_its_name() -> None:
    world = Surroundings([by_number])
    assign_everywhere(2.0)
    assert world.moved() == "factor"
