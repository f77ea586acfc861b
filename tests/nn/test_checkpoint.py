"""Checkpoints: a run that goes on from one is the run that never stopped, whatever stopped it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import Value
from nn import checkpoint as checkpoints
from nn import storage
from nn.checkpoint import Checkpoint, fingerprint
from nn.data import moons
from nn.failures import NotWritten
from nn.history import History
from nn.layers import Dropout, Layer
from nn.networks import MLP, Sequential
from nn.optim import SGD, Adam
from nn.schedules import Cosine, HalveOnPlateau, Schedule, WarmUp
from nn.training import fit

X, Y = moons(20, noise=0.3, seed=3)
ARGUMENTS: dict[str, Any] = {
    "optimizer": "adam",
    "schedule": WarmUp(2, HalveOnPlateau(patience=1)),
    "batch_size": 8,
    "l2": 0.01,
    "validation": 0.25,
    "patience": 6,
    "seed": 11,
}


def network() -> Sequential:
    return Sequential(Layer(2, 4, "tanh", seed=1), Dropout(0.3), Layer(4, 1, seed=2))


def train(model: Sequential, **changed: Any) -> History:
    return fit(model, X, Y, **{**ARGUMENTS, **changed})


def result(model: Sequential, history: History) -> dict[str, Any]:
    """All that must be equal, bit for bit: everything but the time."""
    columns = {name: column for name, column in history.to_dict().items() if name != "seconds"}
    columns |= {"weights": [p.data for p in model.parameters()]}
    return columns | {"best": history.best_epoch, "note": history.note, **history.settings}


def uninterrupted(epochs: int, **changed: Any) -> dict[str, Any]:
    model = network()
    return result(model, train(model, epochs=epochs, **changed))


@pytest.mark.parametrize("done", [1, 4, 7, 12])
def test_a_resumed_run_equals_an_uninterrupted_one(done: int, tmp_path: Path) -> None:
    path, model = tmp_path / "run.safetensors", network()
    train(network(), epochs=done, checkpoint=path)
    history = train(model, epochs=12, resume=path)
    assert result(model, history) == uninterrupted(12)


def test_it_can_be_resumed_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    for epochs in range(1, 9):
        model = network()
        history = train(model, epochs=epochs, checkpoint=path, resume=True)
    assert result(model, history) == uninterrupted(8)


def test_a_run_that_stopped_early_has_stopped(tmp_path: Path) -> None:
    path, model = tmp_path / "run.safetensors", network()
    arguments = {"patience": 1, "lr": 1.0, "epochs": 30}
    stopped = train(network(), checkpoint=path, checkpoint_every=10, **arguments)
    assert "stopped early" in stopped.note
    assert result(model, train(model, resume=path, **arguments)) == uninterrupted(**arguments)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adamw", "momentum"])
def test_the_optimiser_goes_on_with_its_state(optimizer: str, tmp_path: Path) -> None:
    def arguments(model: Sequential) -> dict[str, Any]:
        own = optimizer == "momentum"
        made = SGD(model.parameters(), momentum=0.9, nesterov=True) if own else optimizer
        return {"optimizer": made, "schedule": Cosine(6), "epochs": 6}

    path, first, second, whole = tmp_path / "run", network(), network(), network()
    train(first, **arguments(first) | {"epochs": 3}, checkpoint=path)
    resumed = train(second, **arguments(second), resume=path)
    assert result(second, resumed) == result(whole, train(whole, **arguments(whole)))


def test_a_seed_that_was_drawn_is_gone_on_with(tmp_path: Path) -> None:
    path, model = tmp_path / "run", network()
    first = train(network(), epochs=2, seed=None, checkpoint=path)
    history = train(model, epochs=5, seed=None, resume=path)
    assert result(model, history) == uninterrupted(5, seed=first.settings["seed"])


def test_a_schedule_of_ones_own_is_known_by_its_class(tmp_path: Path) -> None:
    class Fading(Schedule):
        def __call__(self, epoch: int) -> float:
            return 0.9**epoch

    path, model = tmp_path / "run", network()
    train(network(), epochs=2, schedule=Fading(), checkpoint=path)
    history = train(model, epochs=4, schedule=Fading(), resume=path)
    assert result(model, history) == uninterrupted(4, schedule=Fading())


def test_it_is_written_every_n_epochs_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(Checkpoint, "save", lambda self, path: written.append(self.epochs))
    train(network(), epochs=7, checkpoint=tmp_path / "run", checkpoint_every=3, patience=None)
    assert written == [3, 6, 7]


# --- whatever stops it ---

CHILD = """
import os, sys
from pathlib import Path
import nn.steps
sys.path.insert(0, sys.argv[1])
from test_checkpoint import network, train

def hold():
    print("ready", flush=True)
    sys.stdin.read()

class RecordedStep(nn.steps.RecordedStep):
    steps = 0
    def __call__(self, X, targets):
        RecordedStep.steps += 1
        if sys.argv[3] == "in a step" and RecordedStep.steps == 2 * 4 + 2:
            hold()
        return super().__call__(X, targets)

if sys.argv[3] == "while writing":
    replace, times = os.replace, []
    def slow(source, target):
        times.append(source)
        if len(times) == 5:
            hold()
        replace(source, target)
    os.replace = slow

train(network(), epochs=12, checkpoint=sys.argv[2], step=RecordedStep)
"""


@pytest.mark.parametrize(("where", "done"), [("in a step", 4), ("while writing", 4)])
def test_kill_9(where: str, done: int, tmp_path: Path) -> None:
    """Two batches to an epoch: in the second step of epoch 5, or before the fifth file is there."""
    path, model = tmp_path / "run.safetensors", network()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(path), where],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=tmp_path,
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == b"ready"
        child.kill()
    assert len(Checkpoint.load(path).columns["loss"]) == done
    history = train(model, epochs=12, checkpoint=path, resume=True)
    assert result(model, history) == uninterrupted(12)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run"
    train(network(), epochs=2, checkpoint=path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    model = network()
    with pytest.raises(
        NotWritten, match="the checkpoint cannot be written: No space left"
    ) as caught:
        train(model, epochs=3, checkpoint=path, resume=True)
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert len(error.history) == 3
        assert error.history.note == (
            "stopped, for the checkpoint could not be written; "
            f"the model has the weights of epoch {error.history.best_epoch}, the best"
        )
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["run"]


# --- the file ---


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    awkward = np.array([0.1, -0.0, 5e-324, 1.7976931348623157e308])
    written = Checkpoint(
        settings={"loss": "hinge", "seed": 2**32 - 1, "l1": 0.1, "schedule": None},
        epochs=3,
        model={"0.weight": awkward.reshape(2, 2), "scale": np.float64(0.3)},
        optimizer={"lr": 0.1, "steps": 7.0, "mean": awkward},
        schedule={"best": float("inf")},
        best={"loss": float("inf"), "epoch": 0, "waited": 2},
        columns={"loss": [0.3, 0.1, 1e-300]},
    )
    written.save(tmp_path / "run")
    found = Checkpoint.load(tmp_path / "run")
    for part in ("settings", "epochs", "schedule", "best", "best_model", "columns"):
        assert getattr(found, part) == getattr(written, part), part
    assert found.model["0.weight"].tobytes() == awkward.tobytes()
    assert found.model["0.weight"].shape == (2, 2)
    assert found.model["scale"] == 0.3
    assert found.optimizer["mean"].tobytes() == awkward.tobytes()
    assert (found.optimizer["lr"], found.optimizer["steps"]) == (0.1, 7.0)


def test_a_fingerprint_tells_data_apart() -> None:
    assert fingerprint(X, Y) == fingerprint(X.tolist(), Y.tolist())
    others = [fingerprint(*p) for p in ((X + 0.0, Y), (X, 1 - Y), (X.reshape(-1), Y), (X[::-1], Y))]
    assert len({*others}) == 4
    assert others[0] == fingerprint(X, Y)


def test_data_are_not_gone_through_where_no_file_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[int] = []
    monkeypatch.setattr("nn.loop.fingerprint", lambda *arrays: seen.append(len(arrays)) or "")
    fit(MLP(2, [1], seed=1), X, Y, epochs=2, seed=1)
    assert seen == []
    fit(MLP(2, [1], seed=1), X, Y, epochs=3, seed=1, checkpoint=tmp_path / "run")
    assert seen == [2]


# --- what is refused ---


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"loss": "squared_error"}, "loss was binary_cross_entropy and now is squared_error"),
        ({"optimizer": "sgd"}, r"optimizer was Adam\(lr=0.01.* and now is SGD\(lr=0.01\)"),
        ({"lr": 0.02}, "optimizer was"),
        ({"schedule": None}, r"schedule was WarmUp.* and now is None"),
        ({"batch_size": 4}, "batch_size was 8 and now is 4"),
        ({"shuffle": False}, "shuffle was True and now is False"),
        ({"l1": 0.5}, "l1 was 0.0 and now is 0.5"),
        ({"l2": 0.5}, "l2 was 0.01 and now is 0.5"),
        ({"patience": 7}, "patience was 6 and now is 7"),
        ({"validation": 0.5}, "validation was 5 and now is 10"),
        ({"seed": 12}, "seed was 11 and now is 12"),
        ({"X": X + 1}, "data was .* and now is"),
        ({"model": MLP(2, [3, 1], seed=0)}, r"model was Sequential.* and now is MLP 2 → 3 relu"),
        ({"epochs": 2}, "has 3 epochs behind it already, more than epochs=2"),
    ],
)
def test_another_run_is_refused(changed: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = tmp_path / "run"
    train(network(), epochs=3, checkpoint=path)
    arguments = {"model": network(), "X": X, "y": Y, "epochs": 5, **ARGUMENTS, **changed}
    before = [p.data for p in arguments["model"].parameters()]
    with pytest.raises(ValueError, match=words):
        fit(**arguments, resume=path)
    assert [p.data for p in arguments["model"].parameters()] == before


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="start with checkpoint= alone"):
        train(network(), resume=tmp_path / "run")


def test_a_file_that_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run"
    network().save(path)
    with pytest.raises(ValueError, match="holds a model and no checkpoint"):
        train(network(), resume=path)
    path.unlink()
    train(network(), epochs=1, checkpoint=path)
    with pytest.raises(ValueError, match="Checkpoint"):
        MLP.load(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="not a whole one"):
        train(network(), resume=path)
    storage.write(path, {"model/0.weight": np.zeros(2)}, {"class": checkpoints.KIND})
    with pytest.raises(ValueError, match="no whole checkpoint"):
        train(network(), resume=path)


@pytest.mark.parametrize("part", ["model", "optimizer", "schedule", "best"])
def test_a_damaged_one_leaves_everything_as_it_was(part: str, tmp_path: Path) -> None:
    path, model = tmp_path / "run", network()
    train(network(), epochs=2, checkpoint=path)
    stored = Checkpoint.load(path)
    getattr(stored, part)["strange"] = 1.0
    stored.save(path)
    before, optimizer = [p.data for p in model.parameters()], Adam(model.parameters())
    with pytest.raises(ValueError, match=r"run is damaged: .*strange"):
        train(model, optimizer=optimizer, epochs=3, resume=path)
    assert [p.data for p in model.parameters()] == before
    assert optimizer.steps == 0
    assert not optimizer.state["mean"].any()


# --- places ---


def assert_refused(place: object, error: type[Exception], words: str) -> None:
    """Before anything has been computed."""

    def never(output: Value, target: float) -> Value:
        raise AssertionError("the run has begun")

    with pytest.raises(error, match=f"^(.Errno.*)?the checkpoint cannot be written: .*{words}"):
        fit(network(), X, Y, loss=never, epochs=1, checkpoint=place)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        (".", IsADirectoryError, "it is a folder, add the name of a file"),
        ("gone/run", FileNotFoundError, "there is no such folder, make it first"),
        ("file/run", OSError, ""),
        ("n" * 300, OSError, ""),
        ("nul\0", ValueError, "no file can be called .*null"),
        ("pipe", OSError, "it is a device and no file"),
        ("file", FileExistsError, "a file already that is no checkpoint: choose another name"),
        ("model", FileExistsError, "a file already that is no checkpoint: choose another name"),
    ],
)
def test_a_place_that_will_not_do_is_found_out_before_the_run(
    name: str, error: type[Exception], words: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("a thesis")
    network().save(tmp_path / "model")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    elif name == "pipe":
        pytest.skip("no pipes here")
    before = {each.name: each.is_file() and each.read_bytes() for each in tmp_path.iterdir()}
    assert_refused(os.path.join(tmp_path, name), error, words)
    after = {each.name: each.is_file() and each.read_bytes() for each in tmp_path.iterdir()}
    assert after == before


def test_an_empty_name_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused("", IsADirectoryError, "it is a folder")
    with pytest.raises(TypeError, match="takes the name of a file, but got True"):
        train(network(), checkpoint=True)


def test_a_folder_without_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests as root may write everywhere, so the refusal is played."""

    def refused(self: Path, exist_ok: bool = True) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "touch", refused)
    assert_refused(tmp_path / "run", PermissionError, "Permission denied: .*run'")


def test_the_checkpoint_of_another_run_is_not_replaced(tmp_path: Path) -> None:
    path, other = tmp_path / "run", tmp_path / "other"
    train(network(), epochs=2, checkpoint=path)
    train(network(), epochs=1, checkpoint=other, resume=None)
    before = path.read_bytes()
    words = "it is that of a run already, after 2 epochs: go on with that by resume=True, choose"
    assert_refused(path, FileExistsError, words)
    with pytest.raises(FileExistsError, match=words):
        train(network(), epochs=3, checkpoint=path, resume=other)
    assert path.read_bytes() == before
    train(network(), epochs=3, checkpoint=path, resume=str(path))
    assert Checkpoint.load(path).epochs == 3
    train(network(), epochs=4, checkpoint=tmp_path / "new", resume=path)
    assert Checkpoint.load(tmp_path / "new").epochs == 4
