# SPDX-License-Identifier: Apache-2.0
"""Files that claim more than they have, or that are made to keep a reader busy: each is told something about or
refused, in little memory. That a reader does not end is what LONGEST is for; no time is asserted."""

import io
import pathlib
import pickle
import struct
import subprocess
import tempfile
import unittest
import zipfile

import inspect_models_test as models
import wire
from inspect_facts import LONGEST, MODELS, PROGRAM, SANITIZED, read
from wire import field, varint

MOST_MEMORY = 64 << 20
HUGE = 10 << 30


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def check(self, content, size=None, tail=b""):
        """The facts of a file that begins with the content, has a hole up to `size`, and ends with the tail."""
        path = self.folder / "model"
        with open(path, "wb") as file:
            file.write(content)
            if size:
                file.seek(size - len(tail))
                file.write(tail)
                file.truncate(size)
        (facts,), peak = read(path)
        if not SANITIZED:
            self.assertLess(peak, MOST_MEMORY)
        return facts

    def refused(self, problem, content, *others):
        self.assertRegex(self.check(content, *others).problem or "", problem)


def model(graph):
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def long_field(number, size):
    """The beginning of a field of so many bytes."""
    return varint(number << 3 | 2) + varint(size)


PORT = field(12, field(1, "y"))


class Protobuf(Case):
    def test_large_weights_are_not_read(self):
        """Ten gigabytes in a hole; the rest of the model follows them."""
        head = field(1, 4 << 30) + field(2, 1) + field(8, "w") + long_field(9, HUGE)
        inner = long_field(5, len(head) + HUGE) + head
        begin = field(1, 8) + long_field(7, len(inner) + HUGE + len(PORT)) + inner
        end = PORT + field(8, field(2, 13))
        facts = self.check(begin, len(begin) + HUGE + len(end), end)
        self.assertEqual((facts.format, facts.parameters), ("ONNX (IR 8, opset 13)", 4 << 30))
        self.assertEqual([name for name, _, _ in facts.outputs], ["y"])

    def test_whole_model_before_a_hole(self):
        for name in ("shapes.onnx", "shapes_sm/saved_model.pb"):
            self.refused("no field's key", (MODELS / name).read_bytes(), HUGE)

    def test_nested_graphs(self):
        for depth, known in ((8, True), (9, False), (20000, False)):
            graph = PORT + field(5, field(1, 3))
            for _ in range(depth):
                graph = PORT + field(1, field(5, field(6, graph)))
            facts = self.check(model(graph))
            self.assertEqual(facts.parameters, 3 if known else None, depth)

    def test_too_many_fields(self):
        self.refused("more than 16777216 fields", model(PORT + field(1, b"") * (17 << 20)))

    def test_too_many_ports(self):
        for port in (field(11, b""), field(11, field(1, "x" * 4000))):
            self.refused("more than 65536 inputs and outputs, or too long names", model(PORT + port * 70000))
        # As many names of dimensions as there may be, all of them short.
        dim = field(1, field(2, "n"))
        port = field(11, field(1, "x") + field(2, field(1, field(1, 1) + field(2, dim * 16))))
        self.refused("too long names", model(PORT + port * 65535))
        self.assertEqual(len(self.check(model(PORT + field(11, b"") * 65535)).inputs), 65535)

    def test_same_name_many_times(self):
        """Neither sorting nor looking up may take time by the square."""
        facts = self.check(model(PORT + field(11, field(1, "x")) * 65535 + field(5, field(8, "x")) * 1000000))
        self.assertEqual(facts.inputs, [])

    def test_several_shapes(self):
        """Of one port: names of dimensions are not lost, nor kept where a size replaced them."""
        shape = field(1, field(2, "n")) * 17
        tensor = field(1, 1) + field(2, shape) * 3
        self.assertEqual(len(self.check(model(PORT + field(11, field(2, field(1, tensor))))).inputs), 1)
        shapes = field(3, field(2, field(1, -1) + field(2, "n"))) + field(3, wire.shape([5]))
        info = wire.meta_graph([], b"", [wire.signature("s", [("x", field(2, 1) + shapes)], [])])
        self.assertEqual(self.check(wire.saved_model(info)).inputs, [("x", "f32", [5])])

    def test_long_name(self):
        self.refused("a port's name of 5000 bytes", model(PORT + field(11, field(1, "x" * 5000))))

    def test_negative_and_overflowing_weights(self):
        for dims in ([-1], [2**32, 2**32], [2**62, 2]):
            weight = field(5, b"".join(field(1, dim) for dim in dims))
            self.refused("more than 2.63 elements", model(PORT + weight))
        self.refused("more than 2.63 elements", model(PORT + field(5, field(1, 2**62)) * 2))
        self.assertEqual(self.check(model(PORT + field(5, field(1, 2**62) + field(1, 4) + field(1, 0)))).parameters, 0)

    def test_absurd_lengths(self):
        for size in (2**31, 2**32, 2**63, 2**64 - 1):
            self.refused("where only", field(1, 8) + long_field(7, size) + PORT)
            self.refused("where only", model(PORT + long_field(5, size)))
        self.refused("more than 64 bits", field(1, 8) + field(7, PORT) + b"\x28" + b"\xff" * 10)

    def test_tensorflow_nodes(self):
        self.refused("more than 524288 nodes", field(1, wire.node("a", "Relu")) * 600000)

    def test_tensorflow_attributes(self):
        """One node, looked at for several attributes, with very many."""
        node = wire.node("a", "Placeholder") + wire.attribute("x", field(3, 1)) * 500000
        self.assertEqual(self.check(field(1, node)).inputs, [("a", "unknown", None)])

    def test_tensorflow_signature(self):
        port = ("x" * 4000, wire.tensor_info("x:0", 1, [1]))
        content = wire.saved_model(wire.meta_graph(["serve"], b"", [wire.signature("s", [port] * 10000, [])]))
        self.refused("too long names", content)
        many = wire.meta_graph(["t" * 4000] * 1000, b"", [wire.signature("s" * 4000, [], [])] * 1000)
        self.assertLess(len(self.check(wire.saved_model(many)).note), 2048)


def flat_model(tensors, dims, graphs=1):
    """A model whose graphs all are one table, whose tensors are one table."""
    tensor = wire.lite_tensor("", 0, [1] * dims, 1)
    ports = [0] * min(tensors, 1)
    return wire.lite_model([tensor] * tensors, [wire.Table(), wire.Table({0: bytes(4)})], ports, ports, graphs=graphs)


class FlatBuffer(Case):
    def test_valid(self):
        facts = self.check(flat_model(3, 2))
        self.assertEqual((facts.parameters, facts.inputs), (3, [("", "f32", [1, 1])]))

    def test_one_table_many_times(self):
        self.refused("more than 262144 tensors and graphs", flat_model(1000, 4, graphs=1000))
        self.refused("more than 262144 tensors and graphs|more to read", flat_model(0, 4, graphs=300000))

    def test_many_dimensions(self):
        self.refused("more than 64 dimensions", flat_model(2, 65))
        facts = self.check(flat_model(2, 17))
        self.assertEqual(facts.inputs[0][2], None)

    def test_vector_beyond_the_file(self):
        """It is not believed to have the bytes that it counts."""
        weights = wire.Table({0: b"w" * 1000})
        whole = wire.lite_model([wire.lite_tensor("w", 9, [1000], 1)], [wire.Table(), weights])
        self.assertEqual(self.check(whole).parameters, 1000)
        count = whole.index(b"w" * 1000) - 4
        for number in (len(whole) - count - 3, 2**31, 2**32 - 1):
            content = whole[:count] + struct.pack("<I", number) + whole[count + 4:]
            self.refused("a vector that ends beyond the file", content)

    def test_hole_after_it(self):
        facts = self.check((MODELS / "shapes.tflite").read_bytes(), HUGE)
        self.assertEqual(facts.parameters, 64711)

    def test_nothing_but_the_identifier(self):
        for content in (b"\0\0\0\0TFL3", b"\xff\xff\xff\xffTFL3", b"\x04\0\0\0TFL3" + b"\xff" * 64):
            self.refused("at byte", content)
            self.refused("at byte", content, HUGE)


class Gguf(Case):
    HEAD = b"GGUF" + struct.pack("<I", 3)

    def test_absurd_counts(self):
        for tensors, keys in ((2**64 - 1, 0), (0, 2**64 - 1), (1 << 20, 0), (0, 1 << 20)):
            self.assertTrue(self.check(self.HEAD + struct.pack("<QQ", tensors, keys)).problem)
            self.assertTrue(self.check(self.HEAD + struct.pack("<QQ", tensors, keys), HUGE).problem)

    def test_absurd_lists(self):
        key = struct.pack("<Q", 1) + b"k" + struct.pack("<I", 9)
        for kind, count in ((8, 2**64 - 1), (8, 2**40), (4, 2**63), (12, 2**61), (9, 2**40), (0, HUGE)):
            content = self.HEAD + struct.pack("<QQ", 0, 1) + key + struct.pack("<IQ", kind, count)
            self.assertTrue(self.check(content).problem)
            self.assertTrue(self.check(content, HUGE).problem)

    def test_hole_instead_of_weights(self):
        whole = (MODELS / "tiny-q8_0.gguf").read_bytes()
        self.assertEqual(self.check(whole, HUGE).parameters, 143552)


class Archive(Case):
    def archive(self, compression=zipfile.ZIP_STORED, **files):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", compression) as archive:
            for name, content in files.items():
                archive.writestr("net/" + name.replace("__", "/").replace("_pkl", ".pkl"), content)
        return out.getvalue()

    def test_bomb(self):
        """Half a gigabyte of zeros, packed, is not unpacked."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("net/data.pkl", "w") as file:
                for _ in range(512):
                    file.write(bytes(1 << 20))
        facts = self.check(out.getvalue())
        self.assertEqual((facts.format, facts.parameters), ("PyTorch state dict or module", None))

    def test_large_pickles(self):
        """A list without end; deep nesting; a memo of large numbers; texts longer than the file."""
        for content in (b"\x80\2]" + b"Na" * (5 << 20) + b".", b"\x80\2" + b"(" * (9 << 20) + b".",
                        b"\x80\2X\1\0\0\0ar" + b"\xff\xff\x0f\0" + b"r\xff\xff\xff\xff.",
                        b"\x80\2" + b"".join(b"X\1\0\0\0ar" + struct.pack("<I", i) for i in range(1 << 20)) + b".",
                        b"\x80\2X\xff\xff\xff\xff", b"\x80\4\x8d" + b"\xff" * 8, b"\x80\2c" + b"a" * 10000):
            self.check(content)
            facts = self.check(self.archive(data_pkl=content, data__0=b"abc"))
            self.assertIsNone(facts.parameters)

    def test_many_storages(self):
        one = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\6\0\0\0%06dX\3\0\0\0cpuK\1tQ"
        content = b"\x80\2](" + b"".join(one % i for i in range(300000)) + b"e."
        self.assertIsNone(self.check(self.archive(data_pkl=content, data__0=b"abc")).parameters)

    def test_directory(self):
        whole = bytearray(self.archive(data_pkl=pickle.dumps([1], 2), version=b"3"))
        end = whole.rindex(b"PK\5\6")
        for place, number in ((end + 12, 0xFFFFFFFF), (end + 16, 0xFFFFFFFF), (end + 16, 0), (end + 10, 0xFFFF)):
            content = bytearray(whole)
            struct.pack_into("<H" if number == 0xFFFF else "<I", content, place, number)
            self.check(bytes(content))
        entry = whole.index(b"PK\1\2")
        for offset in (20, 24, 42):
            content = bytearray(whole)
            struct.pack_into("<I", content, entry + offset, 0xFFFFFFFE)
            self.refused("at byte", bytes(content))

    def test_entry_beyond_the_directory(self):
        whole = bytearray(self.archive(data_pkl=pickle.dumps([1], 2), version=b"3"))
        entry = whole.rindex(b"PK\1\2")
        for offset in (28, 30, 32):
            content = bytearray(whole)
            struct.pack_into("<H", content, entry + offset, 20000)
            self.refused("beyond the archive's directory", bytes(content))

    def test_hole_in_archive(self):
        """Ten gigabytes of weights, of an archive with 64-bit numbers, in a hole."""
        path = self.folder / "model"
        kind = b"(X\7\0\0\0storagectorch\nByteStorage\nX\1\0\0\0000X\3\0\0\0cpu\x8a\x08" + struct.pack("<Q", HUGE) + b"tQ"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("net/data.pkl", b"\x80\2" + kind + b".")
        whole = path.read_bytes()
        first = whole[:whole.index(b"PK\1\2")]
        local = b"PK\3\4" + struct.pack("<HHHHHIIIHH", 45, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 10, 20) + b"net/data/0"
        local += struct.pack("<HHQQ", 1, 16, HUGE, HUGE)
        directory = whole[whole.index(b"PK\1\2"):whole.index(b"PK\5\6")]
        directory += b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", 45, 45, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 10, 20,
                                             0, 0, 0, 0, len(first)) + b"net/data/0" + struct.pack("<HHQQ", 1, 16, HUGE, HUGE)
        at = len(first) + len(local) + HUGE
        tail = directory + b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 2, 2, len(directory), at)
        tail += b"PK\6\7" + struct.pack("<IQI", 0, at + len(directory), 1)
        tail += b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 2, 2, 0xFFFFFFFF, 0xFFFFFFFF, 0)
        self.assertEqual(self.check(first + local, at + len(tail), tail).parameters, HUGE)


class Damage(Case):
    def test_made_files(self):
        """Of the kinds that there are no fixtures of."""
        torch, lite = models.PyTorch("test_legacy"), models.TensorFlowLite("test_fixture")
        script = {**torch.state(4), "code/net.py": b"pass", "constants.pkl": b"\x80\2)."}
        files = [torch.archive(torch.state()), torch.archive(script), torch.legacy(), pickle.dumps([{"a": 1}], 4),
                 models.TensorFlow("test_fixture").frozen(), lite.relu(),
                 model(PORT + field(15, field(1, field(1, 3) + field(8, "s"))) + field(11, field(1, "s")))]
        paths = [self.folder / str(i) for i in range(len(files))]
        for path, content in zip(paths, files):
            path.write_bytes(content)
        for mode in ("damage", "shrink"):
            done = subprocess.run([PROGRAM, mode, *map(str, paths)], capture_output=True, timeout=LONGEST)
            self.assertEqual(done.returncode, 0, done.stderr.decode("utf-8", "replace"))


class Files(Case):
    def test_nothing(self):
        for content in (b"", b"\0", b"\x08"):
            facts = self.check(content)
            self.assertIsNone(facts.format)
            self.assertFalse(facts.problem)

    def test_folder(self):
        (facts,), _ = read(self.folder)
        self.assertEqual(facts.problem, "not a regular file")

    def test_zeros(self):
        facts = self.check(b"", HUGE)
        self.assertFalse(facts.problem)
        self.assertIsNone(facts.format)


if __name__ == "__main__":
    unittest.main()
