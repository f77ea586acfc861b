"""What code finds around it: a recording may not freeze a number that changes later."""

from __future__ import annotations

import importlib.util
import itertools
import json
import logging
import math
import random
import sys
import types
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property, partial, wraps
from pathlib import Path
from types import SimpleNamespace
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
from nn.places import LONG, alike, chance_of, held, is_foreign
from nn.schedules import Constant
from nn.steps import Objective, RecordedStep
from nn.surroundings import Surroundings
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


class Slotted:
    __slots__ = ("__hidden", "log")

    def __init__(self) -> None:
        self.__hidden = 0

    def count(self) -> None:
        self.__hidden += 1
        self.log = "new"


class Logged(list[int]):
    """A container with attributes."""

    counted = 0

    def note(self) -> None:
        self.counted += 1


@dataclass(frozen=True)
class Frozen:
    numbers: tuple[int, ...] = (1, 2)

    @cached_property
    def total(self) -> int:
        return sum(self.numbers)


def append(place: Any) -> None:
    place.append(7)


def add(place: Any) -> None:
    place[...] += 1


REMEMBERING: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "array": (lambda: np.zeros(2), add),
    "array of no axes": (lambda: np.array(0), add),
    "deque": (lambda: deque([1], maxlen=1), append),
    "bytearray": (lambda: bytearray(b"a"), append),
    "array.array": (lambda: array("d", [np.nan]), append),
    "slots": (Slotted, Slotted.count),
    "list with attributes": (lambda: Logged([1]), Logged.note),
    "namespace": (lambda: SimpleNamespace(n=0), lambda place: vars(place).update(n=1)),
    "frozen": (Frozen, lambda place: place.total),
    "method": (lambda: [1].append, lambda place: place(7)),
    "cached": (lambda: cache([1].append), lambda place: place(7)),
    "Random": (lambda: random.Random(1), lambda place: place.gauss()),
    "Generator": (lambda: np.random.default_rng(1), lambda place: place.normal()),
    "its method": (lambda: np.random.default_rng(1).normal, lambda place: place()),
    "bits": (lambda: np.random.MT19937(1), lambda place: place.random_raw()),
    "RandomState": (lambda: np.random.RandomState(1), lambda place: place.normal()),
}


@pytest.mark.parametrize("kind", REMEMBERING)
def test_whatever_remembers_is_seen_and_put_back(kind: str) -> None:
    make, use = REMEMBERING[kind]
    place = make()
    world = Surroundings([lambda: place])
    assert (world.changed(), world.opaque) == ("", "")
    use(place)
    assert world.changed() != ""
    world.put_back()
    assert world.changed() == ""


@pytest.mark.parametrize("kind", ["array of no axes", "deque", "slots", "Generator"])
def test_an_activation_that_remembers_is_called_for_every_example(kind: str) -> None:
    make, use = REMEMBERING[kind]
    place, before = make(), make()

    def remembering(v: Value) -> Value:
        use(place)
        return v

    model = Sequential(Layer(2, 1, remembering, seed=1))
    history = fit(model, X[:8], Y[:8], epochs=2, seed=1)
    assert "leaves something behind" in history.unrecorded
    for _ in range(16):
        use(before)
    assert alike(held(place), held(before))
    if chance := chance_of(place):
        assert chance.state() == chance_of(before).state()  # type: ignore[union-attr]


def test_a_cell_that_was_empty_is_empty_again() -> None:
    def outer() -> tuple[Callable[[], Any], Callable[[], None]]:
        def read() -> Any:
            return number

        def write() -> None:
            nonlocal number
            number = 1

        if not factors:
            number = 0
        return read, write

    read, write = outer()
    world = Surroundings([read])
    write()
    assert world.changed()
    world.put_back()
    with pytest.raises(NameError):
        read()


def test_an_iterator_cannot_be_looked_into() -> None:
    losses = []
    for eager in (False, True):
        counter = itertools.count()

        def late(v: Value, counter: Iterator[int] = counter) -> Value:
            return v * 0 if next(counter) < 6 else v

        model = Sequential(Layer(2, 1, late, seed=1))
        history = fit(model, X, Y, epochs=3, seed=1, batch_size=5, eager=eager)
        assert ("holds a count" in history.unrecorded) is not eager
        losses.append(history["loss"])
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("place", "opaque"),
    [(iter([1]), "list_iterator"), ((x for x in "ab"), "generator"), (zip([1]), "zip"),
     (itertools.count().__next__, "count"), (sys.__stdout__, ""), (logging.getLogger(), ""),
     (len, ""), (random.SystemRandom(), ""), (np, ""), (itertools.count, "")],
)  # fmt: skip
def test_only_iterators_are_refused(place: Any, opaque: str) -> None:
    world = Surroundings([lambda: place])
    assert (world.opaque, world.changed()) == (opaque, "")


def test_a_users_file_with_the_name_of_a_library_is_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("code", "nn"):
        path = tmp_path / f"{name}.py"
        path.write_text("calls = []\ndef f(v):\n    calls.append(1)\n    return v * 2\n")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert is_foreign(module)
        assert is_foreign(module.f)
        model = Sequential(Layer(2, 1, module.f, seed=1))
        history = fit(model, X[:8], Y[:8], epochs=1, seed=1)
        assert "list has changed" in history.unrecorded
        assert len(module.calls) == 8


@pytest.mark.parametrize("code", [json, json.dumps, Fraction, np, np.mean, itertools, math.sin,
                                  Module, squared_error, Value])  # fmt: skip
def test_libraries_are_not_looked_into(code: Any) -> None:
    assert not is_foreign(code)


@pytest.mark.parametrize("code", [pytest, pytest.fixture, Settings, by_list, elsewhere])
def test_what_others_have_written_is(code: Any) -> None:
    assert is_foreign(code)


def test_a_wrapper_is_the_users_though_it_has_another_name() -> None:
    @wraps(squared_error)
    def wrapper(output: Value, target: Any) -> Value:
        return squared_error(output, target) * factors[0]

    assert wrapper.__module__ == "nn.losses"
    assert is_foreign(wrapper)
    world = Surroundings([wrapper])
    factors[0] = 2.0
    assert world.moved() == "list"


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
