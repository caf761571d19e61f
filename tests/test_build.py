"""The builder: what it makes of a source, that it is deterministic, and that it refuses wrong markup."""

import ast
import difflib
import json
import re
from pathlib import Path

import nbformat
import pytest

from tools import build as builder
from tools.build import SET_UP, as_text, build, keep_outputs, main
from tools.markup import ROOT, MarkupError

SOURCE = '''# %% [markdown]
# # Part 9: Small
#
# ![A dot](images/dot.png)

# %% tags=["set-up"]
MAIN = __name__ == "__main__"

# %%
import torch as t

# %% [markdown]
# ### 9.1 In words
# *Explain it* · ●●●○○ · 5 minutes · Equation 1
#
# Why?

# %% [markdown]
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION

# %% [markdown]
# ### 9.2 Double a number
# *Write it* · ●○○○○ · 5 minutes · Equation 2

# %%
def double(x):
    """Twice x.
    x: float"""
    assert x is not None  # given
    ### BEGIN SOLUTION
    y = x + x
    return y
    ### END SOLUTION


# %%
if MAIN:
    tests.part9.check_double(double)

# %% [markdown]
# <details>
# <summary>Hint 1: a question</summary>
#
# What is x + x?
#
# </details>

# %%
# cat the results
if MAIN:
    # two of them
    for x in [1, 2]:
        print(f"{double(x)}")
        # done
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "solutions").mkdir()
    (tmp_path / "notebooks" / "images").mkdir(parents=True)
    (tmp_path / "solutions" / "part9_small.py").write_text(SOURCE, encoding="utf-8")
    return tmp_path


def build_text(path: Path, text: str, **options) -> tuple[dict, dict]:
    """The cells of the solved and of the exercise notebook, by id."""
    path.write_text(text, encoding="utf-8")
    return tuple({cell.id: cell for cell in notebook.cells} for notebook in build(path, **options))


# ------------------------------------------------------------------------------------------------ this repository


def test_notebooks_are_in_step():
    assert main(["--check"]) == 0, "run make build (and, if code has changed, make outputs), and commit what it writes"


def test_no_notebook_is_without_a_source():
    sources = {path.stem for path in (ROOT / "solutions").glob("part*.py")}
    assert {
        path.stem for folder in ["solutions", "notebooks"] for path in (ROOT / folder).glob("part*.ipynb")
    } == sources


@pytest.mark.parametrize("source", sorted((ROOT / "solutions").glob("part*.py")), ids=lambda path: path.stem)
def test_parts_build_to_valid_notebooks_with_metadata_of_ours_alone(source):
    for notebook in build(source):
        nbformat.validate(notebook)
        assert set(notebook.metadata) == {"kernelspec"}
        assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
        assert all(set(cell.metadata) <= {"tags", "nbgrader", "jupyter"} for cell in notebook.cells)
        code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        assert "MAIN" not in code and "SOLUTION" not in code


# ------------------------------------------------------------------------------------------------ what is built


def test_answer_becomes_a_stub_that_keeps_what_is_given(root):
    solved, exercise = build_text(root / "part9.py", SOURCE)
    assert solved["double"].source.endswith("# given\n    y = x + x\n    return y")
    assert exercise["double"].source.endswith('# given\n    raise NotImplementedError("9.2 double is not written yet")')
    ast.parse(exercise["double"].source)


def test_every_region_of_a_class_becomes_a_stub(root):
    methods = "class double:\n" + "\n".join(
        f"    def {name}(self):\n        ### BEGIN SOLUTION\n        return 1\n        ### END SOLUTION\n"
        for name in "ab"
    )
    text = SOURCE.replace(
        SOURCE[SOURCE.index("def double") : SOURCE.index("# %%\nif MAIN:\n    tests")], methods + "\n\n"
    )
    _, exercise = build_text(root / "part9.py", text)
    assert exercise["double"].source.count('        raise NotImplementedError("9.2 double is not written yet")') == 2


def test_guard_comes_off_and_the_cell_is_tagged(root):
    for cells in build_text(root / "part9.py", SOURCE):
        cell = cells["9-2-double-a-number-5"]
        assert (
            cell.source == '# cat the results\n# two of them\nfor x in [1, 2]:\n    print(f"{double(x)}")\n    # done'
        )
        assert cell.metadata == {"tags": ["run"]}
        assert cells["check_double"].source == "tests.part9.check_double(double)"
        assert "tags" not in cells["double"].metadata


def test_both_notebooks_have_the_builders_set_up_in_the_place_of_the_scripts(root):
    text = SOURCE.replace("MAIN = ", "import only_of_the_script\n\nMAIN = ")
    for cells in build_text(root / "part9.py", text):
        assert cells["part-9-small-2"].source == SET_UP and cells["part-9-small-2"].metadata.tags == ["run"]
        assert "only_of_the_script" not in str(cells)


def test_set_up_and_folded_cells_hide_their_code(root):
    text = SOURCE.replace("# %%\nimport torch", '# %% tags=["folded"]\nimport torch')
    for cells in build_text(root / "part9.py", text):
        hidden = {id for id, cell in cells.items() if cell.metadata.get("jupyter") == {"source_hidden": True}}
        assert hidden - {"your-progress-2"} == {"part-9-small-2", "part-9-small-3"}


def test_solution_is_folded_under_the_hints_of_the_exercise_notebook_alone(root):
    solved, exercise = build_text(root / "part9.py", SOURCE)
    assert "Solution" not in solved["9-2-double-a-number-4"].source
    folded = exercise["9-2-double-a-number-4"].source
    assert folded.startswith("<details>\n<summary>Hint 1") and "</summary>\n\n```python\ndef double(x):" in folded
    assert folded.endswith("    return y\n```\n\n</details>")


def test_a_fold_between_hints_and_solution_says_how_to_go_on(root):
    solved, exercise = build_text(root / "part9.py", SOURCE)
    assert "Go on" not in str(solved)
    folds = exercise["9-2-double-a-number-4"].source.split("<details>\n")[1:]
    summaries = [re.match(r"<summary>(.+)</summary>\n\n", fold)[1] for fold in folds]
    assert summaries == ["Hint 1: a question", "Go on without it", "Solution"]
    assert "\n\n```python\nfrom solutions.part9 import double\n```\n\n" in folds[1]
    assert folds[1].endswith("\n\n</details>\n\n")


@pytest.mark.parametrize("source", sorted((ROOT / "solutions").glob("part*.py")), ids=lambda path: path.stem)
def test_the_line_to_go_on_with_is_that_of_its_exercise(source):
    _, exercise = build(source)
    answers = [cell.id for cell in exercise.cells if cell.cell_type == "code" and "nbgrader" in cell.metadata]
    lines = [re.findall(r"^from solutions.*", cell.source, re.MULTILINE) for cell in exercise.cells]
    lines = [line for found in lines for line in found]
    assert lines == [f"from solutions.{source.stem} import {id}" for id in answers if not id.startswith("check_")]
    for line in lines:
        exec(line, {})


def test_the_exercise_notebook_alone_ends_with_the_learners_progress(root):
    for options in ({}, {"solutions": False}):
        solved, exercise = build_text(root / "part9.py", SOURCE, **options)
        assert list(exercise)[-2:] == ["your-progress-1", "your-progress-2"] and "your-progress-1" not in solved
        heading, cell = exercise["your-progress-1"], exercise["your-progress-2"]
        assert heading.source.startswith("## Your progress\n\n")
        assert cell.source == 'import tools.progress\n\ntools.progress.show_progress("part9")'
        assert cell.metadata == {"tags": ["run"]}  # so that load_part skips it


def test_written_question_becomes_an_answer_cell_and_a_folded_model_answer(root):
    solved, exercise = build_text(root / "part9.py", SOURCE)
    assert solved["in_words"].source == "**A model answer**\n\nBecause."
    assert "Because" not in exercise["in_words"].source
    assert (
        exercise["in_words_answer"].source == "<details>\n<summary>A model answer</summary>\n\nBecause.\n\n</details>"
    )


def test_without_solutions_no_answer_is_left(root):
    _, exercise = build_text(root / "part9.py", SOURCE, solutions=False)
    assert "Because" not in str(exercise) and "y = x + x" not in str(exercise)
    assert "What is x + x?" in str(exercise)  # the hints stay
    assert "Go on" not in str(exercise) and "solutions" not in str(exercise)


def test_grading_metadata_is_what_nbgrader_reads(root):
    answer = dict(
        schema_version=3, grade_id="double", cell_type="code", solution=True, locked=False, grade=False, task=False
    )
    check = dict(answer, grade_id="check_double", solution=False, locked=True, grade=True, points=1)
    written = dict(answer, grade_id="in_words", cell_type="markdown", grade=True, points=3)
    for cells in build_text(root / "part9.py", SOURCE):
        assert cells["double"].metadata.nbgrader == answer
        assert cells["check_double"].metadata.nbgrader == check
        assert cells["in_words"].metadata.nbgrader == written


def test_pictures_are_found_from_both_folders(root):
    solved, exercise = build_text(root / "part9.py", SOURCE)
    assert "(images/dot.png)" in exercise["part-9-small-1"].source
    assert "(../notebooks/images/dot.png)" in solved["part-9-small-1"].source


def test_an_earlier_part_is_the_learners_own_in_the_exercise_notebook_alone(root):
    lines = "import torch as t\n\nimport solutions.part8_tiny as part8\nimport utils"
    text = SOURCE.replace("import torch as t", lines).replace(
        "    # two of them", "    import solutions.part7_toy as toy"
    )
    for options in ({}, {"solutions": False}):
        solved, exercise = build_text(root / "part9.py", text, **options)
        assert solved["part-9-small-3"].source == lines
        assert exercise["part-9-small-3"].source == (
            'import torch as t\n\nimport utils\nfrom tools import saved\n\npart8 = saved.load_part("part8_tiny")'
        )
        assert "import solutions.part7_toy as toy" in solved["9-2-double-a-number-5"].source
        assert exercise["9-2-double-a-number-5"].source.endswith('toy = saved.load_part("part7_toy")')


# ------------------------------------------------------------------------------------------------ building again


def test_two_builds_are_identical_and_in_step(root):
    assert main([], root) == 0
    first = {path: path.read_bytes() for path in root.rglob("*.ipynb")}
    assert len(first) == 2
    for path in first:
        path.unlink()
    assert main([], root) == 0
    assert {path: path.read_bytes() for path in root.rglob("*.ipynb")} == first


def test_a_changed_sentence_is_a_diff_of_one_line(root):
    source = root / "solutions" / "part9_small.py"
    for number in (0, 1):
        before = as_text(build(source)[number]).splitlines()
        source.write_text(SOURCE.replace("Why?", "Why not?"), encoding="utf-8")
        after = as_text(build(source)[number]).splitlines()
        source.write_text(SOURCE, encoding="utf-8")
        changed = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
        assert len(changed) == 2 and "Why?" in changed[0] and "Why not?" in changed[1]


def store_output(root: Path) -> Path:
    """As make outputs would."""
    assert main([], root) == 0
    path = root / "solutions" / "part9_small.ipynb"
    notebook = nbformat.read(path, 4)
    last = notebook.cells[-1]
    last.outputs, last.execution_count = [nbformat.v4.new_output("stream", text="2\n4\n")], 5
    path.write_text(as_text(notebook), encoding="utf-8")
    assert main(["--check"], root) == 0
    return path


def test_outputs_stay_when_prose_or_comments_change(root):
    path, source = store_output(root), root / "solutions" / "part9_small.py"
    changed = SOURCE.replace("Why?", "Why?\n#\n# %% [markdown]\n# New.").replace("# done", "# all done")
    source.write_text(changed, encoding="utf-8")
    notebook, _ = build(source)
    keep_outputs(notebook, path)
    assert notebook.cells[-1].outputs[0].text == "2\n4\n"


def test_outputs_go_when_code_changes(root, capsys):
    path, source = store_output(root), root / "solutions" / "part9_small.py"
    source.write_text(SOURCE.replace("[1, 2]", "[1, 3]"), encoding="utf-8")
    assert main(["--check"], root) == 1
    assert (
        "cell 9-2-double-a-number-5" in (message := capsys.readouterr().err)
        and "outputs belong to other code" in message
    )
    assert main([], root) == 0
    assert not nbformat.read(path, 4).cells[-1].outputs
    assert main(["--check"], root) == 1
    assert "has no outputs: make outputs" in capsys.readouterr().err


def test_check_names_the_first_difference_and_writes_nothing(root, capsys):
    assert main(["--check"], root) == 1
    assert "is missing: make build" in capsys.readouterr().err
    store_output(root)
    path = root / "notebooks" / "part9_small.ipynb"
    edited = path.read_text(encoding="utf-8").replace("Why?", "Why on earth?")
    path.write_text(edited, encoding="utf-8")
    assert main(["--check"], root) == 1
    message = capsys.readouterr().err
    assert (
        "part9_small.ipynb differs from its source in cell 9-1-in-words-1: 'Why on earth?' should be 'Why?'" in message
    )
    assert path.read_text(encoding="utf-8") == edited


def test_a_learners_saved_notebook_is_never_overwritten(root, capsys):
    store_output(root)
    path = root / "notebooks" / "part9_small.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"]["language_info"] = {"name": "python"}  # what Jupyter adds when it saves
    notebook["cells"][0]["source"] = "my work"
    answered = json.loads(as_text(build(root / "solutions" / "part9_small.py")[1]))
    next(cell for cell in answered["cells"] if cell["id"] == "double")["source"] = "def double(x):\n    return 2 * x"
    for file, saved in [
        (path, json.dumps(answered)),
        (path, json.dumps(notebook)),
        (path, "<<<<<<< a merge that was left half done"),
        (root / "solutions" / "part9_small.ipynb", "<<<<<<< a merge that was left half done"),
    ]:
        file.write_text(saved, encoding="utf-8")
        assert main([], root) == 1
        assert "may hold somebody's work: move it away" in capsys.readouterr().err
        assert file.read_text(encoding="utf-8") == saved


def test_hand_out_goes_to_its_folder_and_leaves_the_rest_alone(root):
    (root / "notebooks" / "images" / "dot.png").write_bytes(b"png")
    assert main(["--hand-out", str(root / "class")], root) == 0
    assert sorted(path.name for path in (root / "class").rglob("*.*")) == ["dot.png", "part9_small.ipynb"]
    assert not (root / "notebooks" / "part9_small.ipynb").exists()
    assert "y = x + x" not in (root / "class" / "part9_small.ipynb").read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------ wrong markup

BEGIN, END = "    ### BEGIN SOLUTION\n", "    ### END SOLUTION\n"
# what is replaced by what, the line that the error names (the first that holds these words), words of the error
WRONG_MARKUP = {
    "no markers": (BEGIN + "    y = x + x\n    return y\n" + END, "    return x\n", "### 9.2", "it needs one"),
    "no end": ("    return y\n" + END, "    return y\n", BEGIN, "come in pairs"),
    "no begin": (BEGIN, "", END, "come in pairs"),
    "two begins": (BEGIN, BEGIN * 2, BEGIN, "come in pairs"),
    "no end in prose": ("# ### END SOLUTION\n\n", "\n", "# ### BEGIN", "come in pairs"),
    "marker in docstring": ("    x: float", "    ### BEGIN SOLUTION", '"""Twice x', "not in a docstring"),
    "marker in signature": (
        "def double(x):\n",
        "def double(\n    x,\n" + BEGIN + "):\n",
        BEGIN,
        "signature",
    ),
    "marker behind code": ("    y = x + x\n", "    y = x + x  ### END SOLUTION\n", "y = x + x", "a comment of its own"),
    "marker outside a body": (BEGIN, BEGIN.strip() + "\n", "### BEGIN SOLUTION\n    y", "in a body"),
    "misspelt marker": (BEGIN, "    # BEGIN SOLUTION\n", "    # BEGIN", "a comment of its own"),
    "name used twice": ("### 9.1 In words", "### 9.1 Double", "### 9.2", "two exercises"),
    "number used twice": ("### 9.2", "### 9.1", "### 9.1 Double", "two exercises"),
    "no difficulty": (" · ●○○○○", "", "### 9.2", "an exercise begins"),
    "answer without a number": ("### 9.1 In words", "### In words", "### In words", "an exercise begins"),
    "no check": ("check_double(double)", "print(double)", "# %%\ndef double", "tests.partN.check_double(double)"),
    "no hints": ("# <details>", "# Hints\n#\n# <details>", "# %%\nif MAIN", "has to hold its hints"),
    "no blank line after summary": (
        "question</summary>\n#\n",
        "question</summary>\n",
        "</summary>",
        "after </summary>",
    ),
    "no blank line before end": ("x + x?\n#\n", "x + x?\n", "</details>", "before </details>"),
    "image without alt text": ("![A dot]", "![ ]", "![", "alt text"),
    "indented cell mark": ("    y = x + x\n", "    # %%\n    y = x + x\n", "    # %%", "would split the cell"),
    "text before the first cell": (
        "# %% [markdown]\n# # Part",
        "\n# %% [markdown]\n# # Part",
        "",
        "begins with '# %%'",
    ),
    "multi-line string": ("    # two of them\n", '    print("""two\nof them""")\n', "print(", "multi-line string"),
    "multi-line f-string": ("    # two of them\n", '    print(f"""two\n{1}""")\n', "print(", "multi-line string"),
    "two guards": ("    # two of them\n", "    print()\nif MAIN:\n", "if MAIN:\n    for", "not two"),
    "code beside a guard": ("# cat the results\n", "x = 1\n", "if MAIN:\n    # two", "nothing beside it"),
    "else under a guard": ("        # done\n", "else:\n    pass\n", "if MAIN:\n    # two", "nothing beside it"),
    "two headings alike": (
        "# ### 9.1 In words",
        "# # Part 9: Small\n#\n# %% [markdown]\n# ### 9.1 In words",
        "# # Part 9: Small\n#\n# %%",
        "has the id",
    ),
    "text before the end of a fold": (
        "What is x + x?\n#\n# </details>",
        "What is x + x?</details>",
        "What is x",
        "before </details>",
    ),
    "a condition beside MAIN": ("if MAIN:\n    # two", "if MAIN and t:\n    # two", "# cat the", "nowhere else"),
    "raw cell": ("# %%\nimport torch as t", "# %% [raw]\n# import torch as t", "# %% [raw]", "a cell is text"),
    "code in a text cell": ("# Why?\n", "# Why?\nx = 1\n", "x = 1", "a cell is text"),
    "answer outside a function": ("def double(x):", "if True:", "# %%\nif True", "body of a function"),
    "names imported from a part": (
        "import torch as t",
        "from solutions.part8_tiny import double",
        "from solutions",
        "write 'import solutions.partN_name as partN'",
    ),
    "names imported under a guard": (
        "    # two of them\n",
        "    from solutions.part8_tiny import double\n",
        "    from solutions",
        "write 'import solutions.partN_name as partN'",
    ),
    "part imported without a name": (
        "import torch as t",
        "import solutions.part8_tiny",
        "import solutions",
        "write 'import solutions.partN_name as partN'",
    ),
    "no Python": ("y = x + x", "y = x +", "y = x +", "invalid syntax"),
}


@pytest.mark.parametrize("old, new, at, message", WRONG_MARKUP.values(), ids=WRONG_MARKUP)
def test_wrong_markup_is_an_error_with_file_and_line(root, old, new, at, message, capsys):
    source = root / "solutions" / "part9_small.py"
    assert SOURCE.count(old) == 1
    text = SOURCE.replace(old, new)
    source.write_text(text, encoding="utf-8")
    with pytest.raises(MarkupError) as error:
        build(source)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{source}:{text[: text.index(at)].count(chr(10)) + 1}: ")
    assert main([], root) == 1
    assert str(error.value) in capsys.readouterr().err
    assert not list(root.rglob("*.ipynb"))


def test_what_only_the_script_needs_is_in_neither_notebook():
    path = ROOT / "solutions" / "part3_fashion_mnist.py"
    assert "torchrun" in path.read_text(encoding="utf-8").split("# %%")[-1]
    assert not any("torchrun" in cell.source for book in build(path) for cell in book.cells)


def test_pictures_have_addresses_where_the_repository_is_known(root, monkeypatch):
    """So that a copy in Drive keeps them; a solved notebook has them beside it."""
    path = root / "part9.py"
    assert "](images/dot.png)" in build_text(path, SOURCE)[1]["part-9-small-1"].source
    monkeypatch.setattr(builder, "REPO_URL", "https://github.com/someone/course.git")
    solved, theirs = (cells["part-9-small-1"].source for cells in build_text(path, SOURCE))
    assert "](https://raw.githubusercontent.com/someone/course/main/notebooks/images/dot.png)" in theirs
    assert "](../notebooks/images/dot.png)" in solved


def test_the_heading_of_an_exercise_stands_out_under_a_rule(root):
    for cells in build_text(root / "part9.py", SOURCE):
        assert cells["9-2-double-a-number-1"].source.startswith("---\n\n### Exercise 9.2: Double a number\n*Write it*")
