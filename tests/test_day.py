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


LOADED = [
    "Part 1: 4 of 10 yours; the other 6 from the solutions (1.3 failed: its cell has a syntax error in line 5;"
    " 1.4 failed: after 1 step the noise has std 0.100, expected 0.316; 1.6 was your choice;"
    " 1.7 failed: NameError: name 'noisy_image' is not defined; 1.10 is not written yet; 1.13 is missing)\n",
    "Part 2: 4 of 10 yours; the other 6 from the solutions (2.2 failed: at -6.00, a number is 5.9999, expected"
    " -0.0148; 2.3 was your choice; 2.4 and 2.10 are not written yet; 2.6 failed: its cell has a syntax error in"
    " line 5; 2.8 is missing)\n",
]
SHOWN = """\
Part 1, notebooks/part1_diffusion.ipynb, saved TIME

  1.1   Equation 2 in plain English   answered
  1.2   linear_schedule               passed
  1.3   q_eq2                         not yet
        SyntaxError: expected ':'
        in line 5: for beta in betas[:num_steps]
  1.4   q_eq4                         not yet
        with betas [0.1, 0.4, 0.2, 0.25], after 1 step
        the noise has std 0.100, expected 0.316.
        Did a variance go where a standard deviation belongs?
  1.5   NoiseSchedule                 passed
  1.6   noise_img                     from the solution
        It is imported from solutions.part1_diffusion. To try your own, delete that line.
  1.7   reconstruct                   not yet
        NameError: name 'noisy_image' is not defined
        in line 7: return (noisy_image - (1 - alpha_bar).sqrt() * noise) / alpha_bar.sqrt()
  1.8   TinyDiffuser                  passed
  1.9   Algorithm 1 line by line      not answered
  1.10  train                         not written
  1.11  Algorithm 2 line by line      not answered
  1.12  posterior                     passed
  1.13  sample                        not written
        No cell defines sample. Was its cell deleted, or has it another name?
  1.14  Four experiments              not answered

Part 1: 4 of 10 exercises passed, 1 from the solution; 1 of 4 questions answered

Part 2, notebooks/part2_unet.ipynb, saved TIME

  2.1   GroupNorm                     passed
  2.2   SiLU                          not yet
        at -6.00, a number is 5.9999, expected -0.0148.
        Is x multiplied by its tanh? It is the sigmoid.
  2.3   SinusoidalPositionEmbeddings  from the solution
        It is imported from solutions.part2_unet. To try your own, delete that line.
  2.4   SelfAttention                 not written
  2.5   AttentionBlock                passed
  2.6   ResidualBlock                 not yet
        SyntaxError: '(' was never closed
        in line 5: super().__init__(
  2.7   DownBlock                     passed
  2.8   MidBlock                      not written
        No cell defines MidBlock. Was its cell deleted, or has it another name?
  2.9   Sizes, down and up            not answered
  2.10  UpBlock                       not written
  2.11  UNet                          passed

Part 2: 4 of 10 exercises passed, 1 from the solution; 0 of 1 question answered

Part 3, notebooks/part3_fashion_mnist.ipynb, saved TIME

  3.1   frechet_distance              not yet
        for 8 and 8 points, means (3, -4) apart, C₁ = [[4, 6], [6, 10]], C₂ = [[4, 6], [6, 10]],
        the distance is 39, expected 25.
        Is the root subtracted twice?
  3.2   cosine_schedule               passed
  3.3   VelocityGuesser               not written
  3.4   MovingAverage                 not yet
        SyntaxError: invalid syntax
        in line 15: self.updates =+= 1
  3.5   learning_rate                 passed
  3.6   bf16_loss                     from the solution
        It is imported from solutions.part3_fashion_mnist. To try your own, delete that line.
  3.7   ddim_sample                   not written
        No cell defines ddim_sample. Was its cell deleted, or has it another name?

Part 3: 2 of 7 exercises passed, 1 from the solution

Only what is saved counts. If you have changed something since, save the notebook and run this again.
"""
EVENING = """\
Part 1, notebooks/part1_diffusion.ipynb, saved TIME

  1.1   Equation 2 in plain English   answered
  1.2   linear_schedule               passed
  1.3   q_eq2                         passed
  1.4   q_eq4                         passed
  1.5   NoiseSchedule                 passed
  1.6   noise_img                     passed
  1.7   reconstruct                   passed
  1.8   TinyDiffuser                  passed
  1.9   Algorithm 1 line by line      answered
  1.10  train                         passed
  1.11  Algorithm 2 line by line      answered
  1.12  posterior                     passed
  1.13  sample                        passed
  1.14  Four experiments              answered

Part 1: 10 of 10 exercises passed; 4 of 4 questions answered

Only what is saved counts. If you have changed something since, save the notebook and run this again.
"""


def test_a_learners_day(folder, capfd):
    def printed() -> str:
        out, err = capfd.readouterr()
        assert not err
        out = re.sub(r"^Trying your part\d_\w+\.ipynb .*\n", "", out, flags=re.MULTILINE)
        return re.sub(r"saved .+ \(.+\)\. .+\n", "saved TIME\n", out)

    for name, cells in MORNING.items():
        save_part(folder, name, **cells)

    part1 = open_part(PART2)["part1"]
    assert printed() == LOADED[0]
    assert own(part1, solutions.part1_diffusion, ONE) == ["linear_schedule", "NoiseSchedule", "TinyDiffuser"]

    names = open_part(PART3)
    assert printed() == "".join(LOADED)
    part1, part2 = names["part1"], names["part2"]
    assert own(part2, solutions.part2_unet, TWO) == ["GroupNorm", "AttentionBlock", "DownBlock", "UNet"]
    model = part2.UNet(part2.UNetConfig((1, 8, 8), channels=8, dim_mults=(1, 2), groups=4, max_steps=5))
    model.noise_schedule = part1.NoiseSchedule(5, "cpu", part1.linear_schedule(5))
    assert part1.sample(model, 3).shape == (3, 1, 8, 8)  # theirs and the solutions' work together

    assert progress.main([]) == 0
    assert printed() == SHOWN

    save_part(folder, PART1)
    part1 = open_part(PART2)["part1"]
    assert printed() == "Part 1: all 9 yours\n"
    assert len(own(part1, solutions.part1_diffusion, ONE)) == 9
    assert progress.main(["1"]) == 0
    assert printed() == EVENING
