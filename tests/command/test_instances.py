"""`wasinn run --instances --repeat`: guests at once and one after the other in one process."""

import json
import os
import pathlib
import re
import resource
import signal
import stat
import subprocess
import unittest

from command import (
    Case, FIXTURES, GUESTS, LIBRARY, LONGEST, NOT_STARTED, SANITIZED, TIMED_OUT, TRAPPED, USAGE, WASINN, assembled, guest,
    run, session,
)

SCALAR = ("--model", f"scalar={FIXTURES / 'scalar.xml'}")
TELLING = os.path.join(os.environ["WASINN_LIBRARIES"], "tests", "telling-openvino")
NOBODY = 65533  # a user of whom nothing runs here

# Takes one byte of stdin, so that each guest gets another one, and does what that says. Without one it says ok.
TAKER = """
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (global $runs (mut i32) (i32.const 0))
  (data (i32.const 64) "ok\\n")
  (data (i32.const 128) "\\40\\00\\00\\00\\03\\00\\00\\00")
  (func (export "_start") (local $byte i32)
    ;; A guest that is not fresh would notice.
    (if (i32.or (global.get $runs) (i32.load8_u (i32.const 0))) (then (call $exit (i32.const 99))))
    (global.set $runs (i32.const 1))
    (i32.store (i32.const 16) (i32.const 0))
    (i32.store (i32.const 20) (i32.const 1))
    (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)))
    (local.set $byte (i32.load8_u (i32.const 0)))
    (if (i32.eq (local.get $byte) (i32.const 116)) (then unreachable))                         ;; t
    (if (i32.eq (local.get $byte) (i32.const 101)) (then (call $exit (i32.const 7))))          ;; e
    (if (i32.eq (local.get $byte) (i32.const 108)) (then (loop $on (br $on))))                 ;; l
    (if (i32.eq (local.get $byte) (i32.const 115))                                             ;; s: 60 s
      (then
        (i64.store (i32.const 256) (i64.const 0))
        (i32.store8 (i32.const 264) (i32.const 0))
        (i32.store (i32.const 272) (i32.const 1))
        (i64.store (i32.const 280) (i64.const 60000000000))
        (i64.store (i32.const 288) (i64.const 0))
        (i32.store16 (i32.const 296) (i32.const 0))
        (drop (call $poll (i32.const 256) (i32.const 320) (i32.const 1) (i32.const 384)))))
    (if (i32.eq (local.get $byte) (i32.const 110)) (then (call $nap)))                         ;; n: 0.7 s
    (i32.store8 (i32.const 0) (i32.const 1))
    (drop (call $write (i32.const 1) (i32.const 128) (i32.const 1) (i32.const 24))))
  (func $nap
    (i64.store (i32.const 256) (i64.const 0))
    (i32.store8 (i32.const 264) (i32.const 0))
    (i32.store (i32.const 272) (i32.const 1))
    (i64.store (i32.const 280) (i64.const 700000000))
    (i64.store (i32.const 288) (i64.const 0))
    (i32.store16 (i32.const 296) (i32.const 0))
    (drop (call $poll (i32.const 256) (i32.const 320) (i32.const 1) (i32.const 384)))))
"""


class Several(Case):
    def several(self, *options, stdin=b"", text=TAKER):
        path = self.write("taker.wasm", assembled(text))
        return run("run", *options, path, stdin=stdin)


class Counts(Several):
    def test_one_named_model(self):
        for guests in (1, 2, 8, 64):
            with self.subTest(guests):
                result = run("run", "--instances", str(guests), *SCALAR, guest("double"), "scalar", "50")
                self.assert_succeeded(result)
                self.assertEqual(result.out.split(), ["42"] * guests)

    def test_models_of_their_own(self):
        """Each loads it from bytes."""
        commands = ["load 0 0 scalar.xml scalar.bin", "context g", "input c 0 1 - 0000a841", "compute c",
                    "output c 0 4"]
        alone = session(*commands)
        result = session(*commands, options=("--instances", "8"))
        self.assert_succeeded(result)
        # They print in pieces, to one place.
        self.assertEqual(sorted(result.out), sorted(alone.out * 8))

    def test_bytes_that_are_the_same(self):
        """What guests bring one after the other is loaded once, although each has gone when the next one comes."""
        commands = ["load 0 0 scalar.xml scalar.bin", "context g", "input c 0 1 - 0000a841", "compute c", "output c 0 4"]
        for options, guests in ((("--repeat", "3"), 3), (("--instances", "2", "--repeat", "3"), 6)):
            result = session(*commands, options=("--stats=json", *options))
            self.assertEqual(result.code, 0, result.err)
            models = json.loads(result.err.splitlines()[-1])["models"]
            self.assertEqual({model["how"]: model["count"] for model in models}, {"compiled": 1, "shared": guests - 1})

    def test_repeat(self):
        result = run("run", "--repeat", "5", *SCALAR, guest("double"), "scalar")
        self.assert_succeeded(result)
        self.assertEqual(result.out, "42\n" * 5)
        result = run("run", "--instances", "3", "--repeat", "4", *SCALAR, guest("double"), "scalar")
        self.assert_succeeded(result)
        self.assertEqual(result.out, "42\n" * 12)

    @unittest.skipUnless(LIBRARY, "WASINN_WASMTIME_LIBRARY is not set")
    def test_every_guest_is_fresh(self):
        result = self.several("--instances", "4", "--repeat", "50")
        self.assert_succeeded(result)
        self.assertEqual(result.out, "ok\n" * 200)

    def test_wrong_numbers(self):
        for option, most in [("--instances", 4096), ("--repeat", 1000000000)]:
            for number in ("0", "-1", str(most + 1), "5000000000", "99999999999999999999", "2x", "x", "", " 2", "1.5"):
                with self.subTest(option, number=number):
                    result = run("run", option, number, guest("streams"), "arguments")
                    self.assert_ended(result, USAGE, option, f"from 1 to {most}")


@unittest.skipUnless(LIBRARY, "WASINN_WASMTIME_LIBRARY is not set")
class Failures(Several):
    def test_one_traps_among_others(self):
        result = self.several("--instances", "8", stdin=b"t")
        self.assertEqual(result.code, TRAPPED, result.err)
        self.assertEqual(result.out, "ok\n" * 7)
        self.assertRegex(result.err, r"\Awasinn: guest [1-8]: guest '.*taker.wasm' trapped: .*unreachable.*\n( +in .*\n)+\Z")

    def test_one_exits_among_others(self):
        result = self.several("--instances", "8", stdin=b"e")
        self.assert_succeeded(result, 7)
        self.assertEqual(result.out, "ok\n" * 7)

    def test_the_first_of_several_runs_counts(self):
        result = self.several("--repeat", "4", stdin=b"xet")
        self.assertEqual(result.code, 7, result.err)
        self.assertEqual(result.out, "ok\nok\n")
        self.assertTrue(result.err.startswith("wasinn: run 3: guest '"), result.err)

    def test_the_lowest_number_counts(self):
        result = self.several("--instances", "2", stdin=b"et")
        trapped = re.match(r"wasinn: guest ([12]): ", result.err).group(1)
        self.assertEqual(result.code, TRAPPED if trapped == "1" else 7, result.err)

    def test_all_trap(self):
        result = self.several("--instances", "8", "--repeat", "2", stdin=b"t" * 16)
        self.assertEqual((result.code, result.out), (TRAPPED, ""))
        told = re.findall(r"(?m)^wasinn: guest (\d), run (\d): guest '", result.err)
        self.assertEqual(sorted(told), [(str(i), str(j)) for i in range(1, 9) for j in (1, 2)])
        # Each with where it was, and nothing in between.
        self.assertRegex(result.err, r"\A(wasinn: guest .*\n( +in .*\n)+){16}\Z")

    def test_traps_before_the_entry(self):
        text = '(module (memory (export "memory") 1) (func $s unreachable) (start $s) (func (export "_start")))'
        result = self.several("--instances", "3", text=text)
        self.assertEqual(result.code, TRAPPED, result.err)
        self.assertEqual(len(re.findall(r"(?m)^wasinn: guest [123]: ", result.err)), 3)

    def test_what_none_can_do_is_said_once(self):
        for text, words in [
            ('(module (memory (export "memory") 1))', ["_start"]),
            ('(module (func (export "_start") (param i32)))', ["_start", "parameters"]),
            ('(module (import "a" "b" (func)) (func (export "_start")))', ["cannot be linked", "a::b"]),
        ]:
            with self.subTest(text):
                self.assert_ended(self.several("--instances", "8", text=text), NOT_STARTED, *words)
        result = run("run", "--instances", "8", "--dir", self.temporary / "absent", guest("streams"))
        self.assert_ended(result, NOT_STARTED, "absent")

    def test_failed_calls_say_whose_they_are(self):
        result = session("name absent", options=("--instances", "3", "--repeat", "2"))
        self.assertEqual(result.code, 0)
        told = re.findall(r"(?m)^wasinn: guest (\d), run (\d): load_by_name: not_found: .*$", result.err)
        self.assertEqual(sorted(told), [(str(i), str(j)) for i in (1, 2, 3) for j in (1, 2)])
        self.assertEqual(len(result.complaints), 6)

    def test_failed_calls_of_all_are_limited(self):
        result = session("repeat 300 name absent", options=("--instances", "4"))
        self.assertEqual(len(result.complaints), 101)
        self.assertEqual(len([line for line in result.complaints if "more than 100" in line]), 1)


@unittest.skipUnless(LIBRARY, "WASINN_WASMTIME_LIBRARY is not set")
class Timeouts(Several):
    def timed(self, result, guests, most=LONGEST):
        """So many guests were ended, and no other."""
        told = re.findall(r"(?m)^wasinn: guest (\d+): the guest was ended: --timeout of 1 s$", result.err)
        self.assertEqual((len(told), len(set(told)), len(result.complaints)), (guests,) * 3, result.err)
        self.assertEqual(result.code, TIMED_OUT)
        self.assertGreaterEqual(result.seconds, 1)
        self.assertLess(result.seconds, most)

    def test_one_loops(self):
        result = self.several("--timeout", "1", "--instances", "8", stdin=b"l")
        self.timed(result, 1, 30)
        self.assertEqual(result.out, "ok\n" * 7)

    def test_all_loop(self):
        self.timed(self.several("--timeout", "1", "--instances", "4", stdin=b"llll"), 4, 30)

    def test_one_sleeps(self):
        """It cannot be ended by itself, and goes with the process; others had their time."""
        result = self.several("--timeout", "1", "--instances", "4", "--repeat", "3", stdin=b"s")
        self.assertEqual(result.code, TIMED_OUT)
        self.assertRegex(result.err, r"\Awasinn: guest \d, run 1: the guest was ended: --timeout of 1 s\n\Z")
        self.assertEqual(result.out, "ok\n" * 9)
        self.assertLess(result.seconds, 30)

    def test_each_run_has_the_time(self):
        """Four of 0.7 s."""
        result = self.several("--timeout", "2", "--repeat", "4", stdin=b"nnnn")
        self.assert_succeeded(result)
        self.assertEqual(result.out, "ok\n" * 4)
        self.assertGreater(result.seconds, 2.7)

    def test_while_they_are_started(self):
        text = '(module (memory (export "memory") 1) (func $s (loop $on (br $on))) (start $s) (func (export "_start")))'
        result = self.several("--timeout", "1", "--instances", "2", text=text)
        self.timed(result, 2)

    def test_interrupted_by_hand(self):
        path = self.write("taker.wasm", assembled(TAKER))
        process = subprocess.Popen([WASINN, "run", "--instances", "4", path], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with process:
            process.stdin.write(b"xlls")
            process.stdin.flush()
            self.assertEqual(process.stdout.read(3), b"ok\n")
            process.send_signal(signal.SIGINT)
            try:
                self.assertEqual(process.wait(LONGEST), -signal.SIGINT)
            finally:
                process.kill()


class Hint(Several):
    def hint(self, *options):
        """What the backend, which stands in for OpenVINO's, is asked for."""
        model = self.write("model")
        result = run("run", "--backends", TELLING, *options, "--model", f"a={model},encoding=onnx,backend=openvino",
                     guest("session"), "name a")
        found = set(re.findall(r"\[hint=(\w+)\]", result.err))
        self.assertIn("[openvino onnx cpu]", result.err)
        self.assertLess(len(found), 2)
        return found.pop() if found else None

    def test_throughput_for_several(self):
        self.assertIsNone(self.hint())
        self.assertIsNone(self.hint("--repeat", "2"))
        self.assertEqual(self.hint("--instances", "2"), "throughput")

    def test_the_operator_decides(self):
        self.assertEqual(self.hint("--instances", "2", "--option", "openvino:hint=latency"), "latency")
        self.assertEqual(self.hint("--instances", "2", "--option", "openvino:threads=2"), "throughput")
        model = self.write("other")
        result = run("run", "--backends", TELLING, "--instances", "2", "--model",
                     f"b={model},encoding=onnx,backend=openvino,hint=latency", guest("session"), "name b")
        self.assertEqual(set(re.findall(r"\[hint=(\w+)\]", result.err)), {"latency"})

    def test_without_openvino(self):
        """--instances wants none."""
        result = run("run", "--instances", "2", guest("streams"), "exit", "3",
                     environment={"WASINN_OPENVINO": str(self.temporary)})
        self.assertEqual(result.code, 3, result.err)


# ---- More than there is room for -----------------------------------------------------------------------


def can_be_reached(path):
    """By any user."""
    return all(os.stat(part).st_mode & stat.S_IXOTH for part in [path, *path.parents])


class Room(Several):
    def limited(self, limits, *arguments, user=None, stdin=b""):
        def prepare():
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            for which, value in limits.items():
                resource.setrlimit(which, value)

        process = subprocess.run([WASINN, "run", *map(str, arguments)], preexec_fn=prepare, capture_output=True,
                                 input=stdin, timeout=LONGEST, cwd="/",
                                 env={**os.environ, "WASINN_CACHE": "off"})
        return process.returncode, process.stdout.decode(), process.stderr.decode()

    def assert_one_line(self, ended, *words):
        code, out, err = ended
        self.assertEqual((code, out), (NOT_STARTED, ""), err)
        self.assertRegex(err, r"\Awasinn: [^\n]*\n\Z")
        for word in words:
            self.assertIn(word, err)

    @unittest.skipIf(SANITIZED, "a sanitizer reserves more than any limit")
    def test_address_space(self):
        for megabytes, guests in [(400, 1), (400, 8), (1000, 2), (20000, 8), (20000, 64)]:
            with self.subTest(megabytes, guests=guests):
                limits = {resource.RLIMIT_AS: (megabytes << 20, megabytes << 20)}
                self.assert_one_line(self.limited(limits, "--instances", guests, *SCALAR, guest("double")))
        limits = {resource.RLIMIT_AS: (60000 << 20, 60000 << 20)}
        self.assertEqual(self.limited(limits, "--instances", 4, *SCALAR, guest("double")), (0, "42\n" * 4, ""))

    @unittest.skipIf(SANITIZED, "a sanitizer has threads of its own")
    def test_threads(self):
        user = NOBODY if os.getuid() == 0 else None
        library = GUESTS / "streams.wasm"
        if user and not (can_be_reached(library.parent) and can_be_reached(pathlib.Path(WASINN).parent)):
            self.skipTest("this checkout cannot be read by another user")
        for most in (1, 4, 8, 12, 20):
            with self.subTest(most):
                limits = {resource.RLIMIT_NPROC: (most, most)}
                self.assert_one_line(self.limited(limits, "--instances", 8, library, "arguments", user=user),
                                     "--instances 8", "threads")

    @unittest.skipUnless(LIBRARY, "WASINN_WASMTIME_LIBRARY is not set")
    def test_memory_that_the_machine_does_not_have(self):
        text = '(module (memory (export "memory") 60000) (func (export "_start")))'
        result = self.several("--instances", "4096", text=text)
        self.assert_ended(result, NOT_STARTED, "--instances 4096", str(60000 << 16))

    def test_open_files(self):
        """Each guest has a folder open. The lower of the two limits is raised, the other is not."""
        arguments = ("--instances", 100, "--dir", FIXTURES, guest("streams"), "exit", "0")
        code, _, err = self.limited({resource.RLIMIT_NOFILE: (64, 4096)}, *arguments)
        self.assertEqual((code, err), (0, ""))
        self.assert_one_line(self.limited({resource.RLIMIT_NOFILE: (64, 64)}, *arguments), "Too many open files")

    def test_the_most(self):
        if resource.getrlimit(resource.RLIMIT_NPROC)[0] not in (resource.RLIM_INFINITY,) and os.getuid() != 0:
            self.skipTest("this user may not have so many threads")
        result = run("run", "--instances", "1000", guest("streams"), "exit", "0")
        self.assertEqual((result.code, result.err), (0, ""))


if __name__ == "__main__":
    unittest.main()
