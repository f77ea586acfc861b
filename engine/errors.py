"""The words of the engine's errors: what was given, why it cannot work, what to write instead."""

from __future__ import annotations

from engine.rules import Primitive

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
    return TypeError(f"{where} takes a real number, but got {given!r} of type {kind}: {advice}")


def not_a_value(given: object, where: str) -> TypeError:
    """What was given where a Value is wanted."""
    return TypeError(
        f"{where} takes a Value, but got {given!r} of type {type(given).__name__}: "
        "compute it from Values, as in x = Value(3.0); f = x * x"
    )


def loses_gradient(expression: str, instead: str) -> TypeError:
    """What would silently turn a Value into a plain number."""
    return TypeError(f"{expression} would lose the gradient of a Value: write {instead}")


def no_history() -> RuntimeError:
    """What backward() meets on a number that was not computed from leaves."""
    return RuntimeError(
        "backward() has nothing to differentiate: this Value is a constant (a plain number among "
        "operands, the result of detach(), or computed inside no_grad()); call backward() on a "
        "Value that was computed from leaves, outside no_grad()"
    )


def not_a_leaf(name: str) -> AttributeError:
    """What assigning .data meets on a computed node."""
    return AttributeError(
        f"data of a computed Value cannot be assigned: it is the result of {name}; "
        "assign the data of leaves and compute it anew, or make a new leaf with Value(number)"
    )
