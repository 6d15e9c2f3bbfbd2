#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compute the colours of classes in src/cli/colours.c: prints the table.

The first seven are those of Okabe and Ito's palette for all kinds of colour vision, without black. Each next one is,
of a grid of colours neither dark nor pale, the one farthest from all before it. Far is measured in OKLab, to 60 %
as most people see and to 40 % as those without green or red cones do, after Viénot, Brettel and Mollon (1999).
"""

import itertools

COUNT = 255
OKABE_ITO = [
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
]
BLACK = (0, 0, 0)


def linear(value):
    value /= 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def oklab(r, g, b):
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def seen(colour):
    """OKLab as seen with all cones, without green ones, without red ones."""
    r, g, b = map(linear, colour)
    deutan = (0.29275 * r + 0.70725 * g,) * 2 + (max(0, -0.02234 * r + 0.02234 * g + b),)
    protan = (0.11238 * r + 0.88762 * g,) * 2 + (max(0, 0.00401 * r - 0.00401 * g + b),)
    return oklab(r, g, b), oklab(*deutan), oklab(*protan)


def distance(one, other):
    full, deutan, protan = (sum((a - b) ** 2 for a, b in zip(x, y)) ** 0.5 for x, y in zip(one, other))
    return 0.6 * full + 0.4 * min(deutan, protan)


def palette():
    steps = [*range(0, 256, 17)]
    candidates = {}
    for colour in itertools.product(steps, repeat=3):
        lightness, a, b = seen(colour)[0]
        if 0.38 <= lightness <= 0.92 and (a * a + b * b) ** 0.5 >= 0.03:
            candidates[colour] = seen(colour)
    chosen = [BLACK, *OKABE_ITO]
    nearest = {c: min(distance(s, seen(other)) for other in chosen) for c, s in candidates.items()}
    while len(chosen) <= COUNT:
        best = max(nearest, key=lambda colour: (round(nearest[colour], 9), colour))
        chosen.append(best)
        look = seen(best)
        for colour in nearest:
            nearest[colour] = min(nearest[colour], distance(candidates[colour], look))
    return chosen[1:]


def main():
    words = ["0x%02x%02x%02x," % colour for colour in palette()]
    for i in range(0, len(words), 9):
        print("    " + " ".join(words[i : i + 9]))


if __name__ == "__main__":
    main()
