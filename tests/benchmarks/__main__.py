"""Every benchmark, or those named, in one table of ratios.

* `python tests/benchmarks` asks all, which takes some minutes;
* `python tests/benchmarks moons network` asks these;
* `python tests/benchmarks --quick` only shows whether they run: the sizes are tiny;
* `python tests/benchmarks --save demos/pictures/speed.json` keeps what `chainrule speed` draws.

Started like this, Python takes the installed engine; `python -m` would take the sources beside the
tests, which are never compiled. To measure those, set PYTHONPATH to the top of the clone. The peers
come with `pip install 'chainrule[bench]'`; one that is missing is skipped.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import astuple
from datetime import date
from importlib import import_module
from pathlib import Path

import processors
from measure import HEADING, QUICK, Effort, Row, Skipped

import engine

# Modules, each with its rows(); imported when it is their turn.
QUESTIONS = (
    "moons", "gpt", "chain", "startup", "digits",  # node by node; then recorded:
    "recording", "moons_batch", "network", "point", "long", "rosenbrock", "options", "names_gpt",
    "cost",
)  # fmt: skip


def main() -> None:
    """Ask the questions and print the table."""
    parser = argparse.ArgumentParser(description="The engine's speed, side by side with its peers.")
    parser.add_argument("questions", nargs="*", help=f"of {', '.join(QUESTIONS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: do they run at all?")
    parser.add_argument("--save", type=Path, metavar="FILE", help="where to keep races, as JSON")
    chosen = parser.parse_args()
    if unknown := set(chosen.questions) - set(QUESTIONS):
        parser.error(f"no question is called {', '.join(unknown)}; choose from {list(QUESTIONS)}")
    processors.begin()
    rows, skipped = [HEADING], dict[str, None]()
    for name in chosen.questions or QUESTIONS:
        print(f"measuring {name} ...", file=sys.stderr)
        for answer in import_module(name).rows(QUICK if chosen.quick else Effort()):
            if isinstance(answer, Skipped):
                skipped[f"{name} skipped: {answer}"] = None  # each once, in order
            else:
                rows.append(answer)
    measured = circumstances()
    print(", ".join(measured.values()), "", aligned(rows), *skipped, sep="\n")
    if chosen.save:
        save(chosen.save, measured, rows)


def circumstances() -> dict[str, str]:
    """When, where and on what it was measured."""
    return {
        "date": str(date.today()),
        "machine": " ".join([platform.system(), platform.machine(), processor()]).strip(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "engine": f"engine {'compiled' if engine.compiled else 'interpreted'}",
    }


def save(path: Path, measured: dict[str, str], rows: list[Row]) -> None:
    """Keep the races as numbers, in seconds, each with the name and the version of the peer."""
    races = [
        {"question": row.question, "peer": row.peer} | row.medians._asdict()
        for row in rows
        if row.medians
    ]
    text = json.dumps(measured | {"races": races}, indent=1, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")


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
    cells = [astuple(row)[:-1] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
