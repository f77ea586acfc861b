"""What is cut short leaves nothing half done: Ctrl-C, a failing rule, a handler in between."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from math import cos, inf
from types import CodeType
from typing import Any

import pytest

from engine import Value, compiled, draw, grad, gradient, no_grad, topological_order
from engine.anomaly import detect_anomaly
from engine.calculus.floats import Below
from engine.calculus.renewal import Renewal
from engine.node import ENGINE
from engine.primitive import Primitive
from engine.rules import TABLE

Plant = Callable[..., Primitive]


def interrupt(xp: Any, y: Any, x: Any) -> float:
    """A partial in whose midst somebody presses Ctrl-C."""
    raise KeyboardInterrupt


def state(*leaves: Value) -> list[tuple[float, bool]]:
    return [(leaf.grad, leaf.has_grad) for leaf in leaves]


@pytest.mark.parametrize("error", [KeyboardInterrupt, TypeError, MemoryError])
def test_an_interrupted_pass_leaves_the_leaves_as_they_were(
    plant: Plant, error: type[BaseException]
) -> None:
    sine = TABLE["sin"].partials[0]

    def fail(xp: Any, y: Any, x: Any) -> float:
        raise error

    x, fresh, zeroed = Value(2.0), Value(3.0), Value(5.0)
    (x * x).backward()
    zeroed.grad = 0.0
    before = state(x, fresh, zeroed)
    inner = (x * fresh).sin()
    f = inner + x * zeroed  # the product is differentiated before the sine
    plant("sin", fail)
    with pytest.raises(error):
        f.backward()
    assert state(x, fresh, zeroed) == before
    assert not f.has_grad
    assert not inner.has_grad
    plant("sin", sine)
    f.backward()
    assert fresh.grad == pytest.approx(2.0 * cos(6.0))
    assert x.grad == pytest.approx(4.0 + 3.0 * cos(6.0) + 5.0)


def test_an_interrupted_pass_from_a_leaf_with_a_gradient(plant: Plant) -> None:
    x = Value(1.0)
    x.grad = 7.0
    f = x.tan()
    plant("tan", interrupt)
    with pytest.raises(KeyboardInterrupt):
        f.backward()
    assert state(x) == [(7.0, True)]


def test_a_traversal_inside_a_traversal_is_refused() -> None:
    """As a signal handler would begin it: its marks would make the outer one leave out nodes."""
    x = Value(3.0)
    f = x * x
    with ENGINE.traversing:
        ENGINE.busy = True
        try:
            for attempt in (f.backward, lambda: draw(f), lambda: topological_order(f)):
                with pytest.raises(RuntimeError, match=r"traversed .* already.*call it afterwards"):
                    attempt()
        finally:
            ENGINE.busy = False
    assert not x.has_grad
    f.backward()
    assert x.grad == 6.0


def test_a_pass_inside_a_pass_is_refused_and_undone(plant: Plant) -> None:
    """As a signal handler in the midst of the reverse pass: it would clear its gradients."""
    x = Value(3.0)
    x.grad = 2.0
    f = x.sin() * x

    def again(xp: Any, y: Any, x: Any) -> Any:
        f.backward()
        return xp.cos(x)

    plant("sin", again)
    with pytest.raises(RuntimeError, match="being traversed on this thread already"):
        f.backward()
    assert state(x) == [(2.0, True)]
    assert topological_order(f)[-1] is f


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_child_process_is_free_of_its_parents_traversals() -> None:
    x = Value(3.0)
    f = x * x
    ENGINE.busy = True
    try:
        child = os.fork()
        if child == 0:
            f.backward()
            os._exit(int(x.grad))
    finally:
        ENGINE.busy = False
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_child_process_is_still_in_the_blocks_of_its_thread() -> None:
    """And in no other thread's. A derivative is not paused by the no_grad() around it."""
    child = -1

    def fork(x: Any) -> Any:
        nonlocal child
        child = os.fork()
        return x

    x = Value(2.0)
    paused = own = seen = left = False
    ENGINE.pauses.append(None)  # as another thread would, which the child has not
    try:
        with detect_anomaly(), detect_anomaly():
            with no_grad():
                grad(fork)(1.0)
                paused, own = (x * x).is_constant, len(ENGINE.pauses) == 3
            with pytest.raises(FloatingPointError):
                x * inf
            seen = True
        left = ENGINE.pauses == []
    finally:
        if child == 0:
            os._exit(7 * (paused and own and seen and left))
        ENGINE.pauses.pop()
    assert paused
    assert seen
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_the_next_traversal_is_free_again_after_an_error() -> None:
    x = Value(3.0)
    with pytest.raises(TypeError, match="takes a Value"):
        topological_order(3.0)
    (x * x).backward()
    assert x.grad == 6.0


def test_no_grad_interrupted_at_its_door_pauses_nothing() -> None:
    class Door(list[None]):
        def append(self, item: None) -> None:
            raise KeyboardInterrupt

    pauses = ENGINE.pauses
    ENGINE.pauses = Door()
    try:
        with pytest.raises(KeyboardInterrupt), no_grad():
            pass
    finally:
        ENGINE.pauses = pauses
    assert not ENGINE.paused()
    with no_grad():
        assert ENGINE.paused()
    assert ENGINE.pauses == []
    assert not (Value(1.0) * 2.0).is_constant


# --- at every line of a function ---


@contextmanager
def ctrl_c(code: CodeType, line: int) -> Iterator[None]:
    """Inside, Ctrl-C is pressed when so many lines of a function have been run."""
    lines = count()
    around = sys.gettrace()

    def trace(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code is not code:
            return None
        if event == "line" and next(lines) == line:
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(around)


def interrupted_everywhere(code: CodeType, run: Callable[[], Any]) -> Iterator[int]:
    """Run something again and again, each time interrupted a line later, until it comes through."""
    for line in count():
        try:
            with ctrl_c(code, line):
                run()
        except KeyboardInterrupt:
            yield line
        else:
            return


@pytest.mark.skipif(compiled, reason="compiled code has no lines to interrupt it at")
@pytest.mark.parametrize("begin", [Below.__init__, Renewal.__init__])
def test_marks_of_what_was_interrupted_deceive_nobody(begin: Any) -> None:
    x, y = Value(2.0), Value(5.0)
    f = x * y * x + y
    for leaf in (x, y):
        leaf.data += 1.0

    def run() -> None:
        f.recompute()
        gradient(f, [x, y])

    interruptions = 0
    for _ in interrupted_everywhere(begin.__code__, run):
        interruptions += 1
        f.recompute()
        assert gradient(f, [x, y]) == [36.0, 10.0]
        assert len(topological_order(f)) == 5
    assert interruptions > 10


@pytest.mark.parametrize("passage", ["__enter__", "__exit__"])
def test_detect_anomaly_interrupted_at_its_door_watches_nothing(passage: str) -> None:
    code = getattr(detect_anomaly, passage).__code__

    def run() -> None:
        with detect_anomaly():
            pass

    doors = iter(interrupted_everywhere(code, run))
    if passage == "__exit__":
        next(doors)  # where nothing has been done yet, nothing can be
        leave()
    for _ in doors:
        assert getattr(ENGINE.thread, "watch", None) is None
        leave()


def leave() -> None:
    """What may be left after Ctrl-C: an entry that makes nodes ask whether somebody watches."""
    ENGINE.pauses.clear()
    ENGINE.thread.watch, ENGINE.thread.blocks = None, 0
