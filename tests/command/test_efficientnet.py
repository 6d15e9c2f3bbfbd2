"""Photographs through `wasinn tensor` and `wasinn run`, against OpenVINO's own Python on the same tensors.

WASINN is the command, WASINN_GUESTS the folder of compiled guests, WASINN_MODELS that of efficientnet-lite0,
WASINN_PHOTOGRAPHS a folder of photographs, WASINN_FIXTURES the folder tests/fixtures, WASINN_PYTHON a folder with
numpy and openvino. What is absent is skipped.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

WASINN = os.environ["WASINN"]
GUESTS = pathlib.Path(os.environ["WASINN_GUESTS"])
FIXTURES = pathlib.Path(os.environ["WASINN_FIXTURES"])
PHOTOGRAPHS = pathlib.Path(os.environ.get("WASINN_PHOTOGRAPHS", "/nonexistent"))
MODEL = pathlib.Path(os.environ.get("WASINN_MODELS", "/nonexistent")) / "efficientnet-lite0"
if os.environ.get("WASINN_PYTHON"):
    sys.path.insert(0, os.environ["WASINN_PYTHON"])
try:
    import numpy
    import openvino

    NO_OPENVINO = None
except ImportError as error:
    NO_OPENVINO = f"numpy and openvino are needed: {error}"

# What the best five have to say, and of which the best is one.
EXPECTED = {
    "coffee.png": {"espresso"},
    "chelsea.png": {"tabby", "tiger cat", "Egyptian cat"},
}
CLASSES = 1000


def run(*arguments):
    result = subprocess.run([WASINN, *map(os.fspath, arguments)], capture_output=True, timeout=120)
    if result.returncode != 0 or result.stderr:
        raise AssertionError(f"{arguments}: {result.returncode}: {result.stderr.decode()}")
    return result.stdout.decode()


def infer(options, load, dims, tensor, size):
    """The bytes of output 0, as a guest gets them."""
    answers = run("run", *options, GUESTS / "session.wasm", load, "context g", f"input c 0 1 {dims} @{tensor}",
                  "compute c", f"output c 0 {size}").splitlines()
    name, errno, written, data = answers[-1].split(" ")
    if (name, errno, written) != ("output", "0", str(size)):
        raise AssertionError(answers[-1][:100])
    return bytes.fromhex(data)


def openvino_says(xml, tensor, shape):
    """The bytes that OpenVINO computes by itself, with the same defaults."""
    compiled = openvino.Core().compile_model(str(xml), "CPU")
    return compiled([numpy.fromfile(tensor, dtype=numpy.float32).reshape(shape)])[0].tobytes()


@unittest.skipIf(NO_OPENVINO, NO_OPENVINO)
class Shapes(unittest.TestCase):
    def test_bit_for_bit(self):
        for label in ("circle", "square", "triangle", "cross", "ring"):
            with self.subTest(label):
                folder = ["--dir", f"{FIXTURES}::."]
                found = infer(folder, "load 0 0 shapes.xml shapes.bin", "1x64x64x3", f"{label}.f32", 20)
                wanted = openvino_says(FIXTURES / "shapes.xml", FIXTURES / f"{label}.f32", (1, 64, 64, 3))
                self.assertEqual(found, wanted)


@unittest.skipUnless(MODEL.joinpath("model.xml").exists(), f"no model in {MODEL}: python3 scripts/make_model.py")
@unittest.skipUnless(PHOTOGRAPHS.joinpath("coffee.png").exists(), f"no photographs in {PHOTOGRAPHS}")
class EfficientNet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A folder as a guest of wasi-nn's examples wants it: model.xml, model.bin, tensor.f32."""
        cls.fixture = pathlib.Path(tempfile.mkdtemp(prefix="wasinn-efficientnet-"))
        cls.addClassCleanup(shutil.rmtree, cls.fixture)
        for name in ("model.xml", "model.bin", "labels.txt"):
            shutil.copyfile(MODEL / name, cls.fixture / name)

    def make_tensor(self, photograph):
        tensor = self.fixture / "tensor.f32"
        run("tensor", PHOTOGRAPHS / photograph, tensor, "--shape", "1x3x224x224", "--order", "rgb", "--mean", "127",
            "--scale", "128")
        self.assertEqual(tensor.stat().st_size, 4 * 3 * 224 * 224)
        return tensor

    def best(self, photograph):
        """(percent, label) of the five best, as the classic guest prints them."""
        self.make_tensor(photograph)
        lines = run("run", "--mapdir", f"fixture::{self.fixture}", GUESTS / "classify.wasm",
                    "fixture/labels.txt").splitlines()
        found = [re.fullmatch(r" *([0-9.]+) % [█·]{40} (.*)", line) for line in lines]
        self.assertTrue(all(found) and len(found) == 5, lines)
        return [(float(match[1]), match[2]) for match in found]

    def test_labels(self):
        for photograph, labels in EXPECTED.items():
            with self.subTest(photograph):
                best = self.best(photograph)
                self.assertTrue(any(label in best[0][1] for label in labels), best)
                self.assertGreater(best[0][0], 20, best)
                self.assertEqual(best, sorted(best, key=lambda one: -one[0]))

    @unittest.skipIf(NO_OPENVINO, NO_OPENVINO)
    def test_every_probability_bit_for_bit(self):
        """Also where OpenVINO computes in bf16 by default: it does so in both. By bytes and by name."""
        for photograph in EXPECTED:
            tensor = self.make_tensor(photograph)
            wanted = openvino_says(MODEL / "model.xml", tensor, (1, 3, 224, 224))
            probabilities = numpy.frombuffer(wanted, dtype=numpy.float32)
            self.assertEqual(probabilities.size, CLASSES)
            self.assertAlmostEqual(float(probabilities.sum()), 1, places=1)
            folder = ["--dir", f"{self.fixture}::."]
            for how, options, load in [
                ("bytes", folder, "load 0 0 model.xml model.bin"),
                ("autodetect", folder, "load 5 0 model.xml model.bin"),
                ("name", [*folder, "--model", f"net={MODEL}"], "name net"),
                ("folder", [*folder, "--nn-graph", f"openvino::{MODEL}"], "name efficientnet-lite0"),
            ]:
                with self.subTest(photograph=photograph, how=how):
                    found = infer(options, load, "1x3x224x224", "tensor.f32", 4 * CLASSES)
                    self.assertEqual(found, wanted, f"differs by up to {self.difference(found, wanted)}")

    @unittest.skipIf(NO_OPENVINO, NO_OPENVINO)
    def test_printed_percentages(self):
        for photograph in EXPECTED:
            with self.subTest(photograph):
                best = self.best(photograph)
                wanted = openvino_says(MODEL / "model.xml", self.fixture / "tensor.f32", (1, 3, 224, 224))
                probabilities = numpy.frombuffer(wanted, dtype=numpy.float32)
                labels = (MODEL / "labels.txt").read_text(encoding="utf-8").splitlines()
                order = numpy.argsort(-probabilities, kind="stable")[:5]
                self.assertEqual([label for _, label in best], [labels[i] for i in order])
                for (percent, _), i in zip(best, order):
                    self.assertAlmostEqual(percent, 100 * float(probabilities[i]), delta=0.051)

    @staticmethod
    def difference(found, wanted):
        return abs(numpy.frombuffer(found, "<f4") - numpy.frombuffer(wanted, "<f4")).max()


if __name__ == "__main__":
    unittest.main()
