# SPDX-License-Identifier: Apache-2.0
"""Draws the ratios of a run as SVG: a line for each comparison, with the median, its interval, the single rounds, and
the goal. On a logarithmic scale, as half as long and twice as long are equally far from equal. Colours follow light and
dark."""

import math
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, LINE, TOP = 960, 500, 90, 22, 64
FONT = 12
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)

LEGEND = "Ratios: median of the rounds (dot), its 95 % interval (bar), each round (pale), goal (tick)"
STYLE = """\
  <style>
    text { font: 12px system-ui, sans-serif; fill: #24292f; }
    .title { font-weight: 600; }
    .quiet { fill: #57606a; }
    .grid { stroke: #d0d7de; }
    .equal { stroke: #57606a; }
    .ink { stroke: #0969da; fill: #0969da; }
    .round { fill: #0969da; fill-opacity: 0.3; }
    .goal { stroke: #bc4c00; stroke-width: 2; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .quiet { fill: #9198a1; }
      .grid { stroke: #3d444d; }
      .equal { stroke: #9198a1; }
      .ink { stroke: #58a6ff; fill: #58a6ff; }
      .round { fill: #58a6ff; }
      .goal { stroke: #f0883e; }
    }
  </style>
"""


def width_of(text):
    """At most, in the fonts that this may be shown with."""
    return len(text) * FONT * 0.56


def fitted(text, width):
    """Cut to a width, with an ellipsis."""
    if width_of(text) <= width:
        return text
    return text[: int(width / (FONT * 0.56)) - 1].rstrip() + "…"


class Scale:
    def __init__(self, values):
        low, high = min([*values, 0.9]), max([*values, 1.1])
        ticks = [tick for tick in TICKS if tick <= low]
        self.low = ticks[-1] if ticks else low
        ticks = [tick for tick in TICKS if tick >= high]
        self.high = ticks[0] if ticks else high

    def __call__(self, value):
        part = math.log(value / self.low) / math.log(self.high / self.low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def ticks(self):
        return [tick for tick in TICKS if self.low <= tick <= self.high]


def ratios(results):
    """(title of the row, its comparisons that are ratios), where there are some."""
    rows = results["rows"]
    found = [(row["title"], [one for one in row["comparisons"] if one["how"] == "ratio"]) for row in rows]
    return [(title, ones) for title, ones in found if ones]


def values_of(comparison):
    return [*comparison["values"], *(comparison.get("goal") or {}).values()]


def draw_grid(scale, bottom):
    lines = []
    for tick in scale.ticks():
        x = scale(tick)
        kind = "equal" if tick == 1 else "grid"
        lines.append(f'  <line class="{kind}" x1="{x:.1f}" y1="{TOP - 14}" x2="{x:.1f}" y2="{bottom}"/>')
        lines.append(f'  <text class="quiet" x="{x:.1f}" y="{TOP - 20}" text-anchor="middle">{tick:g}</text>')
    return lines


def draw_comparison(one, scale, y):
    lines = [f'  <circle class="round" cx="{scale(value):.1f}" cy="{y}" r="2.5"/>' for value in one["values"]]
    low, high, middle = (scale(one[name]) for name in ("low", "high", "median"))
    lines.append(f'  <line class="ink" x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" stroke-width="2"/>')
    lines.append(f'  <circle class="ink" cx="{middle:.1f}" cy="{y}" r="4"/>')
    for goal in (one.get("goal") or {}).values():
        lines.append(f'  <line class="goal" x1="{scale(goal):.1f}" y1="{y - 8}" x2="{scale(goal):.1f}" y2="{y + 8}"/>')
    lines.append(f'  <text x="{WIDTH - RIGHT + 14}" y="{y + 4}">{one["median"]:.3g}</text>')
    return lines


def draw(results):
    rows = ratios(results)
    scale = Scale([value for _, ones in rows for one in ones for value in values_of(one)])
    height = TOP + LINE * sum(1 + len(ones) for _, ones in rows) + 16
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' role="img">',
        "  <title>wasinn beside native programs and the peer: ratios with intervals</title>",
        STYLE.rstrip("\n"),
        f'  <text class="title" x="16" y="20">{LEGEND}</text>',
        *draw_grid(scale, height - 12),
    ]
    y = TOP
    for title, ones in rows:
        lines.append(f'  <text class="title" x="16" y="{y + 4}">{escape(fitted(title, LEFT - 40))}</text>')
        for one in ones:
            y += LINE
            lines.append(f'  <text x="32" y="{y + 4}">{escape(fitted(one["text"], LEFT - 56))}</text>')
            lines += draw_comparison(one, scale, y)
        y += LINE
    return "\n".join([*lines, "</svg>"]) + "\n"
