# SPDX-License-Identifier: Apache-2.0
"""What the readers of model files say, for the tests: runs inspect_test on files.

WASINN_INSPECT_TEST is that program, WASINN_PYTHON the folder of the packages onnx, numpy and openvino."""

import os
import pathlib
import subprocess
import sys

PROGRAM = os.environ["WASINN_INSPECT_TEST"]
SANITIZED = bool(os.environ.get("WASINN_SANITIZE"))
PACKAGES = pathlib.Path(os.environ["WASINN_PYTHON"])
MODELS = pathlib.Path(__file__).resolve().parent / "fixtures" / "models"
LONGEST = 120  # seconds that nothing here takes

sys.path.insert(0, str(PACKAGES))


class Facts:
    """Of a file: `ports` are by side, each (name, type, dimensions), where the dimensions are numbers and names, or
    None when their number is open."""

    def __init__(self):
        self.encoding = self.format = self.name = self.producer = self.parameters = self.note = None
        self.problem = None
        self.external = False
        self.ports = {"input": [], "output": []}

    @property
    def inputs(self):
        return self.ports["input"]

    @property
    def outputs(self):
        return self.ports["output"]

    def take(self, key, rest):
        if key in self.ports:
            name, element, dims = rest
            number = lambda text: int(text) if text.lstrip("-").isdigit() else text
            self.ports[key].append(
                (name, element, None if dims == "..." else [number(one) for one in dims.split(",") if one]))
        elif key == "external":
            self.external = True
        elif key == "parameters":
            self.parameters = int(rest[0])
        else:
            setattr(self, key, rest[0])


def read(*paths):
    """The facts of each file, and the most memory that the process had, in bytes."""
    done = subprocess.run([PROGRAM, "facts", *map(str, paths)], capture_output=True, timeout=LONGEST)
    if done.returncode != 0:
        raise AssertionError(f"{PROGRAM} ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')}")
    found, peak = [], None
    for line in done.stdout.decode().split("\n"):
        key, *rest = line.split("\t")
        if key == "file":
            found.append(Facts())
        elif key == "peak":
            peak = 1024 * int(rest[0])
        elif key:
            found[-1].take(key, rest)
    return found, peak


def read_one(path):
    return read(path)[0][0]
