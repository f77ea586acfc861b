"""Every row of the table as a function, and as a method of Value if its symbol is a word.

They are made from the rows when this module is imported, `functions.pyi` shows them to type
checkers. A function takes Values and plain numbers: numbers alone give a float, with a Value among
them the result is a Value. A row that is registered later is found through `engine.__getattr__`.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from keyword import iskeyword
from types import FunctionType
from typing import Any, Final

from engine.backward import local_derivative
from engine.elementary import FLOATS, Elementary, arrays
from engine.node import number
from engine.primitive import Primitive
from engine.rules import ROWS, TABLE
from engine.value import Value, binary, evaluate, is_recorded, unary
from engine.variadic import dot as weighted_sum
from engine.variadic import listed, variadic

FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {}  # by the name of the row
VALUES: Final = Elementary({})  # the `xp` of graphs: the same, variadic ones with *x like the rows

SOURCE = """
def {name}({signature}):
    return _apply({code}, {arguments})
"""

DOC = """{doc}.{needs}

The partial derivatives at {point}:

>>> {variables} = {values}
>>> {name}({arguments}).backward()
>>> {gradients}
{partials}
"""


def is_method(row: Primitive) -> bool:
    """Whether it reads well as a method: v.tanh() and v.hypot(w) do, v.add(w) does not."""
    return row.symbol[0].isalpha() and not row.variadic and len(row.arguments) <= 2


def install(code: int) -> Callable[..., Any]:
    """Make the function of a row, and the method, which answers to NumPy's name too."""
    row = ROWS[code]
    names = row.arguments
    apply = {1: unary, 2: binary}.get(len(names) if not row.variadic else 0, variadic)
    several = apply is variadic and not row.variadic
    source = SOURCE.format(
        name=row.name,
        signature=", ".join(names),
        code=code,
        arguments=f"({', '.join(names)})" if several else ", ".join(names),
    )
    scope: dict[str, Any] = {"_apply": apply, "__name__": __name__}
    exec(source, scope)  # a plain function with the row's argument names, as help() wants it
    made: FunctionType = scope[row.name]
    made.__defaults__ = row.defaults or None  # written into the source, inf would be a name
    made.__doc__ = document(code)
    if is_method(row):
        setattr(Value, row.name, made)
        setattr(Value, row.numpy, made)  # np.arcsin of an object array calls its elements' arcsin
    setattr(VALUES, row.name, (lambda *x: variadic(code, x)) if row.variadic else made)
    FUNCTIONS[row.name] = made
    return made


def document(code: int) -> str:
    """The docstring of a row's function, with an example that is computed from the row itself."""
    row = ROWS[code]
    needs = f" It needs {row.needs}." if row.needs else ""
    if row.variadic:
        low, high = row.domain[0]
        pair = (max(low, min(0.5, high)), max(low, min(0.25, high)))
        local_derivative(code, 0, evaluate(code, [*pair]), pair)  # only to see that it can
        return f"{row.doc[0].upper()}{row.doc[1:]}, given as one list.{needs}\n"
    usual = (0.5, 0.25, 2.0, *[1.0] * len(row.domain))
    sides = zip(usual, row.domain, strict=False)
    point = [float(min(max(x, low), high)) for x, (low, high) in sides]
    y = evaluate(code, point)
    partials = [local_derivative(code, k, y, tuple(point)) + 0.0 for k in range(len(point))]
    return DOC.format(
        doc=row.doc[0].upper() + row.doc[1:],
        needs=needs,
        point=", ".join(map("{} = {}".format, row.arguments, point)),
        variables=", ".join(row.arguments),
        values=", ".join(f"Value({x})" for x in point),
        name=row.name,
        arguments=", ".join(row.arguments),
        gradients=", ".join(f"{name}.grad" for name in row.arguments),
        partials=tuple(partials) if len(partials) > 1 else partials[0],
    )


def register(row: Primitive) -> Callable[..., Any]:
    """Add a row to the table: from now on it is a function of `engine`.

    It is a method of Value as well, under NumPy's name for it too, if its symbol is a word and it
    has one or two arguments. A row that was registered before is replaced by one of its name: so a
    cell of a notebook can be run again. Graphs that were computed by it follow the new formulas,
    which need the same arguments.

    Args:
        row: the primitive.

    Returns:
        The function.

    Raises:
        TypeError: if it is no Primitive.
        ValueError: if its name, or NumPy's name for it, is taken or cannot be that of a function;
            if its symbol or doc is empty.
        Exception: what the row's formulas raise at the point of its domain where they are tried
            for the example of the docstring. The row is not added then.

    >>> from engine import Primitive, register
    >>> cube = register(Primitive("cube", "cube", "{#1}^3", [(-5, 5)], "x * x * x",
    ...                           lambda xp, x: x * x * x, lambda xp, y, x: 3 * x * x))
    >>> x = Value(2.0)
    >>> x.cube().backward()
    >>> x.grad
    12.0
    """
    if not isinstance(row, Primitive):
        raise TypeError(f"register(row) takes a Primitive, but got {row!r}: see help(Primitive)")
    old = TABLE.get(row.name)
    if old is not None and ROWS.index(old) >= OWN and old.arguments == row.arguments:
        code = ROWS.index(old)
        withdraw(old)
    else:
        old, code = None, len(ROWS)
    try:
        refuse_names(row)
        ROWS.insert(code, row)
        TABLE[row.name] = row  # before the rest: its formulas may use each other, as xp.name
        return install(code)
    except BaseException as error:
        if row in ROWS:
            withdraw(row)
        if old is not None:
            ROWS.insert(code, old)
            TABLE[old.name] = old
            install(code)
        error.add_note(f"So the primitive {row.name!r} was not registered.")
        raise


def refuse_names(row: Primitive) -> None:
    """Refuse names that are none, or taken, and a row that could not be drawn or explained."""
    for name in (row.name, row.numpy, *row.arguments):
        if not str(name).isidentifier() or iskeyword(name) or name.startswith("_"):
            raise ValueError(
                f"a primitive cannot be called {name!r}: choose what Python accepts as a name, "
                "without _ in front, for it and for its arguments"
            )
    for name in (row.name, row.numpy):
        if is_taken(name):
            raise ValueError(
                f"a primitive cannot be called {name!r}: engine or Value has something of that "
                "name already; choose another"
            )
    if not row.symbol or not row.doc:
        raise ValueError(
            f"the row of {row.name} needs a symbol, for drawings, and a doc, for help()"
        )


def is_taken(name: str) -> bool:
    """Whether `engine` or Value has something of that name, a module not imported yet included."""
    package = sys.modules["engine"]
    known = name in package.__all__ or hasattr(package, name) or hasattr(Value, name)
    return known or find_spec(f"engine.{name}") is not None


def withdraw(row: Primitive) -> None:
    """Take a row out again, with all that was made from it."""
    ROWS.remove(row)
    del TABLE[row.name]
    FUNCTIONS.pop(row.name, None)
    for xp in (FLOATS, VALUES, arrays()):  # where its function was kept at the first use
        vars(xp).pop(row.name, None)
    for name in {row.name, row.numpy} & set(vars(Value)):
        delattr(Value, name)


def softmax(values: Iterable[Any]) -> list[Any]:
    """Positive numbers that add up to 1, in proportion to e to the power of each value.

    Values of +-1000 are no danger; but where the logarithm is wanted, log_softmax() has it for
    shares too small for a float, of which log(softmax(...)) could only say that it is 0.

    >>> [round(p, 6) for p in softmax([1000.0, 1000.0, 0.0])]
    [0.5, 0.5, 0.0]
    """
    return [FUNCTIONS["exp"](share) for share in log_softmax(values)]


def log_softmax(values: Iterable[Any]) -> list[Any]:
    """The logarithms of the shares that softmax() gives.

    >>> log_softmax([-1000.0, 1000.0])
    [-2000.0, 0.0]
    """
    given: list[Any] = listed(values, "softmax")
    if not given:
        raise ValueError("softmax needs at least one value, but the list is empty")
    if is_recorded():  # the largest may be another one in every run, but this is near it
        top = FUNCTIONS["stop_gradient"](FUNCTIONS["logsumexp"](given))
    else:
        top = max(v.data if isinstance(v, Value) else number(v, "softmax") for v in given)
    shifted = [value - top for value in given]  # the same shares, but large values keep digits
    total = FUNCTIONS["logsumexp"](shifted)
    return [value - total for value in shifted]


for _code in range(len(ROWS)):
    install(_code)
OWN: Final = len(ROWS)  # rows from here on were registered by the user
FUNCTIONS["dot"] = weighted_sum  # with weights, inputs and bias, which the row has in one list
globals().update(FUNCTIONS)

# A star import leaves Python's own abs, pow and sum alone.
__all__ = [
    *(name for name in FUNCTIONS if not hasattr(builtins, name)),
    "log_softmax",
    "register",
    "softmax",
]
