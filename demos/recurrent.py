"""recurrent: how does a network remember what it has seen so far?

It gets the items of a sequence one by one, and with each its own last output, the memory h. At
every step the same two weights are at work: unrolled, h = w x + u h is a chain in which the same
Values are used again and again, and a weight's gradient is the sum over its uses. From short
sequences of 0 and 1 it learns to count the ones, for which w and u have to be 1. Then it counts in
longer sequences than it has ever seen. The way back to the first item goes through u at every step:
if u is below 1 the beginning fades, if it is above 1 it drowns the rest.

Command: chainrule recurrent
Expect: w and u of 1, and 100 sequences of 40 items counted without a mistake.
Source: J. Elman, Finding structure in time, 1990; S. Hochreiter, 1991, for what fades and drowns.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from demos.parts import report
from demos.parts.report import BLUE, INK, PALE, RED, note, plain, rounded, table
from engine import Value, dot, draw
from nn import Adam

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHORT, LONG = 6, 40  # items to learn from, and to count at last
STEPS, BATCH, RATE = 250, 8, 0.1
FACTORS = {"fades": 0.9, "stays": 1.0, "drowns the rest": 1.05}  # the beginning


def unroll(w: Value, u: Value, items: Sequence[float]) -> list[Value]:
    """The memory after each item: the same w and u at every step."""
    memory: list[Any] = [0.0]  # nothing yet
    for x in items:
        memory.append(dot([w, u], [x, memory[-1]]))
    return memory[1:]


def learn(w: Value, u: Value, chance: Random) -> list[list[float]]:
    """Train on random sequences; w, u and the loss at each step."""
    optimizer = Adam([w, u], lr=RATE)
    path = []
    for step in range(STEPS):
        loss: Any = 0
        for items in (toss(chance, SHORT) for _ in range(BATCH)):
            for k, h in enumerate(unroll(w, u, items), start=1):
                loss += (h - sum(items[:k])) ** 2 / (BATCH * SHORT)
        path.append([w.data, u.data, loss.data])
        optimizer.zero_grad()
        loss.backward()
        optimizer.lr = RATE * (1 - step / STEPS)
        optimizer.step()
    return path


def toss(chance: Random, length: int) -> list[float]:
    """A sequence of 0 and 1."""
    return [float(chance.random() < 0.5) for _ in range(length)]


def main(argv: Sequence[str] | None = None) -> None:
    """Unroll, learn, count, and look back."""
    chosen = report.options(__doc__, argv, seed=0)
    chance = Random(chosen.seed)
    w, u = Value(1.0, "w"), Value(0.5, "u")
    memory = unroll(w, u, [1.0, 0.0, 1.0])
    for k, h in enumerate(memory, start=1):
        h.label = f"h{k}"
    memory[-1].backward()
    print("Unrolled over the items 1, 0, 1: a weight's gradient is a sum over its uses\n")
    picture = draw(memory[-1], title="h = w x + u h over the items 1, 0, 1")
    print(picture.text)
    report.save(picture, chosen.out, "recurrent_unrolled")

    w, u = Value(chance.uniform(0, 0.5)), Value(chance.uniform(0, 0.5))
    items = toss(chance, LONG)
    before = [h.data for h in unroll(w, u, items)]
    path = learn(w, u, chance)
    after = [h.data for h in unroll(w, u, items)]
    print(f"\nLearning to count the ones, from sequences of {SHORT}\n")
    steps = (0, 10, 50, STEPS - 1)
    print(table(["step", "w", "u", "loss"], [[str(k), *rounded(path[k])] for k in steps]))
    trials = [toss(chance, LONG) for _ in range(100)]
    right = sum(round(unroll(w, u, trial)[-1].data) == sum(trial) for trial in trials)
    print(f"\nsequences of {LONG} items counted without a mistake: {right} of 100")

    figure = report.canvas(12, 4.2)
    one, two, three = figure.subplots(1, 3)
    learning(one, path)
    counting(two, [sum(items[: k + 1]) for k in range(LONG)], before, after)
    looking_back(three)
    report.save_figure(figure, chosen.out, "recurrent")


def learning(axes: Axes, path: Sequence[Sequence[float]]) -> None:
    """Both weights on their way to 1."""
    for k, (name, colour, away) in enumerate((("w", BLUE, 4), ("u", RED, -16))):
        numbers = [row[k] for row in path]
        axes.plot(numbers, color=colour)
        note(axes, name, (45, numbers[45]), (4, away), color=colour)
    plain(axes, f"learning, from sequences of {SHORT}", xlabel="step", ylabel="weight")


def counting(
    axes: Axes, counts: Sequence[float], before: Sequence[float], after: Sequence[float]
) -> None:
    """The memory beside the true count."""
    t = range(1, LONG + 1)
    axes.step(t, counts, color=PALE, lw=6, where="mid")
    axes.plot(t, after, "o", color=RED, ms=4)
    axes.plot(t, before, color=BLUE)
    note(axes, "after learning,\non the true count", (2, 11), color=RED)
    note(axes, "before learning", (t[-1], before[-1]), (0, 8), color=BLUE, ha="right")
    plain(axes, f"counting ones among {LONG} items", xlabel="item", ylabel="memory h")


def looking_back(axes: Axes) -> None:
    """The derivatives of the last memory in those before, for some u."""
    for (name, factor), colour in zip(FACTORS.items(), (BLUE, INK, RED), strict=True):
        memory = unroll(Value(1.0), Value(factor), [1.0] * LONG)
        memory[-1].backward()
        slopes = [h.grad for h in memory]
        axes.plot(range(1, LONG + 1), slopes, color=colour)
        note(axes, f"u = {factor}: {name}", (3, slopes[2]), color=colour)
    plain(axes, f"looking back: dh{LONG} / dh", xlabel="item", yticks=[0, 1, 2, 4, 6])


if __name__ == "__main__":
    main()
