"""A node of the graph: what it holds.

A node holds what it is as data: its primitive, its inputs, and their values as the forward pass
used them. The local derivatives follow from these, so nothing else is kept and nothing can
disagree.

This file, backward.py, value.py and variadic.py are plain Python, and the same files compiled by
mypyc are the fast engine; `engine.compiled` tells which of the two runs.
"""

from __future__ import annotations

import os
from numbers import Real
from threading import RLock, local
from typing import Any, Final

from librt.vecs import vec
from mypy_extensions import i32, i64, mypyc_attr

from engine import rules
from engine.errors import not_a_leaf, not_a_number, too_large, two_traversals

ROWS: Final = rules.ROWS  # compiled code reaches a Final of its own without a dictionary

COMPILED: Final = False  # the build writes True here before it compiles this file

# A node's code is the index of its primitive in the table. These are the rows that the compiled
# files speak of: most are inlined there.
ADD: Final = 0
SUB: Final = 1
MUL: Final = 2
DIV: Final = 3
NEG: Final = 4
POW: Final = 5
ABS: Final = 6
SUM: Final = 7
DOT: Final = 8
RELU: Final = 28
LESS: Final = 37
LESS_EQUAL: Final = 38
EQUAL: Final = 39
LOGSUMEXP: Final = 40
STOP_GRADIENT: Final = 41
LEAF: Final = -1
CONSTANT: Final = -2  # a leaf that gets no gradient

NO_LABEL: Final[object] = ""


class Engine:
    """What all graphs share: the marks of traversals, and who has paused the recording."""

    def __init__(self) -> None:
        # A traversal marks the nodes that it has entered, and those that it is done with, by two
        # numbers that are larger than all before: so no mark is ever cleared.
        self.mark: i64 = 0
        self.writes: i64 = 0  # how often leaves were given other numbers, counted after it is done
        self.traversing = RLock()  # two traversals at once must not meet in one graph
        self.busy = False
        # An entry per no_grad() or detect_anomaly() block that is open in any thread; a thread need
        # not ask further while there are none. Several threads may append and pop at once.
        self.pauses: list[None] = []
        self.recordings: list[None] = []  # the same for functions that are being recorded
        self.thread = local()

    def begin(self) -> None:
        """Enter a traversal, which nothing may interrupt by another one on the same thread."""
        if self.busy:
            raise two_traversals()
        self.busy = True

    def after_fork(self) -> None:
        """In a child process the threads are gone that may have been in a traversal or paused."""
        self.traversing, self.busy = RLock(), False
        self.pauses = [None] * getattr(self.thread, "blocks", 0)
        self.recordings = [None] * (self.recording() is not None)

    def paused(self) -> bool:
        """Whether this thread is inside no_grad()."""
        return getattr(self.thread, "pauses", 0) > 0

    def attend(self, node: Node) -> None:
        """Make a computed node a constant if this thread has paused; else it may be looked at."""
        if self.paused():
            node._code, node._left, node._right = CONSTANT, None, None
        elif node._left is not None:  # one of many inputs is looked at when it has them
            self.look_at(node)

    def look_at(self, node: Node) -> None:
        """Show a new node to detect_anomaly(), if this thread is inside it."""
        watch = getattr(self.thread, "watch", None)
        if watch is not None:
            watch.made(node)

    def look_below(self, root: Node, seed: float) -> None:
        """Show it what is about to be differentiated."""
        watch = getattr(self.thread, "watch", None)
        if watch is not None:
            watch.backward(root, seed)

    def recording(self) -> Any:
        """The Recording that this thread is in the middle of; None if there is none."""
        return getattr(self.thread, "recording", None) if len(self.recordings) > 0 else None


ENGINE: Final = Engine()
if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=ENGINE.after_fork)


@mypyc_attr(acyclic=True)
class More:
    """What only some nodes have: a label, and the inputs of a primitive of three or more."""

    __slots__ = ("inputs", "label", "primals")

    # A tuple, which the collector leaves alone once it has seen that it cannot form a cycle, and a
    # vector of bare floats.
    def __init__(self, label: str, inputs: tuple[Node, ...], primals: vec[float]) -> None:
        self.label = label
        self.inputs = inputs
        self.primals = primals


@mypyc_attr(acyclic=True)
class Node:
    """A number in a graph: a leaf, or the result of a primitive on its inputs.

    It is only ever met as a Value, which adds the arithmetic. The underscored arguments describe a
    computed node: its primitive, its one or two inputs, the result, and the inputs' values. A leaf
    has no inputs: during a reverse pass it keeps there what its gradient was before.
    """

    __slots__ = (
        "_a",
        "_b",
        "_code",
        "_data",
        "_extends",
        "_grad",
        "_has_grad",
        "_left",
        "_mark",
        "_more",
        "_right",
    )

    def __init__(
        self,
        data: object,
        label: object = NO_LABEL,
        _code: i32 = LEAF,
        _left: Node | None = None,
        _right: Node | None = None,
        _y: float = 0.0,
        _a: float = 0.0,
        _b: float = 0.0,
    ) -> None:
        if _code < 0:
            _y = data if type(data) is float else number(data, "Value(data)")
        self._data: float = _y
        self._grad: float = 0.0
        self._left: Node | None = _left
        self._right: Node | None = _right
        self._a: float = _a
        self._b: float = _b
        self._more: More | None = None
        self._mark: i64 = 0
        self._code: i32 = _code
        self._has_grad: bool = False
        self._extends: bool = False  # in the graph of a derivative: inf or NaN and no error
        if _code >= 0 and len(ENGINE.pauses) > 0:
            ENGINE.attend(self)
        if label is not NO_LABEL:
            set_label(self, label)

    @property
    def data(self) -> float:
        """The number. On leaves it can be assigned; graphs that used the old one keep their values.

        Raises:
            AttributeError: if it is assigned on a computed Value.
            RuntimeError: if it is read while a function is recorded that it depends on.
            TypeError: if what is assigned is not a real number.
        """
        if len(ENGINE.recordings) > 0:
            refuse_while_recording(self, "v.data")
        return self._data

    @data.setter
    def data(self, data: object) -> None:
        if self._code >= 0:
            raise not_a_leaf(self.op)
        if len(ENGINE.recordings) > 0:
            refuse_while_recording(self, "v.data = ...")
        self._data = number(data, "data")
        ENGINE.writes += 1

    @property
    def grad(self) -> float:
        """The derivative of what backward() was called on, with respect to this node; 0.0 before.

        Leaves add up the gradients of all passes since zero_grad(); other nodes hold that of the
        last pass.

        Raises:
            RuntimeError: if it is read, or assigned, while a function is recorded that this node
                belongs to.
            TypeError: if what is assigned is not a real number.
        """
        if len(ENGINE.recordings) > 0:
            refuse_while_recording(self, "v.grad, for which there is gradient(y, xs),")
        return self._grad if self._has_grad else 0.0

    @grad.setter
    def grad(self, grad: object) -> None:
        if len(ENGINE.recordings) > 0:
            refuse_while_recording(self, "v.grad = ...")
        self._grad = number(grad, "grad")
        self._has_grad = True

    @property
    def has_grad(self) -> bool:
        """Whether it has a gradient: a pass has reached it, or one was assigned."""
        return self._has_grad

    @property
    def label(self) -> str:
        """What drawings call this node; "" leaves it to them."""
        return self._more.label if self._more is not None else ""

    @label.setter
    def label(self, label: object) -> None:
        set_label(self, label)

    @property
    def op(self) -> str:
        """The name of the primitive that computed it, as in the table; "" for a leaf."""
        return str(ROWS[self._code].name) if self._code >= 0 else ""

    @property
    def is_constant(self) -> bool:
        """Whether it gets no gradient: a plain number, detached, or computed in no_grad()."""
        return self._code == CONSTANT

    @property
    def inputs(self) -> tuple[Any, ...]:
        """The nodes it was computed from, in order; an operand used twice is there twice."""
        if self._left is None:
            return self._more.inputs if self._more is not None else ()
        return (self._left,) if self._right is None else (self._left, self._right)

    @property
    def primals(self) -> tuple[float, ...]:
        """The values of the inputs as they were used: a leaf may have been assigned since."""
        if self._left is None:
            return tuple(self._more.primals) if self._more is not None else ()
        return (self._a,) if self._right is None else (self._a, self._b)

    def zero_grad(self) -> None:
        """Forget the gradient: it reads 0.0 again, and drawings show a dash."""
        if len(ENGINE.recordings) > 0:
            refuse_while_recording(self, "v.zero_grad()")
        self._grad = 0.0
        self._has_grad = False


def refuse_while_recording(node: Node, what: str) -> None:
    """Refuse what would bake a number into a program that is to run on others."""
    recording = ENGINE.recording()
    if recording is not None:
        recording.refuse(node, what)


def set_label(node: Node, label: object) -> None:
    """Call a node by a name; "" leaves it to the drawings again."""
    if not isinstance(label, str):
        raise TypeError(f"a label is a string, but got {label!r} of type {type(label).__name__}")
    if node._more is None:
        node._more = More(label, (), vec[float]())
    else:
        node._more.label = label


def number(given: object, where: str) -> float:
    """One real number as a float; an int, a Fraction or a NumPy scalar is taken too."""
    if isinstance(given, float):
        return float(given)
    if isinstance(given, (int, Real)) or type(given).__name__ in ("bool", "bool_"):
        try:
            return float(given)  # type: ignore[arg-type] # a NumPy bool is no Real
        except OverflowError:
            raise too_large(given, where) from None
    raise not_a_number(given, where)
