"""Bundles of small array operations, against the calls of NumPy that they stand for."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Value, dot, record, special
from engine.batching import bundles
from engine.batching.bundles import bundled, translated
from engine.batching.deposits import fill
from engine.batching.kernels import ARRAY_FUNCTIONS, Workshop, choose
from engine.batching.operations import ELEMENTWISE, OTHERS
from engine.batching.scatter import add_at_distinct, add_counted, put_at_distinct, put_counted
from engine.batching.values import gather

Bundle: Any = bundles.Bundle
compiled = pytest.mark.skipif(Bundle is None, reason="there are bundles in a compiled engine alone")

SPECIAL = [0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan, 1e-310, 3.0]


def arrays(draw: Any, shape: tuple[int, ...], dtype: Any, narrow: bool = True) -> Any:
    """An array that broadcasts to a shape, its numbers spread in memory in any way."""
    if narrow:
        shape = tuple(1 if draw(st.integers(0, 3)) == 0 else size for size in shape)
        shape = shape[draw(st.integers(0, len(shape))) :]
    order = draw(st.permutations(range(len(shape))))
    steps = [draw(st.sampled_from([1, 1, 2, -1])) for _ in shape]
    whole = np.zeros([shape[k] * abs(steps[k]) for k in order], dtype)
    view = whole.transpose(np.argsort(order))[(..., *(slice(None, None, step) for step in steps))]
    assert view.shape == shape
    numbers = st.sampled_from(SPECIAL) | st.floats(-10, 10, width=32)
    view[...] = np.array([draw(numbers) for _ in range(view.size)]).reshape(shape)
    return view


def outcome(call: Any, out: Any) -> Any:
    """What a call leaves in an array, which has its old numbers again afterwards."""
    before = out.copy()
    with np.errstate(all="ignore"):
        call()
    found = out.copy()
    out[...] = before
    return found


def compare(function: Any, *given: Any, out: Any, tolerance: float = 0) -> None:
    """The call that a plan would have, and the bundle made of it."""
    work = Workshop(out.dtype)
    work.call(function, *given)
    expected = outcome(*work.calls, out)
    (found,) = bundled(work.calls, [])
    assert type(found) is Bundle, "it was not bundled"
    mine = outcome(found, out)
    np.testing.assert_allclose(mine, expected, rtol=tolerance, atol=tolerance)
    if function not in (np.maximum, np.minimum, np.maximum.reduce):  # of 0 and -0, either
        sure = ~np.isnan(expected)
        assert (np.signbit(mine) == np.signbit(expected))[sure].all()


@compiled
@pytest.mark.parametrize("function", ELEMENTWISE, ids=ELEMENTWISE.values())
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(data=st.data())
@settings(max_examples=60)
def test_elementwise(function: Any, dtype: Any, data: Any) -> None:
    shape = tuple(data.draw(st.lists(st.integers(0, 5), max_size=4)))
    count = 3 if function is choose else function.nin if isinstance(function, np.ufunc) else 1
    given_arrays = [arrays(data.draw, shape, dtype) for _ in range(count)]
    out = arrays(data.draw, shape, dtype, narrow=False)
    compare(function, *given_arrays, out, out=out)
    if function is not choose:  # in place; NumPy's own negative is wrong there, for some strides
        apart, work = out.copy(), Workshop(dtype)
        work.call(function, out.copy(), *given_arrays[1:], apart)
        (in_place,) = bundled([partial(function, out, *given_arrays[1:], out)], [])
        np.testing.assert_array_equal(outcome(in_place, out), outcome(*work.calls, apart))


NUMPYS = [
    each for each in ARRAY_FUNCTIONS.values()
    if isinstance(each, np.ufunc) and each not in ELEMENTWISE
]  # fmt: skip


@compiled
@pytest.mark.parametrize("function", NUMPYS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(data=st.data())
@settings(max_examples=30)
def test_functions_of_numpy(function: Any, dtype: Any, data: Any) -> None:
    """Where numbers are apart from each other, NumPy may compute them by another loop."""
    shape = tuple(data.draw(st.lists(st.integers(0, 5), max_size=4)))
    given_arrays = [arrays(data.draw, shape, dtype) for _ in range(function.nin)]
    out = arrays(data.draw, shape, dtype, narrow=False)
    ulps = 4 * float(np.finfo(dtype).eps)
    compare(function, *given_arrays, out, out=out, tolerance=ulps)
    apart, work = out.copy(), Workshop(dtype)
    work.call(function, out.copy(), *given_arrays[1:], apart)
    (in_place,) = bundled([partial(function, out, *given_arrays[1:], out)], [])
    mine, expected = outcome(in_place, out), outcome(*work.calls, apart)
    np.testing.assert_allclose(mine, expected, rtol=ulps, atol=ulps)


@compiled
@given(data=st.data())
@settings(max_examples=100)
def test_sums_and_the_highest(data: Any) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 6), min_size=3, max_size=3)))
    terms = arrays(data.draw, shape, np.float64, narrow=False)
    terms[...] = np.where(np.isfinite(terms), terms, 2.0)
    for axis in ((0,), (1,), (2,), (0, 2), (0, 1, 2)):
        out = np.ones([1 if k in axis else size for k, size in enumerate(shape)])
        compare(np.add.reduce, terms, axis, None, out, True, out=out, tolerance=1e-13)
    out = np.ones((shape[0], shape[2]))
    compare(np.add.reduce, terms, 1, None, out, out=out, tolerance=1e-13)
    terms[0, 0, 0] = terms[-1, -1, -1] = np.nan
    compare(np.maximum.reduce, terms, 1, None, out, out=out)


@compiled
@given(
    st.lists(st.integers(1, 4), max_size=1),
    *(st.integers(1, 6) for _ in range(3)),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=100)
def test_products(stack: list[int], m: int, k: int, n: int, left: bool, right: bool) -> None:
    compare_products(stack, m, k, n, left, right)


@compiled
@pytest.mark.parametrize("m", [1, 2, 30])
@pytest.mark.parametrize("k", [1, 2, 70])
@pytest.mark.parametrize("n", [1, 2, 40])
@pytest.mark.parametrize("stack", [[], [1], [3]])
def test_large_products(stack: list[int], m: int, k: int, n: int) -> None:
    for left, right in ((False, False), (False, True), (True, False), (True, True)):
        compare_products(stack, m, k, n, left, right)


def compare_products(stack: list[int], m: int, k: int, n: int, left: bool, right: bool) -> None:
    """With operands whose columns, or rows, are contiguous."""
    chance = np.random.default_rng(m + 10 * k + 100 * n)
    first = chance.normal(size=(*stack, k, m)).swapaxes(-1, -2) if left else None
    first = chance.normal(size=(*stack, m, k)) if first is None else first
    second = chance.normal(size=(*stack, n, k)).swapaxes(-1, -2) if right else None
    second = chance.normal(size=(*stack, k, n)) if second is None else second
    out = np.ones((*stack, m, n))
    call = partial(np.matmul, first, second, out)
    expected = outcome(call, out)
    (found,) = bundled([call], [])
    assert type(found) is Bundle
    np.testing.assert_allclose(outcome(found, out), expected, rtol=1e-13, atol=1e-12)


@compiled
@given(st.integers(1, 4), st.lists(st.integers(0, 9), min_size=1, max_size=20), st.booleans())
def test_rows_anywhere(batch: int, places: list[int], reverse: bool) -> None:
    """Places that occur several times included, where that is allowed."""
    rows, distinct = np.array(places), np.unique(places)
    buffer = np.arange(10.0 * batch).reshape(10, batch)[:: -1 if reverse else 1]
    given_rows = np.arange(float(len(rows) * batch)).reshape(-1, batch) ** 2
    compare(gather, buffer, rows, given_rows, out=given_rows)
    compare(np.take, buffer, rows, 0, given_rows, "clip", out=given_rows)
    compare(put_at_distinct, buffer, distinct, given_rows[: len(distinct)], out=buffer)
    compare(add_at_distinct, buffer, distinct, given_rows[: len(distinct)], out=buffer)
    compare(fill, buffer, distinct, out=buffer)
    vector, numbers = np.arange(10.0), given_rows[:, 0]
    kept = np.arange(len(rows))[::-2].copy()
    for function in (put_counted, add_counted):
        compare(function, vector, rows, numbers, None, out=vector)
        compare(function, vector, rows[: len(kept)], numbers, kept, out=vector)
    starts = np.arange(len(rows))[::3].copy()
    sums = np.ones((len(starts), batch))
    compare(np.add.reduceat, given_rows, starts, 0, None, sums, out=sums)


def test_every_call_is_compared() -> None:
    """With what stands above: whoever adds a translation, adds a test."""
    assert {function.__name__ for function in OTHERS} == {
        "copyto", "reduce", "reduceat", "dot", "matmul", "take", "gather", "fill",
        "put_at_distinct", "add_at_distinct", "add_counted", "put_counted",
        "copy_turned", "multiply_whole", "multiply_by_whole",
    }  # fmt: skip


@compiled
@pytest.mark.parametrize("function", [put_at_distinct, add_at_distinct])
def test_rows_beside_what_is_given(function: Any) -> None:
    """A sum hands its gradient on to each of its terms: repeated, and from the same array."""
    buffer = np.arange(40.0).reshape(20, 2)
    given_rows = np.broadcast_to(buffer[15:18, None], (3, 4, 2))
    compare(function, buffer, np.arange(12).reshape(4, 3).T, given_rows, out=buffer)
    assert translated(partial(function, buffer, np.array([[15, 0]]), given_rows[:1, :2])) == []


@compiled
def test_copies_and_dots() -> None:
    out = np.zeros((2, 3))
    compare(np.copyto, out, np.arange(3.0), out=out)
    compare(np.dot, np.ones((2, 1)), np.arange(3.0)[None], out, out=out)


@compiled
def test_what_follows_each_other_is_one_call() -> None:
    x, y = np.arange(4.0), np.zeros(4)
    calls = [
        partial(np.add, x, x, y), partial(np.square, y, y), partial(np.exp, y, y),
        partial(np.negative, y, y), lambda: None, partial(np.add, x, y, y),
    ]  # fmt: skip
    found = bundled(calls, [])
    assert [type(each) is Bundle for each in found] == [True, False, True]
    for call in found:
        call()
    assert (y == x - np.exp(4 * x * x)).all()


@compiled
@pytest.mark.parametrize(
    "call",
    [
        partial(np.add, np.zeros(9)[1:], np.zeros(8), np.zeros(8, np.float32)),
        partial(np.add, np.zeros(9000), np.zeros(9000), np.zeros(9000)),
        partial(special.erf, np.zeros(3), np.zeros(3)),
        partial(np.frexp, np.zeros(3), np.zeros(3), np.zeros(3)),
        partial(put_at_distinct, np.zeros((9, 1)), np.arange(4), np.zeros((4, 2))[:, :1]),
        partial(np.add.reduce, np.zeros((2, 5000)), (1,), None, np.zeros((2, 1)), True),
        partial(np.less, np.zeros(3), np.zeros(3), np.zeros(3, bool)),
    ],
    ids=["types", "large", "erf", "integers", "copy", "long sum", "bool"],
)
def test_what_is_left_to_numpy(call: Any) -> None:
    assert translated(call) == []
    assert bundled([call], []) == [call]


@compiled
def test_memory_in_common() -> None:
    """NumPy computes as if it had a copy of the operands; a bundle would not."""
    x = np.arange(8.0)
    assert translated(partial(np.add, x[:-1], x[1:], x[1:])) == []
    assert translated(partial(np.add, x[::-1], x, x)) == []
    assert translated(partial(np.add, x, x, x)) != []
    square = np.ones((2, 2))
    assert translated(partial(np.dot, square, square, square)) == []
    assert translated(partial(gather, square, np.array([1, 0]), square)) == []


@compiled
@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (("subtrakt", (np.zeros(2), np.zeros(2), np.zeros(2))), "its name is unknown"),
        (("add", (np.zeros(2), np.zeros(2))), "another number of operands"),
        (("add", (np.zeros(2), np.zeros(3), np.zeros(3))), "the shapes do not fit"),
        (("copy", (np.zeros(2, int), np.zeros(2))), "of float64 or of float32"),
        (("copy", (np.zeros(2, np.float32), np.zeros(2))), "of float64 or of float32"),
        (("copy", (np.zeros((1,) * 5), np.zeros(2))), "at most four axes"),
        (("copy", (np.zeros((3, 1)), np.zeros((2, 1))), np.array([0, 3])), "outside"),
        (("sum", (np.zeros((2, 1)), np.zeros((3, 1))), None, np.array([0, -1])), "outside"),
        (("sum", (np.zeros((2, 1)), np.zeros((3, 1))), None, np.array([0, 1, 2])), "for each row"),
        (
            ("sum", (np.zeros((3, 1)), np.zeros((3, 1))), np.array([0]), np.array([0, 1])),
            "for each row",
        ),
        (("negative", (np.zeros((2, 1)), np.zeros((2, 1))), np.array([0, 1])), "copied or summed"),
        (("copy", (np.zeros((2, 1)), np.zeros((2, 1))), np.array([0.0, 1.0])), "of int64"),
        ((np.exp, (np.zeros(2),) * 3), "another number of operands"),
        ((np.exp, (np.zeros((2, 1)), np.zeros((2, 1))), np.array([0, 1])), "copied or summed"),
        ((np.vecdot, (np.zeros(2), np.zeros(2), np.zeros(()))), "neither elementwise nor a matrix"),
        ((np.gcd, (np.zeros(2),) * 3), "NumPy has no loop for it"),
        ((None, (np.zeros(2),)), "its name is unknown"),
        ((type("numpy.ufunc", (), {})(), (np.zeros(2),)), "its name is unknown"),
        (("add", (np.zeros(2), np.zeros(2), np.zeros(1))), "narrower than its operands"),
        ((np.exp, (np.zeros((2, 3)), np.zeros(3))), "narrower than its operands"),
        (
            (np.matmul, (np.zeros((4, 2, 3, 1)), np.zeros((4, 1, 3, 5)), np.zeros((2, 1, 5)))),
            "narrower than its operands",
        ),
    ],
)
def test_what_a_bundle_refuses(operation: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"this operation cannot be bundled: .*{words}"):
        Bundle([operation])


@compiled
def test_no_result_is_written_where_that_is_forbidden() -> None:
    out = np.zeros(2)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        Bundle([("copy", (np.ones(2), out))])


@compiled
def test_it_keeps_its_arrays() -> None:
    result = np.zeros(1000)
    bundle = Bundle([("copy", (np.full(1000, 7.0), result))])
    for _ in range(10):
        np.empty(1000)  # which would be given the same memory
    bundle()
    assert (result == 7.0).all()


@pytest.mark.parametrize("batch", [1, 2, 7, 40])
def test_a_plan_computes_the_same_without(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = [Value(0.1 * k - 1) for k in range(12)]

    def f(x: list[Value], y: Value) -> Value:
        hidden = [sum(w * v for w, v in zip(weights[k::4], x, strict=True)) for k in range(4)]
        return sum((h.relu() - y) ** 2 / (1 + abs(h)) for h in hidden) + weights[3] * weights[5]

    X, y = np.random.default_rng(0).normal(size=(batch, 3)), np.linspace(-1, 1, batch)
    found = record(f, parameters=weights, replay="program").value_and_gradient(X, y, wrt="both")
    monkeypatch.setattr(bundles, "Bundle", None)
    plain = record(f, parameters=weights, replay="program").value_and_gradient(X, y, wrt="both")
    np.testing.assert_allclose(found[0], plain[0], rtol=1e-13)
    for mine, theirs in zip((*found[1][0], found[1][1]), (*plain[1][0], plain[1][1]), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-13)


# --- what each run is given ---


@compiled
def test_operands_that_each_run_has_for_itself() -> None:
    stand_in, own, out = np.zeros((3, 4)), np.full(3, 10.0), np.zeros(3)
    given_list: list[Any] = [stand_in]
    bundle = Bundle(
        [("add", (stand_in.T[1], own, out)), ("add", (stand_in[:, 2], out, out))], given_list
    )
    for k in (1.0, 2.0):
        given_list[0] = np.arange(12.0).reshape(3, 4) * k
        bundle()
        assert out.tolist() == [10 + 3 * k, 10 + 11 * k, 10 + 19 * k]
    assert not stand_in.any()


@compiled
@pytest.mark.parametrize(
    ("array", "error", "words"),
    [
        (np.zeros(5), ValueError, "array 0 of this run is not like"),
        (np.zeros(6, np.float32), ValueError, "array 0 of this run is not like"),
        (np.zeros(12)[::2], ValueError, "not C-contiguous"),
        (np.frombuffer(bytes(49), np.uint8)[1:].view(np.float64), ValueError, "not like"),
        (None, TypeError, "bytes-like"),
    ],
    ids=["size", "type", "layout", "alignment", "none"],
)
def test_what_a_run_cannot_be_given(array: Any, error: Any, words: str) -> None:
    given_list: list[Any] = [np.zeros(6)]
    bundle = Bundle([("copy", (given_list[0], np.zeros(6)))], given_list)
    given_list[0] = array
    with pytest.raises(error, match=words):
        bundle()
    given_list.clear()
    with pytest.raises(IndexError):
        bundle()


@compiled
def test_what_is_given_is_not_written() -> None:
    mine = np.zeros(3)
    with pytest.raises(ValueError, match="what is given to a run is not written"):
        Bundle([("copy", (np.ones(3), mine))], [mine])


def network(x: Any) -> Any:
    """With products and biases."""
    rows = [PARAMETERS[k : k + 6] for k in range(0, 24, 6)]
    hidden = [(dot(row[:5], x) + row[5]).tanh() for row in rows]
    return dot(PARAMETERS[24:28], hidden) + PARAMETERS[28]


PARAMETERS = [Value(0.1 * (k % 7) - 0.2) for k in range(29)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_inputs_and_parameters_are_read_where_they_are(dtype: Any) -> None:
    X = np.random.default_rng(3).normal(size=(7, 5)).astype(dtype)
    recorded = record(network, PARAMETERS, replay="program", dtype=dtype)
    misaligned = np.frombuffer(b"." + X.tobytes(), np.uint8)[1:].view(dtype).reshape(7, 5)
    layouts = [X, X.copy("F"), np.repeat(X, 2, axis=0)[::2], X[::-1][::-1], misaligned]
    layouts += [np.pad(X, 1)[1:-1, 1:-1], X.astype(X.dtype.newbyteorder())]
    start = np.array([p.data for p in PARAMETERS])
    try:
        for shift in (0.0, 0.125, -0.125):  # seen, though the plan is the same
            for p, number in zip(PARAMETERS, start + shift, strict=True):
                p.data = number
            exact = record(network, PARAMETERS, replay="tape").value_and_gradient(
                X.astype(float), wrt="both", reduce="sum"
            )
            for each in layouts:
                before = each.tobytes()
                found = recorded.value_and_gradient(each, wrt="both", reduce="sum")
                assert each.tobytes() == before
                limits = {"rtol": 1e-12 if dtype == np.float64 else 1e-4, "atol": 1e-5}
                if dtype == np.float64:
                    limits["atol"] = 1e-12
                np.testing.assert_allclose(found[0], exact[0], **limits)
                np.testing.assert_allclose(found[1][0], exact[1][0], **limits)
                np.testing.assert_allclose(found[1][1], exact[1][1], **limits)
    finally:
        for p, number in zip(PARAMETERS, start, strict=True):
            p.data = number
    ((plan,),) = recorded.program.plans.values()
    assert plan.copies == (Bundle is None or dtype == np.float32)
    assert plan.given == [None, None], "arrays of the caller would be kept alive"


@compiled
def test_what_has_to_be_copied() -> None:
    """Numbers of parameters that something reads which is no bundle, or that are the result."""
    x = np.ones((3, 2))
    for f, copies in (
        (lambda x: x[0] * PARAMETERS[0], False),
        (lambda x: [x[0], PARAMETERS[0]], True),
        (lambda x: (x[0] * PARAMETERS[0]).erfc(), False),
        (lambda x: x[0] * PARAMETERS[0].erfc(), True),
    ):
        recorded = record(f, PARAMETERS[:1], replay="program")
        recorded(x)
        ((plan,),) = recorded.program.plans.values()
        assert plan.copies == copies
