"""Every benchmark, or those named, in one table of ratios.

* `python tests/benchmarks` asks all, which takes some minutes;
* `python tests/benchmarks moons gpt` asks these;
* `python tests/benchmarks --quick` only shows whether they run: the sizes are tiny.

Started like this, Python takes the installed engine; `python -m` would take the sources beside the
tests, which are never compiled. To measure those, set PYTHONPATH to the top of the clone. The peers
come with `pip install 'chainrule[bench]'`; one that is missing is skipped.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import astuple
from datetime import date

import chain
import digits
import gpt
import moons
import startup
from measure import HEADING, QUICK, Effort, Row, Skipped

import engine

QUESTIONS: dict[str, Callable[[Effort], Iterator[Row | Skipped]]] = {
    "moons": moons.rows,
    "gpt": gpt.rows,
    "chain": chain.rows,
    "startup": startup.rows,
    "digits": digits.rows,
}


def main() -> None:
    """Ask the questions and print the table."""
    parser = argparse.ArgumentParser(description="The engine's speed, side by side with its peers.")
    parser.add_argument("questions", nargs="*", help=f"of {', '.join(QUESTIONS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: do they run at all?")
    chosen = parser.parse_args()
    if unknown := set(chosen.questions) - set(QUESTIONS):
        parser.error(f"no question is called {', '.join(unknown)}; choose from {list(QUESTIONS)}")
    rows, skipped = [HEADING], []
    for name in chosen.questions or QUESTIONS:
        print(f"measuring {name} ...", file=sys.stderr)
        for answer in QUESTIONS[name](QUICK if chosen.quick else Effort()):
            if isinstance(answer, Skipped):
                skipped.append(f"{name} skipped: {answer}")
            else:
                rows.append(answer)
    print(circumstances(), aligned(rows), *skipped, sep="\n")


def circumstances() -> str:
    """When, where and on what it was measured."""
    kind = "compiled" if engine.compiled else "interpreted"
    machine = f"{platform.machine()} {processor()}".strip()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{date.today()}, {platform.system()} {machine}, {python}, engine {kind}\n"


def processor() -> str:
    """The model of the processor, where the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = [line for line in file if line.startswith("model name")]
    except OSError:
        return platform.processor()
    return lines[0].partition(":")[2].strip() if lines else platform.processor()


def aligned(rows: list[Row]) -> str:
    """The rows as text, each column as wide as its widest cell."""
    cells = [astuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
