"""fit: train a network, in one call, with everything that belongs to it."""

from __future__ import annotations

import secrets
from copy import deepcopy
from math import inf
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from engine import no_grad
from nn.checkpoint import Checkpoint
from nn.choice import choose, require, require_whole
from nn.data import Pair, chance, paired, split, whole
from nn.evaluation import Data
from nn.examples import Chosen, choose_loss, inputs_for, targets_for
from nn.history import History
from nn.labels import values
from nn.loop import Diverged, Options, Run, looks_at_accuracy
from nn.losses import Loss
from nn.metrics import in_mode, reading
from nn.module import Module
from nn.optim import OPTIMIZERS, Optimizer
from nn.schedules import Schedule
from nn.schedules import resolve as resolve_schedule
from nn.steps import MakeStep, Objective, make_step

__all__ = ["Diverged", "fit"]

Place: TypeAlias = str | PathLike[str]
Validation: TypeAlias = float | tuple[ArrayLike, ArrayLike] | None


def fit(
    model: Module,
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: Chosen = None,
    optimizer: str | Optimizer = "adam",
    lr: float | None = None,
    schedule: str | Schedule | None = None,
    epochs: int = 100,
    batch_size: int | None = 32,
    shuffle: bool = True,
    l1: float = 0.0,
    l2: float = 0.0,
    validation: Validation = None,
    patience: int | None = None,
    seed: int | None = None,
    progress: bool | None = None,
    checkpoint: Place | None = None,
    checkpoint_every: int = 1,
    resume: Place | bool = False,
    step: MakeStep = make_step,
) -> History:
    """Train a network on examples. Everything is checked before any weight changes.

    Ctrl-C ends the training, not the program: the model keeps the weights of the last whole step,
    the history says so and has `interrupted` set. Before the first step it passes through.

    Args:
        model: the network; its parameters are changed.
        X: the examples, one per row.
        y: their labels: numbers, or classes as integers or one-hot; -1 and 1 for the hinge loss.
        loss: a name in `LOSSES`, or a function of output and target. Left out: squared error for
            floats; for integers cross-entropy, binary with a single output, Nielsen's after
            sigmoids.
        optimizer: a name in `OPTIMIZERS`, or an Optimizer made on `model.parameters()`, which
            goes on with the state that it has.
        lr: the learning rate of an optimiser given by name; 0.01 if left out.
        schedule: a name in `SCHEDULES`, or a Schedule, which is copied. What it observes is the
            validation loss, or the accuracy if its mode is "max"; without validation data those of
            the training.
        epochs: how often to go through all the data, from the start of the run.
        batch_size: how many examples to a step: 1 is one by one, None or many is all at once.
        shuffle: whether every epoch has an order of its own.
        l1: the strength of the l1 penalty on the weights, without biases.
        l2: that of the l2 penalty.
        validation: what part of the data to set aside for validation, or a pair (X, y) of others.
        patience: stop after so many epochs in a row without a better validation loss. However the
            run ends, unless by Ctrl-C, the model then has the weights of the best epoch.
        seed: fixes everything that is random: the order, dropout, what is set aside. Left out, one
            is drawn, and kept in the history. Global generators are left alone.
        progress: True or False; None shows a bar in a terminal or a notebook, and nothing
            elsewhere. True writes a few plain lines elsewhere.
        checkpoint: a file to write the run to.
        checkpoint_every: after how many epochs; also after the last.
        resume: a checkpoint to go on from, to exactly the result of a run that never stopped; True
            is that of `checkpoint`, if there is one yet.
        step: what makes the step that is done for every batch; see `nn.steps`.

    Returns:
        The History, with the seed and all else that was used in `settings`.

    Raises:
        TypeError, ValueError: if an argument makes no sense, or does not fit another, or the
            checkpoint is of another run.
        FileNotFoundError: if there is no checkpoint to resume from.
        Diverged: if the loss, a gradient or a parameter becomes NaN or infinite. It is a
            FloatingPointError; the weights are those of the last good step.

    >>> from nn import MLP, xor
    >>> model = MLP(2, [4, 1], activation="tanh", seed=1)
    >>> history = fit(model, *xor(), epochs=200, lr=0.1, seed=1)
    >>> history[-1]["accuracy"], history["loss"][-1] < 0.01
    (1.0, True)
    """
    stored = load(resume, checkpoint)
    seed = chosen_seed(seed, stored)
    objective = Objective(choose_loss(loss, require_module(model), y), *penalties(l1, l2))
    data = prepare(model, X, y, objective.loss, validation, seed)
    options = Options(
        epochs=require_whole("fit(epochs)", epochs),
        batch_size=pieces(batch_size, data),
        shuffle=bool(shuffle),
        seed=seed,
        patience=check_patience(patience, data),
        checkpoint=check_place(checkpoint),
        checkpoint_every=require_whole("fit(checkpoint_every)", checkpoint_every),
    )
    moves = choose_optimizer(optimizer, lr, model)
    plan = choose_schedule(schedule, options.epochs, data)
    run = Run(model, data, objective, step(model, objective, moves), moves, plan, options)
    if stored is not None:
        run.resume(stored, checkpoint if resume is True else resume)
    run.go(progress)
    return run.history


# --- what was given ---


def load(resume: Place | bool, checkpoint: Place | None) -> Checkpoint | None:
    """The checkpoint to go on from, if there is one."""
    if resume is True:
        if checkpoint is None:
            raise ValueError(
                "resume=True goes on from the file that checkpoint= names: give that too, or write "
                'resume="run.safetensors"'
            )
        return Checkpoint.load(checkpoint) if Path(checkpoint).exists() else None
    return None if resume is False or resume is None else Checkpoint.load(resume)


def chosen_seed(given: int | None, stored: Checkpoint | None) -> int:
    """The seed that is given, or that of the run that goes on, or one that nobody has chosen."""
    if given is None:
        return secrets.randbits(32) if stored is None else int(stored.settings.get("seed", 0))
    seed = whole(given, "seed", least=0)
    chance(seed)  # refuses what is too large
    return seed


def require_module(model: object) -> Module:
    """The model, if it is one."""
    if isinstance(model, Module):
        return model
    raise TypeError(
        f"fit(model) takes a Module such as an MLP, but got {model!r} of type "
        f"{type(model).__name__}: put a function of your own into the forward of a Module"
    )


def penalties(l1: float, l2: float) -> list[float]:
    """The strengths of the two."""
    given = {"l1": l1, "l2": l2}.items()
    return [require(f"fit({k})", x, lambda x: 0 <= x < inf, "0 or more, finite") for k, x in given]


def prepare(
    model: Module, X: ArrayLike, y: ArrayLike, loss: Loss, validation: Validation, seed: int
) -> Data:
    """The data, checked and converted, those for validation set aside."""
    rows = inputs_for(model, X)
    outputs = model.n_out or probe(model, rows[0].tolist())

    def pair(rows: Any, y: Any, names: tuple[str, str]) -> Pair:
        return paired(rows, np.array(targets_for(loss, model, y, outputs, names[1])), names)

    training, held = pair(rows, y, ("X", "y")), None
    if isinstance(validation, tuple | list) and len(validation) == 2:
        names = "the validation X", "the validation y"
        held = pair(inputs_for(model, validation[0], names[0]), validation[1], names)
    elif validation is not None:
        training, held = split(*training, validation, seed=seed)
    known = [*training[1].tolist(), *(held[1].tolist() if held else [])]
    return Data(training, held, reading(loss, outputs, known))


def probe(model: Module, x: list[float]) -> int:
    """How many outputs a model has that does not say so."""
    with in_mode(model, training=False), no_grad():
        return len(values(model(x)))


def pieces(batch_size: int | None, data: Data) -> int:
    """How many examples to a batch: all there are, if there are no more."""
    n = len(data.training[0])
    return n if batch_size is None else min(n, require_whole("fit(batch_size)", batch_size))


def check_patience(patience: int | None, data: Data) -> int | None:
    """The patience of early stopping, if there is something to wait for."""
    if patience is not None and data.validation is None:
        raise ValueError(
            f"patience={patience!r} waits for a better validation loss: set data aside for that "
            "with validation=0.1, or give a pair validation=(X, y)"
        )
    return None if patience is None else require_whole("fit(patience)", patience)


def check_place(checkpoint: Place | None) -> Path | None:
    """Where checkpoints go, if they can: it would be a pity to learn of it after an epoch."""
    if checkpoint is not None and not Path(checkpoint).parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {Path(checkpoint).parent} for the checkpoint: make it first"
        )
    return None if checkpoint is None else Path(checkpoint)


def choose_optimizer(given: str | Optimizer, lr: float | None, model: Module) -> Optimizer:
    """The optimiser that is meant, if it moves this model."""
    if not isinstance(given, Optimizer):
        kind = choose("an optimiser", given, OPTIMIZERS)
        return kind(model.parameters()) if lr is None else kind(model.parameters(), lr=lr)
    if lr is not None:
        raise ValueError(f"{given!r} has a learning rate already: give lr to one of the two only")
    own = {id(p) for p in model.parameters()}
    strangers = sum(id(p) not in own for p in given.parameters)
    if strangers:
        raise ValueError(
            f"{given!r} moves {strangers} Values that are not parameters of {model!r}: make it on "
            "model.parameters() of the model that is trained"
        )
    return given


def choose_schedule(given: str | Schedule | None, epochs: int, data: Data) -> Schedule:
    """The schedule that is meant, as a copy, if it can look at what it wants to."""
    schedule = deepcopy(resolve_schedule(given, epochs))
    if looks_at_accuracy(schedule) and data.reading is None:
        raise ValueError(
            f"{schedule!r} looks at the accuracy, but y holds numbers and no classes: write "
            'mode="min", which looks at the loss'
        )
    return schedule
