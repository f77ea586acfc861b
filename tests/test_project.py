"""What holds of the project as a whole: style, types, layout, the stubs, the budgets."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import engine

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [
    path for package in ("engine", "nn", "demos") for path in sorted((ROOT / package).rglob("*.py"))
]
HIDDEN = ["engine/value.py", "engine/functions.py"]  # by their stubs


def check(*command: str) -> None:
    """Run a tool of the test environment at the top of the repository; fail with what it says."""
    if find_spec(command[0].replace("-", "_")) is None:
        pytest.skip(f"{command[0]} is not installed: pip install 'chainrule[test]'")
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_engine_is_what_was_meant() -> None:
    """Sources beside the tests can hide a compiled install: whoever cares says what he expects."""
    expected = os.environ.get("CHAINRULE_EXPECT")
    if expected is None:
        pytest.skip("CHAINRULE_EXPECT is not set to compiled or interpreted")
    assert engine.compiled == (expected == "compiled"), engine.__file__


def test_lint() -> None:
    check("ruff", "check", ".")


def test_format() -> None:
    check("ruff", "format", "--check", ".")


@pytest.mark.parametrize("what", [[], ["--follow-imports=silent", *HIDDEN]], ids=["all", "hidden"])
def test_types(what: list[str], tmp_path: Path) -> None:
    check("mypy", "--cache-dir", str(tmp_path), *what)


def test_imports_point_one_way() -> None:
    """The layers are in pyproject.toml: the engine knows no nn, and nobody knows the demos."""
    lint = Path(sys.executable).with_name("lint-imports")
    if not lint.exists():
        pytest.skip("import-linter is not installed: pip install 'chainrule[test]'")
    result = subprocess.run(
        [str(lint), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_stubs_are_current() -> None:
    """In a process of its own: other tests may have registered primitives in this one."""
    stale = (
        "import runpy; found = runpy.run_path('engine/native/stubs.py');"
        "print(*[name for name, stub in found['STUBS'].items()"
        " if (found['ENGINE'] / name).read_text('utf-8') != stub()])"
    )
    command = [sys.executable, *(["-P"] if sys.flags.safe_path else []), "-c", stale]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == [], "out of date: run python -m engine.native.stubs"


def test_nobody_imports_within_a_function_without_need() -> None:
    """Only what is heavy may be imported late, itself or because of what it imports."""
    light = {"engine.special": "numpy"}
    heavy = {"numpy", "graphviz", "safetensors", "tqdm", "matplotlib", "mypyc", "setuptools"}
    for path in SOURCES:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    modules = (
                        {a.name for a in node.names} if isinstance(node, ast.Import) else set()
                    )
                    modules |= {str(node.module)} if isinstance(node, ast.ImportFrom) else set()
                    modules = {light.get(m, m).split(".")[0] for m in modules}
                    assert modules <= heavy, (
                        f"{path.name}: {function.name} imports {modules - heavy}"
                    )


def test_budgets() -> None:
    """Largest file 300 lines, function 40 apart from its signature and docstring, line 100.

    Lines may have 160 inside the table.
    """
    for path in SOURCES:
        if path.name == "replay.py":  # generated from the table
            continue
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        assert len(lines) <= 300, f"{path}: {len(lines)} lines"
        longest = max(map(len, lines), default=0)
        assert longest <= (160 if path.name == "rules.py" else 100), f"{path}: a line of {longest}"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                length = (node.end_lineno or 0) - node.body[0].lineno + 1 - docstring_lines(node)
                assert length <= 40, f"{path}: {node.name} has {length} lines"


def docstring_lines(node: ast.FunctionDef) -> int:
    return len((ast.get_docstring(node, clean=False) or "").splitlines())
