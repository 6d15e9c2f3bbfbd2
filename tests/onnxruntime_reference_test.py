#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What models give through wasinn, against what they give in the Python package onnxruntime.

WASINN_ONNXRUNTIME_TEST is the program onnxruntime_test, WASINN_PYTHON the folder of the packages numpy, onnx and
onnxruntime, WASINN_FIXTURES that of the tests' models."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PYTHON, FIXTURES = Path(os.environ["WASINN_PYTHON"]), Path(os.environ["WASINN_FIXTURES"])
sys.path.insert(0, str(PYTHON))
try:
    import numpy as np
    import onnxruntime
except ImportError as error:
    print(f"skipped: {error}; `make test-parts` brings what is missing")
    sys.exit(77)
LIGHT = PYTHON / "onnx" / "backend" / "test" / "data" / "light"


def through_wasinn(path, values):
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder) / "input", Path(folder) / "output"
        values.tofile(given)
        result = subprocess.run(
            [os.environ["WASINN_ONNXRUNTIME_TEST"], "compute", path, given, got], capture_output=True, text=True
        )
        if result.returncode != 0:
            raise AssertionError(f"{path}: {result.stderr}")
        return np.fromfile(got, np.float32)


class Reference(unittest.TestCase):
    def compare(self, path):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(str(path), options)
        port = session.get_inputs()[0]
        values = np.random.default_rng(7).random(port.shape, np.float32)
        wanted = session.run([session.get_outputs()[0].name], {port.name: values})[0].reshape(-1)
        np.testing.assert_allclose(through_wasinn(path, values), wanted, rtol=1e-5, atol=1e-6, err_msg=str(path))

    def test_shapes(self):
        self.compare(FIXTURES / "models" / "shapes.onnx")

    def test_pictures(self):
        """The pictures are what they are called."""
        names = ["circle", "square", "triangle", "cross", "ring"]
        for index, name in enumerate(names):
            values = np.fromfile(FIXTURES / f"{name}.f32", np.float32)
            self.assertEqual(through_wasinn(FIXTURES / "models" / "shapes.onnx", values).argmax(), index, name)

    def test_networks(self):
        for name in ("squeezenet", "shufflenet", "resnet50"):
            with self.subTest(name):
                self.compare(LIGHT / f"light_{name}.onnx")


if __name__ == "__main__":
    unittest.main()
