"""Plans: what is kept of them, how large they may be, and which numbers are told apart."""

from __future__ import annotations

import math
import re
import warnings
from typing import Any

import numpy as np
import pytest

from engine import Value, atan2, dot, exp, minimum, record, relu, sqrt, tanh, where
from engine import program as programs
from engine.batching import choice
from engine.program import Program

INF = math.inf


def both(function: Any, *given: Any, **options: Any) -> list[Any]:
    """What the two replays give for a function of inputs."""
    replays: Any = "program", "tape"
    return [record(function, replay=each, **options).value_and_gradient(*given) for each in replays]


# --- chunks ---


def curve(x: Any, y: Any) -> Any:
    return tanh(x * y) + exp(-x * x)


def test_an_infinity_in_any_chunk_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Program, "chunk", lambda *_: 10)
    x = np.linspace(0.5, 1.0, 95)
    x[[33, 94]] = 0.0  # where sqrt has no derivative, and is not chosen
    gradient = record(lambda x: where(x > 0, sqrt(x), 2 * x), replay="program").gradient(x)
    np.testing.assert_allclose(gradient, np.where(x > 0, 0.5 / np.sqrt(np.maximum(x, 0.1)), 2.0))


def test_a_plan_takes_so_much_memory_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = [[Value(0.01 * (i + j)) for i in range(20)] for j in range(30)]

    def layer(x: Any) -> Any:
        return sum(sum(w * v for w, v in zip(row, x, strict=True)) for row in weights)

    recorded = record(
        layer, example=(np.zeros((1, 20)),), parameters=[w for row in weights for w in row]
    )
    program = recorded.program
    assert program.has_products
    assert program.chunk(5000, np.float64, programs.NOTHING) == 5000
    rows = program.layout.sizes[1]
    monkeypatch.setattr(programs, "MEMORY", 100 * rows * 8)
    monkeypatch.setattr(programs, "CACHE", 1)
    assert program.chunk(5000, np.float64, programs.NOTHING) == 100


def test_of_many_sizes_the_last_plans_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Program, "streams", False)
    recorded = record(curve, replay="program")
    for n in range(1, 40):
        recorded(np.ones(n), np.ones(n))
    kept = [key[0] for key in recorded.program.plans]
    assert kept == list(range(40 - programs.KEPT_PLANS, 40))


def test_plans_are_kept_by_what_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = record(curve, replay="program")
    recorded(np.ones(100), np.ones(100))
    (kept,) = recorded.program.plans.values()
    assert kept[0].size >= kept[0].S.nbytes + kept[0].Z.nbytes
    monkeypatch.setattr(programs, "MEMORY", 2.5 * kept[0].size)
    for n in (100, 99, 98, 97):
        recorded(np.ones(n), np.ones(n))
    assert [key[0] for key in recorded.program.plans] == [98, 97]


def test_what_is_gathered_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def pairs(rows: Any) -> Any:
        return sum(dot(a, b) for a in rows for b in rows if a is not b)

    x = np.random.default_rng(3).normal(size=(40, 12, 16))
    recorded = record(pairs, replay="program")
    recorded(x)
    (kept,) = recorded.program.plans.values()
    assert kept[0].size > 40 * 12 * 11 * 16 * 8
    rows = recorded.program.layout.width
    assert rows * 40 * 8 == pytest.approx(kept[0].size, rel=0.5)


# --- one point by the program ---


def test_an_infinity_that_is_given_is_no_reason_to_give_up() -> None:
    recorded = record(lambda x: minimum(x, INF) * 2, replay="program")
    assert [recorded(float(x)) for x in range(3)] == [0.0, 2.0, 4.0]
    assert [len(kept) for kept in recorded.program.plans.values()] == [1]


def test_a_plan_whose_run_gave_up_is_used_again() -> None:
    recorded = record(lambda x: 1 / x, replay="program")
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            recorded(0.0)
    assert [len(kept) for kept in recorded.program.plans.values()] == [1]


# --- numbers ---


def test_zeros_of_either_sign_are_two_constants() -> None:
    for zero in (0.0, -0.0, 0.0):
        for value, _ in both(lambda x, zero=zero: atan2(zero, x), np.array([-1.0])):
            assert math.copysign(1.0, value[0]) == math.copysign(1.0, zero)


def test_a_gradient_does_not_overflow_where_its_partial_does_not() -> None:
    def steep(x: Any, y: Any) -> Any:
        return tanh((x / y - 1e150) * 1e160)

    for _, (of_x, of_y) in both(steep, np.array([1e300]), np.array([1e150])):
        assert of_x[0] == pytest.approx(1e10)
        assert of_y[0] == pytest.approx(-1e160)


@pytest.mark.parametrize("batch", [1, 7, 5000])
def test_numbers_beside_arrays_in_maximum(batch: int) -> None:
    x = np.random.default_rng(2).normal(size=(batch, 3))
    for value, gradient in both(lambda x: sum(relu(v) + minimum(v, 0.25) for v in x), x):
        np.testing.assert_allclose(value, (np.maximum(x, 0) + np.minimum(x, 0.25)).sum(1))
        np.testing.assert_array_equal(gradient, (x > 0) * 1.0 + (x < 0.25))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_warns(dtype: Any) -> None:
    p = Value(1e300)
    recorded = record(lambda x: p * x * 1e300, [p], dtype=dtype, replay="program")
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        for _ in range(2):
            value, gradient = recorded.value_and_gradient(np.array([1e300, -1e300]))
            assert math.isnan(value)
            assert np.isnan(gradient).all()


# --- what is said ---


def test_a_report_does_not_look_for_instructions_that_nobody_needs() -> None:
    def chain(x: Any) -> Any:
        for _ in range(300):
            x = tanh(x)
        return x

    recorded = record(chain, example=(1.0,))
    assert "at least 300 array instructions" in recorded.report(0.5)
    assert "layout" not in vars(recorded.program)


def test_the_calls_that_came_last_stay_quick() -> None:
    recorded = record(curve)
    for n in range(1, 70):
        recorded.value_and_gradient(np.ones(n), np.ones(n))
    assert len(recorded.calls) == 64
    assert [key[0] for key, *_ in recorded.calls][-1] == (69,)


def test_the_loop_is_not_chosen_for_functions_that_arrays_do_fast() -> None:
    x = np.linspace(0.1, 0.9, 500)[None]
    sums = record(lambda x: sum(v * 2 for v in x), example=(x,)).program.choice
    powers = record(lambda x: sum(v**2.5 for v in x), example=(x,)).program.choice
    assert powers.work > sums.work + 500 * choice.PER_FUNCTION / 2
    assert powers.faster(1) == "program"


def test_a_point_is_no_batch_of_one() -> None:
    """Floats would first have to become arrays, for a program."""
    w = [[Value(0.1 * k - j) for k in range(4)] for j in range(4)]

    def network(x: list[Any]) -> Any:
        return dot(w[0], [tanh(dot(row, x)) for row in w])

    recorded = record(network, [v for row in w for v in row], example=([0.1] * 4,))
    assert re.search("for one point: .*\nso the tape runs$", recorded.report())
    assert recorded.report([0.1] * 4) == recorded.report()
    assert "for 1 example: " in recorded.report(np.ones((1, 4)))


def test_what_there_is_one_of() -> None:
    one = record(lambda x: x.exp(), example=(1.0,))
    words = one.report(np.ones(1))
    assert words.startswith("1 node, after fusion 1 with 1 operand, 1 level deep\nfor 1 example: ")
    assert " 1 array instruction\n" in words
    assert str(one).startswith("1 node as 1 array instruction.\n")
    two = record(lambda x: (-x).exp(), example=(1.0,))
    assert re.match(r"2 nodes, .* 2 levels deep\nfor 2 examples: ", two.report(np.ones(2)))


def test_no_instructions_need_no_explanation() -> None:
    words = str(record(lambda x: x, example=(1.0,)))
    assert words == "0 nodes as 0 array instructions.\nx    output"
