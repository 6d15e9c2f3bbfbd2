# SPDX-License-Identifier: Apache-2.0
"""What is said of models, against what the packages onnx and openvino say of them."""

import io
import pathlib
import pickle
import struct
import sys
import tempfile
import types
import unittest
import zipfile

import wire
from inspect_facts import MODELS, PACKAGES, read, read_one

import numpy
import onnx
import openvino
from onnx import TensorProto, helper

CORPUS = PACKAGES / "onnx" / "backend" / "test" / "data"
NAMES = {
    "FLOAT": "f32", "UINT8": "u8", "INT8": "i8", "UINT16": "u16", "INT16": "i16", "INT32": "i32", "INT64": "i64",
    "BOOL": "bool", "FLOAT16": "f16", "DOUBLE": "f64", "UINT32": "u32", "UINT64": "u64", "BFLOAT16": "bf16",
    "UNDEFINED": "unknown",
}
INTEGERS = (TensorProto.INT32, TensorProto.INT64, TensorProto.STRING, TensorProto.BOOL)


# ---- The truth -----------------------------------------------------------------------------------------


def onnx_dims(shape):
    found = []
    for dim in shape.dim:
        kind = dim.WhichOneof("value")
        found.append(max(dim.dim_value, -1) if kind == "dim_value" else (dim.dim_param or -1) if kind else -1)
    return found


def onnx_port(info):
    kind = info.type.WhichOneof("value")
    if kind != "tensor_type":
        known = {"sequence_type": "sequence", "map_type": "map", "optional_type": "optional",
                 "sparse_tensor_type": "sparse tensor", None: "unknown"}
        return info.name, known[kind], None
    tensor = info.type.tensor_type
    name = TensorProto.DataType.Name(tensor.elem_type)
    return (info.name, NAMES.get(name, name.lower()),
            onnx_dims(tensor.shape) if tensor.HasField("shape") else None)


def onnx_parameters(graph):
    product = lambda dims: int(numpy.prod(dims, dtype=object)) if dims else 1
    count = sum(product(list(one.dims)) for one in graph.initializer)
    count += sum(product(list(one.values.dims)) for one in graph.sparse_initializer)
    for node in graph.node:
        for attribute in node.attribute:
            inner = ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs)
            count += sum(onnx_parameters(one) for one in inner)
            if node.op_type == "Constant" and attribute.HasField("t"):
                tensor = attribute.t
                if tensor.dims and tensor.data_type not in INTEGERS:
                    count += product(list(tensor.dims))
    return count


def onnx_facts(model):
    graph = model.graph
    weights = {one.name for one in graph.initializer} | {one.values.name for one in graph.sparse_initializer}
    opsets = [one.version for one in model.opset_import if one.domain in ("", "ai.onnx")]
    opset = f", opset {opsets[-1]}" if opsets else ""
    return {
        "format": f"ONNX (IR {model.ir_version}{opset})",
        "inputs": [onnx_port(one) for one in graph.input if one.name not in weights],
        "outputs": [onnx_port(one) for one in graph.output],
        "parameters": onnx_parameters(graph),
    }


def openvino_facts(path):
    """Of each port the names, and type and shape as this test writes them."""
    model = openvino.Core().read_model(str(path))
    found = []
    for ports in (model.inputs, model.outputs):
        side = []
        for port in ports:
            shape = port.partial_shape
            dims = None if shape.rank.is_dynamic else [-1 if dim.is_dynamic else dim.get_length() for dim in shape]
            side.append((port.get_names(), port.element_type.to_string().replace("boolean", "bool"), dims))
        found.append(side)
    return found


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, content, name="model"):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def read(self, content):
        return read_one(self.write(content))

    def compare_openvino(self, facts, path, outputs=True):
        """Names and order, and for inputs types and shapes; what is open for one may be known to the other."""
        inputs, others = openvino_facts(path)
        pairs = [(facts.inputs, inputs), (facts.outputs, others)]
        for ours, theirs in pairs if outputs else pairs[:1]:
            self.assertEqual(len(ours), len(theirs), (ours, theirs))
            for (name, element, dims), (names, kind, shape) in zip(ours, theirs):
                self.assertTrue(name in names or f"{name}:0" in names, (name, names))
                if element != "unknown":
                    self.assertEqual(element, kind, name)
                if ours is facts.inputs:
                    self.assertEqual(dims and [-1 if isinstance(one, str) else one for one in dims], shape, name)


# ---- ONNX ----------------------------------------------------------------------------------------------


class Onnx(Case):
    def compare(self, facts, model, path=""):
        self.assertIsNone(facts.problem, path)
        expected = onnx_facts(model)
        got = {"format": facts.format, "inputs": facts.inputs, "outputs": facts.outputs,
               "parameters": facts.parameters}
        self.assertEqual(got, expected, path)
        self.assertEqual(facts.name or "", model.graph.name, path)

    def make(self, graph, **settings):
        model = helper.make_model(graph, **settings)
        facts = self.read(model.SerializeToString())
        self.compare(facts, model)
        return facts

    def test_corpus(self):
        paths = sorted(CORPUS.rglob("*.onnx"))
        self.assertGreater(len(paths), 100)
        for path, facts in zip(paths, read(*paths)[0]):
            with self.subTest(path.relative_to(CORPUS)):
                self.compare(facts, onnx.load(str(path), load_external_data=False), path)

    def test_corpus_in_openvino(self):
        compared = 0
        paths = sorted(CORPUS.rglob("*.onnx"))
        for path, facts in zip(paths, read(*paths)[0]):
            # It renames tensors that went through a sequence.
            if any("Sequence" in node.op_type for node in onnx.load(str(path)).graph.node):
                continue
            try:
                openvino.Core().read_model(str(path))
            except RuntimeError:
                continue  # an operation that it does not have
            with self.subTest(path.relative_to(CORPUS)):
                self.compare_openvino(facts, path)
            compared += 1
        self.assertGreater(compared, 100)

    def test_fixture(self):
        path = MODELS / "shapes.onnx"
        facts = read_one(path)
        self.compare(facts, onnx.load(str(path)))
        self.compare_openvino(facts, path)
        self.assertEqual((facts.encoding, facts.parameters), ("onnx", 64709))

    def test_every_element_type(self):
        for name, number in TensorProto.DataType.items():
            with self.subTest(name):
                port = helper.make_tensor_value_info("x", number, [2])
                self.make(helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [port], [port]))

    def test_open_shapes(self):
        ports = [
            helper.make_tensor_value_info("named", TensorProto.FLOAT, ["batch", 3, "batch * 2"]),
            helper.make_tensor_value_info("open", TensorProto.FLOAT, [None, 3]),
            helper.make_tensor_value_info("any", TensorProto.FLOAT, None),
            helper.make_tensor_value_info("scalar", TensorProto.FLOAT, []),
            helper.make_tensor_value_info("empty", TensorProto.FLOAT, [0, -1]),
            helper.make_tensor_value_info("large", TensorProto.FLOAT, [2**62]),
        ]
        self.make(helper.make_graph([helper.make_node("Identity", ["named"], ["y"])], "g", ports, ports[:1]))

    def test_more_dimensions_than_can_be_told(self):
        port = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(range(1, 18)))
        graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [port], [port])
        facts = self.read(helper.make_model(graph).SerializeToString())
        self.assertEqual(facts.inputs, [("x", "f32", None)])
        self.assertIn("x has more than 16 dimensions", facts.note)

    def test_types_that_are_no_tensors(self):
        tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, [2])
        ports = [
            helper.make_value_info("s", helper.make_sequence_type_proto(tensor)),
            helper.make_value_info("m", helper.make_map_type_proto(TensorProto.INT64, tensor)),
            helper.make_value_info("o", helper.make_optional_type_proto(tensor)),
            helper.make_value_info("p", helper.make_sparse_tensor_type_proto(TensorProto.FLOAT, [2])),
            onnx.ValueInfoProto(name="n"),
        ]
        self.make(helper.make_graph([helper.make_node("Identity", ["s"], ["y"])], "g", ports, ports))

    def test_weights_that_are_inputs(self):
        weight = helper.make_tensor("w", TensorProto.FLOAT, [2, 3], [0.0] * 6)
        ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3]) for name in ("a", "w", "b")]
        graph = helper.make_graph([helper.make_node("Add", ["a", "w"], ["c"])], "g", ports, ports[:1], [weight])
        facts = self.make(graph, ir_version=3)
        self.assertEqual([name for name, _, _ in facts.inputs], ["a", "b"])

    def test_thousand_inputs(self):
        names = [f"in{i * 7919 % 1000}" for i in range(1000)]
        ports = [helper.make_tensor_value_info(name, TensorProto.INT64, [i]) for i, name in enumerate(names)]
        weights = [helper.make_tensor(name, TensorProto.INT64, [1], [0]) for name in names[::3]]
        graph = helper.make_graph([helper.make_node("Sum", names, ["y"])], "g", ports, ports[:3], weights)
        self.assertEqual(len(self.make(graph).inputs), 666)

    def test_empty_names(self):
        port = helper.make_tensor_value_info("", TensorProto.FLOAT, [1])
        self.make(helper.make_graph([helper.make_node("Identity", [""], [""])], "", [port], [port]))

    def test_subgraphs(self):
        def branch(depth):
            weight = helper.make_tensor("w", TensorProto.FLOAT, [10**depth], [0.0] * 10**depth)
            nodes = [helper.make_node("Identity", ["w"], ["y"])]
            if depth:
                nodes.append(helper.make_node("If", ["c"], ["z"], then_branch=branch(depth - 1),
                                              else_branch=branch(depth - 1)))
            return helper.make_graph(nodes, "b", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
                                     [weight])

        self.assertEqual(self.make(branch(3)).parameters, 1000 + 2 * 100 + 4 * 10 + 8)

    def test_constants(self):
        values = [
            helper.make_node("Constant", [], ["a"], value=helper.make_tensor("", TensorProto.FLOAT, [3], [1.0] * 3)),
            helper.make_node("Constant", [], ["b"], value=helper.make_tensor("", TensorProto.INT64, [3], [1] * 3)),
            helper.make_node("Constant", [], ["c"], value=helper.make_tensor("", TensorProto.FLOAT, [], [1.0])),
            helper.make_node("ConstantOfShape", ["b"], ["d"],
                             value=helper.make_tensor("", TensorProto.FLOAT, [1], [1.0])),
        ]
        port = helper.make_tensor_value_info("a", TensorProto.FLOAT, [3])
        self.assertEqual(self.make(helper.make_graph(values, "g", [], [port])).parameters, 3)

    def test_sparse_weights(self):
        values = helper.make_tensor("s", TensorProto.FLOAT, [2], [1.0, 2.0])
        indices = helper.make_tensor("i", TensorProto.INT64, [2], [1, 5])
        port = helper.make_tensor_value_info("s", TensorProto.FLOAT, [3, 3])
        graph = helper.make_graph([helper.make_node("Identity", ["s"], ["y"])], "g", [port], [port],
                                  sparse_initializer=[helper.make_sparse_tensor(values, indices, [3, 3])])
        facts = self.make(graph)
        self.assertEqual((facts.inputs, facts.parameters), ([], 2))

    def test_weights_in_other_files(self):
        port = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])
        weights = [onnx.numpy_helper.from_array(numpy.ones(4, "f4"), name) for name in ("w", "v")]
        graph = helper.make_graph([helper.make_node("Sum", ["x", "w", "v"], ["y"])], "g", [port], [port], weights)
        path = self.folder / "m.onnx"
        onnx.save(helper.make_model(graph), str(path), save_as_external_data=True, location="m.data", size_threshold=0)
        facts = read_one(path)
        self.compare(facts, onnx.load(str(path), load_external_data=False))
        self.assertTrue(facts.external)
        self.assertEqual(facts.note, "weights are in m.data")
        onnx.save(helper.make_model(graph), str(path), save_as_external_data=True, all_tensors_to_one_file=False,
                  size_threshold=0)
        self.assertRegex(read_one(path).note, "weights are in [wv] and other files")

    def test_other_operators(self):
        port = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])
        graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [port], [port])
        opsets = [helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("", 17)]
        facts = self.make(graph, opset_imports=opsets, producer_name="maker", producer_version="2.1")
        self.assertEqual(facts.note, "may need the operators of com.microsoft 1")
        self.assertEqual(facts.producer, "maker 2.1")

    def test_names_of_other_scripts(self):
        port = helper.make_tensor_value_info("entrée/入力:0", TensorProto.FLOAT, ["größe"])
        self.make(helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [port], [port]))

    def test_fields_in_another_order(self):
        model = onnx.load(str(MODELS / "shapes.onnx"))
        whole = model.SerializeToString()
        graph = wire.field(7, model.graph.SerializeToString())
        at = whole.index(graph)
        facts = self.read(graph + whole[at + len(graph):] + whole[:at])
        self.compare(facts, model)

    def test_not_onnx(self):
        textual = onnx.printer.to_text(onnx.load(str(MODELS / "shapes.onnx"))).encode()
        tensor = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0]).SerializeToString()
        for content in (textual, tensor, wire.field(1, 8) + wire.field(2, "no graph")):
            facts = self.read(content)
            self.assertIsNone(facts.format)
            self.assertFalse(facts.problem)

    def test_malformed(self):
        for content, problem in (
            (wire.field(1, 8) + wire.field(7, wire.field(1, b"")), "no opset_import"),
            (wire.field(1, 8) + wire.field(7, wire.field(2, "g")) + wire.field(8, b""), "neither nodes nor outputs"),
            (wire.field(1, 8) + 2 * wire.field(7, wire.field(1, b"")), "a second graph"),
            ((MODELS / "shapes.onnx").read_bytes()[:1000], r"at byte \d+: a field of \d+ bytes where only \d+"),
        ):
            self.assertRegex(self.read(content).problem, problem)


# ---- TensorFlow ----------------------------------------------------------------------------------------


class TensorFlow(Case):
    WEIGHTS = wire.constant("w", wire.FLOAT, [4, 3], numpy.ones((4, 3), "f4").tobytes())

    def test_fixture(self):
        facts = read_one(MODELS / "shapes_sm" / "saved_model.pb")
        self.compare_openvino(facts, MODELS / "shapes_sm")
        self.assertEqual(facts.inputs, [("x", "f32", [1, 64, 64, 3])])
        self.assertEqual(facts.outputs, [("y", "f32", [1, 5])])
        self.assertEqual((facts.encoding, facts.format, facts.producer, facts.parameters, facts.external),
                         ("tensorflow", "TensorFlow SavedModel", "TensorFlow 2.21.0", 64709, True))

    def saved(self, graph, signatures, tags=("serve",)):
        return self.write(wire.saved_model(wire.meta_graph(tags, graph, signatures)), "saved/saved_model.pb")

    def test_signature(self):
        """The order of the inputs is that of the graph, whatever it is in the signature."""
        graph = wire.graph([
            *(wire.node(name, "Placeholder", dtype=wire.FLOAT, shape=[-1, size]) for name, size in zip("bca", (4, 2, 3))),
            self.WEIGHTS,
            wire.node("m", "MatMul", ["b", "w"], T=wire.FLOAT),
            wire.node("y", "AddV2", ["m", "a"], T=wire.FLOAT),
            wire.node("z", "Relu", ["c"], T=wire.FLOAT),
        ])
        inputs = [(key, wire.tensor_info(f"{name}:0", wire.FLOAT, [-1, size]))
                  for key, name, size in (("first", "a", 3), ("second", "b", 4), ("third", "c", 2))]
        outputs = [("out", wire.tensor_info("y:0", wire.FLOAT, [-1, 3]))]
        more = [("other", wire.tensor_info("z:0", wire.FLOAT, [-1, 2]))]
        path = self.saved(graph, [wire.signature("other", inputs[2:], more),
                                  wire.signature("serving_default", inputs, outputs + more)])
        facts = read_one(path)
        self.compare_openvino(facts, path.parent, outputs=False)
        self.assertEqual([name for name, _, _ in facts.inputs], ["second", "third", "first"])
        self.assertEqual(facts.parameters, 12)
        self.assertFalse(facts.external)
        self.assertEqual(facts.note, "signature serving_default, one of 2; tags serve")

    def test_signature_without_graph(self):
        ports = [("b", wire.tensor_info("b:1", wire.STRING, None)), ("a", wire.tensor_info("a:0", wire.BOOL, []))]
        info = wire.field(1, wire.field(4, "train"))
        only = wire.field(1, 1) + wire.field(2, info + wire.signature("call", ports, ports))
        facts = self.read(only)
        self.assertEqual(facts.inputs, [("a", "bool", []), ("b", "string", None)])
        self.assertEqual(facts.note, "signature call; tags train")

    def test_serving_graph_is_chosen(self):
        port = [("x", wire.tensor_info("x:0", wire.FLOAT, [1]))]
        graphs = [wire.meta_graph(tags, wire.graph([wire.node("x", "Placeholder", dtype=wire.FLOAT, shape=[1])]),
                                  [wire.signature(key, port, port)])
                  for tags, key in ((["train"], "a"), (["gpu", "serve"], "b"))]
        facts = self.read(wire.saved_model(*graphs))
        self.assertEqual(facts.note, "signature b; tags gpu, serve; the file has 2 graphs")

    def test_variables(self):
        def variable(op, dtype, dims):
            return wire.node("v", op, dtype=dtype, shape=dims)

        nodes = [variable("VarHandleOp", wire.FLOAT, [3, 4]), variable("VariableV2", wire.HALF, [5]),
                 variable("VarHandleOp", wire.STRING, [100])]
        inner = [self.WEIGHTS, wire.constant("i", wire.INT32, [7], bytes(28)), wire.constant("s", wire.FLOAT, [], bytes(4)),
                 wire.constant("b", wire.UINT8, [9], bytes(9))]
        facts = read_one(self.saved(wire.graph(nodes, [inner]), []))
        self.assertEqual((facts.parameters, facts.external), (12 + 5 + 12 + 9, True))
        self.assertIn("no signature", facts.note)
        facts = read_one(self.saved(wire.graph([*nodes, variable("VarHandleOp", wire.FLOAT, [-1, 4])]), []))
        self.assertIsNone(facts.parameters)

    def frozen(self):
        return wire.graph([
            wire.node("b", "Placeholder", dtype=wire.FLOAT, shape=[-1, 4]),
            wire.node("a", "Placeholder", dtype=wire.FLOAT, shape=[2, 4]),
            wire.node("i", "Placeholder", dtype=wire.INT32, shape=None),
            self.WEIGHTS,
            wire.node("m", "MatMul", ["b", "w"], T=wire.FLOAT),
            wire.node("s", "AddV2", ["a", "a:0"], T=wire.FLOAT),
            wire.node("c", "Cast", ["s"], SrcT=wire.FLOAT, DstT=wire.INT32),
            wire.node("y", "Softmax", ["m"], T=wire.FLOAT),
            wire.node("n", "NoOp", ["^m"]),
            wire.node("k", "Neg", ["i"], T=wire.INT32),
        ])

    def test_frozen_graph(self):
        path = self.write(self.frozen(), "frozen.pb")
        facts = read_one(path)
        self.compare_openvino(facts, path, outputs=False)
        self.assertEqual(facts.inputs, [("b", "f32", [-1, 4]), ("a", "f32", [2, 4]), ("i", "i32", None)])
        self.assertEqual([port[:2] for port in facts.outputs], [("c", "i32"), ("y", "f32"), ("k", "i32")])
        names = {name for names, _, _ in openvino_facts(path)[1] for name in names}
        self.assertEqual(names, {"c:0", "y:0", "k:0"})
        self.assertEqual((facts.format, facts.parameters), ("TensorFlow GraphDef", 12))


class TensorFlowLite(Case):
    def test_fixture(self):
        path = MODELS / "shapes.tflite"
        facts = read_one(path)
        self.compare_openvino(facts, path)
        self.assertEqual(facts.inputs, [("serving_default_x:0", "f32", [1, 64, 64, 3])])
        self.assertEqual(facts.outputs, [("StatefulPartitionedCall:0", "f32", [1, 5])])
        # The weights, and the two numbers of a shape.
        self.assertEqual((facts.encoding, facts.format, facts.parameters),
                         ("tensorflowlite", "TensorFlow Lite 3", 64711))

    def relu(self):
        """A graph of one operation."""
        tensors = [wire.lite_tensor(name, 0, [1, 4], signature=[-1, 4]) for name in ("in", "out")]
        operator = wire.Table({0: ("I", 0), 1: wire.Numbers("i", [0]), 2: wire.Numbers("i", [1])})
        code = wire.Table({0: ("b", 19), 2: ("i", 1), 3: ("i", 19)})
        return wire.lite_model(tensors, [wire.Table()], [0], [1], [operator], [code])

    def test_open_shape(self):
        path = self.write(self.relu(), "m.tflite")
        facts = read_one(path)
        self.compare_openvino(facts, path)
        self.assertEqual(facts.inputs, [("in", "f32", [-1, 4])])
        self.assertEqual((facts.name, facts.producer, facts.parameters), ("main", "made by a test", 0))

    def test_types(self):
        names = ["f32", "f16", "i32", "u8", "i64", "string", "bool", "i16", "complex64", "i8", "f64", "complex128", "u64",
                 "resource", "variant", "u32", "u16", "int4", "bf16", "unknown"]
        tensors = [wire.lite_tensor(f"t{i}", i, [i], 1 if i % 2 else 0) for i in range(len(names))]
        buffers = [wire.Table(), wire.Table({0: bytes(4)})]
        order = list(reversed(range(len(names))))
        facts = self.read(wire.lite_model(tensors, buffers, order, order[:3]))
        self.assertEqual(facts.inputs, [(f"t{i}", names[i], [i]) for i in order])
        self.assertEqual(facts.outputs, facts.inputs[:3])
        self.assertEqual(facts.parameters, sum(range(1, len(names), 2)))

    def test_weights_behind_the_tables(self):
        """Where a file has more than 2 GB, weights follow the FlatBuffer."""
        tensors = [wire.lite_tensor("w", 9, [2**20, 2**12], 1)]
        content = wire.lite_model(tensors, [wire.Table(), wire.Table({1: ("Q", 4096), 2: ("Q", 100)})])
        self.assertEqual(self.read(content + bytes(4196 - len(content))).parameters, 2**32)
        self.assertIn("beyond the file", self.read(content + bytes(4195 - len(content))).problem)

    def test_malformed(self):
        none = [wire.Table()]
        for content, problem in (
            (wire.lite_model([wire.lite_tensor("a", 0, [1])], none, [1]), "no tensor of its graph"),
            (wire.lite_model([wire.lite_tensor("a", 0, [1], 5)], none), "buffer is not in the file"),
            (wire.lite_model([], none, graphs=0), "no graph"),
            (wire.lite_model([], none, version=4), "that is not 3"),
        ):
            self.assertRegex(self.read(content).problem, problem)


# ---- GGUF ----------------------------------------------------------------------------------------------


def gguf_text(text, version=3):
    return struct.pack("<I" if version == 1 else "<Q", len(text)) + text.encode()


def gguf_key(name, kind, value, version=3):
    return gguf_text(name, version) + struct.pack("<I", kind) + value


def gguf(keys, tensors, data=b"", version=3, alignment=32):
    """Tensors are (name, dims, type, offset)."""
    length = "<I" if version == 1 else "<Q"
    out = b"GGUF" + struct.pack("<I", version) + struct.pack(length, len(tensors)) + struct.pack(length, len(keys))
    out += b"".join(keys)
    for name, dims, kind, offset in tensors:
        out += gguf_text(name, version) + struct.pack("<I", len(dims))
        out += b"".join(struct.pack(length, dim) for dim in dims) + struct.pack("<IQ", kind, offset)
    return out + bytes(-len(out) % alignment) + data


class Gguf(Case):
    def test_fixture(self):
        facts = read_one(MODELS / "tiny-q8_0.gguf")
        self.assertEqual((facts.encoding, facts.format, facts.name, facts.parameters),
                         ("ggml", "GGUF 3 (llama, q8_0)", "tiny-grammar", 143552))
        self.assertEqual((facts.inputs, facts.outputs), ([], []))
        self.assertEqual(facts.note, "takes text and gives text; 21 tensors; context of 256 tokens")

    def test_versions(self):
        for version in (1, 2, 3):
            keys = [gguf_key("general.architecture", 8, gguf_text("bert", version), version),
                    gguf_key("bert.context_length", 10, struct.pack("<Q", 512), version),
                    gguf_key("list", 9, struct.pack("<I" + ("I" if version == 1 else "Q"), 8, 2)
                             + gguf_text("a", version) + gguf_text("bc", version), version),
                    gguf_key("numbers", 9, struct.pack("<I" + ("I" if version == 1 else "Q"), 5, 3) + bytes(12), version)]
            facts = self.read(gguf(keys, [("w", [32, 2], 1, 0)], bytes(128), version))
            self.assertEqual((facts.format, facts.parameters), (f"GGUF {version} (bert, f16)", 64))
            self.assertIn("context of 512", facts.note)

    def test_split_and_adapter(self):
        keys = [gguf_key("split.count", 2, struct.pack("<H", 3)), gguf_key("general.type", 8, gguf_text("adapter"))]
        facts = self.read(gguf(keys, []))
        self.assertTrue(facts.external)
        self.assertEqual(facts.note, "no model by itself, but one's adapter; 0 tensors; one of 3 files")

    def test_alignment(self):
        keys = [gguf_key("general.alignment", 4, struct.pack("<I", 4096))]
        whole = gguf(keys, [("w", [4], 0, 0), ("v", [32, 3], 2, 64)], bytes(64 + 3 * 18), alignment=4096)
        self.assertEqual(self.read(whole).parameters, 4 + 96)
        self.assertIn("the file is cut off", self.read(whole[:-1]).problem)

    def test_malformed(self):
        deep = struct.pack("<IQ", 9, 1) * 9
        for content, problem in (
            (b"GGUF" + struct.pack(">I", 3) + bytes(16), "big-endian"),
            (b"GGUF\x09\0\0\0" + bytes(16), "GGUF version 9, expected 1 to 3"),
            (gguf([gguf_key("k", 13, b"")], []), "a type that GGUF does not have"),
            (gguf([gguf_key("k", 9, deep)], []), "too deep"),
            (gguf([], [("w", [2**40, 2**40], 0, 0)]), "more than 2.63 elements"),
            (gguf([], [("w", [1] * 9, 0, 0)]), "more than 8 dimensions"),
            (gguf([], [("w", [2**60], 0, 2**63)]), "beyond the file|cut off"),
        ):
            self.assertRegex(self.read(content).problem, problem)


# ---- PyTorch -------------------------------------------------------------------------------------------


def storage_type(name):
    """A class that pickles as torch's of that name."""
    torch = sys.modules.setdefault("torch", types.ModuleType("torch"))
    if not hasattr(torch, name):
        setattr(torch, name, type(name, (), {"__module__": "torch", "__qualname__": name}))
    return getattr(torch, name)


class Storage:
    def __init__(self, kind, key, elements):
        self.kind, self.key, self.elements = storage_type(kind), key, elements


def torch_pickle(value, protocol=2, extra=()):
    class Pickler(pickle.Pickler):
        def persistent_id(self, one):
            return ("storage", one.kind, one.key, "cpu", one.elements, *extra) if isinstance(one, Storage) else None

    out = io.BytesIO()
    Pickler(out, protocol).dump(value)
    return out.getvalue()


class PyTorch(Case):
    LEGACY = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)

    def archive(self, files, compression=zipfile.ZIP_STORED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", compression) as archive:
            for name, content in files.items():
                archive.writestr(f"net/{name}", content)
        return out.getvalue()

    def state(self, protocol=2):
        tied = Storage("FloatStorage", "0", 6)
        value = {"weight": [tied, (2, 3)], "bias": Storage("HalfStorage", "1", 5), "tied": tied,
                 "count": Storage("LongStorage", "2", 1), "seventh": list(range(7))}
        return {"data.pkl": torch_pickle(value, protocol), "data/0": bytes(24), "data/1": bytes(10),
                "data/2": bytes(8), "version": b"3\n"}

    def test_state_dict(self):
        for protocol in (2, 3, 4):
            facts = self.read(self.archive(self.state(protocol)))
            self.assertEqual((facts.encoding, facts.format, facts.name, facts.parameters),
                             ("pytorch", "PyTorch state dict or module", "net", 12), protocol)

    def test_unsure_parameters(self):
        state = self.state()
        changes = [("data/0", bytes(23)), ("data/3", bytes(4)),
                   ("data.pkl", torch_pickle([Storage("UntypedStorage", "0", 24)])),
                   ("data.pkl", torch_pickle([Storage("FloatStorage", "0", 6)]))]
        for name, content in changes:
            self.assertIsNone(self.read(self.archive({**state, name: content})).parameters)
        del state["data/1"]
        self.assertIsNone(self.read(self.archive(state)).parameters)
        facts = self.read(self.archive(self.state(), zipfile.ZIP_DEFLATED))
        self.assertEqual((facts.format, facts.parameters), ("PyTorch state dict or module", None))

    def test_script(self):
        files = {**self.state(), "code/__torch__/net.py": b"def forward(self): ...", "constants.pkl": b"\x80\2)."}
        self.assertEqual(self.read(self.archive(files)).format, "TorchScript")
        files["bytecode.pkl"] = b"\x80\2)."
        self.assertEqual(self.read(self.archive(files)).format, "TorchScript, with mobile bytecode")

    def test_exported_program(self):
        facts = self.read(self.archive({"archive_format": b"pt2", "models/model.json": b"{}"}))
        self.assertEqual(facts.format, "PyTorch exported program")

    def test_many_weights(self):
        """Enough that the pickle's memo needs long numbers."""
        value = {f"w{i}": [Storage("FloatStorage", str(i), i)] for i in range(3000)}
        files = {f"data/{i}": bytes(4 * i) for i in range(3000)}
        facts = self.read(self.archive({"data.pkl": torch_pickle(value), **files}))
        self.assertEqual(facts.parameters, sum(range(3000)))

    def legacy(self):
        weights = [Storage("FloatStorage", "94", 6), Storage("ByteStorage", "95", 5)]
        whole = self.LEGACY + torch_pickle(weights, extra=(None,)) + pickle.dumps(["94", "95"], 2)
        return whole + struct.pack("<q", 6) + bytes(24) + struct.pack("<q", 5) + bytes(5)

    def test_legacy(self):
        whole = self.legacy()
        facts = self.read(whole)
        self.assertEqual((facts.format, facts.parameters), ("PyTorch state dict or module (before 1.6)", 11))
        self.assertIn("the file is cut off", self.read(whole[:-1]).problem)

    def test_plain_pickle(self):
        for protocol in range(2, 6):
            facts = self.read(pickle.dumps({"a": [1, 2.5, "x", b"y", None, (1,) * 9, 2**70, {3}]}, protocol))
            self.assertEqual((facts.encoding, facts.format), ("pytorch", "Python pickle"))

    def test_cut_off(self):
        self.assertIn("the file is cut off", self.read(self.archive(self.state())[:-30]).problem)

    def test_others(self):
        for content in (self.archive({"word/document.xml": b"<a/>"}), b"\x80\2.", b"\x80\4\x95", b"PK\3\4"):
            facts = self.read(content)
            self.assertIsNone(facts.format)
            self.assertFalse(facts.problem)


if __name__ == "__main__":
    unittest.main()
