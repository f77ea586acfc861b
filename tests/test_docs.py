"""Every example in a docstring or in README runs, and shows what it says."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

import demos
import engine
import nn
from engine import functions

pytestmark = pytest.mark.usefixtures("unregister")  # some examples register a primitive

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {
    ".".join(path.relative_to(top).with_suffix("").parts).removesuffix(".__init__"): path
    for package in (engine, nn, demos)
    for top in [Path(str(package.__file__)).parents[1]]
    for path in sorted((top / package.__name__).rglob("*.py"))
    if path.stem != "__main__" and path.parent.name != "native"  # these are run, not imported
}


def run(examples: doctest.DocTest) -> None:
    """Run one text's examples; fail with what they printed instead."""
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=said.append)
    assert not said, "".join(said)


@pytest.mark.parametrize("name", SOURCES)
def test_examples_in_docstrings(name: str) -> None:
    """Read from the source, for a compiled module keeps no functions that doctest would find."""
    module = importlib.import_module(name)
    source = SOURCES[name]
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node) or ""
            where = f"{name}.{getattr(node, 'name', '')}"
            run(
                doctest.DocTestParser().get_doctest(text, dict(vars(module)), where, str(source), 0)
            )


@pytest.mark.parametrize("name", sorted(functions.FUNCTIONS))
def test_examples_of_functions(name: str) -> None:
    """Those that are made from the rows of the table."""
    scope = dict(vars(engine))
    run(
        doctest.DocTestParser().get_doctest(
            functions.FUNCTIONS[name].__doc__ or "", scope, name, None, 0
        )
    )


def test_examples_in_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They build on each other, as a reader types them."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    run(doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "README.md", "README.md", 0))
