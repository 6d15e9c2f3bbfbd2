#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the demo's model, EfficientNet-Lite0, from the weights that scripts/deps.py fetches.

Its folder, build/models/efficientnet-lite0, gets model.onnx, the same network as OpenVINO's model.xml and model.bin
(weights in f32), and labels.txt, the names of the classes.

    input   images  f32 [1,3,224,224]  RGB, each value (x - 127) / 128
    output  probs   f32 [1,1000]       the probability of each ImageNet class
"""

import collections
import hashlib
import json
import os
import pickle
import shutil
import signal
import struct
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEPS = ROOT / "deps"
MODELS = ROOT / "build" / "models"
NAME = "efficientnet-lite0"
FILES = ("model.onnx", "model.xml", "model.bin", "labels.txt")
PARTS = ("python", "openvino", "labels", "efficientnet")

# One line for each stage of the network: channels out, stride, kernel, how many blocks.
STAGES = (
    (16, 1, 3, 1),
    (24, 2, 3, 2),
    (40, 2, 5, 2),
    (80, 2, 3, 3),
    (112, 1, 5, 3),
    (192, 2, 5, 4),
    (320, 1, 3, 1),
)
BATCH_NORM_EPSILON = 1e-3


class Problem(Exception):
    """Something the user has to know, in one line."""


# The weights: a PyTorch state dict in the format from before PyTorch 1.6. That is five pickles (a magic number, a
# version, facts on the machine, the tensors, the names of the storages), then for each storage its length and data.

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001

Storage = collections.namedtuple("Storage", "kind key")
Tensor = collections.namedtuple("Tensor", "storage offset shape strides")


def rebuild_tensor(storage, offset, shape, strides, *_):
    return Tensor(storage, offset, shape, strides)


class WeightsUnpickler(pickle.Unpickler):
    """Pickles can call anything that they can name, so only what a state dict needs has a name here."""

    ALLOWED = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
        ("torch", "FloatStorage"): "<f4",
        ("torch", "LongStorage"): "<i8",
    }

    def find_class(self, module, name):
        try:
            return self.ALLOWED[module, name]
        except KeyError:
            raise Problem(f"the weights name {module}.{name}, which no weights need: not read") from None

    def persistent_load(self, identifier):
        _, kind, key, *_ = identifier
        return Storage(kind, key)


def read_weights(path):
    """Read a state dict and return its tensors by name, as numpy arrays."""
    import numpy

    with open(path, "rb") as file:
        magic, version = WeightsUnpickler(file).load(), WeightsUnpickler(file).load()
        if (magic, version) != (MAGIC, VERSION):
            raise Problem(f"{path.name} is not a PyTorch state dict in the old format")
        WeightsUnpickler(file).load()
        tensors = WeightsUnpickler(file).load()
        keys = WeightsUnpickler(file).load()
        kinds = {tensor.storage.key: tensor.storage.kind for tensor in tensors.values()}
        storages = {}
        for key in keys:
            kind = numpy.dtype(kinds[key])
            (length,) = struct.unpack("<q", file.read(8))
            data = file.read(length * kind.itemsize)
            if len(data) != length * kind.itemsize:
                raise Problem(f"{path.name} ends early")
            storages[key] = numpy.frombuffer(data, kind)

    arrays = {}
    for name, (storage, offset, shape, strides) in tensors.items():
        values = storages[storage.key][offset:]
        last = sum((extent - 1) * stride for extent, stride in zip(shape, strides))
        if offset < 0 or min((*shape, 1)) < 1 or min((*strides, 0)) < 0 or last >= len(values):
            raise Problem(f"{path.name}: {name} reaches beyond its storage")
        steps = [stride * values.itemsize for stride in strides]
        arrays[name] = numpy.lib.stride_tricks.as_strided(values, shape, steps, writeable=False)
    return arrays


# The network


class Network:
    """Nodes and constants of an ONNX graph, added one after the other."""

    def __init__(self, weights):
        self.weights = weights
        self.nodes = []
        self.constants = []

    def constant(self, name, values):
        import numpy
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(numpy.ascontiguousarray(values, dtype=numpy.float32), name))
        return name

    def node(self, kind, name, inputs, **attributes):
        """Add a node and return the name of its output, which is that of the node."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def convolution(self, x, name, norm, kernel, stride=1, depthwise=False, activation=True):
        """Add a convolution with the batch norm after it folded into its weights, and mostly a ReLU6."""
        import numpy

        values = {
            key: self.weights[f"{norm}.{key}"].astype(numpy.float64)
            for key in ("weight", "bias", "running_mean", "running_var")
        }
        scale = values["weight"] / numpy.sqrt(values["running_var"] + BATCH_NORM_EPSILON)
        filters = self.weights[f"{name}.weight"].astype(numpy.float64) * scale[:, None, None, None]
        bias = values["bias"] - values["running_mean"] * scale
        y = self.node(
            "Conv",
            name,
            [x, self.constant(f"{name}.weight", filters), self.constant(f"{name}.bias", bias)],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            group=len(filters) if depthwise else 1,
            auto_pad="SAME_UPPER",
        )
        return self.node("Clip", f"{name}.relu6", [y, "zero", "six"]) if activation else y

    def block(self, x, number, kernel, stride, residual):
        """Add an inverted residual block: widen, convolve each channel by itself, narrow."""
        prefix = f"_blocks.{number}"
        y = x
        if f"{prefix}._expand_conv.weight" in self.weights:
            y = self.convolution(y, f"{prefix}._expand_conv", f"{prefix}._bn0", 1)
        y = self.convolution(y, f"{prefix}._depthwise_conv", f"{prefix}._bn1", kernel, stride, depthwise=True)
        y = self.convolution(y, f"{prefix}._project_conv", f"{prefix}._bn2", 1, activation=False)
        return self.node("Add", f"{prefix}.add", [x, y]) if residual else y


def build_network(weights):
    """Return EfficientNet-Lite0 with these weights as an ONNX model."""
    import onnx
    from onnx import TensorProto, helper

    network = Network(weights)
    network.constant("zero", 0)
    network.constant("six", 6)
    x = network.convolution("images", "_conv_stem", "_bn0", 3, 2)
    number = 0
    for channels, stride, kernel, count in STAGES:
        for repeat in range(count):
            first = repeat == 0
            x = network.block(x, number, kernel, stride if first else 1, residual=not first)
            if len(weights[f"_blocks.{number}._project_conv.weight"]) != channels:
                raise Problem(f"the weights are not those of {NAME}: block {number} has another width")
            number += 1
    x = network.convolution(x, "_conv_head", "_bn1", 1)
    x = network.node("GlobalAveragePool", "average", [x])
    x = network.node("Flatten", "flatten", [x])
    classifier = [network.constant(f"_fc.{key}", weights[f"_fc.{key}"]) for key in ("weight", "bias")]
    x = network.node("Gemm", "logits", [x, *classifier], transB=1)
    network.node("Softmax", "probs", [x], axis=1)

    graph = helper.make_graph(
        network.nodes,
        NAME,
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 224, 224])],
        [helper.make_tensor_value_info("probs", TensorProto.FLOAT, [1, 1000])],
        network.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


# Making the folder


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def inputs(weights, labels):
    """Everything that the files depend on; the same again means that there is nothing to do."""
    stamps = {part: json.loads((DEPS / ".stamps" / part).read_text())["identity"] for part in ("python", "openvino")}
    return {"weights": digest(weights), "labels": digest(labels), "script": digest(Path(__file__)), "with": stamps}


def is_made(folder, wanted):
    try:
        made = json.loads((folder / "made-from.json").read_text())
    except (OSError, ValueError):
        return False
    return made == wanted and all((folder / name).is_file() for name in FILES)


def replace_folder(new, old):
    """Put a finished folder in place of an older one, with never a half-made one under that name."""
    if old.exists():
        aside = new.with_name(f"{new.name}.old")
        old.rename(aside)
        new.rename(old)
        shutil.rmtree(aside)
    else:
        new.rename(old)


def import_parts():
    sys.path.insert(0, str(DEPS / "python"))
    try:
        import numpy
        import onnx
        import openvino
    except ImportError as problem:
        raise Problem(
            f"Python {sys.version.split()[0]} cannot import what scripts/deps.py fetched: {problem}: "
            "run this and scripts/deps.py with one CPython, 3.10 to 3.14"
        ) from None
    return numpy, onnx, openvino


def make(weights, labels, folder):
    _, onnx, openvino = import_parts()
    model = folder / "model.onnx"
    onnx.save(build_network(read_weights(weights)), str(model))
    network = openvino.Core().read_model(str(model))
    openvino.save_model(network, str(folder / "model.xml"), compress_to_fp16=False)
    shutil.copy(labels, folder / "labels.txt")


def main():
    labels = DEPS / "labels" / "imagenet.txt"
    weights = next(iter(sorted((DEPS / "efficientnet").glob("*.pth"))), None)
    if not weights or not labels.exists() or not all((DEPS / ".stamps" / part).exists() for part in PARTS):
        raise Problem(f"its parts are not there yet: run python3 scripts/deps.py {' '.join(PARTS)}")
    folder = MODELS / NAME
    shown = folder.relative_to(ROOT)
    wanted = inputs(weights, labels)
    if is_made(folder, wanted):
        print(f"{NAME}: already in {shown}", flush=True)
        return
    started = time.monotonic()
    print(f"{NAME}: making it from its weights", flush=True)
    MODELS.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{NAME}.", dir=MODELS))
    try:
        new = scratch / NAME
        new.mkdir()
        make(weights, labels, new)
        (new / "made-from.json").write_text(json.dumps(wanted, indent=1) + "\n")
        replace_folder(new, folder)
    finally:
        shutil.rmtree(scratch)
    size = sum((folder / name).stat().st_size for name in FILES) / 1e6
    print(f"{NAME}: in {shown}, {size:.0f} MB, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        # OpenVINO's threads may be at work, so there is no waiting for a tidy end.
        print("\nmake_model: interrupted; nothing half-done is left", file=sys.stderr, flush=True)
        os._exit(130)
    except Problem as problem:
        sys.exit(f"make_model: {problem}")
    except (OSError, ValueError, EOFError, KeyError, pickle.UnpicklingError, struct.error) as problem:
        sys.exit(f"make_model: {type(problem).__name__}: {problem}")
