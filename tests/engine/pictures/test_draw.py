"""Drawings: what a picture, a tree and a file show of a graph, and what they refuse."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from math import inf, isnan, nan
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import Drawing, Value, dot, draw, logsumexp, no_grad, record, topological_order, where
from engine.pictures.circuit import GRADIENT, LOCAL, STALE, VALUE
from engine.pictures.render import render
from engine.pictures.sketch import short, sketch

SVG = "{http://www.w3.org/2000/svg}"


class Text(NamedTuple):
    """A piece of text in a picture."""

    words: str
    colour: str
    y: float
    size: float


class Picture:
    """What the eye finds in an SVG: the texts of each node and each edge, by their tooltips."""

    def __init__(self, drawing: Drawing) -> None:
        root = ET.fromstring(drawing._repr_mimebundle_()["image/svg+xml"])
        groups = list(root.iter(f"{SVG}g"))
        self.nodes = [self.read(each) for each in groups if each.get("class") == "node"]
        self.edges = [self.read(each) for each in groups if each.get("class") == "edge"]
        self.words = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))

    @staticmethod
    def read(group: ET.Element) -> tuple[str, list[Text]]:
        hints = [link.get("{http://www.w3.org/1999/xlink}title") for link in group.iter(f"{SVG}a")]
        texts = [
            Text(
                (text.text or "").strip().replace("−", "-"),
                text.get("fill", ""),
                float(text.get("y", "nan")),
                float(text.get("font-size", "nan")),
            )
            for text in group.iter(f"{SVG}text")
        ]
        return hints[0] or "", [text for text in texts if text.words]

    def node(self, name: str) -> list[Text]:
        """The texts of the one node that is called so."""
        [texts] = [texts for hint, texts in self.nodes if hint.startswith(f"{name} = ")]
        return texts


def coloured(texts: list[Text], colour: str) -> list[str]:
    return [text.words for text in texts if text.colour == colour]


def lecture(backward: bool = True) -> tuple[Value, ...]:
    x, y, z = Value(-2, "x"), Value(5, "y"), Value(-4, "z")
    q = x + y
    f = q * z
    q.label, f.label = "q", "f"
    if backward:
        f.backward()
    return x, y, z, q, f


# --- the picture ---


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_every_node_shows_its_name_the_value_above_and_the_gradient_below(direction: str) -> None:
    *_, f = nodes = lecture()
    picture = Picture(draw(f, direction))
    assert len(picture.nodes) == 5
    for node in nodes:
        texts = picture.node(node.label)
        [value] = [text for text in texts if text.colour == VALUE]
        [gradient] = [text for text in texts if text.colour == GRADIENT]
        assert (float(value.words), float(gradient.words)) == (node.data, node.grad)
        assert value.y < gradient.y  # y grows downwards
        assert node.label in [text.words for text in texts]
    assert "×" in [text.words for text in picture.node("f")]
    assert "+" in [text.words for text in picture.node("q")]


def test_every_edge_carries_its_local_derivative() -> None:
    *_, f = lecture()
    found = {hint: coloured(texts, LOCAL) for hint, texts in Picture(draw(f)).edges}
    assert found == {
        "∂q/∂x = 1.0": ["1"],
        "∂q/∂y = 1.0": ["1"],
        "∂f/∂q = -4.0": ["-4"],
        "∂f/∂z = 3.0": ["3"],
    }


def test_an_operand_used_twice_has_two_edges() -> None:
    x = Value(3.0)
    square = x * x
    edges = Picture(draw(square)).edges
    assert [coloured(texts, LOCAL) for _, texts in edges] == [["3"], ["3"]]
    assert draw(square).source.count("n0:wire:e -> n1:pin0:w") == 1
    assert draw(square).source.count("n0:wire:e -> n1:pin1:w") == 1


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_operands_enter_a_gate_in_their_order(direction: str) -> None:
    """In a picture 3 - 8 and 8 - 3 must not look the same."""
    a, b, c = Value(2.0), Value(3.0), Value(5.0)
    for output, names in ((a - b, "ab"), (b - a, "ba"), (b**a, "ba"), (where(c, b, a), "cba")):
        source = draw(output, direction=direction).source
        figures = re.findall(r"\t(n\d+) \[label=<(.*?)>>", source, re.DOTALL)
        for k, name in enumerate(names):
            (key,) = [key for key, figure in figures if f">{name}<" in figure]
            assert re.search(rf"\t{key}\S* -> n\d+:pin{k}:", source)


def test_before_backward_there_is_a_dash_and_no_zero() -> None:
    *_, f = lecture(backward=False)
    picture = Picture(draw(f))
    assert [coloured(texts, GRADIENT) for _, texts in picture.nodes] == [["–"]] * 5
    assert all("no gradient yet" in hint for hint, _ in picture.nodes)
    f.backward()
    f.inputs[0].grad = 0  # an assigned 0 is a real 0
    assert coloured(Picture(draw(f)).node("q"), GRADIENT)[0] == "0"
    f.inputs[1].zero_grad()
    assert coloured(Picture(draw(f)).node("z"), GRADIENT) == ["–"]
    square = (x := Value(3.0)) * x
    square.backward()
    x.zero_grad()
    assert "from here" not in draw(square).source


def test_contributions_to_a_gradient_are_shown_where_a_node_is_used_more_than_once() -> None:
    a = Value(2.0)
    b = a * 3
    f = b * 4 + b * 3
    f.backward()
    picture = Picture(draw(f))
    assert coloured(picture.node("b"), GRADIENT) == ["7", "= 4 + 3"]
    assert coloured(picture.node("a"), GRADIENT) == ["21"]
    assert "from here 4.0 + 3.0" in next(hint for hint, _ in picture.nodes if hint[0] == "b")


def test_contributions_follow_the_rule_of_the_reverse_pass() -> None:
    """Where an infinite gradient meets a local derivative of 0: no NaN that backward() has not."""
    x, y = Value(0.0), Value(2.0)
    untaken = y * 2
    f = where(1, x, untaken).sqrt()
    f.backward()
    assert "nan" not in draw(f).source
    x.zero_grad()
    product = x * x
    f = product.sqrt()
    f.backward()
    assert isnan(x.grad)
    assert "nan" in draw(f).source  # as everywhere in IEEE arithmetic


def test_negative_and_many_contributions() -> None:
    x = Value(2.0)
    f = x * 3 - x * 5
    f.backward()
    assert "= 3 - 5" in draw(f).text
    g = sum(x * k for k in range(1, 8))
    x.zero_grad()
    g.backward()
    assert "28                 1  sum of 7 contributions" in draw(g).text


def test_what_a_leaf_holds_from_elsewhere_is_told() -> None:
    x = Value(3.0)
    f = x * x * x
    f.backward()
    assert coloured(Picture(draw(f)).node("x"), GRADIENT) == ["27", "= 9 + 9 + 9"]
    f.backward()
    expected = ["54", "of which 27 from here", "27 = 9 + 9 + 9"]
    assert coloured(Picture(draw(f)).node("x"), GRADIENT) == expected
    g = x * 2
    assert "54                 2  of which 0 from here" in draw(g).text
    assert "from here" not in draw(x).text


def test_an_inner_node_that_others_use_too() -> None:
    x = Value(3.0)
    h = x * 2
    f, g = h * 5, h * 7
    (f + g).backward()
    assert coloured(Picture(draw(f)).node("h"), GRADIENT) == ["12", "5 from here"]
    assert "from here" not in draw(h).text  # an output gets its gradient from elsewhere by nature
    assert "= 5 + 7" in draw([f, g]).text


def test_a_gradient_of_zero_hands_on_zero() -> None:
    x = Value(0.0)
    f = where(1.0, x * 2, x.sqrt())
    f.backward()
    assert "inf" in draw(f).text  # the local derivative of the branch not taken
    assert "x                 0         2                 2  = 2 + 0" in draw(f).text


@given(st.data())
def test_contributions_add_up_to_the_gradient(data: st.DataObject) -> None:
    nodes = [Value(data.draw(st.floats(-2, 2)), f"x{k}") for k in range(3)]
    for _ in range(data.draw(st.integers(1, 12))):
        a, b = (data.draw(st.sampled_from(nodes)) for _ in "ab")
        nodes.append(data.draw(st.sampled_from([a + b, a * b, a - b, a.tanh(), dot([a], [b], a)])))
    nodes[-1].backward()
    for expand in (False, True):
        for vertex in sketch([nodes[-1]], {}, expand)[:-1]:
            assert sum(vertex.contributions) == pytest.approx(vertex.grad, rel=1e-9, abs=1e-12)
            assert not any("from here" in remark for remark in vertex.origin)


def test_constants_are_small_and_have_no_gradient() -> None:
    x = Value(3.0)
    f = x**2
    f.backward()
    picture = Picture(draw(f))
    [two] = picture.node("constant")
    assert (two.words, two.size) == ("2", 11)
    assert two.size < max(text.size for text in picture.node("x"))
    assert [coloured(texts, LOCAL) for _, texts in picture.edges] == [["6"], []]
    assert "└─ constant      2\n" in f"{draw(f).text}\n"


def test_the_zero_of_sum_is_not_drawn() -> None:
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    total = sum([a, b, c])
    total.backward()
    assert len(topological_order(total)) == 7  # it is recorded
    assert len(draw(total)._drawn) == 5
    assert "0" not in draw(total).text
    one = sum([a])
    assert "one = sum(a)" in draw(one).text  # an output stays, as a sum of one term
    assert "sum(a)" in draw(sum([a])).text
    part = sum([a])
    part.label = "part"
    assert "part = sum(a)" in draw(part * b).text
    assert "sum" not in draw(sum([a]) * b).text


def test_other_zeros_are_drawn() -> None:
    x = Value(1.0)
    zero = x.detach() * 0
    zero = zero.detach()
    f = zero + x
    assert "zero + x" in draw(f).text
    constants = [Value(0.0).detach()]
    g = (constants[0] + x) * constants[0]
    del constants
    assert len(draw(g)._drawn) == 4  # used elsewhere, it cannot be left out
    assert len(draw(x * 0 + x)._drawn) == 4
    assert len(draw(x + 0)._drawn) == 3
    outputs = [Value(0.0).detach()]
    assert len(draw([outputs.pop(), x])._drawn) == 2
    start = [Value(0.0).detach()]
    assert len(draw([start[0] + x, start.pop()])._drawn) == 3


def test_a_dot_is_one_node_until_it_is_expanded() -> None:
    w, v, b = [Value(0.5), Value(-1.5)], [Value(2.0), Value(4.0)], Value(0.25)
    z = dot(w, v, b)
    z.backward()
    assert len(draw(z)._drawn) == 6
    expanded = {vertex.expression: vertex for vertex in draw(z, expand=True)._drawn}
    assert len(expanded) == 1 + 3  # the leaves share the empty expression
    assert expanded["sum(…, …, b)"].value == z.data
    product = expanded["w[1] * v[1]"]
    assert (product.value, product.grad) == (-6.0, 1.0)
    assert [edge.derivative for edge in product.inputs] == [4.0, -1.5]
    assert "w·x" in Picture(draw(z)).words
    assert "w·x" not in Picture(draw(z, expand=True)).words


def test_a_stale_graph_is_drawn_with_the_values_used_and_says_so() -> None:
    x, y = Value(3.0), Value(2.0)
    f = x * y
    assert "stale" not in draw(f).text
    x.data = 5
    picture = Picture(draw(f))
    assert coloured(picture.node("x"), VALUE) == ["3"]
    assert coloured(picture.node("x"), STALE) == ["stale: now 5"]
    assert "stale: leaves were assigned since" in picture.words
    assert [coloured(texts, LOCAL) for _, texts in picture.edges] == [["2"], ["3"]]
    assert "stale: now 5" in draw(f).text
    assert draw(f * x).text.count("stale: also 5, now 5") == 1
    x.data = 3
    assert "stale" not in draw(f).text
    x.data = nan
    g = x * y
    assert "stale" not in draw(g).text  # NaN is what it was


def test_a_drawing_is_a_snapshot() -> None:
    x = Value(3.0)
    f = x * 2
    drawing = draw(f)
    f.backward()
    x.data = 7
    assert "x             3         –                 2" in drawing.text
    assert "stale" not in drawing.source
    assert "gradient 2.0" not in drawing.source
    assert "gradient 2.0" in draw(f).source


def test_several_outputs_in_one_drawing() -> None:
    a, b = Value(1.0), Value(2.0)
    shared = a * b
    p = [shared + a, shared - b]
    drawing = draw(p)
    assert [vertex.name for vertex in drawing._drawn if vertex.is_output] == ["p[0]", "p[1]"]
    assert drawing.text.count("shared = a * b") == 1
    assert drawing.text.count("shared (above)") == 1
    assert repr(drawing).startswith("<Drawing of p[0], p[1], 5 nodes")
    assert draw((p[0], p[0])).text == draw(p[0]).text
    assert "├─ shared (above)" in draw([p[0], shared]).text


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (3.0, "3"), (-12.0, "-12"), (0.593269992, "0.5933"), (-0.0, "0"), (1e-5, "1e-5"),
        (123456.0, "1.235e5"), (1234.4, "1234"), (0.0004385677, "0.0004386"), (1e100, "1e100"),
        (inf, "inf"), (-inf, "-inf"), (nan, "nan"), (0.1 + 0.2, "0.3"),
    ],
)  # fmt: skip
def test_numbers_have_four_significant_digits(number: float, expected: str) -> None:
    assert short(number) == expected


def test_tooltips_have_all_digits() -> None:
    third = Value(1.0) / 3
    third.backward()
    hints = [hint for hint, _ in Picture(draw(third)).nodes]
    assert "third = … / 3 = 0.3333333333333333\ngradient 1.0" in hints
    assert "leaf = 1.0\ngradient 0.3333333333333333" in hints
    assert "local derivative 0.3333333333333333" in [h for h, _ in Picture(draw(third)).edges]


def test_infinity_and_nan() -> None:
    x = Value(inf)
    f = x * 0
    picture = Picture(draw(f))
    assert coloured(picture.node("x"), VALUE) == ["∞"]
    assert coloured(picture.node("f"), VALUE) == ["NaN"]


def test_labels_may_hold_anything() -> None:
    label = '<b>"bold"</b> &amp; & <i>\\N\\E\\\\"</i> 重みé\n\t\x00\x1b[31m' + "long" * 50
    shown = '<b>"bold"</b> &amp; & <i>\\N\\E\\\\"</i> 重みé [31m' + "long" * 50
    x = Value(1.0, label)
    f = x * x
    for direction in ("LR", "TB"):
        picture = Picture(draw(f, direction, title=label))
        hint, texts = picture.nodes[0]
        assert hint.startswith(f"{shown} = 1.0")
        assert shown[:23] + "…" in [text.words for text in texts]
        assert any(hint == f"∂f/∂{shown} = 1.0" for hint, _ in picture.edges)
    assert draw(f).text.splitlines()[2].startswith(f"├─ {shown[:39]}…")
    assert max(map(len, draw(f).text.splitlines())) < 130


def test_a_title_stands_in_the_picture() -> None:
    assert "The chain rule < 3" in Picture(draw(lecture()[-1], title="The chain rule < 3")).words


def test_a_wider_font_does_not_run_the_legend_together() -> None:
    """A browser without Helvetica may take DejaVu Sans, which is a fifth wider."""
    x = Value(1.0)
    recorded = record(lambda x: x.exp(), example=(1.0,))
    for drawing, phrases in ((draw(x + 1.0), 3), (recorded.program.draw(), 2)):
        root = ET.fromstring(drawing._repr_mimebundle_()["image/svg+xml"])
        below = root.findall(f"{SVG}g/{SVG}text")  # what is in no node
        texts = [text for text in below if text.get("font-size") == "10.00"]
        words = [(text.text or "").strip() for text in texts]
        starts = [float(text.get("x", "nan")) for text in texts]
        assert len(texts) == phrases
        for k in range(phrases - 1):
            assert starts[k + 1] - starts[k] > 5.5 * len(words[k]), words[k]


def test_each_operation_of_the_table_can_be_drawn(unregister: None) -> None:
    x, y = Value(0.5), Value(0.25)
    for row in engine.rules.TABLE.values():
        function = engine.functions.FUNCTIONS[row.name]
        if row.name == "dot":
            f = dot([x], [y])
        else:
            f = function([x, y]) if row.variadic else function(*(x, y, x)[: len(row.arguments)])
        f.backward()
        picture = Picture(draw(f))
        assert len(picture.nodes) == len(topological_order(f))
        numbers = [words for _, texts in picture.edges for words in coloured(texts, LOCAL)]
        expected = [short(d) for d in f.local_derivatives]
        assert sorted(numbers) == sorted(text.replace("inf", "∞") for text in expected)


# --- the tree ---


def test_the_tree_of_the_lecture() -> None:
    x, y, z = Value(-2), Value(5), Value(-4)
    q = x + y
    f = q * z
    f.backward()
    assert draw(f).text == (
        "              value  gradient  local derivative\n"
        "f = q * z       -12         1\n"
        "├─ q = x + y      3        -4                -4\n"
        "│  ├─ x          -2        -4                 1\n"
        "│  └─ y           5        -4                 1\n"
        "└─ z             -4         3                 3"
    )
    assert str(draw(f)) == draw(f).text


def test_shared_nodes_are_shown_once_and_then_referred_to() -> None:
    a = Value(3.0)
    c = (a + 1) * a
    f = c * c
    lines = [re.split("  +", line.lstrip("│├└─ "))[0] for line in draw(f).text.splitlines()[1:]]
    assert lines == ["f = c * c", "c = … * a", "a + 1", "a", "constant", "a (above)", "c (above)"]


def test_shared_nodes_without_a_name_have_a_number() -> None:
    def twice() -> Value:
        inner = Value(3.0) * 2
        return inner * inner.exp() + inner

    text = draw(twice()).text
    assert text.count("#1 = … * 2") == 1
    assert text.count("#1 (above)") == 2
    assert "leaf" in text


def test_columns_are_aligned_whatever_the_letters() -> None:
    wide, accent = Value(1.0, "重み"), Value(1.0, "e\u0301")
    assert draw(wide * accent).text.splitlines() == [
        "          value  gradient  local derivative",
        "重み * e\u0301      1         –",  # letters of two columns, and an accent of none
        "├─ 重み       1         –                 1",
        "└─ e\u0301          1         –                 1",
    ]


def test_a_deep_graph_has_a_tree() -> None:
    f = Value(1.0)
    for _ in range(1500):
        f = f.tanh()
    assert len(draw(f, limit=2000).text.splitlines()) == 1 + 1501
    assert "splines=line" in draw(f, limit=2000).source  # what Graphviz finishes in time


# --- large graphs ---


def test_a_graph_too_large_is_refused_with_advice() -> None:
    f = Value(1.0)
    for _ in range(500):
        f = -f
    with pytest.raises(ValueError, match=r"501 nodes.*dot\(weights.*draw\(f, limit=501\)"):
        draw(f)
    assert len(draw(f, limit=501)._drawn) == 501
    z = dot([Value(1.0)] * 4, [Value(1.0)] * 4)
    draw(z, limit=3)
    with pytest.raises(ValueError, match="has 7 nodes"):
        draw(z, limit=3, expand=True)


def test_a_large_graph_has_all_its_numbers() -> None:
    x = [Value(0.1 * k) for k in range(8)]
    for _ in range(3):
        x = [sum(a * Value(0.5) for a in x).tanh() for _ in x]
    loss = logsumexp(x)
    loss.backward()
    drawing = draw(loss, limit=2000)
    picture = Picture(drawing)
    edges = [edge for vertex in drawing._drawn for edge in vertex.inputs]
    assert (len(picture.nodes), len(picture.edges)) == (len(drawing._drawn), len(edges))
    labels = sorted(words for _, texts in picture.edges for words in coloured(texts, LOCAL))
    assert labels == sorted(short(edge.derivative) for edge in edges)
    assert len(edges) > 500
    assert " xlabel=" in drawing.source  # placed afterwards: Graphviz makes no room for so many
    assert " xlabel=" not in draw(lecture()[-1]).source


# --- files, notebooks, the REPL ---


def test_saving_in_each_format(tmp_path: Path) -> None:
    drawing = draw(lecture()[-1])
    for name, start in (("f.svg", b"<?xml"), ("f.PNG", b"\x89PNG"), ("f.dot", b"digraph")):
        path = tmp_path / name
        assert drawing.save(path) == path
        assert path.read_bytes().startswith(start)
    assert drawing.save(str(tmp_path / "g.svg")) == tmp_path / "g.svg"
    assert (tmp_path / "g.svg").read_bytes() == (tmp_path / "f.svg").read_bytes()
    assert (tmp_path / "f.dot").read_text(encoding="utf-8") == drawing.source


def test_a_png_is_sharp_on_a_slide_and_never_enormous(tmp_path: Path) -> None:
    path = draw(lecture()[-1]).save(tmp_path / "f.png")
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    svg = render(draw(lecture()[-1]).source, "svg").decode()
    points = float(re.search(r'svg width="([\d.]+)pt"', svg)[1])  # type: ignore[index]
    assert width / points > 2.5
    assert height > 300
    f = Value(1.0)
    for _ in range(300):
        f = f.tanh()
    path = draw(f).save(tmp_path / "long.png")
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    assert max(width, height) <= 30 * 192


@pytest.mark.parametrize("name", ["f.jpg", "f", "f.svg.gz", ".svg"])
def test_an_unknown_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"\.svg, \.png, \.pdf, \.dot"):
        draw(Value(1.0)).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    drawing = draw(Value(1.0))
    with pytest.raises(FileNotFoundError, match=r"no such folder, make it first: '.*nowhere") as e:
        drawing.save(tmp_path / "nowhere" / "f.svg")
    assert e.value.filename == str(tmp_path / "nowhere" / "f.svg")
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(OSError, match=r"cannot be saved: .*folder\.svg"):
        drawing.save(tmp_path / "folder.svg")
    assert [each.name for each in tmp_path.iterdir()] == ["folder.svg"]


def test_a_failed_save_leaves_the_old_file_and_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.svg"
    path.write_text("old")

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            draw(Value(1.0)).save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    draw(Value(1.0)).save(path)
    assert path.read_text().startswith("<?xml")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.dot").write_text("old")
    (tmp_path / "link.dot").symlink_to(tmp_path / "real.dot")
    draw(Value(1.0)).save(tmp_path / "link.dot")
    assert (tmp_path / "link.dot").is_symlink()
    assert (tmp_path / "real.dot").read_text().startswith("digraph")


def test_a_notebook_shows_the_picture_and_a_repl_a_line() -> None:
    x, y = Value(1.0), Value(2.0)
    f = x * y
    bundle = draw(f)._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"image/svg+xml", "text/plain"}
    assert ET.fromstring(bundle["image/svg+xml"]).tag == f"{SVG}svg"
    assert bundle["text/plain"] == draw(f).text
    assert repr(draw(f)) == "<Drawing of f, 3 nodes: print it, or .save('f.svg')>"
    assert repr(draw(Value(1.0))) == "<Drawing of a leaf, 1 node: print it, or .save('f.svg')>"
    assert repr(draw(x * y)).startswith("<Drawing of x * y, ")


# --- the programs ---


def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    def files(name: str) -> list[Any]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("engine.pictures.render.shutil.which", lambda name: None)
    monkeypatch.setattr("engine.pictures.render.metadata.files", files)


def test_without_dot_a_pdf_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.pictures.render.shutil.which", lambda name: None)
    drawing = draw(Value(1.0))
    with pytest.raises(RuntimeError, match=r"PDF needs the program `dot`: install Graphviz"):
        drawing.save(tmp_path / "f.pdf")
    assert list(tmp_path.iterdir()) == []
    drawing.save(tmp_path / "f.png")  # graphviz-pure is found where pip put it, PATH or not


def test_without_any_graphviz_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_programs(monkeypatch)
    drawing = draw(Value(1.0))
    with pytest.raises(RuntimeError, match="pip install graphviz-pure, or save as"):
        drawing.save(tmp_path / "f.svg")
    drawing.save(tmp_path / "f.dot")
    assert drawing.text


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for a program")
def test_the_machines_own_dot_is_used_if_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\ncat > /dev/null\necho "%PDF made by $*"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    path = draw(Value(1.0)).save(tmp_path / "f.pdf")
    assert path.read_text() == "%PDF made by -Kdot -Tpdf\n"
    program.write_text("#!/bin/sh\ncat > /dev/null\necho 'no plugin' >&2; exit 1\n")
    with pytest.raises(RuntimeError, match=r"dot could not make the pdf: no plugin"):
        draw(Value(1.0)).save(tmp_path / "g.pdf")


def test_graphviz_is_not_loaded_before_a_picture_is_made() -> None:
    script = (
        "import sys; from engine import Value, draw; draw(Value(1.0) * 2).text; "
        "assert 'graphviz' not in sys.modules; draw(Value(1.0)).source; "
        "assert 'graphviz' in sys.modules"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)


def test_the_name_of_the_function_is_not_that_of_a_module() -> None:
    assert callable(engine.draw)
    assert engine.draw is draw
    assert isinstance(engine.draw(Value(1.0)), engine.Drawing)


# --- what cannot be drawn ---


@pytest.mark.parametrize("given", [3.0, None, "f", {"f": 1}, [1.0], draw, [Value(1.0), 2.0]])
def test_only_values_can_be_drawn(given: Any) -> None:
    with pytest.raises(TypeError, match="draw takes a Value, but got"):
        draw(given)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: draw([]), "nothing to draw: the list is empty"),
        (lambda: draw(Value(1.0), direction="RL"), '"LR" or "TB".*not \'RL\''),
    ],
)
def test_other_mistakes(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_a_constant_and_a_result_of_no_grad_can_be_drawn() -> None:
    x = Value(2.0)
    with no_grad():
        y = x * x
    assert "4" in draw(y).text
    assert len(Picture(draw(y)).nodes) == 1
    total = sum([Value(0.0).detach()])
    assert "total" in draw(total).text
