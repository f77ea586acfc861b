"""All the ways in which a run of fit can end, and which weights the model has then."""

from __future__ import annotations

import pickle
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import Value
from nn import losses, optim, steps
from nn.data import moons
from nn.losses import squared_error
from nn.module import Module
from nn.networks import MLP
from nn.optim import SGD
from nn.training import Diverged, fit

X, Y = moons(12, seed=3)


def network(**changed: Any) -> MLP:
    return MLP(**{"n_in": 2, "sizes": [3, 1], "activation": "tanh", "seed": 5, **changed})


def numbers(model: Module) -> list[float]:
    return [p.data for p in model.parameters()]


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
    fit(other, X, Y, optimizer=whole, epochs=1, batch_size=4, seed=1, eager=True)
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
        fit(model, X, Y * 1.5, epochs=3, batch_size=4, validation=([[1e308, 1e308]], [0.0]))
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


def test_a_finite_step_that_leads_astray_is_taken_back() -> None:
    """The loss is that before the step, so only the next one tells that a step was bad."""

    def astray(model: Module) -> optim.Optimizer:
        class Astray(optim.Adam):
            def step(self) -> None:
                super().step()
                if self.steps == 5:
                    for p in self.parameters:
                        p.data = 1e199

        return Astray(model.parameters(), lr=0.1)

    model, other = network(), network()
    optimizer, whole = astray(model), optim.Adam(other.parameters(), lr=0.1)
    arguments: dict[str, Any] = {"loss": "squared_error", "seed": 1, "batch_size": 4}
    with pytest.raises(Diverged, match=r"epoch 2, batch 3 of 3: .*weights of the last good step"):
        fit(model, X, Y, optimizer=optimizer, epochs=3, **arguments)
    made = [0]

    class FourSteps(steps.EagerStep):
        def __call__(self, X: Any, targets: list[Any]) -> steps.Outcome:
            made[0] += 1
            if made[0] <= 4:
                return super().__call__(X, targets)
            return steps.Outcome(0.0, [[0.0]] * len(X))

    fit(other, X, Y, optimizer=whole, epochs=2, step=FourSteps, **arguments)
    assert numbers(model) == numbers(other)
    assert optimizer.steps == whole.steps == 4
    assert optimizer.lr == 0.1
    assert optimizer.state["mean"].tolist() == whole.state["mean"].tolist()


@pytest.mark.parametrize("bad", [2, 4])
def test_with_patience_divergence_too_ends_with_the_best_weights(bad: int) -> None:
    model, weight, loss = scripted([2.0, 1.0, 3.0, 4.0])

    def diverging(output: Value, target: float) -> Value:
        factor = float("nan") if not output.is_constant and weight.data == bad - 1 else 1.0
        return loss(output, target) * factor

    arguments = {"optimizer": SGD(model.parameters(), lr=1.0), "validation": ([[0.0]], [0.0])}
    with pytest.raises(Diverged, match=f"weights of epoch {bad // 2}, the best, and") as caught:
        fit(model, [[0.0]], [0.0], loss=diverging, **arguments, epochs=9, patience=5)
    history = caught.value.history
    assert weight.data == history.best_epoch == bad // 2
    assert len(history) == bad - 1
    assert history.note == (
        f"diverged in epoch {bad}, batch 1 of 1; "
        f"the model has the weights of epoch {bad // 2}, the best"
    )


def test_the_error_can_be_sent_to_another_process() -> None:
    model = network()
    weight = model.parameters()[0]

    def loss(output: Value, target: float) -> Value:
        return squared_error(output, target) * (float("nan") if weight.data != start else 1.0)

    start = weight.data
    with pytest.raises(Diverged) as caught:
        fit(model, X, Y, loss=loss, epochs=2, batch_size=None)
    caught.value.add_note("lr was 0.01")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        found = pickle.loads(pickle.dumps(caught.value, protocol))
        assert type(found) is Diverged
        assert str(found) == str(caught.value)
        assert found.__notes__ == ["lr was 0.01"]
        assert vars(found.history) == vars(caught.value.history)
        assert len(found.history) == 1
