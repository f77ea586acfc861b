"""Streams: registers instead of rows, in chunks that leave a remainder, against the exact loop."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import (
    Primitive,
    Value,
    dot,
    functions,
    grad,
    logsumexp,
    maximum,
    minimum,
    record,
    where,
)
from engine import program as module
from engine.batching import lanes, stream
from engine.batching.expressions import Scaled
from engine.batching.lanes import Sizes
from engine.batching.stream import Stream
from engine.formulas import symbol
from engine.program import Program
from engine.rules import ROWS

from ..graphs import Program as Drawn
from ..graphs import programs, run
from ..reference import apply
from ..replays import compare, same
from .test_program import NETWORKS, P, X, agree, columns, structure

INF = math.inf


@pytest.fixture(autouse=True)
def used(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Two examples are many, whatever the graph, and a chunk has three. Streams have to run.

    Where threads are of use, there are three, and two parts to be computed.
    """
    monkeypatch.setattr(module, "LARGE", 2)
    monkeypatch.setattr(Program, "streams", True)
    sizes = Sizes(cache=2**20, shortest=1, longest=3)
    monkeypatch.setattr(lanes, "OF_SWEEPS", sizes)
    monkeypatch.setattr(lanes, "OF_CALLS", sizes)
    monkeypatch.setattr(lanes, "PARTS", 2)
    monkeypatch.setattr(lanes, "WORTH_IT", 0)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    batches: list[int] = []
    own = Stream.run

    def noted(self: Stream, inputs: Any, *others: Any) -> None:
        batches.append(len(others[2][0]))
        own(self, inputs, *others)

    monkeypatch.setattr(Stream, "run", noted)
    yield batches
    assert batches


# --- the same as the exact loop ---


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    compare(columns(NETWORKS[name]), P, X, "program")


@pytest.mark.parametrize("seed", range(12))
def test_structures(seed: int) -> None:
    f, parameters, inputs = structure(seed)
    batch = [2, 3, 7, 9][seed % 4]
    agree(f, parameters, np.random.default_rng(seed).normal(size=(batch, inputs)))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(programs(ROWS), st.integers(0, 2), st.integers(2, 8), st.integers(0, 2**32 - 1))
def test_random_graphs(
    drawn: tuple[list[float], Drawn], shared: int, batch: int, seed: int
) -> None:
    start, program = drawn
    shared = min(shared, len(start) - 1)
    parameters = [Value(x) for x in start[:shared]]
    given = np.random.default_rng(seed).uniform(-2, 2, (batch, len(start) - shared))
    compare(lambda *x: run([*parameters, *x], program, apply), parameters, given, "program")


@pytest.mark.parametrize(
    "seeds", [[1.0] * 8, [1.0, 2.0, 3.0, 4.0, 5.0, -1.0, 0.5, 1.0], [0.0, 1.0] + [0.0] * 6]
)
def test_outputs_of_every_kind(seeds: list[float]) -> None:
    def f(x: Any) -> Any:
        y = x[0] * P[0]
        return [y, (y + x[1]).tanh(), x[2], 3.0, y * y, P[1], P[1].exp() * P[2], y]

    agree(f, P[:3], X, seeds=seeds)


def test_a_seed_counts_however_large() -> None:
    agree(lambda x: [x[0] * x[1], (x[0] * x[1]).sin()], [], X, seeds=[1e6, -1e-6])


@pytest.mark.parametrize("f", [lambda x: P[0] * P[1], lambda x: P[0], lambda x: dot(P[:2], P[:2])])
def test_an_output_of_parameters_alone_counts_for_every_example(f: Any) -> None:
    agree(f, P[:3], X)


def test_signs_and_factors() -> None:
    def f(x: Any) -> Any:
        a, b = -x[0], 0.5 * x[1] - x[2]
        return -(a - b) * 3.0 - (b - a) / 1e5 + (a * a) / 2 - 1e-30 * (1e30 * a * b) + a - a

    agree(f, [], X)
    agree(lambda x: f([*x[:2], P[0]]) * -P[1], P[:2], X)


def price(share: Any, strike: Any, years: Any, rate: Any, sigma: Any) -> Any:
    """Of an option, after Black and Scholes."""
    spread = sigma * years.sqrt()
    d = ((share / strike).log() + (rate + sigma * sigma / 2) * years) / spread
    n, m = ((1 + (each * 0.5**0.5).erf()) / 2 for each in (d, d - spread))
    return share * n - strike * (-rate * years).exp() * m


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-11), (np.float32, 3e-4)])
def test_chunks_as_they_are(
    monkeypatch: pytest.MonkeyPatch, used: list[int], dtype: Any, tolerance: float
) -> None:
    monkeypatch.undo()
    chance = np.random.default_rng(8)
    limits = (80, 120), (80, 120), (0.1, 2.0), (0.0, 0.1), (0.1, 0.5)
    given = [chance.uniform(*each, 20_001).astype(dtype) for each in limits]
    recorded = record(price)
    value, slopes = recorded.value_and_gradient(*given)
    ((bound, (kept,)),) = recorded.program.plans.items()
    assert isinstance(bound, module.StreamKey)
    assert len(kept.during) <= 64
    assert len(kept.registers) <= 14
    looked_at = [0, kept.lanes.chunk - 1, kept.lanes.chunk, 20_000]
    some = [each[looked_at].astype(float) for each in given]
    exact, its_slopes = record(price, replay="tape").value_and_gradient(*some)
    np.testing.assert_allclose(value[looked_at], exact, rtol=tolerance, atol=tolerance)
    for mine, its in zip(slopes, its_slopes, strict=True):
        np.testing.assert_allclose(mine[looked_at], its, rtol=tolerance, atol=tolerance)
    used.append(len(value))


# --- the caller's arrays ---


def test_single_precision() -> None:
    def f(x: Any, y: Any) -> Any:
        return (x * P[0]).erf() * (-y).exp() + maximum(x, 0.25) - minimum(y, -0.0)

    given = [each.astype(np.float32) for each in X.T[:2]]
    of = record(f, P[:1]).value_and_gradient(*given, wrt="both", reduce="sum")
    exact = record(f, P[:1], replay="tape").value_and_gradient(*X.T[:2], wrt="both", reduce="sum")
    assert of[1][0][0].dtype == of[1][1].dtype == np.float32
    np.testing.assert_allclose(np.stack(of[1][0]), np.stack(exact[1][0]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(of[1][1], exact[1][1], rtol=1e-5)
    assert of[0] == pytest.approx(exact[0], rel=1e-5)


def test_arrays_of_any_layout_are_read_and_left_alone() -> None:
    f = record(lambda x, y, z: (x[0] * x[1] + y).sin() * z, replay="program")
    whole = np.random.default_rng(3).normal(size=(14, 4))
    pairs, single, whole_numbers = whole[::2, 1:3], whole[1::2, 3], np.arange(7)
    for each in (whole, whole_numbers):
        each.flags.writeable = False
    value, (of_pairs, of_single, of_whole) = f.value_and_gradient(pairs, single, whole_numbers)
    angle = pairs.prod(1) + single
    same(value, np.sin(angle) * whole_numbers)
    same(of_pairs, (np.cos(angle) * whole_numbers)[:, None] * pairs[:, ::-1])
    same(of_single, np.cos(angle) * whole_numbers)
    same(of_whole, np.sin(angle))


def test_results_belong_to_the_caller() -> None:
    f = record(lambda x: [x, x, x * x], replay="program")
    given = np.arange(5.0)
    first, twice, square = f(given)
    for each in (first, twice, square):
        each[:] = -1.0
    assert [each.tolist() for each in f(given)] == [[0, 1, 2, 3, 4]] * 2 + [[0, 1, 4, 9, 16]]


def test_one_stream_serves_batches_of_all_sizes(used: list[int]) -> None:
    recorded = record(lambda x: (x * P[0]).sin(), P[:1], replay="program")
    for n in (2, 3, 4, 11, 3):
        recorded.value_and_gradient(np.arange(float(n)))
    assert used == [2, 3, 4, 11, 3]
    assert [len(kept) for kept in recorded.program.plans.values()] == [1]


# --- numbers at the edge ---


def test_a_branch_that_is_not_taken_gives_an_exact_zero() -> None:
    def f(x: Any) -> Any:
        return where(x > 0, x.sqrt() * x.log(), 0.0) + (-1 / (x * x)).relu()

    found = record(f, replay="program").gradient(np.array([1.0, 4.0, 2.0, -1.0, 0.0]))
    assert found[3:].tolist() == [0.0, 0.0]
    assert found[1] == pytest.approx(1 / 2 + np.log(4.0) / 4)


def test_a_shared_gradient_that_is_nan_is_mended() -> None:
    p = Value(2.0)
    f = record(lambda x: where(x > 0, (p * x).sqrt(), p * x), [p], replay="program")
    x = np.array([1.0, 0.0, 2.0, -3.0])
    root = np.sqrt(2 * x[[0, 2]])
    same(f.gradient(x, reduce="sum"), [np.sum(x[[0, 2]] / (2 * root)) - 3.0])


def test_a_gradient_that_is_the_same_for_all_is_mended() -> None:
    p = Value(0.0)
    f = record(lambda x: where(p > 0, x / p, 2 * x), [p], replay="program")
    assert f.gradient(X[:, 0], wrt="inputs").tolist() == [2.0] * len(X)


def test_rows_without_a_value_leave_the_others_alone() -> None:
    f = record(lambda x: x.log() + 1 / x + x.exp(), replay="program")
    given = np.array([1.0, -1.0, 0.0, 1000.0, np.nan, 2.0])
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        values, slopes = f.value_and_gradient(given)
    assert np.isnan(values[[1, 2, 4]]).all()
    assert values[3] == INF
    for k in (0, 5):
        assert (values[k], slopes[k]) == pytest.approx(f.value_and_gradient(given[k]))


def test_zeros_of_either_sign_are_two_numbers() -> None:
    f = record(lambda x: [1 / maximum(x, 0.0), 1 / maximum(x, -0.0)], replay="program")
    first, second = f(np.array([-1.0, -1.0, -2.0]))
    assert first.tolist() == [INF] * 3
    assert second.tolist() == [-INF] * 3


@pytest.mark.parametrize("f", [lambda x: x / 0.0 + x, lambda x: (-1.0) ** x])
def test_a_graph_that_cannot_be_a_stream_is_a_plan(f: Any, used: list[int]) -> None:
    agree(lambda x: f(x[0]), [], X)
    used.append(0)


# --- runs that meet, or end early ---


def test_threads_get_their_own_results() -> None:
    recorded = record(lambda x: [(x * P[0]).sin() * P[1].exp(), x], P[:2], replay="program")
    batches = [np.random.default_rng(k).normal(size=50) for k in range(8)]
    options: Any = {"wrt": "both", "seeds": [1.0, 2.0], "reduce": "sum"}

    def work(x: Any) -> list[Any]:
        return [recorded.gradient(x, **options) for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        for x, found in zip(batches, pool.map(work, batches), strict=True):
            scale = np.exp(P[1].data)
            for of_x, of_p in found:
                same(of_x, np.cos(x * P[0].data) * P[0].data * scale + 2)
                same(of_p, [np.sum(np.cos(x * P[0].data) * x) * scale,
                            np.sum(np.sin(x * P[0].data)) * scale])  # fmt: skip


def test_a_run_that_is_interrupted_leaves_it_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = record(lambda x: (x * P[0]).sin(), P[:1], replay="program")
    x = np.arange(8.0)
    before = recorded.value_and_gradient(x)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Stream, "look_for_nan", interrupt)
        with pytest.raises(KeyboardInterrupt):
            recorded.value_and_gradient(x + 1)
    value, slopes = recorded.value_and_gradient(x)
    assert value == before[0]
    assert slopes.tolist() == before[1].tolist()


def test_a_function_without_inputs_is_a_batch_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a stream when there are too many plans."""
    recorded = record(lambda: [grad(lambda a: a * a * 3.0)(P[0]), P[1].sin()], P[:2])
    monkeypatch.setattr(Program, "is_stream", lambda self, batch: True)
    of = record(lambda: [grad(lambda a: a * a * 3.0)(P[0]), P[1].sin()], P[:2], replay="program")
    expected, mine = (each.value_and_gradient(seeds=[1.0, 2.0]) for each in (recorded, of))
    assert mine[0] == expected[0]
    same(mine[1], expected[1])


# --- what is no stream ---


def test_too_much_at_a_time_is_left_to_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(4).normal(size=(7, 6))
    recorded = record(lambda x: sum(v.sin() * w.cos() for v in x for w in x), replay="program")
    for name in ("OF_SWEEPS", "OF_CALLS"):
        monkeypatch.setattr(lanes, name, Sizes(60 * 8, 1, 3))
    value = recorded(x)  # without derivatives there is room enough
    assert not recorded.program.unsuitable
    for name in ("OF_SWEEPS", "OF_CALLS"):
        monkeypatch.setattr(lanes, name, Sizes(20 * 8, 1, 3))
    again, slopes = recorded.value_and_gradient(x)
    assert len(recorded.program.unsuitable) == 1
    same(value, again)
    same(value, np.sin(x).sum(1) * np.cos(x).sum(1))
    same(slopes, np.cos(x) * np.cos(x).sum(1)[:, None] - np.sin(x) * np.sin(x).sum(1)[:, None])


@pytest.mark.usefixtures("unregister")
def test_rows_of_ones_own() -> None:
    norm = functions.register(
        Primitive("norm", "norm", "norm(#*)", [(1, 3)], "sqrt(x . x)",
                  lambda xp, *x: xp.sqrt(sum((a * a for a in x[1:]), x[0] * x[0])),
                  lambda xp, k, y, x: x[k] / y, variadic=True)
    )  # fmt: skip
    agree(lambda x: norm(x) * P[0] + norm([x[0], P[1], 3.0]) + norm(P[:2]), P[:2], X)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x[0].sin() * x[1] + P[0], True),
        (lambda x: dot(P[:2], x[:2]) + sum(k * v for k, v in enumerate(x)), True),
        (lambda x: dot(P[:9], [*x, *(v.sin() for v in x)][:9]), False),
        (lambda x: dot(P[:2], x[:2]).sin() * dot(P[2:4], x[:2]), False),
        (lambda x: logsumexp(x), False),
        (lambda x: sum((k * v).sin() for k in range(300) for v in x), False),
    ],
)
def test_which_graphs_are_streams(f: Any, expected: bool, used: list[int]) -> None:
    layout = record(f, P, example=(X[:1],)).program.layout
    assert stream.suits(layout) is expected
    used.append(0)


# --- parts ---


def test_scaled_expressions(used: list[int]) -> None:
    used.append(0)
    a, b = symbol("input", (), 0), symbol("input", (), 1)
    assert Scaled(2.0, a).plus(Scaled(2.0, a)) == (4.0, a)
    assert repr(Scaled(-2.0, a).plus(Scaled(2.0, b)).whole()) == "mul(2.0, sub(input, input))"
    assert repr(Scaled(-1.0, a).plus(Scaled(-1.0, b)).whole()) == "neg(add(input, input))"
    assert repr(Scaled(-0.5, a).plus(Scaled(1.0, b)).whole()) == "sub(input, mul(0.5, input))"
    assert Scaled(1000.0, a).times(1000.0).factor == 1.0


def test_a_wrong_partial_is_noticed(plant: Any) -> None:
    plant("sin", lambda xp, y, x: 1.01 * xp.cos(x))
    with pytest.raises(AssertionError):
        agree(lambda x: x[0].sin(), P, X)


def test_batches_of_many_sizes_share_one_stream() -> None:
    recorded = record(lambda x: (x * x).exp())
    for size in range(1000, 1000 + 2 * module.KEPT_PLANS):
        x = np.linspace(-1, 1, size)
        np.testing.assert_allclose(recorded(x), np.exp(x * x), rtol=1e-14)
    assert len(recorded.program.plans) <= module.KEPT_PLANS + 1
