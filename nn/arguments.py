"""What is given to `fit`: checked and converted, before any weight changes."""

from __future__ import annotations

import secrets
from copy import deepcopy
from math import inf
from os import PathLike
from os.path import realpath
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from engine.node import ENGINE
from nn.checkpoint import Checkpoint, require_place
from nn.choice import choose, require, require_whole
from nn.data import Pair, chance, paired, split
from nn.evaluation import Data
from nn.examples import inputs_for, targets_for
from nn.loop import looks_at_accuracy
from nn.losses import Loss
from nn.metrics import reading
from nn.module import Module
from nn.optim import OPTIMIZERS, Optimizer
from nn.schedules import Schedule
from nn.schedules import resolve as resolve_schedule
from nn.steps import MakeStep, weights

Place: TypeAlias = str | PathLike[str]
Validation: TypeAlias = float | tuple[ArrayLike, ArrayLike] | None


def refuse_pause() -> None:
    """Training differentiates, so what it computes has to be recorded."""
    if ENGINE.paused():
        raise RuntimeError(
            "fit() cannot learn inside no_grad(), where nothing is recorded and so nothing can be "
            "differentiated: call it outside; it pauses by itself where it only predicts"
        )


def require_flag(name: str, given: object) -> bool:
    """True or False: 0 would do, but "no" would be true."""
    if isinstance(given, bool):
        return given
    raise TypeError(f"fit({name}) takes True or False, but got {given!r}")


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
    seed = require_whole("seed", given, least=0)
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


def penalties(l1: float, l2: float, model: Module) -> list[float]:
    """The strengths of the two, if there is something to penalise."""
    given = {"l1": l1, "l2": l2}.items()
    for name, each in given:
        if isinstance(each, bool):
            raise TypeError(f"fit({name}) takes a number, the strength, but got {each}")
    found = [require(f"fit({k})", x, lambda x: 0 <= x < inf, "0 or more, finite") for k, x in given]
    if any(found) and not weights(model):
        raise ValueError(
            f"l1 and l2 are penalties on weights, but {model!r} has no parameter other than a "
            "bias: leave them out"
        )
    return found


def prepare(
    model: Module,
    X: ArrayLike,
    y: ArrayLike,
    loss: Loss,
    outputs: int,
    validation: Validation,
    seed: int,
) -> Data:
    """The data, checked and converted, those for validation set aside."""
    rows = inputs_for(model, X)

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


def check_place(checkpoint: Place | None, resume: Place | bool) -> Path | None:
    """Where checkpoints go, if they can: it would be a pity to learn of it after an epoch."""
    if checkpoint is None:
        return None
    if not isinstance(checkpoint, str | PathLike):
        raise TypeError(
            f"fit(checkpoint) takes the name of a file, but got {checkpoint!r} of type "
            f'{type(checkpoint).__name__}: write "run.safetensors"'
        )
    from_here = isinstance(resume, str | PathLike) and realpath(resume) == realpath(checkpoint)
    require_place(checkpoint, resumed=resume is True or from_here)
    return Path(checkpoint)


def check_step(step: object) -> MakeStep:
    """What makes the step, if it can be called."""
    if callable(step):
        return step
    raise TypeError(
        f"fit(step) takes a function that makes a step, such as nn.steps.make_step, but got "
        f"{step!r} of type {type(step).__name__}"
    )


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
