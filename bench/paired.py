# SPDX-License-Identifier: Apache-2.0
"""What can be said of figures that were taken in rounds.

In each round every arm ran once, right after another, so that a noisy machine meets them alike: what is compared are
the figures of one round, and the median over the rounds is what is told. Its interval is that of the sign test, which
assumes nothing of how the figures are spread: the k-th lowest to the k-th highest, as narrow as 95 in 100 allow.
"""

import math

CONFIDENCE = 0.95


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values, part):
    """The value that `part` of them (0 to 1) are not above."""
    ordered = sorted(values)
    return ordered[max(math.ceil(part * len(ordered)) - 1, 0)]


def coverage(count, skipped):
    """How often the median lies between the values that remain when `skipped` are left out on each side."""
    outside = sum(math.comb(count, below) for below in range(skipped + 1))
    return 1 - 2 * outside / 2**count


def interval(values, confidence=CONFIDENCE):
    """(low, high, how often such an interval has the median). Too few values: all of them, and less often."""
    ordered = sorted(values)
    skipped = 0
    while 2 * (skipped + 1) < len(ordered) and coverage(len(ordered), skipped + 1) >= confidence:
        skipped += 1
    return ordered[skipped], ordered[-1 - skipped], coverage(len(ordered), skipped)


def compare(ours, theirs, how):
    """Of the rounds in which both have a figure: the median ratio or difference, or ours alone, with its interval."""
    pairs = [
        (one, other) for one, other in zip(ours, theirs or ours) if one is not None and other is not None
    ]
    if not pairs:
        return None
    values = {
        "ratio": lambda: [one / other for one, other in pairs],
        "difference": lambda: [one - other for one, other in pairs],
        "value": lambda: [one for one, _ in pairs],
    }[how]()
    low, high, covered = interval(values)
    return {"values": values, "median": median(values), "low": low, "high": high, "coverage": covered}


def verdict(found, goal):
    """Whether a goal, ("most" or "least", number), is met, as far as the interval tells."""
    side, number = goal
    if found["coverage"] < CONFIDENCE:
        return "too few rounds to tell"
    if side == "most":
        inside, outside = found["high"] <= number, found["low"] > number
    else:
        inside, outside = found["low"] >= number, found["high"] < number
    return "met" if inside else "not met" if outside else "cannot be told"


def apart(found, neutral):
    """Whether two arms can be told apart at all."""
    return found["coverage"] >= CONFIDENCE and not found["low"] <= neutral <= found["high"]
