"""Losses and their gradients against PyTorch, mpmath and plain formulas; labels are checked."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Value, no_grad
from nn import labels
from nn.losses import (
    LOSSES,
    absolute_error,
    binary_cross_entropy,
    cross_entropy,
    half_squared_error,
    hinge,
    l1,
    l2,
    nielsen_cross_entropy,
    quadratic_cost,
    squared_error,
)

Loss = Callable[[Any, Any], Value]
LECTURE = [0.3, 0, 0.5, 0.2, 0, 0.1, 0.3, 0, 0, 0.9, 0.8]  # the digit whose cost is worked out


def value_and_gradient(loss: Loss, output: list[float], target: Any) -> tuple[float, list[float]]:
    """Of the loss of one example; one output goes in as a Value, more as a list."""
    leaves = [Value(a) for a in output]
    found = loss(leaves if len(leaves) > 1 else leaves[0], target)
    assert isinstance(found, Value)
    found.backward()
    return found.data, [leaf.grad for leaf in leaves]


def close(found: Any, expected: Any) -> bool:
    """Within 1e-12, relative above 1."""
    return bool(np.allclose(found, expected, rtol=1e-12, atol=1e-12))


# --- plain formulas ---


def test_the_lectures_cost_of_one_digit() -> None:
    target = [float(k == 6) for k in range(11)]
    assert squared_error([Value(a) for a in LECTURE], target).data == pytest.approx(2.33)
    assert squared_error([Value(a) for a in LECTURE], 6).data == pytest.approx(2.33)
    errors = absolute_error([Value(a) for a in LECTURE], target)
    assert errors.data == pytest.approx(0.3 + 0.5 + 0.2 + 0.1 + 0.7 + 0.9 + 0.8)


def test_one_neuron_of_the_last_layer() -> None:
    """3Blue1Brown's dC0/dw = a_prev sigmoid'(z) 2 (a - y)."""
    w, b = Value(0.7), Value(-0.2)
    a = (w * 1.5 + b).sigmoid()
    squared_error(a, 1.0).backward()
    slope = a.data * (1 - a.data)
    assert w.grad == pytest.approx(1.5 * slope * 2 * (a.data - 1), rel=1e-12)
    assert b.grad == pytest.approx(slope * 2 * (a.data - 1), rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "output", "target", "value", "gradient"),
    [
        (squared_error, [3.0], 1.0, 4.0, [4.0]),
        (squared_error, [3.0, -1.0], [1.0, 1.0], 8.0, [4.0, -4.0]),
        (half_squared_error, [3.0], 1.0, 2.0, [2.0]),
        (half_squared_error, [3.0, -1.0], [1.0, 1.0], 4.0, [2.0, -2.0]),
        (absolute_error, [3.0, 1.0, -1.0], [1.0, 1.0, 1.0], 4.0, [1.0, 0.0, -1.0]),
        (absolute_error, [-3.0], 1.0, 4.0, [-1.0]),
        (hinge, [0.25], 1, 0.75, [-1.0]),
        (hinge, [0.25], -1, 1.25, [1.0]),
        (hinge, [1.0], 1, 0.0, [0.0]),
        (hinge, [-7.0], -1, 0.0, [0.0]),
    ],
)
def test_losses_by_hand(
    loss: Loss, output: list[float], target: Any, value: float, gradient: list[float]
) -> None:
    assert value_and_gradient(loss, output, target) == (value, gradient)


def test_nielsens_quadratic_cost_is_half_the_squared_error() -> None:
    """C = 1/(2n) sum_x |y(x) - a|^2: the mean over examples is not the loss's business."""
    assert quadratic_cost is half_squared_error
    assert LOSSES["quadratic_cost"]([Value(0.5), Value(0.5)], [1.0, 0.0]).data == 0.25


def test_outputs_make_few_nodes() -> None:
    """Ten differences, and one node for the sum of their squares."""
    outputs = [Value(float(k)) for k in range(10)]
    loss = squared_error(outputs, 3)
    assert loss.op == "dot"
    assert {error.op for error in loss.inputs} == {"sub"}
    assert l2(outputs, 0.5).inputs[1].op == "dot"


# --- the logarithmic ones against mpmath: to fifty digits, and far out ---

LOGITS = (-1000.0, -700.0, -40.0, -5.0, -1e-3, 0.0, 0.5, 3.0, 37.0, 745.0, 1000.0)


def exact_binary(z: float, y: float) -> tuple[float, float]:
    """-y ln p - (1 - y) ln(1 - p), and p - y."""
    with mpmath.workdps(1000):
        p = 1 / (1 + mpmath.exp(-mpmath.mpf(z)))
        return float(-y * mpmath.log(p) - (1 - y) * mpmath.log(1 - p)), float(p - y)


@pytest.mark.parametrize("z", LOGITS)
@pytest.mark.parametrize("y", [0, 1, 0.3])
def test_binary_cross_entropy_is_exact_at_any_size(z: float, y: float) -> None:
    value, gradient = exact_binary(z, y)
    found = value_and_gradient(binary_cross_entropy, [z], y)
    assert found[0] == pytest.approx(value, rel=1e-12, abs=0)
    assert found[1] == pytest.approx([gradient], rel=1e-12, abs=1e-16 if y == 0.3 else 0)


@pytest.mark.parametrize("z", LOGITS)
@pytest.mark.parametrize("y", [0, 1])
def test_nielsens_cross_entropy_does_not_mind_saturation(z: float, y: float) -> None:
    value, gradient = exact_binary(z, y)
    weighted_sum = Value(z)
    loss = nielsen_cross_entropy(weighted_sum.sigmoid(), y)
    loss.backward()
    assert loss.data == pytest.approx(value, rel=1e-12, abs=0)
    assert weighted_sum.grad == pytest.approx(gradient, rel=1e-12, abs=0)


@pytest.mark.parametrize("a", [1e-300, 1e-9, 0.25, 0.5, 1 - 2**-53])
@pytest.mark.parametrize("y", [0, 1, 0.3])
def test_nielsens_cross_entropy_of_any_activation(a: float, y: float) -> None:
    with mpmath.workdps(400):
        exact = mpmath.mpf(a)
        value = float(-y * mpmath.log(exact) - (1 - y) * mpmath.log(1 - exact))
        gradient = float((exact - y) / (exact * (1 - exact)))
    found = value_and_gradient(nielsen_cross_entropy, [a], y)
    assert found[0] == pytest.approx(value, rel=1e-12, abs=0)
    assert found[1] == pytest.approx([gradient], rel=1e-12)


def test_a_rounded_activation_without_history_has_a_finite_cost() -> None:
    """So that a validation loss inside no_grad() is not infinite."""
    with no_grad():
        one, zero = Value(50.0).sigmoid(), Value(-800.0).sigmoid()
        assert (one.data, zero.data) == (1.0, 0.0)
        assert nielsen_cross_entropy(one, 0).data == pytest.approx(53 * np.log(2))
        assert nielsen_cross_entropy(zero, 1).data == pytest.approx(1074 * np.log(2))
        assert nielsen_cross_entropy(one, 1).data == pytest.approx(2**-53)
        assert nielsen_cross_entropy(zero, 0).data == pytest.approx(0.0)


@pytest.mark.parametrize("a", [0.0, 1.0, -0.1, 1.5, nan])
def test_what_is_no_activation_of_a_sigmoid_is_refused(a: float) -> None:
    with pytest.raises(ValueError, match=r"above 0 and below 1.*for logits use binary_cross"):
        nielsen_cross_entropy(Value(a), 1)


ROWS = ([0.0, 0.0], [1.0, 2.0, 3.0], [1000.0, -1000.0], [1000.0, 1000.0, 999.0], [-1000.0, -999.0])


@pytest.mark.parametrize("logits", ROWS)
def test_cross_entropy_against_mpmath(logits: list[float]) -> None:
    for y in range(len(logits)):
        with mpmath.workdps(1000):
            powers = [mpmath.exp(mpmath.mpf(z)) for z in logits]
            p = [each / mpmath.fsum(powers) for each in powers]
            value = float(-mpmath.log(p[y]))
            gradient = [float(each - (k == y)) for k, each in enumerate(p)]
        found = value_and_gradient(cross_entropy, logits, y)
        assert found[0] == pytest.approx(value, rel=1e-12, abs=2e-13 if max(logits) > 9 else 1e-15)
        assert close(found[1], gradient)


# --- PyTorch ---

sizes = st.integers(2, 6)
logit = st.floats(-30, 30) | st.floats(-1000, 1000)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), n=sizes)
def test_as_in_pytorch(data: Any, n: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: it is the oracle")
    functional = torch.nn.functional
    outputs = data.draw(st.lists(logit, min_size=n, max_size=n))
    targets = data.draw(st.lists(st.floats(-3, 3), min_size=n, max_size=n))
    bits = data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    k = data.draw(st.integers(0, n - 1))
    shares = [(abs(t) + 0.1) / sum(abs(t) + 0.1 for t in targets) for t in targets]
    cases: list[tuple[Loss, Any, Callable[[Any, Any], Any], Any]] = [
        (squared_error, targets, lambda a, y: functional.mse_loss(a, y, reduction="sum"), targets),
        (absolute_error, targets, lambda a, y: functional.l1_loss(a, y, reduction="sum"), targets),
        (cross_entropy, k, lambda a, y: functional.cross_entropy(a, y), k),
        (cross_entropy, shares, lambda a, y: functional.cross_entropy(a, y), shares),
        (
            binary_cross_entropy,
            bits,
            lambda a, y: functional.binary_cross_entropy_with_logits(a, y, reduction="sum"),
            [float(bit) for bit in bits],
        ),
    ]
    size = max(1.0, *map(abs, outputs)) * n  # differences of large logits lose what is below it
    for ours, target, theirs, tensor in cases:
        kind = torch.float64 if isinstance(tensor, list) else torch.int64
        a = torch.tensor(outputs, dtype=torch.float64, requires_grad=True)
        expected = theirs(a, torch.tensor(tensor, dtype=kind))
        expected.backward()
        value, gradient = value_and_gradient(ours, outputs, target)
        assert value == pytest.approx(expected.item(), rel=1e-12, abs=1e-15 * size), ours.__name__
        assert close(gradient, a.grad.tolist()), ours.__name__


@settings(max_examples=30, deadline=None)
@given(z=st.floats(-15, 15), y=st.integers(0, 1))
def test_nielsens_cross_entropy_as_in_pytorch(z: float, y: int) -> None:
    """Further out PyTorch cuts the gradient off: mpmath has those cases above."""
    torch = pytest.importorskip("torch", reason="torch is not installed: it is the oracle")
    a = 1 / (1 + np.exp(-z))
    tensor = torch.tensor(a, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.binary_cross_entropy(
        tensor, torch.tensor(float(y), dtype=torch.float64)
    )
    expected.backward()
    value, gradient = value_and_gradient(nielsen_cross_entropy, [float(a)], y)
    assert value == pytest.approx(expected.item(), rel=1e-9, abs=1e-12)
    assert gradient[0] == pytest.approx(tensor.grad.item(), rel=1e-9)


# --- penalties ---


def test_penalties() -> None:
    for penalty, value, gradient in [
        (l1, 0.1 * 5.5, [0.1, -0.1, 0.0]),
        (l2, 0.1 / 2 * 15.25, [0.3, -0.25, 0.0]),
    ]:
        weights = [Value(3.0), Value(-2.5), Value(0.0)]
        found = penalty(weights, 0.1)
        found.backward()
        assert found.data == pytest.approx(value, rel=1e-15)
        assert [w.grad for w in weights] == pytest.approx(gradient, rel=1e-15)
        assert penalty(weights, 0).data == 0.0


@pytest.mark.parametrize("penalty", [l1, l2])
@pytest.mark.parametrize(
    ("parameters", "strength", "error", "words"),
    [
        ([Value(1.0)], -0.1, ValueError, r"l[12]\(strength\) must be 0 or more"),
        ([Value(1.0)], nan, ValueError, r"l[12]\(strength\)"),
        ([Value(1.0)], inf, ValueError, r"l[12]\(strength\)"),
        ([Value(1.0)], "a", TypeError, r"l[12]\(strength\) takes a real number"),
        ([], 0.1, ValueError, r"l[12]\(parameters\) takes a list of Values with at least one"),
        ([Value(1.0), 2.0], 0.1, TypeError, r"l[12]\(parameters\) takes a list of Values"),
    ],
)
def test_bad_penalties(
    penalty: Callable[[Any, Any], Value],
    parameters: Any,
    strength: Any,
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        penalty(parameters, strength)


# --- what is given ---


def test_targets_may_be_values_as_in_a_recorded_step() -> None:
    """A step that was recorded has its targets as inputs: classes as one-hot."""
    logits = [Value(0.3), Value(-1.0), Value(2.0)]
    hot = [Value(0.0), Value(1.0), Value(0.0)]
    for loss in (cross_entropy, binary_cross_entropy, squared_error, absolute_error):
        assert loss(logits, hot).data == pytest.approx(loss(logits, 1).data, rel=1e-14)
    assert hinge(Value(0.5), Value(-1.0)).data == 1.5


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, int, float])
def test_targets_of_any_kind_of_number(kind: Callable[[float], Any]) -> None:
    logits = [Value(0.25), Value(-1.0)]
    assert cross_entropy(logits, kind(1)).data == cross_entropy(logits, 1).data
    assert squared_error(Value(0.25), kind(1)).data == 0.5625
    assert squared_error(np.array(logits), np.array([kind(1), kind(0)])).data == 1.5625


def test_the_output_must_be_of_values() -> None:
    for output in (0.5, [], [0.5], [Value(1.0), 0.5], None, "a"):
        with pytest.raises(TypeError, match="a loss takes the network's output first"):
            squared_error(output, 1.0)


LABELS: list[tuple[str, int, Any, list[Any]]] = [
    ("squared_error", 1, [1, 2.5], [1.0, 2.5]),
    ("squared_error", 1, np.array([[1], [2]]), [1.0, 2.0]),
    ("squared_error", 2, np.array([[1, 2], [3, 4]]), [[1.0, 2.0], [3.0, 4.0]]),
    ("quadratic_cost", 3, np.array([2, 0]), [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    ("hinge", 1, np.array([-1, 1]), [-1.0, 1.0]),
    ("binary_cross_entropy", 1, np.array([True, False]), [1.0, 0.0]),
    ("binary_cross_entropy", 2, [[1, 1], [0, 1]], [[1.0, 1.0], [0.0, 1.0]]),
    ("cross_entropy", 3, np.array([2, 0, 1]), [2, 0, 1]),
    ("cross_entropy", 3, [2.0, 0.0], [2, 0]),
    ("cross_entropy", 3, np.eye(3), [0, 1, 2]),
]


@pytest.mark.parametrize(("name", "outputs", "y", "expected"), LABELS)
def test_labels_are_converted(name: str, outputs: int, y: Any, expected: list[Any]) -> None:
    found = LOSSES[name].check(y, outputs, "linear")
    assert found == expected
    flat = np.array(found, dtype=object).ravel()
    assert {type(each) for each in flat} == {int if name == "cross_entropy" else float}


BAD_LABELS: list[tuple[str, int, Any, type[Exception], str]] = [
    ("squared_error", 1, [], ValueError, "y is empty"),
    ("squared_error", 1, np.zeros(0), ValueError, "y is empty"),
    ("squared_error", 1, 3.0, TypeError, "y must be a list or an array with one label per"),
    ("squared_error", 1, [0.0, nan], ValueError, r"y\[1\] is nan"),
    ("squared_error", 2, [[0.0, inf]], ValueError, r"y\[0\] is inf"),
    ("squared_error", 1, ["a"], TypeError, r"y\[0\] takes a real number, but got 'a'"),
    ("squared_error", 1, [[1, 2]], ValueError, r"y\[0\] has 2 numbers, .* has 1 output:"),
    ("squared_error", 3, [[1, 2]], ValueError, r"y\[0\] has 2 numbers, .* has 3 outputs"),
    ("squared_error", 3, [0, 3], ValueError, r"y\[1\] is 3, .* 0 to 2; if they count from 1"),
    ("squared_error", 3, [0.5], ValueError, r"y\[0\] is 0.5, .* whole numbers 0 to 2"),
    ("hinge", 1, [1, 0], ValueError, r"y\[1\] must be -1 or 1, but got 0: .* write 2 \* y - 1"),
    ("hinge", 2, [1, -1], ValueError, "network of one output, but it has 2"),
    ("binary_cross_entropy", 1, [1, -1], ValueError, r"y\[1\] .* write \(y \+ 1\) / 2"),
    ("binary_cross_entropy", 1, [0, 0.5], ValueError, r"y\[1\] must be 0 or 1, but got 0.5"),
    ("binary_cross_entropy", 1, [nan], ValueError, r"y\[0\] is nan"),
    ("cross_entropy", 1, [0, 1], ValueError, "the network has one in all.*binary_cross_entropy"),
    ("cross_entropy", 3, [0, -1], ValueError, r"y\[1\] is -1"),
    ("cross_entropy", 3, [1, 3], ValueError, r"y\[1\] is 3, .*if they count from 1, write y - 1"),
    ("cross_entropy", 3, [1, nan], ValueError, r"y\[1\] is nan"),
    ("cross_entropy", 3, [[0.5, 0.5, 0]], ValueError, r"y\[0\] must be one-hot, but got 0.5"),
    ("cross_entropy", 3, [[1, 1, 0]], ValueError, r"y\[0\] .* add up to 2"),
    ("cross_entropy", 3, [[0, 1]], ValueError, r"y\[0\] has 2 numbers"),
]


def test_hinge_of_two_outputs_says_what_to_take_instead() -> None:
    with pytest.raises(ValueError, match=r'of one output, but it has 2.*"cross_entropy"'):
        hinge([Value(1.0), Value(2.0)], 1)


def test_an_error_names_the_labels_as_they_are_called() -> None:
    for y, error in (([1, 2], ValueError), ([], ValueError), (None, TypeError)):
        with pytest.raises(error, match=r"^the yardstick\b"):
            LOSSES["binary_cross_entropy"].check(y, 1, where="the yardstick")


@pytest.mark.parametrize(("name", "outputs", "y", "error", "words"), BAD_LABELS)
def test_bad_labels(name: str, outputs: int, y: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        LOSSES[name].check(y, outputs, "linear" if name != "nielsen_cross_entropy" else "sigmoid")


def answer(kind: str, y: Any, outputs: int) -> str:
    """The labels as they are converted, or the error."""
    try:
        return repr(labels.checked(kind, y, outputs))
    except (TypeError, ValueError) as error:
        return repr(error)


@given(
    kind=st.sampled_from(sorted(labels.LABELS)),
    outputs=st.integers(1, 3),
    shape=st.sampled_from([(1,), (3,), (3, 1), (3, 2), (2, 3), (2, 1, 1)]),
    numbers=st.sampled_from(
        [[0, 1], [-1, 1], [0, 1, 2, 3], [0.0, 1.0], [0.5, 1.0], [0, nan], [1, inf], [1e300, 2.0]]
    ),
    as_list=st.booleans(),
    data=st.data(),
)
@settings(max_examples=300, deadline=None)
def test_labels_in_bulk_are_those_one_by_one(
    kind: str, outputs: int, shape: Any, numbers: list[float], as_list: bool, data: Any
) -> None:
    size = int(np.prod(shape))
    drawn = data.draw(st.lists(st.sampled_from(numbers), min_size=size, max_size=size))
    array = np.array(drawn).reshape(shape)
    y = array.tolist() if as_list else array
    at_once, in_bulk = answer(kind, y, outputs), labels.in_bulk
    labels.in_bulk = lambda *_: None
    try:
        assert at_once == answer(kind, y, outputs)
    finally:
        labels.in_bulk = in_bulk


@pytest.mark.parametrize(
    ("kind", "outputs", "y"),
    [
        ("numbers", 1, np.ones(3)), ("numbers", 2, np.ones((3, 2))), ("numbers", 3, np.arange(3)),
        ("signs", 1, np.array([-1, 1])), ("binary", 1, [0, 1]), ("binary", 3, np.eye(3)),
        ("classes", 3, np.arange(3)), ("classes", 3, np.eye(3)), ("classes", 2, [0.0, 1.0]),
    ],
)  # fmt: skip
def test_good_arrays_are_not_gone_through_one_by_one(
    kind: str, outputs: int, y: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(labels.LABELS, kind, None)
    assert len(labels.checked(kind, y, outputs)) == len(y)


@pytest.mark.parametrize(
    ("name", "end", "words"),
    [
        ("cross_entropy", "softmax", "ends in softmax: it applies the softmax itself"),
        ("cross_entropy", "step", 'make it with output="linear"'),
        ("binary_cross_entropy", "tanh", 'ends in tanh: .* make it with output="linear"'),
        ("binary_cross_entropy", "relu", 'ends in relu: .* make it with output="linear"'),
        ("binary_cross_entropy", "softplus", 'make it with output="linear"'),
        ("binary_cross_entropy", "step", 'make it with output="linear"'),
        ("cross_entropy", "sigmoid", "ends in sigmoid"),
        ("binary_cross_entropy", "sigmoid", 'make it with output="linear"'),
        ("binary_cross_entropy", "softmax", "ends in softmax"),
        ("nielsen_cross_entropy", "linear", 'make it with output="sigmoid", or use .* logits'),
        ("nielsen_cross_entropy", "softmax", "ends in softmax"),
        ("hinge", "sigmoid", "ends in sigmoid"),
        ("hinge", "relu", 'output="linear" or "tanh"'),
    ],
)
def test_ends_of_a_network_that_a_loss_refuses(name: str, end: str, words: str) -> None:
    loss = LOSSES[name]
    with pytest.raises(ValueError, match=words):
        loss.check([1, 1], 1 if loss.targets != "classes" else 2, end)


def test_the_table_of_losses() -> None:
    assert list(LOSSES) == [
        "squared_error",
        "half_squared_error",
        "quadratic_cost",
        "absolute_error",
        "hinge",
        "binary_cross_entropy",
        "cross_entropy",
        "nielsen_cross_entropy",
    ]
    assert all(loss.doc for loss in LOSSES.values())
    assert LOSSES["squared_error"].doc == (
        "The sum of the squared differences: sum_k (a_k - y_k)^2."
    )
    assert LOSSES["nielsen_cross_entropy"].check([1, 0], 2, "sigmoid") == [[0.0, 1.0], [1.0, 0.0]]
    assert LOSSES["squared_error"].check([1], 1, "relu") == [1.0]
