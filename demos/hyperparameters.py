"""hyperparameters: how are the numbers chosen that a network does not learn?

First the learning rate, by its order of magnitude, then finer, without regularisation, in a few
epochs: half of the largest is taken at which the cost falls in every epoch. Then the strength of
L2, by its order of magnitude, then the size of a mini-batch: digits that were set aside decide. At
last a grid around the choice: is something near by better? The trials run in parallel processes.

Command: chainrule hyperparameters
Expect: a learning rate of some units, on a plateau of the grid, but not far from its edge; hardly
any help from L2; as a rule less right of the digits that had no part in the choice.
Source: M. Nielsen, Neural Networks and Deep Learning, 2015, chapter 3.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from math import inf
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np

from demos.parts import report
from demos.parts.hyperparameters_pictures import picture
from demos.parts.report import rounded, table
from nn import MLP, SGD, Diverged, accuracy, digits, fit, split

CORES = min(4, os.cpu_count() or 1)
TRAIN, ASIDE, QUICK, EPOCHS = 300, 300, 5, 15
ORDERS, FINER = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0], [1.5, 2.0, 3.0, 5.0, 7.0]
STRENGTHS = [0.0, 1e-5, 1e-4, 1e-3, 1e-2]  # Nielsen's lambda / n
BATCHES, AROUND = [3, 10, 30, 100], [4.0, 2.0, 1.0, 0.5, 0.25]  # the learning rate found, times


class Trial(NamedTuple):
    """All that decides how a training ends: another process knows nothing else."""

    lr: float
    epochs: int
    sizes: tuple[int, int]  # digits to learn, digits set aside
    seed: int
    l2: float = 0.0
    batch_size: int = 10


class Outcome(NamedTuple):
    """The training cost of each epoch; what is right of the digits set aside, and of the rest."""

    costs: list[float]
    right: float
    cost: float  # of those set aside
    unseen: float


Found = dict[Any, Outcome]  # by the value of a setting
Try = Callable[[list[Trial]], list[Outcome]]


def attempt(trial: Trial) -> Outcome:
    """Train a network in this way. It is called in other processes, by its name."""
    X, y = digits()
    rest, learnt = split(X, y, trial.sizes[0], seed=trial.seed)
    unseen, aside = split(*rest, trial.sizes[1], seed=trial.seed)
    model = MLP(64, [20, 10], "sigmoid", "sigmoid", init="nielsen", seed=trial.seed)
    try:
        history = fit(
            model, learnt[0], np.eye(10)[learnt[1]], optimizer=SGD(model.parameters(), trial.lr),
            l2=trial.l2, epochs=trial.epochs, batch_size=trial.batch_size, seed=trial.seed,
            validation=(aside[0], np.eye(10)[aside[1]]), progress=False,
        )  # fmt: skip
    except Diverged:
        return Outcome([inf] * trial.epochs, 0.0, inf, 0.0)
    right, cost = (history[-1][f"validation_{name}"] for name in ("accuracy", "loss"))
    return Outcome(history["loss"], right, cost, accuracy(model, *unseen))


@contextmanager
def processes(jobs: int) -> Iterator[Try]:
    """What tries trials at the same time, in so many processes."""
    if jobs == 1:
        yield lambda trials: list(map(attempt, trials))
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:  # on every system
        yield lambda trials: list(pool.map(attempt, trials))


def vary(attempts: Try, trial: Trial, name: str, values: Sequence[Any]) -> Found:
    """What comes out with other values of one setting."""
    trials = [trial._replace(**{name: value}) for value in values]
    return dict(zip(values, attempts(trials), strict=True))


def falls(costs: Sequence[float]) -> bool:
    """Whether the cost gets smaller with every epoch."""
    return all(later < earlier for earlier, later in pairwise(costs))


def largest(rates: Found) -> Any:
    """The largest learning rate with which the cost falls."""
    return max((lr for lr in rates if falls(rates[lr].costs)), default=min(rates))


def best(found: Found) -> Any:
    """With what most of the digits set aside are right; of equals the one of the least cost."""
    return max(found, key=lambda value: (found[value].right, -found[value].cost))


def main(argv: Sequence[str] | None = None) -> None:
    """The learning rate, the regularisation, the batch size, and the grid."""
    chosen = report.options(__doc__, argv, seed=0, jobs=(CORES, "processes at the same time"))
    trial = Trial(0.0, QUICK, (TRAIN, ASIDE), chosen.seed)
    with processes(chosen.jobs) as attempts:
        rates = vary(attempts, trial, "lr", ORDERS)
        rates |= vary(attempts, trial, "lr", [largest(rates) * factor for factor in FINER])
        trial = trial._replace(lr=largest(rates) / 2, epochs=EPOCHS)
        strengths = vary(attempts, trial, "l2", STRENGTHS)
        trial = trial._replace(l2=best(strengths))
        batches = vary(attempts, trial, "batch_size", BATCHES)
        trial = trial._replace(batch_size=best(batches))
        near = [trial._replace(lr=trial.lr * factor) for factor in AROUND]
        grid = {each.lr: vary(attempts, each, "l2", STRENGTHS) for each in near}
    tell(rates, strengths, batches, grid)
    found = grid[trial.lr][trial.l2]
    print(f"\nChosen: learning rate {trial.lr:g}, L2 {trial.l2:g}, batches of {trial.batch_size}")
    print(f"Right of the digits that decided: {found.right:.1%}; of all others: {found.unseen:.1%}")
    figure = picture(rates, strengths, batches, grid, trial)
    report.save_figure(figure, chosen.out, "hyperparameters")


def tell(rates: Found, strengths: Found, batches: Found, grid: dict[float, Found]) -> None:
    """A table for each stage."""
    print("1. The learning rate, without regularisation: training cost\n")
    rows = [[f"{lr:g}", *rounded(e.costs, 2), falls(e.costs)] for lr, e in sorted(rates.items())]
    print(table(["", *(f"epoch {k + 1}" for k in range(QUICK)), "falls"], rows))
    for title, found in (("2. The strength of L2", strengths), ("3. Batch size", batches)):
        print(f"\n{title}: the {ASIDE} digits set aside\n")
        rows = [[f"{x:g}", f"{each.right:.1%}", *rounded([each.cost])] for x, each in found.items()]
        print(table(["", "right", "cost"], rows))
    print("\n4. The grid, learning rate by L2: right of the digits set aside\n")
    rows = [[f"{lr:g}", *(f"{e.right:.1%}" for e in row.values())] for lr, row in grid.items()]
    print(table(["", *(f"{l2:g}" for l2 in STRENGTHS)], rows))


if __name__ == "__main__":
    main()
