#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the models of the demo and the tests from what scripts/deps.py fetches: make_model.py [NAME...]

Each gets a folder in build/models. Without a name it is the demo's:

efficientnet-lite0   EfficientNet-Lite0 with real weights, as model.onnx and as OpenVINO's model.xml and model.bin
                     (weights in f32), and labels.txt, the names of the classes.

    input   images  f32 [1,3,224,224]  RGB, each value (x - 127) / 128
    output  probs   f32 [1,1000]       the probability of each ImageNet class

alexnet              AlexNet at full size, from the onnx package's own tests: model.xml, model.bin (244 MB), and the
                     input and output of those tests, tensor.f32 and expected.f32. All its weights are one number, so
                     that all probabilities are 0.001. The folder varied has the same network with random weights.

    input   data_0  f32 [1,3,224,224]
    output  prob_1  f32 [1,1000]
"""

import collections
import hashlib
import json
import math
import os
import pickle
import shutil
import signal
import struct
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
DEPS = ROOT / "deps"
MODELS = ROOT / "build" / "models"
# `parts` of deps.py; sources() says, by name, from which of their files; make(sources, folder) writes `files`.
Recipe = collections.namedtuple("Recipe", "parts files sources make")

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
                raise Problem(f"the weights are not those of EfficientNet-Lite0: block {number} has another width")
            number += 1
    x = network.convolution(x, "_conv_head", "_bn1", 1)
    x = network.node("GlobalAveragePool", "average", [x])
    x = network.node("Flatten", "flatten", [x])
    classifier = [network.constant(f"_fc.{key}", weights[f"_fc.{key}"]) for key in ("weight", "bias")]
    x = network.node("Gemm", "logits", [x, *classifier], transB=1)
    network.node("Softmax", "probs", [x], axis=1)

    graph = helper.make_graph(
        network.nodes,
        "efficientnet-lite0",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 224, 224])],
        [helper.make_tensor_value_info("probs", TensorProto.FLOAT, [1, 1000])],
        network.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def efficientnet_sources():
    weights = sorted((DEPS / "efficientnet").glob("*.pth"))
    return {"weights": weights[0] if weights else DEPS / "efficientnet", "labels": DEPS / "labels" / "imagenet.txt"}


def make_efficientnet(sources, folder):
    _, onnx, openvino = import_parts()
    model = folder / "model.onnx"
    onnx.save(build_network(read_weights(sources["weights"])), str(model))
    network = openvino.Core().read_model(str(model))
    openvino.save_model(network, str(folder / "model.xml"), compress_to_fp16=False)
    shutil.copy(sources["labels"], folder / "labels.txt")


# AlexNet


def alexnet_sources():
    light = DEPS / "python" / "onnx" / "backend" / "test" / "data" / "light"
    return {"network": light / "light_bvlc_alexnet.onnx", "output": light / "light_bvlc_alexnet_output_0.pb"}


def vary_weights(xml, weights):
    """Replace all weights by random ones, of a size at which values neither vanish nor explode from layer to layer."""
    import numpy

    random = numpy.random.default_rng(1)
    for constant in ElementTree.parse(xml).iterfind(".//layer[@type='Const']/data[@element_type='f32']"):
        shape = [int(extent) for extent in constant.get("shape").split(",")]
        begin, size = int(constant.get("offset")), int(constant.get("size"))
        # Fully connected: [out, in]; convolution: [out, in, height, width], with a dimension in front if it has groups.
        inputs = math.prod(shape[2 if len(shape) == 5 else 1 :])
        values = weights[begin : begin + size].view("<f4")
        random.standard_normal(out=values, dtype=numpy.float32)
        values *= numpy.float32(math.sqrt(2 / inputs))


def make_alexnet(sources, folder):
    numpy, onnx, openvino = import_parts()
    # Not Core.read_model: that leaves the weights as they are in the file, one number to be spread over a shape.
    network = openvino.convert_model(str(sources["network"]))
    openvino.save_model(network, str(folder / "model.xml"), compress_to_fp16=False)
    # What onnx.backend.test.runner feeds to this network (generate_dummy_data) where it compares with that output.
    shape = (1, 3, 224, 224)
    count = math.prod(shape)
    (numpy.arange(count).reshape(shape) / count).astype("<f4").tofile(folder / "tensor.f32")
    output = onnx.TensorProto.FromString(sources["output"].read_bytes())
    onnx.numpy_helper.to_array(output).astype("<f4").tofile(folder / "expected.f32")

    varied = folder / "varied"
    varied.mkdir()
    weights = numpy.fromfile(folder / "model.bin", numpy.uint8)
    vary_weights(folder / "model.xml", weights)
    weights.tofile(varied / "model.bin")
    shutil.copy(folder / "model.xml", varied / "model.xml")


RECIPES = {
    "efficientnet-lite0": Recipe(
        ("python", "openvino", "labels", "efficientnet"),
        ("model.onnx", "model.xml", "model.bin", "labels.txt"),
        efficientnet_sources,
        make_efficientnet,
    ),
    "alexnet": Recipe(
        ("python", "openvino"),
        ("model.xml", "model.bin", "tensor.f32", "expected.f32", "varied/model.xml", "varied/model.bin"),
        alexnet_sources,
        make_alexnet,
    ),
}


# Making the folder


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def inputs(sources):
    """Everything that the files depend on; the same again means that there is nothing to do."""
    stamps = {part: json.loads((DEPS / ".stamps" / part).read_text())["identity"] for part in ("python", "openvino")}
    return {**{name: digest(path) for name, path in sources.items()}, "script": digest(Path(__file__)), "with": stamps}


def is_made(folder, files, wanted):
    try:
        made = json.loads((folder / "made-from.json").read_text())
    except (OSError, ValueError):
        return False
    return made == wanted and all((folder / name).is_file() for name in files)


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


def make(name):
    recipe = RECIPES[name]
    sources = recipe.sources()
    if not all((DEPS / ".stamps" / part).exists() for part in recipe.parts) or not all(
        path.is_file() for path in sources.values()
    ):
        raise Problem(f"the parts of {name} are not there yet: run python3 scripts/deps.py {' '.join(recipe.parts)}")
    folder = MODELS / name
    shown = folder.relative_to(ROOT)
    wanted = inputs(sources)
    if is_made(folder, recipe.files, wanted):
        print(f"{name}: already in {shown}", flush=True)
        return
    started = time.monotonic()
    print(f"{name}: making it", flush=True)
    MODELS.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=MODELS))
    try:
        new = scratch / name
        new.mkdir()
        recipe.make(sources, new)
        (new / "made-from.json").write_text(json.dumps(wanted, indent=1) + "\n")
        replace_folder(new, folder)
    finally:
        shutil.rmtree(scratch)
    size = sum((folder / file).stat().st_size for file in recipe.files) / 1e6
    print(f"{name}: in {shown}, {size:.0f} MB, {time.monotonic() - started:.0f} s", flush=True)


def main():
    names = sys.argv[1:] or ["efficientnet-lite0"]
    for name in names:
        if name not in RECIPES:
            raise Problem(f"there is no model '{name}', only {' and '.join(RECIPES)}")
    for name in names:
        make(name)


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
