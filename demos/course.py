"""course: all demos in the order of a course, and one page with all that they say and draw.

The page needs nothing else: pictures are in it. A demo that fails is shown with its error, the
others still run, and the exit status is 1. Demos that are named are the only ones that run.

Command: chainrule course
Command: chainrule course lecture xor --seed 7 --out xor_only
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from time import perf_counter

from demos import COURSE
from demos.parts.page import Chapter, page


def main(argv: Sequence[str] | None = None, version: str = "chainrule") -> int:
    """Run demos and write the page; the exit status is 1 if one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        prog="chainrule course",
    )
    parser.add_argument("demos", nargs="*", metavar="DEMO", help="only these; all if left out")
    parser.add_argument(
        "--out", type=Path, default=Path("course"), metavar="FOLDER",
        help="where index.html goes, and the pictures",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, metavar="N", help="for all of them, instead of their own"
    )
    chosen = parser.parse_args(argv)
    unknown = [name for name in chosen.demos if name not in COURSE]
    if unknown:
        parser.error(f"there is no demo called {unknown[0]!r}; chainrule --list shows them")
    names = [name for name in COURSE if name in chosen.demos or not chosen.demos]
    chosen.out.mkdir(parents=True, exist_ok=True)

    chapters = []
    for k, name in enumerate(names, start=1):
        print(f"{k:2} of {len(names)}: {name:18}", end="", flush=True)
        chapters.append(chapter(name, chosen.out, chosen.seed))
        print(f"{chapters[-1].seconds:6.1f} s{'   failed' * bool(chapters[-1].failure)}")
    place = chosen.out / "index.html"
    place.write_text(page(chapters, version), encoding="utf-8")
    print(f"\npage: {place}")
    failed = [each.name for each in chapters if each.failure]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def chapter(name: str, out: Path, seed: int | None = None) -> Chapter:
    """Run a demo; whatever goes wrong is told in its chapter."""
    words = [] if seed is None else ["--seed", str(seed)]
    said, failure, started, doc = StringIO(), "", perf_counter(), f"{name}: {name}"
    try:
        demo = import_module(f"demos.{name}")
        doc = demo.__doc__ or doc
        with redirect_stdout(said):
            demo.main(["--out", str(out), *words])
    except (Exception, SystemExit):
        failure = traceback.format_exc()
    return Chapter(name, doc, said.getvalue(), perf_counter() - started, failure)
