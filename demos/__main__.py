"""The installed command: `chainrule lecture` runs a demo, `chainrule --list` shows them all."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module, metadata
from pathlib import Path

import engine
from demos import COURSE
from demos.parts.page import question

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"  # in a clone

USAGE = """usage: chainrule DEMO [options]    run a demo; chainrule DEMO --help tells its options
       chainrule --list            the demos, in the order of a course
       chainrule course            all of them, and a page with what they say and draw
       chainrule --version         the version, and whether the engine is compiled
"""


def listing() -> str:
    """The demos with the question that each answers, which is the first line of its docstring."""
    docs = {name: import_module(f"demos.{name}").__doc__ or "" for name in COURSE}
    return "\n".join(f"{name:18}{question(doc)}" for name, doc in docs.items())


def version() -> str:
    """The version of what runs: a clone may be not installed, or another version beside it."""
    text = PYPROJECT.read_text(encoding="utf-8") if PYPROJECT.exists() else ""
    project = tomllib.loads(text).get("project", {})
    if project.get("name") == "chainrule":
        return f"{project['version']} in a clone"
    return metadata.version("chainrule")


def about() -> str:
    """What runs, in a line."""
    return f"chainrule {version()}, {'compiled' if engine.compiled else 'interpreted'} engine"


def command() -> int:
    """The installed command: what the world does to it is told in a line, not in a traceback."""
    try:
        return main()
    except BrokenPipeError:  # as in `chainrule lecture | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ModuleNotFoundError) as error:
        print(f"chainrule: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("chainrule: interrupted", file=sys.stderr)
    return 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run a demo; the exit status is 0, 1 if one of the course failed, 2 if nobody understands."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments[0] if arguments else "--help"
    if name in COURSE:
        import_module(f"demos.{name}").main(arguments[1:])
    elif name == "course":
        status: int = import_module("demos.course").main(arguments[1:], about())
        return status
    elif name == "--list":
        print(listing())
    elif name == "--version":
        print(about())
    elif name in ("-h", "--help"):
        print(f"{USAGE}\n{listing()}")
    else:
        nearest = get_close_matches(name, [*COURSE, "course"], n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else "chainrule --list shows them"
        print(f"there is no demo called {name!r}; {hint}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(command())
