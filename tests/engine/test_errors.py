"""Bad input: each gets the exception that a Python user expects, and words that say what to do."""

# Much of it a type checker refuses as well.
# mypy: disable-error-code="arg-type, call-arg, call-overload, list-item"

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine import (
    Value,
    dot,
    exp,
    log,
    logsumexp,
    maximum,
    no_grad,
    softmax,
    topological_order,
    where,
)

Bad = Callable[[Value], object]


def assign(name: str, given: object) -> Bad:
    """x.name = given, as an expression."""
    return lambda x: setattr(x, name, given)


def unrecorded(x: Value) -> Any:
    """What is computed inside no_grad()."""
    with no_grad():
        return x * x


def is_the_whole_story(error: BaseException) -> bool:
    """Whether its traceback is printed alone, without that of an error that led to it."""
    return error.__cause__ is None and (error.__context__ is None or error.__suppress_context__)


# What is done to x, a leaf that holds -8; then the words that the error must have.
# fmt: off
BAD: dict[type[Exception], list[tuple[Any, ...]]] = {
    TypeError: [
        (lambda x: Value("3"),                "Value(data)", "'3' of type str", "float(text)"),
        (lambda x: Value(None),               "Value(data)", "None of type NoneType", "return"),
        (lambda x: Value(1j),                 "Value(data)", "1j of type complex", "z.real"),
        (lambda x: Value([1]),                "[1] of type list", "[Value(x) for x in xs]"),
        (lambda x: Value((1,)),               "(1,) of type tuple", "[Value(x) for x in xs]"),
        (lambda x: Value(np.ones(2)),         "ndarray", "array.item()", "for x in array"),
        (lambda x: Value(x),                  "of type Value", "v.data", "v.detach()"),
        (lambda x: Value(1, 2),               "label is a string", "2 of type int"),
        (lambda x: Value(label="x"),          "data"),
        (lambda x: x + "1",                   "'1' of type str", "float(text)"),
        (lambda x: "1" + x,                   "'1' of type str", "float(text)"),
        (lambda x: x * None,                  "None", "return"),
        (lambda x: 1j - x,                    "1j of type complex", "z.real"),
        (lambda x: [1] * x,                   "[1] of type list", "[Value(x) for x in xs]"),
        (lambda x: x ** "2",                  "'2' of type str", "float(text)"),
        (lambda x: x / object(),              "unsupported operand"),
        (lambda x: x < "1",                   "not supported between"),
        (lambda x: exp("1"),                  "exp", "'1' of type str", "float(text)"),
        (lambda x: maximum(x, None),          "maximum", "None", "return"),
        (lambda x: where("", x, x),           "where", "'' of type str"),
        (lambda x: dot([x], ["1"]),           "dot", "'1' of type str"),
        (lambda x: softmax([x, None]),        "None", "return"),
        (lambda x: (x * 2).backward("1"),     "backward(seed)", "'1' of type str"),
        (lambda x: (x * 2).backward(None),    "backward(seed)", "None"),
        (lambda x: (x * 2).backward(x),       "backward(seed)", "of type Value", "v.data"),
        (lambda x: topological_order(3),      "int"),
        (assign("data", "3"),                 "data", "'3' of type str", "float(text)"),
        (assign("data", None),                "data", "None", "return"),
        (assign("data", [1.0]),               "data", "[1.0] of type list"),
        (assign("data", Value(1)),            "data", "of type Value", "v.data"),
        (assign("grad", "3"),                 "grad", "'3' of type str", "float(text)"),
        (assign("label", 3),                  "label is a string", "3 of type int"),
        (lambda x: engine.draw(3),            "draw", "int", "Value"),
    ],
    AttributeError: [
        (lambda x: setattr(x * x, "data", 1), "computed Value", "mul", "leaves", "Value(number)"),
        (assign("inputs", ()),                "inputs"),
        (assign("daat", 3.0),                 "daat"),
    ],
    ZeroDivisionError: [
        (lambda x: 1 / Value(0),              "1.0 / 0.0", "divisor other than 0"),
        (lambda x: x / 0,                     "-8.0 / 0.0", "divisor other than 0"),
        (lambda x: 0 ** x,                    "0.0 ** (-8.0)", "not below 0"),
    ],
    OverflowError: [
        (lambda x: Value(10 ** 400),          "Value(data)", "401 digits", "too large", "math.log"),
        (lambda x: x + 10 ** 400,             "401 digits", "too large", "math.log"),
        (lambda x: exp(-10 ** 5000),          "exp", "5001 digits", "too large", "math.log"),
        (lambda x: Value(Fraction(10) ** 400), "Value(data)", "type Fraction,", "too large"),
        (assign("data", 10 ** 400),           "data", "401 digits", "too large", "math.log"),
        (lambda x: Value(10) ** 400,          "10.0 ** 400.0", "too large for a float"),
        (lambda x: exp(1000),                 "exp(1000.0)", "too large for a float"),
        (lambda x: Value(1000).exp(),         "exp(1000.0)", "too large for a float"),
    ],
    ValueError: [
        (lambda x: x ** (1 / 3),              "math domain error", "(-8.0) ** 0.33", "whole exp"),
        (lambda x: x ** Value(0.5),           "math domain error", "(-8.0) ** 0.5", "whole exp"),
        (lambda x: log(0),                    "math domain error", "log(0.0)", "x > 0"),
        (lambda x: Value(0).log(),            "math domain error", "log(0.0)", "x > 0"),
        (lambda x: x.sqrt(),                  "math domain error", "sqrt(-8.0)", "x >= 0"),
        (lambda x: dot([x], [x, 2.0]),        "one input per weight", "1 weight", "2 inputs"),
        (lambda x: logsumexp([]),             "logsumexp", "at least one"),
        (lambda x: engine.draw(x).save("f.z"), "f.z", ".svg", ".dot"),
    ],
    RuntimeError: [
        (lambda x: x.detach().backward(),     "constant", "detach()", "computed from leaves"),
        (lambda x: unrecorded(x).backward(),  "constant", "no_grad()", "outside no_grad()"),
        (lambda x: (x + 1).inputs[1].backward(), "constant", "plain number"),
        (lambda x: (x.detach() * 2).backward(), "computed from such alone", "from leaves"),
    ],
}
# fmt: on
ROWS = [(bad, kind, words) for kind, rows in BAD.items() for bad, *words in rows]


@pytest.mark.parametrize(("bad", "kind", "words"), ROWS, ids=[words[0] for _, _, words in ROWS])
def test_bad_input_is_explained_and_changes_nothing(
    bad: Bad, kind: type[Exception], words: list[str]
) -> None:
    x = Value(-8.0, "x")
    f = x * x
    f.backward()
    with pytest.raises(kind) as caught:
        bad(x)
    assert caught.type is kind
    assert is_the_whole_story(caught.value)
    assert [word for word in words if word not in str(caught.value)] == []
    assert repr(x) == "Value(-8.0, label='x', grad=-16.0)"
    assert repr(f) == "Value(64.0, grad=1.0)"
    f.backward()
    assert x.grad == -32.0
    assert not (x * x).is_constant


NO_VALUE = "expm1 1000, log1p -1, sin inf, cos -inf, tan inf, asin 2, acos -2, sinh 1e3, cosh -1e3"


@pytest.mark.parametrize("call", NO_VALUE.split(", "))
def test_the_error_is_that_of_floats_and_names_the_call(call: str) -> None:
    name, point = call.split()
    x = float(point)
    with pytest.raises((ValueError, OverflowError)) as floats:
        getattr(math, name)(x)
    for given in (x, Value(x)):
        with pytest.raises(floats.type) as caught:
            getattr(engine, name)(given)
        assert f"{name}({x}) has no value: " in str(caught.value)
        assert is_the_whole_story(caught.value)


def test_nan_and_infinity_travel_as_floats_do() -> None:
    x, y = Value(math.inf), Value(math.nan)
    assert (x + 1).data == math.inf
    assert math.isnan((x - x).data)
    assert (1 / x).data == 0.0
    f = x * y
    f.backward()
    assert math.isnan(f.data)
    assert math.isnan(x.grad)
    assert y.grad == math.inf


@pytest.mark.parametrize("place", ["missing/f.svg", "a file/f.svg", "missing/f.dot"])
def test_saving_where_nothing_can_be_written_names_the_place(place: str, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises((FileNotFoundError, NotADirectoryError)) as caught:
        engine.draw(Value(1.0) * 2).save(tmp_path / place)
    assert str(tmp_path) in str(caught.value)


def test_an_error_on_the_way_leaves_what_was_built() -> None:
    x = Value(2.0)
    f: Any = x**9
    with pytest.raises(OverflowError):
        f = f**1000
    f.backward()
    assert x.grad == 9 * 2.0**8
