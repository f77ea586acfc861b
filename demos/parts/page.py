"""The page of `chainrule course`: what demos say and draw, as HTML that needs nothing else."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

LIMIT = 400_000  # bytes: what is larger as SVG goes in as PNG, which looks the same at its size
PICTURE = re.compile(r"picture: (?P<path>.+)\.svg and \.png")

STYLE = """
:root { color-scheme: light dark; --ink: #22262e; --faint: #5b6472; --paper: #ffffff;
  --pale: #e4e7ec; --wash: #f5f6f8; --accent: #b2391a; --link: #3f5fa8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ec; --faint: #a2a9b5; --paper: #16181d;
  --pale: #343943; --wash: #1f2229; --accent: #ff8f70; --link: #9db7f2; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1.05rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main, nav, header { max-width: 60rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.45rem; line-height: 1.3; margin: 0 0 .75rem; text-wrap: balance; }
a { color: var(--link); }
section { border-top: 1px solid var(--pale); margin-top: 3rem; padding-top: 2rem; }
.name, dt, caption, .note { color: var(--faint); font-size: .9rem; }
.name { margin: 0; }
code, pre, td, th { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: .88rem; }
.command { background: var(--wash); padding: .5rem .8rem; border-radius: .4rem; margin: 1rem 0; }
pre, .table { overflow-x: auto; margin: 1rem 0; }
pre { white-space: pre-wrap; }
table { border-collapse: collapse; }
th, td { text-align: right; padding: .16rem 0 .16rem 1.6rem; white-space: nowrap; }
th { font-weight: 600; border-bottom: 1px solid var(--faint); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tr + tr td { border-top: 1px solid var(--pale); }
.picture { overflow-x: auto; margin: 1.5rem 0; }
img { display: block; max-width: max(100%, 42rem); height: auto; padding: .75rem;
  background: #ffffff; border: 1px solid var(--pale); border-radius: .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .9rem; }
dd { margin: 0; }
.failed { color: var(--accent); font-weight: 600; }
nav ol { padding-left: 1.6rem; columns: 2 22rem; column-gap: 2.5rem; }
nav li { break-inside: avoid; margin: 0 0 .5rem; padding-right: .5rem; }
@media (max-width: 40rem) { body { font-size: 1rem; } h1 { font-size: 1.6rem; }
  h2 { font-size: 1.25rem; } dl { display: block; } dd { margin-bottom: .5rem; }
  pre { white-space: pre; } }
@media (prefers-color-scheme: dark) { img { filter: brightness(.92); } }
@media print { section { break-before: page; } .table, pre { overflow: visible; } }
"""


class Chapter(NamedTuple):
    """What came of a demo.

    Args:
        name: its name.
        doc: its docstring.
        said: what it printed.
        seconds: how long it took.
        failure: the traceback, if it failed.
    """

    name: str
    doc: str
    said: str
    seconds: float
    failure: str = ""

    @property
    def question(self) -> str:
        """What it answers: the first line of its docstring."""
        return question(self.doc)


def question(doc: str) -> str:
    """The question of a demo, which is the first line of its docstring, after its name.

    >>> question("xor: can one neuron compute it?")
    'can one neuron compute it?'
    """
    return doc.partition("\n")[0].partition(": ")[2]


def page(chapters: Sequence[Chapter], version: str) -> str:
    """All chapters on a page of HTML, with a list of them."""
    entries = "\n".join(
        f'<li><a href="#{each.name}">{capital(each.question)}</a>{mark(each)}</li>'
        for each in chapters
    )
    failures = sum(bool(each.failure) for each in chapters)
    note = f'<p class="failed">{failures} of {len(chapters)} failed.</p>' if failures else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>chainrule: a course</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>Neural networks, number by number</h1>
<p>Every value, gradient and picture of this page was computed by the demos of chainrule, in the
order of a course. <span class="note">{escape(version)}</span></p>
{note}
</header>
<nav aria-label="contents">
<ol>
{entries}
</ol>
</nav>
<main>
{"".join(map(section, chapters))}</main>
</body>
</html>
"""


def capital(words: str) -> str:
    """Words with a capital, for HTML.

    >>> capital("is a < b?")
    'Is a &lt; b?'
    """
    return escape(words[:1].upper() + words[1:])


def prose(words: str) -> str:
    """Words of a docstring, for HTML.

    >>> prose("see `a < b`")
    'see <code>a &lt; b</code>'
    """
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(words))


def mark(chapter: Chapter) -> str:
    """Behind a chapter that failed."""
    return ' <span class="failed">failed</span>' if chapter.failure else ""


def section(chapter: Chapter) -> str:
    """A chapter: the question, the explanation, the command, then what was said and drawn."""
    _, _, rest = chapter.doc.partition("\n")
    text, _, labels = rest.partition("\nCommand: ")
    explanation = "\n".join(f"<p>{prose(each)}</p>" for each in text.strip().split("\n\n"))
    pairs = re.findall(r"^(Expect|Source): (.*?)(?=^[A-Z]\w+: |\Z)", labels, re.M | re.S)
    terms = "".join(f"<dt>{a}</dt><dd>{prose(b.strip())}</dd>" for a, b in pairs)
    failure = f'<p class="failed">It failed.</p>\n<pre>{escape(chapter.failure)}</pre>\n'
    return f"""<section id="{chapter.name}">
<p class="name">{chapter.name}, {chapter.seconds:.1f} s{mark(chapter)}</p>
<h2>{capital(chapter.question)}</h2>
{explanation}
<p class="command"><code>chainrule {chapter.name}</code></p>
<dl>{terms}</dl>
{"".join(blocks(chapter.said))}{failure if chapter.failure else ""}</section>
"""


def blocks(said: str) -> Iterator[str]:
    r"""What a demo printed, block by block: pictures, tables, prose, and what keeps its lines.

    >>> print(*blocks("Two of them\n\na  b\n-  -\n1  2\n"), sep="")
    <p>Two of them</p>
    <div class="table"><table>
    <tr><th>a</th><th>b</th></tr>
    <tr><td>1</td><td>2</td></tr>
    </table></div>
    <BLANKLINE>
    """
    apart = re.sub(r"^(?=.*\n-+(  -+)+$)", "\n", said, flags=re.M)  # tables from their titles
    for block in re.split(r"\n\s*\n", apart.strip("\n")):
        lines = block.splitlines()
        drawn = PICTURE.fullmatch(block.strip())
        if drawn:
            yield image(Path(drawn["path"]))
        elif len(lines) > 2 and re.fullmatch(r"-+(  -+)+", lines[1]):
            yield tabular(lines)
        elif re.search(r"^ |\S  ", block, re.M):
            yield f"<pre>{escape(block)}</pre>\n"
        elif block.strip():
            whole = re.sub(
                r"(?<=.{55})(?<!:)\n(?=[a-z0-9(])", " ", block
            )  # where a sentence goes on
            yield f"<p>{'<br>'.join(map(escape, whole.splitlines()))}</p>\n"


def tabular(lines: Sequence[str]) -> str:
    """A table of `report.table`, whose second line shows where its columns are."""
    spans = [match.span() for match in re.finditer("-+", lines[1])]
    rows = []
    for tag, line in [("th", lines[0]), *(("td", line) for line in lines[2:])]:
        cells = [escape(line[start:end].strip()) for start, end in spans]
        rows.append("<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>\n")
    return f'<div class="table"><table>\n{"".join(rows)}</table></div>\n'


def image(path: Path) -> str:
    """A picture within the page: as SVG, or as PNG if that is so large."""
    drawing, kind = path.with_name(f"{path.name}.svg").read_bytes(), "svg+xml"
    if len(drawing) > LIMIT:
        drawing, kind = path.with_name(f"{path.name}.png").read_bytes(), "png"
    data = b64encode(drawing).decode()
    words = escape(path.name.replace("_", " "))
    source = f"data:image/{kind};base64,{data}"
    return f'<div class="picture"><img alt="picture: {words}" src="{source}"></div>\n'
