"""The words of the engine's errors: what was given, why it cannot work, what to write instead."""

from __future__ import annotations

from math import log10

from engine.primitive import Primitive

SUMMARY = {
    ValueError: "math domain error",
    ZeroDivisionError: "division by zero",
    OverflowError: "math range error",
}


def no_value(error: Exception, row: Primitive, operands: list[float]) -> Exception:
    """The error of a primitive without a value at these operands, of the type that floats raise."""
    kind = next((kind for kind in SUMMARY if isinstance(error, kind)), type(error))
    call = row.call(*(f"({x})" if x < 0 and row.symbol == "**" else str(x) for x in operands))
    reason = f"{row.name} needs {row.needs}" if row.needs else str(error)
    if kind is OverflowError:
        reason = "the result is too large for a float (the largest is 1.8e308)"
    failure = kind(f"{SUMMARY.get(kind, 'error')}: {call} has no value: {reason}")
    failure.__suppress_context__ = True  # compiled code ignores the "from None" of a raise
    return failure


def not_a_number(given: object, where: str) -> TypeError:
    """What was given where one real number is wanted."""
    kind = type(given).__name__
    advice = {
        "str": "convert text with float(text) first",
        "NoneType": "is a return statement missing where it was computed?",
        "complex": "only real numbers can be differentiated here; take z.real, z.imag or abs(z)",
        "list": "one Value holds one number; write [Value(x) for x in xs]",
        "tuple": "one Value holds one number; write [Value(x) for x in xs]",
        "ndarray": "one Value holds one number; write array.item(), or [Value(x) for x in array]",
        "Value": "it is one already; v.data is its number, v.detach() a copy without history",
    }.get(kind, "convert it with float(...) first")
    if holds_values(given):
        advice = (
            "these are Values: take each by itself, as in [f(x) for x in xs]; to a recorded "
            "function a list is one example of several numbers, and a batch is an array: "
            "np.array([...])"
        )
    if kind == "ndarray" and getattr(getattr(given, "dtype", None), "kind", "") == "O":
        advice = "write array.tolist() for a list of the Values in it"
    advice = getattr(given, "advice", advice)  # some know better, as the rows of recording do
    return TypeError(
        f"{where} takes a real number, but got {given!r:.200} of type {kind}: {advice}"
    )


def holds_values(given: object) -> bool:
    """Whether it is a list or a tuple with Values in it, or in lists in it."""
    return isinstance(given, (list, tuple)) and any(
        type(each).__name__ == "Value" or holds_values(each) for each in given
    )


def too_large(given: object, where: str) -> OverflowError:
    """What was given where it would have to fit into a float."""
    size = f" of some {int(log10(abs(given))) + 1} digits" if isinstance(given, int) else ""
    failure = OverflowError(
        f"{where} takes a float, but got a number of type {type(given).__name__}{size}, which is "
        "too large for one (the largest is 1.8e308): use larger units, or compute with its "
        "logarithm, as in Value(math.log(n))"
    )
    failure.__suppress_context__ = True
    return failure


def not_a_list(given: object, where: str) -> TypeError:
    """What was given where a list of numbers is wanted."""
    return TypeError(f"{where} takes a list of Values or numbers, but got {given!r}: write [x, y]")


def not_a_value(given: object, where: str) -> TypeError:
    """What was given where a Value is wanted."""
    return TypeError(
        f"{where} takes a Value, but got {given!r} of type {type(given).__name__}: "
        "compute it from Values, as in x = Value(3.0); f = x * x"
    )


def loses_gradient(expression: str, instead: str) -> TypeError:
    """What would silently turn a Value into a plain number."""
    return TypeError(f"{expression} would lose the gradient of a Value: write {instead}")


def no_history(caller: str = "backward()") -> RuntimeError:
    """What backward() and gradient() meet on a number that was not computed from leaves."""
    return RuntimeError(
        f"{caller} has nothing to differentiate: this Value is a constant, or computed from such "
        "alone (a plain number among operands, the result of detach(), or what was computed inside "
        f"no_grad()); call {caller} on a Value that was computed from leaves, outside no_grad()"
    )


def not_a_leaf(name: str) -> AttributeError:
    """What assigning .data meets on a computed node."""
    return AttributeError(
        f"data of a computed Value cannot be assigned: it is the result of {name}; "
        "assign the data of leaves and compute it anew, or make a new leaf with Value(number)"
    )


def two_traversals() -> RuntimeError:
    """What a traversal meets that is begun inside another one, on the same thread."""
    return RuntimeError(
        "a graph is being traversed on this thread already, so that backward() or draw() cannot "
        "begin here, in a signal handler or a finalizer that interrupted it: set a flag there, and "
        "call it afterwards"
    )
