# SPDX-License-Identifier: Apache-2.0
"""The curves: at which sizes or numbers each is measured, with which model, and how one round of a point is taken."""

import array
import dataclasses
import os
import random
import sys

from measures import Breakdown, Guests, Measure, rotated, settle
from models import RELU, Model

KIB, MIB = 1 << 10, 1 << 20
TENSORS = (16, 256, 4 * KIB, 64 * KIB, 1 * MIB, 4 * MIB, 16 * MIB, 64 * MIB)
# Each is a square of f32.
WEIGHTS = (64 * KIB, 1 * MIB, 4 * MIB, 16 * MIB, 64 * MIB, 256 * MIB)
GUESTS = (1, 2, 4, 8, 16, 64)
# How many guests a setting of threads is tried with, besides one alone.
CROWD = 8
# Numbers that are repeated as often as it takes; no row of a matrix is like the next one.
PATTERN = 65521

MATMUL = """\
<?xml version="1.0"?>
<net name="weights" version="11">
  <layers>
    <layer id="0" name="x" type="Parameter" version="opset1">
      <data shape="1,{side}" element_type="f32" />
      <output><port id="0" precision="FP32" names="x"><dim>1</dim><dim>{side}</dim></port></output>
    </layer>
    <layer id="1" name="w" type="Const" version="opset1">
      <data element_type="f32" shape="{side},{side}" offset="0" size="{size}" />
      <output><port id="0" precision="FP32"><dim>{side}</dim><dim>{side}</dim></port></output>
    </layer>
    <layer id="2" name="product" type="MatMul" version="opset1">
      <data transpose_a="false" transpose_b="false" />
      <input>
        <port id="0" precision="FP32"><dim>1</dim><dim>{side}</dim></port>
        <port id="1" precision="FP32"><dim>{side}</dim><dim>{side}</dim></port>
      </input>
      <output><port id="2" precision="FP32" names="y"><dim>1</dim><dim>{side}</dim></port></output>
    </layer>
    <layer id="3" name="y" type="Result" version="opset1">
      <input><port id="0" precision="FP32"><dim>1</dim><dim>{side}</dim></port></input>
    </layer>
  </layers>
  <edges>
    <edge from-layer="0" from-port="0" to-layer="2" to-port="0" />
    <edge from-layer="1" from-port="0" to-layer="2" to-port="1" />
    <edge from-layer="2" from-port="2" to-layer="3" to-port="0" />
  </edges>
</net>
"""


def size_in_words(size):
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


# Models


def _numbers(path, count, most):
    """`count` numbers of f32 between -most and most, the same each time."""
    if path.exists() and path.stat().st_size == 4 * count:
        return
    source = random.Random(7)
    pattern = array.array("f", (source.uniform(-most, most) for _ in range(PATTERN)))
    if sys.byteorder != "little":
        pattern.byteswap()
    block = pattern.tobytes()
    half = path.with_suffix(".half")
    with half.open("wb") as file:
        left = 4 * count
        while left > 0:
            left -= file.write(block[: min(left, len(block))])
    half.rename(path)


def relu(folder, size):
    """A relu whose input and output have `size` bytes each."""
    own, data, count = folder / f"relu-{size}", folder / "data", size // 4
    own.mkdir(parents=True, exist_ok=True)
    data.mkdir(exist_ok=True)
    _numbers(data / f"tensor-{size}.f32", count, 1)
    (own / "model.xml").write_text(RELU.format(size=count))
    (own / "model.bin").write_bytes(b"")
    return Model(own.name, own, data, [(f"tensor-{size}.f32", str(count))], size)


def weights(folder, size):
    """A product with a matrix of `size` bytes: hardly anything to compute, so that loading is what counts."""
    side = round((size // 4) ** 0.5)
    own, data = folder / f"weights-{size}", folder / "data"
    own.mkdir(parents=True, exist_ok=True)
    data.mkdir(exist_ok=True)
    _numbers(data / f"row-{side}.f32", side, 1)
    _numbers(own / "model.bin", side * side, side**-0.5)
    (own / "model.xml").write_text(MATMUL.format(side=side, size=4 * side * side))
    return Model(own.name, own, data, [(f"row-{side}.f32", f"1x{side}")], 4 * side)


# Measures


class Tensors(Breakdown):
    turn_seconds = 0.05


class Sizes(Measure):
    """`start`: from the start of the process to the first output. `load`: the call, where the program has the model's
    bytes. `again`: the call with the same bytes once more, with what the first made of them still held."""

    def prepare(self, arms):
        settle(self.model)
        self.blob = self.kit.folder / f"{self.model.name}.blob"
        self.kit.native(self.model, "--export", self.blob, commands=["load"]).finish()
        for cache in ("ours", "ours-cold"):
            self.kit.empty_cache(cache)
        # The first fills the cache; a later one has the files of all in memory.
        for arm in (*arms, "ours"):
            self._one(arm)

    def round(self, arms, turn):
        return {arm: self._one(arm) for arm in rotated(arms, turn)}

    def _start(self, arm):
        by_bytes = arm.endswith("-bytes")
        commands = ["load", "run 0 1 1"]
        how = {"commands": ["read", *commands, *commands] if by_bytes else commands, "by_bytes": by_bytes}
        if arm.startswith("native"):
            return self.kit.native(self.model, blob=self.blob if arm == "native" else None, label=arm, **how)
        if arm == "ours-cold":
            self.kit.empty_cache(arm)
        return self.kit.ours(self.model, cache="ours-cold" if arm == "ours-cold" else "ours", label=arm, **how)

    def _one(self, arm):
        program = self._start(arm)
        if arm.endswith("-bytes"):
            program.answer()
        figures = {}
        loaded = program.answer()
        self.outputs.see(arm, program.answer())
        figures["start"] = program.answered - program.started
        if arm.endswith("-bytes"):
            figures["load"], figures["again"] = loaded["load"], program.answer()["load"]
            self.outputs.see(arm, program.answer())
        program.end()
        return figures


class Clients(Guests):
    """Guests at once, each arm in its own number and by its own settings."""

    # How long they go on, in seconds.
    window = 0.4
    warm = 0

    def __init__(self, kit, model, settings, seconds):
        """`settings`: arm -> (how many guests, options of the program)."""
        super().__init__(kit, model, None, seconds)
        self.settings = settings

    def round(self, arms, turn):
        return {arm: self._one(arm, self.settings[arm][0], self.seconds) for arm in rotated(arms, turn)}

    def _start(self, arm, count, commands):
        options = self.settings[arm][1]
        if arm.startswith("native"):
            return [self.kit.native(self.model, "--threads", str(count), *options, commands=commands, label=arm)]
        instances = ["--instances", str(count)] if count > 1 else []
        return [self.kit.ours(self.model, *instances, *options, commands=commands, label=arm)]


# Curves


@dataclasses.dataclass
class Curve:
    """`points`: where it is measured; `arms`: what is; `model(folder, networks, point)`; `measure(kit, model, point)`;
    `rounds`: the fewest that allow an interval of 95 %."""

    name: str
    title: str
    points: tuple
    arms: list
    model: object
    measure: object
    label: object = str
    rounds: int = 6
    networks: tuple = ()


def options_of(**settings):
    return [word for key, value in settings.items() for word in ("--option", f"openvino:{key}={value}")]


def by_hints(kit, model, count):
    settings = {}
    for hint in ("latency", "throughput"):
        settings[f"ours-{hint}"] = (count, options_of(hint=hint))
        settings[f"native-{hint}"] = (count, ["--hint", hint])
    return Clients(kit, model, settings, Clients.window * (1 if count <= 16 else 2.5))


def by_threads(kit, model, threads):
    settings = {
        "one": (1, options_of(threads=threads, streams=1)),
        "crowd": (CROWD, options_of(threads=threads, streams=1)),
        "crowd-streams": (CROWD, options_of(threads=threads, streams=threads)),
    }
    return Clients(kit, model, settings, Clients.window)


def numbers_up_to(most):
    """1, 2, 4 and so on, and `most` itself."""
    found = [1]
    while found[-1] * 2 < most:
        found.append(found[-1] * 2)
    return (*found, most) if most > 1 else (1,)


def efficientnet(folder, networks, point):
    return networks["efficientnet"]


CURVES = [
    Curve(
        "tensor", "one inference, by the bytes of its input and of its output", TENSORS,
        ["native", "ours", "native-bound", "ours-infer"],
        lambda folder, networks, size: relu(folder, size),
        lambda kit, model, size: Tensors(kit, model),
        size_in_words,
    ),
    Curve(
        "model", "loading, by the bytes of the model's weights", WEIGHTS,
        ["native", "native-file", "native-bytes", "ours-cold", "ours", "ours-bytes"],
        lambda folder, networks, size: weights(folder, size),
        lambda kit, model, size: Sizes(kit, model),
        size_in_words,
    ),
    Curve(
        "guests", "EfficientNet-Lite0, by the guests of one process", GUESTS,
        ["ours-latency", "native-latency", "ours-throughput", "native-throughput"],
        efficientnet, by_hints, networks=("efficientnet",),
    ),
    Curve(
        "threads", "EfficientNet-Lite0, by the runtime's threads", numbers_up_to(len(os.sched_getaffinity(0))),
        ["one", "crowd", "crowd-streams"],
        efficientnet, by_threads, networks=("efficientnet",),
    ),
]
