"""The loops over a flat tape give what the eager engine gives, digit for digit."""

from __future__ import annotations

import math
import operator
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from librt.vecs import vec
from mypy_extensions import i32, u8

import engine
from engine import Primitive, Value, dot, register, topological_order
from engine.backward import local_derivative
from engine.derive import gradient
from engine.elementary import extended_value
from engine.loops import replay
from engine.loops.flatten import Flat
from engine.loops.schedule import schedule
from engine.loops.slots import read_leaves, write_leaves
from engine.rules import ROWS, TABLE

from ..graphs import Program, programs, run
from ..reference import apply

ROOT = Path(__file__).resolve().parents[3]
AWKWARD = [0.0, -0.0, 1.0, -1.5, 0.25, 750.0, -1e300, 1e-310, math.inf, -math.inf, math.nan]


class Flattened:
    """Graphs as a tape, in the order in which the eager engine goes through the first of them."""

    def __init__(self, *outputs: Value) -> None:
        order: dict[int, Value] = {}
        for output in outputs:
            order |= {id(node): node for node in topological_order(output)}
        constants = [node for node in order.values() if node.is_constant]
        self.leaves = [n for n in order.values() if not n.inputs and not n.is_constant]
        nodes = [node for node in order.values() if node.inputs]
        given = [*constants, *self.leaves]
        place = {id(node): slot for slot, node in enumerate([*given, *nodes])}
        flat = Flat(0, len(self.leaves), vec[float]([node.data for node in constants]))
        args, starts = [], [0]
        for node in nodes:
            args += [place[id(each)] for each in node.inputs]
            starts.append(len(args))
        flat.codes = vec[i32]([ROWS.index(TABLE[node.op]) for node in nodes])
        flat.starts, flat.args = vec[i32](starts), vec[i32](args)
        flat.outputs = vec[i32]([place[id(output)] for output in outputs])
        self.flat, self.constants = flat, len(constants)
        self.numbers = [node.data for node in given]
        self.seeds = [1.0] * len(outputs)

    def scheduled(self) -> Flattened:
        """The same, in the order for the loops."""
        self.flat = schedule(self.flat)
        return self

    def forward(self, strict: bool = True) -> list[float]:
        """The values of all slots."""
        flat = self.flat
        self.data = vec[float]([*self.numbers, *[math.nan] * len(flat.codes)])
        replay.forward(flat.codes, flat.starts, flat.args, self.data, flat.first, strict)
        return list(self.data)

    def backward(self) -> list[float]:
        """The gradients of all slots; nothing is left of those of a run before."""
        flat, given, nodes = self.flat, self.flat.first, len(self.flat.codes)
        grad = vec[float]([math.nan] * given + [0.0] * nodes)
        handed = vec[u8]([1] * given + [0] * nodes)
        replay.backward(
            flat.codes, flat.starts, flat.args, self.data, grad, handed, flat.first,
            flat.outputs, vec[float](self.seeds), self.constants,
        )  # fmt: skip
        assert list(grad)[given:] == [0.0] * nodes == list(handed)[given:]
        return list(grad)

    def values(self, strict: bool = True) -> list[float]:
        """The values of the outputs."""
        data = self.forward(strict)
        return [data[slot] for slot in self.flat.outputs]

    def gradients(self) -> list[float]:
        """Those of the leaves."""
        return self.backward()[self.constants : self.flat.first]


def check(root: Value) -> None:
    """A tape of the graph gives the value and the gradients of the graph."""
    tape = Flattened(root)
    assert repr(tape.values()) == repr([root.data])
    for leaf in tape.leaves:
        leaf.zero_grad()
    if tape.leaves:
        root.backward()
        assert repr(tape.gradients()) == repr([leaf.grad for leaf in tape.leaves])


def test_the_file_is_current() -> None:
    """In a process of its own: other tests may have registered primitives in this one."""
    code = (
        "import runpy; found = runpy.run_path('engine/native/loops.py');"
        "print(found['REPLAY'].read_text('utf-8') == found['replay']())"
    )
    command = [sys.executable, *(["-P"] if sys.flags.safe_path else []), "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["True"], "out of date: run python -m engine.native.loops"


# --- one node ---


def points(row: Primitive) -> Iterator[tuple[float, ...]]:
    """Awkward points, kinks, and two of the domain."""
    if row.variadic:
        for count in range(5):
            yield from product(AWKWARD[:: count + 1], repeat=count)
        return
    few = AWKWARD if len(row.arguments) < 3 else AWKWARD[::2]
    yield from product(few, repeat=len(row.arguments))
    yield from zip(*row.domain, strict=True)
    yield from row.kinks


@pytest.mark.parametrize("row", ROWS, ids=operator.attrgetter("name"))
def test_a_row_wherever_it_has_a_value_or_none(row: Primitive) -> None:
    for point in points(row):
        leaves = [Value(x) for x in point]
        try:
            node = apply_to(row, leaves)
        except (ArithmeticError, ValueError) as error:
            tape = alone(row, point)
            with pytest.raises(type(error)) as caught:
                tape.forward()
            assert [*caught.value.args] == [*error.args]  # noqa: PT017 - there are two errors
            assert caught.value.__suppress_context__ or caught.value.__context__ is None
            if point:
                assert repr(tape.values(strict=False)) == repr([extended_value(row, point)])
        else:
            check(node)


def apply_to(row: Primitive, leaves: Sequence[Any]) -> Any:
    """The node of a row; one of no operands too."""
    result = apply(row, leaves)
    return result if isinstance(result, Value) else Value(result)


def alone(row: Primitive, point: Sequence[float]) -> Flattened:
    """A tape of one node, which may well have no value."""
    tape = Flattened(engine.sum([Value(x) for x in point]) if point else Value(0.0))
    tape.numbers = [*point]
    flat = Flat(0, len(point), vec[float]())
    flat.codes = vec[i32]([ROWS.index(row)])
    flat.starts, flat.args = vec[i32]([0, len(point)]), vec[i32](range(len(point)))
    flat.outputs = vec[i32]([len(point)])
    tape.flat = flat
    return tape


@pytest.mark.parametrize("row", ROWS, ids=operator.attrgetter("name"))
def test_gradients_where_there_is_no_value(row: Primitive) -> None:
    """A batch goes on there: the partials are those of IEEE 754, as the row has them."""
    for point in points(row):
        if not point:
            continue
        tape = alone(row, point)
        (y,) = tape.values(strict=False)
        partials = [
            local_derivative(ROWS.index(row), k, y, tuple(point)) for k in range(len(point))
        ]
        want = [0.0 + p if p != 0 or not row.selects else 0.0 for p in partials]
        assert repr(tape.gradients()) == repr(want), point


@pytest.mark.parametrize("row", ROWS, ids=operator.attrgetter("name"))
def test_an_operand_used_twice(row: Primitive) -> None:
    count = 3 if row.variadic else len(row.arguments)
    leaf = Value(0.75)
    check(apply(row, [leaf] * count))
    if row.name in ("add", "sub", "mul"):
        inner = leaf * 0.5
        check(apply(row, [inner, inner]))
        root = Flattened(apply(row, [inner, inner])).scheduled()
        assert root.forward()[-1] == apply(row, [inner, inner]).data


def test_sums_of_all_lengths() -> None:
    for n in range(1, 6):
        w, x = ([Value(0.1 + k * s) for k in range(n)] for s in (0.3, -0.7))
        check(engine.sum([*w, 1.0]) * 1.5)
        check(dot(w, x, Value(0.3)) * 1.5)
        check(dot([each * 1.0 for each in w], [-each for each in x], Value(0.3) * 1.0))
        check(dot(w, x) * 1.5)
        check(engine.logsumexp(w) * 1.5)
    check(dot([-0.0], [Value(1.0)]))


# --- graphs ---


@given(programs())
def test_random_graphs(drawn: tuple[list[float], Program]) -> None:
    leaves, program = drawn
    check(run([Value(x) for x in leaves], program, apply))


@given(programs())
def test_random_graphs_in_another_order(drawn: tuple[list[float], Program]) -> None:
    """Each value is computed as before; the terms of gradients are added in another order."""
    leaves, program = drawn
    root = run([Value(x) for x in leaves], program, apply)
    tape, other = Flattened(root), Flattened(root).scheduled()
    assert repr(tape.values()) == repr(other.values())
    want = tape.gradients()
    assert other.gradients() == pytest.approx(want, rel=1e-9, abs=1e-9)


def chain(x: Value, parameters: Sequence[Value], length: int) -> Value:
    """Sums, differences and products, each of the one before."""
    a, b, c = parameters
    for k in range(length):
        x = [x * a + b, c * x - b, b + x][k % 3]
    return x


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 5000])
def test_a_serial_chain(length: int) -> None:
    x, *parameters = (Value(each) for each in (0.3, 1.0001, 0.0003, 0.9998))
    root = chain(x, parameters, length)
    check(root)
    tape = Flattened(root).scheduled()
    assert repr(tape.values()) == repr([root.data])
    assert [code < 0 for code in tape.flat.codes] == [k > 0 for k in range(len(tape.flat.codes))]
    assert tape.gradients() == pytest.approx([leaf.grad for leaf in tape.leaves], rel=1e-12)


def test_a_serial_chain_that_others_use_too() -> None:
    """In front of a node may be one that is an output, or handed something by others."""
    x, *parameters = leaves = [Value(each) for each in (0.3, 1.1, 0.3, 0.9)]
    last = chain(x, parameters, 7)
    root = engine.sum(topological_order(last)[-9:]) * 0.5
    root.backward()
    tape = Flattened(root).scheduled()
    assert repr(tape.values()) == repr([root.data])
    assert sum(code < 0 for code in tape.flat.codes) > 5
    want = {id(leaf): leaf.grad for leaf in leaves}
    assert tape.gradients() == pytest.approx([want[id(leaf)] for leaf in tape.leaves], rel=1e-12)

    middle = last.inputs[0].inputs[0]
    tape = Flattened(last, middle).scheduled()
    tape.seeds = [2.0, -3.0]
    tape.forward()
    want = {id(leaf): 2 * gradient(last, leaf) - 3 * gradient(middle, leaf) for leaf in leaves}
    assert tape.gradients() == pytest.approx([want[id(leaf)] for leaf in tape.leaves], rel=1e-12)


def test_chains_that_meet_other_rows() -> None:
    """What is kept at hand is right behind a value that no branch has computed."""
    x = Value(0.0)
    root = engine.logsumexp([engine.sqrt(x * 2.0) * 3.0 + 1.0]) - 4.0
    check(root)
    tape = Flattened(root).scheduled()
    assert repr(tape.values()) == repr([root.data])
    assert repr(tape.gradients()) == repr([x.grad]) == "[inf]"


def test_nothing_is_handed_to_what_was_not_chosen() -> None:
    x = Value(0.0)
    for root in (
        engine.where(0.0, engine.sqrt(x), 1.0),
        engine.relu(-engine.sqrt(x)) * 2.0,
        engine.maximum(engine.sqrt(x), 1.0),
        engine.leaky_relu(1.0, engine.sqrt(x)),
        engine.sign(engine.sqrt(x)) + 0.0 * x,
    ):
        check(root)
        assert Flattened(root).forward() is not None
        assert x.grad == 0.0


def test_constants_cost_no_partial(monkeypatch: pytest.MonkeyPatch, unregister: None) -> None:
    """A power's derivative in its exponent would take a logarithm, here of a negative number."""

    def fail(*given: Any) -> float:
        raise AssertionError("nobody reads this partial")

    tape = Flattened(Value(-1.5) ** 2.0)
    monkeypatch.setattr(replay, "hand_back", fail)  # what a logarithm that fails would be left to
    tape.forward()
    assert tape.gradients() == [-3.0]
    monkeypatch.undo()

    domain = [(1.0, 2.0), (1.0, 2.0)]
    first, times = (lambda xp, y, a, b: b), (lambda xp, a, b: a * b)
    register(Primitive("times", "times", "#1", domain, "a times b", times, first, first))
    ROWS[-1].partials = (first, fail)
    tape = Flattened(engine.times(Value(3.0), 2.0))
    tape.forward()
    assert tape.gradients() == [2.0]
    tape.seeds = [5.0]
    assert tape.gradients() == [10.0]
    tape.constants = 0
    with pytest.raises(AssertionError):
        tape.backward()


def test_several_outputs_and_seeds() -> None:
    x, y = Value(3.0), Value(5.0)
    product, total = x * y, x + y
    tape = Flattened(product, total, x, product)
    tape.seeds = [1.0, 10.0, 100.0, 1000.0]
    assert tape.values() == [15.0, 8.0, 3.0, 15.0]
    grads = dict(zip(map(id, tape.leaves), tape.gradients(), strict=True))
    assert (grads[id(x)], grads[id(y)]) == (5.0 * 1001 + 110, 3.0 * 1001 + 10)
    tape.seeds = [0.0, -0.0, 0.0, 0.0]
    assert tape.gradients() == [0.0, 0.0]


def test_a_registered_row(unregister: None) -> None:
    register(
        Primitive(
            "spike",
            "spike",
            "#1",
            [(1.5, 2), (1, 2)],
            "k log x",
            lambda xp, x, k: k * xp.log(x),
            lambda xp, y, x, k: k / xp.sqrt(x - 1),
            lambda xp, y, x, k: xp.sign(y),
            selects=True,
        )
    )
    for x in (0.5, 1.0, 2.0):
        leaf = Value(x)
        check(engine.spike(leaf * 1.0, engine.sqrt(leaf - leaf)) + leaf)
    tape = Flattened(engine.spike(Value(2.0), Value(1.0)))
    tape.numbers[0] = -1.0
    with pytest.raises(ValueError, match=r"math domain error: spike\(-1.0, 1.0\) has no value"):
        tape.forward()
    assert math.isnan(tape.values(strict=False)[0])


def test_an_error_in_the_middle_of_a_graph() -> None:
    x = Value(1.0)
    tape = Flattened(engine.log(x * 2.0 - 1.0) / x + 1.0)
    tape.numbers[-1] = 0.25
    with pytest.raises(ValueError, match=r"log\(-0.5\) has no value: log needs x > 0"):
        tape.forward()
    assert math.isnan(tape.values(strict=False)[0])
    tape.numbers[-1] = 0.5
    assert tape.values(strict=False) == [-math.inf]
    tape.numbers[-1] = 1.0
    assert tape.values() == [1.0]


def test_a_tape_without_leaves_or_nodes() -> None:
    empty = alone(TABLE["sum"], ())
    assert empty.forward() == [0.0]
    assert empty.backward() == [0.0]
    leaf = Flattened(Value(2.0))
    assert leaf.forward() == [2.0]
    assert leaf.backward() == [1.0]


def test_too_few_slots() -> None:
    tape = Flattened(Value(2.0) * 3.0)
    flat = tape.flat
    short = vec[float]([1.0, 2.0])
    with pytest.raises(IndexError, match="a slot for every node"):
        replay.forward(flat.codes, flat.starts, flat.args, short, flat.first, True)
    with pytest.raises(IndexError, match="a slot for every node"):
        replay.backward(
            flat.codes, flat.starts, flat.args, short, short, vec[u8]([0, 0, 0]), flat.first,
            flat.outputs, vec[float]([1.0]),
        )  # fmt: skip


# --- leaves ---


def test_leaves_are_read_and_written() -> None:
    nodes = [Value(float(k)) for k in range(3)]
    data = vec[float]([9.0] * 5)
    read_leaves(nodes, data, 1)
    assert list(data) == [9.0, 0.0, 1.0, 2.0, 9.0]
    write_leaves(nodes, data, 2)
    assert [node.data for node in nodes] == [1.0, 2.0, 9.0]


def test_only_leaves_are_written() -> None:
    leaf, data = Value(1.0), vec[float]([5.0, 6.0])
    with pytest.raises(AttributeError, match="it is the result of mul"):
        write_leaves([leaf, leaf * leaf], data, 0)
    with pytest.raises(AttributeError, match="a constant cannot be assigned"):
        write_leaves([leaf, leaf.detach()], data, 0)
    with pytest.raises(IndexError):
        write_leaves([leaf], data, 2)
    assert leaf.data == 1.0
