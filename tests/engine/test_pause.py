"""no_grad() and detach() leave a derivative out; threads do not disturb each other."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from engine import Value, dot, exp, no_grad, topological_order


def test_no_grad_gives_constants() -> None:
    x = Value(3.0)
    with no_grad():
        results = [x * x, x + 1, -x, 2**x, x.exp(), dot([x], [x]), exp(x), sum([x, x])]
        leaf = Value(1.0)
    for y in results:
        assert (y.is_constant, y.inputs, y.op) == (True, (), "")
    assert not leaf.is_constant
    assert not (x * x).is_constant
    (results[0] * x).backward()
    assert x.grad == 9.0


def test_no_grad_nests_decorates_and_ends_with_an_exception() -> None:
    x = Value(3.0)

    @no_grad()
    def evaluate() -> Value:
        with no_grad():
            pass
        y: Value = x * x
        return y

    assert evaluate().is_constant
    with pytest.raises(ZeroDivisionError), no_grad():
        x / 0
    assert not (x * x).is_constant


def test_detach_cuts_the_graph() -> None:
    x = Value(3.0)
    y = (x * x).detach()
    assert (y.data, y.is_constant, y.inputs) == (9.0, True, ())
    (y * x).backward()
    assert x.grad == 9.0
    x.detach().data = 7.0
    assert x.data == 3.0


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What work(0) .. work(count - 1) give when they run at once, switching as often as can be."""
    results: list[Any] = [None] * count
    start = threading.Barrier(count)

    def run(k: int) -> None:
        start.wait()
        results[k] = work(k)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=run, args=(k,)) for k in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    return results


def test_no_grad_holds_for_its_own_thread() -> None:
    x = Value(3.0)
    inside, done = threading.Event(), threading.Event()

    def work(k: int) -> bool:
        if k == 0:
            inside.wait(10)
            constant = (x * x).is_constant
            done.set()
            return constant
        with no_grad():
            inside.set()
            done.wait(10)
            return (x * x).is_constant

    assert in_threads(2, work) == [False, True]
    assert not (x * x).is_constant


def test_threads_build_evaluate_and_order_graphs_on_shared_leaves() -> None:
    x = shared = Value(0.5)
    for _ in range(1000):
        shared = shared * 1.001 + x

    def work(k: int) -> tuple[float, set[int]]:
        y = shared
        for _ in range(10):
            y = y * k + x
        return y.data, {len(topological_order(shared)) for _ in range(40)}

    assert in_threads(4, work) == [work(k) for k in range(4)]


def test_threads_differentiate_their_own_graphs() -> None:
    def work(k: int) -> float:
        x = y = Value(1.0 + k / 10)
        for _ in range(300):
            y = (y * x).tanh() + x
        y.backward()
        return x.grad

    assert in_threads(4, work) == [work(k) for k in range(4)]
