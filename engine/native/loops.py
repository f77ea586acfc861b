"""Writes the loops that replay a tape at one point: `python -m engine.native.loops`.

`replay.py` is `replay.template` with a branch for every row of the table, made from the formulas of
the row, so that compiled code computes with bare floats and calls C. A test tells when it is stale.

Whatever a branch cannot do as the eager engine does it, it leaves to the row itself, behind the
loop: registered rows, values that do not exist, partials where Python's floats raise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.formulas import Symbol, in_order, partial_formulas, value_formula
from engine.loops.schedule import chained
from engine.primitive import Primitive
from engine.rules import ROWS

NATIVE: Final = Path(__file__).resolve().parent
REPLAY: Final = NATIVE.parent / "loops" / "replay.py"

# The rows that replay.template has a branch for.
WRITTEN_OUT: Final = ("mul", "add", "sub", "dot", "relu", "neg", "sum", "logsumexp")

# Written as the functions for floats in elementary.py; {0} and so on are the operands.
WRITTEN: Final = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "neg": "-{0}",
    "abs": "abs({0})",
    # squares, and their derivatives, are what most powers are: these take a tenth of the time
    "pow": "{0} if {1} == 1.0 else {0} * {0} if {1} == 2.0 and abs({0}) < 1e150 "
    "else math.pow({0}, {1})",
    "maximum": "{0} if {0} >= {1} or {0} != {0} else {1}",
    "minimum": "{0} if {0} <= {1} or {0} != {0} else {1}",
    "sign": "1.0 if {0} > 0.0 else -1.0 if {0} < 0.0 else 0.0 if {0} == 0.0 else {0}",
    "step": "{0} if {0} != {0} else 1.0 if {0} >= 0.0 else 0.0",
    "where": "{1} if {0} != 0.0 else {2}",
    "less": "1.0 if {0} < {1} else 0.0",
    "less_equal": "1.0 if {0} <= {1} else 0.0",
    "equal": "1.0 if {0} == {1} else 0.0",
}
# C gives inf or NaN for what Python raises: then the row decides.
GUARDED: Final = ("expm1", "log1p", "asin", "acos", "sinh", "cosh", "hypot")


class Writer:
    """The lines that evaluate formulas, and what each of their parts is called."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[Symbol, str] = {}

    def name(self, operand: Symbol | float) -> str:
        """What an operand is called; a number goes by its digits."""
        if not isinstance(operand, Symbol):
            return repr(operand).replace("inf", "math.inf").replace("nan", "math.nan")
        if operand.function == "x":
            return f"x{operand.index}"
        return "y" if operand.function == "y" else self.names[operand]

    def evaluate(self, formula: Symbol | float) -> str:
        """Add what evaluates a formula; the expression for its result."""
        for each in in_order(formula):
            if each in self.names:
                continue
            name = self.names[each] = f"t{len(self.names)}"
            operands = [*map(self.name, each.operands)]
            written = WRITTEN.get(each.function, f"math.{each.function}({', '.join(operands)})")
            self.lines.append(f"{name} = {written.format(*operands)}")
            if each.function in GUARDED:
                self.lines += [f"if {name} - {name} != 0.0:", "    break"]
        return self.name(formula)


def leaves(*formulas: Symbol | float) -> set[str]:
    """The arguments that formulas use, and the value of the row."""
    parts = [*formulas, *(part for each in in_order(*formulas) for part in each.operands)]
    return {repr(part) for part in parts if isinstance(part, Symbol) and not part.operands}


def slot_of(k: int) -> str:
    """The expression for the slot of operand k."""
    return f"i64(args[start + {k}])" if k else "i64(args[start])"


def forward_branch(row: Primitive) -> list[str]:
    """What computes the value of a row."""
    formula, writer = value_formula(row), Writer()
    needed = leaves(formula)
    for k in range(len(row.arguments)):
        if f"x{k}" in needed:
            writer.lines.append(f"x{k} = data[{slot_of(k)}]")
    result = writer.evaluate(formula)
    return [*writer.lines, f"last = {result}"]


def is_cheap(formula: Symbol | float) -> bool:
    """Whether to evaluate it takes no longer than to ask who wants it, and cannot fail."""
    cheap = WRITTEN.keys() - {"div", "pow"}
    return all(each.function in cheap for each in in_order(formula))


def backward_branch(row: Primitive) -> list[str]:
    """What hands on the gradient of a row: first all partials, then what they hand on."""
    formulas, writer = partial_formulas(row), Writer()
    handing = {
        k: formula
        for k, formula in enumerate(formulas)
        if isinstance(formula, Symbol) or formula != 0.0 or not row.selects
    }
    needed = leaves(*handing.values())
    for k in range(len(formulas)):
        if k in handing or f"x{k}" in needed:
            writer.lines.append(f"a{k} = {slot_of(k)}")
    writer.lines += [f"x{k} = data[a{k}]" for k in range(len(formulas)) if f"x{k}" in needed]
    writer.lines += ["y = data[slot]"] if "y" in needed else []
    partials: dict[int, str] = {}
    for k, formula in handing.items():
        if len(formulas) == 1 or is_cheap(formula):
            partials[k] = writer.evaluate(formula)
            continue
        inner = Writer()
        result = inner.evaluate(formula)
        partials[k] = f"p{k}"
        writer.lines += [f"p{k} = 0.0", f"if a{k} >= constants:"]
        writer.lines += indented([*inner.lines, f"p{k} = {result}"])
    for k, partial in partials.items():
        lines = [f"grad[a{k}] += g * {partial}", f"handed[a{k}] = 1"]
        writer.lines += [f"if {partial} != 0.0:", *indented(lines)] if row.selects else lines
    return writer.lines or ["pass"]


def indented(lines: list[str], levels: int = 1) -> list[str]:
    """Lines further to the right."""
    return ["    " * levels + line for line in lines]


def search(branches: list[tuple[int, list[str]]]) -> list[str]:
    """The branches in a tree of comparisons, so that none of them is far down a long chain."""
    if len(branches) <= 2:
        keyword, lines = "if", []
        for code, branch in branches:
            lines += [f"{keyword} code == {code}:  # {ROWS[code].name}", *indented(branch)]
            keyword = "elif"
        return [*lines, "else:", "    break"]
    half = len(branches) // 2
    return [
        f"if code < {branches[half][0]}:",
        *indented(search(branches[:half])),
        "else:",
        *indented(search(branches[half:])),
    ]


def replay() -> str:
    """The text of replay.py."""
    codes = {row.name: code for code, row in enumerate(ROWS)}
    others = [row for row in ROWS if row.name not in WRITTEN_OUT and not row.variadic]
    forward = search([(codes[row.name], forward_branch(row)) for row in others])
    backward = search([(codes[row.name], backward_branch(row)) for row in others])
    return (
        (NATIVE / "replay.template")
        .read_text(encoding="utf-8")
        .format(
            forward="\n".join(indented(forward, 5)),
            backward="\n".join(indented(backward, 5)),
            chained_add=chained(codes["add"]),
            chained_mul=chained(codes["mul"]),
            **codes,
        )
    )


if __name__ == "__main__":
    REPLAY.write_text(replay(), encoding="utf-8")
