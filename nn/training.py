"""fit: train a network, in one call, with everything that belongs to it."""

from __future__ import annotations

from numpy.typing import ArrayLike

from nn.arguments import (
    Place,
    Validation,
    check_patience,
    check_place,
    check_step,
    choose_optimizer,
    choose_schedule,
    chosen_seed,
    load,
    penalties,
    pieces,
    prepare,
    refuse_pause,
    require_flag,
    require_module,
)
from nn.choice import require_whole
from nn.examples import Chosen, choose_loss
from nn.failures import Diverged, NotWritten
from nn.history import History
from nn.loop import Options, Run
from nn.metrics import count_outputs, in_mode
from nn.module import Module
from nn.optim import Optimizer
from nn.schedules import Schedule
from nn.steps import EagerStep, MakeStep, Objective, RecordedStep, make_step

__all__ = ["Diverged", "NotWritten", "fit"]


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
    eager: bool = False,
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
            floats; for integers, and one-hot rows of any type, cross-entropy, binary with a single
            output, Nielsen's after sigmoids.
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
        checkpoint: a file to write the run to; one that is there already is refused, unless the run
            goes on from it.
        checkpoint_every: after how many epochs; also after the last.
        resume: a checkpoint to go on from, to exactly the result of a run that never stopped; True
            is that of `checkpoint`, if there is one yet.
        eager: whether to build every graph anew, node by node. Left out, model and loss are
            recorded once and run on a batch as arrays, with the same result up to the order of
            additions; so the Values have their new numbers after every epoch, not after every
            step. What cannot be recorded, such as a loss that looks at numbers, is trained node by
            node all the same, and the history tells why in `unrecorded`. What is only predicted, as
            in the validation, is recorded in any case, if there are many examples.
        step: what makes the step that is done for every batch; see `nn.steps`.

    Returns:
        The History, with the seed and all else that was used in `settings`.

    Raises:
        TypeError, ValueError: if an argument makes no sense, or does not fit another, or the
            checkpoint is of another run.
        RuntimeError: inside `no_grad()`.
        FileNotFoundError: if there is no checkpoint to resume from.
        OSError: if the checkpoint cannot be written. In the middle of the run, say on a full disk,
            it is a NotWritten, whose `history` holds the epochs so far.
        Diverged: if the loss, a gradient or a parameter becomes NaN or infinite. It is a
            FloatingPointError, with the `history`; the weights are those of the last step after
            which all was finite, or with `patience` those of the best epoch.

    >>> from nn import MLP, xor
    >>> model = MLP(2, [4, 1], activation="tanh", seed=1)
    >>> history = fit(model, *xor(), epochs=200, lr=0.1, seed=1)
    >>> history[-1]["accuracy"], history["loss"][-1] < 0.01
    (1.0, True)
    """
    refuse_pause()
    if progress is not None:
        require_flag("progress", progress)
    place = check_place(checkpoint, resume)
    stored = load(resume, checkpoint)
    seed = chosen_seed(seed, stored)
    outputs = count_outputs(require_module(model), X)
    chosen_loss = choose_loss(loss, model, y, outputs)
    objective = Objective(chosen_loss, *penalties(l1, l2, model))
    data = prepare(model, X, y, chosen_loss, outputs, validation, seed)
    options = Options(
        epochs=require_whole("fit(epochs)", epochs),
        batch_size=pieces(batch_size, data),
        shuffle=require_flag("shuffle", shuffle),
        seed=seed,
        patience=check_patience(patience, data),
        checkpoint=place,
        checkpoint_every=require_whole("fit(checkpoint_every)", checkpoint_every),
    )
    chosen_optimizer = choose_optimizer(optimizer, lr, model)
    chosen_schedule = choose_schedule(schedule, options.epochs, data)
    if require_flag("eager", eager) and step is make_step:
        step = EagerStep
    one_step = check_step(step)(model, objective, chosen_optimizer)
    if isinstance(one_step, RecordedStep):
        with in_mode(model, training=True):
            one_step.prepare(data.training[0], data.training[1][:1].tolist())
    run = Run(model, data, objective, one_step, chosen_optimizer, chosen_schedule, options)
    if stored is not None:
        run.resume(stored, checkpoint if resume is True else resume)
    model.reading = data.reading
    run.go(progress)
    return run.history
