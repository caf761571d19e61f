"""A learner's progress: what is shown of a saved notebook, whatever it holds, and that nothing in it stops the rest."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.test_saved import EXERCISES, NAME, SOLVED, TAKE, WRONG_EQ4, save_part, solved
from tools import progress, saved
from tools.build import build
from tools.markup import ROOT
from tools.progress import Result
from tools.saved import NUMBERED, read_notebook

QUESTIONS = [
    "equation_2_in_plain_english",
    "algorithm_1_line_by_line",
    "algorithm_2_line_by_line",
    "four_experiments",
]
# catches even the stop button
ENDLESS = """import time
def noise_img(img, noise_schedule, max_steps=None):
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            pass
"""
ENDS_PYTHON = "import os\ndef sample(model, n_samples, return_all_steps=False):\n    os._exit(0)"
SECONDS = 6  # a right answer takes a tenth of one, where the machine is not busy
SAVED = r"saved (just now|\d+ (second|minute)s? ago) \(\d+ \w+ \d{4}, \d\d:\d\d\)\. Checking takes up to a minute\."


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the saved notebooks are looked for."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(saved, "NOTEBOOKS", tmp_path / "notebooks")
    return tmp_path


# ------------------------------------------------------------------------------------------------ what is shown


@pytest.mark.slow
def test_progress_shows_every_exercise(folder, capfd):
    save_part(
        folder,
        NAME,
        TAKE + "train",
        equation_2_in_plain_english="It fades, and noise comes.",
        algorithm_1_line_by_line=...,
        algorithm_2_line_by_line=None,
        q_eq2=SOLVED["q_eq2"] + "\n    x = = 1",
        q_eq4=WRONG_EQ4,
        NoiseSchedule=None,
        noise_img=ENDLESS,
        reconstruct=SOLVED["reconstruct"].replace("return (noisy_img", "return (noisy_image"),
        TinyDiffuser=...,
        sample=ENDS_PYTHON,
    )
    progress.show_progress(NAME, seconds=SECONDS)
    out, err = capfd.readouterr()
    head, rest = out.split("\n", 1)
    assert re.fullmatch(rf"Part 1, notebooks/part1_diffusion\.ipynb, {SAVED}", head) and not err
    words = {  # of each exercise: its state, and what the lines below it say
        "1.1   Equation 2 in plain English   answered": "",
        "1.2   linear_schedule               passed": "",
        "1.3   q_eq2                         not yet": "in line 8: x = = 1",
        "1.4   q_eq4                         not yet": "expected 0.316",
        "1.5   NoiseSchedule                 not written": "Was its cell deleted",
        "1.6   noise_img                     not yet": "did not end within 6 seconds",
        "1.7   reconstruct                   not yet": "in line 7: return (noisy_image",
        "1.8   TinyDiffuser                  not written": "",
        "1.9   Algorithm 1 line by line      not answered": "",
        "1.10  train                         from the solution": "It is imported from solutions.part1_diffusion",
        "1.11  Algorithm 2 line by line      not answered": "Was it deleted",
        "1.12  posterior                     passed": "",
        "1.13  sample                        not yet": "Python itself ended",
        "1.14  Four experiments              answered": "",
    }
    _, *rows = re.split(r"^  (?=1\.)", rest.split("\n\nPart 1:")[0], flags=re.MULTILINE)
    assert [row.splitlines()[0] for row in rows] == [*words]
    for row, said in zip(rows, words.values(), strict=True):
        assert said in row and bool(said) == ("\n        " in row), row
    assert "Part 1: 2 of 10 exercises passed, 1 from the solution; 2 of 4 questions answered\n" in rest
    assert rest.endswith(f"\n{progress.SAVE_FIRST}\n")


def test_a_long_message_is_wrapped_under_its_exercise(capsys):
    progress.show_result(Result("1.4", "q_eq4", progress.NOT_YET, "word " * 30 + "\nWhy?"))
    assert capsys.readouterr().out == (
        "  1.4   q_eq4                         not yet\n"
        f"        {' '.join(['word'] * 18)}\n        {' '.join(['word'] * 12)}\n        Why?\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.stem for path in sorted((ROOT / "solutions").glob("part*.py"))])
def test_names_leave_room_for_the_state(name):
    cells = build(ROOT / "solutions" / f"{name}.py")[1].cells
    titles = [title for _, title in NUMBERED.findall("\n".join(cell.source for cell in cells))]
    questions = [title for title in titles if re.sub(r"[^a-z0-9]+", "_", title.lower()) in solved(name)]
    functions = [id for id, answer in solved(name).items() if f" {id}(" in answer or f" {id}:" in answer]
    assert functions and max(map(len, functions + questions)) < 30


@pytest.mark.parametrize(
    "seconds, said",
    [
        (-5, "just now"),
        (0.9, "just now"),
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (119, "1 minute ago"),
        (3600 * 5, "5 hours ago"),
        (86400 * 3 + 5, "3 days ago"),
    ],
)
def test_when_it_was_saved_is_said_in_words(seconds, said):
    saved = time.mktime((2026, 5, 4, 14, 5, 9, 0, 0, -1))
    assert progress.when(saved, saved + seconds) == f"{said} (4 May 2026, 14:05)"


def test_summary_counts_exercises_and_questions_apart():
    def of(*states):
        return progress.summary([Result("1.1", "f", state) for state in states])

    assert of(progress.PASSED, progress.NOT_YET, progress.NOT_WRITTEN) == "1 of 3 exercises passed"
    assert of(progress.PASSED, progress.TAKEN, progress.ANSWERED) == (
        "1 of 2 exercises passed, 1 from the solution; 1 of 1 question answered"
    )


@pytest.mark.parametrize(
    "text, state",
    [
        (saved.YOUR_ANSWER, progress.NOT_ANSWERED),
        (f"\n{saved.YOUR_ANSWER} \n", progress.NOT_ANSWERED),
        ("", progress.NOT_ANSWERED),
        (f"{saved.YOUR_ANSWER}\n\nIt fades.", progress.ANSWERED),
        ("It fades.", progress.ANSWERED),
    ],
)
def test_a_question_is_answered_where_something_is_written(folder, text, state):
    path = save_part(folder, NAME, **dict.fromkeys(QUESTIONS, text))
    answers = progress.written_answers(read_notebook(path), read_notebook(ROOT / "solutions" / f"{NAME}.ipynb"))
    assert answers == [
        Result("1.1", "Equation 2 in plain English", state),
        Result("1.9", "Algorithm 1 line by line", state),
        Result("1.11", "Algorithm 2 line by line", state),
        Result("1.14", "Four experiments", state),
    ]


# ------------------------------------------------------------------------------------------------ the command


def test_files_that_are_no_notebooks_are_said(folder, capfd):
    (folder / "notebooks" / "part2_unet.ipynb").write_text("", encoding="utf-8")
    (folder / "notebooks" / "part3_fashion_mnist.ipynb").write_text("<<<<<<< a merge", encoding="utf-8")
    assert progress.main([]) == 1
    out, err = capfd.readouterr()
    begin_anew = f"  {progress.BEGIN_ANEW}\n\n"

    def none(name: str) -> str:
        return f"Part {name[4]}\n\n  Nothing to show: there is no {name}.ipynb in {folder / 'notebooks'}.\n{begin_anew}"

    assert re.sub(SAVED, "saved TIME", out) == (
        none("part1_diffusion") + "Part 2, notebooks/part2_unet.ipynb, saved TIME\n\n"
        f"  Nothing to show: notebooks/part2_unet.ipynb is empty.\n{begin_anew}"
        "Part 3, notebooks/part3_fashion_mnist.ipynb, saved TIME\n\n"
        f"  Nothing to show: notebooks/part3_fashion_mnist.ipynb cannot be read as a notebook.\n{begin_anew}"
        + none("part4_guidance")
        + none("part5_systems")
    )
    assert not err


def test_work_under_another_name_is_named(folder, capfd):
    path = save_part(folder, NAME)
    path.rename(path.with_stem("My part 1"))
    assert progress.main(["1"]) == 1
    out, _ = capfd.readouterr()
    assert "My part 1.ipynb" in out and "rename it back to part1_diffusion.ipynb" in out and "make build" not in out


@pytest.mark.slow
def test_one_notebook_that_can_be_read_is_enough(folder, capfd):
    save_part(folder, NAME, **dict.fromkeys([*EXERCISES, *QUESTIONS], ...))
    assert progress.main(["2", "1"]) == 0
    out = capfd.readouterr().out
    assert out.startswith(f"Part 2\n\n  Nothing to show: there is no part2_unet.ipynb in {folder / 'notebooks'}.\n")
    assert out.count("  not written\n") == 10 and out.count("  not answered\n") == 4
    assert "Part 1: 0 of 10 exercises passed; 0 of 4 questions answered\n" in out


def test_a_part_that_does_not_exist_is_an_error(capsys):
    assert progress.main(["1", "7"]) == 1
    assert capsys.readouterr() == ("", "there is no part 7: the parts are 1, 2, 3, 4, 5\n")


# ------------------------------------------------------------------------------------------------ what does not end


@pytest.mark.slow
def test_the_core_gives_a_list_in_order(folder):
    """Of a file under any name, with the time that each check took."""
    path = save_part(folder, NAME, q_eq4=WRONG_EQ4)
    results = progress.grade(path.rename(folder / "handed in.ipynb"), NAME)
    assert [result.number for result in results] == [f"1.{i}" for i in range(1, 15)]
    assert [result.name for result in results if result.state == progress.PASSED] == [
        n for n in EXERCISES if n != "q_eq4"
    ]
    assert all((0 < result.seconds < 60) == (result.state != progress.ANSWERED) for result in results)


@pytest.mark.slow
@pytest.mark.parametrize(
    "body, said",
    [
        ("while True: pass", "does not end.\nIs there a loop right in a class?"),
        (
            "import os; os._exit(0)",
            "is in the way. Python itself ended while it was tried.\n"
            "Does it ask for more memory than there is, or end the process?",
        ),
    ],
)
def test_a_cell_that_cannot_be_read_is_said(folder, body, said):
    path = save_part(folder, NAME, f"class Loop:\n    {body}")
    with pytest.raises(ValueError) as error:
        progress.grade(path, seconds=1)
    where = "notebooks/part1_diffusion.ipynb cannot be judged, something outside its functions"
    assert str(error.value) == f"{where} {said}"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent in another way there")
def test_ctrl_c_ends_one_exercise_and_the_others_are_judged(folder):
    save_part(folder, NAME, noise_img=ENDLESS)
    code = f"""if __name__ == "__main__":
    import pathlib, tools.progress, tools.saved
    tools.saved.NOTEBOOKS = pathlib.Path({str(folder / "notebooks")!r})
    tools.progress.show_progress("part1_diffusion", seconds=1000)
"""
    (folder / "show.py").write_text(code, encoding="utf-8")
    command, settings = [sys.executable, "-u", str(folder / "show.py")], os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command,
        env=settings,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs behind a shell's & ignores it
    ) as process:
        shown = ""
        while "NoiseSchedule " not in shown:
            shown += process.stdout.readline()
        time.sleep(1)  # the next one is tried
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        shown += process.communicate()[0]
    rows = {line.split()[0]: line for line in shown.splitlines() if re.match(r"  \d", line)}
    assert len(rows) == 14
    assert all(row.endswith(("passed", "answered")) for number, row in rows.items() if number != "1.6"), shown
    assert "  1.6   noise_img                     not yet\n        It was interrupted.\n  1.7 " in shown
    assert "Part 1: 9 of 10 exercises passed; 4 of 4 questions answered\n" in shown and "Traceback" not in shown
