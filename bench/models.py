# SPDX-License-Identifier: Apache-2.0
"""The models that are measured, with their inputs. Each is a folder with model.xml and model.bin, so that every host
knows it by the folder's name, or a file of ONNX."""

import array
import random
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGE = "1x3x224x224"
LARGE = 1 << 22  # elements, of four bytes each

RELU = """\
<?xml version="1.0"?>
<net name="large" version="11">
  <layers>
    <layer id="0" name="x" type="Parameter" version="opset1">
      <data shape="{size}" element_type="f32" />
      <output><port id="0" precision="FP32" names="x"><dim>{size}</dim></port></output>
    </layer>
    <layer id="1" name="relu" type="ReLU" version="opset1">
      <input><port id="0" precision="FP32"><dim>{size}</dim></port></input>
      <output><port id="1" precision="FP32" names="y"><dim>{size}</dim></port></output>
    </layer>
    <layer id="2" name="y" type="Result" version="opset1">
      <input><port id="0" precision="FP32"><dim>{size}</dim></port></input>
    </layer>
  </layers>
  <edges>
    <edge from-layer="0" from-port="0" to-layer="1" to-port="0" />
    <edge from-layer="1" from-port="1" to-layer="2" to-port="0" />
  </edges>
</net>
"""


class Model:
    def __init__(self, name, folder, data, inputs, output, file="model.xml"):
        """`inputs`: (file of `data`, shape); `output`: how many bytes it has."""
        self.name, self.folder, self.data, self.inputs, self.output = name, folder, data, inputs, output
        self.file = folder / file
        self.parts = [folder / "model.xml", folder / "model.bin"]

    def words(self, data):
        """What a program is told of inputs and output, where it sees the data at `data`."""
        inputs = [word for name, shape in self.inputs for word in ("--input", f"{data}/{name}:{shape}")]
        return ["--output", str(self.output), *inputs]

    def input_bytes(self):
        return sum((self.data / name).stat().st_size for name, _ in self.inputs)


def _numbers(path, count, seed):
    """Numbers of either sign, the same each time."""
    if path.exists() and path.stat().st_size == 4 * count:
        return
    source = random.Random(seed)
    numbers = array.array("f", (source.uniform(-1, 1) for _ in range(count)))
    if sys.byteorder != "little":
        numbers.byteswap()
    path.write_bytes(numbers.tobytes())


def _small(folder):
    """The 2x2 add of the tests, and a relu of 16 MiB."""
    data = folder / "data"
    for name in ("add", "large"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    data.mkdir(exist_ok=True)
    _numbers(data / "a.f32", 4, 1)
    _numbers(data / "b.f32", 4, 2)
    _numbers(data / "large.f32", LARGE, 3)
    for suffix in ("xml", "bin"):
        shutil.copyfile(ROOT / "tests" / "fixtures" / f"add.{suffix}", folder / "add" / f"model.{suffix}")
    (folder / "large" / "model.xml").write_text(RELU.format(size=LARGE))
    (folder / "large" / "model.bin").write_bytes(b"")
    return {
        "add": Model("add", folder / "add", data, [("a.f32", "2x2"), ("b.f32", "2x2")], 16),
        "large": Model("large", folder / "large", data, [("large.f32", str(LARGE))], 4 * LARGE),
    }


def _networks(folder, built):
    """EfficientNet-Lite0 and AlexNet, on a picture's worth of numbers. AlexNet's weights are random ones: the published
    ones are all the same number, and every output with them."""
    data = folder / "data"
    _numbers(data / "image.f32", 3 * 224 * 224, 4)
    efficientnet, alexnet = built / "efficientnet-lite0", folder / "alexnet"
    if not alexnet.is_symlink():
        alexnet.symlink_to(built / "alexnet" / "varied")
    image = [("image.f32", IMAGE)]
    return {
        "efficientnet": Model("efficientnet-lite0", efficientnet, data, image, 4000),
        "alexnet": Model("alexnet", alexnet, data, image, 4000),
        "efficientnet-onnx": Model("efficientnet", efficientnet, data, image, 4000, "model.onnx"),
    }


def make(folder, names):
    """The models of those names, made or fetched where they are not there yet."""
    found = _small(folder)
    if set(names) - set(found):
        networks = set(names) - set(found)
        wanted = sorted({"alexnet" if name == "alexnet" else "efficientnet-lite0" for name in networks})
        subprocess.run([sys.executable, ROOT / "scripts" / "make_model.py", *wanted], cwd=ROOT, check=True)
        found.update(_networks(folder, ROOT / "build" / "models"))
    return {name: found[name] for name in names}
