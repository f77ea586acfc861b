"""Every row is a function of numbers and of Values, and one more row is one more of everything."""

from __future__ import annotations

import doctest
import inspect
import math
import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Primitive, Value, dot, leaky_relu, log_softmax, logsumexp, register, softmax
from engine.elementary import FLOATS, arrays
from engine.functions import FUNCTIONS, VALUES
from engine.rules import ROWS, TABLE, nonzero

from .reference import PROOFS

NAME = operator.attrgetter("name")
as_rows = [row for row in ROWS if row.name != "dot"]  # dot takes weights, inputs and bias apart
functions = pytest.mark.parametrize("row", as_rows, ids=NAME)
methods = [row for row in ROWS if hasattr(Value, row.name)]


def call(row: Primitive, *operands: Any) -> Any:
    """The row's function of the package on some operands."""
    function = getattr(engine, row.name)
    return function(operands) if row.variadic else function(*operands)


def point(row: Primitive) -> list[float]:
    """Where every row has a value."""
    return [0.5, 0.25, 2.0][: 3 if row.variadic else len(row.arguments)]


@functions
def test_numbers_give_a_float_and_values_a_value(row: Primitive) -> None:
    numbers = point(row)
    expected = row.forward(FLOATS, *numbers)
    assert type(call(row, *numbers)) is float
    assert call(row, *numbers) == expected
    for k in range(len(numbers)):
        mixed = [Value(x) if n == k else x for n, x in enumerate(numbers)]
        result = call(row, *mixed)
        assert type(result) is Value
        assert result.data == expected
        assert result.op == row.name
        assert [each.is_constant for each in result.inputs] == [n != k for n in range(len(numbers))]


@functions
def test_every_function_has_the_name_the_arguments_and_the_words_of_its_row(row: Primitive) -> None:
    function = getattr(engine, row.name)
    parameters = inspect.signature(function).parameters
    defaults = tuple(each.default for each in parameters.values() if each.default is not each.empty)
    assert function.__name__ == row.name
    assert tuple(parameters) == row.arguments
    assert defaults == row.defaults
    assert row.doc[1:] in function.__doc__
    assert row.needs in function.__doc__


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_examples_of_every_docstring_run(name: str) -> None:
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    scope = {"Value": Value, name: FUNCTIONS[name]}
    for example in finder.find(FUNCTIONS[name], name, globs=scope):
        runner.run(example)
    assert runner.failures == 0
    assert runner.tries > 0 or TABLE[name].variadic


@pytest.mark.parametrize("row", methods, ids=NAME)
def test_a_method_is_the_function(row: Primitive) -> None:
    first, *others = point(row)
    assert getattr(Value(first), row.name)(*others).data == call(row, first, *others)
    assert getattr(Value, row.name) is getattr(Value, row.numpy)


def test_what_reads_well_is_a_method() -> None:
    names = {row.name for row in methods}
    assert names > {"exp", "log", "sqrt", "tanh", "sigmoid", "relu", "softplus", "gelu", "atan2"}
    assert not names & {"add", "mul", "neg", "sum", "dot", "less", "where", "logsumexp"}


def test_what_is_left_out_has_its_default_and_keywords_work() -> None:
    assert leaky_relu(-1.0) == Value(-1.0).leaky_relu().data == -0.01
    assert leaky_relu(slope=0.5, x=-1.0) == -0.5


def test_a_star_import_leaves_the_builtins_alone() -> None:
    assert not {"abs", "pow", "sum"} & set(engine.__all__)
    assert set(TABLE) - {"abs", "pow", "sum"} <= set(engine.__all__)
    assert engine.sum([1.0, 2.0]) == 3.0


# --- sums of any number of terms ---


def test_variadic_functions_take_any_iterable() -> None:
    assert engine.sum(x for x in (1.0, 2.0)) == 3.0
    assert engine.sum([]) == 0.0
    assert dot([], []) == 0.0
    assert dot([], [], bias=2.0) == 2.0
    assert dot(range(3), (x for x in (1.0, 2.0, 3.0))) == 8.0


def test_logsumexp_of_nothing_has_no_value() -> None:
    with pytest.raises(ValueError, match="logsumexp"):  # as log(0) has none
        logsumexp([])


@given(st.lists(st.floats(-30, 30), min_size=1), st.sampled_from([0.0, 1000.0, -1000.0]))
def test_softmax_is_a_distribution_wherever_its_arguments_are(x: list[float], shift: float) -> None:
    shifted = [each + shift for each in x]
    scale = math.fsum(math.exp(each - max(shifted)) for each in shifted)
    expected = [math.exp(each - max(shifted)) / scale for each in shifted]
    assert softmax(shifted) == pytest.approx(expected, rel=1e-12)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=5))
def test_softmax_has_the_gradient_of_the_textbook(x: list[float]) -> None:
    values = [Value(each) for each in x]
    shares = softmax(values)
    shares[0].backward()
    first, *others = [share.data for share in shares]
    expected = [first * (1 - first), *(-first * share for share in others)]
    assert [value.grad for value in values] == pytest.approx(expected, abs=1e-14)


# --- NumPy's object arrays ---

COMPARED = {"abs", "sign", "maximum", "minimum"}  # NumPy does these itself, by comparing objects
known = [row for row in methods if isinstance(getattr(np, row.numpy, None), np.ufunc)]


@pytest.mark.parametrize("row", [row for row in known if row.name not in COMPARED], ids=NAME)
def test_numpy_functions_work_on_object_arrays(row: Primitive) -> None:
    operands = [np.array([Value(x)], dtype=object) for x in point(row)]
    (result,) = getattr(np, row.numpy)(*operands)
    assert result.op == row.name
    assert result.data == call(row, *point(row))


def test_arithmetic_of_object_arrays() -> None:
    weights = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    x = np.array([Value(0.5), Value(-0.5)])
    result = np.abs(weights @ x + np.array([1.0, 2.0]) * Value(3.0))
    assert [each.data for each in result] == [2.5, 5.5]
    result.sum().backward()
    assert [each.grad for each in x] == [4.0, 6.0]
    assert np.exp(Value(0.0)).op == "exp"


# --- one more row is one more of everything ---


def sinc_slope(xp: Any, y: Any, x: Any) -> Any:
    """(cos x - sinc x) / x; near 0, where that cancels, its series."""
    square = x * x
    series = x * (-1 / 3 + square * (1 / 30 + square * (-1 / 840 + square / 45360)))
    return xp.where(xp.less(abs(x), 0.05), series, (xp.cos(x) - y) / nonzero(xp, x))


SINC = Primitive(
    "sinc",
    "sinc",
    r"\operatorname{sinc}(#1)",
    [(-30.0, 30.0)],
    "sin(x) / x, and 1 at 0",
    lambda xp, x: xp.where(xp.equal(x, 0), 1.0, xp.sin(x) / nonzero(xp, x)),
    sinc_slope,
    kinks={(0.0,): (0.0,)},
)


@pytest.mark.usefixtures("unregister")
def test_a_new_primitive_is_one_row() -> None:
    sinc = register(SINC)
    x = Value(math.pi)
    y = x.sinc()
    y.backward()
    assert x.grad == pytest.approx(-1 / math.pi)
    assert y.op == TABLE["sinc"].symbol == "sinc"
    assert SINC.tex("x + y") == r"\operatorname{sinc}(x + y)"
    assert SINC.call("x") == "sinc(x)"
    assert engine.sinc is sinc is FUNCTIONS["sinc"]
    assert sinc(0.0) == 1.0
    assert sinc(Value(0.0)).data == 1.0
    assert sinc.__doc__.startswith("Sin(x) / x, and 1 at 0.")
    test_the_examples_of_every_docstring_run("sinc")


@pytest.mark.usefixtures("unregister")
@pytest.mark.parametrize("proof", PROOFS)
def test_a_new_primitive_is_tested_like_all(proof: str) -> None:
    register(SINC)
    PROOFS[proof](SINC)


@pytest.mark.usefixtures("unregister")
def test_a_new_primitive_is_what_other_rows_use() -> None:
    arrays.cache_clear()  # as in a fresh process, which meets the row before it needs arrays
    register(SINC)
    expected = SINC.forward(FLOATS, 0.5)
    assert FLOATS.sinc(0.5) == expected
    assert arrays().sinc(np.array([0.5])) == pytest.approx([expected])  # not NumPy's own sinc


@pytest.mark.usefixtures("unregister")
def test_a_new_primitive_may_have_no_value_where_others_have() -> None:
    acosh = Primitive(
        "acosh",
        "acosh",
        r"\operatorname{arcosh}(#1)",
        [(1.5, 30.0)],
        "the number whose hyperbolic cosine is x",
        lambda xp, x: xp.log(x + xp.sqrt((x - 1) * (x + 1))),
        lambda xp, y, x: 1 / xp.sqrt((x - 1) * (x + 1)),
    )
    assert register(acosh)(math.cosh(2.0)) == pytest.approx(2.0)
    PROOFS["partials"](acosh)
    test_the_examples_of_every_docstring_run("acosh")


@pytest.mark.usefixtures("unregister")
def test_a_new_primitive_may_have_an_infinite_partial_at_the_example_of_its_docstring() -> None:
    root = one_argument("root", lambda xp, x: xp.sqrt(x), lambda xp, y, x: 0.5 / y, [(0.0, 0.0)])
    x = Value(0.0)
    register(root)(x).backward()
    assert x.grad == math.inf
    test_the_examples_of_every_docstring_run("root")


@pytest.mark.usefixtures("unregister")
def test_a_new_primitive_may_use_itself_in_its_partials() -> None:
    cube = one_argument("cube", lambda xp, x: x * x * x, lambda xp, y, x: 3 * xp.cube(x) / x)
    cube.domain = [(0.5, 5.0)]
    register(cube)
    PROOFS["partials"](cube)
    PROOFS["arrays"](cube)


@pytest.mark.usefixtures("unregister")
@pytest.mark.parametrize("default", [math.inf, math.nan, 3.0])
def test_a_new_primitive_may_have_any_number_as_a_default(default: float) -> None:
    capped = Primitive(
        "capped",
        "capped",
        r"\min(#1, #2)",
        [(-5.0, 5.0), (-5.0, 5.0)],
        "x, but no more than most",
        lambda xp, x, most: xp.minimum(x, most),
        lambda xp, y, x, most: xp.less(x, most),
        lambda xp, y, x, most: xp.less(most, x),
        defaults=(default,),
    )
    assert register(capped)(4.0) == pytest.approx(min(default, 4.0), nan_ok=True)


# --- what cannot be a row changes nothing ---


def one_argument(
    name: str,
    forward: Any = lambda xp, x: x,
    partial: Any = lambda xp, y, x: 1.0,
    domain: Any = ((-5.0, 5.0),),
    **more: Any,
) -> Primitive:
    """A row like any other, but for what is asked for."""
    return Primitive(name, more.pop("symbol", "f"), "f", domain, "f", forward, partial, **more)


def everything() -> list[dict[str, Any]]:
    """All that a row could leave a trace in."""
    engine.draw  # noqa: B018 - which engine keeps for the next time
    kinds = (FLOATS, VALUES, arrays())
    for xp in kinds:
        for name in TABLE:
            getattr(xp, name)  # likewise
    spaces: list[Any] = [vars(space) for space in (engine, engine.functions, Value, *kinds)]
    return [dict(each) for each in (*spaces, TABLE, FUNCTIONS, enumerate(ROWS))]


TAKEN = "exp pow data backward mro Value softmax register draw no_grad functions value files tape"
NONE = ["lambda", "two words", "1st", "", "__len__", "_data", "_repr_html_"]


@pytest.mark.parametrize("name", [*TAKEN.split(), *NONE])
def test_a_name_that_is_taken_or_none_is_refused(name: str) -> None:
    before = everything()
    with pytest.raises(ValueError, match=f"^a primitive cannot be called {name!r}: "):
        register(one_argument(name))
    if name:  # without one, NumPy's is the row's own
        with pytest.raises(ValueError, match=f"^a primitive cannot be called {name!r}: "):
            register(one_argument("cube", numpy=name))
    assert everything() == before


def test_the_name_of_a_module_is_taken_before_that_is_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine.record  # noqa: B018 - it imports engine.tape
    monkeypatch.delattr(engine, "tape")
    with pytest.raises(ValueError, match="'tape'"):
        register(one_argument("tape"))


@pytest.mark.usefixtures("unregister")
def test_a_cell_of_a_notebook_can_be_run_again_and_mended() -> None:
    def cube(*factors: float, name: str = "cube") -> Primitive:
        partials = [lambda xp, y, x: factors[0] * x * x]
        return Primitive(
            name, "cube", "{#1}^3", [(-5, 5)], "x cubed", lambda xp, x: x * x * x, *partials
        )

    register(cube(2.0))  # wrong
    x = Value(2.0)
    y = x.cube()
    y.backward()
    assert x.grad == 8.0
    count, made = len(ROWS), register(cube(3.0))
    assert len(ROWS) == count
    assert made is engine.cube
    for z in (y, x.cube(), engine.cube(x)):
        x.zero_grad()
        z.backward()
        assert x.grad == 12.0
    failing = cube(3.0)
    failing.partials = (lambda xp, y, x: xp.nothing(x),)
    with pytest.raises(AttributeError, match="nothing"):
        register(failing)
    x.zero_grad()
    x.cube().backward()
    assert (x.grad, len(ROWS)) == (12.0, count)


@pytest.mark.usefixtures("unregister")
def test_a_row_with_other_arguments_does_not_replace_one() -> None:
    """Graphs that were computed by the old one could not follow it."""
    register(one_argument("cube"))
    two = Primitive(
        "cube", "cube", "#1#2", [(0, 1)] * 2, "a b", lambda xp, a, b: a * b,
        lambda xp, y, a, b: b, lambda xp, y, a, b: a,
    )  # fmt: skip
    with pytest.raises(ValueError, match="'cube'"):
        register(two)
    assert Value(2.0).cube().op == "cube"


@pytest.mark.parametrize("bad", [3, None, lambda x: x, "cube"])
def test_what_is_no_primitive_is_not_registered(bad: Any) -> None:
    with pytest.raises(TypeError, match=r"register\(row\) takes a Primitive, but got"):
        register(bad)


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp, lambda x: dot(x, [1.0])])
def test_one_value_is_no_list(function: Any) -> None:
    with pytest.raises(TypeError, match=r"takes a list of Values or numbers, but got Value\(2.0\)"):
        function(Value(2.0))


def test_log_softmax_has_the_shares_that_are_too_small_for_a_float() -> None:
    x = [Value(-1000.0), Value(1000.0), Value(0.0)]
    logs = log_softmax(x)
    assert [each.data for each in logs] == [-2000.0, 0.0, -1000.0]
    logs[0].backward()
    assert [each.grad for each in x] == [1.0, -1.0, 0.0]
    with pytest.raises(ValueError, match="at least one value"):
        softmax([])


@pytest.mark.usefixtures("unregister")
@pytest.mark.parametrize("name", ["max", "install", "document", "find_spec", "weighted_sum"])
def test_a_name_that_the_engine_needs_for_itself_is_free_all_the_same(name: str) -> None:
    before = dict(vars(engine.functions))
    assert register(one_argument(name)) is getattr(engine, name)
    assert Value(3.0).__getattribute__(name)().op == name
    assert vars(engine.functions) == before
    register(SINC)
    assert softmax([Value(0.0), 0.0])[0].data == 0.5


def refuse(xp: Any, *x: Any) -> Any:
    raise KeyError("no such thing")


FAILING: dict[str, tuple[Primitive, type[Exception], str]] = {
    "no value": (
        one_argument("bad", lambda xp, x: xp.log(-x), needs="x < 0"),
        ValueError,
        r"bad\(0.5\) has no value: bad needs x < 0",
    ),
    "no formula": (one_argument("bad", lambda xp, x: xp.bat(x)), AttributeError, "'bat'; the ta"),
    "no partial": (one_argument("bad", partial=refuse), KeyError, "no such thing"),
    "no number": (one_argument("bad", partial=lambda xp, y, x: 1j), TypeError, "complex"),
    "endless": (one_argument("bad", lambda xp, x: xp.bad(x)), RecursionError, "recursion"),
    "no symbol": (one_argument("bad", symbol=""), ValueError, "row of bad needs a symbol"),
    "used itself": (
        one_argument("bad", partial=lambda xp, y, x: refuse(xp, xp.bad(x))),
        KeyError,
        "no such thing",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_row_that_fails_leaves_no_trace(case: str) -> None:
    row, kind, words = FAILING[case]
    before = everything()
    with pytest.raises(kind, match=words) as caught:
        register(row)
    assert everything() == before
    if row.symbol:
        assert caught.value.__notes__ == ["So the primitive 'bad' was not registered."]
    with pytest.raises(AttributeError, match="bad"):
        engine.bad  # noqa: B018


def test_after_the_tests_the_table_is_as_before() -> None:
    assert "sinc" not in TABLE
    assert not hasattr(Value, "sinc")
    with pytest.raises(AttributeError, match="sinc"):
        engine.sinc  # noqa: B018
