"""A step is PyTorch's step, all or nothing, and a saved optimiser goes on exactly."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Callable
from math import inf, nan, sin
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value
from nn.optim import OPTIMIZERS, SGD, Adam, AdamW, Optimizer, RMSprop
from nn.refusals import Unbounded

START = (1.0, -2.0, 0.5)


def leaves(numbers: tuple[float, ...] | list[float] = START) -> list[Value]:
    return [Value(number) for number in numbers]


def numbers(parameters: list[Value]) -> list[float]:
    return [p.data for p in parameters]


def follow(optimizer: Optimizer, gradients: list[list[float]]) -> list[float]:
    """The parameters after a step along each of the gradients."""
    for gradient in gradients:
        optimizer.zero_grad()
        for p, g in zip(optimizer.parameters, gradient, strict=True):
            p.grad = g
        optimizer.step()
    return numbers(optimizer.parameters)


WAVES = [[sin(1.3 * t + k) * (k + 0.5) + 0.2 * k - 0.1 for k in range(3)] for t in range(50)]

# What PyTorch 2.13 in float64 makes of START and WAVES.
STORED: list[tuple[type[Optimizer], dict[str, Any], list[float]]] = [
    (SGD, {"lr": 0.1}, [1.4692880279032798, -2.7170295264826247, -1.2373119848498448]),
    (
        SGD,
        {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.02},
        [2.3212119915264884, -3.486327204154711, -5.256050562475311],
    ),
    (
        SGD,
        {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
        [1.9395538114196706, -3.209012680762777, -3.159147130607718],
    ),
    (
        RMSprop,
        {"lr": 0.02, "alpha": 0.95},
        [1.351187462469519, -2.223402996732723, 0.23797831791666849],
    ),
    (
        RMSprop,
        {"lr": 0.01, "alpha": 0.9, "eps": 1e-06, "momentum": 0.7, "weight_decay": 0.03},
        [1.320271097520325, -2.164103578607879, 0.1668979645062525],
    ),
    (Adam, {"lr": 0.02}, [1.2402700318075057, -2.155603075930384, 0.30967069895470944]),
    (
        Adam,
        {"lr": 0.03, "betas": (0.8, 0.99), "eps": 1e-06, "weight_decay": 0.1},
        [0.964143207271968, -1.945429082615992, 0.19345132684565136],
    ),
    (
        AdamW,
        {"lr": 0.03, "betas": (0.7, 0.95), "weight_decay": 0.1},
        [1.2161776764554253, -1.9032786684427594, 0.1745478874640049],
    ),
]
kinds = pytest.mark.parametrize(
    ("kind", "chosen", "expected"),
    STORED,
    ids=[f"{kind.__name__}{n}" for n, (kind, _, _) in enumerate(STORED)],
)


@kinds
def test_fifty_steps_as_stored_from_pytorch(
    kind: type[Optimizer], chosen: dict[str, Any], expected: list[float]
) -> None:
    found = follow(kind(leaves(), **chosen), WAVES)
    assert found == pytest.approx(expected, rel=1e-12, abs=0)


share = st.floats(0, 0.99)
# With the last gradient's square alone a step hangs on little but its sign, and where the gradient
# crosses 0 a rounding error grows a hundredfold: PyTorch differs from itself there.
square_share = st.floats(0.5, 0.99)
decay = st.floats(0, 0.3)
rate = st.floats(1e-4, 0.3)
tiny = st.floats(1e-10, 1e-2)
CHOICES = st.one_of(
    st.tuples(
        st.just(SGD),
        st.fixed_dictionaries({"lr": rate, "momentum": share, "weight_decay": decay}),
    ),
    st.tuples(
        st.just(SGD),
        st.fixed_dictionaries(
            {"lr": rate, "momentum": st.floats(0.1, 0.99), "nesterov": st.just(True)}
        ),
    ),
    st.tuples(
        st.just(RMSprop),
        st.fixed_dictionaries(
            {
                "lr": rate,
                "alpha": square_share,
                "eps": tiny,
                "momentum": share,
                "weight_decay": decay,
            }
        ),
    ),
    st.tuples(
        st.sampled_from([Adam, AdamW]),
        st.fixed_dictionaries(
            {
                "lr": rate,
                "betas": st.tuples(share, square_share),
                "eps": tiny,
                "weight_decay": decay,
            }
        ),
    ),
)


@settings(max_examples=40, deadline=None)
@given(choice=CHOICES, seed=st.integers(0, 10**6))
def test_fifty_steps_with_any_settings_as_in_pytorch(
    choice: tuple[type[Optimizer], dict[str, Any]], seed: int
) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: it is the oracle")
    kind, chosen = choice
    chance = random.Random(seed)
    start = [chance.gauss(0, 2) for _ in range(4)]
    ours = kind(leaves(start), **chosen)
    tensor = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    theirs = getattr(torch.optim, kind.__name__)([tensor], **chosen)
    for step in range(50):
        gradient = [chance.gauss(0, 10.0 ** chance.randint(-3, 1)) for _ in start]
        if step == 25:  # as a schedule does
            ours.lr = theirs.param_groups[0]["lr"] = chosen["lr"] / 2
        found = follow(ours, [gradient])
        tensor.grad = torch.tensor(gradient, dtype=torch.float64)
        theirs.step()
        expected = tensor.tolist()
        size = max(map(abs, [*start, *expected]))  # what it is relative to, if one is near 0
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-12 * size)


def test_with_beta1_0_adam_forgets_the_mean_exactly() -> None:
    """And does not take the difference of old and new, in which the small number is lost."""
    optimizer = Adam(leaves([1.0]), betas=(0.0, 0.999))
    follow(optimizer, [[1e9], [1e-9]])
    assert optimizer.state_dict()["mean"].tolist() == [1e-9]


@kinds
@pytest.mark.parametrize("stop", [0, 1, 20])
def test_a_saved_state_goes_on_exactly(
    kind: type[Optimizer], chosen: dict[str, Any], expected: list[float], stop: int
) -> None:
    first = kind(leaves(), **chosen)
    follow(first, WAVES[:stop])
    saved = first.state_dict()
    assert all(type(x) is float or x.dtype == np.float64 for x in saved.values())
    text = json.dumps({name: np.asarray(x).tolist() for name, x in saved.items()})
    second = kind(leaves(numbers(first.parameters)), lr=0.5)
    second.load_state_dict(json.loads(text))
    assert follow(second, WAVES[stop:]) == follow(kind(leaves(), **chosen), WAVES)
    assert repr(second) == repr(first)


def test_a_saved_state_is_a_copy() -> None:
    optimizer = Adam(leaves())
    follow(optimizer, WAVES[:3])
    saved = optimizer.state_dict()
    kept = saved["mean"].copy()
    optimizer.state_dict()["mean"][:] = 99.0
    assert (optimizer.state_dict()["mean"] == kept).all()
    follow(optimizer, WAVES[3:6])
    assert (saved["mean"] == kept).all()
    optimizer.load_state_dict(saved)
    saved["mean"][:] = 99.0
    assert (optimizer.state_dict()["mean"] == kept).all()


@kinds
def test_update_does_what_step_does_without_values(
    kind: type[Optimizer], chosen: dict[str, Any], expected: list[float]
) -> None:
    optimizer = kind(leaves(), **chosen)
    data = np.array(START)
    for gradient in WAVES:
        before = data.copy()
        new = optimizer.update(data, np.array(gradient))
        assert (data == before).all()
        data = new
    assert data.tolist() == follow(kind(leaves(), **chosen), WAVES)
    assert numbers(optimizer.parameters) == list(START)


@kinds
@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_an_unbounded_gradient_changes_nothing(
    kind: type[Optimizer], chosen: dict[str, Any], expected: list[float], bad: float
) -> None:
    optimizer = kind(leaves(), **chosen)
    follow(optimizer, WAVES[:10])
    before = numbers(optimizer.parameters)
    words = rf"parameters\[1\] has a gradient of {bad}, so the step was not made"
    with pytest.raises(FloatingPointError, match=words):
        follow(optimizer, [[0.1, bad, nan]])
    assert numbers(optimizer.parameters) == before
    assert follow(optimizer, WAVES[10:]) == pytest.approx(expected, rel=1e-12, abs=0)


def test_a_step_that_overflows_changes_nothing() -> None:
    for optimizer in (SGD(leaves(), lr=1e300), Adam(leaves()), RMSprop(leaves())):
        before = optimizer.state_dict()
        with pytest.raises(FloatingPointError, match=r"parameters\[2\] would become -?inf"):
            follow(optimizer, [[0.0, 0.0, 1e200]])
        assert numbers(optimizer.parameters) == list(START)
        np.testing.assert_equal(optimizer.state_dict(), before)


def test_a_rule_that_would_hide_an_infinite_gradient_is_not_asked() -> None:
    class Clipped(SGD):
        def rule(self, w: Any, g: Any) -> Any:
            return super().rule(w, np.clip(g, -1.0, 1.0))

    with pytest.raises(FloatingPointError, match=r"parameters\[1\] has a gradient of -inf"):
        follow(Clipped(leaves()), [[0.1, -inf, 1.0]])


def test_neither_is_a_rule_put_on_the_optimiser() -> None:
    optimizer = SGD(leaves())
    own = optimizer.rule
    optimizer.rule = lambda w, g: own(w, np.nan_to_num(g))  # type: ignore[method-assign]
    with pytest.raises(FloatingPointError, match=r"parameters\[1\] has a gradient of nan"):
        follow(optimizer, [[0.1, nan, 1.0]])


@pytest.mark.parametrize("kind", [SGD, RMSprop, Adam, AdamW])
def test_numbers_are_float64_whatever_the_gradient_is(kind: type[Optimizer]) -> None:
    start, g = np.array([0.1234567890123]), np.array([1.0], np.float32)
    found = kind([Value(0.0)], lr=1e-9).update(start, g)
    assert found.dtype == np.float64
    assert found == kind([Value(0.0)], lr=1e-9).update(start, g.astype(float))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (lambda w, g: ((w - g)[:2], {}), r"its new numbers have shape \(2,\), type float64"),
        (lambda w, g: (w - 1j * g, {}), r"its new numbers have shape \(3,\), type complex128"),
        (lambda w, g: (w - g, {"velocity": 0.0}), r"its velocity have shape \(\), type float64"),
        (lambda w, g: w - g, "it gave a ndarray that is no such pair"),
        (lambda w, g: (w - g, None), "it gave a tuple that is no such pair"),
    ],
)
def test_what_a_rule_gives_must_fit(rule: Any, words: str) -> None:
    class Own(SGD):
        def rule(self, w: Any, g: Any) -> Any:
            return rule(w, g)

    optimizer = Own(leaves())
    with pytest.raises((TypeError, ValueError), match=rf"rule\(\) of Own .* but {words}"):
        follow(optimizer, WAVES[:1])
    assert numbers(optimizer.parameters) == list(START)


def test_a_rule_may_give_whole_numbers_in_a_list() -> None:
    class Own(SGD):
        def rule(self, w: Any, g: Any) -> Any:
            return [1, 2, 3], self.state

    assert follow(Own(leaves()), WAVES[:1]) == [1.0, 2.0, 3.0]


@pytest.mark.filterwarnings("error")
def test_numbers_whose_sum_overflows_are_no_reason_to_refuse_a_step() -> None:
    optimizer = SGD(leaves([0.0, 0.0]), lr=0.5)
    assert optimizer.update(np.zeros(2), np.array([1.5e308, 1.5e308])).tolist() == [-7.5e307] * 2


def test_gradients_come_from_backward() -> None:
    x, y = Value(3.0), Value(-1.0)
    optimizer = SGD([x, y], lr=0.25)
    (x * x + 4 * y).backward()
    optimizer.step()
    assert (x.data, y.data) == (1.5, -2.0)
    optimizer.zero_grad()
    assert not x.has_grad
    assert not y.has_grad


def test_a_parameter_that_was_not_reached_counts_as_gradient_0() -> None:
    x, y = Value(3.0), Value(-1.0)
    (x * x).backward()
    SGD([x, y], lr=0.5).step()
    assert (x.data, y.data) == (0.0, -1.0)


def test_a_step_without_any_gradient_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"step\(\) has no gradient to follow: call backward"):
        SGD(leaves()).step()


def test_a_schedule_can_set_the_learning_rate() -> None:
    optimizer = SGD(leaves([1.0]), lr=1.0)
    optimizer.lr = 0.25
    assert optimizer.lr == optimizer.state_dict()["lr"] == 0.25
    assert follow(optimizer, [[2.0]]) == [0.5]
    optimizer.lr = 0
    assert follow(optimizer, [[2.0]]) == [0.5]
    for bad in (-0.1, nan, inf):
        with pytest.raises(ValueError, match=r"SGD\(lr\) must be 0 or more and finite"):
            optimizer.lr = bad
    assert optimizer.lr == 0


BAD_SETTINGS: list[tuple[type[Optimizer], dict[str, Any], type[Exception], str]] = [
    (SGD, {"lr": -0.1}, ValueError, r"SGD\(lr\) must be 0 or more and finite.*but got -0.1"),
    (Adam, {"lr": nan}, ValueError, r"Adam\(lr\)"),
    (Adam, {"lr": inf}, ValueError, r"Adam\(lr\)"),
    (Adam, {"lr": "fast"}, TypeError, r"Adam\(lr\) takes a real number, but got 'fast'"),
    (SGD, {"momentum": 1.0}, ValueError, r"SGD\(momentum\) must be from 0 to below 1"),
    (SGD, {"momentum": -0.1}, ValueError, r"SGD\(momentum\)"),
    (SGD, {"weight_decay": -1e-9}, ValueError, r"SGD\(weight_decay\) must be 0 or more"),
    (SGD, {"nesterov": True}, ValueError, r"nesterov=True.*give momentum=0.9"),
    (RMSprop, {"alpha": 1.0}, ValueError, r"RMSprop\(alpha\)"),
    (RMSprop, {"eps": -1e-8}, ValueError, r"RMSprop\(eps\)"),
    (Adam, {"betas": (1.0, 0.999)}, ValueError, r"Adam\(beta1\) must be from 0 to below 1"),
    (AdamW, {"betas": (0.9, nan)}, ValueError, r"AdamW\(beta2\)"),
    (Adam, {"betas": 0.9}, TypeError, r"Adam\(betas\) takes two numbers such as \(0.9, 0.999\)"),
    (Adam, {"betas": (0.9,)}, TypeError, r"Adam\(betas\)"),
]


@pytest.mark.parametrize(("kind", "chosen", "error", "words"), BAD_SETTINGS)
def test_bad_settings(
    kind: type[Optimizer], chosen: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        kind(leaves(), **chosen)


x = Value(1.0)
BAD_PARAMETERS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (list, ValueError, "got an empty list: there is nothing to train"),
    (lambda: (p for p in leaves()), TypeError, r"takes a list of Values.*got a generator.*list"),
    (lambda: set(leaves()), TypeError, "takes a list of Values.*got a set"),
    (lambda: x, TypeError, r"takes a list of Values.*got a Value"),
    (object, TypeError, r"write model.parameters\(\)"),
    (lambda: [x, 1.0], TypeError, r"parameters\[1\] is 1.0 of type float"),
    (lambda: [("w", x)], TypeError, r"parameters\[0\] is \('w', Value.*of type tuple"),
    (lambda: [x, Value(1.0), x], ValueError, r"parameters\[0\] and parameters\[2\] are the same"),
    (lambda: [x * 2], ValueError, r"parameters\[0\] is the result of mul, and only leaves"),
    (lambda: [x.detach()], ValueError, r"parameters\[0\] is a constant, and only leaves"),
]


@pytest.mark.parametrize(("parameters", "error", "words"), BAD_PARAMETERS)
def test_bad_parameters(parameters: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Adam(parameters())


def test_equal_numbers_are_not_the_same_parameter() -> None:
    assert len(SGD([Value(1.0), Value(1.0)]).parameters) == 2


BAD_STATES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"mean": np.zeros(2)}, ValueError, r"mean of the state must be 3 finite numbers.*\(2,\)"),
    ({"mean": np.array([0, nan, 0])}, ValueError, "mean of the state must be 3 finite numbers"),
    ({"square": np.zeros((3, 1))}, ValueError, "square of the state"),
    ({"lr": -1.0}, ValueError, r"Adam\(lr\)"),
    ({"steps": -1.0}, ValueError, r"Adam\(steps\)"),
    ({"steps": "two"}, TypeError, r"Adam\(steps\) takes a real number"),
    ({"velocity": np.zeros(3)}, ValueError, "load what .* the same kind of optimiser gave"),
]


@pytest.mark.parametrize(("change", "error", "words"), BAD_STATES)
def test_a_state_that_does_not_fit_changes_nothing(
    change: dict[str, Any], error: type[Exception], words: str
) -> None:
    optimizer = Adam(leaves())
    follow(optimizer, WAVES[:5])
    before = optimizer.state_dict()
    donor = Adam(leaves(), lr=0.7)
    with pytest.raises(error, match=words):
        optimizer.load_state_dict(donor.state_dict() | change)
    np.testing.assert_equal(optimizer.state_dict(), before)
    with pytest.raises(ValueError, match="the state of Adam has lr, beta1"):
        optimizer.load_state_dict(SGD(leaves()).state_dict())


def test_vectors_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"update\(gradient\) takes one number per parameter.*3"):
        SGD(leaves()).update(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match=r"update\(data\)"):
        SGD(leaves()).update(np.zeros((3, 1)), np.zeros(3))


def test_by_name() -> None:
    assert {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam, "adamw": AdamW} == OPTIMIZERS
    assert all(make(leaves()).lr == 0.01 for make in OPTIMIZERS.values())
    assert repr(Adam(leaves())) == (
        "Adam(3 parameters, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0)"
    )


def test_the_parameter_is_named_by_its_place_too() -> None:
    w, v = Value(1.0), Value(2.0)
    (w + v * inf).backward()
    with pytest.raises(Unbounded, match=r"^parameters\[1\] has a gradient of inf") as caught:
        SGD([w, v], lr=0.1).step()
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert error.place == 1
        assert error.words.startswith("has a gradient of inf, so the step was not made")


@pytest.mark.parametrize("name", ["lr", "momentum", "weight_decay"])
def test_true_is_no_number(name: str) -> None:
    with pytest.raises(TypeError, match=rf"SGD\({name}\) takes a number, but got True"):
        SGD([Value(1.0)], **{name: True})


@pytest.mark.parametrize(
    "make",
    [
        lambda p: Adam(p, lr=0.01),
        lambda p: SGD(p, lr=0.01, momentum=0.9),
        lambda p: RMSprop(p, lr=0.01, momentum=0.9),
    ],
)
def test_a_memory_that_fades_never_gets_slow(make: Callable[[list[Value]], Optimizer]) -> None:
    """Below 1e-308 floats are denormal, and arithmetic with them takes a hundred times longer."""
    optimizer, data = make(leaves()), np.array(START)
    data = optimizer.update(data, np.array([1.0, 1e-3, -1.0]))
    for _ in range(8000):
        data = optimizer.update(data, np.zeros(3))
        memory = np.abs(
            next(optimizer.state[name] for name in ("velocity", "mean") if name in optimizer.state)
        )
        assert ((memory == 0) | (memory > 1e-300)).all()
    assert (memory == 0).all()


compiled = pytest.mark.skipif(
    not engine.compiled, reason="there are steps at once in a compiled engine alone"
)


def test_a_step_at_once_where_it_is_compiled() -> None:
    optimizer = SGD([Value(1.0)], lr=0.5)
    found = optimizer.at_once(np.ones(1), np.ones(1), None)
    assert (found is not None, optimizer.steps) == (engine.compiled, int(engine.compiled))


@compiled
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("copied", [None, np.float64, np.float32])
@given(count=st.sampled_from([1, 2, 15, 16, 17, 1023, 1024, 1025, 3000]), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_a_step_at_once_is_the_same_to_the_last_bit(
    dtype: Any, copied: Any, count: int, seed: int
) -> None:
    chance = np.random.RandomState(seed)
    optimizer, other = (SGD([Value(0.0) for _ in range(count)], lr=0.3) for _ in range(2))
    data, gradient = chance.normal(size=count), chance.normal(size=count).astype(dtype)
    copy = None if copied is None else np.zeros(count, copied)
    found = optimizer.at_once(data, gradient, copy)
    expected = other.update(data, gradient)
    assert found is not None
    assert found.tobytes() == expected.tobytes()
    assert optimizer.steps == other.steps == 1
    if copy is not None:
        assert copy.tobytes() == expected.astype(copied).tobytes()


@compiled
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("place", [0, 17, 2000])
def test_no_step_at_once(bad: float, place: int) -> None:
    """Where a number is not finite, or so large that its square is not."""
    optimizer = SGD([Value(0.0) for _ in range(2001)], lr=1.0)
    gradient = np.zeros(2001)
    gradient[place] = bad
    assert optimizer.at_once(np.zeros(2001), gradient, None) is None
    assert optimizer.steps == 0


@compiled
@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (SGD, {"momentum": 0.5}),
        (SGD, {"weight_decay": 0.1}),
        (RMSprop, {}),
        (Adam, {}),
        (AdamW, {}),
    ],
)
def test_rules_that_take_several_passes(kind: Any, given: dict[str, float]) -> None:
    optimizer = kind([Value(1.0)], **given)
    assert optimizer.at_once(np.ones(1), np.ones(1), None) is None
    assert optimizer.steps == 0


@compiled
def test_what_descend_refuses() -> None:
    from engine.batching.bundle import descend

    w, fixed = np.ones(4), np.ones(4)
    fixed.flags.writeable = False
    for g, result, copy in (
        (np.ones(5), np.ones(4), None),
        (np.ones(4, int), np.ones(4), None),
        (np.ones(4), np.ones(4, np.float32), None),
        (np.ones(4), np.ones(3), None),
        (np.ones((4, 1)), np.ones(4), None),
        (np.ones(4), np.ones(4), np.ones(5)),
        (np.ones(4), np.ones(4), np.ones(4, int)),
    ):
        with pytest.raises(ValueError, match="vectors of one length"):
            descend(w, g, 1.0, result, copy)
    for g, result in ((np.ones(8)[::2], np.ones(4)), (np.ones(4), fixed)):
        with pytest.raises((ValueError, BufferError), match=r"contiguous|read-only"):
            descend(w, g, 1.0, result, None)
    with pytest.raises(TypeError, match="takes 5 arguments"):
        descend(w, w, 1.0)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        descend(w, w, "1", np.ones(4), None)  # type: ignore[arg-type]
