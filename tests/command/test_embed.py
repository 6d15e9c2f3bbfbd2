"""The example hosts of examples/, each as a program: what it prints, and what it says when it cannot go on.

WASINN_EXAMPLES is the folder of the programs; the rest as in command.py.
"""

import os
import pathlib
import subprocess
import unittest

from command import FIXTURES, Case, assembled, guest

EXAMPLES = pathlib.Path(os.environ["WASINN_EXAMPLES"])
MODEL = FIXTURES / "scalar.xml"


class Embed(Case):
    def run_example(self, name, *arguments):
        command = [EXAMPLES / name, *map(os.fspath, arguments)]
        return subprocess.run(command, capture_output=True, timeout=120, text=True)

    def assert_prints(self, result, *lines):
        self.assertEqual((result.stdout.splitlines(), result.stderr, result.returncode), (list(lines), "", 0))

    def assert_fails(self, result, code, *words):
        """One line on stderr that has all the words, and that exit code."""
        self.assertEqual((result.stdout, result.returncode, len(result.stderr.splitlines())), ("", code, 1), result)
        for word in words:
            self.assertIn(word, result.stderr)

    def command_guest(self, body):
        """A guest whose _start has that body."""
        return self.write("guest.wasm", assembled(
            '(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'
            f' (memory (export "memory") 1) (func (export "_start") {body}))'))

    def test_embed(self):
        self.assert_prints(self.run_example("embed", guest("double"), "scalar", MODEL), "42")

    def test_embed_fails(self):
        embed = lambda wasm, model=MODEL: self.run_example("embed", wasm, "scalar", model)
        self.assert_fails(self.run_example("embed"), 2, "embed GUEST.wasm NAME MODEL.xml")
        self.assert_fails(embed(self.temporary / "absent.wasm"), 2, "a guest that can be read")
        self.assert_fails(embed(guest("double"), "/absent.xml"), 1, "model 'scalar': cannot read '/absent.xml'")
        self.assertEqual(embed(self.write("broken.wasm", b"\0asm\1\0\0\0\1")).returncode, 1)
        self.assertEqual(embed(self.command_guest("nop")).returncode, 0)
        self.assertEqual(embed(self.command_guest("(call $exit (i32.const 0))")).returncode, 0)
        self.assertEqual(embed(self.command_guest("(call $exit (i32.const 7))")).returncode, 7)
        trapped = embed(self.command_guest("unreachable"))
        self.assertEqual(trapped.returncode, 1)
        self.assertIn("unreachable", trapped.stderr)

    def test_short(self):
        """The smallest host stays small."""
        source = pathlib.Path(__file__).parents[2] / "examples" / "embed.c"
        self.assertLess(len(source.read_text().splitlines()), 60)

    def test_threads(self):
        """A thousand times each, so that both are at it."""
        result = self.run_example("embed_threads", guest("double"), "scalar", MODEL, "scalar", "1000")
        self.assert_prints(result, "42", "42")
        # Each of the two learns that its own model is missing.
        result = self.run_example("embed_threads", guest("double"), "scalar", MODEL, "other")
        self.assertEqual((result.stdout, result.returncode), ("", 1))

    def test_limits(self):
        self.assert_prints(
            self.run_example("embed_limits", guest("double"), "scalar", MODEL),
            "init_execution_context: too_large: input 0 'x' is f32 [], 4 bytes; the limit is 2",
            "exit code 1",
            "42",
            "exit code 0",
        )

    def test_lookup(self):
        self.assert_prints(
            self.run_example("embed_lookup", guest("double"), "scalar", MODEL),
            "tenant one",
            "42",
            "exit code 0",
            "tenant one",
            "load_by_name: busy: graphs loaded: 1, the limit; use one that is, or close one",
            "exit code 1",
            "tenant two",
            "42",
            "exit code 0",
        )

    def test_memory(self):
        for number, answer in [("14", "42"), ("-0.5", "-1.5")]:
            self.assert_prints(self.run_example("embed_memory", number), f"guest: {answer}", f"host: {answer}")
        self.assert_fails(self.run_example("embed_memory", "x"), 2, "usage: embed_memory NUMBER")

    def test_failures_are_said(self):
        broken = self.write("broken.wasm", b"no WebAssembly")
        for example in ("embed_threads", "embed_limits", "embed_lookup"):
            with self.subTest(example):
                self.assert_fails(self.run_example(example), 2, f"usage: {example} GUEST.wasm NAME MODEL.xml")
                self.assert_fails(self.run_example(example, self.temporary / "x", "scalar", MODEL), 1, "No such file")
                self.assertEqual(self.run_example(example, broken, "scalar", MODEL).returncode, 1)
                no_command = self.write("empty.wasm", b"\0asm\1\0\0\0")
                result = self.run_example(example, no_command, "scalar", MODEL)
                self.assertEqual(result.returncode, 1)
                self.assertIn("the guest exports no function _start", result.stderr)


if __name__ == "__main__":
    unittest.main()
