"""The course as nbgrader takes it: an assignment for each part, with solutions between markers and hidden tests.

python -m tools.nbgrader DIR      write a course folder of nbgrader into DIR
    --without 1.7 3.5                 with these exercises given, solved
"""

import argparse
import re
import sys
from collections.abc import Set
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.build import METADATA, as_text, build, check_given, with_own_parts, write
from tools.markup import ROOT, MarkupError, find_exercises
from tools.saved import YOUR_ANSWER

HIDDEN = """

### BEGIN HIDDEN TESTS
for seed in (1, 2, 3):  # other numbers than the ones the student has tried
    {check}({name}, seed)
assert not str({name}.__module__).startswith("solutions"), "{number} {name} is taken from the solutions"
### END HIDDEN TESTS"""
NBGRADER_CONFIG = f"""# What nbgrader has to know of this course. It is yours to change, and not overwritten.
import os

import nbgrader.preprocessors as nbgrader

os.environ.setdefault("COURSE_DIR", {{course!r}})  # where the notebooks find tests/ and utils.py
os.environ.setdefault("IS_CI", "1")  # grade at toy size: the checks are the same, the trainings take seconds

c = get_config()
c.CourseDirectory.course_id = "diffusion"
c.ClearSolutions.code_stub = {{{{"python": "raise NotImplementedError()"}}}}
c.ClearSolutions.text_stub = "{YOUR_ANSWER}"
c.Execute.timeout = 60  # seconds for one cell; then it has failed, and the cells below are still run
c.Execute.raise_on_iopub_timeout = False  # also where one interrupt does not end it
c.OverwriteCells.add_missing_cells = True  # a check that a student has deleted is tried all the same


class ForgetCopies(nbgrader.NbGraderPreprocessor):
    \"\"\"Of a copied cell nbgrader 0.9.6 leaves empty metadata, and then fails as it looks for missing cells.\"\"\"

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.metadata.get("nbgrader") == {{{{}}}}:
            del cell.metadata["nbgrader"]
        return cell, resources


c.Autograde.sanitize_preprocessors = [
    nbgrader.ClearOutput,
    nbgrader.DeduplicateIds,
    ForgetCopies,
    nbgrader.OverwriteKernelspec,
    nbgrader.OverwriteCells,
    nbgrader.CheckCellMetadata,
]
"""


def for_nbgrader(path: Path, given: Set[str] = frozenset()) -> NotebookNode:
    """A part as nbgrader's generate_assignment takes it: solutions between markers, and each check with hidden tests.
    It has no progress at its end: nbgrader's own button, Validate, is for that. errors: MarkupError"""
    notebook = build(path, solutions=False, given=given)[1]
    exercises = {exercise.name: exercise for exercise in find_exercises(path)}
    del notebook.cells[-2:]
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if name in exercises:
            answer = exercises[name].answer
            cell.source = answer.text if answer.kind == "markdown" else with_own_parts(answer.text)
        elif exercise := exercises.get(name.removeprefix("check_")):
            check = re.search(rf"(\S*check_{exercise.name})\(", cell.source)[1]
            cell.source += HIDDEN.format(check=check, name=exercise.name, number=exercise.number)
    return notebook


def write_course(folder: Path, notebooks: dict[str, NotebookNode]) -> None:
    """Write a course folder of nbgrader: source/PART/PART.ipynb with the pictures it shows, and nbgrader_config.py.
    errors: FileExistsError for a notebook that somebody may have worked on"""
    for name, notebook in notebooks.items():
        assignment = folder / "source" / name
        target = assignment / f"{name}.ipynb"
        if target.exists() and nbformat.read(target, 4).metadata != METADATA:
            raise FileExistsError(f"{target} has been saved by a notebook program: move it away")
        write(target, as_text(notebook).encode())
        for picture in set(re.findall(r"\]\(images/([^)]+)\)", "\n".join(cell.source for cell in notebook.cells))):
            write(assignment / "images" / picture, (ROOT / "notebooks" / "images" / picture).read_bytes())
        print(f"built {target}")
    if not (config := folder / "nbgrader_config.py").exists():
        write(config, NBGRADER_CONFIG.format(course=str(ROOT)).encode())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--without", nargs="+", default=[], metavar="NUMBER")
    args = parser.parse_args(arguments)
    given, sources = set(args.without), sorted((ROOT / "solutions").glob("part*.py"))
    try:
        check_given(given, sources)
        write_course(args.folder, {source.stem: for_nbgrader(source, given) for source in sources})
    except (MarkupError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
