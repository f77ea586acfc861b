"""Pictures of programs: a box for each instruction, what flows between them, what is refused."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from engine import Value, dot, logsumexp, record, relu
from engine.batching.boxes import Boxes
from engine.pictures.circuit import INK, LOCAL, VALUE
from engine.pictures.diagram import Box, Diagram, folded
from engine.pictures.listing import abridged
from engine.program import Program

SVG = "{http://www.w3.org/2000/svg}"


class Edge(NamedTuple):
    """A wire between two boxes, which are called by their names."""

    source: str
    target: str
    thickness: float


class Picture:
    """What the eye finds in an SVG: the words and the border of each box, and the wires."""

    def __init__(self, diagram: Diagram) -> None:
        root = ET.fromstring(diagram._repr_mimebundle_()["image/svg+xml"])
        groups = list(root.iter(f"{SVG}g"))
        called: dict[str, str] = {}
        self.boxes: dict[str, list[str]] = {}  # by the name: each with its words
        self.colours: dict[str, str] = {}  # of the name
        self.borders: dict[str, set[str | None]] = {}
        for group in (each for each in groups if each.get("class") == "node"):
            hint = next(group.iter(f"{SVG}a")).get("{http://www.w3.org/1999/xlink}title") or ""
            name = called[group.findtext(f"{SVG}title") or ""] = re.split(r" = |: ", hint)[0]
            texts = list(group.iter(f"{SVG}text"))
            words = "".join(text.text or "" for text in texts).replace("\xa0", " ")
            self.boxes.setdefault(name, []).append(words)
            self.colours[name] = texts[0].get("fill", "")
            shapes = [*group.iter(f"{SVG}path"), *group.iter(f"{SVG}polygon")]
            self.borders[name] = {shape.get("stroke") for shape in shapes} - {"none", "transparent"}
        self.edges = []
        for group in (each for each in groups if each.get("class") == "edge"):
            source, _, target = (group.findtext(f"{SVG}title") or "").partition("->")
            width = float(next(group.iter(f"{SVG}path")).get("stroke-width", "1"))
            self.edges.append(Edge(called[source], called[target], width))
        self.words = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))

    def into(self, name: str) -> set[str]:
        return {edge.source for edge in self.edges if edge.target == name}


def network() -> Program:
    """A layer of three relus, a neuron, and a penalty that all examples share."""
    rows = [[Value(0.1 * (i + j), f"W[{i}][{j}]") for j in range(2)] for i in range(3)]
    b = [Value(0.0, f"b[{i}]") for i in range(3)]
    v = [Value(1.0, f"v[{i}]") for i in range(3)]

    def loss(x: Any, y: Any) -> Value:
        hidden = [relu(dot(row, x) + bias) for row, bias in zip(rows, b, strict=True)]
        return (dot(v, hidden) - y) ** 2 + 0.1 * dot(v, v)

    recorded = record(loss, parameters=[*rows[0], *rows[1], *rows[2], *b, *v])
    recorded(np.ones((5, 2)), np.ones(5))
    return recorded.program


def chain(length: int) -> Program:
    """As many instructions, each of which needs the one before."""

    def nested(x: Any) -> Any:
        y = x
        for k in range(length):
            y = (y + x).tanh() if k % 2 else y * y
        return y

    recorded = record(nested)
    recorded(np.ones(3))
    return recorded.program


def instructions(program: Program) -> dict[str, str]:
    """The formula of each instruction, as the listing has it."""
    lines = str(program).splitlines()[1:]
    return dict(re.split(r"    ", line)[0].split(" = ") for line in lines if " = " in line)


def boxes(program: Program) -> list[Box]:
    return Boxes(program.tape, program.layout).all


# --- the picture ---


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_every_instruction_is_a_box_with_its_formula(direction: str) -> None:
    program = network()
    picture = Picture(program.draw(direction))
    expected = instructions(program)
    assert len(expected) == len(program) > 5
    for name, formula in expected.items():
        [words] = picture.boxes[name]
        typeset = formula.replace(" * ", " × ").replace("-", "−")
        assert words.replace(" ", "") == (name + typeset).replace(" ", "")


def test_wires_are_the_operands_of_the_formulas() -> None:
    program = network()
    picture = Picture(program.draw())
    names = {re.split(r"[\[{]", name)[0]: name for name in instructions(program)}
    for name, formula in instructions(program).items():
        found = {re.split(r"[\[{]", source)[0] for source in picture.into(name)}
        assert found == set(re.findall(r"\b(t\d+|[xyWbv])\b", formula))
        assert {each for each in picture.into(name) if each[0] == "t"} <= set(names.values())


def test_families_are_boxes_without_a_border() -> None:
    picture = Picture(network().draw())
    for name in ("x", "y", "W{3, 2}", "b"):
        assert picture.boxes[name] == [name]
        assert picture.borders[name] == set()
    assert INK in picture.borders["t1[3]"]


def test_an_operand_of_several_families_takes_from_each_what_it_needs() -> None:
    recorded = record(lambda x, y, z: logsumexp([x[0], x[1], y, z[1], z[2]]))
    recorded(np.ones((4, 2)), np.ones(4), np.ones((4, 3)))
    picture = Picture(recorded.program.draw())
    [target] = instructions(recorded.program)
    assert picture.into(target) == {"x", "y", "z[1:]"}


def test_what_is_shared_by_all_examples_is_blue_and_thin() -> None:
    program = network()
    picture = Picture(program.draw())
    assert {"{", "["} <= set("".join(picture.boxes))

    def is_shared(name: str) -> bool:
        return "{" in name or name in ("v", "b")

    for edge in picture.edges:
        assert (edge.thickness == 1.0) == is_shared(edge.source), edge
    for name in picture.boxes:
        if not name.startswith("output"):
            assert picture.colours[name] == (LOCAL if is_shared(name) else VALUE), name


def test_outputs_are_marked_and_counted() -> None:
    recorded = record(lambda x: [x[0], x[0].exp(), x[1].exp(), x[1] + 2])
    recorded(np.ones((3, 2)))
    picture = Picture(recorded.program.draw())
    marks = {edge.source: edge.target for edge in picture.edges if "output" in edge.target}
    formulas = {formula: name for name, formula in instructions(recorded.program).items()}
    of_both = "outputs 1, 2"
    assert marks == {
        "x[0]": "output 0",
        formulas["x[1] + 2"]: "output 3",
        formulas["exp(x)"]: of_both,
    }


def test_the_caption_has_the_title_and_the_counts() -> None:
    program = chain(4)
    drawing = program.draw(title="a <chain> & more")
    words = Picture(drawing).words
    assert "a <chain> & more" in words
    assert f"{len(program.tape)} nodes as {len(program)} array instructions" in words
    assert str(drawing) == drawing.text == str(program)


def test_tooltips_name_the_members_of_a_family() -> None:
    source = network().draw().source
    assert "W{3, 2}: W[0][0], W[0][1], W[1][0], W[1][1], …, W[2][1]" in source
    assert "x: x[0], x[1]" in source


def test_different_numbers_are_a_box_of_their_own() -> None:
    recorded = record(lambda x: [x[k] * (k + 2.0) for k in range(3)])
    recorded(np.ones((3, 3)))
    source = recorded.program.draw().source
    assert "[2, 3, 4]: 2.0, 3.0, 4.0" in source


def test_inputs_and_parameters_can_be_outputs() -> None:
    p = Value(2.0, "p")
    recorded = record(lambda x: [x, p, 3.0 * (x - x)], parameters=[p])
    recorded(np.ones(3))
    picture = Picture(recorded.program.draw())
    computed = next(
        iter(
            name
            for name, formula in instructions(recorded.program).items()
            if formula.startswith("3 * ")
        )
    )
    outputs = [edge.source for edge in picture.edges if "output" in edge.target]
    assert sorted(outputs) == sorted(["x", "p", computed])


# --- long programs ---


def test_long_programs_are_folded_into_columns_without_wires_between_them() -> None:
    program = chain(40)
    columns = folded(boxes(program))
    assert len(columns) > 2
    assert max(map(len, columns)) < len(program) / 2
    real = [box.name for column in columns for box in column if box.kind == "instruction"]
    assert sorted(real) == sorted(instructions(program))
    for column in columns:
        for box in column:
            assert all(source in column for source in box.inputs)
    by_name = {box.name: box for box in boxes(program)}
    for box in (box for column in columns for box in column if box.kind == "instruction"):
        assert [s.name for s in box.inputs] == [s.name for s in by_name[box.name].inputs]


def test_folding_keeps_outputs_once() -> None:
    leaf = Box("input", "x", False, outputs="output 0")
    drawn = [leaf, Box("instruction", "t0", False, "exp(x)", inputs=[leaf])]
    for k in range(1, 30):
        drawn.append(Box("instruction", f"t{k}", False, "…", inputs=[drawn[-1], leaf]))
    drawn[-1].outputs = "outputs 1, 2"
    placed = [box for column in folded(drawn) for box in column]
    assert sorted((box.name, box.outputs) for box in placed if box.outputs) == [
        ("t29", "outputs 1, 2"),
        ("x", "output 0"),
    ]
    assert leaf.outputs == "output 0"


def test_too_many_instructions_are_refused_with_advice() -> None:
    program = chain(120)
    n = len(program)
    with pytest.raises(ValueError, match=rf"this program has {n} instructions.*dot\(.*limit={n}\)"):
        program.draw()
    assert len(Picture(program.draw(limit=n)).edges) >= n
    with pytest.raises(ValueError, match="100"):
        program.draw(limit=100)


def test_unknown_directions_are_refused() -> None:
    with pytest.raises(ValueError, match="'RL'"):
        chain(2).draw("RL")


# --- files and listings ---


def test_it_is_saved_as_what_the_ending_says(tmp_path: Path) -> None:
    drawing = chain(3).draw()
    assert drawing.save(tmp_path / "program.png").read_bytes()[:4] == b"\x89PNG"
    assert drawing.save(tmp_path / "program.dot").read_text("utf-8") == drawing.source
    with pytest.raises(ValueError, match=r"\.svg, \.png, \.pdf, \.dot"):
        drawing.save(tmp_path / "program.jpg")
    assert repr(drawing) == "<Diagram of 4 instructions: print it, or .save('program.svg')>"


def test_drawing_twice_gives_the_same_picture_and_changes_nothing() -> None:
    program = network()
    listing = str(program)
    assert program.draw().source == program.draw().source
    assert str(program) == listing


def test_listings_that_are_too_long_lose_their_middle() -> None:
    program = chain(300)
    lines = str(program).splitlines()
    assert len(lines) == 1 + 100 + 1 + 100
    assert lines[1].startswith("t0 = ")
    assert lines[101] == f"... {len(program) - 200} more"
    assert lines[-1].endswith("output")
    assert lines[102].startswith(f"t{len(program) - 100} = ")
    tape = str(program.tape).splitlines()
    assert len(tape) == 201
    assert tape[100] == f"... {len(program.tape) + 1 - 200} more"


@pytest.mark.parametrize(("rows", "lines"), [(0, 0), (1, 1), (200, 200), (201, 201)])
def test_listings_are_cut_from_201_lines_on(rows: int, lines: int) -> None:
    text = abridged(range(rows), lambda some: [str(each) for each in some])
    assert len(text.splitlines()) == lines
    assert ("... 1 more" in text) == (rows == 201)
