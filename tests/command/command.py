"""What the tests of the command share: running it, driving the guest session.wasm, looking at what came of it.

WASINN is the command, WASINN_GUESTS the folder of tests/guests/*.c compiled to .wasm, WASINN_FIXTURES the folder
tests/fixtures, WASINN_WASMTIME_LIBRARY libwasmtime.so, which turns text into WebAssembly here.

The commands of session.wasm are described in tests/guests/session.c.
"""

import atexit
import ctypes
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import unittest

WASINN = os.environ["WASINN"]
GUESTS = pathlib.Path(os.environ["WASINN_GUESTS"])
FIXTURES = pathlib.Path(os.environ["WASINN_FIXTURES"])
LIBRARY = os.environ.get("WASINN_WASMTIME_LIBRARY")

USAGE, TIMED_OUT, NOT_STARTED, TRAPPED = 2, 124, 125, 134
SUCCESS, INVALID_ARGUMENT, INVALID_ENCODING, MISSING_MEMORY, BUSY = 0, 1, 2, 3, 4
RUNTIME_ERROR, UNSUPPORTED, TOO_LARGE, NOT_FOUND = 5, 6, 7, 8
F16, F32, F64, U8, I32, I64 = range(6)

# Of these tests alone, and for as long as they run; tests of the cache itself name others.
CACHE = tempfile.mkdtemp(prefix="wasinn-cache-")
atexit.register(shutil.rmtree, CACHE, ignore_errors=True)
os.environ["WASINN_CACHE"] = CACHE

LONGEST = 120  # seconds that nothing here takes

# A sanitizer keeps freed memory for a while, so that the peak tells nothing.
SANITIZED = b"__asan_init" in pathlib.Path(WASINN).read_bytes()

# OpenVINO asks for as much memory as a folder seems to have bytes, 2^63, and goes on without: a sanitizer tells of it.
OF_FOLDERS = re.compile(rb"==\d+==WARNING: AddressSanitizer failed to allocate 0x8000000000000000 bytes\n")


# ---- Running -------------------------------------------------------------------------------------------


class Result:
    def __init__(self, code, out, err, seconds, peak):
        self.code, self.raw, self.seconds, self.peak = code, out, seconds, peak
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")
        self.raw_err = err

    @property
    def complaints(self):
        return self.err.splitlines()

    @property
    def answers(self):
        """What session.wasm printed, each line split into words."""
        return [line.split(" ") for line in self.out.splitlines()]

    @property
    def errnos(self):
        return [int(words[1]) for words in self.answers]


def variables(changes):
    return {name: value for name, value in {**os.environ, **changes}.items() if value is not None}


def run(*arguments, stdin=b"", environment={}, cwd=None):
    """Runs the command to its end. `peak` is the most memory that it ever had, in KiB."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        began = time.monotonic()
        process = subprocess.Popen(
            [WASINN, *map(os.fspath, arguments)], stdin=given, stdout=out, stderr=err, env=variables(environment),
            cwd=cwd,
        )
        watch = threading.Timer(LONGEST, process.kill)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        watch.cancel()
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        told = OF_FOLDERS.sub(b"", err.read()) if SANITIZED else err.read()
        return Result(process.returncode, out.read(), told, seconds, usage.ru_maxrss)


def guest(name):
    return GUESTS / f"{name}.wasm"


def session(*commands, options=(), environment={}):
    return run("run", "--dir", f"{FIXTURES}::.", *options, guest("session"), *commands, environment=environment)


def pack(code, *values):
    return struct.pack(f"<{len(values)}{code}", *values).hex()


def floats(*values):
    return pack("f", *values)


def input_of(index, kind, dims, data):
    return f"input c {index} {kind} {dims} {data}"


def load(name):
    return f"load 0 0 {name}.xml {name}.bin"


ADD = load("add")
# a = 1 2 3 4, b = 10 20 30 40
CORRECT = [
    ADD,
    "context g",
    input_of(0, F32, "2x2", floats(1, 2, 3, 4)),
    input_of(1, F32, "2x2", floats(10, 20, 30, 40)),
    "compute c",
    "output c 0 16",
]
CORRECT_ANSWERS = [[0], [0], [0], [0], [0], [0, 16, floats(11, 22, 33, 44)]]


def assembled(text):
    """WebAssembly from its text."""

    class Bytes(ctypes.Structure):
        _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.POINTER(ctypes.c_ubyte))]

    library = ctypes.CDLL(LIBRARY)
    library.wasmtime_wat2wasm.restype = ctypes.c_void_p
    encoded, result = text.encode(), Bytes()
    if library.wasmtime_wat2wasm(encoded, ctypes.c_size_t(len(encoded)), ctypes.byref(result)):
        raise ValueError(f"not WebAssembly: {text}")
    return bytes(result.data[: result.size])


def tensor(dims="buf+32", rank=2, kind=F32, data="buf+64", size=16):
    """A $tensor at buf, of dimensions [2,2]. Seven commands."""
    return [f"word buf {dims}", f"word buf+4 {rank}", f"word buf+8 {kind}", f"word buf+12 {data}",
            f"word buf+16 {size}", "word buf+32 2", "word buf+36 2"]


def builders(*pairs):
    """$graph_builders at buf."""
    return [f"word buf+{8 * i + 4 * j} {value}" for i, pair in enumerate(pairs) for j, value in enumerate(pair)]


def set_tensor(**changes):
    return [*tensor(**changes), "call set_input c0 0 buf"]


class Case(unittest.TestCase):
    def setUp(self):
        self.temporary = pathlib.Path(tempfile.mkdtemp(prefix="wasinn-run-"))
        self.addCleanup(shutil.rmtree, self.temporary, ignore_errors=True)

    def write(self, name, data=b""):
        path = self.temporary / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def assert_alive(self, result):
        """The command ended by itself: no signal, and not by way of abort."""
        self.assertGreaterEqual(result.code, 0, f"ended by signal {-result.code}: {result.err}")
        for word in ("Segmentation", "Sanitizer", "terminate called", "panicked", "Assertion"):
            self.assertNotIn(word, result.err)

    def assert_ended(self, result, code, *words):
        """One line on stderr that has all the words, and that exit code."""
        self.assert_alive(result)
        self.assertEqual(len(result.complaints), 1, result.err)
        line = result.complaints[0]
        self.assertTrue(line.startswith("wasinn: "), line)
        for word in words:
            self.assertIn(word, line)
        self.assertEqual(result.code, code, line)

    def assert_trapped(self, result, *words):
        """One line on stderr that has all the words, then where in the guest it was."""
        self.assert_alive(result)
        first, *rest = result.complaints
        self.assertTrue(first.startswith("wasinn: guest "), first)
        for word in ["trapped", *words]:
            self.assertIn(word, first)
        for line in rest:
            self.assertRegex(line, r"^ +in ")
        self.assertLess(len(rest), 100)
        self.assertEqual(result.code, TRAPPED, first)

    def assert_succeeded(self, result, code=0):
        self.assert_alive(result)
        self.assertEqual((result.code, result.err), (code, ""))

    def assert_answers(self, result, expected):
        """`expected`: for each line the errno, and for some the size and the bytes."""
        found = [[int(words[1])] + [int(w) for w in words[2:3]] + words[3:] for words in result.answers]
        self.assertEqual(found, expected, result.err)
