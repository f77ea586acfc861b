"""Training through a recorded program: the same as node by node, whatever the model and the end."""

from __future__ import annotations

import contextlib
import itertools
import random
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value, maximum, no_grad, softmax, where
from nn import flat, losses, metrics, optim, steps
from nn.examples import choose_loss, targets_for
from nn.flat import from_leaves
from nn.history import History
from nn.layers import Dropout, Layer
from nn.metrics import accuracy, confusion_matrix, outputs, predict
from nn.module import Module
from nn.moment import Moment
from nn.networks import MLP, Sequential
from nn.optim import SGD, Adam, Optimizer
from nn.places import LONG
from nn.recording import OWN_PLANS, Recording
from nn.schedules import Constant
from nn.steps import EagerStep, Objective, RecordedStep
from nn.training import Diverged, NotWritten, fit

CHANCE = np.random.RandomState(5)
X = CHANCE.uniform(-1, 1, (13, 3))
TARGETS: dict[str, Any] = {
    "squared_error": CHANCE.uniform(-1, 1, 13),
    "half_squared_error": CHANCE.uniform(-1, 1, (13, 2)),
    "quadratic_cost": CHANCE.randint(0, 3, 13),
    "absolute_error": CHANCE.uniform(-1, 1, (13, 2)),
    "hinge": CHANCE.choice([-1, 1], 13),
    "binary_cross_entropy": CHANCE.randint(0, 2, (13, 2)),
    "cross_entropy": CHANCE.randint(0, 3, 13),
    "nielsen_cross_entropy": CHANCE.randint(0, 2, 13),
}
OPTIMIZERS: dict[str, Callable[[list[Value]], Optimizer]] = {
    "sgd": lambda p: SGD(p, lr=0.05),
    "momentum": lambda p: SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "rmsprop": lambda p: optim.RMSprop(p, momentum=0.5),
    "adam": lambda p: Adam(p, lr=0.02),
    "adamw": lambda p: optim.AdamW(p, lr=0.02),
}


def numbers(model: Module) -> list[float]:
    return [p.data for p in model.parameters()]


def network(loss: str, activation: str = "tanh", dropout: float = 0.0, seed: int = 3) -> Module:
    n = {1: 1, 2: 2}.get(TARGETS[loss].ndim, 1)
    n = 3 if loss in ("quadratic_cost", "cross_entropy") else n
    ends_in = "sigmoid" if loss == "nielsen_cross_entropy" else "linear"
    return Sequential(
        Layer(3, 5, activation, seed=seed), Dropout(dropout), Layer(5, n, ends_in, seed=seed + 1)
    )


def both(make: Callable[[], Module], y: Any, optimizer: str = "adam", **given: Any) -> Any:
    """Two runs of fit that should be the same: the models and the histories."""
    found = []
    for eager in (False, True):
        model = make()
        options = {"batch_size": 5, "seed": 4, "epochs": 34} | given
        chosen = OPTIMIZERS[optimizer](model.parameters())
        found += [model, fit(model, X, y, optimizer=chosen, eager=eager, **options)]
    model, history, other, expected = found
    assert (history.settings["step"], history.unrecorded) == ("RecordedStep", "")
    assert expected.settings["step"] == "EagerStep"
    return model, history, other, expected


def agree(model: Any, history: Any, other: Any, expected: Any) -> None:
    assert numbers(model) == pytest.approx(numbers(other), rel=0, abs=1e-10)
    assert history.columns.keys() == expected.columns.keys()
    for name in history.columns.keys() - {"seconds"}:
        assert history[name] == pytest.approx(expected[name], rel=0, abs=1e-10)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        assert p.has_grad == q.has_grad
        assert p.grad == pytest.approx(q.grad, rel=0, abs=1e-10)


# --- the same numbers over 100 steps: 13 examples in batches of 5 are 3 to an epoch ---


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", TARGETS)
def test_every_loss_with_every_optimiser(loss: str, optimizer: str) -> None:
    agree(*both(lambda: network(loss), TARGETS[loss], optimizer, loss=loss))


@pytest.mark.parametrize(
    "activation",
    ["relu", "sigmoid", "softplus", "gelu", "leaky_relu", "softmax", lambda z: z * z.sigmoid()],
)
def test_every_activation(activation: Any) -> None:
    loss = "cross_entropy"
    agree(*both(lambda: network(loss, activation), TARGETS[loss], validation=0.3))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("penalty", [{"l1": 0.01}, {"l2": 0.1}, {"l1": 0.02, "l2": 0.05}])
def test_penalties(penalty: dict[str, float], optimizer: str) -> None:
    loss = "squared_error"
    agree(*both(lambda: network(loss), TARGETS[loss], optimizer, loss=loss, **penalty))


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_dropout_draws_what_it_draws_node_by_node(loss: str) -> None:
    agree(*both(lambda: network(loss, "relu", 0.4), TARGETS[loss], loss=loss, l2=0.01))


@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    activation=st.sampled_from(["tanh", "relu", "sigmoid", "softplus"]),
    loss=st.sampled_from(sorted({*TARGETS} - {"half_squared_error", "absolute_error"})),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    batch_size=st.sampled_from([1, 4, 13, None]),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_random_networks(
    sizes: list[int],
    activation: str,
    loss: str,
    optimizer: str,
    batch_size: int | None,
    seed: int,
) -> None:
    y = TARGETS[loss]
    n = 3 if loss in ("quadratic_cost", "cross_entropy") else 1 if y.ndim == 1 else 2
    ends_in = "sigmoid" if loss == "nielsen_cross_entropy" else "linear"

    def make() -> Module:
        return MLP(3, [*sizes, n], activation, ends_in, seed=seed)

    options = {"batch_size": batch_size, "seed": seed, "epochs": 5, "validation": 0.3}
    agree(*both(make, y, optimizer, loss=loss, **options))


class Residual(Module):
    """A model of one's own, with a parameter of its own and a layer that is used twice."""

    def __init__(self) -> None:
        self.gain, self.layer, self.last = Value(0.5), Layer(3, 3, "tanh", seed=1), Layer(3, 1)
        for p in self.last.parameters():
            p.data = 0.3

    def forward(self, inputs: list[Value]) -> list[Value]:
        once = self.layer.compute(inputs)
        twice = self.layer.compute([self.gain * x + y for x, y in zip(inputs, once, strict=True)])
        return self.last.compute(twice)


def test_a_model_and_a_loss_of_ones_own() -> None:
    def squashed(output: Value, target: Any) -> Value:
        return (1 + (output - target) ** 2).log()

    agree(*both(Residual, TARGETS["squared_error"], loss=squashed, validation=0.3))


def test_a_batch_in_one_chunk_and_the_tape_agree_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever replay is faster runs; here each is chosen in turn."""
    found = []
    for best in ("tape", "program"):
        monkeypatch.setattr("engine.batching.choice.Choice.faster", lambda *_, best=best: best)
        model = network("squared_error", dropout=0.2)
        fit(model, X, TARGETS["squared_error"], epochs=10, seed=1)
        found.append(numbers(model))
    assert found[0] == pytest.approx(found[1], rel=0, abs=1e-12)


# --- where the numbers are ---


def step_for(
    model: Module, optimizer: Optimizer, loss: str = "squared_error", dtype: Any = np.float64
) -> RecordedStep:
    return RecordedStep(model, Objective(losses.LOSSES[loss]), optimizer, dtype)


def test_a_step_by_itself_leaves_everything_in_the_values() -> None:
    model, other = network("squared_error"), network("squared_error")
    y = TARGETS["squared_error"].tolist()
    step = step_for(model, SGD(model.parameters(), lr=0.1))
    eager = EagerStep(other, step.objective, SGD(other.parameters(), lr=0.1))
    for _ in range(3):
        found, expected = step(X, y), eager(X, y)
        assert found.loss == pytest.approx(expected.loss, abs=1e-13)
        assert np.allclose(found.outputs, expected.outputs, rtol=0, atol=1e-13)
        assert numbers(model) == pytest.approx(numbers(other), abs=1e-13)
        for p, q in zip(model.parameters(), other.parameters(), strict=True):
            assert p.grad == pytest.approx(q.grad, abs=1e-13)
    assert step.unrecorded == ""


def test_other_types_are_refused() -> None:
    model = MLP(1, [1])
    with pytest.raises(ValueError, match="dtype is float32 or float64, but got 'float16'"):
        RecordedStep(
            model, Objective(losses.LOSSES["hinge"]), SGD(model.parameters()), dtype="float16"
        )


def test_rules_that_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is put in the place of ours counts at once, and may give vectors of any layout."""
    model, X, y = MLP(3, [4, 1], "tanh", seed=1), CHANCE.uniform(-1, 1, (9, 3)), np.ones(9)
    optimizer = SGD(model.parameters(), lr=0.1)
    step = RecordedStep(model, Objective(losses.LOSSES["squared_error"]), optimizer)
    step.prepare(X, y)
    with step.held():
        optimizer.rule = lambda w, g: (np.stack([w, w], 1)[:, 0], {})  # type: ignore[method-assign]
        still = [step(X, y).loss for _ in range(3)]
        assert still[0] == still[1] == still[2]
        del optimizer.rule
        assert step(X, y).loss == still[0] > step(X, y).loss
        with monkeypatch.context() as patch:
            patch.setattr(SGD, "rule", lambda self, w, g: (w * 1.0, self.state))
            still = [step(X, y).loss for _ in range(3)]
            assert still[0] == still[1] == still[2]
        assert step(X, y).loss == still[0] > step(X, y).loss


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_numbers_that_come_back(dtype: Any) -> None:
    """What a plan has from the last step does not count if training has gone back since."""
    model, X, y = MLP(3, [4, 1], "tanh", seed=1), CHANCE.uniform(-1, 1, (9, 3)), np.ones(9)
    optimizer = SGD(model.parameters(), lr=0.1)
    step = RecordedStep(model, Objective(losses.LOSSES["squared_error"]), optimizer, dtype)
    step.prepare(X, y)
    with step.held():
        first = Moment(optimizer)
        found = [step(X, y).loss for _ in range(3)]
        again = Moment(optimizer)
        first.restore()
        assert [step(X, y).loss, step(X[:5], y[:5]).loss] != found[:2]
        first.restore()
        assert [step(X, y).loss for _ in range(3)] == found
        assert optimizer.numbers.read().tolist() == again.numbers.tolist()
        assert found[0] > found[1] > found[2]
    if engine.compiled:
        plan = step.recorded.recording.latest_plan  # type: ignore[union-attr]
        assert plan is not None
        assert plan.copies == (dtype == np.float32)  # else it reads them where they are
        assert (plan.held is not None) == plan.copies, "the test would not see what it is for"


def test_batches_of_many_sizes_in_turn() -> None:
    model, other = network("squared_error"), network("squared_error")
    y = TARGETS["squared_error"].tolist()
    step = step_for(model, SGD(model.parameters(), lr=0.1))
    eager = EagerStep(other, step.objective, SGD(other.parameters(), lr=0.1))
    step.prepare(X, y)
    with step.held():
        for size in (5, 2, 5, 3, 4, 1, 5, 2):
            assert step(X[:size], y[:size]).loss == pytest.approx(eager(X[:size], y[:size]).loss)
    assert numbers(model) == pytest.approx(numbers(other), abs=1e-13)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        assert p.grad == pytest.approx(q.grad, abs=1e-13)  # of the last batch
    assert step.recorded is not None
    assert len(step.recorded.recording.plans) == OWN_PLANS


def test_a_run_that_is_broken_off_leaves_the_gradient_of_the_last_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, other = network("squared_error"), network("squared_error")
    y = TARGETS["squared_error"].tolist()
    step = step_for(model, SGD(model.parameters(), lr=0.1))
    step_for(other, SGD(other.parameters(), lr=0.1))(X, y)
    step.prepare(X, y)
    run = Recording.run

    def broken_off(*given: Any) -> Any:
        run(*given)
        raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt), step.held():
        step(X, y)
        with monkeypatch.context() as patch:
            patch.setattr(Recording, "run", broken_off)
            step(2 * X, y)
    expected = [p.grad for p in other.parameters()]
    assert [p.grad for p in model.parameters()] == pytest.approx(expected, abs=1e-15)


def test_a_step_in_single_precision() -> None:
    model, other = network("cross_entropy"), network("cross_entropy")
    y = TARGETS["cross_entropy"].tolist()
    single = step_for(model, SGD(model.parameters(), lr=0.1), "cross_entropy", dtype="float32")
    double = step_for(other, SGD(other.parameters(), lr=0.1), "cross_entropy")
    for _ in range(3):
        found, expected = single(X, y), double(X, y)
    assert found.loss != expected.loss
    assert found.loss == pytest.approx(expected.loss, rel=1e-5)
    assert numbers(model) == pytest.approx(numbers(other), abs=1e-6)
    assert single.optimizer.numbers.read().dtype == np.float64


def test_held_numbers_are_in_the_vector_alone() -> None:
    model = network("squared_error")
    y, before = TARGETS["squared_error"].tolist(), numbers(model)
    step = step_for(model, SGD(model.parameters(), lr=0.1))
    step.prepare(X, y)
    with step.held():
        step(X, y)
        assert numbers(model) == before
        inside = step.optimizer.numbers.read().tolist()
    assert numbers(model) == inside != before


def test_parameters_that_are_changed_between_steps_are_seen() -> None:
    """Those that the optimiser moves, and those that it leaves alone."""
    model, other = network("squared_error"), network("squared_error")
    pairs = [(model, RecordedStep), (other, EagerStep)]
    y = TARGETS["squared_error"].tolist()
    found = []
    for each, kind in pairs:
        optimizer = SGD(each.layers[2].parameters()[::-1], lr=0.1)  # in an order of its own
        step = kind(each, Objective(losses.LOSSES["squared_error"]), optimizer)
        step(X, y)
        for p in each.parameters():
            p.data = p.data * 0.5
        found.append(step(X, y).loss)
    assert found[0] == pytest.approx(found[1], abs=1e-13)
    assert numbers(model) == pytest.approx(numbers(other), abs=1e-13)
    grads = [[p.grad for p in each.parameters()] for each in (model, other)]
    assert grads[0] == pytest.approx(grads[1], abs=1e-13)


def test_a_leaf_that_is_no_parameter_is_read_anew() -> None:
    model, scale = network("squared_error"), Value(1.0)

    def scaled(output: Value, target: Any) -> Value:
        return scale * (output - target) ** 2

    objective = Objective(losses.Loss("scaled", scaled, "numbers"))
    step = RecordedStep(model, objective, SGD(model.parameters(), lr=0.0))
    y = TARGETS["squared_error"].tolist()
    first = step(X, y).loss
    scale.data = 3.0
    assert step.unrecorded == ""
    assert step(X, y).loss == pytest.approx(3 * first)


def test_everybody_who_looks_after_an_epoch_sees_the_numbers() -> None:
    model = network("squared_error")
    seen: list[list[float]] = []

    class Watching(Constant):
        def __call__(self, epoch: int) -> float:
            seen.append(numbers(model))
            return 1.0

        def observe(self, metric: float) -> None:
            seen.append(numbers(model))

    fit(model, X, TARGETS["squared_error"], schedule=Watching(), epochs=3, seed=1)
    assert seen[1] != seen[0]
    assert seen[1] == seen[2] != seen[3]
    assert seen[-1] == numbers(model)


# --- how it ends ---


class Interrupting(SGD):
    """A rule that is interrupted by Ctrl-C at one of its steps."""

    at = 5

    def rule(self, w: Any, g: Any) -> Any:
        if self.steps == self.at:
            signal.raise_signal(signal.SIGINT)
        return super().rule(w, g)


@pytest.mark.parametrize("at", [1, 4, 5])
def test_ctrl_c_leaves_the_last_whole_step(at: int) -> None:
    model, other = network("squared_error"), network("squared_error")
    y, y_list = TARGETS["squared_error"], TARGETS["squared_error"].tolist()
    optimizer = Interrupting(model.parameters(), lr=0.1)
    optimizer.at = at
    history = fit(model, X, y, optimizer=optimizer, shuffle=False, batch_size=5, epochs=3, seed=1)
    assert (history.interrupted, history.unrecorded, history.settings["step"]) == (
        True, "", "RecordedStep",
    )  # fmt: skip
    step = step_for(other, SGD(other.parameters(), lr=0.1))
    for k in range(at):
        rows = slice(k % 3 * 5, k % 3 * 5 + 5)
        step(X[rows], y_list[rows])
    assert numbers(model) == numbers(other)
    assert optimizer.steps == at
    assert optimizer.numbers.vector is None


@pytest.fixture
def interrupt_writing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Ctrl-C comes so many times after three numbers were written into the Values."""

    def interrupt(times: int) -> None:
        write, calls = flat.write_leaves, [0]

        def interrupted(leaves: list[Any], data: Any, first: int) -> None:
            calls[0] += 1
            if calls[0] <= times:
                write(leaves[:3], data, first)
                raise KeyboardInterrupt
            write(leaves, data, first)

        monkeypatch.setattr(flat, "write_leaves", interrupted)

    return interrupt


@pytest.mark.parametrize("times", [1, 2, 3])
def test_ctrl_c_while_the_values_get_their_numbers(times: int, interrupt_writing: Any) -> None:
    """It is written again: a model is never half of one step and half of another."""
    model, other = network("squared_error"), network("squared_error")
    y = TARGETS["squared_error"]
    fit(other, X, y, epochs=1, seed=1)
    interrupt_writing(times)
    history = fit(model, X, y, epochs=2, seed=1)
    assert history.interrupted
    assert numbers(model) == numbers(other)


def test_ctrl_c_before_the_values_get_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    model, other = network("squared_error"), network("squared_error")
    y = TARGETS["squared_error"]
    fit(other, X, y, epochs=1, seed=1)
    release, calls = flat.Numbers.release, [0]

    def interrupted(self: flat.Numbers) -> None:
        calls[0] += 1
        if calls[0] == 1:
            raise KeyboardInterrupt
        release(self)

    monkeypatch.setattr(flat.Numbers, "release", interrupted)
    assert fit(model, X, y, epochs=2, seed=1).interrupted
    assert numbers(model) == numbers(other)


def test_ctrl_c_at_the_end_of_a_step_by_itself(interrupt_writing: Any) -> None:
    model, other = network("squared_error"), network("squared_error")
    y = TARGETS["squared_error"].tolist()
    steps = [step_for(each, SGD(each.parameters(), lr=0.1)) for each in (model, other)]
    steps[1](X, y)
    interrupt_writing(1)
    with pytest.raises(KeyboardInterrupt):
        steps[0](X, y)
    assert numbers(model) == numbers(other)
    for step in steps:
        for p in step.parameters:
            p.data = 0.5
        step(X, y)  # which sees that
    assert numbers(model) == numbers(other)


def test_divergence_says_the_same_as_node_by_node() -> None:
    words = []
    for eager in (False, True):
        model = MLP(1, [1, 1], activation="linear", seed=1)
        before = numbers(model)
        with pytest.raises(Diverged) as caught:
            fit(model, [[1.0], [2.0]], [0.5, 1.5], optimizer="sgd", lr=1e150, batch_size=1,
                seed=0, eager=eager)  # fmt: skip
        words.append(str(caught.value))
        assert numbers(model) == before
    assert words[0] == words[1]
    assert "the first bad node is" in words[0]


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda output, target: (output * 0).sqrt(), r"0\.weight\[0\]\[0\] has a gradient of"),
        (lambda output, target: (output * 0 - 1).log(), "the loss has no value: math.*has no"),
        (lambda output, target: output * 1e308 * 1e10, "the loss is -?inf: the first bad node is"),
    ],
)
def test_what_is_not_finite_is_explained(loss: Any, words: str) -> None:
    model = network("squared_error")
    before = numbers(model)
    with pytest.raises(Diverged, match=words) as caught:
        fit(model, X, TARGETS["squared_error"], loss=loss)
    assert caught.value.history.settings["step"] == "RecordedStep"
    assert numbers(model) == before


def test_a_step_too_large_names_the_parameter() -> None:
    model = network("squared_error")
    optimizer = SGD(model.parameters(), lr=1e308)
    step = step_for(model, optimizer)
    before = numbers(model)
    with pytest.raises(FloatingPointError, match=r"\d\.(weight|bias)\S* would become -?inf"):
        step(X * 1e10, [1e10] * 13)
    assert numbers(model) == before
    assert optimizer.steps == 0


def test_an_infinity_that_is_not_chosen_does_no_harm() -> None:
    """The program may find 0 * inf there; node by node the step is made all the same."""

    def careful(output: Value, target: Any) -> Value:
        z = output * 0
        return where(z > 0, z.sqrt(), (output - target) ** 2)

    model, other = network("squared_error"), network("squared_error")
    y = TARGETS["squared_error"]
    history = fit(model, X, y, loss=careful, epochs=2, seed=1)
    fit(other, X, y, loss="squared_error", epochs=2, seed=1, eager=True)
    assert history.unrecorded == ""
    assert numbers(model) == pytest.approx(numbers(other), abs=1e-12)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_gradient_that_is_nan_only_as_an_array_costs_no_step(
    dropout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The root of 0 has an infinite slope, and `where` does not choose it."""
    steps_node_by_node: list[object] = []
    node_by_node = RecordedStep.node_by_node

    def counted(self: RecordedStep, *given: Any) -> Any:
        steps_node_by_node.append(1)
        return node_by_node(self, *given)

    def rooted(v: Value) -> Value:
        return where(v > 0, maximum(v, 0).sqrt(), 0.0)

    def make() -> Module:
        return Sequential(Dropout(dropout), Layer(3, 6, rooted, seed=1), Layer(6, 1, seed=2))

    monkeypatch.setattr(RecordedStep, "node_by_node", counted)
    agree(*both(make, TARGETS["squared_error"], "sgd", epochs=10))
    assert steps_node_by_node == []


def test_dropout_is_explained_with_the_masks_that_were_drawn() -> None:
    """A batch that is computed again node by node draws the same numbers again."""
    models = []
    for eager in (False, True):
        model = network("squared_error", dropout=0.5)

        class Huge(SGD):
            def rule(self, w: Any, g: Any) -> Any:
                if self.steps == 4 and not self.told:
                    self.told = True
                    raise FloatingPointError("once")
                return super().rule(w, g)

            told = eager

        fit(model, X, TARGETS["squared_error"], optimizer=Huge(model.parameters(), lr=0.1),
            batch_size=5, epochs=4, seed=1, eager=eager)  # fmt: skip
        models.append(numbers(model))
    assert models[0] == pytest.approx(models[1], abs=1e-12)


def test_a_checkpoint_that_cannot_be_written_leaves_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, other = network("squared_error"), network("squared_error")
    y = TARGETS["squared_error"]
    fit(other, X, y, epochs=1, seed=1)

    def full(self: object, path: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("nn.checkpoint.Checkpoint.save", full)
    with pytest.raises(NotWritten):
        fit(model, X, y, epochs=3, seed=1, checkpoint=tmp_path / "run")
    assert numbers(model) == numbers(other)


# --- checkpoints ---


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_resumed_run_is_the_same_to_the_last_bit(optimizer: str, tmp_path: Path) -> None:
    models = []
    for stops in ([6], [2, 5, 6]):
        model = network("cross_entropy", dropout=0.3)
        place = tmp_path / f"run{len(stops)}"
        for epochs in stops:
            chosen = OPTIMIZERS[optimizer](model.parameters())
            fit(model, X, TARGETS["cross_entropy"], optimizer=chosen, epochs=epochs, seed=7,
                batch_size=5, checkpoint=place, resume=True, validation=0.3)  # fmt: skip
        models.append(numbers(model))
    assert models[0] == models[1]


@pytest.mark.parametrize("first", [True, False])
def test_a_run_goes_on_by_the_same_kind_of_step(first: bool, tmp_path: Path) -> None:
    place = tmp_path / "run"
    y = TARGETS["squared_error"]
    fit(network("squared_error"), X, y, epochs=1, seed=1, checkpoint=place, eager=first)
    with pytest.raises(ValueError, match=r"step was (Eager|Recorded)Step and now is"):
        fit(network("squared_error"), X, y, epochs=2, seed=1, resume=place, eager=not first)


# --- what cannot be recorded is trained node by node ---


def by_index(output: list[Value], target: int) -> Value:
    return (1 - output[target]) ** 2


def by_number(output: list[Value], target: int) -> Value:
    best = max(output, key=lambda a: a.data)
    return best if best.data > 1 else (1 - output[0]) ** 2 + output[1] ** 2


def by_branch(output: list[Value], target: int) -> Value:
    return output[0] ** 2 if target == 1 else (output[1] - 1) ** 2


def by_chance(output: list[Value], target: int) -> Value:
    return (output[0] - random.random()) ** 2


def by_numpy_chance(output: list[Value], target: int) -> Value:
    return (output[0] - np.random.random()) ** 2


def without_history(output: list[Value], target: int) -> Value:
    with no_grad():
        scale = output[1] * 2
    return (output[0] - scale) ** 2


@pytest.mark.parametrize(
    ("loss", "why"),
    [
        (by_index, "TypeError: list indices must be integers"),
        (by_number, r"RuntimeError: v\.data deals with the number"),
        (by_branch, "RuntimeError: bool"),
        (by_chance, "it leaves something behind: Python's random state"),
        (by_numpy_chance, "it leaves something behind: NumPy's random state"),
        (without_history, r"RuntimeError: no_grad\(\) while"),
    ],
)
def test_losses_that_cannot_be_recorded(loss: Any, why: str) -> None:
    models = []
    for options in ({}, {"step": EagerStep}):
        random.seed(3)
        np.random.seed(3)
        model = network("cross_entropy")
        history = fit(model, X, TARGETS["cross_entropy"], loss=loss, seed=1, epochs=3, **options)
        models.append(numbers(model))
        assert history.settings["step"] == "EagerStep"
        if not options:
            assert re.search(why, history.unrecorded), history.unrecorded
    assert models[0] == models[1]


class Noisy(Module):
    """Draws from Python's random in forward."""

    def forward(self, inputs: list[Value]) -> list[Value]:
        return [x * random.uniform(0.9, 1.1) for x in inputs]


class Counting(Module):
    """Remembers how often it was called; the graph is the same every time."""

    def __init__(self) -> None:
        self.calls, self.log = 0, list[int]()

    def forward(self, inputs: list[Value]) -> list[Value]:
        self.calls += 1
        self.log.append(self.calls)
        return list(inputs)


class Annealed(Module):
    """Has a source of its own that fit seeds anew in every epoch."""

    chance = random.Random(1)

    def draw_seed(self, chance: random.Random) -> None:
        self.factor = chance.random()

    def forward(self, inputs: list[Value]) -> list[Value]:
        return [x * getattr(self, "factor", 1.0) for x in inputs]


class Jumping(Module):
    """Computes something else every time, by a counter among what is taken for data."""

    counter = [0] * (LONG + 1)

    def forward(self, inputs: list[Value]) -> list[Value]:
        Jumping.counter[0] += 1
        return [x / (10 + Jumping.counter[0]) for x in inputs]


class Iterating(Module):
    """Computes something else every time, by an iterator that keeps its number to itself."""

    counter = itertools.count()

    def forward(self, inputs: list[Value]) -> list[Value]:
        number = next(Iterating.counter)
        return [x / (10 + number) for x in inputs]


@pytest.mark.parametrize(
    ("kind", "why"),
    [(Noisy, "leaves something behind"), (Counting, "leaves something behind"),
     (Annealed, "a chance of its own"), (Jumping, "something else from one example"),
     (Iterating, "it holds a count, which cannot be looked into")],
)  # fmt: skip
def test_modules_that_cannot_be_recorded(kind: type[Module], why: str) -> None:
    models = []
    for options in ({}, {"step": EagerStep}):
        random.seed(3)
        own = kind()
        model = Sequential(own, Layer(3, 1, seed=2))
        if kind is Jumping:
            Jumping.counter[0] = -2 if not options else 0  # two recordings count
        Iterating.counter = itertools.count()
        history = fit(model, X, TARGETS["squared_error"], seed=1, epochs=3, **options)
        models.append([*numbers(model), getattr(own, "calls", 0), len(getattr(own, "log", ()))])
        assert options or why in history.unrecorded
    assert models[0] == models[1]


def test_a_function_with_a_memory_is_left_as_it_was() -> None:
    calls, total = [0], 0

    def counted(output: Value, target: Any) -> Value:
        nonlocal total
        calls[0] += 1
        total += 1
        return (output - target) ** 2

    model = network("squared_error")
    history = fit(model, X, TARGETS["squared_error"], loss=counted, epochs=2)
    assert "leaves something behind" in history.unrecorded
    assert calls[0] == total == 26


def test_an_optimiser_with_a_step_of_its_own_makes_it() -> None:
    class Twice(SGD):
        def step(self) -> None:
            super().step()
            super().step()

    model = network("squared_error")
    optimizer = Twice(model.parameters(), lr=0.01)
    history = fit(model, X, TARGETS["squared_error"], optimizer=optimizer, epochs=1, batch_size=5)
    assert history.unrecorded == "Twice has a step() of its own"
    assert optimizer.steps == 6


def test_an_optimiser_that_writes_to_what_it_is_given() -> None:
    class InPlace(SGD):
        def rule(self, w: Any, g: Any) -> Any:
            w -= self.lr * g
            return w, {}

    model, other = network("squared_error"), network("squared_error")
    y = TARGETS["squared_error"]
    fit(model, X, y, optimizer=InPlace(model.parameters(), lr=0.1), epochs=2, seed=1)
    fit(other, X, y, optimizer=SGD(other.parameters(), lr=0.1), epochs=2, seed=1)
    assert numbers(model) == pytest.approx(numbers(other), abs=1e-12)


def test_an_optimiser_that_writes_to_the_gradient_leaves_that_of_backward() -> None:
    class Wiping(SGD):
        def rule(self, w: Any, g: Any) -> Any:
            found = super().rule(w, g)
            g *= 0.0
            return found

    agree(*both_gradients(lambda model: Wiping(model.parameters(), lr=0.1)))


@pytest.mark.parametrize("at", [0, 2, 5])
def test_ctrl_c_leaves_the_gradient_of_backward(at: int) -> None:
    def make(model: Module) -> Optimizer:
        optimizer = Interrupting(model.parameters(), lr=0.1)
        optimizer.at = at
        return optimizer

    agree(*both_gradients(make))


def both_gradients(make: Callable[[Module], Optimizer]) -> Any:
    """Two runs, however they end, in which some gradient is left."""
    found = []
    for eager in (False, True):
        model, history = network("squared_error"), None
        with contextlib.suppress(KeyboardInterrupt):  # before the first step is done
            history = fit(model, X, TARGETS["squared_error"], optimizer=make(model), epochs=3,
                          batch_size=5, seed=1, eager=eager)  # fmt: skip
        assert any(p.grad for p in model.parameters())
        found += [model, history or History({})]
    return found


def test_a_loss_without_the_moved_parameters_is_refused_as_ever() -> None:
    model = network("squared_error")
    optimizer = SGD(Layer(1, 1).parameters(), lr=0.1)
    step = step_for(model, optimizer)
    with pytest.raises(RuntimeError, match="no gradient to follow"):
        step(X, TARGETS["squared_error"].tolist())
    assert "does not depend" in step.unrecorded


# --- what is recorded ---


def test_logits_of_a_whole_layer_are_recorded_without_a_look_at_them() -> None:
    class Attention(Module):
        def forward(self, inputs: list[Value]) -> list[Value]:
            return [w * x for w, x in zip(softmax(inputs), inputs, strict=True)]

    def make() -> Module:
        return Sequential(Layer(3, 4, seed=1), Attention(), Layer(4, 1, seed=2))

    agree(*both(make, TARGETS["squared_error"]))


# --- predictions and validation ---


MANY = np.random.RandomState(8).uniform(-1, 1, (200, 3))


@pytest.fixture
def node_by_node(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    def switch() -> None:
        monkeypatch.setattr(metrics, "MANY", 10**9)
        monkeypatch.setattr("nn.evaluation.MANY", 10**9)

    yield switch
    monkeypatch.undo()


@pytest.mark.parametrize("make", [lambda: network("cross_entropy", dropout=0.5), Residual])
def test_metrics_are_those_of_node_by_node(make: Any, node_by_node: Any) -> None:
    model = make()
    n = len(outputs(model, MANY[:1])[0])
    y = np.random.RandomState(1).randint(0, max(n, 2), 200)
    found = [f(model, MANY) for f in (outputs, predict)]
    found += [f(model, MANY, y) for f in (accuracy, confusion_matrix)]
    node_by_node()
    expected = [f(model, MANY) for f in (outputs, predict)]
    expected += [f(model, MANY, y) for f in (accuracy, confusion_matrix)]
    assert np.allclose(found[0], expected[0], rtol=0, atol=1e-12)
    for mine, theirs in zip(found[1:], expected[1:], strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("loss", TARGETS)
def test_validation_is_that_of_node_by_node(loss: str, node_by_node: Any) -> None:
    y = np.resize(TARGETS[loss], (200, *TARGETS[loss].shape[1:]))
    options: dict[str, Any] = {"loss": loss, "validation": (MANY, y), "epochs": 3, "seed": 1}
    model, other = network(loss, dropout=0.3), network(loss, dropout=0.3)
    history = fit(model, X, TARGETS[loss], **options)
    node_by_node()
    expected = fit(other, X, TARGETS[loss], **options, eager=True)
    agree(model, history, other, expected)


def test_predictions_of_what_cannot_be_recorded() -> None:
    class Counted(Counting):
        pass

    model = Sequential(Counted(), Layer(3, 1, seed=1))
    assert outputs(model, MANY).shape == (200, 1)
    assert model.layers[0].calls == 200


def test_an_output_without_a_value_is_the_error_that_it_was() -> None:
    model = Sequential(Layer(3, 2, lambda z: z.log(), seed=1))
    with pytest.raises(ValueError, match="log"):
        outputs(model, MANY)


def test_a_validation_that_diverges_names_the_node() -> None:
    model = MLP(2, [3, 1], activation="linear", seed=5)
    rows = np.resize([0.5, 0.25], (64, 2))
    rows[40] = 1e308
    with pytest.raises(Diverged, match=r"in the validation after epoch 1: the loss is inf: .* is"):
        fit(model, X[:, :2], TARGETS["squared_error"], validation=(rows, np.zeros(64) + 0.5))


def test_only_what_takes_long_is_recorded() -> None:
    seen: list[bool] = []

    class Seen(Module):
        def forward(self, inputs: list[Value]) -> list[Value]:
            seen.append(inputs[0].is_constant)
            return inputs

    outputs(Seen(), MANY[:3])
    assert seen == [True] * 3


def test_steps_are_what_make_step_makes() -> None:
    model = network("squared_error")
    loss = choose_loss("squared_error", model, None)
    assert targets_for(loss, model, [1.0], 1) == [1.0]
    step = steps.make_step(model, Objective(loss), SGD(model.parameters()))
    assert isinstance(step, RecordedStep)
    assert from_leaves(model.parameters()).tolist() == numbers(model)
