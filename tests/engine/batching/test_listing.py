"""Listings are true: what they say, computed by NumPy, is what the program computes."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from engine import Value, dot, exp, logsumexp, record, sqrt, tanh
from engine.batching.naming import unambiguous

BATCH = 3


class Stacked(ast.NodeTransformer):
    """Lists are rows, one below the other, and products of matrices are weighted sums."""

    def visit_List(self, node: ast.List) -> ast.AST:
        self.generic_visit(node)
        return ast.Call(ast.Name("rows", ast.Load()), list(node.elts), [])

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        repeats = isinstance(node.op, ast.Mult) and isinstance(node.right, ast.Constant)
        if repeats and isinstance(node.left, ast.List):
            repeated = node.left.elts * int(str(node.right.value))
            return self.visit_List(ast.List(repeated, ast.Load()))
        self.generic_visit(node)
        if isinstance(node.op, ast.MatMult):
            return ast.Call(ast.Name("dot", ast.Load()), [node.left, node.right], [])
        return node


def rows(*each: Any) -> Any:
    """One array; of lists that are not equally long, all are filled up with 0."""
    wide = [np.broadcast_to(one, BATCH) if np.ndim(one) == 0 else one for one in each]
    if all(np.ndim(one) == 2 for one in wide):
        longest = max(map(len, wide))
        wide = [np.pad(one, ((0, longest - len(one)), (0, 0))) for one in wide]
    return np.stack(np.broadcast_arrays(*wide))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "rows": rows,
    "dot": lambda a, b: (a * b).sum(-2),
    "sum": lambda a: a.sum(-2),
    "logsumexp": lambda a: np.log(np.exp(a).sum(-2)),
    "exp": np.exp,
    "tanh": np.tanh,
    "sqrt": np.sqrt,
}


def evaluated(text: str, known: dict[str, Any]) -> list[Any]:
    """The outputs of a listing, in which each line is computed as it reads.

    Args:
        text: the listing.
        known: inputs and parameters by name, the examples along the last axis.
    """
    names, outputs = {**FUNCTIONS, **known}, {}
    for line in text.splitlines()[1:]:
        formula, *remarks = line.split("    ")
        left, _, right = formula.rpartition(" = ")
        tree = ast.fix_missing_locations(Stacked().visit(ast.parse(right, mode="eval")))
        found = eval(compile(tree, "listing", "eval"), names)
        target, size = re.fullmatch(r"(\w*)(?:[\[{](\d+)[\]}])?", left).groups()  # type: ignore
        if size and not left.endswith("{1}"):
            found = np.broadcast_to(found, (int(size), BATCH))
        names[target] = found
        for remark in remarks:
            outputs.update(said(remark, found, names))
    return [outputs[k] for k in range(len(outputs))]


def said(remark: str, found: Any, names: dict[str, Any]) -> dict[int, Any]:
    """The outputs that a remark names."""
    if " is " in remark:
        pairs = [re.split(r" is output ?", each) for each in remark.split(", ")]
        return {int(number or 0): eval(name, names) for name, number in pairs}
    numbers = [int(each) for each in re.findall(r"\d+", remark)]
    if " to " in remark:
        numbers = list(range(numbers[0], numbers[1] + 1))
    several = np.ndim(found) == 2
    return {k: found[i] if several else found for i, k in enumerate(numbers or [0])}


def assert_true(recorded: Any, arguments: Sequence[Any], known: dict[str, Any]) -> None:
    result = recorded(*arguments)
    expected = result if isinstance(result, list) else [result]
    assume(not re.search(r" = .*( rows\]|\w\{|\)\{)", str(recorded)))  # what is only counted
    assume(" positions" not in str(recorded))  # which only a remark says
    found = evaluated(str(recorded), known)
    assert len(found) == len(expected), str(recorded)
    for ours, theirs in zip(found, expected, strict=True):
        theirs = np.broadcast_to(theirs, BATCH)
        np.testing.assert_allclose(
            np.broadcast_to(ours, BATCH), theirs, 1e-9, err_msg=str(recorded)
        )


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["+", "-", "*", "/", "tanh", "exp", "**", "sum", "dot", "number"]),
        st.lists(st.integers(0, 30), min_size=4, max_size=4),
    ),
    min_size=1,
    max_size=8,
)


def step(kind: str, nodes: list[Any]) -> Any:
    a, b, c, d = nodes
    match kind:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / (2 + b * b)
        case "tanh":
            return tanh(a)
        case "exp":
            return exp(tanh(a))
        case "**":
            return a**2
        case "sum":
            return sum([b, c, d], a)
        case "dot":
            return dot([a, b], [c, d])
    return -3.5 * a


@settings(max_examples=150, deadline=None)
@example([("dot", [0, 0, 0, 3]), ("dot", [1, 1, 1, 1])], [0, 1])
@example([("sum", [0, 0, 0, 3]), ("sum", [1, 1, 1, 1])], [0, 1])
@given(STEPS, st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_what_a_listing_says_is_what_is_computed(steps: Any, chosen: list[int]) -> None:
    w = [Value(0.3, "w[0]"), Value(-0.7, "w[1]"), Value(1.2)]

    def graph(x: Any, y: Any, m: Any) -> list[Any]:
        nodes = [*x, y, *m[0], *m[1], *w]
        for kind, picked in steps:
            nodes.append(step(kind, [nodes[-1 - k % len(nodes)] for k in picked]))
        return [nodes[-1 - k % len(nodes)] for k in chosen]

    random = np.random.default_rng(len(steps))
    x, y, m = (random.normal(size=(BATCH, *shape)) for shape in ((2,), (), (2, 2)))
    known = {"x": x.T, "y": y, "m": np.moveaxis(m, 0, -1)}
    parameters = {"w": rows(0.3, -0.7), "p": {2: np.full(BATCH, 1.2)}}
    assert_true(record(graph, w), (x, y, m), {**known, **parameters})


def lines(function: Any, *arguments: Any, parameters: Any = ()) -> list[str]:
    recorded = record(function, parameters)
    recorded(*arguments)
    return str(recorded).splitlines()[1:]


def test_gathered_operands_stand_in_the_order_of_the_results() -> None:
    found = lines(lambda a, b, c, d: (a * d) / (b * c), np.ones(2), 2.0, 3.0, 4.0)
    assert found == ["t0[2] = [a, b] * [d, c]", "t1 = t0[0] / t0[1]    output"]


def test_black_and_scholes_in_small() -> None:
    v = np.ones(2)
    found = lines(lambda v, y, q: exp(v * sqrt(y)) - exp(-q * y), v, v, v)
    assert found[-1] == "t4 = t3[0] - t3[1]    output"


def test_inputs_have_their_paths() -> None:
    d = {"a": np.ones(2), "b": np.ones((2, 2))}
    assert lines(lambda d: d["a"] * d["b"][0], d) == ["t0 = d['a'] * d['b'][0]    output"]
    found = lines(lambda m: dot(m[0], m[1]) + m[1][0], np.ones((3, 2, 3)))
    assert found == ["t0 = dot(m[0], m[1]) + m[1][0]    output"]
    x = np.ones((3, 5))
    found = lines(lambda x: logsumexp([x[0], *x[2:4]]), x)
    assert found == ["t0 = logsumexp([x[0], *x[2:4]])    output"]


def test_few_constants_are_written_out() -> None:
    assert lines(lambda x: x[0] * 2 + x[1] * 3, np.ones((2, 2))) == ["t0 = [2, 3] @ x    output"]
    [many] = lines(lambda x: [x[k] * (k + 2.0) for k in range(5)], np.ones((2, 5)))
    assert many == "t0[5] = x * numbers{5}    outputs 0 to 4"
    assert lines(lambda x: (-2.0) ** x, np.ones(2)) == ["t0 = (-2) ** x    output"]


def test_several_outputs_are_numbered() -> None:
    found = lines(lambda x: [x[0], x[0].exp(), x[1] + 2, x[1].exp()], np.ones((3, 2)))
    assert found == [
        "t0 = x[1] + 2    output 2",
        "t1[2] = exp(x)    outputs 1, 3",
        "x[0]    output 0",
    ]
    found = lines(lambda x: [x[0].exp(), x[1].exp().tanh()], np.ones((3, 2)))
    assert found == ["t0[2] = exp(x)    t0[0] is output 0", "t1 = tanh(t0[1])    output 1"]


def test_long_lists_are_counted() -> None:
    [found] = lines(lambda x: sum(x[k] for k in (8, 0, 2, 4, 6, 5)), np.ones((3, 9)))
    assert found == "t0 = sum(x[6 rows])    output"


@pytest.mark.parametrize(
    ("labels", "inputs", "called"),
    [
        (["w", "w"], ["x"], ["p[0]", "p[1]"]),
        (["x", ""], ["x[0]", "p"], ["p_[0]", "p_[1]"]),
        (["W[0][1]", "b"], ["x"], ["W[0][1]", "b"]),
    ],
)
def test_no_two_things_have_one_name(labels: Any, inputs: Any, called: Any) -> None:
    assert unambiguous(labels, inputs) == called


def test_inputs_that_are_called_like_instructions() -> None:
    assert lines(lambda t0: t0.exp() * t0, np.ones(2)) == [
        "t_0 = exp(t0)",
        "t_1 = t_0 * t0    output",
    ]


def test_the_heading_explains_only_what_there_is() -> None:
    heading = str(record(lambda x: x.exp(), example=(np.ones(2),))).splitlines()[0]
    assert heading == "1 node as 1 array instruction."
    rows = record(lambda x: x[0].exp() / x[1].exp(), example=(np.ones((2, 2)),))
    assert "t0[2] = ... has 2 rows" in str(rows)
    assert "t0[0] is row 0 of t0" in str(rows)
