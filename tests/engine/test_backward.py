"""backward(): which gradients it gives, how they add up, and what it leaves alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Value, dot, hypot, logsumexp, maximum, softmax, sqrt, topological_order, where
from engine.rules import TABLE


def test_the_lecture() -> None:
    x, y, z = Value(-2), Value(5), Value(-4)
    q = x + y
    f = q * z
    f.backward()
    assert (q.data, f.data) == (3.0, -12.0)
    assert (x.grad, y.grad, z.grad, q.grad, f.grad) == (-4.0, -4.0, 3.0, -4.0, 1.0)
    assert (q.local_derivatives, f.local_derivatives) == ((1.0, 1.0), (-4.0, 3.0))


# --- the chain rule, in the right order ---

Step = tuple[str, int, int]  # an operator, and which two of the nodes so far it takes
STEP = st.tuples(st.sampled_from("+-*"), st.integers(0), st.integers(0))
STEPS = st.lists(STEP, min_size=1, max_size=12)


def build(steps: list[Step]) -> list[Value]:
    """Two leaves, and nodes that each use two earlier ones; the last is the root."""
    nodes: list[Any] = [Value(1.5, "a"), Value(-0.5, "b")]
    for op, i, j in steps:
        left, right = nodes[i % len(nodes)], nodes[j % len(nodes)]
        nodes.append({"+": left + right, "-": left - right, "*": left * right}[op])
    return nodes


def sum_over_paths(node: Value, leaf: Value) -> float:
    """The chain rule by its definition: over all paths the sum of products of local derivatives."""
    if node is leaf:
        return 1.0
    return sum(
        local * sum_over_paths(each, leaf)
        for each, local in zip(node.inputs, node.local_derivatives, strict=True)
    )


@settings(deadline=None)
@given(STEPS)
def test_a_gradient_is_the_sum_over_all_paths(steps: list[Step]) -> None:
    *nodes, root = build(steps)
    root.backward()
    for leaf in nodes[:2]:
        assert leaf.grad == pytest.approx(sum_over_paths(root, leaf), rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(STEPS)
def test_topological_order_has_each_node_once_and_after_its_inputs(steps: list[Step]) -> None:
    root = build(steps)[-1]
    order = topological_order(root)
    place = {id(node): k for k, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is root
    for node in order:
        assert all(place[id(each)] < place[id(node)] for each in node.inputs)


def test_a_node_hands_on_its_gradient_only_when_it_is_complete() -> None:
    a = Value(1.0)
    b = a + a
    (b + b).backward()  # whoever visits b twice, or too early, gets 2 or 6
    assert a.grad == 4.0


# --- what adds up and what does not ---


def test_leaves_add_up_and_computed_nodes_hold_the_last_pass() -> None:
    x = Value(3.0)
    square = x * x
    cube = square * x
    cube.backward()
    assert (x.grad, square.grad, cube.grad) == (27.0, 3.0, 1.0)
    cube.backward()
    assert (x.grad, square.grad, cube.grad) == (54.0, 3.0, 1.0)  # not micrograd's 72
    x.zero_grad()
    cube.backward()
    assert x.grad == 27.0


def test_a_computed_node_holds_the_gradient_of_the_last_pass_that_reached_it() -> None:
    x = Value(3.0)
    shared = x * x
    first, second = shared * 2, shared * 5
    first.backward()
    second.backward()
    assert (shared.grad, x.grad) == (5.0, 12.0 + 30.0)
    assert (first.grad, second.grad) == (1.0, 1.0)


def test_backward_from_a_leaf_adds_the_seed() -> None:
    x = Value(3.0)
    x.backward()
    x.backward(0.5)
    assert x.grad == 1.5


@given(st.floats(-1e6, 1e6))
def test_a_seed_scales_all_gradients(seed: float) -> None:
    x = Value(3.0)
    f = x * x
    f.backward(seed)
    assert f.grad == seed
    assert x.grad == 3.0 * seed + 3.0 * seed


def test_a_seed_is_any_real_number_and_1_if_left_out() -> None:
    x = Value(3.0)
    (x * 2).backward()
    (x * 2).backward(seed=True)
    (x * 2).backward(3)
    assert x.grad == 2.0 + 2.0 + 6.0
    assert type(x.grad) is float


def test_no_gradient_yet_reads_as_zero_and_is_known() -> None:
    p = Value(1.0)
    assert (p.grad, p.has_grad) == (0.0, False)
    p.data -= 0.1 * p.grad
    assert p.data == 1.0
    (p * 0).backward()
    assert (p.grad, p.has_grad) == (0.0, True)
    p.zero_grad()
    assert (p.grad, p.has_grad) == (0.0, False)
    p.grad = 0
    assert (p.grad, p.has_grad) == (0.0, True)


def test_an_assigned_gradient_is_added_to() -> None:
    p = Value(1.0)
    p.grad = 10
    (p * 3).backward()
    assert p.grad == 13.0


def test_constants_get_no_gradient() -> None:
    x = Value(3.0)
    f = dot([2.0, x], [x, 5.0], 1.0) + x**2 - sum([x, x.detach()])
    f.backward()
    constants = [node for node in topological_order(f) if node.is_constant]
    assert len(constants) == 6
    assert {(node.grad, node.has_grad) for node in constants} == {(0.0, False)}
    assert x.grad == 2.0 + 5.0 + 6.0 - 1.0


# --- the forward pass that was made ---


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * x + x,
        lambda x: 2 / x - x,
        lambda x: x**3,
        lambda x: 2**x,
        lambda x: -x.exp(),
        lambda x: abs(x).log(),
        lambda x: x.relu() + x.tanh(),
        lambda x: dot([x, 2.0], [x, x], x),
        lambda x: logsumexp([x, 1.0]),
        lambda x: where(x, x * x, 0.0),
    ],
)
def test_gradients_belong_to_the_values_the_forward_pass_used(
    function: Callable[[Any], Any],
) -> None:
    fresh, stale = Value(1.5), Value(1.5)
    y = function(stale)
    used = y.data, y.primals, y.local_derivatives
    stale.data = -100.0
    y.backward()
    function(fresh).backward()
    assert stale.grad == fresh.grad != 0.0
    assert (y.data, y.primals, y.local_derivatives) == used
    assert all(each.data == -100.0 for each in y.inputs if each is stale)


def test_data_is_assigned_on_leaves_only() -> None:
    x = Value(3.0)
    square = x * x
    with pytest.raises(AttributeError, match=r"computed Value cannot be assigned.*mul"):
        square.data = 1.0
    x.data = 4
    assert (square.data, x.data, (x * x).data) == (9.0, 4.0, 16.0)


# --- sums of any number of terms ---


def test_dot_is_the_weighted_sum_of_the_lectures() -> None:
    rain, warm, lockdown, bias = Value(3.0), Value(1.0), Value(-20.0), Value(-3.0)
    park = dot([rain, warm, lockdown], [1, 0, Value(1.0)], bias)
    park.backward()
    assert (park.data, park.op, len(park.inputs)) == (-20.0, "dot", 7)
    assert [each.grad for each in (rain, warm, lockdown, bias)] == [1.0, 0.0, 1.0, 1.0]
    assert park.inputs[5].grad == -20.0
    assert park.local_derivatives == (1.0, 0.0, 1.0, 3.0, 1.0, -20.0, 1.0)


def test_dot_keeps_the_sign_of_zero() -> None:
    for result in (dot([Value(-0.0)], [1.0]), dot([Value(-0.0)], [1.0], bias=-0.0)):
        assert str(result.data) == "-0.0"
    assert str(dot([Value(-0.0)], [1.0], bias=0.0).data) == "0.0"


def test_an_empty_dot_is_the_bias_or_zero() -> None:
    bias = Value(-3.0)
    f = dot([], [], bias)
    f.backward()
    assert (f.data, bias.grad) == (-3.0, 1.0)
    assert (dot([], []), dot([], [], 2), dot([1, 2], (3, 4), 5)) == (0.0, 2.0, 16.0)


def test_softmax_is_composed_of_logsumexp() -> None:
    x = [Value(1000.0), Value(0.0), Value(-1000.0)]
    p = softmax(x)
    assert [each.data for each in p] == [1.0, 0.0, 0.0]
    assert {node.op for node in topological_order(p[0])} == {"", "logsumexp", "sub", "exp"}
    x = [Value(0.1), Value(0.2), Value(0.3)]
    p = softmax(x)
    p[0].backward()
    assert sum(each.data for each in p) == pytest.approx(1.0, rel=1e-15)
    first, second = p[0].data, p[1].data
    assert x[0].grad == pytest.approx(first * (1 - first), rel=1e-12)
    assert x[1].grad == pytest.approx(-first * second, rel=1e-12)


# --- zero, infinite and undefined ---


def test_partials_that_are_infinite_or_undefined_raise_nothing() -> None:
    x, a, b = Value(0.0), Value(-1.5), Value(2.0)
    sqrt(x).backward()
    assert x.grad == math.inf
    power = a**b
    power.backward()
    assert power.data == 2.25
    assert a.grad == -3.0
    assert math.isnan(b.grad)


def test_a_partial_that_nobody_wants_is_not_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(xp: Any, y: float, a: float, b: float) -> float:
        raise AssertionError("log(-1.5) was asked for, and the exponent is a constant")

    power = TABLE["pow"]
    monkeypatch.setattr(power, "partials", (power.partials[0], forbidden))
    x = Value(-1.5)
    (x**2.0).backward()
    assert x.grad == -3.0


TRUE = [True, 1, 1.0, np.bool_(True), Value(1.0), Value(2.0) > 1, Value(2.0) > np.float64(1)]


@pytest.mark.parametrize("condition", TRUE)
def test_the_branch_that_where_does_not_take_gets_an_exact_zero(condition: Any) -> None:
    x, y = Value(0.0), Value(5.0)
    f = where(condition, 3 * y, sqrt(x) * y)  # sqrt has an infinite derivative at 0
    f.backward()
    assert (f.data, y.grad) == (15.0, 3.0)
    assert (x.grad, x.has_grad) == (0.0, True)
    f = where(1 - condition, 1 / sqrt(x + 1e-320), y)
    f.backward()
    assert (x.grad, y.grad) == (0.0, 4.0)


def test_the_condition_of_where_has_derivative_zero() -> None:
    condition = Value(1.0)
    f = where(condition, 2.0, 3.0)
    f.backward()
    assert (f.data, condition.grad, condition.has_grad) == (2.0, 0.0, True)


def test_a_gradient_of_zero_meets_an_infinite_derivative() -> None:
    """As in PyTorch: 0 would be a guess, and wrong for sqrt(x) ** 2, whose derivative is 1."""
    for f in (lambda x: 0 * sqrt(x), lambda x: sqrt(x) ** 2, lambda x: sqrt(x) * sqrt(x)):
        x = Value(0.0)
        f(x).backward()
        assert math.isnan(x.grad)
    for f in (lambda x: sqrt(x * x), lambda x: sqrt(x**2), lambda x: dot([x], [x]).sqrt()):
        x = Value(0.0)
        f(x).backward()
        assert math.isnan(x.grad)


def test_nothing_is_handed_to_what_was_not_chosen() -> None:
    """Nor to all that it was computed from."""
    x, y = Value(0.0), Value(0.0)
    (hypot(y, y).relu() + maximum(sqrt(x) * sqrt(x), 5.0)).backward()
    assert (x.grad, y.grad) == (0.0, 0.0)
    assert x.has_grad
    assert y.has_grad


def test_an_infinite_gradient_does_not_reach_what_was_not_chosen() -> None:
    for f in (lambda x: where(1, 0.0 * x, x.exp()), lambda x: (x - 9).relu()):
        x = Value(3.0)
        part = f(x)
        part.sqrt().backward()
        assert part.grad == math.inf
    y = Value(-1.0)
    y.relu().sqrt().backward()
    assert y.grad == 0.0
    a, b = Value(0.0), Value(3.0)
    where(1, a, b).sqrt().backward()
    assert (a.grad, b.grad) == (math.inf, 0.0)
