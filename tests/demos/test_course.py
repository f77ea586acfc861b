"""The page of the whole course."""

from __future__ import annotations

import re
from base64 import b64decode
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import demos
from demos import course
from demos.__main__ import main
from demos.parts import page


class Reader(HTMLParser):
    """What a page holds; every element is closed that must be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images: list[str] = []
        self.cells: list[list[str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        if "id" in given:
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.links.append(str(given["href"]))
        if tag == "img":
            assert given["alt"]
            self.images.append(str(given["src"]))
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1][-1] += data


def read(folder: Path) -> Reader:
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:|#)|url\(|@import|<script|<link', text)
    reader = Reader(text)
    assert not reader.open
    return reader


def test_the_course_is_one_page_with_all_that_was_said_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["course", "lecture", "perceptron", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"page: {tmp_path / 'index.html'}" in said
    reader = read(tmp_path)
    assert reader.ids == ["perceptron", "lecture"]  # in the order of the course
    assert reader.links == ["#perceptron", "#lecture"]
    drawn = {path.read_bytes() for path in tmp_path.glob("*.svg")}
    assert {b64decode(image.partition("base64,")[2]) for image in reader.images} == drawn
    assert len(drawn) == len(reader.images) == 3
    assert ["df/dx", "-4", "-4", "+0.0e+00"] in reader.cells
    assert "How does backpropagation compute the derivatives of f(x, y, z) = (x + y) z?" in (
        reader.text
    )
    assert "chainrule lecture" in reader.text
    assert "F. Rosenblatt, The Perceptron, 1958" in reader.text
    assert "picture:" not in reader.text
    style = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in style
    assert 'name="viewport"' in style
    assert 'class="failed"' not in style


def test_a_seed_is_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[str]] = []
    for name in ("perceptron", "lecture"):
        monkeypatch.setattr(f"demos.{name}.main", lambda words: given.append(words[2:]))
    for words in ([], ["--seed", "3"]):
        assert main(["course", "perceptron", "lecture", "--out", str(tmp_path), *words]) == 0
    assert given == [[], [], ["--seed", "3"], ["--seed", "3"]]


@pytest.mark.parametrize("error", [ValueError("so <sad>"), SystemExit(2)])
def test_a_demo_that_fails_is_shown_and_the_others_run(
    error: BaseException,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(argv: object) -> None:
        print("as far as this")
        raise error

    monkeypatch.setattr("demos.perceptron.main", fails)
    assert main(["course", "perceptron", "lecture", "--out", str(tmp_path)]) == 1
    assert "failed: perceptron" in capsys.readouterr().err
    reader = read(tmp_path)
    assert "1 of 2 failed." in reader.text
    assert "as far as this" in reader.text
    assert repr(error).partition("(")[0] in reader.text
    assert ["df/dx", "-4", "-4", "+0.0e+00"] in reader.cells


def test_a_demo_that_cannot_be_imported_fails_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"no matplotlib for {name}")

    monkeypatch.setattr(course, "import_module", broken)
    assert course.main(["lecture", "--out", str(tmp_path)]) == 1
    assert "no matplotlib for demos.lecture" in read(tmp_path).text


def test_an_unknown_demo_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["course", "lecture", "lectrue", "--out", str(tmp_path / "new")])
    assert "no demo called 'lectrue'" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_what_is_said_becomes_tables_prose_and_lines(tmp_path: Path) -> None:
    (tmp_path / "p.svg").write_text("<svg/>")
    said = f"""One sentence, which does not come to an end in this line, that
goes on. x < y
Another:
n = 1
name   a b
----  ----
one     -1
two<

  step 1   loss 2

picture: {tmp_path / "p"}.svg and .png
"""
    prose, table, lines, picture = page.blocks(said)
    long = "One sentence, which does not come to an end in this line"
    assert prose == f"<p>{long}, that goes on. x &lt; y<br>Another:<br>n = 1</p>\n"
    assert "<tr><th>name</th><th>a b</th></tr>\n<tr><td>one</td><td>-1</td></tr>\n" in table
    assert "<tr><td>two&lt;</td><td></td></tr>" in table
    assert lines == "<pre>  step 1   loss 2</pre>\n"
    assert "data:image/svg+xml;base64,PHN2Zy8+" in picture


def test_a_large_drawing_goes_in_as_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.svg").write_text("<svg/>")
    (tmp_path / "p.png").write_bytes(b"\x89PNG")
    monkeypatch.setattr(page, "LIMIT", 5)
    assert "data:image/png;base64,iVBORw==" in page.image(tmp_path / "p")


def test_the_course_has_every_demo_once() -> None:
    assert len(demos.COURSE) == len(set(demos.COURSE))
    for name in demos.COURSE:
        doc = import_module(f"demos.{name}").__doc__ or ""
        assert doc.startswith(f"{name}: ")
        assert page.question(doc).endswith("?")
