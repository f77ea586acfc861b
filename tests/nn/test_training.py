"""fit: what it computes, what it checks, and all the ways in which it can end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import Value
from nn import losses, optim, steps
from nn.data import moons, xor
from nn.layers import Dropout, Layer
from nn.losses import squared_error
from nn.metrics import accuracy, outputs
from nn.module import Module
from nn.networks import MLP, Sequential
from nn.optim import SGD
from nn.schedules import HalveOnPlateau, Step, WarmUp
from nn.training import Diverged, fit

X, Y = moons(12, seed=3)


def network(**changed: Any) -> MLP:
    return MLP(**{"n_in": 2, "sizes": [3, 1], "activation": "tanh", "seed": 5, **changed})


def numbers(model: Module) -> list[float]:
    return [p.data for p in model.parameters()]


# --- what it computes ---


@pytest.mark.parametrize("batch_size", [1, 5, 12, 100, None])
def test_it_does_what_a_loop_by_hand_does(batch_size: int | None) -> None:
    """One graph per batch here, one per example there: equal up to the order of additions."""
    by_hand, model = network(), network()
    optimizer = SGD(by_hand.parameters(), lr=0.1, momentum=0.5)
    weights = [p for name, p in by_hand.named_parameters() if "weight" in name]
    size, seen = batch_size or len(X), []
    for _ in range(3):
        terms = []
        for start in range(0, len(X), size):
            batch = list(zip(X, Y, strict=True))[start : start + size]
            loss = sum(squared_error(by_hand(x), y) for x, y in batch) / len(batch)
            loss = loss + losses.l1(weights, 0.01) + losses.l2(weights, 0.02)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            terms.append(loss.data * len(batch))
        seen.append(sum(terms) / len(X))
    history = fit(
        model, X, Y, loss="squared_error", optimizer=SGD(model.parameters(), 0.1, momentum=0.5),
        epochs=3, batch_size=batch_size, shuffle=False, l1=0.01, l2=0.02,
    )  # fmt: skip
    assert numbers(model) == pytest.approx(numbers(by_hand), abs=1e-13)
    assert history["loss"] == pytest.approx(seen, abs=1e-13)


def test_one_seed_makes_a_run_repeat_exactly(unused: None) -> None:
    def run(seed: int | None) -> tuple[Any, ...]:
        model = Sequential(Layer(2, 4, "tanh", seed=1), Dropout(0.3), Layer(4, 1, seed=2))
        history = fit(model, X, Y, epochs=2, batch_size=4, validation=0.25, seed=seed)
        return numbers(model), history["loss"], history["validation_loss"], history.settings["seed"]

    before = np.random.get_state()[1].tolist()
    drawn = run(None)
    assert np.random.get_state()[1].tolist() == before
    assert run(7) == run(7)
    assert run(7) != run(8)
    assert run(drawn[3]) == drawn, "a seed that was drawn is kept in the history"


def test_every_epoch_has_an_order_of_its_own() -> None:
    seen: list[float] = []

    def spy(output: Value, target: float) -> Value:
        seen.append(target)
        return output * output

    fit(network(), X, np.arange(12.0), loss=spy, epochs=4, batch_size=5, seed=1)
    orders = {tuple(seen[k : k + 12]) for k in range(0, 48, 12)}
    assert len(orders) == 4
    assert all(sorted(order) == list(range(12)) for order in orders)
    assert tuple(range(12)) not in orders


def test_the_defaults_suit_the_labels() -> None:
    def used(y: Any, **changed: Any) -> str:
        history = fit(network(**changed), X, y, epochs=1)
        assert history.settings["optimizer"].startswith("Adam(lr=0.01,")
        assert "batches of 12" in repr(history)
        return str(history.settings["loss"])

    assert used(Y) == used(Y == 1) == "binary_cross_entropy"
    assert used(Y * 1.0) == used(Y * 1.5) == "squared_error"
    assert used(Y, sizes=[3, 3]) == used(np.eye(2, dtype=int)[Y], sizes=[2]) == "cross_entropy"
    assert used(Y, output="sigmoid") == used(Y, sizes=[2], output="sigmoid")
    assert used(Y, output="sigmoid") == "nielsen_cross_entropy"


def test_accuracy_is_measured_where_there_are_classes() -> None:
    model = network()
    before = accuracy(model, X, Y)
    history = fit(model, X, Y, epochs=2, batch_size=None, validation=(X, Y))
    assert history["accuracy"][0] == before, "as the batch was met, before the step"
    assert history["validation_accuracy"][-1] == accuracy(model, X, Y), "after the epoch"
    assert "accuracy" not in fit(network(), X, Y * 1.5, epochs=1).columns
    assert "accuracy" not in fit(network(sizes=[2]), X, X, epochs=1).columns
    assert "accuracy" in fit(network(sizes=[2]), X, np.eye(2)[Y], epochs=1).columns


def test_the_validation_loss_is_the_bare_loss_without_dropout() -> None:
    model = Sequential(Layer(2, 4, "tanh", seed=1), Dropout(0.5), Layer(4, 1, seed=2))
    history = fit(model, X, Y * 1.5, epochs=1, l2=1.0, validation=(X, Y * 1.5))
    expected = np.mean((outputs(model, X)[:, 0] - Y * 1.5) ** 2)
    assert history["validation_loss"] == pytest.approx([expected], abs=1e-12)


def test_what_is_set_aside_is_not_trained_on() -> None:
    seen: set[float] = set()

    def spy(output: Value, target: float) -> Value:
        if not output.is_constant:
            seen.add(target)
        return output * output

    fit(network(), X, np.arange(12.0), loss=spy, epochs=3, validation=0.25, seed=1)
    assert len(seen) == 9


def test_the_schedule_sets_the_learning_rate_and_gives_it_back() -> None:
    model = network()
    optimizer = SGD(model.parameters(), lr=0.4)
    history = fit(model, X, Y, optimizer=optimizer, schedule=Step(2, 0.5), epochs=5)
    assert history["lr"] == [0.4, 0.4, 0.2, 0.2, 0.1]
    assert optimizer.lr == 0.4


def test_a_schedule_observes_loss_or_accuracy_and_may_end_the_run() -> None:
    def run(schedule: Any, **arguments: Any) -> Any:
        arguments |= {"optimizer": "sgd", "shuffle": False, "epochs": 20}
        return fit(network(), X, Y, schedule=schedule, **arguments)

    plateau = HalveOnPlateau(patience=1, stop_at=0.25)
    history = run(plateau, lr=0.0)
    assert history["lr"] == [0.0, 0.0, 0.0]
    assert history.note.startswith("stopped: the learning rate is as small as HalveOnPlateau")
    assert plateau.factor == 1.0, "the schedule that is given is copied"
    falling = run(plateau, lr=1e-9, batch_size=None)
    assert len(falling) == 20, "the loss falls a little in every epoch"
    by_accuracy = HalveOnPlateau(patience=1, mode="max", stop_at=0.25)
    assert len(run(by_accuracy, lr=1e-9)) == 3, "and the accuracy stays"
    assert len(run(WarmUp(2, by_accuracy), lr=1e-9)) == 5
    rises, epochs = lambda X, targets: steps.Outcome(1.0, [[next(epochs)]] * 12), iter([-1, -1, 1])
    better = fit(
        network(), X, [0] + [1] * 11, step=lambda *_: rises, schedule=by_accuracy, epochs=3
    )
    assert better["lr"] == [0.01, 0.01, 0.005]
    assert better["accuracy"] == pytest.approx([1 / 12, 1 / 12, 11 / 12])
    assert not better.note, "the accuracy is better at last, though the loss stays"
    with pytest.raises(ValueError, match="looks at the accuracy, but y holds numbers"):
        fit(network(), X, Y * 1.5, schedule=by_accuracy)


def test_modes_are_restored() -> None:
    model = Sequential(Layer(2, 4, seed=1), Dropout(0.5), Layer(4, 1, seed=2)).eval()
    seen = []

    def spy(output: Value, target: float) -> Value:
        seen.append(model.training)
        return output * output

    fit(model, X, Y, loss=spy, epochs=1, validation=0.25)
    assert seen == [True] * 9 + [False] * 3
    assert not any(module.training for module in model.modules())


def test_another_kind_of_step_can_be_put_in() -> None:
    """The seam: a step made elsewhere gets model, objective, optimiser, and its word is taken."""
    made: list[Any] = []

    def make(model: Module, objective: steps.Objective, optimizer: optim.Optimizer) -> steps.Step:
        made.append((model, objective.loss.name, objective.l2, optimizer.lr))
        return lambda X, targets: steps.Outcome(2.0, [[1.0]] * len(X))

    model = network()
    history = fit(model, X, Y, l2=0.5, lr=0.25, epochs=1, batch_size=5, step=make)
    assert made == [(model, "binary_cross_entropy", 0.5, 0.25)]
    assert history["loss"] == [pytest.approx(2.0)]
    assert history["accuracy"] == [0.5]


def test_penalties_leave_biases_alone() -> None:
    model = network()
    for p in model.parameters():
        p.data = 1.0
    silent = losses.Loss("silent", lambda output, target: output * 0, "numbers")
    fit(model, X, Y, loss=silent, optimizer="sgd", lr=0.5, epochs=1, l2=1.0)
    moved = {name: p.data for name, p in model.named_parameters()}
    assert {x for name, x in moved.items() if "weight" in name} == {0.5}
    assert {x for name, x in moved.items() if "bias" in name} == {1.0}


# --- early stopping ---


def scripted(losses_by_epoch: list[float]) -> Any:
    """A network of one weight that grows by 1 in each epoch, and its validation losses."""
    model = MLP(1, [1], seed=0)
    weight = model.parameters()[0]
    weight.data = 0.0

    def loss(output: Value, target: float) -> Value:
        if output.is_constant:
            return Value(losses_by_epoch[round(weight.data) - 1])
        return output * 0 - weight  # whose gradient is -1

    return model, weight, loss


@pytest.mark.parametrize(
    ("patience", "epochs_done", "note"),
    [
        (2, 4, "stopped early: no better validation loss in 2 epochs; the model has the weights of "
               "epoch 2, the best"),
        (3, 8, "stopped early: no better validation loss in 3 epochs; the model has the weights of "
               "epoch 5, the best"),
        (9, 9, "the model has the weights of epoch 5, the best"),
    ],
)  # fmt: skip
def test_early_stopping_restores_the_best_weights(
    patience: int, epochs_done: int, note: str
) -> None:
    model, weight, loss = scripted([5.0, 3.0, 4.0, 3.0, 2.0, 2.0, 6.0, 7.0, 8.0])
    optimizer = SGD(model.parameters(), lr=1.0)
    arguments = {"loss": loss, "optimizer": optimizer, "validation": ([[0.0]], [0.0])}
    history = fit(model, [[0.0]], [0.0], **arguments, epochs=9, patience=patience)
    assert len(history) == epochs_done
    assert history.note == note
    assert history.best_epoch == weight.data == (2 if patience == 2 else 5)


def test_without_patience_the_last_weights_stay() -> None:
    model, weight, loss = scripted([1.0, 2.0, 3.0])
    optimizer = SGD(model.parameters(), lr=1.0)
    arguments = {"loss": loss, "optimizer": optimizer, "validation": ([[0.0]], [0.0])}
    history = fit(model, [[0.0]], [0.0], **arguments, epochs=3)
    assert (weight.data, history.best_epoch, history.note) == (3.0, None, "")


# --- Ctrl-C ---


def interrupting(at: int, then: Callable[[], object] | None = None) -> Any:
    """A squared error that is interrupted by Ctrl-C when it is called for the nth time."""
    calls = [0]

    def loss(output: Value, target: float) -> Value:
        calls[0] += 1
        if calls[0] == at:
            signal.raise_signal(signal.SIGINT)
        return squared_error(output, target)

    return losses.Loss("squared_error", loss, "numbers")


def test_ctrl_c_keeps_the_model_and_the_history() -> None:
    """Twelve examples in batches of 4: the 22nd call is the second of batch 3 in epoch 2."""
    model, other = network(), network()
    arguments: dict[str, Any] = {"batch_size": 4, "seed": 2, "optimizer": "sgd", "epochs": 2}
    history = fit(model, X, Y, loss=interrupting(22), **arguments)
    assert history.interrupted
    assert len(history) == 1
    assert history.note == (
        "interrupted in epoch 2, batch 3 of 3; the model has the weights of the last whole step"
    )
    made = [0]

    class FiveSteps(steps.EagerStep):
        def __call__(self, X: Any, targets: list[Any]) -> steps.Outcome:
            made[0] += 1
            if made[0] <= 5:
                return super().__call__(X, targets)
            return steps.Outcome(0.0, [[0.0]] * len(X))

    whole = fit(other, X, Y, loss="squared_error", step=FiveSteps, **arguments)
    assert numbers(model) == numbers(other)
    assert history["loss"] == whole["loss"][:1]
    assert not whole.interrupted


def test_ctrl_c_while_the_weights_move() -> None:
    """The interrupted step is taken back as a whole, the optimiser's memory included."""

    class Halfway(optim.Adam):
        def step(self) -> None:
            super().step()
            if self.steps == 4:
                for p in self.parameters[::2]:
                    p.data = 99.0
                raise KeyboardInterrupt

    model, other = network(), network()
    optimizer, whole = Halfway(model.parameters()), optim.Adam(other.parameters())
    history = fit(model, X, Y, optimizer=optimizer, epochs=2, batch_size=4, seed=1)
    fit(other, X, Y, optimizer=whole, epochs=1, batch_size=4, seed=1)
    assert history.interrupted
    assert numbers(model) == numbers(other)
    assert optimizer.steps == whole.steps == 3
    assert optimizer.state["mean"].tolist() == whole.state["mean"].tolist()


def test_ctrl_c_while_the_best_weights_are_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    model, weight, loss = scripted([1.0, 2.0, 3.0])

    def interrupted(state: object) -> None:
        weight.data = 99.0
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "load_state_dict", interrupted)
    arguments = {"optimizer": SGD(model.parameters(), lr=1.0), "validation": ([[0.0]], [0.0])}
    history = fit(model, [[0.0]], [0.0], loss=loss, **arguments, epochs=3, patience=3)
    assert history.interrupted
    assert weight.data == 3.0


def test_ctrl_c_before_the_first_step_passes_through() -> None:
    model = network()
    before = numbers(model)
    with pytest.raises(KeyboardInterrupt):
        fit(model, X, Y, loss=interrupting(3))
    assert numbers(model) == before
    assert model.training


# --- NaN and infinity ---


def test_a_loss_that_explodes_stops_the_run() -> None:
    model = MLP(1, [1, 1], activation="linear", seed=1)
    with pytest.raises(Diverged) as caught:
        fit(model, [[1.0], [2.0]], [0.5, 1.5], optimizer="sgd", lr=1e150, batch_size=1, seed=0)
    words = str(caught.value)
    assert (
        "training diverged in epoch 1, batch 2 of 2: the loss is inf: the first bad node" in words
    )
    assert "inf, computed from" in words
    assert "the weights of the last good step" in words
    assert isinstance(caught.value, FloatingPointError)
    assert len(caught.value.history) == 0
    assert np.isfinite(numbers(model)).all()


def test_the_first_bad_node_is_named() -> None:
    model = MLP(1, [2, 1], activation="linear", seed=1)
    model.layers[1].neurons[0].weights[1].data = float("nan")
    with pytest.raises(Diverged, match=r"the first bad node is 1\.weight\[0\]\[1\], a leaf = nan"):
        fit(model, [[1.0]], [1.5])
    large = MLP(1, [1], seed=1)
    large.parameters()[0].data = 1e200
    expected = r"first bad node is mul = inf, computed from sub = 1e\+308, sub = 1e\+308"
    with pytest.raises(Diverged, match=expected):
        fit(large, [[1e108]], [1.5], loss="squared_error")


def test_a_loss_without_a_value_stops_it_too() -> None:
    def logarithm(output: Value, target: float) -> Value:
        return (output * 0 - 1).log()

    def exponential(output: Value, target: float) -> Value:
        return (output * 0 + 1000).exp()

    for loss in (logarithm, exponential):
        with pytest.raises(
            Diverged, match=r"batch 1 of 1: the loss has no value: math.*has no value"
        ):
            fit(network(), X, Y, loss=loss)


def test_other_errors_are_not_taken_for_divergence() -> None:
    def broken(output: Value, target: float) -> Value:
        raise ValueError("something else")

    with pytest.raises(ValueError, match="something else"):
        fit(network(), X, Y, loss=broken)
    with pytest.raises(TypeError, match="where the gradient ends"):
        fit(network(), X, Y, loss=lambda output, target: 1.0)


def test_a_gradient_that_is_infinite_names_its_parameter() -> None:
    model = network()

    def root(output: Value, target: float) -> Value:
        return (output * 0).sqrt()

    before = numbers(model)
    with pytest.raises(Diverged, match=r"0\.weight\[0\]\[0\] has a gradient of (nan|inf|-inf)"):
        fit(model, X, Y, loss=root)
    assert numbers(model) == before


def test_divergence_in_the_validation() -> None:
    model = network(activation="linear")
    before_step = numbers(model)
    with pytest.raises(
        Diverged, match=r"in the validation after epoch 1: the loss is inf: .* is mul"
    ):
        fit(model, X, Y * 1.5, epochs=3, validation=([[1e308, 1e308]], [0.0]))
    assert numbers(model) != before_step


def test_the_history_is_kept_on_the_error() -> None:
    model = network()
    calls = [0]

    def loss(output: Value, target: float) -> Value:
        calls[0] += 1
        return squared_error(output, target) * (float("nan") if calls[0] > 30 else 1.0)

    with pytest.raises(Diverged, match="epoch 3, batch 2 of 3: the loss is nan") as caught:
        fit(model, X, Y, loss=loss, batch_size=4)
    assert len(caught.value.history) == 2
    assert np.isfinite(caught.value.history["loss"]).all()


# --- what is refused ---

NAN, ONE = float("nan"), [[1.0, 2.0]]
REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"X": []}, ValueError, "X is empty"),
    ({"X": [], "y": []}, ValueError, "X is empty"),
    ({"y": []}, ValueError, "y is empty"),
    ({"y": Y[:-1]}, ValueError, "X has 12 rows and y has 11"),
    ({"y": [*Y[:-1], 2]}, ValueError, "whole numbers such as 2.*single output"),
    ({"y": 2 * Y - 1}, ValueError, 'labels -1 and 1 write loss="hinge"'),
    ({"y": [*Y[:-1], NAN]}, ValueError, r"y\[11\] is nan"),
    ({"y": [*Y[:-1], NAN], "loss": lambda output, target: output}, ValueError, r"y\[11\] is nan"),
    ({"y": None}, TypeError, "one label per example"),
    ({"y": [[0.0], [1.0, 2.0]] * 6}, ValueError, r"y\[1\] has 2 numbers"),
    ({"X": [*X[:-1].tolist(), [NAN, 0.0]]}, ValueError, r"X\[11\]\[0\] is nan"),
    ({"X": X[:, :1]}, ValueError, "takes 2 inputs, but the rows of X have 1"),
    ({"X": [["a", "b"]] * 12}, ValueError, "X must be rows of numbers"),
    ({"loss": "hing"}, ValueError, "did you mean 'hinge'"),
    ({"loss": 3}, TypeError, "a loss is chosen by name"),
    ({"loss": "hinge"}, ValueError, r"y\[0\] must be -1 or 1"),
    ({"loss": "nielsen_cross_entropy"}, ValueError, 'output="sigmoid"'),
    ({"optimizer": "adm"}, ValueError, "did you mean 'adam'"),
    ({"optimizer": SGD}, TypeError, "chosen by name"),
    ({"optimizer": SGD([Value(1.0)])}, ValueError, "not parameters of MLP"),
    ({"lr": -0.1}, ValueError, r"Adam\(lr\) must be 0 or more"),
    ({"lr": NAN}, ValueError, "lr"),
    ({"schedule": "cosin"}, ValueError, "did you mean 'cosine'"),
    ({"epochs": 0}, ValueError, r"fit\(epochs\) must be a whole number, 1 at least, but got 0"),
    ({"epochs": 1.5}, ValueError, "epochs"),
    ({"batch_size": 0}, ValueError, r"fit\(batch_size\) must be"),
    ({"checkpoint_every": 0}, ValueError, "checkpoint_every"),
    ({"l1": -1.0}, ValueError, r"fit\(l1\) must be 0 or more"),
    ({"l2": NAN}, ValueError, r"fit\(l2\)"),
    ({"validation": 1.0}, ValueError, "between 0 and 1 such as 0.1"),
    ({"validation": -0.5}, ValueError, "between 0 and 1"),
    ({"validation": (ONE, [2])}, ValueError, r"the validation y\[0\] must be from 0 to 1"),
    ({"validation": ([[1.0]], [1])}, ValueError, "the rows of the validation X have 1"),
    ({"validation": (ONE, [0, 1])}, ValueError, "the validation X has 1 rows"),
    ({"patience": 3}, ValueError, "set data aside"),
    ({"patience": 0, "validation": 0.5}, ValueError, r"fit\(patience\)"),
    ({"seed": -1}, ValueError, "seed must be at least 0"),
    ({"seed": 2**32}, ValueError, r"below 2\*\*32"),
    ({"seed": 0.5}, TypeError, "seed must be an integer"),
    ({"model": len}, TypeError, "takes a Module such as an MLP"),
    ({"checkpoint": "no/such/folder/x"}, FileNotFoundError, "no folder no/such/folder"),
    ({"resume": True}, ValueError, "give that too"),
]


@pytest.mark.parametrize(
    ("changed", "error", "words"), REFUSED, ids=[str(r[0])[:40] for r in REFUSED]
)
def test_bad_input_is_refused_before_anything_changes(
    changed: dict[str, Any], error: type[Exception], words: str
) -> None:
    model = network()
    before = numbers(model)
    arguments = {"model": model, "X": X, "y": Y, "progress": True, **changed}
    with pytest.raises(error, match=words):
        fit(**arguments)
    assert numbers(model) == before
    assert not any(p.has_grad for p in model.parameters())


def test_a_learning_rate_is_given_once() -> None:
    model = network()
    with pytest.raises(ValueError, match="has a learning rate already"):
        fit(model, X, Y, optimizer=SGD(model.parameters()), lr=0.5)


# --- what it is for ---


def test_xor_is_learned() -> None:
    model = MLP(2, [4, 1], activation="tanh", seed=0)
    history = fit(model, *xor(), epochs=200, lr=0.1, seed=0)
    assert history["loss"][-1] < 0.01
    assert accuracy(model, *xor()) == 1.0


def test_micrograds_moons_are_learned() -> None:
    model = MLP(2, [16, 16, 1], init="he_normal", seed=0)
    X, y = moons(100, noise=0.1, seed=1337)
    fit(model, X, 2 * y - 1, loss="hinge", l2=1e-4, lr=0.05, epochs=25, batch_size=10, seed=0)
    assert accuracy(model, X, 2 * y - 1, loss="hinge") == 1.0


def test_only_what_the_optimiser_has_is_trained() -> None:
    model = network()
    first, last = model.layers
    frozen = [p.data for p in first.parameters()]
    fit(model, X, Y, optimizer=SGD(last.parameters()), epochs=1, l2=0.1)
    assert [p.data for p in first.parameters()] == frozen
