"""What would turn a Value into a plain number, and so lose its gradient in silence, is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn

from engine.errors import loses_gradient
from engine.node import ENGINE
from engine.value import Value

# fmt: off
REFUSED: Final = {  # the method: what was written, and what to write instead
    "__float__":     ("float(v), and any function of the math module,",
                      "v.data for the number, or v.exp()"),
    "__int__":       ("int(v)",        "int(v.data)"),
    "__trunc__":     ("math.trunc(v)", "math.trunc(v.data)"),
    "__round__":     ("round(v)",      "round(v.data), or f'{v:.3f}' to print it"),
    "__floordiv__":  ("v // w",        "v / w, or v.data // w for the number"),
    "__rfloordiv__": ("v // w",        "v / w, or v // w.data for the number"),
    "__mod__":       ("v % w",         "v.data % w for the number"),
    "__rmod__":      ("v % w",         "v % w.data for the number"),
    "__divmod__":    ("divmod(v, w)",  "divmod(v.data, w) for the numbers"),
    "__rdivmod__":   ("divmod(v, w)",  "divmod(v, w.data) for the numbers"),
}
# fmt: on


def refusal(expression: str, instead: str) -> Callable[..., NoReturn]:
    """A method that only raises."""

    def refuse(value: Value, *others: Any) -> NoReturn:
        recording = ENGINE.recording()
        if recording is not None:  # where .data would be no way out
            recording.refuse(value, expression, TypeError)
        raise loses_gradient(expression, instead)

    return refuse


def refuse_subclass(subclass: type) -> NoReturn:
    """What a class meets that would inherit from Value: compiled, it could not."""
    raise TypeError(
        "Value cannot be subclassed, for its operators would give plain Values again: keep a Value "
        "in an object of your own, or add a primitive with engine.register()"
    )


for _name, _words in REFUSED.items():
    setattr(Value, _name, refusal(*_words))
setattr(Value, "__init_subclass__", classmethod(refuse_subclass))  # noqa: B010
