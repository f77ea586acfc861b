"""fit: what it computes, and what it refuses. How it may end is in test_endings.py."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from engine import Value, no_grad
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


def test_what_is_called_unbiased_is_penalised() -> None:
    class Line(Module):
        def __init__(self) -> None:
            self.unbiased, self.bias, self.biases = Value(1.0), [Value(1.0)], Layer(1, 1, seed=0)

        def forward(self, inputs: list[Value]) -> list[Value]:
            return [self.unbiased * inputs[0] + self.bias[0]]

    model = Line()
    for p in model.parameters():
        p.data = 1.0
    silent = losses.Loss("silent", lambda output, target: output * 0, "numbers")
    fit(model, X, Y, loss=silent, optimizer="sgd", lr=0.5, epochs=1, l2=1.0)
    moved = {name: p.data for name, p in model.named_parameters()}
    assert moved == {
        "unbiased": 0.5,
        "bias[0]": 1.0,
        "biases.weight[0][0]": 0.5,
        "biases.bias[0]": 1.0,
    }


def test_gradients_do_not_pile_up_in_what_is_frozen() -> None:
    """The last step leaves the gradient of its own batch, in every parameter."""
    model = network()
    last = model.layers[1]
    optimizer = SGD(last.parameters(), lr=0.0)
    fit(model, X, Y * 1.5, optimizer=optimizer, epochs=3, batch_size=None)
    found = [p.grad for p in model.parameters()]
    model.zero_grad()
    for x, y in zip(X, Y * 1.5, strict=True):
        squared_error(model(x), y).backward(1 / len(X))
    assert found == pytest.approx([p.grad for p in model.parameters()], abs=1e-14)


@pytest.mark.parametrize("ends", ["regularly", "by an error"])
def test_dropout_has_the_chance_that_it_had(ends: str) -> None:
    unseeded, seeded = Dropout(0.5), Dropout(0.5, seed=3)
    own = seeded.chance
    assert own is not None
    state = own.getstate()
    model = Sequential(Layer(2, 4, seed=1), unseeded, seeded, Layer(4, 1, seed=2))

    def spy(output: Value, target: float) -> Value:
        assert unseeded.chance is not None
        if ends != "regularly":
            raise ZeroDivisionError
        return output * output

    with nullcontext() if ends == "regularly" else pytest.raises(Diverged):
        fit(model, X, Y, loss=spy, epochs=1)
    assert unseeded.chance is None
    assert seeded.chance is own
    assert own.getstate() == state


def test_the_model_knows_how_its_outputs_were_read() -> None:
    model = network()
    fit(model, X, 2 * Y - 1, loss="hinge", epochs=1)
    assert model.reading is not None
    assert model.reading.classes == (-1, 1)
    fit(model, X, Y, epochs=1)
    assert model.reading.classes == (0, 1)
    fit(model, X, Y * 1.5, epochs=1)
    assert model.reading is None


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
    ({"X": [["a", "b"]] * 12}, TypeError, "X must be rows of real numbers"),
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
    ({"epochs": 1.5}, TypeError, "epochs"),
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
    ({"seed": -1}, ValueError, "seed must be a whole number, 0 at least"),
    ({"seed": 2**32}, ValueError, r"below 2\*\*32"),
    ({"seed": 0.5}, TypeError, "seed must be a whole number"),
    ({"model": len}, TypeError, "takes a Module such as an MLP"),
    (
        {"checkpoint": "no/such/folder/x"},
        FileNotFoundError,
        "no such folder, make it first: .no/such",
    ),
    ({"resume": True}, ValueError, "give that too"),
    ({"progress": 0}, TypeError, r"fit\(progress\) takes True or False, but got 0"),
    ({"shuffle": "no"}, TypeError, r"fit\(shuffle\) takes True or False, but got 'no'"),
    ({"shuffle": None}, TypeError, r"fit\(shuffle\) takes True or False, but got None"),
    ({"lr": True}, TypeError, r"Adam\(lr\) takes a number, but got True"),
    ({"epochs": True}, TypeError, r"fit\(epochs\) must be a whole number.*got True"),
    ({"l2": True}, TypeError, r"fit\(l2\) takes a number"),
    ({"step": 5}, TypeError, r"fit\(step\) takes a function that makes a step.*got 5 of type int"),
]


def test_it_cannot_learn_where_nothing_is_recorded() -> None:
    model = network()
    before = numbers(model)
    with no_grad(), pytest.raises(RuntimeError, match=r"fit\(\) cannot learn inside no_grad\(\)"):
        fit(model, X, Y)
    assert numbers(model) == before


def test_penalties_need_a_weight() -> None:
    class Shift(Module):
        def __init__(self) -> None:
            self.bias = Value(1.0)

        def forward(self, inputs: list[Value]) -> list[Value]:
            return [inputs[0] + self.bias]

    model = Shift()
    for penalty in ({"l1": 0.1}, {"l2": 0.1}):
        with pytest.raises(ValueError, match="has no parameter other than a bias: leave them out"):
            fit(model, X, Y * 1.5, **penalty)
    assert model.bias.data == 1.0
    fit(model, X, Y * 1.5, epochs=1)
    assert model.bias.data != 1.0


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
