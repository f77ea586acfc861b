"""An example of an array is a list, which is not taken for a number in silence."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import Value, dot, maximum, record, tanh, where

COLUMN = np.arange(3.0)[:, None]
IMAGES = np.arange(12.0).reshape(3, 2, 2)
W = Value(2.0)

AS_A_NUMBER: list[Callable[[Any], Any]] = [
    lambda x: 2 * x, lambda x: x * 2, lambda x: x + x, lambda x: x + 1, lambda x: 1 + x,
    lambda x: x - 1, lambda x: 1 - x, lambda x: -x, lambda x: +x, lambda x: abs(x),
    lambda x: x / 2, lambda x: 2 / x, lambda x: x**2, lambda x: 2**x, lambda x: x @ x,
    lambda x: W * x, lambda x: x * W, lambda x: x + W, lambda x: W - x,
    lambda x: x < 0, lambda x: x >= 0.0, lambda x: x > W, lambda x: where(x == 0, 1.0, W),
    lambda x: where(x != 0, 1.0, W), lambda x: tanh(x), lambda x: math.tanh(x),
    lambda x: float(x), lambda x: maximum(x, 0.0), lambda x: where(x, 1.0, W),
]  # fmt: skip


@pytest.mark.parametrize("f", AS_A_NUMBER)
def test_arithmetic_says_what_it_is(f: Any) -> None:
    words = r"x has shape \(B, 1\), so an example of it is a list: pass x\[:, 0\], or write x\[0\]"
    with pytest.raises(TypeError, match=words):
        record(f, [W])(COLUMN)
    words = r"x has shape \(B, 2, 2\), so an example of it is a list: write x\[0\]\[0\]"
    with pytest.raises(TypeError, match=words):
        record(f, [W])(IMAGES)
    words = r"x has shape \(B, 2, 2\), so x\[1\] is a list: write x\[1\]\[0\] for an element"
    with pytest.raises(TypeError, match=words):
        record(lambda x: f(x[1]), [W])(IMAGES)


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda x: (x[:1] + x[1:])[0], r"x\[:1\]"), (lambda x: 2 * x[1:], r"x\[1:\]"),
        (lambda x: -x[::-1], r"x\[::-1\]"), (lambda x: x[-2:None:1] * W, r"x\[-2::1\]"),
        (lambda x: abs(x[:][1:2]), r"x\[:\]\[1:2\]"), (lambda x: x[5:] > 0, r"x\[5:\]"),
    ],
)  # fmt: skip
def test_so_does_a_slice(f: Any, name: str) -> None:
    words = rf"x has shape \(B, 2\), so {name} is a list: write {name}\[0\] for an element"
    with pytest.raises(TypeError, match=words):
        record(f, [W])(IMAGES[0])


def test_a_slice_is_a_list_of_its_own_length_and_parts() -> None:
    images = np.arange(24.0).reshape(2, 3, 2, 2)

    def f(x: Any) -> Any:
        part = x[1:]
        assert type(part) is type(x)
        assert part.shape == (2, 2, 2)
        assert [id(each) for each in part] == [id(x[1]), id(x[2])]
        return [sum(row) for image in part for row in image]

    assert np.array(record(f)(images)).T.tolist() == images[:, 1:].sum(-1).reshape(2, 4).tolist()


def test_what_to_write_for_one_behind_the_other() -> None:
    with pytest.raises(TypeError, match=r"\[\*x\[1:\], \*x\[:1\]\] is a list of both"):
        record(lambda x: x[1:] + x[:1])(IMAGES[0])
    turned = record(lambda x: [*x[1:], *x[:1]])(IMAGES[0])
    assert np.array(turned).T.tolist() == IMAGES[0][:, ::-1].tolist()


@pytest.mark.parametrize(
    ("f", "error", "words"),
    [
        (lambda x: x.sum(), AttributeError, r"^x\.sum does not exist: x has shape \(B, 2, 2\)"),
        (lambda x: x[0].sum(), AttributeError, r"; sum\(x\[0\]\) adds up its elements$"),
        (lambda x: x.T, AttributeError, r"x\.T does not exist: .* write x\[0\]\[0\] for an elem"),
        (lambda x: x[0, 1], TypeError, r"is a list: .*; x\[0, 1\] is x\[0\]\[1\]$"),
        (
            lambda x: x[1][0, 1],
            TypeError,
            r"so x\[1\] is a list: write x\[1\]\[0\] .* in x\[1\]\]$",
        ),
        (lambda x: x[:, 0], TypeError, r"is a list: write .* or \[\.\.\. for each in x\]$"),
        (lambda x: x[W], TypeError, r"is a list: write x\[0\]\[0\] for an element"),
    ],
)
def test_what_arrays_can_and_lists_cannot(f: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        record(f, [W])(IMAGES)


def test_an_index_out_of_range_is_one_as_of_any_list() -> None:
    with pytest.raises(IndexError):
        record(lambda x: x[2])(IMAGES)


def test_in_place_too() -> None:
    def times(x: Any) -> Any:
        x *= 2
        return x

    def plus(x: Any) -> Any:
        x += 1.0
        return x

    for f in (times, plus):
        with pytest.raises(TypeError, match=r"pass x\[:, 0\]"):
            record(f)(COLUMN)


def test_the_argument_is_named_as_the_caller_knows_it() -> None:
    with pytest.raises(TypeError, match=r"^data\['a'\]\[1\] has shape \(B, 1\)"):
        record(lambda data: data["a"][1] * 2)({"a": [1.0, COLUMN]})


def test_very_long_examples_are_not_printed() -> None:
    with pytest.raises(TypeError) as caught:
        record(lambda x: tanh(x))(np.zeros((2, 784)))
    assert len(str(caught.value)) < 500


def test_a_list_in_all_else() -> None:
    seen: list[Any] = []

    def f(x: Any) -> Any:
        seen.append(isinstance(x, list) and isinstance(x[0], list))
        seen.append((len(x), len(x[0]), x == [*x], x != x[:1], bool(x), x[0] in x))
        row = x[0] + [1.0] + x[1] if len(x) else []
        row += [2.0]
        front = [3.0] + x[0]
        twin = copy.copy(x[0])
        return sum(row) + sum(front) + sum([*x[0][:1], *x[1][1:]]) + dot(twin, [*reversed(x[1])])

    found = record(f)(IMAGES)
    assert seen == [True, (2, 2, True, True, True, True)]

    def expected(x: Any) -> Any:
        (a, b), (c, d) = x
        return a + b + c + d + 3 + (3 + a + b) + (a + d) + a * d + b * c

    assert found.tolist() == [expected(each) for each in IMAGES]


def test_it_can_be_returned() -> None:
    found = record(lambda x: x)(IMAGES)
    assert type(found) is type(found[0]) is list
    assert found[1][0].tolist() == IMAGES[:, 1, 0].tolist()
