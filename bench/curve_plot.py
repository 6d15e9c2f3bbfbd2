# SPDX-License-Identifier: Apache-2.0
"""Draws curves as SVG: panels side by side, each with lines over one logarithmic axis, bars for the spread, and marks
that differ in shape as well as in colour. Colours follow light and dark."""

import dataclasses
import math
from xml.sax.saxutils import escape

from plot import FONT, width_of

WIDTH, MARGIN, LEFT, TOP, HEIGHT, BOTTOM = 960, 16, 64, 44, 250, 52
LEGEND_LINE, GAP, DODGE = 20, 24, 3

COLOURS = (  # light, dark
    ("#0969da", "#58a6ff"),
    ("#bc4c00", "#f0883e"),
    ("#1a7f37", "#3fb950"),
    ("#8250df", "#bc8cff"),
    ("#bf3989", "#f778ba"),
    ("#57606a", "#9198a1"),
)
# Around 0,0.
SHAPES = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "M-3.5 -3.5h7v7h-7z",
    "M0 -4.5L4.5 3.5h-9z",
    "M0 -5L5 0L0 5L-5 0z",
    "M0 4.5L4.5 -3.5h-9z",
    "M-4 -1.5h8v3h-8z",
)


@dataclasses.dataclass
class Line:
    """`points`: (x, value, low, high)."""

    name: str
    colour: int
    points: list
    dashed: bool = False


@dataclasses.dataclass
class Panel:
    """`ticks`: (x, what it is called); `show`: how a value of the upright axis is written."""

    title: str
    across: str
    ticks: list
    lines: list
    show: object
    logarithmic: bool = True
    one: bool = False  # a heavier line at 1


@dataclasses.dataclass
class Chart:
    title: str
    panels: list


def style():
    def colours(which):
        return [
            f".c{number} {{ stroke: {pair[which]}; }} .f{number} {{ fill: {pair[which]}; }}"
            for number, pair in enumerate(COLOURS)
        ]

    light = "\n".join(f"    {line}" for line in colours(0))
    dark = "\n".join(f"      {line}" for line in colours(1))
    return f"""\
  <style>
    text {{ font: 12px system-ui, sans-serif; fill: #24292f; }}
    .title {{ font-weight: 600; }}
    .quiet {{ fill: #57606a; }}
    .grid {{ stroke: #d0d7de; }}
    .axis {{ stroke: #57606a; }}
    .line {{ fill: none; stroke-width: 2; }}
    .spread {{ stroke-width: 4; stroke-opacity: 0.4; }}
{light}
    @media (prefers-color-scheme: dark) {{
      text {{ fill: #e6edf3; }}
      .quiet {{ fill: #9198a1; }}
      .grid {{ stroke: #3d444d; }}
      .axis {{ stroke: #9198a1; }}
{dark}
    }}
  </style>"""


# Axes


def upright_ticks(low, high, logarithmic):
    """The ticks of an axis that has all values; the first and the last are its ends."""
    if logarithmic:
        for steps in ((1, 2, 5), (1, 3), (1,)):
            first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1
            ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
            below = max(number for number, tick in enumerate(ticks) if tick <= low)
            above = min(number for number, tick in enumerate(ticks) if tick >= high)
            if above == below:
                above += 1
            if above - below <= 8:
                break
        return ticks[below : above + 1]
    power = 10.0 ** math.floor(math.log10(high))
    step = next(step * power / 10 for step in (1, 2, 5, 10, 20) if high <= 6 * step * power / 10)
    return [number * step for number in range(math.ceil(high / step) + 1)]


class Frame:
    """Where a panel's values are in the picture."""

    def __init__(self, panel, left, width, top):
        self.panel, self.left, self.right = panel, left + LEFT, left + width
        self.top, self.bottom = top + TOP, top + TOP + HEIGHT
        values = [value for line in panel.lines for point in line.points for value in point[1:]]
        values += [1] if panel.one else []
        self.ticks = upright_ticks(min(values), max(values), panel.logarithmic)
        self.places = [place for place, _ in panel.ticks]

    def x(self, place):
        low, high = math.log(self.places[0]), math.log(self.places[-1])
        part = (math.log(place) - low) / (high - low) if high > low else 0.5
        return self.left + 16 + part * (self.right - self.left - 32)

    def y(self, value):
        low, high = self.ticks[0], self.ticks[-1]
        if self.panel.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)

    def labels(self):
        """What of the names below has room: the last one, and before it what does not touch."""
        free, found = math.inf, []
        for place, name in reversed(self.panel.ticks):
            half = width_of(name) / 2
            if self.x(place) + half + 4 <= free:
                found.append((self.x(place), name))
                free = self.x(place) - half
        return found


def text(x, y, words, kind="", anchor=""):
    kind = f' class="{kind}"' if kind else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'  <text x="{x:.1f}" y="{y:.1f}"{kind}{anchor}>{escape(words)}</text>'


def stroke(kind, left, top, right, bottom):
    return f'  <line class="{kind}" x1="{left:.1f}" y1="{top:.1f}" x2="{right:.1f}" y2="{bottom:.1f}"/>'


def draw_frame(frame):
    panel = frame.panel
    lines = [text(frame.left - LEFT + MARGIN, frame.top - 22, panel.title, "title")]
    for tick in frame.ticks:
        y = frame.y(tick)
        lines.append(stroke("axis" if panel.one and tick == 1 else "grid", frame.left, y, frame.right, y))
        lines.append(text(frame.left - 6, y + 4, panel.show(tick), "quiet", "end"))
    for place in frame.places:
        lines.append(stroke("axis", frame.x(place), frame.bottom, frame.x(place), frame.bottom + 4))
    lines += [text(x, frame.bottom + 18, name, "quiet", "middle") for x, name in frame.labels()]
    lines.append(text((frame.left + frame.right) / 2, frame.bottom + 38, panel.across, "quiet", "middle"))
    return lines


def mark(x, y, colour):
    shape = SHAPES[colour]
    return f'  <path class="f{colour} mark" transform="translate({x:.1f} {y:.1f})" d="{shape}"/>'


def dash(line):
    return ' stroke-dasharray="5 4"' if line.dashed else ""


def draw_line(frame, line, shift):
    places = [(frame.x(x) + shift, *(frame.y(value) for value in values)) for x, *values in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in places)
    lines = [f'  <polyline class="line c{line.colour}"{dash(line)} points="{path}"/>']
    lines += [stroke(f"spread c{line.colour}", x, low, x, high) for x, _, low, high in places]
    return lines + [mark(x, y, line.colour) for x, y, _, _ in places]


def draw_legend(panels, top):
    """Each name once, in rows; and how far down they reach."""
    named = {}
    for panel in panels:
        for line in panel.lines:
            named.setdefault(line.name, line)
    x, y, lines = MARGIN, top, []
    for name, line in named.items():
        needed = 34 + width_of(name) + GAP
        if x > MARGIN and x + needed > WIDTH - MARGIN + GAP:
            x, y = MARGIN, y + LEGEND_LINE
        lines.append(
            f'  <line class="line c{line.colour}"{dash(line)} x1="{x:.1f}" y1="{y}" x2="{x + 26:.1f}" y2="{y}"/>'
        )
        lines += [mark(x + 13, y, line.colour), text(x + 34, y + 4, name)]
        x += needed
    return lines, y + LEGEND_LINE / 2


def draw(chart):
    legend, top = draw_legend(chart.panels, 44)
    height = round(top + TOP + HEIGHT + BOTTOM)
    width = (WIDTH - MARGIN) / len(chart.panels)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' role="img">',
        f"  <title>{escape(chart.title)}</title>",
        style(),
        text(MARGIN, 20, chart.title, "title"),
        *legend,
    ]
    for number, panel in enumerate(chart.panels):
        frame = Frame(panel, number * width, width, top)
        lines += draw_frame(frame)
        for place, line in enumerate(panel.lines):
            lines += draw_line(frame, line, (place - (len(panel.lines) - 1) / 2) * DODGE)
    return "\n".join([*lines, "</svg>"]) + "\n"
