"""names: can a network whose every number is a scalar learn to invent first names?

A GPT of one layer, 16 wide, with four heads: 4,192 parameters, written with Values and weighted
sums in `demos/parts/gpt.py`. It reads names letter by letter and learns to foretell the next one,
from a new name at each step, so that the losses are those of names which it has not seen. For each
length of a name the graph is recorded once and then replayed as a few array instructions; with
--eager every step builds its thousands of nodes anew, and comes to the same numbers. Then it
invents names, each letter drawn by the probabilities that it gives. It draws the attention of its
heads in one name, and the losses beside those of guessing by counts.

Command: chainrule names
Expect: a loss from 3.4 (guessing has 3.3) to below that of knowing which letters follow which;
names that could be some; 1,000 steps in two seconds, or in some ten with --eager.
Source: A. Karpathy, microgpt, 2026: the size of the network, and a document at each step of Adam.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from math import log
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from demos.parts import names_picture, report
from demos.parts.gpt import GPT, Array, Nodes, Programs, constants, rms_norm
from engine import no_grad
from nn import Adam, names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

END = "."  # before and after every name
TOKENS = END + "abcdefghijklmnopqrstuvwxyz"
BLOCK = 16
RATE, BETAS = 0.0075, (0.85, 0.99)
INVENTED, TEMPERATURE = 40, 0.5
ATTENDED = "isabella"  # the name whose attention is drawn


def main(argv: Sequence[str] | None = None) -> None:
    """Train, invent, and draw."""
    chosen = report.options(
        __doc__,
        argv,
        seed=0,
        steps=(1000, "steps of training, a name each"),
        eager=(False, "build every graph anew, node by node, instead of replaying programs"),
    )
    chance = random.Random(chosen.seed)
    known = names()
    order = chance.sample(known, len(known))
    model = GPT(len(TOKENS), BLOCK, seed=chosen.seed)
    optimizer = Adam(model.parameters(), lr=RATE, betas=BETAS)
    way = Nodes(model, optimizer) if chosen.eager else Programs(model, optimizer)
    print(f"{model}, on {len(known):,} names\n")

    losses = train(way, [order[k % len(order)] for k in range(chosen.steps)])
    invented = invent(way, INVENTED, chance)
    print(f"\n{INVENTED} names at temperature {TEMPERATURE}, with * those that are in the list\n")
    marked = [name + "*" * (name in known) for name in invented]
    for row in range(0, INVENTED, 8):
        print("  " + "".join(f"{name:12}" for name in marked[row : row + 8]).rstrip())
    print(f"\nin the list already: {sum(name in known for name in invented)} of {INVENTED}")
    report.save_figure(picture(model, losses, known), chosen.out, "names")


def train(way: Nodes, texts: Sequence[str]) -> list[float]:
    """A step on each name, at a learning rate that falls to 0; the losses."""
    documents = {name: one_hot(END + name + END) for name in texts}
    losses: list[float] = []
    first: dict[int, float] = {}  # seconds of the first step with a name of this length
    begin = perf_counter()
    with way.held():
        for k, name in enumerate(texts, start=1):
            start = perf_counter()
            way.optimizer.lr = RATE * (1 - (k - 1) / len(texts))
            losses.append(way.step(documents[name]))
            first.setdefault(len(name), perf_counter() - start)
            if k == 1 or k % 100 == 0:
                mean = np.mean(losses[-100:])
                print(f"  step {k:5}   mean loss of up to 100 names {mean:.3f}")
    print(
        f"\n{len(texts):,} steps in {perf_counter() - begin:.2f} s, of which the first ones of the "
        f"{len(first)} lengths took {sum(first.values()):.2f} s"
    )
    return losses


def invent(way: Nodes, count: int, chance: random.Random) -> list[str]:
    """Names, all at a time, letter by letter, each drawn by its probability."""
    texts = [END] * count
    for position in range(BLOCK):
        contexts = np.array([one_hot(text.ljust(BLOCK, END)) for text in texts])
        rows = way.chances(contexts, position, TEMPERATURE).tolist()
        texts = [t + chance.choices(TOKENS, row)[0] for t, row in zip(texts, rows, strict=True)]
        if all(END in text[1:] for text in texts):
            break
    return [text[1:].partition(END)[0] for text in texts]


def one_hot(text: str) -> Array:
    """A row for each letter.

    >>> one_hot(".a")[:, :3].tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    return np.eye(len(TOKENS))[[TOKENS.index(letter) for letter in text]]


def guessing(texts: Sequence[str], before: int) -> float:
    """The mean loss of whoever has counted how often each letter follows so many before it.

    >>> f"{guessing(['ab', 'ab', 'ac'], before=1):.3f}"  # of 3 letters one is uncertain
    '0.212'
    """
    whole = [END + name + END for name in texts]
    pairs = [[(text[k - before : k], text[k]) for k in range(1, len(text))] for text in whole]
    counted = Counter(pair for text in pairs for pair in text)
    starts = Counter(pair[0] for text in pairs for pair in text)
    losses = ([log(starts[pair[0]] / counted[pair]) for pair in text] for text in pairs)
    return float(np.mean([np.mean(each) for each in losses]))


def attention(model: GPT, name: str) -> list[Array]:
    """What each head looks at in a name: a row for each letter, with a share for each before it."""
    with no_grad():
        stream = model.embed(constants(one_hot(END + name)))
        heads = model.attention([rms_norm(x) for x in stream])
    return [
        np.array([[s.data for s in row] + [np.nan] * (len(rows) - len(row)) for row in rows])
        for rows in heads
    ]


def picture(model: GPT, losses: Sequence[float], known: Sequence[str]) -> Figure:
    """The attention in one name, and the losses beside what could be had without a network."""
    levels = {
        "knowing nothing": log(len(TOKENS)),
        "knowing which letters\nare common": guessing(known, before=0),
        "knowing which letters\nfollow which": guessing(known, before=1),
    }
    return names_picture.picture(END + ATTENDED + END, attention(model, ATTENDED), losses, levels)


if __name__ == "__main__":
    main()
