"""Nodes are called as the caller calls them: variables of the frame, elements of containers."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import pytest

from engine import Value, draw
from engine.pictures.names import names_in

everywhere = Value(1.0)
shadowed = Value(2.0)
only_global = Value(3.0)
_hidden = Value(4.0)


class Pair(NamedTuple):
    left: Value
    right: object


def names_here() -> dict[int, str]:
    """What draw() does: ask for the frame of its caller."""
    return names_in(sys._getframe(1))


def test_locals_come_before_globals_and_the_first_name_wins() -> None:
    local = everywhere
    shadowed = Value(5.0)
    again = shadowed
    names = names_here()
    assert names[id(everywhere)] == "local"
    assert names[id(shadowed)] == names[id(again)] == "shadowed"
    assert names[id(local)] == "local"
    assert names[id(only_global)] == "only_global"
    assert names[id(globals()["shadowed"])] == "shadowed"  # under the name that the module has


def test_a_leading_underscore_is_no_name() -> None:
    _private = Value(1.0)
    _containers = [Value(2.0)]
    names = names_here()
    assert id(_private) not in names
    assert id(_containers[0]) not in names
    assert id(_hidden) not in names


def test_elements_are_called_what_one_writes_to_reach_them() -> None:
    w = [Value(0.0), Value(1.0)]
    W = [(Value(2.0),), (Value(3.0), [Value(4.0)])]  # noqa: N806
    params = {"w": Value(5.0), 7: Value(6.0), ("a", 1): Value(7.0), 'say "hi"': Value(8.0)}
    deep = {"layers": [{"b": Value(9.0)}]}
    scope = {"w": w, "W": W, "params": params, "deep": deep}
    found = {value: name for name, value in walk(scope)}
    names = names_here()
    assert len(found) == 10
    for value, name in found.items():
        assert names[id(value)] == name
        assert eval(name, scope) is value  # and so it can be written


def walk(scope: dict[str, Any]) -> list[tuple[str, Value]]:
    """The names in words of one syllable, as an oracle."""
    w, W, params = scope["w"], scope["W"], scope["params"]  # noqa: N806
    return [
        ("w[0]", w[0]),
        ("w[1]", w[1]),
        ("W[0][0]", W[0][0]),
        ("W[1][0]", W[1][0]),
        ("W[1][1][0]", W[1][1][0]),
        ('params["w"]', params["w"]),
        ("params[7]", params[7]),
        ("params[('a', 1)]", params["a", 1]),
        ("params['say \"hi\"']", params['say "hi"']),
        ('deep["layers"][0]["b"]', scope["deep"]["layers"][0]["b"]),
    ]


def test_the_order_of_the_variables_decides_containers_too() -> None:
    first = [Value(1.0)]
    plain = first[0]
    first += [plain, Value(2.0)]
    later = [plain, first[2]]
    names = names_here()
    assert names[id(plain)] == "first[0]"
    assert names[id(later[1])] == "first[2]"


def test_containers_that_hold_themselves_or_much_else() -> None:
    ring: list[Any] = [Value(1.0)]
    ring.append(ring)
    ring.append({"back": ring})
    tail = Value(2.0)
    pair = Pair(Value(3.0), None)
    names = names_here()
    assert names[id(ring[0])] == "ring[0]"
    assert names[id(tail)] == "tail"
    assert names[id(pair.left)] == "pair[0]"


def test_a_table_of_data_is_not_walked_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.pictures.names.ELEMENTS", 10)
    long = [Value(float(k)) for k in range(12)]
    after = [Value(1.0)]
    named = Value(2.0)
    names = names_here()
    assert id(long[9]) in names
    assert id(long[10]) not in names
    assert id(after[0]) not in names
    assert names[id(named)] == "named"


def test_a_notebook_keeps_results_that_nobody_has_named() -> None:
    x = Value(1.0)
    scope: dict[str, Any] = {"In": ["x"], "Out": {1: x}, "_": x, "__builtins__": {}}
    scope["names_here"] = names_here
    assert id(x) not in eval("names_here()", scope)
    scope["x"] = x
    assert eval("names_here()", scope)[id(x)] == "x"


def test_names_in_a_closure() -> None:
    outer = Value(1.0)

    def inside() -> str:
        assert outer.data == 1.0  # a closure sees what it mentions
        return names_here()[id(outer)]

    assert inside() == "outer"


def test_draw_names_from_its_caller_and_stores_nothing() -> None:
    def lecture(a: Value, b: Value) -> str:
        total = a + b
        return draw(total).text

    x, y = Value(-2.0), Value(5.0)
    assert "total = a + b" in lecture(x, y)
    q = x + y
    assert "q = x + y" in draw(q).text
    assert (x.label, y.label, q.label) == ("", "", "")


def test_a_label_comes_before_every_name() -> None:
    x = Value(1.0, label="speed")
    f = x * x
    f.label = "energy"
    text = draw(f).text
    assert "energy = speed * speed" in text
    assert "f =" not in text
