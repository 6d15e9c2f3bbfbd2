"""`wasinn run`: options, guests, streams, folders, time, a runtime that is not there."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from command import (
    ADD, CORRECT, CORRECT_ANSWERS, Case, F32, FIXTURES, INVALID_ARGUMENT, INVALID_ENCODING, LIBRARY, LONGEST,
    NOT_STARTED, TIMED_OUT, USAGE, WASINN, assembled, floats, guest, input_of, load, run, session,
)

# ---- The command line ----------------------------------------------------------------------------------


def openvino_line(result):
    return next(line for line in result.out.splitlines() if line.startswith("openvino"))


def line_of(backend, result):
    """What --version says of it."""
    return next(line for line in result.out.splitlines() if line.startswith(backend))


class CommandLine(Case):
    def test_help(self):
        for arguments, words in [
            (["--help"], ["wasinn run", "wasinn tensor", "Exit codes"]),
            (["-h"], ["wasinn run", "wasinn tensor"]),
            (["help"], ["wasinn run", "wasinn tensor"]),
            (["run", "--help"], ["--dir", "--dir-rw", "--mapdir", "--env", "--nn-graph", "--model", "--timeout",
                                 "--quiet", "124", "125", "134"]),
        ]:
            with self.subTest(arguments):
                result = run(*arguments)
                self.assert_succeeded(result)
                for word in words:
                    self.assertIn(word, result.out)

    def test_version_names_every_part(self):
        result = run("--version")
        self.assert_succeeded(result)
        lines = result.out.splitlines()
        self.assertRegex(lines[0], r"^wasinn \d+\.\d+\.\d+$")
        self.assertRegex(lines[1], r"^Wasmtime \d+\.\d+\.\d+$")
        runtimes = sorted(lines[2:])
        self.assertRegex(runtimes[0], r"^onnxruntime 1\.\d+\.\d+ \(.*libonnxruntime\.so.*\)$")
        self.assertRegex(runtimes[1], r"^openvino 20\d\d\.\d.* \(.*libopenvino_c\.so.*\)$")

    def test_help_and_version_take_nothing_else(self):
        self.assert_ended(run("help", "frob"), USAGE, "frob")
        self.assert_ended(run("version", "x"), USAGE, "no argument")

    def test_no_command_prints_help_on_stderr(self):
        result = run()
        self.assertEqual((result.code, result.out), (USAGE, ""))
        self.assertIn("wasinn run", result.err)

    def test_wrong_usage(self):
        for arguments, words in [
            (["frob"], ["frob", "--help"]),
            (["run"], ["no guest", "--help"]),
            (["run", "--quiet"], ["no guest"]),
            (["run", "--nonsense", "x.wasm"], ["--nonsense", "--help"]),
            (["run", "-x", "x.wasm"], ["'-x'", "--help"]),
            (["run", "-dir", "x", "x.wasm"], ["-dir", "--help"]),
            (["run", "--dir"], ["--dir", "value"]),
            (["run", "--timeout"], ["--timeout", "value"]),
            (["run", "--quiet=yes", "x.wasm"], ["--quiet"]),
            (["run", "--dir", "::x", "x.wasm"], ["::x", "empty"]),
            (["run", "--dir", "x::", "x.wasm"], ["x::", "empty"]),
            (["run", "--mapdir", "x", "x.wasm"], ["--mapdir", "GUEST::HOST"]),
            (["run", "--env", "=x", "x.wasm"], ["--env", "NAME"]),
            (["run", "--env", "", "x.wasm"], ["--env", "NAME"]),
            (["run", "--model", "x", "x.wasm"], ["--model", "NAME=PATH"]),
            (["run", "--model", "=x", "x.wasm"], ["--model", "NAME=PATH"]),
            (["run", "--model", "x=", "x.wasm"], ["--model", "NAME=PATH"]),
            (["run", "--nn-graph", "x", "x.wasm"], ["--nn-graph", "ENCODING::DIR"]),
            (["run", "--nn-graph", "nonsense::.", "x.wasm"], ["nonsense", "encoding"]),
            (["run", "--nn-graph", "autodetect::.", "x.wasm"], ["autodetect", "encoding"]),
            (["run", "--timeout", "0.0001", "x.wasm"], ["--timeout", "seconds"]),
            (["run", "--dir", "a::x", "--mapdir", "x::b", "x.wasm"], ["two folders", "'x'", "'a'", "'b'"]),
            (["run", "--limit", "graphs", "x.wasm"], ["--limit", "NAME=NUMBER"]),
            (["run", "--limit", "graphs=-1", "x.wasm"], ["--limit", "NAME=NUMBER"]),
            (["run", "--limit", "graphs=1x", "x.wasm"], ["--limit", "NAME=NUMBER"]),
            (["run", "--limit", "graph=1", "x.wasm"], ["--limit 'graph=1'", "no such limit"]),
            (["run", "--limit", "graphs=99999999999999999999", "x.wasm"], ["--limit", "NAME=NUMBER"]),
            (["run", "--timeout", "0", "x.wasm"], ["--timeout", "seconds"]),
            (["run", "--timeout", "-1", "x.wasm"], ["--timeout", "seconds"]),
            (["run", "--timeout", "nan", "x.wasm"], ["--timeout", "seconds"]),
            (["run", "--timeout", "inf", "x.wasm"], ["--timeout", "seconds"]),
            (["run", "--timeout", "1s", "x.wasm"], ["--timeout", "seconds"]),
            (["run", "--timeout", "", "x.wasm"], ["--timeout", "seconds"]),
        ]:
            with self.subTest(arguments):
                self.assert_ended(run(*arguments), USAGE, *words)

    def test_what_follows_the_guest_is_the_guests(self):
        arguments = ["arguments", "--dir", "x", "--help", "--", "-q", ""]
        result = run("run", guest("streams"), *arguments)
        self.assert_succeeded(result)
        self.assertEqual(result.out.split("\n"), ["streams.wasm", *arguments, ""])

    def test_two_dashes_end_the_options(self):
        result = run("run", "--quiet", "--", guest("streams"), "arguments", "é")
        self.assert_succeeded(result)
        self.assertEqual(result.out, "streams.wasm\narguments\né\n")

    def test_argument_that_is_not_utf8(self):
        result = run("run", guest("streams"), b"arguments", b"\xff")
        self.assert_ended(result, USAGE, "UTF-8")


class BadGuests(Case):
    def refuse(self, data, *words):
        path = self.write("guest.wasm", data)
        self.assert_ended(run("run", path), NOT_STARTED, "guest.wasm", *words)

    def test_missing(self):
        self.assert_ended(run("run", self.temporary / "none.wasm"), NOT_STARTED, "none.wasm", "No such file")

    def test_folder(self):
        self.assert_ended(run("run", self.temporary), NOT_STARTED, "folder")

    def test_unreadable(self):
        path = self.write("guest.wasm", b"\0asm")
        path.chmod(0)
        if os.access(path, os.R_OK):
            self.skipTest("this user may read everything")
        self.assert_ended(run("run", path), NOT_STARTED, "Permission denied")

    def test_bytes(self):
        whole = guest("streams").read_bytes()
        noise = bytes((i * 7919 + 13) >> 3 & 0xFF for i in range(500))
        for name, data, words in [
            ("empty", b"", ["empty"]),
            ("text", b"#!/bin/sh\necho hello\n", ["not a WebAssembly file"]),
            ("half a magic", b"\0as", ["not a WebAssembly file"]),
            ("magic only", b"\0asm", ["ends within its first 8 bytes"]),
            ("version 2", b"\0asm\2\0\0\0", ["version"]),
            ("component", b"\0asm\x0d\0\1\0", ["component", "core modules only"]),
            ("noise", b"\0asm\1\0\0\0" + noise, ["not valid WebAssembly"]),
            ("cut", whole[: len(whole) // 2], ["not valid WebAssembly"]),
            ("cut at the end", whole[:-1], ["not valid WebAssembly"]),
            ("memory beyond 4 GiB", b"\0asm\1\0\0\0\x05\x05\x01\x00\x81\x80\x04", ["not valid WebAssembly"]),
            ("no entry", b"\0asm\1\0\0\0", ["_start"]),
        ]:
            with self.subTest(name):
                self.refuse(data, *words)

    def test_a_device_that_never_ends(self):
        self.assert_ended(run("run", "/dev/zero"), NOT_STARTED, "/dev/zero")

    @unittest.skipUnless(LIBRARY, "WASINN_WASMTIME_LIBRARY is not set")
    def test_modules(self):
        for name, text, words in [
            ("unknown function", '(import "wasi_snapshot_preview1" "frob" (func)) (func (export "_start"))', ["frob"]),
            ("unknown module", '(import "wasi_nn" "load" (func)) (func (export "_start"))', ["wasi_nn", "load"]),
            ("another type", '(import "wasi_ephemeral_nn" "load" (func)) (func (export "_start"))', ["load", "type"]),
            ("entry is no function", '(global (export "_start") i32 (i32.const 0))', ["_start"]),
            ("entry has parameters", '(func (export "_start") (param i32))', []),
        ]:
            with self.subTest(name):
                self.refuse(assembled(f"(module {text})"), *words)


# ---- Streams, variables, exit codes --------------------------------------------------------------------


class Streams(Case):
    def test_exit_codes(self):
        for code in (0, 1, 7, 99, 124, 125):
            with self.subTest(code):
                self.assert_succeeded(run("run", guest("streams"), "exit", str(code)), code)

    def test_exit_codes_that_wasmtime_refuses(self):
        for code, seen in ((126, 126), (255, 255), (-1, 255), (256, 0)):
            with self.subTest(code):
                self.assert_succeeded(run("run", guest("streams"), "exit", str(code)), seen)

    def test_stdin_to_stdout_byte_by_byte(self):
        data = bytes(range(256)) * 8000 + b"\r\n\0\x1a"
        result = run("run", guest("streams"), "copy", stdin=data)
        self.assert_succeeded(result)
        self.assertEqual(result.raw, data)

    def test_stderr_is_the_guests(self):
        result = run("run", guest("streams"), "stderr", "a\tb\nc")
        self.assertEqual((result.code, result.raw, result.raw_err), (0, b"", b"a\tb\nc"))

    def test_environment(self):
        given = {"WASINN_TEST_ONE": "1=one", "WASINN_TEST_TWO": "two", "WASINN_TEST_NONE": None}
        for options, expected in [
            ([], []),
            (["--env", "A=1"], ["A=1"]),
            (["--env", "A=", "--env", "B=x=y"], ["A=", "B=x=y"]),
            (["--env", "WASINN_TEST_ONE"], ["WASINN_TEST_ONE=1=one"]),
            (["--env", "WASINN_TEST_NONE", "--env", "WASINN_TEST_TWO=2"], ["WASINN_TEST_TWO=2"]),
        ]:
            with self.subTest(options):
                result = run("run", *options, guest("streams"), "environment", environment=given)
                self.assert_succeeded(result)
                self.assertEqual(result.out.splitlines(), expected)

    def test_traps(self):
        for what, words in [
            ("unreachable", ["unreachable"]),
            ("divide", ["divide by zero"]),
            ("outside", ["out of bounds memory access"]),
            ("recurse", ["call stack exhausted"]),
            ("abort", ["unreachable"]),
        ]:
            with self.subTest(what):
                result = run("run", guest("streams"), what)
                self.assert_trapped(result, "streams.wasm", *words)
                self.assertEqual(result.out, "begun\n")

    @unittest.skipUnless(LIBRARY, "WASINN_WASMTIME_LIBRARY is not set")
    def test_trap_before_the_entry(self):
        text = '(module (func $s unreachable) (start $s) (func (export "_start")))'
        path = self.write("start.wasm", assembled(text))
        self.assert_trapped(run("run", path), "start.wasm", "unreachable")


# ---- Folders and files ---------------------------------------------------------------------------------


class Folders(Case):
    """A folder that the guest may see, beside one that it may not."""

    def setUp(self):
        super().setUp()
        self.write("seen/a.txt", "hello")
        self.write("seen/sub/b.txt", "below")
        self.write("secret/s.txt", "secret")
        self.seen, self.secret = self.temporary / "seen", self.temporary / "secret"
        (self.seen / "in").symlink_to("a.txt")
        (self.seen / "out").symlink_to("../secret/s.txt")
        (self.seen / "outdir").symlink_to("../secret")
        (self.seen / "absolute").symlink_to(self.secret / "s.txt")
        (self.seen / "new-out").symlink_to("../secret/made")

    def files(self):
        return {
            str(path.relative_to(self.temporary)): None if path.is_dir() else path.read_bytes()
            for path in sorted(self.temporary.rglob("*"))
            if not path.is_symlink()
        }

    def operate(self, options, *operations):
        result = run("run", *options, guest("folders"), *operations)
        self.assert_succeeded(result)
        return result.out.splitlines()

    def test_names(self):
        for options, path in [
            (["--dir", f"{self.seen}"], f"{self.seen}/a.txt"),
            (["--dir", f"{self.seen}::there"], "there/a.txt"),
            (["--dir", f"{self.seen}::/deep/er"], "/deep/er/a.txt"),
            (["--dir", f"{self.seen}::."], "a.txt"),
            (["--mapdir", f"there::{self.seen}"], "there/a.txt"),
            (["--dir", f"{self.secret}::one", "--dir", f"{self.seen}::two"], "two/a.txt"),
            (["--dir-rw", f"{self.seen}::there"], "there/a.txt"),
        ]:
            with self.subTest(options):
                self.assertEqual(self.operate(options, "read", path), ["read ok hello"])

    def test_nothing_without_a_folder(self):
        for path in ("a.txt", "/etc/passwd", ".", "/", "../seen/a.txt"):
            with self.subTest(path):
                result = run("run", guest("folders"), "read", path, "list", path, cwd=self.seen)
                self.assert_succeeded(result)
                self.assertRegex(result.out, r"^read failed \d+\nlist failed \d+\n$")

    def test_read_only_by_default(self):
        before = self.files()
        for option in (["--dir", f"{self.seen}::d"], ["--mapdir", f"d::{self.seen}"]):
            for operation in [
                ("write", "d/a.txt", "changed"),
                ("write", "d/new", "x"),
                ("truncate", "d/a.txt"),
                ("mkdir", "d/made"),
                ("unlink", "d/a.txt"),
                ("rename", "d/a.txt", "d/b.txt"),
                ("link", "d/a.txt", "d/hard"),
                ("symlink", "a.txt", "d/soft"),
            ]:
                with self.subTest(option=option, operation=operation):
                    lines = self.operate(option, *operation, "read", "d/a.txt")
                    self.assertRegex(lines[0], rf"^{operation[0]} failed [1-9]\d*$")
                    self.assertEqual(lines[1], "read ok hello")
                    self.assertEqual(self.files(), before)

    def test_read_and_write(self):
        lines = self.operate(
            ["--dir-rw", f"{self.seen}::d"],
            "write", "d/new", "x", "read", "d/new", "mkdir", "d/made", "rename", "d/new", "d/made/moved",
            "write", "d/a.txt", "changed", "unlink", "d/sub/b.txt",
        )
        self.assertEqual([line.split(" ")[1] for line in lines], ["ok"] * 6, lines)
        self.assertEqual((self.seen / "made/moved").read_text(), "x")
        self.assertEqual((self.seen / "a.txt").read_text(), "changed")
        self.assertFalse((self.seen / "sub/b.txt").exists())

    def test_no_way_out(self):
        before = self.files()
        ways = [
            "d/../secret/s.txt", "d/sub/../../secret/s.txt", "d/out", "d/outdir/s.txt", "d/absolute", "../secret/s.txt",
            "d/./../secret/s.txt", f"{self.secret}/s.txt", f"d/{self.secret}/s.txt", "/etc/passwd", "d//etc/passwd",
            "d/../../../../../../../etc/passwd",
        ]
        for option in ("--dir", "--dir-rw"):
            for path in ways:
                with self.subTest(option=option, path=path):
                    lines = self.operate([option, f"{self.seen}::d"], "read", path, "write", path, "bad")
                    self.assertRegex(lines[0], r"^read failed [1-9]")
                    self.assertRegex(lines[1], r"^write failed [1-9]")
                    self.assertEqual(self.files(), before)

    def test_no_way_out_by_making_one(self):
        before = self.files()
        lines = self.operate(
            ["--dir-rw", f"{self.seen}::d"],
            "write", "d/new-out", "x", "symlink", "../secret", "d/way", "read", "d/way/s.txt", "write", "d/way/t", "x",
            "symlink", "/etc", "d/etc", "read", "d/etc/passwd", "rename", "d/a.txt", "d/outdir/a.txt",
            "list", "d/outdir", "list", "d/..",
        )
        for line in lines:
            if not line.startswith("symlink"):
                self.assertRegex(line, r" failed [1-9]")
        self.assertEqual(self.files(), before)

    def test_no_writing_by_way_of_another_folder(self):
        before = self.files()
        for operation in ("link", "rename"):
            with self.subTest(operation):
                (self.temporary / "own").mkdir(exist_ok=True)
                lines = self.operate(
                    ["--dir", f"{self.seen}::d", "--dir-rw", f"{self.temporary / 'own'}::own"],
                    operation, "d/a.txt", "own/a.txt", "write", "own/a.txt", "changed", "read", "d/a.txt",
                )
                self.assertRegex(lines[0], r" failed [1-9]")
                self.assertEqual(lines[2], "read ok hello")
                self.assertEqual((self.seen / "a.txt").read_text(), "hello")
        self.assertEqual({k: v for k, v in self.files().items() if not k.startswith("own")}, before)

    def test_bad_folders(self):
        for options, words in [
            (["--dir", self.temporary / "none"], ["none", "No such file"]),
            (["--dir-rw", self.temporary / "none"], ["none", "No such file"]),
            (["--mapdir", f"x::{self.temporary / 'none'}"], ["none", "No such file"]),
            (["--dir", self.seen / "a.txt"], ["a.txt", "not a folder"]),
            (["--dir-rw", f"{self.seen / 'a.txt'}::x"], ["a.txt", "not a folder"]),
        ]:
            with self.subTest(options):
                self.assert_ended(run("run", *options, guest("streams"), "exit", "0"), NOT_STARTED, *words)


class LargeFiles(Case):
    """One read or write of more than Wasmtime moves at a time."""

    SIZE = 244 << 20

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="wasinn-large-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.marks = {0: 1, 65535: 2, (64 << 20) - 1: 3, 64 << 20: 4, (128 << 20) + 1: 5, cls.SIZE - 1: 6}
        with open(cls.folder / "weights", "wb") as stream:
            stream.truncate(cls.SIZE)
            for offset, value in cls.marks.items():
                stream.seek(offset)
                stream.write(bytes([value]))
        (cls.folder / "small").write_bytes(b"abcd")

    def read(self, *operations):
        return run("run", "--dir", f"{self.folder}::d", guest("folders"), *operations)

    def test_as_the_c_library_does_it(self):
        total = 0
        for offset in sorted(self.marks):
            total = (total * 31 + offset * 7 + self.marks[offset]) % 2**32
        result = self.read("whole", "d/weights")
        self.assert_succeeded(result)
        self.assertEqual(result.out, f"whole ok {self.SIZE} of {self.SIZE}, sum {total}\n")

    def test_written_as_the_c_library_does_it(self):
        for size in (80, 200):
            with self.subTest(size):
                result = run("run", "--dir-rw", f"{self.temporary}::d", guest("folders"), "fill", "d/big", str(size))
                self.assert_succeeded(result)
                self.assertEqual(result.out, "fill ok \n")
                with open(self.temporary / "big", "rb") as stream:
                    self.assertEqual(stream.seek(0, os.SEEK_END), size << 20)
                    for i in range(size):
                        stream.seek(i << 20)
                        self.assertEqual(stream.read(2), bytes([i + 1, 0]))

    def test_in_one_call(self):
        for operation in ("once", "once-at"):
            for count in (1, 2, 4):
                with self.subTest(operation=operation, count=count):
                    result = self.read(operation, "d/weights", str(count))
                    self.assert_succeeded(result)
                    words = result.out.replace(",", "").split()
                    self.assertEqual(words[:2], [operation, "ok"])
                    self.assertTrue(0 < int(words[2]) <= self.SIZE, result.out)
                    self.assertEqual(int(words[-1]), self.SIZE // count, "the guest's buffers were left changed")

    def test_buffers_outside_memory(self):
        """The engine ends the guest, or refuses the call; the host goes on either way."""
        for numbers in [  # address of the buffers, their count, first buffer, its size, address of the result
            "0 1 0xFFFFFFF0 64 0",
            "0 1 1024 0xFFFFFFFF 0",
            "0 1 70000 4 0xFFFFFFFE",
            "0xFFFFFFF8 1 70000 4 0",
            "0xFFFFFFFF 1 70000 4 0",
            "0 0xFFFFFFFF 70000 4 0",
            "0 0x20000000 70000 4 0",
            "0xFFFFFFF8 0xFFFFFFFF 70000 4 0",
        ]:
            with self.subTest(numbers):
                result = self.read("raw", "d/small", numbers, "read", "d/small")
                self.assert_alive(result)
                if result.code == 0:
                    self.assertRegex(result.out, r"^raw failed [1-9]\d*\nread ok abcd\n$")
                else:
                    self.assert_trapped(result, "folders.wasm", "ounds")

    def test_no_buffers(self):
        result = self.read("raw", "d/small", "0 0 70000 4 0", "raw", "d/small", "0 1 70000 0 0", "read", "d/small")
        self.assert_succeeded(result)
        self.assertEqual(result.out, "raw ok \nraw ok \nread ok abcd\n")


# ---- Timeout -------------------------------------------------------------------------------------------


class Timeout(Case):
    """--timeout 1. What does not stop then is ended two seconds later."""

    STOPPED, ENDED = 2.9, 10  # seconds; the latter with room for a busy machine

    def start(self, *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL):
        command = [WASINN, "run", "--timeout", "1", *map(os.fspath, arguments)]
        self.began = time.monotonic()
        return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)

    def start_session(self, *commands):
        return self.start("--dir", f"{FIXTURES}::.", guest("session"), *commands)

    def expect_timeout(self, process, most):
        """Returns the lines on stderr before the last, which says why."""
        with process:
            try:
                process.wait(LONGEST)
            finally:
                process.kill()
            seconds = time.monotonic() - self.began
            text = process.stderr.read().decode()
        lines = text.splitlines()
        self.assertEqual(process.returncode, TIMED_OUT, text)
        self.assertEqual(lines[-1], "wasinn: the guest was ended: --timeout of 1 s", text)
        self.assertGreaterEqual(seconds, 1)
        self.assertLess(seconds, most)
        return lines[:-1]

    def test_endless_loop(self):
        self.assertEqual(self.expect_timeout(self.start(guest("streams"), "loop"), self.STOPPED), [])

    def test_sleep(self):
        self.assertEqual(self.expect_timeout(self.start(guest("streams"), "sleep", "60"), self.ENDED), [])

    def test_waiting_for_input(self):
        process = self.start(guest("streams"), "wait", stdin=subprocess.PIPE)
        self.assertEqual(self.expect_timeout(process, self.ENDED), [])

    def test_output_that_nobody_reads(self):
        with open("/dev/zero", "rb") as endless:
            process = self.start(guest("streams"), "copy", stdin=endless, stdout=subprocess.PIPE)
            self.assertEqual(self.expect_timeout(process, self.ENDED), [])

    def test_long_compute_is_cancelled(self):
        """On a busy machine the second may pass while the model loads."""
        for _ in range(5):
            process = self.start_session(load("slow"), "context g", input_of(0, F32, "1", floats(1)), "compute c")
            lines = self.expect_timeout(process, self.STOPPED)
            self.assertEqual(len(lines), 1)
            if "load: timeout: " not in lines[0]:
                break
        self.assertIn("compute: timeout: ", lines[0])

    def test_compute_that_cannot_be_cancelled(self):
        process = self.start_session(load("stubborn"), "context g", input_of(0, F32, "1", floats(1)), "compute c")
        self.expect_timeout(process, self.ENDED)

    def test_guest_that_goes_on_calling(self):
        """Each of its calls fails at once, and its own code is ended too."""
        process = self.start_session("repeat 4000000000 name none")
        lines = self.expect_timeout(process, self.STOPPED)
        self.assertEqual(len(lines), 101)

    def test_what_ends_in_time_is_left_alone(self):
        result = run("run", "--timeout", "100", guest("streams"), "exit", "7")
        self.assert_succeeded(result, 7)
        self.assertLess(result.seconds, 50)
        result = run("run", "--timeout", "100", guest("streams"), "unreachable")
        self.assert_trapped(result, "unreachable")

    def test_session_with_a_timeout_that_does_not_pass(self):
        result = session(*CORRECT, options=["--timeout", "100"])
        self.assert_succeeded(result)
        self.assert_answers(result, CORRECT_ANSWERS)


# ---- OpenVINO that is not there ------------------------------------------------------------------------


class AbsentRuntime(Case):
    def places(self):
        text = self.write("text.so", "this is no library")
        folder = self.write("folder/readme", "").parent
        broken = self.write("broken/libopenvino_c.so", "no library either").parent
        places = [
            ("nowhere", pathlib.Path("/nonexistent"), ["/nonexistent"]),
            ("folder without it", folder, ["libopenvino_c.so", str(folder)]),
            ("text", text, ["text.so"]),
            ("text of its name", broken, ["libopenvino_c.so"]),
        ]
        if LIBRARY:
            places.append(("another library", pathlib.Path(LIBRARY), [os.path.basename(LIBRARY), "not OpenVINO"]))
        return places

    def test_the_guest_sees_an_errno(self):
        for name, place, words in self.places():
            with self.subTest(name):
                result = session(ADD, ADD, "name a", "context 0", options=["--model", f"a={FIXTURES / 'add.xml'}"],
                                 environment={"WASINN_OPENVINO": str(place)})
                self.assert_alive(result)
                self.assertEqual(result.code, 0)
                self.assertEqual(result.errnos, [INVALID_ENCODING] * 3 + [INVALID_ARGUMENT])
                self.assertEqual(len(result.complaints), 4, result.err)
                for word in ["load: invalid_encoding: ", "OpenVINO", *words]:
                    self.assertIn(word, result.complaints[0])
                self.assertEqual(result.complaints[0], result.complaints[1])

    def test_version_says_why(self):
        for name, place, words in self.places():
            with self.subTest(name):
                result = run("--version", environment={"WASINN_OPENVINO": str(place)})
                self.assert_succeeded(result)
                line = openvino_line(result)
                self.assertTrue(line.startswith("openvino: not available: "), line)
                for word in words:
                    self.assertIn(word, line)

    def test_what_needs_no_runtime_works(self):
        result = run("run", guest("streams"), "exit", "7", environment={"WASINN_OPENVINO": "/nonexistent"})
        self.assert_succeeded(result, 7)

    def test_found_where_it_is(self):
        place = openvino_line(run("--version")).rsplit("(", 1)[1].rstrip(")")
        for chosen in (place, os.path.dirname(place), ""):
            with self.subTest(chosen):
                result = session(*CORRECT, environment={"WASINN_OPENVINO": chosen})
                if chosen == "" and result.errnos[0] == INVALID_ENCODING:
                    self.skipTest("OpenVINO is where only WASINN_OPENVINO says")
                self.assert_succeeded(result)
                self.assert_answers(result, CORRECT_ANSWERS)


if __name__ == "__main__":
    unittest.main()
