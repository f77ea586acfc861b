"""Sweeps over long rows, and the threads that share them, against NumPy's calls."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value, maximum, record, special, where
from engine.batching import lanes, sweeps, threads
from engine.batching.kernels import ARRAY_FUNCTIONS, choose
from engine.batching.sweeps import add_up, swept

Sweep: Any = sweeps.Sweep
compiled = pytest.mark.skipif(Sweep is None, reason="there are sweeps in a compiled engine alone")
DTYPES = [np.float64, np.float32]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-310, -1e-310, 6.9999, -7.0, 1e5, -1e38]


def numbers(dtype: Any, count: int = 10_000) -> Any:
    """Some of every size, and those where something else begins."""
    chance = np.random.default_rng(count)
    found = chance.normal(size=count) * 10.0 ** chance.integers(-12, 3, count)
    found[: len(SPECIAL)] = SPECIAL
    return found.astype(dtype)


@compiled
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [each for each in ARRAY_FUNCTIONS if each != "erfc"])
def test_every_function(name: str, dtype: Any) -> None:
    function = ARRAY_FUNCTIONS[name]
    count = 3 if function is choose else getattr(function, "nin", 1)
    given_rows = [numbers(dtype, 5000 + k) for k in range(count)]
    given_rows = [row[:5000] for row in given_rows]
    expected, found = np.zeros_like(given_rows[0]), np.zeros_like(given_rows[0])
    sweep = swept([(function, tuple(range(count + 1)))], count + 1, count + 1, dtype)
    assert sweep is not None
    with np.errstate(all="ignore"):
        function(*given_rows, out=expected)
        sweep([*given_rows, found])
    np.testing.assert_array_equal(found, expected)
    if name not in ("minimum", "maximum"):  # of 0 and -0, either
        sure = ~np.isnan(expected)
        assert (np.signbit(found) == np.signbit(expected))[sure].all()


@compiled
def test_what_cannot_be_swept() -> None:
    assert swept([(special.erfc, (0, 1))], 2, 2, np.float64) is None
    assert swept([(np.gcd, (0, 0, 1))], 2, 2, np.float64) is None


@compiled
@pytest.mark.parametrize("dtype", DTYPES)
@given(st.integers(1, 40), st.integers(1, 9))
@settings(max_examples=30)
def test_chunks_registers_and_sums(dtype: Any, count: int, chunk: int) -> None:
    x, y = numbers(dtype, 100)[20 : 20 + count], np.zeros(count, dtype)
    half, total, register = np.array(0.5, dtype), np.zeros((), dtype), np.zeros(chunk, dtype)
    steps: list[Any] = [(np.multiply, (0, 2, 3)), (np.square, (3, 1)), (add_up, (3, 4))]
    sweep = swept(steps, 5, 2, dtype)
    assert sweep is not None
    sweep([x, y, half, register, total])
    assert (y == (x * half) ** 2).all()
    expected = np.abs(x).sum(dtype=float) / 2
    assert abs(total - (x / 2).sum(dtype=float)) <= 100 * np.finfo(dtype).eps * expected


@compiled
@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([np.zeros(3)], "a sweep over 2 rows got 1"),
        ([np.zeros(3), np.zeros(4)], "row 1 has another shape or type"),
        ([np.zeros(3), np.zeros(3, np.float32)], "row 1 has another shape or type"),
        ([np.zeros(()), np.zeros(3)], "row 0 has another shape or type"),
        ([np.zeros(6)[::2], np.zeros(3)], "contiguous"),
        ([np.zeros(3), np.frombuffer(bytes(24))], "read-only"),
    ],
)
def test_rows_that_do_not_fit(rows: list[Any], words: str) -> None:
    sweep = Sweep([(np.exp, (0, 1))], 2, 2, False)
    with pytest.raises(ValueError, match=words):
        sweep(rows)


@compiled
@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (("tangens", (0, 1)), "its name is unknown"),
        (("erf_argument", (0, 1)), "its name is unknown"),
        ((3, (0, 1)), "its name is unknown"),
        ((np.exp, (0, 1, 1)), "another number of operands"),
        ((np.exp, (0, 2)), "there is no such row"),
        ((np.exp, (-1, 1)), "there is no such row"),
        ((np.matmul, (0, 0, 1)), "NumPy has no loop for it"),
        ((np.modf, (0, 1, 1)), "NumPy has no loop for it"),
    ],
)
def test_operations_that_cannot_be(operation: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Sweep([operation], 2, 2, False)


@compiled
def test_memory_that_is_not_there() -> None:
    """Registers and operands of erf have a length, which a loop relies upon."""
    swept([(special.erf, (0, 1))], 2, 2, np.float64)  # now there is a table
    through_register = Sweep([("erf", (0, 2)), (np.exp, (2, 1))], 3, 2, False)
    for register in (np.zeros(0), np.zeros(())):
        with pytest.raises(ValueError, match="row 2 has another shape"):
            through_register([np.ones(1000), np.zeros(1000), register])


# --- threads ---

P = Value(1.25)


def function(x: Any, y: Any) -> Any:
    """With registers, sums, numbers that are shared, and branches."""
    return where(x < y, (x * P).sin(), (y / P).exp()) + maximum(x * y, 0.5).erf()


@pytest.fixture
def eager_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are started for any batch that is a stream."""
    monkeypatch.setattr(lanes, "WORTH_IT", 0)


@pytest.mark.usefixtures("eager_threads")
@pytest.mark.parametrize("dtype", DTYPES)
def test_digits_do_not_depend_on_the_threads(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = (np.random.default_rng(k).normal(size=50_000).astype(dtype) for k in (1, 2))
    found = set()
    for count in ("1", "2", "5", "40"):
        monkeypatch.setenv("OMP_NUM_THREADS", count)
        recorded = record(function, [P], dtype=dtype)
        value, slopes = recorded.value_and_gradient(x, y, wrt="both", reduce="sum")
        found.add(np.concatenate([[value], *slopes[0], slopes[1]]).tobytes())
        ((stream,),) = recorded.program.plans.values()
        expected = min(int(count), len(stream.lanes.parts(len(x)))) if stream.lanes.sweep else 1
        assert len(stream.lanes.registers) == expected
    assert len(found) == 1


@pytest.mark.usefixtures("eager_threads")
def test_an_interrupted_thread_leaves_it_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    x = np.linspace(-1.0, 1.0, 30_000)
    recorded = record(function, [P])
    before = recorded.value_and_gradient(x, -x)
    threads_before, compute = threading.active_count(), lanes.Lanes.compute
    is_hit = threading.Event()

    def interrupted(*arguments: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            is_hit.set()
            raise KeyboardInterrupt
        assert is_hit.wait(60)  # or the others might leave it nothing to do
        compute(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(lanes.Lanes, "compute", interrupted)
        with pytest.raises(KeyboardInterrupt):
            recorded.value_and_gradient(x + 1, x)
    assert threading.active_count() == threads_before
    again = recorded.value_and_gradient(x, -x)
    np.testing.assert_array_equal(again[0], before[0])
    np.testing.assert_array_equal(again[1], before[1])


def test_nan_that_another_thread_sees_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees it while this one is in the midst of looking."""
    recorded = record(lambda x: where(x > 0, (x * P).sqrt(), x * P), [P])
    recorded.value_and_gradient(np.ones(5000))
    ((kept,),) = recorded.program.plans.values()
    own = np.dot

    def dot(a: Any, b: Any) -> Any:
        kept.has_nan = True
        return own(a, b)

    assert not kept.has_nan
    with monkeypatch.context() as patch:
        patch.setattr(np, "dot", dot)
        kept.look_for_nan([np.ones(3)])
    assert kept.has_nan


def test_ctrl_c_while_threads_start(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[threading.Thread] = []
    own = threading.Thread.start

    def start(self: threading.Thread) -> None:
        own(self)
        started.append(self)
        if len(started) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start)
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        threads.share(range(100_000), lambda item, worker: done.append(item), 4)
    count = len(done)
    for each in started:
        each.join()
    assert len(done) == count < 100_000
    assert len(started) == 2


def test_ctrl_c_while_others_are_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    own, go_on, has_both = threading.Event.wait, threading.Event(), threading.Barrier(2)
    done: list[int] = []

    def wait(self: threading.Event, timeout: float | None = None) -> bool:
        is_last = threading.current_thread() is threading.main_thread() and 0 in done
        if is_last and not go_on.is_set():
            go_on.set()
            raise KeyboardInterrupt
        return own(self, timeout)

    def work(item: int, worker: int) -> None:
        has_both.wait()
        if worker:
            go_on.wait()
        done.append(worker)

    monkeypatch.setattr(threading.Event, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        threads.share(range(2), work, 2)
    assert done == [0, 1], "it did not wait for the other"


def test_an_error_is_raised_when_all_threads_have_stopped() -> None:
    met = threading.Barrier(3)
    done: list[int] = []

    def work(item: int, worker: int) -> None:
        met.wait(60)  # so that each has one of the first three
        if item == 1:
            raise ArithmeticError("of the second")
        done.append(item)

    with pytest.raises(ArithmeticError, match="of the second"):
        threads.share(range(3), work, 3)
    assert sorted(done) == [0, 2]


def test_nobody_goes_on_after_an_error() -> None:
    done: list[int] = []

    def work(item: int, worker: int) -> None:
        done.append(item)
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        threads.share(range(1000), work, 1)
    assert done == [0]


def test_every_item_is_done_once() -> None:
    done: list[int] = []
    threads.share(range(1000), lambda item, worker: done.append(item), 4)
    assert sorted(done) == [*range(1000)]


def test_where_no_threads_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done: list[tuple[int, int]] = []
    threads.share(range(3), lambda item, worker: done.append((item, worker)), 3)
    assert done == [(0, 0), (1, 0), (2, 0)]


def test_numpy_warns_in_no_thread() -> None:
    threads.share(range(9), lambda item, worker: np.divide(np.float64(item), 0.0), 3)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("3", 3), (" 5 ", 5), ("4,2", 4), *((x, None) for x in ("0", "", "-1", "many", "9" * 5000))],
)
def test_how_many(asked: str, expected: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert threads.most() == (expected or threads.processors())
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert threads.processors() >= 1


def test_threads_are_not_started_when_python_ends() -> None:
    """One that begins by then waits for the interpreter's lock for ever."""
    program = """if True:
        import numpy as np
        from engine import exp, record, sin
        from engine.batching import lanes
        lanes.WORTH_IT = 0
        recorded, x = record(lambda x: exp(sin(x))), np.zeros(50_000)
        recorded(x)
        class Last:
            def __del__(self):
                print(recorded(x).sum())
        last = Last()
    """
    command = [sys.executable, "-P", "-c", program]
    home = str(Path(engine.__file__).parents[1])
    surroundings = os.environ | {"PYTHONPATH": home, "OMP_NUM_THREADS": "3"}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("50000.0\n", "")
