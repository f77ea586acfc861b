"""Writes the stubs of what is made from the table: `python -m engine.native.stubs`.

`functions.pyi` has the functions; `value.pyi` has the signatures of value.py, and the methods
among the functions. A test tells when they are out of date.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from engine.functions import __all__ as exported
from engine.functions import is_method
from engine.primitive import Primitive
from engine.rules import ROWS

ENGINE = Path(__file__).resolve().parent.parent
HEADER = (
    '"""Generated from the table by `python -m engine.native.stubs`: change the rows instead."""\n'
)
NUMBER = "Number: TypeAlias = float | Real\n"


def signatures(row: Primitive, first: str = "") -> list[str]:
    """The overloads of a row's function, or of its method if `first` is self."""
    if row.variadic:
        return [f"def {row.name}({row.arguments[0]}: Iterable[Value | Number]) -> Any: ..."]
    required = len(row.arguments) - len(row.defaults)
    defaults = ["" if k < required else " = ..." for k in range(len(row.arguments))]

    def signature(kinds: list[str], result: str) -> str:
        names = [
            f"{name}: {kind}{default}"
            for name, kind, default in zip(row.arguments, kinds, defaults, strict=True)
        ]
        if first:
            names[0] = first
        return f"def {row.name}({', '.join(names)}) -> {result}: ..."

    either = "Value | Number"
    if first:
        return [signature([first, either][: len(defaults)], "Value")]
    kinds: dict[tuple[str, ...], str]
    if len(defaults) == 1:
        kinds = {("Value",): "Value", ("Number",): "float"}
    elif len(defaults) == 2:
        kinds = {
            ("Value", either): "Value",
            ("Number", "Value"): "Value",
            ("Number", "Number"): "float",
        }
        if row.defaults:  # an argument that may be left out is a number then
            del kinds["Number", "Value"]
    else:
        return [signature([either] * len(defaults), "Any")]
    return ["@overload\n" + signature(list(given), result) for given, result in kinds.items()]


def functions_stub() -> str:
    """The text of functions.pyi."""
    imports = (
        "from collections.abc import Callable, Iterable\nfrom numbers import Real\n"
        "from typing import Any, TypeAlias, overload\n\nfrom engine.elementary import Elementary\n"
        "from engine.primitive import Primitive\nfrom engine.value import Value\n"
        "from engine.variadic import dot as dot\n\n"
    )
    own = (
        "FUNCTIONS: dict[str, Callable[..., Any]]\nVALUES: Elementary\n\n"
        "def is_method(row: Primitive) -> bool: ...\n"
        "def is_taken(name: str) -> bool: ...\n"
        "def register(row: Primitive) -> Callable[..., Any]: ...\n"
        "def withdraw(row: Primitive) -> None: ...\n"
        "def softmax(values: Iterable[Value | Number]) -> list[Any]: ...\n"
        "def log_softmax(values: Iterable[Value | Number]) -> list[Any]: ...\n"
    )
    rows = [line for row in ROWS if row.name != "dot" for line in signatures(row)]
    names = ", ".join(f'"{name}"' for name in exported)
    return HEADER + imports + NUMBER + "\n" + own + "\n".join(rows) + f"\n\n__all__ = [{names}]\n"


def value_stub() -> str:
    """The text of value.pyi: value.py without bodies, and the methods that the table adds."""
    tree = ast.parse((ENGINE / "value.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = [ast.Expr(ast.Constant(...))]
            if node.returns is not None:  # NotImplemented is Python's affair, not the caller's
                node.returns = ast.parse(
                    ast.unparse(node.returns).replace(" | Any", ""), mode="eval"
                ).body
    value = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    value.decorator_list = []
    value.body = [node for node in value.body if isinstance(node, ast.FunctionDef)]
    methods = [text for row in ROWS if is_method(row) for text in signatures(row, "self")]
    methods += [
        f"{row.numpy} = {row.name}" for row in ROWS if is_method(row) and row.numpy != row.name
    ]
    inputs = "@property\ndef inputs(self) -> tuple[Value, ...]: ..."
    recompute = "def recompute(self) -> Value: ..."  # which engine/recompute.py adds
    value.body += ast.parse("\n".join([inputs, recompute, *methods])).body
    body = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    imports = (
        "from numbers import Real\nfrom typing import Any, TypeAlias\n\n"
        "from mypy_extensions import i32\n\nfrom engine.node import Node\n\n"
    )
    text = "\n".join(ast.unparse(node) for node in body)
    text = re.sub(r"(__(?!eq_|ne_)\w+__\(self, other): object", r"\1: Value | Number", text)
    return HEADER + imports + NUMBER + re.sub(r":\n\s+\.\.\.", ": ...", text) + "\n"


STUBS = {"functions.pyi": functions_stub, "value.pyi": value_stub}

if __name__ == "__main__":
    for name, stub in STUBS.items():
        (ENGINE / name).write_text(stub(), encoding="utf-8")
