"""Copies and pickles: they share what the originals share, and differentiate like them."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import engine
from engine import Value, dot, logsumexp, no_grad, topological_order, where

Copy = Callable[[Any], Any]


def pickled(protocol: int) -> Copy:
    """The way through a pickle."""
    return lambda given: pickle.loads(pickle.dumps(given, protocol))


COPIES: dict[str, Copy] = {
    "deepcopy": copy.deepcopy,
    **{f"pickle {k}": pickled(k) for k in range(pickle.HIGHEST_PROTOCOL + 1)},
}
ANY_COPY = pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)


def leaves(root: Value) -> list[Any]:
    """The leaves of a graph that get gradients, in topological order."""
    return [node for node in topological_order(root) if not node.inputs and not node.is_constant]


def facts(node: Any) -> str:
    """All that a node says about itself, as text: NaN would not equal NaN."""
    return f"{node!r} {node.op} {node.has_grad} {node.primals} {node.local_derivatives}"


def sample() -> Value:
    """A graph with every kind of node: shared, labelled, constant, detached, of one to n inputs."""
    x, y = Value(0.5, "x"), Value(-1.5, "y")
    hidden = dot([x, 2.0], [y, x], y).tanh()
    hidden.label = "hidden"
    f: Value = where(hidden < y, x, hidden * hidden) + logsumexp([x, hidden, x.detach()]) - y**2 / x
    return f


@ANY_COPY
def test_a_copied_graph_is_the_same_graph_of_other_nodes(duplicate: Copy) -> None:
    original = sample()
    original.backward()
    for leaf in leaves(original):
        leaf.data = 7.0  # the copy remembers what the forward pass used
    before, after = topological_order(original), topological_order(duplicate(original))
    assert [facts(node) for node in before] == [facts(node) for node in after]
    assert not {id(node) for node in before} & {id(node) for node in after}
    twin_of = {id(node): id(twin) for node, twin in zip(before, after, strict=True)}
    for node, twin in zip(before, after, strict=True):
        assert [twin_of[id(each)] for each in node.inputs] == [id(each) for each in twin.inputs]


@ANY_COPY
def test_a_copied_graph_differentiates_like_the_original(duplicate: Copy) -> None:
    original = sample()
    twin = duplicate(original)
    twin.backward()
    assert not any(leaf.has_grad for leaf in leaves(original))
    original.backward()
    assert [leaf.grad for leaf in leaves(twin)] == [leaf.grad for leaf in leaves(original)]


@ANY_COPY
def test_a_copied_graph_can_be_built_upon(duplicate: Copy) -> None:
    x = Value(3.0)
    y, twin = duplicate([x * x, x])
    (y * twin).backward()
    assert (twin.grad, x.has_grad) == (27.0, False)


@ANY_COPY
def test_a_model_copied_keeps_its_sharing(duplicate: Copy) -> None:
    tied = Value(1.0, "tied")
    model = {"encoder": [tied, Value(2.0)], "decoder": [tied], "frozen": [tied.detach()]}
    tied.grad = 0.5
    twin = duplicate(model)
    assert twin["encoder"][0] is twin["decoder"][0] is not tied
    assert facts(twin["encoder"][0]) == facts(tied)
    assert facts(twin["frozen"][0]) == facts(model["frozen"][0])
    twin["decoder"][0].data = 9.0
    assert (twin["encoder"][0].data, tied.data) == (9.0, 1.0)


@ANY_COPY
def test_results_copied_together_keep_their_common_leaves(duplicate: Copy) -> None:
    x = Value(3.0)
    first, second = duplicate((x * 2, x * 5))
    assert leaves(first)[0] is leaves(second)[0] is not x


@ANY_COPY
def test_no_grad_has_no_say_in_a_copy(duplicate: Copy) -> None:
    x = Value(3.0)
    y = x * x
    with no_grad():
        twin = duplicate(y)
    twin.backward()
    assert leaves(twin)[0].grad == 6.0


def test_deepcopy_keeps_computed_nodes_in_common() -> None:
    x = Value(3.0)
    y = x * x
    f = y + 1
    twin_f, twin_y, twin_x = copy.deepcopy([f, y, x])
    assert twin_f.inputs[0] is twin_y
    assert twin_y.inputs[0] is twin_y.inputs[1] is twin_x


def test_deepcopy_takes_from_its_memo_and_goes_no_further() -> None:
    x = Value(3.0)
    y = x * x
    f, other = y + 1, Value(10.0)
    memo: dict[int, Any] = {id(y): other}
    twin = copy.deepcopy(f, memo)
    assert twin.inputs[0] is other
    assert memo[id(f)] is twin
    assert id(x) not in memo  # else copying a list of n nodes of one graph takes n * n steps


def test_a_shallow_copy_is_a_node_of_its_own_on_the_same_inputs() -> None:
    x = Value(3.0, "x")
    y = x * 2
    y.label = "y"
    y.backward()
    for node in (x, y, x.detach(), dot([x], [y])):
        twin = copy.copy(node)
        assert twin is not node
        assert facts(twin) == facts(node)
        assert all(a is b for a, b in zip(twin.inputs, node.inputs, strict=True))
    twin = copy.copy(x)
    twin.data = 5.0
    assert x.data == 3.0


def test_another_process_can_load_it(tmp_path: Path) -> None:
    x = Value(3.0, "x")
    (tmp_path / "graph.pickle").write_bytes(pickle.dumps([x, (x * x * x).exp().log()]))
    script = "import pickle; x, f = pickle.load(open('graph.pickle', 'rb')); f.backward(); print(x)"
    answer = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(engine.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.stderr, answer.stdout) == ("", "Value(3.0, label='x', grad=27.0)\n")


def test_a_pickle_with_an_unknown_primitive_says_what_to_do() -> None:
    saved = pickle.dumps(Value(0.5).tanh())
    with pytest.raises(ValueError, match=r"'tanz'.* not in the table.*register\(\)"):
        pickle.loads(saved.replace(b"tanh", b"tanz"))
