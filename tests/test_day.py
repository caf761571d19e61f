"""A learner's day: three parts half done, opened in each other and looked at, with every line that is printed."""

import re

import nbformat
import pytest

import solutions.part1_diffusion
import solutions.part2_unet
from tests.test_saved import save_part, solved
from tools import progress, saved
from tools.markup import ROOT

PART1, PART2, PART3 = "part1_diffusion", "part2_unet", "part3_fashion_mnist"
ONE, TWO, THREE = solved(PART1), solved(PART2), solved(PART3)
MORNING = {
    PART1: {
        "equation_2_in_plain_english": "It fades a little, and a little noise comes.",
        "q_eq2": ONE["q_eq2"].replace("[:num_steps]:", "[:num_steps]"),
        "q_eq4": ONE["q_eq4"].replace("(1 - alpha_bar).sqrt()", "(1 - alpha_bar)"),
        "noise_img": "from solutions.part1_diffusion import noise_img",
        "reconstruct": ONE["reconstruct"].replace("return (noisy_img", "return (noisy_image"),
        "algorithm_1_line_by_line": ...,
        "algorithm_2_line_by_line": ...,
        "train": ...,
        "sample": None,
        "four_experiments": ...,
    },
    PART2: {
        "SiLU": TWO["SiLU"].replace("t.sigmoid", "t.tanh"),
        "SinusoidalPositionEmbeddings": "from solutions.part2_unet import SinusoidalPositionEmbeddings",
        "SelfAttention": ...,
        "ResidualBlock": TWO["ResidualBlock"].replace("super().__init__()", "super().__init__("),
        "MidBlock": None,
        "sizes_down_and_up": saved.YOUR_ANSWER,
        "UpBlock": ...,
    },
    PART3: {
        "frechet_distance": THREE["frechet_distance"].replace("2 * root", "root"),
        "VelocityGuesser": ...,
        "MovingAverage": THREE["MovingAverage"].replace("self.updates += 1", "self.updates =+= 1"),
        "bf16_loss": "from solutions.part3_fashion_mnist import bf16_loss",
        "ddim_sample": None,
        "bet_before_you_look": "The schedule first.",
        "find_the_mistakes": saved.YOUR_ANSWER,
    },
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The course's, with the learner's notebooks."""
    monkeypatch.setattr(saved, "NOTEBOOKS", tmp_path / "notebooks")
    return tmp_path


def open_part(name: str) -> dict:
    """What the exercise notebook of a part has of earlier ones, after the lines in it that fetch them."""
    cells = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4).cells
    lines = re.findall(r"^\w+ = saved\.load_part\(.+\)$", "\n".join(cell.source for cell in cells), re.MULTILINE)
    names = {"saved": saved}
    exec("\n".join(lines), names)
    return names


def own(part, reference, answers: dict[str, str]) -> list[str]:
    """The exercises that are the learner's own code."""
    names = [name for name in answers if hasattr(reference, name)]
    return [name for name in names if getattr(part, name) is not getattr(reference, name)]


LOADED = {  # what the line that fetches a part says of it: its beginning, and words of its reasons
    "Part 1: 4 of 10 yours; the other 6 from the solutions (": [
        "1.3 failed: its cell has a syntax error in line 5",
        "1.4 failed: after 1 step the noise has std 0.100, expected 0.316",
        "1.6 was your choice",
        "1.7 failed: NameError: name 'noisy_image' is not defined",
        "1.10 is not written yet",
        "1.13 is missing",
    ],
    "Part 2: 4 of 10 yours; the other 6 from the solutions (": [
        "2.2 failed: ",
        "2.3 was your choice",
        "2.4 and 2.10 are not written yet",
        "2.6 failed: its cell has a syntax error in line 5",
        "2.8 is missing",
    ],
}
STATES = {  # at noon, and what the lines under some of them say, too
    "1.1": "answered",
    "1.2": "passed",
    "1.3": "not yet: SyntaxError",
    "1.4": "not yet: expected 0.316",
    "1.5": "passed",
    "1.6": "from the solution: To try your own, delete that line",
    "1.7": "not yet: in line 7: return (noisy_image",
    "1.8": "passed",
    "1.9": "not answered",
    "1.10": "not written",
    "1.11": "not answered",
    "1.12": "passed",
    "1.13": "not written: Was its cell deleted",
    "1.14": "not answered",
    "2.1": "passed",
    "2.2": "not yet: tanh",
    "2.3": "from the solution: It is imported from solutions.part2_unet",
    "2.4": "not written",
    "2.5": "passed",
    "2.6": "not yet: '(' was never closed",
    "2.7": "passed",
    "2.8": "not written: Was its cell deleted",
    "2.9": "not answered",
    "2.10": "not written",
    "2.11": "passed",
    "3.1": "not yet: expected 25",
    "3.2": "passed",
    "3.3": "not written",
    "3.4": "not yet: in line 15: self.updates =+= 1",
    "3.5": "passed",
    "3.6": "from the solution: It is imported from solutions.part3_fashion_mnist",
    "3.7": "not written: Was its cell deleted",
    "3.8": "passed",
    "3.9": "answered",
    "3.10": "not answered",
}
SUMMARIES = [
    "Part 1: 4 of 10 exercises passed, 1 from the solution; 1 of 4 questions answered",
    "Part 2: 4 of 10 exercises passed, 1 from the solution; 0 of 1 question answered",
    "Part 3: 3 of 8 exercises passed, 1 from the solution; 1 of 2 questions answered",
]


def shown(text: str) -> dict[str, str]:
    """What progress says of each exercise, by its number: "not yet: the lines below it"."""
    found = {}
    for row in re.split(r"^  (?=\d)", re.sub(r"^Part .*", "", text, flags=re.MULTILINE), flags=re.MULTILINE)[1:]:
        head, *message = [line.strip() for line in row.split("\n\n")[0].splitlines()]
        found[head.split()[0]] = re.split(r"  +", head)[-1] + ": " * bool(message) + " ".join(message)
    return found


@pytest.mark.slow
def test_a_learners_day(folder, capfd):
    def printed() -> list[str]:
        out, err = capfd.readouterr()
        assert not err
        return [line for line in out.splitlines() if not line.startswith("Trying your part")]

    def assert_loaded(lines: list[str], expected: dict[str, list[str]]) -> None:
        for line, (beginning, reasons) in zip(lines, expected.items(), strict=True):
            assert line.startswith(beginning) and all(reason in line for reason in reasons), line

    for name, cells in MORNING.items():
        save_part(folder, name, **cells)

    part1 = open_part(PART2)["part1"]
    assert_loaded(printed(), dict([*LOADED.items()][:1]))
    theirs = ["linear_schedule", "NoiseSchedule", "TinyDiffuser", "posterior"]
    assert own(part1, solutions.part1_diffusion, ONE) == theirs

    names = open_part(PART3)
    assert_loaded(printed(), LOADED)
    part1, part2 = names["part1"], names["part2"]
    assert own(part2, solutions.part2_unet, TWO) == ["GroupNorm", "AttentionBlock", "DownBlock", "UNet"]
    model = part2.UNet(part2.UNetConfig((1, 8, 8), channels=8, dim_mults=(1, 2), groups=4, max_steps=5))
    model.noise_schedule = part1.NoiseSchedule(5, "cpu", part1.linear_schedule(5))
    assert part1.sample(model, 3).shape == (3, 1, 8, 8)  # theirs and the solutions' work together

    assert progress.main([]) == 0
    lines = printed()
    states = shown("\n".join(lines))
    assert states.keys() == STATES.keys()
    for number, expected in STATES.items():
        state, _, words = expected.partition(": ")
        assert states[number].split(": ")[0] == state and words in states[number], states[number]
    assert [line for line in lines if "exercises passed" in line] == SUMMARIES
    assert lines[-1] == progress.SAVE_FIRST

    save_part(folder, PART1)
    part1 = open_part(PART2)["part1"]
    assert printed() == ["Part 1: all 10 yours"]
    assert len(own(part1, solutions.part1_diffusion, ONE)) == 10
    assert progress.main(["1"]) == 0
    lines = printed()
    states = shown("\n".join(lines))
    assert [*states.values()].count("passed") == 10 and [*states.values()].count("answered") == 4
    assert "Part 1: 10 of 10 exercises passed; 4 of 4 questions answered" in lines
