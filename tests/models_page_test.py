"""The commands of docs/models.md work, and the models that they make compute what they should, through `wasinn run`.

WASINN is the command, WASINN_GUESTS the folder of compiled guests, WASINN_FIXTURES the folder tests/fixtures,
WASINN_PYTHON a folder with numpy and openvino. What is absent is skipped; the exit code is 77 where nothing is left.
"""

import array
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import page

WASINN = pathlib.Path(os.environ["WASINN"])
GUESTS = pathlib.Path(os.environ["WASINN_GUESTS"])
FIXTURES = pathlib.Path(os.environ["WASINN_FIXTURES"])
PYTHON = pathlib.Path(os.environ["WASINN_PYTHON"])
SKIPPED = 77

LABELS = ("circle", "square", "triangle", "cross", "ring")
F32, U8 = 1, 3
PAGE = page.sections(page.ROOT / "docs" / "models.md")
# Of the models that the page makes from the drawn shapes: how many pictures each takes at once, and their type.
MODELS = {
    "onnx": (1, F32),
    "tensorflow": (1, F32),
    "tflite": (1, F32),
    "python": (1, F32),
    "f32": (1, F32),
    "any": (3, F32),
    "two": (2, F32),
    "renamed": (1, F32),
    "u8": (1, U8),
}


def floats(path):
    return array.array("f", path.read_bytes())


def infer(folder, dims, kind, data, size):
    """Output 0 of the model in a folder, as a guest gets it."""
    tensor = folder / "tensor"
    tensor.write_bytes(data)
    calls = ["load 0 0 model.xml model.bin", "context g", f"input c 0 {kind} {dims} @tensor", "compute c",
             f"output c 0 {size}"]
    result = subprocess.run([WASINN, "run", "--dir", f"{folder}::.", GUESTS / "session.wasm", *calls],
                            capture_output=True, text=True, timeout=120)
    if result.returncode != 0 or result.stderr:
        raise AssertionError(f"{folder.name}: {result.returncode}: {result.stderr}")
    name, errno, written, numbers = result.stdout.splitlines()[-1].split(" ")
    if (name, errno, written) != ("output", "0", str(size)):
        raise AssertionError(f"{folder.name}: {result.stdout}")
    return array.array("f", bytes.fromhex(numbers))


class ModelsPage(unittest.TestCase):
    def setUp(self):
        if not (PYTHON / "openvino" / "tools" / "ovc").is_dir():
            self.skipTest(f"no converter in {PYTHON}: python3 scripts/deps.py openvino python")
        folder = tempfile.mkdtemp(prefix="wasinn-models-")
        self.addCleanup(shutil.rmtree, folder)
        self.shell = page.Shell(folder, {"wasinn": WASINN, "guests": GUESTS})
        self.addCleanup(self.shell.close)
        self.models = self.shell.folder / "build" / "models"

    def assert_classifies(self, folder, pictures, kind):
        """Every shape is recognised, at whatever place it has among the pictures."""
        for i in range(len(LABELS)):
            labels = [LABELS[(i + j) % len(LABELS)] for j in range(pictures)]
            data = b""
            for label in labels:
                pixels = floats(FIXTURES / f"{label}.f32")
                data += pixels.tobytes() if kind == F32 else bytes(round(255 * pixel) for pixel in pixels)
            found = infer(folder, f"{pictures}x64x64x3", kind, data, 20 * pictures)
            for j, label in enumerate(labels):
                probabilities = found[5 * j : 5 * j + 5]
                self.assertEqual(LABELS[probabilities.index(max(probabilities))], label, found)
                self.assertAlmostEqual(sum(probabilities), 1, places=1)

    def test_every_model_of_the_page(self):
        for heading, blocks in PAGE.items():
            if heading != "PyTorch":
                self.shell.follow(blocks)
        self.assertEqual({path.name for path in self.models.iterdir()}, set(MODELS))
        for name, (pictures, kind) in MODELS.items():
            with self.subTest(name):
                self.assert_classifies(self.models / name, pictures, kind)

    def test_f16_weights(self):
        """With weights in f16 the results are near those with f32."""
        for heading in ("The converter", "ONNX", "f16 and f32 weights"):
            self.shell.follow(PAGE[heading])
        results = [infer(self.models / name, "1x64x64x3", F32, (FIXTURES / "ring.f32").read_bytes(), 20)
                   for name in ("onnx", "f32")]
        for a, b in zip(*results):
            self.assertAlmostEqual(a, b, delta=0.01)

    def test_pytorch(self):
        code, _ = self.shell.run("python3 -c 'import torch'")
        if code != 0:
            self.skipTest("no PyTorch in this Python: pip install torch")
        self.shell.follow(PAGE["The converter"])
        wanted = [float(word) for word in self.shell.follow(PAGE["PyTorch"])[0].split()]
        data = (self.models / "pytorch" / "tensor.f32").read_bytes()
        for name in ("pytorch", "exported"):
            with self.subTest(name):
                found = infer(self.models / name, "1x3x64x64", F32, data, 20)
                self.assertEqual(len(found), len(wanted))
                for a, b in zip(found, wanted):
                    self.assertAlmostEqual(a, b, delta=0.02)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    if result.wasSuccessful() and result.testsRun == len(result.skipped):
        sys.exit(SKIPPED)
    sys.exit(not result.wasSuccessful())
