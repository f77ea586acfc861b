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
from engine import recompute as recompute  # teaches it recompute()
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
    from engine.anomaly import detect_anomaly
    from engine.check import gradcheck
    from engine.derive import grad, gradient, hessian, hvp, jacobian, jvp, value_and_grad, vjp
    from engine.drawing import Drawing, draw
    from engine.recording.record import record
    from engine.recording.recorded import Recorded

CALCULUS = "grad gradient hessian hvp jacobian jvp value_and_grad vjp"
LAZY = {  # importing the engine loads neither Graphviz nor NumPy
    "Drawing": "engine.drawing",
    "Recorded": "engine.recording.recorded",
    "detect_anomaly": "engine.anomaly",
    "draw": "engine.drawing",
    "gradcheck": "engine.check",
    "record": "engine.recording.record",
    **dict.fromkeys(CALCULUS.split(), "engine.derive"),
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
    "detect_anomaly",
    "draw",
    "grad",
    "gradcheck",
    "gradient",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "no_grad",
    "record",
    "topological_order",
    "value_and_grad",
    "vjp",
]
__all__ += functions.__all__
