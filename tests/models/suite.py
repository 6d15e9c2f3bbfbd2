"""What the tests of real models share: `wasinn run` with the guest steps.wasm, and the table of what came of it.

WASINN is the command, WASINN_GUESTS the folder of compiled guests, WASINN_DEPS that of the parts which
scripts/deps.py fetches, WASINN_MODELS that of the models which scripts/make_model.py makes; without them, those of this
checkout. What steps.wasm does with its arguments is described in tests/guests/steps.c.
"""

import collections
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WASINN = os.environ.get("WASINN", str(ROOT / "build" / "wasinn"))
GUESTS = pathlib.Path(os.environ.get("WASINN_GUESTS", ROOT / "build" / "guests"))
DEPS = pathlib.Path(os.environ.get("WASINN_DEPS", ROOT / "deps"))
MODELS = pathlib.Path(os.environ.get("WASINN_MODELS", ROOT / "build" / "models"))
FIXTURES = ROOT / "tests" / "fixtures"
LONGEST = 300  # seconds that nothing here takes

sys.path.insert(0, str(DEPS / "python"))


def package(name):
    """A Python package, or None and why not."""
    try:
        return __import__(name), None
    except ImportError as problem:
        return None, f"Python's {name} is missing: {problem}"


numpy, NO_NUMPY = package("numpy")
openvino, NO_OPENVINO = package("openvino")
onnxruntime, NO_ONNXRUNTIME = package("onnxruntime")
if onnxruntime:
    onnxruntime.set_default_logger_severity(3)

# ---- Running -------------------------------------------------------------------------------------------

Result = collections.namedtuple("Result", "code out err peak")


def peak_of(process):
    """The most memory that it ever had, in MB; what wait4 tells may be that of this process, from before the exec."""
    try:
        lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def wasinn(*arguments, cwd=None):
    """Runs the command to its end, which for steps.wasm is when it has been looked at."""
    with tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [WASINN, *map(os.fspath, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, cwd=cwd
        )
        watch = threading.Timer(LONGEST, process.kill)
        watch.start()
        with process:
            first = process.stdout.readline()
            peak = peak_of(process)
            process.stdin.close()
            out = first + process.stdout.read()
        watch.cancel()
        err.seek(0)
        return Result(process.returncode, out.decode(), err.read().decode("utf-8", "replace"), peak)


def found_backends():
    """Why each backend cannot be used, by its name; None: it can."""
    result = wasinn("backends", "--json")
    if result.code != 0:
        raise SystemExit(f"wasinn backends: {result.err.strip()}")
    return {one["name"]: one.get("problem") or None for one in json.loads(result.out)["backends"]}


BACKENDS = found_backends()


def lacks(backend):
    """Why a test that needs this backend, and its runtime's Python package, is skipped; None: it is not."""
    if backend not in BACKENDS:
        return f"this wasinn has no backend {backend}"
    problem = BACKENDS[backend] or {"openvino": NO_OPENVINO, "onnxruntime": NO_ONNXRUNTIME}.get(backend) or NO_NUMPY
    return problem and f"{backend}: {problem}"


# ---- Models --------------------------------------------------------------------------------------------

# wasi-nn.witx's numbers.
NUMBERS = {"openvino": 0, "onnx": 1, "tensorflow": 2, "tensorflowlite": 4, "autodetect": 5}
TYPES = {"float32": "f32", "float64": "f64", "float16": "f16", "uint8": "u8", "int32": "i32", "int64": "i64"}

# A model's path, or the two of OpenVINO's; folders cannot be loaded from bytes.
Model = collections.namedtuple("Model", "encoding paths")
Answer = collections.namedtuple("Answer", "outputs peak load first median")  # MB and microseconds


def model(encoding, *paths):
    return Model(encoding, [pathlib.Path(path) for path in paths])


class Failed(AssertionError):
    """`wasinn run` did not end well."""


def model_arguments(one, how, backend, options):
    """The command's options, and what steps.wasm is told."""
    if how == "name":
        settings = [f"net={one.paths[0]}", f"encoding={one.encoding}", f"backend={backend}"]
        return ["--model", ",".join(settings + [f"{key}={value}" for key, value in options.items()])], "name=net"
    chosen = ["--backend", f"{one.encoding}={backend}"]
    for key, value in options.items():
        chosen += ["--option", f"{backend}:{key}={value}"]
    encoding = "autodetect" if how == "autodetect" else one.encoding
    return [*chosen, "--dir", f"{one.paths[0].parent}::model"], (
        f"{NUMBERS[encoding]}=" + ",".join(f"model/{path.name}" for path in one.paths)
    )


def run(one, ports, outputs, how, backend, options={}, steps=1):
    """Runs a model through `wasinn run` and returns its Answer.

    `ports` are ("in", name, array), ("next", name, array of one more dimension, first the steps) or
    ("back", name, array of the shape, output); `outputs` their names, each with the shape of one step."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wasinn-models-"))
    try:
        words = []
        for i, (kind, name, array, *output) in enumerate(ports):
            shape = array.shape[1:] if kind == "next" else array.shape
            words += [kind, name, TYPES[array.dtype.name], "x".join(map(str, shape)) or "-", *(output or [f"in{i}"])]
            if not output:
                array.tofile(folder / f"in{i}")
        for i, (name, shape) in enumerate(outputs.items()):
            words += ["out", name, str(4 * math.prod(shape)), f"out{i}"]
        chosen, told = model_arguments(one, how, backend, options)
        result = wasinn("run", "--dir-rw", ".::.", *chosen, GUESTS / "steps.wasm", told, str(steps), *words, cwd=folder)
        if result.code != 0 or result.err:
            raise Failed(f"{' '.join(chosen)} {told}: exit code {result.code}: {result.err}")
        found = {}
        for i, (name, shape) in enumerate(outputs.items()):
            found[name] = numpy.fromfile(folder / f"out{i}", "<f4").reshape((steps, *shape) if steps > 1 else shape)
        times = result.out.split()
        return Answer(found, result.peak, int(times[1]), int(times[3]), int(times[5]))
    finally:
        shutil.rmtree(folder)


# ---- What the runtimes' own Python packages say ------------------------------------------------------------


def openvino_session(one, options={"INFERENCE_PRECISION_HINT": "f32"}):
    """A function from inputs by name to outputs by name."""
    request = openvino.Core().compile_model(str(one.paths[0]), "CPU", options).create_infer_request()

    def infer(inputs):
        results = request.infer(inputs)
        return {name: values.copy() for port, values in results.items() for name in port.names}

    return infer


def onnxruntime_session(one):
    session = onnxruntime.InferenceSession(str(one.paths[0]), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs)))


SESSIONS = {"openvino": openvino_session, "onnxruntime": onnxruntime_session}
OPTIONS = {"openvino": {"precision": "f32"}, "onnxruntime": {"precision": "f32"}}

# ---- The table ---------------------------------------------------------------------------------------------

COLUMNS = {
    "data": "data",
    "openvino": "OpenVINO, its Python",
    "onnxruntime": "ONNX Runtime, its Python",
    "both": "OpenVINO, ONNX Runtime",
    "default": "OpenVINO, f32 and default",
    "time": "ms, OpenVINO / ONNX Runtime",
    "peak": "MB",
}
TABLE = {}  # by model, then by column; differences are the largest seen


def note(name, **cells):
    row = TABLE.setdefault(name, {})
    for column, value in cells.items():
        assert column in COLUMNS
        row[column] = max(value, row.get(column, 0)) if isinstance(value, float) else value


def note_run(name, backend, answer):
    """Its time and its memory, one part of the cell for each backend."""
    row = TABLE.setdefault(name, {})
    for column, value in (("time", f"{answer.median / 1000:.1f}"), ("peak", f"{answer.peak:.0f}")):
        parts = row.setdefault(column, {"openvino": "-", "onnxruntime": "-"})
        parts[backend] = value


def shown(value):
    if isinstance(value, dict):
        return " / ".join(value.values())
    if isinstance(value, float):
        return "0" if value == 0 else f"{value:.1e}"
    return value if value is not None else "-"


def table():
    """The table in Markdown."""
    lines = ["model", *COLUMNS.values()], ["---"] * (len(COLUMNS) + 1)
    rows = [[name, *(shown(row.get(column)) for column in COLUMNS)] for name, row in TABLE.items()]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [*lines, *rows])


# ---- Cases -------------------------------------------------------------------------------------------------


class Case(unittest.TestCase):
    def say(self, text):
        print(f"    {text}", flush=True)

    def need(self, *backends):
        """Skips the test, or the part of it, where one of these is missing."""
        for backend in backends:
            if lacks(backend):
                self.skipTest(lacks(backend))

    def need_any(self, *backends):
        """The same where all are."""
        if all(map(lacks, backends)):
            self.skipTest("; ".join(map(lacks, backends)))

    def difference(self, found, wanted):
        """The largest one of two arrays, or of all outputs of two sets."""
        if isinstance(found, dict):
            return max(self.difference(found[name], wanted[name]) for name in found)
        self.assertEqual(found.shape, wanted.shape)
        self.assertTrue(numpy.isfinite(found).all())
        return float(numpy.abs(found.astype("f8") - wanted.astype("f8")).max())

    def assert_close(self, found, wanted, most, what):
        """No value differs by more than that. Returns the largest difference."""
        largest = self.difference(found, wanted)
        self.assertLessEqual(largest, most, what)
        return largest

    def assert_refused(self, one, how, backend, *words):
        """The model cannot be loaded: the guest is told, the command says why in one line, and nothing else happens."""
        chosen, told = model_arguments(one, how, backend, OPTIONS[backend])
        result = wasinn("run", *chosen, GUESTS / "steps.wasm", told, "1")
        self.assertEqual(result.code, 1, result.err)
        line, guest = result.err.splitlines()
        self.assertRegex(line, r"^wasinn: load(_by_name)?: runtime_error: ")
        self.assertRegex(guest, r"^steps: load")
        for word in words:
            self.assertIn(word, line)
        return line
