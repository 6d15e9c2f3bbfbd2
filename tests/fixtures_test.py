# SPDX-License-Identifier: Apache-2.0
"""The models of fixtures/: they are what make_formats.py makes, and the same in every format as OpenVINO reads them.

WASINN_PYTHON is a folder with onnx, numpy and openvino. Exits with 77 where they are missing.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.environ.get("WASINN_PYTHON", ""))
FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"
FOLDERS = {"onnx": ".onnx", "tensorflow": ".pb", "tensorflowlite": ".tflite"}
# For one runtime or format alone: nothing to compare with.
ALONE = {"external", "external_inside", "external_outside", "huge_weights", "huge_input", "unknown_operator", "shapes"}


def files_of(folder):
    return {path.relative_to(folder) for name in FOLDERS for path in (folder / name).rglob("*") if path.is_file()}


def ports_of(model):
    def name(port):
        return port.get_any_name().removesuffix(":0") if port.get_names() else ""

    return [[(name(port), port.get_element_type().to_string(), str(port.get_partial_shape())) for port in side]
            for side in (model.inputs, model.outputs)]


class Fixtures(unittest.TestCase):
    def test_made(self):
        """The files are what their maker makes, byte for byte, and there are no others."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            subprocess.run([sys.executable, FIXTURES / "make_formats.py", folder], check=True)
            self.assertEqual(files_of(folder), files_of(FIXTURES))
            for file in sorted(files_of(folder)):
                self.assertTrue((folder / file).read_bytes() == (FIXTURES / file).read_bytes(), file)

    def test_ports(self):
        core = openvino.Core()
        for folder, suffix in FOLDERS.items():
            for path in sorted((FIXTURES / folder).glob("*")):
                if path.suffix not in (suffix, "") or path.stem in ALONE:
                    continue
                with self.subTest(path=path.relative_to(FIXTURES)):
                    same = core.read_model(FIXTURES / f"{path.stem}.xml")
                    self.assertEqual(ports_of(core.read_model(path)), ports_of(same))


if __name__ == "__main__":
    try:
        import onnx  # noqa: F401
        import openvino
    except ImportError as problem:
        print(f"skipped: {problem}")
        sys.exit(77)
    unittest.main()
