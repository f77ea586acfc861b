"""gradcheck() finds what is wrong, names it, and does not cry wolf."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import pairwise
from math import inf, isfinite, isnan, nan
from typing import Any

import pytest
from hypothesis import given, settings

import nn
from engine import (
    Primitive,
    Value,
    dot,
    exp,
    gradient,
    maximum,
    no_grad,
    register,
    relu,
    sqrt,
    tanh,
    where,
)
from engine.check import gradcheck
from engine.checking import differences
from engine.checking.findings import Report
from engine.checking.subjects import FunctionSubject
from engine.checking.suspects import suspects
from engine.rules import ROWS, TABLE

from ..graphs import Program, programs, run
from ..reference import apply, node_at

Plant = Callable[..., Primitive]
X = [[0.3, 1.0], [0.5, 0.2], [1.0, 0.4]]  # hours of sleep and study, as in Welch Labs
Y = [0.75, 0.82, 0.93]


@pytest.fixture(params=["with mpmath", "without"])
def _precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setattr(differences, "precise", lambda: None)


def rosenbrock(x: list[Any]) -> Any:
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def oscillating(x: Any) -> Any:
    return (1e6 * x).sin()


RIGHT: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (lambda x: x**3, (2.0,)),
    (rosenbrock, ([0.1, -1.2, 3.0, 2.0],)),
    (lambda x, y: tanh(x) * y / (1 + exp(x)), (0.5, -2.0)),
    (lambda p: {"a": p["w"][0] * p["w"][1] ** 2, "b": [p["b"]]}, ({"w": [2.0, 3.0], "b": 1},)),
    (lambda x: 1e8 * x * x - 1e8, (1.0,)),
    (lambda x: 1e-9 * x.sin(), (1.0,)),
    (lambda x, y: x, (1.0, 2.0)),
    (lambda x: where(x < 1.0, x * x, x), (0.5,)),
    (lambda x: x * 3 if x > 0 else x * 2, (0.1,)),  # a branch of Python's, far enough away
    (lambda x: relu(x) * 3 + x * x, (0.3,)),
    (lambda x: (x * 1e-3).log(), (5.0,)),
    (lambda x: x * 0.0, (3.0,)),
]


@pytest.mark.usefixtures("_precision")
@pytest.mark.parametrize(("f", "point"), RIGHT)
def test_what_is_right_is_said_to_be_right(f: Callable[..., Any], point: tuple[Any, ...]) -> None:
    report = gradcheck(f, *point, order=2)
    assert {each.verdict for each in report.findings} == {"right"}, report
    assert report
    assert report.relative_norm < 1e-7
    results = len(f(*point)) if isinstance(point[0], dict) else 1
    count = sum(3 if isinstance(x, dict) else len(x) if isinstance(x, list) else 1 for x in point)
    assert len(report.findings) == results * (count + count**2)


# Where floats alone leave a doubt, many digits do not.
SETTLED: list[tuple[Callable[..., Any], float]] = [
    (oscillating, 1.0),
    (lambda x: x.log(), 1e-9),
    (lambda x: relu(x) * 3 + x * x, 1e-8),
    (lambda x: where(x < 0.0, 2 * x, 3 * x), -1e-9),
    (lambda x: where(x < 0.0, 2 * x, 3 * x), 1e-9),
    (lambda x: 1e20 + x * x, 1.0),  # the differences of floats are all 0
]


@pytest.mark.parametrize(("f", "x"), SETTLED)
def test_many_digits_settle_a_doubt(
    f: Callable[..., Any], x: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [each.verdict for each in gradcheck(f, x, order=2).findings] == ["right", "right"]
    monkeypatch.setattr(differences, "precise", lambda: None)
    unsettled = gradcheck(f, x)
    assert unsettled.of("wrong") == []


def test_without_mpmath_a_doubt_is_called_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "precise", lambda: None)
    report = gradcheck(lambda x: 1e20 * x.sin() + 1e36, 1.0)
    assert "could not be checked" in str(report)


@settings(max_examples=15)
@given(programs([row for row in ROWS if not row.kinks and not row.selects]))
def test_no_wolf_in_random_graphs(drawn: tuple[list[float], Program]) -> None:
    leaves, program = drawn
    report = gradcheck(lambda x: run(x, program[:8], apply), leaves)
    assert report.of("wrong") == [], report


# --- kinks ---

KINKS: list[tuple[Callable[..., Any], tuple[float, ...], str]] = [
    (abs, (0.0,), r"got 0, at a kink: of abs\(0\)"),
    (lambda x: relu(x) - relu(-x), (0.0,), r"got 0, at a kink: of relu\(0\), relu\(-0\)"),
    (lambda x: x.step() * 5, (0.0,), r"at a kink: of step\(0\)"),
    (lambda x, y: maximum(x, y) * x, (1.5, 1.5), r"at a kink: of maximum\(1.5, 1.5\)"),
    (lambda x: x * 3 if x > 0 else x * 2, (0.0,), "its slopes on both sides differ"),
    (lambda x: x * x + 3 * x if x > 0 else x, (0.0,), "computed in another way on one side"),
    (lambda x: sqrt(x), (0.0,), "got inf, at a kink: it has no value on one side"),
]


@pytest.mark.usefixtures("_precision")
@pytest.mark.parametrize(("f", "point", "words"), KINKS)
def test_a_kink_is_called_a_kink(
    f: Callable[..., Any], point: tuple[float, ...], words: str
) -> None:
    report = gradcheck(f, *point)
    assert report, report
    assert re.search(words, str(report)), report


def test_a_primitive_that_is_wrong_is_no_kink(plant: Plant) -> None:
    plant("tanh", lambda xp, y, x: 1 + y * y)
    report = gradcheck(lambda x: tanh(x) + abs(x - 0.5), 0.5)
    assert "the primitive tanh is wrong" in str(report)
    assert not report


# --- what is wrong is found and named ---

PLANTED: list[tuple[str, list[Any]]] = [
    ("tanh", [lambda xp, y, x: 1 + y * y]),
    ("div", [lambda xp, y, a, b: 1 / b, lambda xp, y, a, b: y / b]),
    ("hypot", [*TABLE["hypot"].partials[::-1]]),
    ("erf", [lambda xp, y, x: 1.1283 * xp.exp(-x * x)]),
    ("logsumexp", [lambda xp, k, y, x: xp.exp(x[k])]),
    ("sqrt", [lambda xp, y, x: 0.5 / y * (1 + 1e-5)]),
    ("pow", [TABLE["pow"].partials[0], lambda xp, y, a, b: y * xp.log(a) + 1e-3]),
]


@pytest.mark.usefixtures("_precision")
@pytest.mark.parametrize(("name", "partials"), PLANTED)
def test_a_planted_fault_is_named(name: str, partials: list[Any], plant: Plant) -> None:
    """In the middle of others, which all depend on it, the right one is named, and no other."""
    row = plant(name, *partials)
    arity = 3 if row.variadic else len(row.arguments)

    def f(*x: Value) -> Any:
        wrong = apply(row, [each.sigmoid() for each in x[:arity]])
        return (wrong * wrong).exp() + x[0].sin()

    report = gradcheck(f, 0.3, 0.7, 1.1)
    assert [each.row.name for each in report.suspects] == [name], report
    assert not report
    (suspect,) = report.suspects
    call = re.escape(row.call(*["\0"] * arity)).replace("\0", r"\(?[-\d.e]+\)?")
    assert re.search(
        f"^the primitive {name} is wrong: at {call} its partial in ", str(report), re.M
    )
    assert not isfinite(suspect.got) or suspect.got != pytest.approx(suspect.expected, rel=1e-6)


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid"])
def test_a_fault_of_second_order_is_named(name: str, plant: Plant) -> None:
    sound = TABLE[name].partials[0]

    def cut(xp: Any, y: Any, x: Any) -> Any:
        return sound(xp, y.detach() if isinstance(y, Value) else y, x)

    row = plant(name, cut)
    assert gradcheck(lambda x: apply(row, [x]) * x, 0.5)  # the first order is right
    report = gradcheck(lambda x: apply(row, [x]) * x, 0.5, order=2)
    assert [(each.name, each.verdict) for each in report.findings] == [
        ("df/dx", "right"),
        ("d²f/dx dx", "wrong"),
    ]
    assert f"the primitive {name} is wrong: at {name}(0.5) its partial in x, differentiated" in str(
        report
    )


def test_a_report_says_where_and_what(plant: Plant) -> None:
    plant("tanh", lambda xp, y, x: 1 + y * y)
    report = gradcheck(lambda w, b: {"out": tanh(w[1] * b)}, [1.0, 0.5], 1.0)
    assert [line.partition(" (to ")[0] for line in str(report).splitlines()[:4]] == [
        "3 derivatives of f: 2 wrong, 1 right",
        "  df['out']/dw[1] at w[1] = 0.5: got 1.213552267, expected 0.786447733",
        "  df['out']/db at b = 1: got 0.6067761335, expected 0.3932238665",
        "the primitive tanh is wrong: at tanh(0.5) its partial in x gives 1.213552267, and should "
        "give 0.786447733",
    ]
    assert repr(report) == "<gradcheck: 3 derivatives of f: 2 wrong, 1 right (print it)>"


@pytest.mark.parametrize("x", [0.0, 1.0, 1e5, 1e6])
def test_a_wrong_sign_is_named(x: float, plant: Plant) -> None:
    """The gradient is then the exact opposite: |g + g_num| is 0."""
    plant("sin", lambda xp, y, x: -xp.cos(x))
    report = gradcheck(lambda x: x.sin(), x)
    assert [each.row.name for each in report.suspects] == ["sin"], report
    assert [each.verdict for each in report.findings] == ["wrong"]
    assert report.relative_norm == inf
    assert "|g + g_num| = inf" in str(report)


def test_a_wrong_sign_beside_the_graph() -> None:
    report = gradcheck(lambda x: x - 2 * x.detach(), 1.0)
    assert not report
    assert report.relative_norm > 1e9
    assert "got 1, expected -1" in str(report)


FAST: list[tuple[Callable[[Any], Any], float, str]] = [
    (lambda x: x.sin(), 1e6, r"changes too fast in sin\(1e\+06\)"),
    (lambda x: x.tan(), 1e6, r"changes too fast in tan\(1e\+06\)"),
    (lambda x: tanh(1e6 * x), 1e-7, r"changes too fast in tanh\(0\.1\)"),
    (lambda x: (x * 1e6).sin(), 1.0, r"changes too fast in sin\(1e\+06\)"),
    (lambda x: x.log(), 1e-9, "has no value on one side"),
]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("f", "x", "words"), FAST)
def test_what_is_too_fast_for_a_step_is_no_kink(
    f: Any, x: float, words: str, sign: int, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right or wrong, without mpmath it cannot be told, and is called neither; with it, it can."""
    for name in ("sin", "tan", "tanh", "log"):
        sound = TABLE[name].partials[0]
        plant(name, lambda xp, y, x, sound=sound: sign * sound(xp, y, x))
    settled = gradcheck(f, x)
    assert [each.verdict for each in settled.findings] == ["right" if sign == 1 else "wrong"]
    monkeypatch.setattr(differences, "precise", lambda: None)
    report = gradcheck(f, x)
    assert [each.verdict for each in report.findings] == ["unknown"], report
    assert re.search(
        f"could not be checked: it {words}, and cannot be decided by diff", str(report)
    )
    assert "install mpmath (pip install mpmath)" in str(report)
    assert "kink" not in str(report)
    assert "relative norm" not in str(report)
    assert isnan(report.relative_norm)


@pytest.mark.parametrize("f", [lambda x: x * 3 if x > 0 else x * 2, lambda x: exp(1e7 * x) * 2])
def test_noise_of_sums_that_cancel_is_no_kink_of_a_product(
    f: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differences, "precise", lambda: None)
    assert " * 1e-09" not in str(gradcheck(f, 1e-9))
    assert "1e-09 * " not in str(gradcheck(f, 1e-9))


LOST: list[Callable[[Value], Any]] = [
    lambda x: x * x.data,
    lambda x: x * x.detach(),
    lambda x: x + float(x.data) ** 2,
]


@pytest.mark.usefixtures("_precision")
@pytest.mark.parametrize("f", LOST)
def test_what_is_computed_beside_the_graph(f: Callable[[Value], Any]) -> None:
    report = gradcheck(f, 3.0)
    assert not report
    assert report.suspects == []
    assert "every primitive is right by itself: is a part of the function computed" in str(report)


def test_a_primitive_of_ones_own(unregister: None) -> None:
    cube = register(
        Primitive("cube_of", "cube", "{#1}^3", [(-5, 5)], "x * x * x",
                  lambda xp, x: x * x * x, lambda xp, y, x: 3 * x)
    )  # fmt: skip
    report = gradcheck(cube, 2.0)
    assert "the primitive cube_of is wrong: at cube_of(2) its partial in x gives 6, and" in str(
        report
    )
    assert str(report).splitlines()[0] == "1 derivative of cube_of: 1 wrong"


def test_a_fault_in_the_last_of_many_operands(plant: Plant) -> None:
    sound = TABLE["dot"].partials[0]
    plant("dot", lambda xp, k, y, x: sound(xp, k, y, x) * (2 if k == len(x) - 1 else 1))
    node = dot([Value(0.5)] * 40, [Value(2.0)] * 40, Value(1.0))
    (suspect,) = suspects([node], order=1, tolerance=1e-6)
    assert str(suspect) == (
        "the primitive dot is wrong: at dot(0.5, 0.5, 0.5, ... 76 more ..., 2, 1) its partial in "
        "operands[80] gives 2, and should give 1"
    )


@pytest.mark.usefixtures("_precision")
@pytest.mark.parametrize("scale", [1e-13, 1e-30, 1e-100])
def test_small_numbers_are_no_excuse(scale: float) -> None:
    """What is lost is lost, however small; what is right stays right."""
    assert [f.verdict for f in gradcheck(lambda x: scale * x * x.data, 3.0).findings] == ["wrong"]
    assert not gradcheck(lambda x: x.sin() * x.detach() * scale, 1.0)
    for f in (lambda x: scale * x * x, lambda x: (scale * x).exp() - 1, lambda x: x.sin() * scale):
        for x in (3.0, 0.0, 1e-9):
            assert gradcheck(f, x, order=2).of("wrong") == [], (x, f)


CANCELLED: list[Callable[[Value], Any]] = [
    lambda x: x.sin() ** 2 + x.cos() ** 2 - 1,
    lambda x: (x + 1) * (x - 1) - x * x,
    lambda x: x**4,
    lambda x: tanh(x * 1e10) * 1e-20,
]


@pytest.mark.usefixtures("_precision")
@pytest.mark.parametrize("f", CANCELLED)
@pytest.mark.parametrize("x", [1e-9, 0.7, 3.0])
def test_noise_of_terms_that_cancel_is_no_fault(f: Callable[[Value], Any], x: float) -> None:
    report = gradcheck(f, x, order=2)
    assert report, report


def test_a_second_derivative_where_the_first_is_zero() -> None:
    report = gradcheck(lambda x: x[0] * x[0] + x[0] * x[1], [0.0, 0.0], order=2)
    assert [each.got for each in report.findings] == [0.0, 0.0, 2.0, 1.0, 1.0, 0.0]
    assert {each.verdict for each in report.findings} == {"right"}


@pytest.mark.usefixtures("_precision")
@pytest.mark.parametrize(
    ("f", "x", "words"),
    [
        (lambda x: x * x, inf, "x = inf: got inf, which could not be checked: no step leads away"),
        (lambda x: x * x, nan, "x = nan: got nan, which could not be checked: no step leads away"),
        (lambda x: 1 / x, 1e-200, "to or across a pole of 1 / 1e-200"),
        (lambda x: x * 1e308 * 10, 1.0, "what is differentiated is inf there"),
    ],
)
def test_places_where_nothing_can_be_told(f: Callable[[Value], Any], x: float, words: str) -> None:
    report = gradcheck(f, x)
    assert words in str(report)
    (finding,) = report.findings
    assert finding.verdict == "unknown"


@pytest.mark.usefixtures("_precision")
def test_beside_a_pole_nothing_can_be_told() -> None:
    for f in (lambda x: x.tan(), lambda x: x.tan() * x.data):
        report = gradcheck(f, 1.5707963)
        assert report.of("unknown") == report.findings
        assert "a step leads to or across a pole of tan(1.5708)" in str(report)


# --- networks ---


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "gelu", "softplus"])
def test_a_whole_network(activation: str, capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.MLP(2, [3, 1], activation, seed=1)
    before = [p.data for p in model.parameters()]
    report = gradcheck(model, X, Y, nn.squared_error, order=2 if activation == "tanh" else 1)
    assert report
    assert report.relative_norm < 1e-8  # what Welch Labs ask for
    assert capsys.readouterr().out == (
        f"relative norm |g - g_num| / |g + g_num| = {report.relative_norm:.1e}\n"
    )
    assert [p.data for p in model.parameters()] == before
    assert not any(p.has_grad for p in model.parameters())


def test_no_grad_around_it_changes_nothing() -> None:
    with no_grad():
        model = nn.MLP(2, [3, 1], "tanh", seed=1)
        assert gradcheck(model, X, Y, nn.squared_error, order=2).relative_norm < 1e-8
        assert gradcheck(lambda x: x.tan() * x, 0.5, order=2)
        assert not gradcheck(lambda x: x * x.data, 0.5)
        assert Value(2.0).tan().is_constant


def test_order_one_differentiates_at_one_point_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(FunctionSubject, "gradients", lambda self, at: calls.append(at))
    assert gradcheck(lambda x: x.sin(), 0.5)
    assert calls == []


def test_its_gradient_is_that_of_the_mean_loss() -> None:
    model = nn.MLP(2, [3, 1], "tanh", seed=1)
    report = gradcheck(model, X, Y, nn.squared_error)
    for x, y in zip(X, Y, strict=True):
        (nn.squared_error(model(x), y) / 3).backward()
    assert [f.got for f in report.findings] == pytest.approx([p.grad for p in model.parameters()])
    assert report.findings[0].name == "dloss/d0.weight[0][0]"


def test_a_network_with_a_planted_fault(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    plant("tanh", lambda xp, y, x: 1 - y)
    report = gradcheck(nn.MLP(2, [3, 1], "tanh", seed=1), X, Y, nn.squared_error)
    assert report.relative_norm > 1e-3
    assert [each.row.name for each in report.suspects] == ["tanh"]
    assert f"{report.relative_norm:.1e}" in capsys.readouterr().out


def test_a_sample_of_a_large_network() -> None:
    model = nn.MLP(2, [40, 10], "relu", seed=1)
    report = gradcheck(model, X[:1], [3], nn.cross_entropy, sample=5)
    assert len(report.findings) == 5
    assert report
    assert len({each.name for each in report.findings}) == 5


def test_whatever_has_parameters_is_a_network() -> None:
    class Line:
        def __init__(self) -> None:
            self.w, self.b = Value(2.0, "slope"), Value(1.0)

        def parameters(self) -> list[Value]:
            return [self.w, self.b]

        def __call__(self, x: float) -> Value:
            return self.w * x + self.b  # type: ignore[no-any-return]

    report = gradcheck(Line(), [1.0, 2.0], [3.0, 4.0], lambda a, y: (a - y) ** 2)
    assert [each.name for each in report.findings] == ["dloss/dslope", "dloss/dp[1]"]
    assert report


# --- errors ---

MODEL = nn.MLP(2, [1], seed=1)
ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: gradcheck(3.0, 1.0), TypeError, "takes a function, or a network, but got 3.0"),
    (lambda: gradcheck(Value(3.0)), TypeError, "write gradcheck\\(f, x\\), where f computes it"),
    (lambda: gradcheck(lambda x: 3.0, 1.0), TypeError, "needs an f that returns a Value"),
    (lambda: gradcheck(lambda x: x), TypeError, r"got none: write gradcheck\(f, 3.0\)$"),
    (lambda: gradcheck(lambda x: x, "3"), TypeError, "convert text with float"),
    (lambda: gradcheck(lambda x: x, 1.0, order=3), ValueError, "order is 1, or 2"),
    (lambda: gradcheck(lambda x: x, 1.0, sample=0), ValueError, "sample is a number of"),
    (lambda: gradcheck(lambda x: x, 1.0, tolerance=nan), ValueError, "above 0, .* got nan"),
    (lambda: gradcheck(lambda x: x, 1.0, tolerance=-1.0), ValueError, "above 0, .* got -1.0"),
    (lambda: gradcheck(lambda x: x, 1.0, tolerance="1"), ValueError, "above 0, .* got '1'"),  # type: ignore[arg-type]
    (lambda: gradcheck(lambda x: x * random.random(), 1.0), ValueError, "nothing to chance"),
    (lambda: gradcheck(MODEL, X), TypeError, "with examples, targets and loss"),
    (lambda: gradcheck(MODEL, X, Y, "hinge"), TypeError, r"got 'hinge': write nn\.hinge"),
    (lambda: gradcheck(MODEL, X, Y[:2], nn.hinge), ValueError, "3 examples and 2 targets"),
    (lambda: gradcheck(MODEL, [], [], nn.hinge), ValueError, "0 examples and 0 targets"),
    (lambda: gradcheck(MODEL, X, Y, lambda a, y: 3.0), TypeError, "must return a Value"),
    (
        lambda: gradcheck(MODEL, X, Y, lambda a, y: gradient(a * a, a) * a),
        TypeError,
        "would lose the gradient of a Value: write gradient\\(y, xs, differentiable=True\\)",
    ),
]


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS)
def test_errors_teach(call: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()


def test_dropout_is_chance() -> None:
    model = nn.Sequential(nn.Dropout(0.5, seed=0), nn.MLP(2, [1], seed=1))
    with pytest.raises(ValueError, match=r"nothing to chance .* model.eval\(\) stops dropout"):
        gradcheck(model, X, Y, nn.squared_error)
    assert gradcheck(model.eval(), X, Y, nn.squared_error)


# --- the differences by themselves ---


def test_steps_of_every_size() -> None:
    def f(x: list[float]) -> list[float]:
        return [x[0] ** 3, 1 / x[0]]

    for x in (1e-8, 1e-3, 1.0, 1e4):
        cube, inverse = differences.careful_slopes(f, [x], 0, 2)
        assert cube.value == pytest.approx(3 * x * x, rel=1e-7, abs=1e-11)
        assert inverse.value == pytest.approx(-1 / x**2, rel=1e-8)


def test_errors_are_not_underestimated() -> None:
    for name in ("sin", "exp", "tanh", "log", "erf", "sigmoid", "gelu", "atan"):
        row = TABLE[name]
        for x in (0.1, 0.5, 0.9):
            node = node_at(row, [x])
            assert node is not None
            want = node.local_derivatives[0]

            def f(at: list[float], row: Primitive = row) -> list[float]:
                node = node_at(row, at)
                return [inf if node is None else node.data]

            found = differences.slopes(f, [x], 0)
            assert found is not None
            careful = differences.careful_slopes(f, [x], 0, 1)[0]
            for slope, error in ((found[0][0], 1e-4), (careful, 1e-11)):
                assert abs(slope.value - want) <= 10 * slope.error + 1e-15, (name, x, slope)
                assert slope.error < error, (name, x, slope)


def test_nothing_to_find() -> None:
    report = Report("f", [])
    assert report
    assert isnan(report.relative_norm)
    assert "relative norm" not in str(report)


def test_a_gradient_of_zero_is_no_noise() -> None:
    assert gradcheck(lambda x: abs(x) ** 3, 0.0).relative_norm == 0.0
