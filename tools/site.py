"""Make a site of the course to read, on any screen and without a network, from the outputs that are stored.

python -m tools.site               into build/site/: open index.html there. It runs nothing
python -m tools.site --hand-out    the same without solutions, for a graded class

A page is a part's exercise notebook with the solved one's outputs. In an exercise, hints, solution and the expected
picture are folded; elsewhere the pictures stand open. Each picture shows once, with the alt text of the prose.
"""

import argparse
import html
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the root, for python -m tools.site
from tools.build import BADGE, METADATA, REPO_URL, build, keep_outputs
from tools.markup import ROOT
from tools.saved import YOUR_ANSWER

ADDRESS = re.sub(r"(\.git)?/?$", "", REPO_URL)  # for a browser
FILE = re.compile(r"\[([^\]]+)\]\(\.\./([^)]+)\)")  # a link to another file of the course, which the site lacks
PICTURE = re.compile(r"!\[([^\]]+)\]\((images/[^)]+)\)")
FOLD = re.compile(r"<details>\n<summary>(.+?)</summary>\n\n(.*?)\n\n</details>\n*", re.DOTALL)
EXPECTED = "What you should see"
LEFT_OUT = ("Contents", "Go on without it")  # the site has a list of its own; and nobody is stuck who only reads
LANGUAGE = {"language_info": {"name": "python", "pygments_lexer": "python"}}  # to colour the code
INDEX = """# Diffusion Models for Image Generation

You write a diffusion model from its equations, and train it until it draws clothes that nobody has ever sewn. This is
the whole course to read. To *do* it, {get}. There, every exercise has a check that takes your own function and names
the mistake.

<div class="cards">
{cards}
</div>

```{{toctree}}
:hidden:
:maxdepth: 2

{parts}
```
"""
CARD = """<a class="card" href="{part}.html">{picture}<strong>{title}</strong><span>{words}</span></a>"""


def launch(part: str) -> str:
    """The buttons that open a part's notebook, as a line of markdown; empty without a repository."""
    if not ADDRESS:
        return ""
    path = f"blob/main/notebooks/{part}.ipynb"
    buttons = f"[The course's repository]({ADDRESS}){{.launch}}"
    if repository := re.fullmatch(r"https://github\.com/(.+)", ADDRESS):
        colab = f"https://colab.research.google.com/github/{repository[1]}/{path}"
        buttons = f"[Open in Colab]({colab}){{.launch}} [Notebook on GitHub]({ADDRESS}/{path}){{.launch}}"
    return f"\n{buttons}\n"


def sections(cells: list[NotebookNode]) -> Iterator[list[NotebookNode]]:
    """The cells in runs that each begin with a heading."""
    section: list[NotebookNode] = []
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.removeprefix("---\n\n")  # Sphinx has no rule before a heading; site.css has
        if section and cell.cell_type == "markdown" and re.match(r"#{1,3} ", cell.source):
            yield section
            section = []
        section.append(cell)
    yield section


def page(solved: NotebookNode, theirs: NotebookNode, part: str) -> NotebookNode:
    """One part as Sphinx reads it. solved: with outputs   theirs: with stubs, and solutions if they are to show"""
    outputs = {cell.id: cell.outputs for cell in solved.cells if cell.cell_type == "code"}
    shown: list[NotebookNode] = []
    for section in sections(theirs.cells):
        if not section[0].id.startswith("your-progress"):
            shown += read(section, outputs)
    shown[0].source = BADGE.sub("", shown[0].source).replace("\n", f"\n{launch(part)}", 1)
    return nbformat.v4.new_notebook(cells=shown, metadata=METADATA | LANGUAGE)


def read(section: list[NotebookNode], outputs: dict[str, list]) -> list[NotebookNode]:
    """The cells of a section, with their outputs, as somebody reads them who runs nothing."""
    exercise, said, code = any("nbgrader" in cell.metadata for cell in section), "", None
    for cell in section:
        if cell.cell_type == "code":
            code, cell.outputs = cell, outputs.get(cell.id, [])
            if "nbgrader" in cell.metadata:  # what the check says of the solution goes to the solution
                said, cell.outputs = "".join(out.get("text", "") for out in cell.outputs), []
            if cell.metadata.get("jupyter", {}).get("source_hidden"):
                cell.metadata["tags"] = ["hide-input"]
            continue
        cell.source = re.sub(r"\]\(https?://[^)]+/notebooks/images/", "](images/", cell.source)
        cell.source = FILE.sub(rf"[\1]({ADDRESS}/blob/main/\2)" if ADDRESS else r"\1", cell.source)
        cell.source = re.sub(r"\]\(#[^)]+\)", lambda link: link[0].lower(), cell.source)  # as Sphinx names a heading
        folds = dict(FOLD.findall(cell.source))
        if code and PICTURE.search(folds.get(EXPECTED, "")):
            code.outputs = [out for out in code.outputs if not any("image/" in kind for kind in out.get("data", {}))]
        for name, inside in folds.items():
            whole = f"<details>\n<summary>{name}</summary>\n\n{inside}\n\n</details>"
            if name == "Solution" and said:
                more = f"{inside}\n\nThe check then says:\n\n```text\n{said.strip()}\n```"
                cell.source = cell.source.replace(whole, whole.replace(inside, more))
            elif name in LEFT_OUT:
                cell.source = cell.source.replace(whole, "")
            elif name == EXPECTED and not exercise:
                cell.source = cell.source.replace(whole, inside)
    return [cell for cell in section if cell.source.strip() not in ("", YOUR_ANSWER)]


def card(part: str, first: NotebookNode) -> str:
    """A part on the first page: its first picture, its title, and the two sentences it begins with."""
    title, *paragraphs = first.source.split("\n\n")
    words = next(text for text in paragraphs if text[:1] not in ("[", "!")).replace("*", "")
    title, words = title.removeprefix("# "), " ".join(re.split(r"(?<=[.?!])\s+", words)[:2])
    picture = ""
    if found := PICTURE.search(first.source):
        alt, name = html.escape(found[1]), Path(found[2]).name
        picture = f'<img src="_images/{name}" alt="{alt}">'
    return CARD.format(part=part, picture=picture, title=html.escape(title), words=html.escape(words))


def write_sources(folder: Path, solutions: bool) -> None:
    """Write what Sphinx makes the site of: a notebook a part, the pictures, and the first page. errors: MarkupError"""
    parts, cards = [], []
    for source in sorted((ROOT / "solutions").glob("part*.py")):
        solved, theirs = build(source, solutions)
        keep_outputs(solved, source.with_suffix(".ipynb"))
        whole = page(solved, theirs, source.stem)
        nbformat.write(whole, folder / f"{source.stem}.ipynb")
        cards.append(card(source.stem, whole.cells[0]))
        parts.append(source.stem)
    shutil.copytree(ROOT / "notebooks" / "images", folder / "images")
    get = f"[get the notebooks]({ADDRESS})" if ADDRESS else "get the notebooks"
    index = INDEX.format(get=get, cards="\n".join(cards), parts="\n".join(parts))
    (folder / "index.md").write_text(index, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hand-out", action="store_true")
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "site", metavar="DIR")
    args = parser.parse_args(arguments)
    from sphinx.cmd.build import main as sphinx  # slow, and needed only here

    shutil.rmtree(args.into, ignore_errors=True)
    with tempfile.TemporaryDirectory() as sources, tempfile.TemporaryDirectory() as doctrees:
        write_sources(Path(sources), solutions=not args.hand_out)
        failed = sphinx(["-q", "-c", str(ROOT / "docs"), "-d", doctrees, sources, str(args.into)])
    (args.into / ".buildinfo").unlink(missing_ok=True)
    print("the site is not made" if failed else f"see {args.into / 'index.html'}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
