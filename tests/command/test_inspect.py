"""`wasinn inspect`: models as OpenVINO itself describes them, guests, and files that are neither.

WASINN_PYTHON is a folder with openvino, WASINN_MODELS one with efficientnet-lite0.
"""

import json
import os
import pathlib
import pickle
import random
import re
import subprocess
import sys
import threading
import time
import unittest

from command import FIXTURES, GUESTS, LONGEST, SANITIZED, USAGE, WASINN, Case, assembled, guest, run

MODELS = pathlib.Path(os.environ["WASINN_MODELS"])
ROOT = pathlib.Path(__file__).resolve().parents[2]
FAILED = 1

sys.path.insert(0, os.environ["WASINN_PYTHON"])
try:
    import openvino
except ImportError as problem:
    openvino = None
    WHY = f"no openvino for this Python: {problem}"

NAMES = {"boolean": "bool"}
WEIGHTS = ("f16", "f32", "f64", "bf16", "i8", "u8", "i4", "u4", "u1", "nf4")


class Inspect(Case):
    def facts(self, path, **options):
        result = run("inspect", "--json", path, **options)
        self.assert_succeeded(result)
        return json.loads(result.out)

    def refuse(self, path, *words, **options):
        for arguments in (["inspect", path], ["inspect", path, "--json"]):
            result = run(*arguments, **options)
            self.assert_ended(result, FAILED, *words)
            self.assertEqual(result.out, "")
            self.assertLess(result.seconds, 20)


# ---- Models --------------------------------------------------------------------------------------------


def described(port):
    """A port as OpenVINO's own library describes it. Bounds of outputs are worked out by it: an xml has none."""
    shape, bytes_ = None, None
    kind = port.get_element_type().get_type_name()
    if port.get_partial_shape().rank.is_static:
        shape = []
        for dimension in port.get_partial_shape():
            low, high = dimension.get_min_length(), dimension.get_max_length()
            bounds = f"{low or ''}..{high if high >= 0 else ''}"
            shape.append(low if dimension.is_static else None if bounds == ".." else bounds)
        if port.get_partial_shape().is_static and kind not in ("i4", "u4", "u1", "nf4", "string"):
            bytes_ = port.get_element_type().size
            for size in shape:
                bytes_ *= size
    return {"name": min(port.get_names(), default=""), "type": NAMES.get(kind, kind), "shape": shape, "bytes": bytes_}


def numbered(ports, bounds=True):
    found = [{"index": index, **described(port)} for index, port in enumerate(ports)]
    for port in found:
        if port["shape"] and not bounds:
            port["shape"] = [None if isinstance(size, str) else size for size in port["shape"]]
    return found


def constants(model):
    """Elements of the weights, those of bodies within operations too."""
    count = 0
    for operation in model.get_ops():
        if operation.get_type_name() == "Constant" and operation.get_element_type().get_type_name() in WEIGHTS:
            count += operation.get_byte_size() * 8 // operation.get_element_type().bitwidth
        if hasattr(operation, "get_function"):
            count += constants(operation.get_function())
    return count


@unittest.skipUnless(openvino, "openvino is missing")
class Models(Inspect):
    def compare(self, xml):
        facts, model = self.facts(xml), openvino.Core().read_model(xml)
        with self.subTest(xml.name):
            self.assertEqual(facts["inputs"], numbered(model.inputs))
            self.assertEqual(facts["outputs"], numbered(model.outputs, bounds=False))
            self.assertEqual((facts["kind"], facts["encoding"], facts["path"]), ("model", "openvino", str(xml)))
            self.assertEqual(facts["bytes"], xml.stat().st_size + xml.with_suffix(".bin").stat().st_size)
            self.assertEqual(facts["served"], xml.name != "dynamic_rank.xml", facts["reason"])
            self.assertEqual(facts["backends"], [facts["backend"]] if facts["served"] else [])
            self.assertIn("openvino 20", facts["backend"])
        return facts, model

    def test_fixtures(self):
        compared = [self.compare(xml) for xml in sorted(FIXTURES.glob("*.xml"))]
        self.assertGreater(len(compared), 25)

    def test_parameters(self):
        for xml in [FIXTURES / "shapes.xml", FIXTURES / "add.xml", FIXTURES / "slow.xml"]:
            facts, model = self.compare(xml)
            self.assertEqual(facts["parameters"], constants(model), xml.name)
        self.assertEqual(self.facts(FIXTURES / "shapes.xml")["parameters"], 64709)

    def test_what_cannot_be_set(self):
        self.assertIn("input 0 is of any rank", self.facts(FIXTURES / "dynamic_rank.xml")["reason"])
        for kind in ("bf16", "u16", "i16", "i64"):
            self.assertIsNone(self.facts(FIXTURES / f"types_{kind}.xml")["note"])
        text = self.write("text.xml", (FIXTURES / "add.xml").read_text().replace('element_type="f32"', 'element_type="string"'))
        self.assertIn("input 0 is string, which a guest cannot set", self.facts(text)["note"])

    def save(self, name, model, **options):
        xml = self.temporary / f"{name}.xml"
        openvino.save_model(model, xml, **options)
        return xml

    def test_made_models(self):
        import numpy
        from openvino import opset13 as op

        def parameter(shape, kind, *names):
            made = op.parameter(openvino.PartialShape(shape), kind)
            made.output(0).set_names(set(names))
            return made

        bounds = openvino.Dimension
        x = parameter([bounds(1, 10), 3, -1, bounds(2, -1)], numpy.float32, "zeta,x", "alpha", "b b")
        y = parameter([bounds(0, 7)], numpy.int64, 'qu"ote & <tag>')
        z = parameter([2, 0], numpy.float16, "ünïcödé")
        total = op.add(x, op.constant(numpy.ones((1, 3, 1, 1), numpy.float32)))
        total.output(0).set_names({"sum", "also, this"})
        packed = op.constant(numpy.ones((5, 2), numpy.float32), dtype=openvino.Type.u4)
        model = openvino.Model([op.result(z), op.result(total), op.result(y), op.result(packed)], [z, x, y],
                               'a "model" & <more>')
        facts, _ = self.compare(self.save("made", model, compress_to_fp16=True))
        self.assertEqual(facts["name"], 'a "model" & <more>')
        self.assertIn("OpenVINO 20", facts["producer"])
        self.assertEqual(facts["parameters"], 3 + 10)
        self.assertEqual(facts["inputs"][1]["shape"], ["1..10", 3, None, "2.."])
        self.assertEqual(facts["outputs"][3]["type"], "u4")
        text = run("inspect", self.temporary / "made.xml").out
        self.assertIn("f32 [1..10,3,?,2..]", text)

    def test_older_xml_names_outputs_by_edges_alone(self):
        for name in ("two_outputs", "shapes", "many", "add"):
            xml = self.write(f"{name}.xml", re.sub(r' output_names="[^"]*"', "",
                                                   (FIXTURES / f"{name}.xml").read_text()))
            self.write(f"{name}.bin", (FIXTURES / f"{name}.bin").read_bytes())
            self.compare(xml)

    def test_layers_in_another_order(self):
        layers = re.compile(r"\t\t<layer .*?</layer>\n", re.S)
        for name in ("many", "two_outputs", "add"):
            text = (FIXTURES / f"{name}.xml").read_text()
            shuffled = layers.findall(text)
            random.Random(7).shuffle(shuffled)
            found = iter(shuffled)
            xml = self.write(f"{name}.xml", layers.sub(lambda _: next(found), text))
            self.write(f"{name}.bin", (FIXTURES / f"{name}.bin").read_bytes())
            self.compare(xml)

    def test_a_rank_that_the_xml_does_not_tell(self):
        """An output without dimensions: a scalar where all is fixed, else its rank is not told."""
        import numpy
        from openvino import opset13 as op
        x, shape = op.parameter([4], numpy.float32), op.parameter([-1], numpy.int64)
        xml = self.save("m", openvino.Model([op.result(op.reshape(x, shape, False))], [x, shape], "m"))
        self.assertIsNone(self.facts(xml)["outputs"][0]["shape"])
        self.assertEqual(self.facts(FIXTURES / "scalar.xml")["outputs"][0]["shape"], [])

    def test_a_real_model_by_its_folder(self):
        folder = MODELS / "efficientnet-lite0"
        facts = self.facts(folder)
        self.assertEqual(facts["path"], str(folder / "model.xml"))
        self.assertEqual(facts["inputs"], [{"index": 0, "name": "images", "type": "f32", "shape": [1, 3, 224, 224],
                                            "bytes": 602112}])
        self.assertEqual(facts["outputs"], [{"index": 0, "name": "probs", "type": "f32", "shape": [1, 1000],
                                             "bytes": 4000}])
        text = run("inspect", folder)
        self.assert_succeeded(text)
        self.assertRegex(text.out, r"(?m)^  input +0  images +f32 \[1,3,224,224\]  602112 bytes$")
        self.assertRegex(text.out, r"(?m)^  parameters +46\d{5}$")

    def test_through_a_pipe(self):
        by_name = self.facts(FIXTURES / "shapes.xml")
        piped = self.facts("-", stdin=(FIXTURES / "shapes.xml").read_bytes())
        self.assertEqual(piped["path"], "stdin")
        for key in ("inputs", "outputs", "parameters", "encoding", "format"):
            self.assertEqual(piped[key], by_name[key])

    def test_weights(self):
        xml = self.write("m.xml", (FIXTURES / "shapes.xml").read_bytes())
        for weights, words in [(None, "No such file"), (b"", "has 0 bytes"), (b"x" * 1000, "has 1000 bytes")]:
            if weights is not None:
                self.write("m.bin", weights)
            facts = self.facts(xml)
            self.assertFalse(facts["served"])
            self.assertIn(words, facts["reason"])
            self.assertIn("129498 bytes of weights", facts["reason"])
        (self.temporary / "m.bin").unlink()
        (self.temporary / "m.bin").mkdir()
        self.assertIn("not a file", self.facts(xml)["reason"])

    def test_a_runtime_that_is_missing(self):
        facts = self.facts(FIXTURES / "add.xml", environment={"WASINN_OPENVINO": "/nonexistent"})
        self.assertFalse(facts["served"])
        self.assertIn("install OpenVINO", facts["reason"])
        self.assertEqual(len(facts["inputs"]), 2)


class OtherFormats(Inspect):
    """The readers themselves are compared with onnx and OpenVINO in tests/inspect_models_test.py."""

    def test_shapes(self):
        folder = FIXTURES / "models"
        variables = sum(path.stat().st_size for path in (folder / "shapes_sm" / "variables").iterdir())
        for name, encoding, ports in [("shapes.onnx", "onnx", ("x", "y")), ("shapes_sm", "tensorflow", ("x", "y")),
                                      ("shapes.tflite", "tensorflowlite",
                                       ("serving_default_x:0", "StatefulPartitionedCall:0"))]:
            facts = self.facts(folder / name)
            self.assertEqual(facts["encoding"], encoding)
            self.assertEqual([facts["inputs"][0]["name"], facts["outputs"][0]["name"]], list(ports))
            self.assertEqual(facts["inputs"][0]["shape"], [1, 64, 64, 3])
            self.assertEqual(facts["outputs"][0]["bytes"], 20)
            self.assertIn(facts["parameters"], (64709, 64711))
            self.assertTrue(facts["served"], facts["reason"])
            self.assertRegex(facts["backend"], "^onnxruntime 1" if encoding == "onnx" else "^openvino 20")
            self.check_served(facts)
            if encoding == "tensorflow":
                self.assertEqual(facts["bytes"], variables + (folder / name / "saved_model.pb").stat().st_size)

    def check_served(self, facts, **environment):
        """By the backends that `wasinn backends` lists for the encoding, in that order."""
        listed = json.loads(run("backends", "--json", environment=environment).out)
        versions = {one["name"]: f"{one['name']} {one['version']}" for one in listed["backends"]}
        wanted = [versions[name] for name in listed["encodings"][facts["encoding"]]]
        self.assertEqual((facts["backends"], facts["backend"]), (wanted, wanted[0] if wanted else None))
        self.assertEqual((facts["served"], facts["reason"] is None), (bool(wanted), bool(wanted)))

    def test_gguf(self):
        facts = self.facts(FIXTURES / "models" / "tiny-q8_0.gguf")
        self.assertEqual((facts["encoding"], facts["inputs"], facts["outputs"]), ("ggml", [], []))
        self.assertIn("text", facts["note"])
        self.check_served(facts)
        self.assertIn("this version has no backend for the encoding ggml", facts["reason"])

    def test_pytorch(self):
        parts = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {"net": {}}, [])
        facts = self.facts(self.write("model.pt", b"".join(pickle.dumps(part, 2) for part in parts)))
        self.check_served(facts)
        self.assertEqual(facts["encoding"], "pytorch")
        self.assertIn("this version has no backend for the encoding pytorch: convert", facts["reason"])

    def test_served_by_those_that_can_be_opened(self):
        onnx = FIXTURES / "models" / "shapes.onnx"
        for away in ({}, {"WASINN_OPENVINO": "/nonexistent"}, {"WASINN_ONNXRUNTIME": "/nonexistent"},
                     {"WASINN_OPENVINO": "/nonexistent", "WASINN_ONNXRUNTIME": "/nonexistent"}):
            with self.subTest(away):
                facts = self.facts(onnx, environment=away)
                self.check_served(facts, **away)
                text = run("inspect", onnx, environment=away)
                self.assert_succeeded(text)
                words = f"yes, by {', or by '.join(facts['backends'])}" if facts["served"] else "no: "
                self.assertIn(f"  served     {words}", text.out)
        self.assertIn("install OpenVINO", facts["reason"])

    def test_backends_of_other_folders(self):
        """A file that comes first is asked, and this one is none."""
        self.write("libwasinn-openvino.so", "no library")
        for options, environment in ((["--backends", self.temporary], {}), ([], {"WASINN_BACKENDS": str(self.temporary)}),
                                     (["--backends", "/nowhere", "--backends", self.temporary], {})):
            result = run("inspect", "--json", *options, FIXTURES / "add.xml", environment=environment)
            self.assert_succeeded(result)
            facts = json.loads(result.out)
            self.assertEqual((facts["served"], facts["backends"]), (False, []))
            self.assertIn("no backend for the encoding openvino", facts["reason"])


class Folders(Inspect):
    def test_which_model(self):
        xml = (FIXTURES / "add.xml").read_bytes()
        for name in ("b.xml", "model.xml"):
            self.write(name, xml)
            self.assertEqual(self.facts(self.temporary)["path"], str(self.temporary / name))
        self.write("c.xml", xml)
        self.assertEqual(self.facts(f"{self.temporary}/")["path"], f"{self.temporary}/model.xml")
        (self.temporary / "model.xml").unlink()
        self.refuse(self.temporary, "more than one model", "b.xml and c.xml")

    def test_a_folder_is_no_model(self):
        self.write("b.xml", (FIXTURES / "add.xml").read_bytes())
        (self.temporary / "c.onnx").mkdir()
        (self.temporary / "model.xml").mkdir()
        self.assertEqual(self.facts(self.temporary)["path"], str(self.temporary / "b.xml"))

    def test_none(self):
        self.refuse(self.temporary, str(self.temporary), "no model", "model.xml")
        self.write("notes.txt", b"x")
        self.refuse(self.temporary, "no model")


# ---- Guests --------------------------------------------------------------------------------------------

WITX = "wasi-nn for core modules (witx)"


def module(*parts, memory='(memory (export "memory") 1)', start='(func (export "_start"))'):
    return assembled(f"(module {' '.join(parts)} {memory} {start})")


class Guests(Inspect):
    def imports(self, facts):
        return {(one["module"], one["name"]): one for one in facts["imports"]}

    def test_classify(self):
        facts = self.facts(guest("classify"))
        self.assertEqual((facts["kind"], facts["command"], facts["exports_memory"], facts["served"]),
                         ("module", True, True, True))
        found = {name: one["signature"] for (where, name), one in self.imports(facts).items()
                 if where == "wasi_ephemeral_nn"}
        self.assertEqual(found, {"load": "(iiiii)i", "init_execution_context": "(ii)i", "set_input": "(iii)i",
                                 "compute": "(i)i", "get_output": "(iiiii)i"})
        for one in facts["imports"]:
            self.assertTrue(one["served"], one)
            self.assertEqual(one["abi"], WITX if one["module"] == "wasi_ephemeral_nn" else None)

    def test_every_guest_of_the_tests_is_served(self):
        for path in sorted(GUESTS.glob("*.wasm")):
            with self.subTest(path.name):
                self.assertTrue(self.facts(path)["served"])
                text = run("inspect", path)
                self.assert_succeeded(text)
                self.assertRegex(text.out, r"(?m)^  served     yes$")

    def check(self, wasm, served, *reasons, **expected):
        facts = self.facts(self.write("guest.wasm", wasm))
        self.assertEqual(facts["served"], served, facts["reason"])
        for word in reasons:
            self.assertIn(word, facts["reason"])
        for key, value in expected.items():
            self.assertEqual(facts[key], value, key)
        return facts

    def test_what_is_missing(self):
        of_wasmedge = '(import "wasi_ephemeral_nn" "compute_single" (func (param i32) (result i32)))'
        facts = self.check(module(of_wasmedge), False, "wasi_ephemeral_nn.compute_single")
        self.assertIn("WasmEdge", facts["imports"][0]["abi"])
        several = " ".join(f'(import "wasi_ephemeral_nn" "{name}" (func))' for name in ("unload", "load", "foo", "zoo"))
        facts = self.check(module(several), False, "4 of its imports")
        text = run("inspect", self.temporary / "guest.wasm").out
        for heading, names in [("additions of WasmEdge", ["unload"]), ("wasi-nn for core modules (witx)", ["load"]),
                               ("no wasi-nn is known to have", ["foo", "zoo"])]:
            found = re.search(rf"(?m)^  imports    wasi_ephemeral_nn: [^\n]*{re.escape(heading)}[^\n]*\n((?:    .*\n)+)", text)
            self.assertEqual([line.split()[0] for line in found[1].splitlines()], names, text)
        of_wamr = '(import "wasi_nn" "load" (func (param i32 i32 i32 i32) (result i32)))'
        facts = self.check(module(of_wamr), False, "wasi_nn.load")
        self.assertEqual(facts["imports"][0]["abi"], "WAMR's older wasi-nn")
        self.assertEqual(facts["imports"][0]["signature"], "(iiii)i")
        wrong = '(import "wasi_ephemeral_nn" "compute" (func (param i64 f32 f64 v128 externref)))'
        facts = self.check(module(wrong), False, "wasi_ephemeral_nn.compute")
        self.assertEqual(facts["imports"][0]["signature"], "(IfFvr)")
        self.assertIn("(i)i", facts["imports"][0]["reason"])
        self.check(module('(import "wasi_ephemeral_nn" "load" (global i32))'), False, "load")
        facts = self.check(module('(import "env" "abort" (func))', '(import "env" "m" (memory 1))', memory=""), False,
                           "2 of its imports", "env.abort")
        self.assertEqual([one["kind"] for one in facts["imports"]], ["function", "memory"])

    def test_start_and_memory(self):
        self.check(module(start=""), False, "_start", command=False)
        for kind in ("(param i32)", "(result i32) (i32.const 0)"):
            self.check(module(start=f'(func (export "_start") {kind})'), False, "without parameters", command=False)
        self.check(module('(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))', '(func $f (param i64))',
                          '(func $g)', '(export "_start" (func $g))', start=""), True, command=True)
        uses = '(import "wasi_ephemeral_nn" "compute" (func (param i32) (result i32)))'
        self.check(module(uses, memory=""), False, "memory", exports_memory=False)
        self.check(module(uses, memory='(memory (export "memory") i64 1)'), False, "memory", memory_64=True)
        self.check(module(uses, memory='(memory (export "memory") 1 1 shared)'), False, memory_shared=True)
        self.check(module(memory=""), True, exports_memory=False)
        imported = module('(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))')
        self.check(imported, True, exports_memory=True)

    def test_types_of_every_kind(self):
        self.check(assembled("""(module
            (rec (type $a (sub (struct (field i8) (field (mut (ref null $a))))))
                 (type $b (sub $a (struct (field i8) (field (mut (ref null $a))) (field f64)))))
            (type $c (array (mut i16)))
            (type $f (func (param (ref null $c) funcref i64) (result i32 i32)))
            (import "m" "f" (func (type $f)))
            (import "m" "t" (table 1 funcref)) (import "m" "g" (global (mut i64))) (import "m" "e" (tag (param i32)))
            (memory (export "memory") 1) (func (export "_start")))"""), False, "4 of its imports")
        found = json.loads(run("inspect", "--json", self.temporary / "guest.wasm").out)["imports"]
        self.assertEqual([(one["name"], one["kind"], one["signature"]) for one in found],
                         [("e", "tag", None), ("f", "function", "(rrI)ii"), ("g", "global", None),
                          ("t", "table", None)])

    def test_component(self):
        component = assembled("""(component
            (import "wasi:nn/tensor@0.2.0-rc-2024-10-28" (instance $tensor
                (export "tensor" (type (sub resource)))
                (type $e (enum "FP16" "FP32"))
                (export "tensor-type" (type (eq $e)))
                (type $v (variant (case "a" (list u8)) (case "b")))
                (type $r (record (field "x" (option string)) (field "y" (tuple u8 f32))))
                (export "other" (type (eq $r)))
                (export "[static]tensor.make" (func (param "d" (list u32)) (result (result u8 (error string)))))))
            (alias export $tensor "tensor" (type $t))
            (import "wasi:nn/inference@0.2.0-rc-2024-10-28" (instance
                (alias outer 1 $t (type $outer))
                (export "tensor" (type $mine (eq $outer)))
                (export "compute" (func (param "t" (borrow $mine)) (result (flags "a" "b"))))))
            (import "wasi:io/error@0.2.0" (instance (export "error" (type (sub resource)))))
            (import "plain" (func)))""")
        facts = self.check(component, False, "component", "core modules only", kind="component")
        self.assertEqual(
            [(one["module"], one["name"], one["kind"], one["abi"] is not None) for one in facts["imports"]],
            [("plain", "", "function", False), ("wasi:io/error@0.2.0", "", "interface", False),
             ("wasi:nn/inference@0.2.0-rc-2024-10-28", "compute", "function", True),
             ("wasi:nn/tensor@0.2.0-rc-2024-10-28", "[static]tensor.make", "function", True)])
        text = run("inspect", self.temporary / "guest.wasm").out
        self.assertIn("wasi:nn/tensor@0.2.0-rc-2024-10-28: wasi-nn for components (WIT)", text)

    def test_imports_of_another_type(self):
        for what in ('(func (param f64))', '(func (param i32 i32 i32 i32))', '(global i32)', '(memory 1)'):
            facts = self.check(module(f'(import "wasi_snapshot_preview1" "fd_write" {what})', memory=""), False, "fd_write")
            self.assertIn("(iiii)i", facts["imports"][0]["reason"])
        self.check(module('(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))'), True)
        self.check(module(memory='(memory (export "m") 1 1 shared) (memory (export "memory") 1 1 shared)'), False, "shared")

    def test_names(self):
        """A byte 0 does not end a name, and a long one is cut."""
        facts = self.check(module('(import "wasi_snapshot_preview1\\00x" "fd_close" (func (param i32) (result i32)))'),
                           False, "none of this name")
        self.assertNotEqual(facts["imports"][0]["module"], "wasi_snapshot_preview1")
        self.check(module(start='(func (export "_start\\00"))'), False, command=False)
        self.check(module(f'(func (export "{"x" * 5000}"))'), True, command=True)

    def test_types_of_components(self):
        """Names are found through exported types and equal ones; what is not looked into takes nothing else along."""
        load = '(instance (export "load" (func)))'
        other = '(instance (export "other" (func)))'
        for parts, expected in [
            (f'(type $a {load}) (export $b "b" (type $a)) (import "i" (instance (type $b)))', "load"),
            (f'(type $a {other}) (export "b" (type $a)) (type $c {load}) (import "i" (instance (type $c)))', "load"),
            (f'(type $a {load}) (import "t" (type $b (eq $a))) (import "i" (instance (type $b)))', "load"),
            ('(import "i" (instance (export "m" (core module (import "a" "b" (func))))))', ""),
        ]:
            facts = self.facts(self.write("c.wasm", assembled(f"(component {parts})")))
            self.assertEqual([one["name"] for one in facts["imports"] if one["module"] == "i"], [expected], parts)

    def test_many_long_names(self):
        """Names of an interface that is imported again and again are not told without end."""
        def name(text):
            return leb(len(text)) + text
        declarations = b"".join(b"\4\0" + name(b"%01000d" % i) + b"\1\0" for i in range(900))
        types = b"\x42" + leb(901) + b"\1\x40\0\1\0" + declarations
        imports = b"".join(b"\0" + name(b"i%d" % i) + b"\5\0" for i in range(100))
        wasm = b"\0asm\x0d\0\1\0" + b"\7" + leb(len(types) + 1) + b"\1" + types
        wasm += b"\x0a" + leb(len(imports) + 1) + b"\x64" + imports
        self.refuse(self.write("amp.wasm", wasm), "than are looked into")
        if not SANITIZED:
            self.assertLess(run("inspect", "--json", self.temporary / "amp.wasm").peak, 200 << 10)

    def test_validation_without_end(self):
        """Twenty jump tables of 65000 ways out of a block with a thousand results: quick to read, slow to validate."""
        results = leb(1000) + b"\x7f" * 1000
        types = b"\2" + b"\x60\0" + results + b"\x60\0\0"
        code = b"\0\2\0" + b"".join(b"\x0e" + leb(65000) + b"\0" * 65001 for _ in range(20)) + b"\x0b\0\x0b"
        code = b"\0" + code[1:]
        body = leb(len(code)) + code
        wasm = b"\0asm\1\0\0\0" + b"".join(
            number + leb(len(content)) + content for number, content in [
                (b"\1", types), (b"\3", b"\1\1"), (b"\7", b"\1\6_start\0\0"), (b"\x0a", b"\1" + body)])
        result = run("inspect", self.write("slow.wasm", wasm))
        self.assert_ended(result, FAILED, "slow.wasm")
        self.assertLess(result.seconds, 20)

    def test_damaged(self):
        whole = guest("classify").read_bytes()
        for length in [*range(0, 8), *range(9, 64), *range(64, len(whole), len(whole) // 60)]:
            with self.subTest(length):
                words = ["empty"] if length == 0 else []
                self.refuse(self.write("cut.wasm", whole[:length]), "cut.wasm", *words)
        self.refuse(self.write("v.wasm", b"\0asm\2\0\0\0"), "unknown version")
        self.refuse(self.write("v.wasm", b"\0asm\1\0\0\0" + b"\0\0" * 60), "custom section without a name")
        self.refuse(self.write("v.wasm", b"\0asm\1\0\0\0" + b"\0\1\0" * 100001), "more than 100000 sections")
        self.refuse(self.write("v.wasm", b"\0asm\1\0\0\0\1\6\xff\xff\xff\xff\x0f\x60"), "announced")
        self.refuse(self.write("v.wasm", b"\0asm\1\0\0\0\1\2\1\x60"), "ends where more was announced")
        nested = b"\0asm\x0d\0\1\0"
        types = b"\x01" + b"\x42\x01\x01" * 100 + b"\x7f"
        self.refuse(self.write("v.wasm", nested + b"\7" + leb(len(types)) + types), "types within types")

    def test_flipped_bytes_end_in_order(self):
        whole = bytearray(guest("double").read_bytes())
        for at in range(8, min(len(whole), 700), 7):
            damaged = bytearray(whole)
            damaged[at] ^= 0xFF
            result = run("inspect", self.write("flipped.wasm", bytes(damaged)))
            self.assert_alive(result)
            self.assertIn(result.code, (0, FAILED))


def leb(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


# ---- Neither -------------------------------------------------------------------------------------------


class BadInput(Inspect):
    def test_usage(self):
        for arguments, words in [([], ["PATH", "none"]), (["a", "b"], ["PATH", "more"]), (["--nonsense", "x"], ["--nonsense"]),
                                 (["--json=1", "x"], ["--json=1: expected no value"]), (["-x", "a"], ["option -x"]),
                                 (["--json", "-xh"], ["option -x"])]:
            self.assert_ended(run("inspect", *arguments), USAGE, "inspect", *words)
        for arguments in (["inspect", "--help"], ["inspect", "-h"], ["help", "inspect"]):
            result = run(*arguments)
            self.assert_succeeded(result)
            self.assertIn("--json", result.out)

    def test_every_file_of_the_repository(self):
        known = {".xml": "model", ".wasm": "module", ".onnx": "model", ".tflite": "model", ".gguf": "model", ".pb": "model"}
        tracked = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True)
        names = tracked.stdout.decode().split("\0")[:-1] if tracked.returncode == 0 else []
        paths = [ROOT / name for name in names] or [path for path in FIXTURES.parent.rglob("*") if path.is_file()]
        for path in paths:
            with self.subTest(path):
                result = run("inspect", "--json", path)
                if path.suffix in known and path.name != "fingerprint.pb":
                    self.assert_succeeded(result)
                    self.assertEqual(json.loads(result.out)["kind"], known[path.suffix])
                elif result.code == 0:
                    self.assertEqual(path.suffix, ".bin", "taken for a model")
                else:
                    self.assert_ended(result, FAILED, path.name)

    def test_bytes(self):
        noise = random.Random(11)
        for size in (1, 3, 4, 8, 100, 5000, 1 << 20):
            for _ in range(6):
                self.refuse(self.write("noise", noise.randbytes(size)), "noise")
        for data, words in [(b"", "empty"), (b"(module)", "wat2wasm"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"\x1f\x8bxxx", "gzip"),
                            (b"hello, world", "hello, w"), (b"\x7fELF\2\1\1", "native"), (b"\0" * 5000, "00 00 00")]:
            self.refuse(self.write("x", data), words)

    def test_xml(self):
        good = (FIXTURES / "add.xml").read_text()
        for text, words in [
            ("<", "without an end"), ("<a", "without an end"), ("<html><body/></html>", "<net>"), ("<?xml", "without its end"),
            ("<!DOCTYPE x [<!ENTITY a 'b'>]><net/>", "document type"), ("<net>", "no version"),
            ("<net version='11'>", "ends within its tags"), ("<net version='11'><!-- ", "without its end"),
            ("</net>", "never opened"), ("<net version='11'>" + "<a>" * 1001, "more than 1000"),
            ("<net version='11'><layers><layer/></layers></net>", "a layer without"),
            (good.replace("<dim>2</dim>", "<dim>two</dim>"), "a dimension"),
            (good.replace('shape="2,2"', 'shape="2,,2"'), "whose shape is none"),
            (good.replace('shape="2,2"', 'shape="' + "2," * 40 + '2"'), "whose shape is none"),
            (good[: len(good) // 2], "at byte"),
            ("<net version='11' name='" + "x" * (2 << 20), "without an end"),
        ]:
            with self.subTest(text[:40]):
                self.refuse(self.write("m.xml", text), "m.xml", words)

    def test_xml_as_openvino_reads_it(self):
        good = (FIXTURES / "add.xml").read_text()
        for text, words in [
            (good + "<net name='second' version='7'></net>", "behind the document's end"),
            (good.replace("</layers>", "</layer>", 1), "another name"),
            (good.replace('id="0"', 'id="zero"', 1), "a number"),
            (good.replace('from-layer="0"', 'from-layer="-1"', 1), "no numbers"),
        ]:
            self.refuse(self.write("m.xml", text), words)
        self.write("m.bin", (FIXTURES / "add.bin").read_bytes())
        facts = self.facts(self.write("m.xml", good.replace('names="a"', 'names="&#233;&#x1F600;&#0;&#xD800;"')))
        self.assertEqual(facts["inputs"][0]["name"], "é\N{GRINNING FACE}&#0;&#xD800;")
        deep = re.sub(r'element_type="f32" shape="[^"]*"', 'element_type="f32" shape="' + "1, " * 16 + '1"',
                      (FIXTURES / "scalar.xml").read_text(), count=1)
        self.assertEqual(self.facts(self.write("m.xml", deep))["parameters"], 1)

    def test_an_xml_cut_anywhere(self):
        whole = (FIXTURES / "two_outputs.xml").read_bytes().rstrip()
        for length in range(1, len(whole), 11):
            self.refuse(self.write("cut.xml", whole[:length]), "cut.xml")

    def test_terminals_are_safe(self):
        text = (FIXTURES / "add.xml").read_text().replace('name="add"', 'name="\x1b[31mred\x07"')
        result = run("inspect", self.write("m\x1b[2J.xml", text.replace('names="a"', 'names="\x1b]0;t\x07"')))
        self.assert_succeeded(result)
        self.assertNotIn("\x1b", result.out)
        self.assertNotIn("\x07", result.out)

    def test_sparse(self):
        for name, head in [("zero", b""), ("x.wasm", b"\0asm\1\0\0\0"), ("x.xml", b"<net version='11'>"), ("x.gguf", b"GGUF\3\0\0\0"),
                           ("x.tflite", b"\x1c\0\0\0TFL3"), ("x.onnx", b"\x08\x08\x12\x04pyto"), ("x.pt", b"PK\3\4")]:
            path = self.write(name, head)
            os.truncate(path, 10 << 30)
            result = run("inspect", path)
            if name == "x.gguf":  # of no tensors, with a tail
                self.assert_succeeded(result)
            else:
                self.assert_ended(result, FAILED, name)
            if not SANITIZED:
                self.assertLess(result.peak, 100 << 10)
            self.assertLess(result.seconds, 20)
            path.unlink()

    def test_names(self):
        self.refuse(self.temporary / "none", "No such file")
        self.refuse("", "No such file")
        self.refuse("/dev/null", "empty")
        self.refuse("/proc/version", "Linux ve")
        self.refuse("/dev/zero", "more than 268435456 bytes")
        loop = self.temporary / "loop"
        loop.symlink_to(loop)
        self.refuse(loop, "symbolic links")
        path = self.write("locked.xml", (FIXTURES / "add.xml").read_bytes())
        path.chmod(0)
        if not os.access(path, os.R_OK):
            self.refuse(path, "Permission denied")

    def test_pipes(self):
        fifo = self.temporary / "fifo"
        os.mkfifo(fifo)
        for data, code in [((FIXTURES / "shapes.xml").read_bytes(), 0), (guest("session").read_bytes(), 0),
                           (b"nonsense", FAILED), (b"", FAILED)]:
            writer = threading.Thread(target=lambda: fifo.write_bytes(data))
            writer.start()
            result = run("inspect", fifo)
            writer.join()
            self.assert_alive(result)
            self.assertEqual(result.code, code, result.err)
        began = time.monotonic()
        self.assert_ended(run("inspect", fifo), FAILED, "nothing came for 10 s")
        self.assertLess(time.monotonic() - began, LONGEST)

    def test_a_file_that_changes(self):
        """It shrinks, grows and goes while it is read: some result or one line, never a signal."""
        whole = guest("session").read_bytes()
        path = self.temporary / "changing.wasm"
        stop = threading.Event()

        def change():
            for turn in iter(int, 1):
                if stop.is_set():
                    return
                if turn % 2:
                    path.unlink(missing_ok=True)
                path.write_bytes(whole[: random.randrange(len(whole))] if turn % 3 else whole)
                os.truncate(path, random.randrange(len(whole)))

        changer = threading.Thread(target=change)
        changer.start()
        try:
            for _ in range(60):
                result = run("inspect", path)
                self.assert_alive(result)
                self.assertIn(result.code, (0, FAILED))
        finally:
            stop.set()
            changer.join()

    def test_full_output(self):
        with open("/dev/full", "w") as full:
            for option in ([], ["--json"]):
                result = subprocess.run([WASINN, "inspect", FIXTURES / "add.xml", *option], stdout=full,
                                        stderr=subprocess.PIPE, text=True)
                self.assertEqual(result.returncode, FAILED)
                self.assertIn("No space left", result.stderr)


if __name__ == "__main__":
    unittest.main()
