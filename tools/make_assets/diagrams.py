"""Diagrams of the text, as notebooks/images/*.svg: on white, so that they can be read in a dark notebook, too."""

import math
from html import escape
from pathlib import Path

IMAGES = Path(__file__).resolve().parents[2] / "notebooks" / "images"
WHITE, BLUE, YELLOW, GREEN = "#ffffff", "#cfe3f5", "#f5ecc4", "#d5efd2"
HEIGHT = 21  # of a line of words
FRAME = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"
 font-family="sans-serif" font-size="14" text-anchor="middle" stroke-width="1.5">
<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0 1 10 5 0 9z"/></marker></defs>
<rect width="{width}" height="{height}" fill="white"/>
{parts}
</svg>
"""


class Diagram:
    """Boxes and arrows. Every place is in pixels from the left and from the top, and of a box its middle."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height, self.parts = width, height, []

    def words(self, x: float, y: float, *lines: str, colour: str = "black") -> None:
        first = y - HEIGHT * (len(lines) - 1) / 2 + 5
        for i, line in enumerate(lines):
            self.parts.append(f'<text x="{x:g}" y="{first + i * HEIGHT:g}" fill="{colour}">{escape(line)}</text>')

    def box(self, x: float, y: float, width: float, *lines: str, fill: str = WHITE) -> None:
        height = HEIGHT * len(lines) + 12
        place = f'x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}"'
        self.parts.append(f'<rect {place} rx="6" fill="{fill}" stroke="black"/>')
        self.words(x, y, *lines)

    def plus(self, x: float, y: float) -> None:
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="12" fill="white" stroke="black"/>')
        self.words(x, y, "+")

    def arrow(
        self, *corners: tuple[float, float], dashed: bool = False, tip: bool = True, colour: str = "black"
    ) -> None:
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in corners)
        style = ' stroke-dasharray="5 4"' * dashed + ' marker-end="url(#tip)"' * tip
        self.parts.append(f'<path d="{path}" fill="none" stroke="{colour}"{style}/>')

    def write(self, name: str) -> None:
        text = FRAME.format(width=self.width, height=self.height, parts="\n".join(self.parts))
        (IMAGES / f"{name}.svg").write_text(text, encoding="utf-8")


def diagrams() -> None:
    attention()
    residual_block()
    down_block()
    up_block()
    velocity()


def attention() -> None:
    made = Diagram(700, 300)
    made.box(60, 90, 100, "x", "B, C, H, W")
    made.box(205, 90, 130, "a sequence", "B, H·W, C")
    for y, name in [(40, "queries"), (90, "keys"), (140, "values")]:
        made.box(370, y, 110, name, fill=BLUE)
        made.arrow((270, 90), (292, y), (315, y))
    made.words(370, 182, "each B, heads, H·W, d")
    made.box(580, 65, 210, "softmax(q · kᵀ / √d)", "B, heads, H·W, H·W", fill=YELLOW)
    made.box(580, 160, 210, "weights · values", "B, heads, H·W, d", fill=YELLOW)
    made.arrow((110, 90), (140, 90))
    made.arrow((425, 40), (475, 55))
    made.arrow((425, 90), (475, 76))
    made.arrow((580, 92), (580, 133))
    made.arrow((425, 140), (475, 152))
    made.box(580, 255, 170, "heads side by side", "B, H·W, C")
    made.box(365, 255, 180, "output projection", "B, H·W, C", fill=BLUE)
    made.box(165, 255, 130, "an image", "B, C, H, W")
    made.arrow((580, 187), (580, 228))
    made.arrow((495, 255), (455, 255))
    made.arrow((275, 255), (230, 255))
    made.write("part2_attention_parts")


def residual_block() -> None:
    made = Diagram(700, 270)
    made.box(60, 130, 100, "x", "C_in, H, W")
    made.box(205, 130, 120, "3×3 conv", "GroupNorm", "SiLU", fill=BLUE)
    made.plus(320, 130)
    made.box(435, 130, 120, "3×3 conv", "GroupNorm", "SiLU", fill=BLUE)
    made.plus(550, 130)
    made.box(640, 130, 100, "C_out, H, W")
    made.box(115, 32, 210, "embedded timestep, step_dim")
    made.box(320, 32, 120, "SiLU, Linear", fill=YELLOW)
    made.box(320, 232, 340, "unchanged, or a 1×1 conv if C_in ≠ C_out", fill=GREEN)
    for start, end in [((110, 130), (145, 130)), ((265, 130), (308, 130)), ((332, 130), (375, 130))]:
        made.arrow(start, end)
    made.arrow((495, 130), (538, 130))
    made.arrow((562, 130), (590, 130))
    made.arrow((220, 32), (260, 32))
    made.arrow((320, 49), (320, 118))
    made.arrow((60, 157), (60, 232), (150, 232))
    made.arrow((490, 232), (550, 232), (550, 142))
    made.write("part2_residual_block")


def down_block() -> None:
    made = Diagram(700, 200)
    made.box(55, 120, 90, "x", "C_in, H, W")
    made.box(185, 120, 120, "ResidualBlock", "to C_out", fill=BLUE)
    made.box(325, 120, 120, "ResidualBlock", fill=BLUE)
    made.box(462, 120, 114, "attention,", "if asked for", fill=YELLOW)
    made.box(620, 150, 150, "4×4 conv, stride 2", "C_out, H/2, W/2", fill=GREEN)
    made.box(620, 60, 150, "skip", "C_out, H, W")
    made.words(255, 25, "embedded timestep")
    made.arrow((185, 36), (185, 93))
    made.arrow((325, 36), (325, 103))
    made.arrow((100, 120), (125, 120))
    made.arrow((245, 120), (265, 120))
    made.arrow((385, 120), (405, 120))
    made.arrow((519, 112), (545, 75), dashed=True)
    made.arrow((519, 128), (545, 145))
    made.write("part2_down_block")


def up_block() -> None:
    made = Diagram(760, 200)
    made.box(60, 80, 100, "x", "C_in, H, W")
    made.box(60, 160, 100, "skip", "C_in, H, W")
    made.box(180, 120, 90, "t.cat", "2 · C_in", fill=GREEN)
    made.box(305, 120, 120, "ResidualBlock", "to C_out", fill=BLUE)
    made.box(440, 120, 120, "ResidualBlock", fill=BLUE)
    made.box(571, 120, 110, "attention,", "if asked for", fill=YELLOW)
    made.box(696, 120, 110, "4×4 transp.,", "stride 2", "C_out,", "2H, 2W", fill=GREEN)
    made.words(372, 25, "embedded timestep")
    made.arrow((305, 36), (305, 93))
    made.arrow((440, 36), (440, 103))
    made.arrow((110, 80), (135, 108))
    made.arrow((110, 160), (135, 132), dashed=True)
    made.arrow((225, 120), (245, 120))
    made.arrow((365, 120), (380, 120))
    made.arrow((500, 120), (516, 120))
    made.arrow((626, 120), (641, 120))
    made.write("part2_up_block")


def velocity() -> None:
    made, (x, y), radius, angle = Diagram(420, 330), (60, 280), 200, math.radians(40)
    made.parts.append(
        f'<path d="M{x + radius} {y} A{radius} {radius} 0 0 0 {x} {y - radius}" fill="none" stroke="grey"/>'
    )
    made.arrow((x, y), (x + radius, y))
    made.arrow((x, y), (x, y - radius))
    across, up = x + radius * math.cos(angle), y - radius * math.sin(angle)
    made.arrow((x, y), (across, up))
    end = across - 0.6 * radius * math.sin(angle), up - 0.6 * radius * math.cos(angle)
    made.arrow((across, up), end, colour="#b02020")
    for corner in (x, up), (across, y):
        made.arrow((across, up), corner, dashed=True, tip=False)
    made.words(x + radius + 45, y, "image x₀")
    made.words(x, y - radius - 20, "noise ε")
    made.words(across + 25, up + 4, "xₜ")
    made.words(across - 50, up - 110, "v", colour="#b02020")
    made.words((x + across) / 2, y + 22, "√ᾱ")
    made.words(x - 32, (y + up) / 2, "√(1 − ᾱ)")
    made.words(across + 95, up - 60, "one more step turns", "xₜ a little further")
    made.write("part3_velocity")
