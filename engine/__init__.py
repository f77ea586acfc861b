"""chainrule's engine: scalars that remember how they were computed, and every derivative of them.

>>> from engine import Value
>>> x, y, z = Value(-2), Value(5), Value(-4)
>>> f = (x + y) * z
>>> f.backward()
>>> x.grad, y.grad, z.grad
(-4.0, -4.0, 3.0)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from engine import copying as copying  # teaches Value to be copied and pickled
from engine import functions
from engine import refusals as refusals  # teaches it what to say to float(v), v // w and the like
from engine.backward import topological_order
from engine.functions import *  # noqa: F403 - a function for each row of the table
from engine.functions import abs as abs  # noqa: A004 - a star import leaves Python's own alone
from engine.functions import pow as pow  # noqa: A004
from engine.functions import sum as sum  # noqa: A004
from engine.node import COMPILED as compiled  # noqa: N811
from engine.pause import no_grad
from engine.primitive import Primitive
from engine.value import Value, as_value

if TYPE_CHECKING:
    from engine.drawing import Drawing, draw
    from engine.recorded import Recorded
    from engine.recording import record

LAZY = {  # importing the engine loads neither Graphviz nor NumPy
    "Drawing": "engine.drawing",
    "draw": "engine.drawing",
    "Recorded": "engine.recorded",
    "record": "engine.recording",
}


def __getattr__(name: str) -> Any:
    if name in LAZY:
        globals()[name] = getattr(import_module(LAZY[name]), name)
        return globals()[name]
    if name in functions.FUNCTIONS:  # a row that was registered later
        return functions.FUNCTIONS[name]
    raise AttributeError(f"module 'engine' has no attribute {name!r}")


__all__ = [
    "Drawing",
    "Primitive",
    "Recorded",
    "Value",
    "as_value",
    "compiled",
    "draw",
    "no_grad",
    "record",
    "topological_order",
]
__all__ += functions.__all__
