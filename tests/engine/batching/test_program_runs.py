"""Programs in use: chunks, threads, interruptions, rows of one's own, and planted faults."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Any

import numpy as np
import pytest

from engine import Primitive, Value, functions, record
from engine.batching import deposits, scatter
from engine.program import Program

from .test_program import P, X, agree, attention, hyper, tied

# --- chunks, threads, interruptions ---


def test_results_do_not_depend_on_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    given = np.random.default_rng(5).normal(size=(1000, 6))
    whole = record(attention, P, replay="program")
    options: Any = {"wrt": "both", "reduce": "sum"}
    value, (inputs, parameters) = whole.value_and_gradient(given, **options)
    monkeypatch.setattr(Program, "chunk", lambda *_: 37)
    parts = record(attention, P, replay="program").value_and_gradient(given, **options)
    assert parts[0] == pytest.approx(value)
    np.testing.assert_allclose(parts[1][0], inputs, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(parts[1][1], parameters, rtol=1e-11)


@pytest.mark.parametrize("replay", ["tape", "program"])
def test_threads_get_their_own_results(replay: Any) -> None:
    recorded = record(tied, P, replay=replay)
    alone = [recorded.value_and_gradient(X[k : k + 2], wrt="both")[1] for k in range(4)]
    wrong: list[Any] = []

    def work(k: int) -> None:
        for _ in range(10):
            found = recorded.value_and_gradient(X[k : k + 2], wrt="both")[1]
            wrong.extend(k for a, b in zip(found, alone[k], strict=True) if (a != b).any())
            if (Value(1.0) < Value(2.0)) is not True:
                wrong.append("comparison")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


@pytest.mark.parametrize("replay", ["tape", "program"])
def test_a_run_that_is_interrupted_leaves_it_usable(replay: Any) -> None:
    recorded = record(tied, P, replay=replay)
    before = recorded.value_and_gradient(X)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    interrupted = 0
    for when in range(1, 1000, 10):  # at a later line each time
        left = [when]

        def trace(frame: Any, event: str, arg: Any, left: list[int] = left) -> Any:
            left[0] -= 1
            if left[0] == 0:
                signal.raise_signal(signal.SIGINT)
            return trace

        old = signal.signal(signal.SIGINT, interrupt)
        sys.settrace(trace)
        try:
            recorded.value_and_gradient(X)
        except KeyboardInterrupt:
            interrupted += 1
        finally:
            sys.settrace(None)
            signal.signal(signal.SIGINT, old)
        value, slopes = recorded.value_and_gradient(X)
        assert value == before[0]
        assert (slopes == before[1]).all()
    assert interrupted > 3


# --- rows of one's own, and planted faults ---


@pytest.mark.parametrize(
    "row",
    [
        Primitive("norm", "norm", "norm(#*)", [(1, 3)], "sqrt(x . x)",
                  lambda xp, *x: xp.sqrt(sum((a * a for a in x[1:]), x[0] * x[0])),
                  lambda xp, k, y, x: x[k] / y, variadic=True),
        Primitive("mean", "mean", "mean(#*)", [(1, 3)], "the mean",
                      lambda xp, *x: sum(x[1:], x[0]) / len(x),
                      lambda xp, k, y, x: 1 / len(x), variadic=True),
        Primitive("ramp", "ramp", "ramp(#*)", [(1, 3)], "x1 + 2 x2 + ...",
                      lambda xp, *x: sum((a * (k + 1) for k, a in enumerate(x)), 0.0),
                      lambda xp, k, y, x: 1.0 * (k + 1), variadic=True),
    ],
)  # fmt: skip
def test_variadic_rows_of_ones_own(row: Primitive, unregister: None) -> None:
    f = functions.register(row)
    agree(lambda x: f(x) * P[0] + f([x[0], P[1], 3.0]) + f(P[:2]) * f(x[:3]), P[:2], X)


def test_a_wrong_partial_is_noticed(plant: Any) -> None:
    plant("sin", lambda xp, y, x: 1.01 * xp.cos(x))
    with pytest.raises(AssertionError):
        agree(tied, P, X)


def forgetful(work: Any, buffer: Any, rows: Any, given: Any, kept: Any) -> None:
    """What `buffer[rows] += ...` does where a row occurs twice."""
    work.call(lambda: scatter.add_at_distinct(buffer, rows, given[kept]))


def test_forgotten_duplicates_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deposits, "scatter_add", forgetful)
    with pytest.raises(AssertionError):
        agree(hyper, P, X)
    with pytest.raises(RuntimeError, match="differs from the function itself"):
        record(hyper, P, replay="program", check=True).gradient(X, wrt="inputs")


def test_a_sum_of_very_many_terms_keeps_its_digits() -> None:
    """BLAS adds one after the other, which NumPy does not."""
    x = np.full((1, 300_000), 0.1)
    recorded = record(lambda each: sum(each), replay="program")
    assert recorded(x)[0] == pytest.approx(30_000, rel=1e-15)


def test_finite_values_whose_sum_is_infinite_are_finite() -> None:
    recorded = record(lambda x, y: [x * 2, y * 2], replay="program")
    assert recorded(8e307, 8e307) == [1.6e308, 1.6e308]
    with pytest.raises(OverflowError):
        record(lambda x: (x.exp(), -x.exp()), replay="program")(1000.0)
