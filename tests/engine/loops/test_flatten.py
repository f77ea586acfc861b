"""What a recorded graph holds as flat arrays, and what is refused to be loaded as one."""

from __future__ import annotations

import pickle
from array import array
from typing import Any

import pytest

from engine import Value, record
from engine.tape import Tape


def test_only_constants_that_are_used_have_a_place() -> None:
    k = Value(2.0).detach() * 3.0 + 1.0
    tape = record(lambda x: [x * k + 7.0, x - 0.0, x - -0.0, k], example=1.0).tape
    assert [repr(each) for each in tape.flat.constants] == ["7.0", "0.0", "-0.0"]
    assert str(record(lambda x: x * k, example=1.0).tape).splitlines() == [
        "0  7.0", "1  input  x", "2  mul    x * 7.0  output"
    ]  # fmt: skip


def test_constants_stand_where_they_are_met() -> None:
    w, nine = Value(5.0), Value(9.0).detach()
    recorded = record(lambda x, y: [(x - 3.0) * w - 4.0 * y, nine, y], [w], example=(1.0, 2.0))
    assert list(recorded.tape.flat.constants) == [3.0, 4.0, 9.0]
    assert recorded(2.0, 10.0) == [-45.0, 9.0, 10.0]
    assert recorded.gradient(2.0, 10.0, wrt="both", seeds=[1, 1, 1])[0] == (5.0, -3.0)


def test_a_forgotten_leaf_is_mentioned_though_a_constant_hides_it() -> None:
    leaf = Value(2.0, "leaf")
    with pytest.warns(UserWarning, match="leaf"):
        assert list(record(lambda x: x * (leaf * 3.0), example=1.0).tape.flat.constants) == [6.0]


def test_the_warning_points_to_the_users_line() -> None:
    w = Value(2.0)
    calls: list[Any] = [
        lambda: record(lambda x: x * w, example=1.0),
        lambda: record(lambda x: x * w)(1.0),
        lambda: record(lambda x: x * w).value_and_gradient(1.0),
        lambda: record(lambda x: x * w).gradient(1.0),
        lambda: record(lambda x: x * w).report(1.0),
        lambda: record(w * w),
    ]
    for call in calls:
        with pytest.warns(UserWarning, match="parameters=") as caught:
            call()
        assert caught[0].filename == __file__


# --- loading ---


def state_of(f: Any) -> dict[str, Any]:
    return record(f, example=(2.0, 3.0)).tape.__getstate__()


def numbers(*slots: int) -> bytes:
    return array("q", slots).tobytes()


def load(**changes: Any) -> None:
    """A tape of x * y + x, its state changed on the way."""
    state = state_of(lambda x, y: x * y + x)
    assert state["primitives"] == ["mul", "add"]
    Tape.__new__(Tape).__setstate__(state | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"starts": numbers(0, 4, 6), "args": numbers(0, 1, 0, 1, 2, 0)},
        {"starts": numbers(0, 1, 3), "args": numbers(0, 2, 0)},
        {"starts": numbers(0, 0, 2), "args": numbers(1, 0)},
        {"starts": numbers(0, 2, 2), "args": numbers(0, 1)},
        {"primitives": ["mul", "tanh"]},
        {"primitives": ["mul", "where"]},
        {"primitives": ["mul", "sum"], "starts": numbers(0, 2, 2), "args": numbers(0, 1)},
        {"starts": b""},
        {"args": numbers(0, 1, 3, 0)},
        {"args": numbers(0, 1, -1, 0)},
        {"outputs": [9]},
    ],
)
def test_a_tape_that_is_damaged_is_not_loaded(changes: Any) -> None:
    with pytest.raises(ValueError, match="damaged"):
        load(**changes)


def test_a_tape_that_is_sound_is_loaded() -> None:
    load()
    load(primitives=["mul", "dot"])
    load(primitives=["sum", "sum"], starts=numbers(0, 3, 4), args=numbers(0, 1, 0, 2))
    f = record(lambda x, y: x * y + sum([x, y, x]), example=(2.0, 3.0))
    assert pickle.loads(pickle.dumps(f.tape)).operands(1) == f.tape.operands(1)
