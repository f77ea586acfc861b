"""Any depth, any size: nothing recurses, and reference counting alone frees a graph.

What could bring the interpreter down runs in a process of its own: with the debug hooks of Python's
allocator, which see writing outside a block, or in a thread whose stack is too small for recursion.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from engine import Value, dot, logsumexp, no_grad, topological_order

DEPTH = 2_000_000 if engine.compiled else 100_000


def run(script: str, **environment: str) -> None:
    """Run a script in a fresh interpreter on this engine; it must end well and without a word."""
    answer = subprocess.run(
        [sys.executable, "-P", "-X", "faulthandler", "-c", textwrap.dedent(script)],
        env=os.environ | {"PYTHONPATH": str(Path(engine.__file__).parents[1])} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr[-3000:], answer.stdout) == (0, "", "")


SMALL_STACK = """
import sys, threading
from engine import Value, topological_order

def chain(depth):
    node = Value(1.0)
    leaf = node
    for _ in range(depth):
        node = node + leaf
    return leaf, node

def in_a_small_stack(work):
    def shallow():
        sys.setrecursionlimit(60)
        work()
    threading.excepthook = lambda caught: sys.__excepthook__(*caught[:3])
    threading.stack_size(256 * 1024)  # a few thousand calls in C
    thread = threading.Thread(target=shallow)
    thread.start()
    thread.join()
"""


def test_a_deep_chain_is_built_differentiated_and_freed_without_recursion() -> None:
    run(
        SMALL_STACK
        + f"""
def work():
    leaf, f = chain({DEPTH})
    f.backward()
    assert (f.data, leaf.grad) == ({DEPTH} + 1.0, {DEPTH} + 1.0)
    assert len(topological_order(f)) == {DEPTH} + 1
    assert repr(f) == str(f) == "Value({DEPTH + 1}.0, grad=1.0)"
    assert f == f and f.inputs[0] < f
    f = None

in_a_small_stack(work)
"""
    )


def test_a_deep_chain_is_copied_and_pickled_without_recursion() -> None:
    run(
        SMALL_STACK
        + """
import copy, pickle

def work():
    leaf, f = chain(100_000)
    both = f, leaf
    for twin in copy.deepcopy(both), pickle.loads(pickle.dumps(both)), (copy.copy(f), leaf):
        twin[0].backward()
        assert twin[1].grad == 100_001.0
        del twin

in_a_small_stack(work)
"""
    )


STRESS = {
    "chains of all lengths": """
        for length in range(1, 301):
            f = x
            for _ in range(length):
                f = -f if length % 3 == 0 else f * x if length % 3 == 1 else dot([f, x], [x, f], f)
            f.backward()
            del f
        """,
    "wide graphs": """
        for width in (1, 10, 1000, 20_000):
            nodes = [x * k for k in range(width)]
            for f in (sum(nodes), dot(nodes, nodes), logsumexp(nodes[:1000])):
                f.backward()
            del f, nodes
        """,
    "deep graphs": """
        steps = lambda f: f + x, Value.tanh, lambda f: dot([f], [x], f), lambda f: where(f, x, f)
        for step in steps:
            f = x
            for _ in range(10_000):
                f = step(f)
            f.backward()
            del f
        """,
    "balanced trees": """
        nodes = [Value(k) for k in range(2**13)]
        while len(nodes) > 1:
            nodes = [a + b for a, b in zip(nodes[::2], nodes[1::2])]
        nodes[0].backward()
        del nodes
        """,
    "nodes inside nested tuples": """
        for number in (1, 50, 300):
            held = ()
            for k in range(300):
                held = (held, Value(k) * x, [Value(k)] * number)
            del held
        """,
    "tuples of graphs inside graphs' labels": """
        class Label(str):
            pass
        held = x
        for k in range(300):
            label = Label("k")
            label.held = (held,)
            held = Value(k, label) * x
        del held, label
        """,
    "shared prefixes": """
        prefix = x
        heads = []
        for k in range(2000):
            prefix = prefix * 1.0001 + x
            heads.append(prefix * k)
        for f in heads[::100]:
            f.backward()
        order = topological_order(heads[-1])
        del prefix
        heads = heads[::7]
        del order, heads
        """,
    "exceptions on the way": """
        mistakes = [
            lambda f: f + "1",
            lambda f: 1 / (f - f),
            lambda f: (f * 1e6 + 1e6).exp(),
            lambda f: dot([f], [f, f]),
            lambda f: logsumexp([f, None]),
            lambda f: f.backward("1"),
            lambda f: f.detach().backward(),
        ]
        for length in range(1, 301):
            f = x
            for _ in range(length):
                f *= x
            try:
                mistakes[length % len(mistakes)](f + x)
            except (TypeError, ValueError, ArithmeticError, RuntimeError):
                del f
        """,
    "copies and pickles": """
        import copy, pickle
        for length in range(1, 301, 7):
            f = x
            for _ in range(length):
                f = f * x + 1
            pickle.loads(pickle.dumps(copy.copy(copy.deepcopy(f)))).backward()
            del f
        """,
}


@pytest.mark.parametrize("name", STRESS)
def test_memory_stays_whole(name: str) -> None:
    before = "from engine import Value, dot, logsumexp, topological_order, where\nx = Value(0.5)\n"
    after = "\nassert (x * x).data == 0.25\n"
    run(before + textwrap.dedent(STRESS[name]) + after, PYTHONMALLOC="debug")


def test_deleting_an_attribute_is_refused() -> None:
    run("""
        from engine import Value
        for name in ("data", "grad", "label"):
            try:
                delattr(Value(1.0, "x"), name)
            except AttributeError as error:
                assert name in str(error)
        """)


class Label(str):
    """A label that counts those of its kind, so that the end of a node that bears it is seen."""

    __slots__ = ()
    alive = 0

    def __init__(self, text: str) -> None:
        Label.alive += 1

    def __del__(self) -> None:
        Label.alive -= 1


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    Label.alive = 0
    yield
    gc.enable()


def labelled(node: Value) -> Value:
    """The node with a label of its own."""
    node.label = Label("a node")
    return node


def show(f: Value) -> None:
    print(f"{f!r} {f:.3f}", f.inputs, f.primals, f.local_derivatives)


def differentiate(f: Value) -> None:
    f.backward()
    topological_order(f)


def fail(f: Any) -> None:
    with pytest.raises(TypeError):
        f + "1"
    with pytest.raises(ZeroDivisionError):
        f / 0
    with pytest.raises(RuntimeError):
        (f * f).detach().backward()


def compute_without_recording(f: Value) -> None:
    with no_grad():
        labelled(labelled(f * f) + f)


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("use", [show, differentiate, fail, compute_without_recording])
def test_reference_counting_alone_frees_a_graph(use: Callable[[Value], None]) -> None:
    x = labelled(Value(0.5))
    a = labelled(x * x)
    b = labelled(dot([a, x], [x, a], x))
    c = labelled(labelled(b.tanh() + a) + logsumexp([a, b, x]))
    use(c)
    del a, b
    assert Label.alive == 5
    del c
    assert Label.alive == 1
    del x
    assert Label.alive == 0


@pytest.mark.usefixtures("_no_collector")
def test_nothing_is_left_of_a_large_graph() -> None:
    def one_pass() -> None:
        x = f = Value(0.5)
        for _ in range(5000):
            f = (f * x).tanh() + 1.0
        f.backward()

    one_pass()
    tracemalloc.start()
    one_pass()
    before, _ = tracemalloc.get_traced_memory()
    one_pass()
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - before > 5000 * 3 * 50
    assert after - before < 5000


@pytest.mark.skipif(not engine.compiled, reason="interpreted, numbers are objects beside the node")
def test_a_value_takes_112_bytes_and_is_invisible_to_the_collector() -> None:
    x = Value(0.5)
    assert sys.getsizeof(x) <= 112
    assert not gc.is_tracked(x * x)
