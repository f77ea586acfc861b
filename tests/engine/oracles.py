"""Two oracles that differentiate the same functions in their own way: PyTorch and JAX.

Each knows how the rows of the table are called there, and differentiates a row at a point, or a
random graph, twice. One that is not installed is skipped, with a word on how to install it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from random import Random
from typing import Any, Final

import numpy as np
import pytest

from engine import Value, gradient
from engine.primitive import Primitive
from engine.rules import ROWS, TABLE

from .reference import apply

Point = Sequence[float]
Derived = tuple[list[float], list[float], list[float]]  # value, gradient, Hessian row by row

OPERANDS: Final = 3  # of a row that takes any number of them
LENGTH: Final = 10  # rows in a random graph, at most
INSTALLED_AS: Final = {"torch": "torch==2.13.0", "jax": "chainrule[oracle]"}  # as compared


# --- random graphs ---


@dataclass(frozen=True)
class Instruction:
    """A row, the slots of its operands, and their signs; slots that a row does not take are 0."""

    code: int
    slots: tuple[int, ...]
    signs: tuple[float, ...]


@dataclass(frozen=True)
class Graph:
    """Leaves, constants, and what is computed from them."""

    leaves: list[float]
    constants: list[float]
    instructions: list[Instruction]


def arity(row: Primitive) -> int:
    """How many operands a row has here."""
    return OPERANDS if row.variadic else len(row.arguments)


def random_graph(seed: int) -> Graph:
    """A graph of one to ten rows on one to three leaves; each seed has its own."""
    chance = Random(seed)
    leaves = [chance.uniform(-2, 2) for _ in range(chance.randint(1, 3))]
    constants = [chance.uniform(-2, 2) for _ in range(4 - len(leaves))]
    instructions = []
    for n in range(4, 4 + chance.randint(1, LENGTH)):
        code = chance.randrange(len(ROWS))
        count = arity(ROWS[code])
        slots = [chance.randrange(n) for _ in range(count)]
        signs = [1.0 if ROWS[code].needs else chance.choice((1.0, -1.0)) for _ in range(count)]
        slots[chance.randrange(count)] = n - 1 if n > 4 else 0  # so that it hangs together
        pad = [0] * (OPERANDS - count)
        instructions.append(Instruction(code, (*slots, *pad), (*signs, *pad)))
    return Graph(leaves, constants, instructions)


def run(graph: Graph, leaves: Sequence[Any], constants: Sequence[Any], apply: Any, sin: Any) -> Any:
    """The sum of all results, so that every one counts.

    All rows have values between 0.2 and 0.8: a sine brings each operand there, and keeps it varied.
    Rows that need nothing get their operands with either sign, by which `where` makes its choice.
    """

    def tame(x: Any) -> Any:
        return 0.3 * sin(3.0 * x) + 0.5

    slots = [tame(x) for x in (*leaves, *constants)]
    result: Any = sum(slots[1:], slots[0])
    for each in graph.instructions:
        row = ROWS[each.code]
        operands = [
            slots[slot] if sign == 1.0 else -slots[slot]
            for slot, sign in zip(each.slots, each.signs[: arity(row)], strict=False)
        ]
        if row.name == "where":
            operands[0] = apply(TABLE["step"], operands[:1])
        found = apply(row, operands)
        result = result + found
        slots.append(tame(found))
    return result


# --- ourselves, in the same terms ---


def ours(f: Callable[[list[Any]], Any], point: Point) -> Derived:
    """What the engine has: by reverse mode, twice."""
    x = [Value(each) for each in point]
    y = f(x)
    slopes = gradient(y, x, differentiable=True)
    curves = [each for slope in slopes for each in gradient(slope, x)]
    return [y.data], [slope.data for slope in slopes], curves


def our_row(row: Primitive, point: Point) -> Derived | None:
    """A row at a point; None where floats have no value."""
    try:
        return ours(lambda x: apply(row, x), point)
    except (ArithmeticError, ValueError):
        return None


def our_graph(graph: Graph) -> Derived:
    """A random graph."""
    return ours(lambda x: run(graph, x, graph.constants, apply, Value.sin), graph.leaves)


# --- the oracles ---


def weighted_sum(x: Sequence[Any]) -> Any:
    """The row dot, of whatever can be multiplied and added."""
    n = len(x) // 2
    products = [w * each for w, each in zip(x[:n], x[n : 2 * n], strict=True)]
    terms = [*x[2 * n :], *products]
    return sum(terms[1:], terms[0])


class Torch:
    """PyTorch, with 0-dimensional tensors."""

    name = "torch"

    def __init__(self) -> None:
        self.torch = torch = module("torch")
        torch.set_num_threads(1)
        known = {row.name: getattr(torch, row.name) for row in ROWS if hasattr(torch, row.name)}
        self.functions: dict[str, Any] = known | {
            "sum": lambda *x: torch.stack(x).sum(),
            "dot": lambda *x: weighted_sum(x),
            "logsumexp": lambda *x: torch.stack(x).logsumexp(0),
            "step": lambda x: (x >= 0).double(),
            "softplus": lambda x: torch.nn.functional.softplus(x, threshold=800.0),
            "leaky_relu": lambda x, slope: torch.where(x > 0, x, slope * x),
            "gelu": torch.nn.functional.gelu,
            "where": lambda condition, a, b: torch.where(condition != 0, a, b),
            "less": lambda a, b: (a < b).double(),
            "less_equal": lambda a, b: (a <= b).double(),
            "equal": lambda a, b: (a == b).double(),
            "stop_gradient": lambda x: x.detach(),
        }

    def row(self, row: Primitive, points: Sequence[Point]) -> list[Derived]:
        """A row at several points."""
        return [self.derive(lambda x: self.functions[row.name](*x), point) for point in points]

    def graph(self, graph: Graph) -> Derived:
        """A random graph."""
        constants = [self.tensor(each) for each in graph.constants]

        def apply(row: Primitive, operands: list[Any]) -> Any:
            return self.functions[row.name](*operands)

        return self.derive(lambda x: run(graph, x, constants, apply, self.torch.sin), graph.leaves)

    def tensor(self, x: float) -> Any:
        """A number."""
        return self.torch.tensor(x, dtype=self.torch.float64)

    def derive(self, f: Callable[[list[Any]], Any], point: Point) -> Derived:
        """Value, gradient and Hessian of a function of tensors; 0 where it does not depend."""
        x = [self.tensor(each).requires_grad_() for each in point]
        y = f(x)
        slopes = self.slopes(y, x)
        curves = [self.number(each) for slope in slopes for each in self.slopes(slope, x)]
        return [self.number(y)], [self.number(slope) for slope in slopes], curves

    def slopes(self, y: Any, x: list[Any]) -> list[Any]:
        """The gradient as a graph, None for what y does not depend on."""
        if y is None or not y.requires_grad:
            return [None] * len(x)
        return list(self.torch.autograd.grad(y, x, create_graph=True, allow_unused=True))

    def number(self, tensor: Any) -> float:
        """What a tensor holds."""
        return 0.0 if tensor is None else float(tensor.detach())


class Jax:
    """JAX on the processor, in double precision. Each row is compiled once.

    To compile each graph would take too long, so that there is one compiled function for all of
    them, a machine whose instructions are the rows.
    """

    name = "jax"

    def __init__(self) -> None:
        self.jax = jax = module("jax")
        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_enable_x64", True)
        jnp, special = jax.numpy, jax.scipy.special
        self.functions: dict[str, Any] = {
            "add": jnp.add,
            "sub": jnp.subtract,
            "mul": jnp.multiply,
            "div": jnp.divide,
            "neg": jnp.negative,
            "pow": jnp.power,
            "sum": lambda *x: jnp.sum(jnp.stack(x)),
            "dot": lambda *x: weighted_sum(x),
            "step": lambda x: jnp.where(x >= 0, 1.0, 0.0),
            "sigmoid": jax.nn.sigmoid,
            "softplus": jax.nn.softplus,
            "relu": jax.nn.relu,
            "leaky_relu": jax.nn.leaky_relu,
            "gelu": lambda x: jax.nn.gelu(x, approximate=False),
            "erf": special.erf,
            "erfc": special.erfc,
            "where": lambda condition, a, b: jnp.where(condition != 0, a, b),
            "less": lambda a, b: jnp.where(a < b, 1.0, 0.0),
            "less_equal": lambda a, b: jnp.where(a <= b, 1.0, 0.0),
            "equal": lambda a, b: jnp.where(a == b, 1.0, 0.0),
            "logsumexp": lambda *x: special.logsumexp(jnp.stack(x)),
            "stop_gradient": jax.lax.stop_gradient,
        }
        for row in ROWS:
            self.functions.setdefault(row.name, getattr(jnp, row.numpy, None))
        self.machine = self.derivatives(self.evaluate)

    def derivatives(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """A compiled function: value, gradient and Hessian in the first argument."""
        jax = self.jax
        slope = jax.value_and_grad(f)
        compiled: Callable[..., Any] = jax.jit(
            lambda x, *more: (*slope(x, *more), jax.jacfwd(jax.grad(f))(x, *more))
        )
        return compiled

    def row(self, row: Primitive, points: Sequence[Point]) -> list[Derived]:
        """A row at several points."""
        f = self.functions[row.name]
        derive = self.derivatives(lambda x: f(*x))
        return [flat(derive(np.array(point))) for point in points]

    def graph(self, graph: Graph) -> Derived:
        """A random graph."""
        used = len(graph.instructions)
        codes = np.full(LENGTH, len(ROWS))  # beyond its end there is nothing to do
        slots, signs = np.zeros((LENGTH, OPERANDS), int), np.zeros((LENGTH, OPERANDS))
        codes[:used] = [each.code for each in graph.instructions]
        slots[:used] = [each.slots for each in graph.instructions]
        signs[:used] = [each.signs for each in graph.instructions]
        value, slopes, curves = self.machine(
            np.array([*graph.leaves, *graph.constants]), codes, slots, signs
        )
        n = len(graph.leaves)
        return flat((value, slopes[:n], curves[:n, :n]))

    def evaluate(self, x: Any, codes: Any, slots: Any, signs: Any) -> Any:
        """The machine: `run`, for a graph that is data."""
        jax, jnp = self.jax, self.jax.numpy
        functions = self.functions | {"where": lambda sign, a, b: jnp.where(sign >= 0, a, b)}
        branches = [
            (lambda v, row=row: jnp.asarray(functions[row.name](*v[: arity(row)]), float))
            for row in ROWS
        ]
        branches.append(lambda v: jnp.zeros(()))

        def tame(x: Any) -> Any:
            return 0.3 * jnp.sin(3.0 * x) + 0.5

        def step(memory: Any, instruction: Any) -> tuple[Any, Any]:
            at, code, where, sign = instruction
            found = jax.lax.switch(code, branches, memory[where] * sign)
            return memory.at[at].set(tame(found)), found

        start = jnp.zeros(4 + LENGTH).at[:4].set(tame(x))
        places = jnp.arange(4, 4 + LENGTH)
        _, results = jax.lax.scan(step, start, (places, codes, slots, signs), unroll=1)
        return jnp.sum(results) + jnp.sum(start[:4])


def flat(found: Any) -> Derived:
    """Arrays as lists of floats."""
    value, slopes, curves = (np.ravel(each).tolist() for each in found)
    return value, slopes, curves


def module(name: str) -> Any:
    """An oracle's module; the test is skipped if it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        pytest.skip(f"{name} is not installed: pip install '{INSTALLED_AS[name]}'")


@cache
def oracle(name: str) -> Torch | Jax:
    """The oracle of that name, made once."""
    return {"torch": Torch, "jax": Jax}[name]()
