# SPDX-License-Identifier: Apache-2.0
"""The rows of the table: what is measured, against what, and which goal it has."""

import dataclasses

from measures import Breakdown, Guests, Load, LoadElsewhere, Loop, Start

MILLISECOND = 1e6
MEGABYTE = 1e6


@dataclasses.dataclass
class Comparison:
    """`of` and `against` are (arm, metric). `how` is ratio, difference, or value, which compares with nothing."""

    text: str
    of: tuple
    against: tuple = None
    how: str = "ratio"
    goal: tuple = None


@dataclasses.dataclass
class Row:
    """`rounds` is how many a full run takes; `needs` is what of Kit must be true."""

    name: str
    title: str
    model: str
    measure: object
    arms: list
    comparisons: list
    rounds: int = 9
    needs: tuple = ()
    note: str = ""


def time_against(arm, other, goal=None, text=None, metric="time"):
    goal = goal and ("most", goal)
    return Comparison(text or f"{NAMES[arm]} against {NAMES[other]}", (arm, metric), (other, metric), goal=goal)


NAMES = {
    "native": "native",
    "native-bound": "native, memory bound",
    "native-onnx": "native",
    "ours": "wasinn",
    "ours-infer": "wasinn, zero-copy call",
    "ours-cold": "wasinn, cold caches",
    "peer": "peer",
    "peer-cold": "peer, cold caches",
}


def inference(name, title, model, arms=("native", "ours", "peer"), native="native"):
    comparisons = [time_against("ours", native, 1.02)]
    if "peer" in arms:
        comparisons.append(time_against("ours", "peer"))
    return Row(name, title, model, Loop, list(arms), comparisons)


def start(name, title, model, against_peer, rounds):
    comparisons = [
        Comparison(
            "wasinn less native with an imported blob",
            ("ours", "time"),
            ("native", "time"),
            "difference",
            ("most", 8 * MILLISECOND),
        ),
        time_against("ours", "peer", against_peer),
        time_against("ours-cold", "peer-cold", 1.0, "both with cold caches: wasinn against peer"),
    ]
    return Row(name, title, model, Start, ["native", "ours", "peer", "ours-cold", "peer-cold"], comparisons, rounds)


def guests(count, against_peer, seconds, rounds, fewer=None):
    title = f"{count} guests at once, EfficientNet-Lite0" if count > 1 else "1 guest, EfficientNet-Lite0"
    comparisons = [
        Comparison("throughput (more is better): wasinn against peer", ("ours", "rate"), ("peer", "rate"),
                   goal=("least", against_peer)),
        Comparison("throughput (more is better): wasinn against native at the same setting", ("ours", "rate"),
                   ("native", "rate"), goal=("least", 0.97)),
        Comparison("wasinn: p99 latency by the median", ("ours", "tail"), how="value", goal=("most", 2.0)),
    ]
    if fewer:
        comparisons.append(
            Comparison("memory of a further guest, beyond its own and one copy of inputs and outputs",
                       ("ours", "each"), how="value", goal=("most", 0.2 * MEGABYTE))
        )

    def measure(kit, model):
        return Guests(kit, model, count, seconds, fewer)

    needs = ("has_instances",) if count > 1 else ()
    return Row(f"guests-{count}", title, "efficientnet", measure, ["native", "ours", "peer"], comparisons, rounds, needs)


ROWS = [
    inference("one-efficientnet", "one inference, EfficientNet-Lite0", "efficientnet"),
    inference("one-alexnet", "one inference, AlexNet", "alexnet"),
    Row(
        "add",
        "three calls on a 2x2 add",
        "add",
        Breakdown,
        ["native", "ours", "peer"],
        [time_against("ours", "peer", 0.6), time_against("ours", "native")],
    ),
    Row(
        "large",
        "16 MiB in and out",
        "large",
        Breakdown,
        ["native", "ours", "peer", "native-bound", "ours-infer"],
        [
            time_against("ours", "peer", 0.3),
            time_against("ours", "native", 1.05),
            time_against("ours-infer", "peer", 0.11),
            time_against("ours-infer", "native-bound", 1.1),
        ],
    ),
    Row(
        "load",
        "load of 244 MB from guest bytes, AlexNet",
        "alexnet",
        Load,
        ["native", "ours", "peer"],
        [
            time_against("ours", "peer", 0.85),
            time_against("ours", "peer", 0.4, "the same bytes again: wasinn against peer", "again"),
            time_against("ours", "native", 1.05, "memory afterwards: wasinn against native with one copy", "anonymous"),
            time_against("ours", "native", 1.05, "peak memory: wasinn against native with one copy", "peak"),
        ],
        rounds=7,
    ),
    Row(
        "load-elsewhere",
        "the same bytes again, from another guest",
        "alexnet",
        LoadElsewhere,
        ["ours", "peer"],
        [time_against("ours", "peer", 0.4, "wasinn against peer", "again")],
        rounds=7,
        needs=("has_instances",),
    ),
    start("start-alexnet", "process start to first output by name, AlexNet", "alexnet", 0.3, 9),
    start("start-efficientnet", "process start to first output by name, EfficientNet-Lite0", "efficientnet", 0.55, 12),
    start("start-add", "process start to first output by name, 2x2 add", "add", 0.7, 15),
    guests(1, 1.0, 1, 7),
    guests(2, 1.0, 1, 7),
    guests(8, 2.3, 1.5, 6),
    guests(64, 3.4, 3, 6, fewer=8),
    inference(
        "onnx",
        "one inference, EfficientNet-Lite0, ONNX Runtime",
        "efficientnet-onnx",
        ("native-onnx", "ours"),
        "native-onnx",
    ),
]

METRICS = {  # name -> (what it is, its unit)
    "time": ("time", "ns"),
    "input": ("inputs", "ns"),
    "compute": ("compute", "ns"),
    "output": ("outputs", "ns"),
    "again": ("the same again", "ns"),
    "anonymous": ("memory", "B"),
    "again_anonymous": ("memory for the same again", "B"),
    "peak": ("peak memory", "B"),
    "again_peak": ("peak for the same again", "B"),
    "rate": ("inferences a second", "1/s"),
    "p50": ("median latency", "ns"),
    "p99": ("p99 latency", "ns"),
    "tail": ("p99 by the median", ""),
    "proportional": ("memory", "B"),
    "linear": ("a guest's linear memory", "B"),
    "each": ("memory of a further guest", "B"),
}
