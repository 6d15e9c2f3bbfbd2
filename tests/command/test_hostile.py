"""Guests that reach outside their memory, have none, flood the host or try to write on the terminal."""

import unittest

from command import (
    ADD, BUSY, CORRECT, CORRECT_ANSWERS, Case, F32, FIXTURES, INVALID_ARGUMENT, LIBRARY, MISSING_MEMORY,
    NOT_FOUND, NOT_STARTED, RUNTIME_ERROR, SANITIZED, TOO_LARGE, assembled, builders, floats, load,
    pack, run, session, tensor,
)

# ---- Wrong calls that end the guest --------------------------------------------------------------------

OUTSIDE_TENSOR = [
    ("the dimensions just over the end", tensor(dims="end-7"), ["the dimensions", "8 bytes"]),
    ("the dimensions at the top", tensor(dims="0xFFFFFFFF"), ["the dimensions"]),
    ("the dimensions wrap around", tensor(dims="0xFFFFFFFC"), ["the dimensions"]),
    ("no dimensions beyond the end", tensor(dims="end+1", rank=0), ["the dimensions", "0 bytes"]),
    ("the data just over the end", tensor(data="end-15"), ["the tensor's data", "16 bytes"]),
    ("the data at the top", tensor(data="0xFFFFFFFF"), ["the tensor's data"]),
    ("the data wraps around", tensor(data="0xFFFFFFF0"), ["the tensor's data"]),
    ("no data beyond the end", tensor(data="end+1", size=0), ["the tensor's data", "0 bytes"]),
    ("all of memory and more", tensor(data="0", size="0xFFFFFFFF"), ["the tensor's data", "4294967295 bytes"]),
]


def two_inputs(first="buf+128", second="buf+192"):
    """Two $tensors at buf, of dimensions [2,2]; 1 2 3 4 is at buf+128, 10 20 30 40 at buf+192."""
    words = ["buf+64", 2, F32, first, 16, "buf+64", 2, F32, second, 16]
    return [*(f"word buf+{4 * i} {word}" for i, word in enumerate(words)), "word buf+64 2", "word buf+68 2",
            f"bytes buf+128 {floats(1, 2, 3, 4)}", f"bytes buf+192 {floats(10, 20, 30, 40)}"]


def results(*pairs):
    """What infer's outputs are, at buf+512: a buffer and its capacity."""
    return [f"word buf+{512 + 12 * i + 4 * j} {value}" for i, pair in enumerate(pairs) for j, value in enumerate(pair)]


OUTSIDE = [
    ("builders just over the end", ["call load end-15 2 0 0 buf"], ["load:", "the builders", "16 bytes"]),
    ("builders at the top", ["call load 0xFFFFFFFF 1 0 0 buf"], ["the builders", "4294967295"]),
    ("builders wrap around", ["call load 0xFFFFFFF8 2 0 0 buf"], ["the builders"]),
    ("no builders beyond the end", ["call load end+1 0 0 0 buf"], ["the builders", "0 bytes"]),
    ("bytes just over the end", [*builders(("end-15", 16)), "call load buf 1 0 0 buf+64"], ["a builder's bytes"]),
    ("bytes at the top", [*builders(("0xFFFFFFFF", 1)), "call load buf 1 0 0 buf+64"], ["a builder's bytes"]),
    ("bytes wrap around", [*builders(("0xFFFFFF00", 512)), "call load buf 1 0 0 buf+64"], ["a builder's bytes"]),
    ("no bytes beyond the end", [*builders(("end+1", 0)), "call load buf 1 0 0 buf+64"], ["a builder's bytes"]),
    ("second builder", [*builders(("buf", 4), ("end", 1)), "call load buf 2 0 0 buf+64"], ["a builder's bytes"]),
    ("sixteenth builder", [*builders(*[("buf", 4)] * 15, ("end", 1)), "call load buf 16 0 0 buf+200"],
     ["a builder's bytes"]),
    ("bytes of an unknown encoding", [*builders(("end", 1)), "call load buf 1 99 99 buf+64"], ["a builder's bytes"]),
    ("graph's handle over the end", ["call load buf 0 0 0 end-3"], ["the graph's handle", "4 bytes"]),
    ("graph's handle at the top", ["call load buf 0 0 0 0xFFFFFFFF"], ["the graph's handle"]),
    ("graph's handle wraps around", ["call load buf 0 0 0 0xFFFFFFFE"], ["the graph's handle"]),
    ("name just over the end", ["call load_by_name end-2 3 buf"], ["load_by_name:", "the name", "3 bytes"]),
    ("name at the top", ["call load_by_name 0xFFFFFFFF 1 buf"], ["the name"]),
    ("name wraps around", ["call load_by_name 0xFFFFFFFF 16 buf"], ["the name"]),
    ("no name beyond the end", ["call load_by_name end+1 0 buf"], ["the name", "0 bytes"]),
    ("name as long as can be", ["call load_by_name buf 0xFFFFFFFF buf"], ["the name", "4294967295 bytes"]),
    ("name's handle over the end", ["call load_by_name buf 4 end-3"], ["the graph's handle"]),
    ("name's handle at the end", ["call load_by_name buf 4 end"], ["the graph's handle"]),
    ("context's handle over the end", ["call init_execution_context 0 end-3"],
     ["init_execution_context:", "the context's handle"]),
    ("context's handle at the top", ["call init_execution_context 0 0xFFFFFFFF"], ["the context's handle"]),
    ("context's handle of a graph", [ADD, "call init_execution_context g end"], ["the context's handle"]),
    ("tensor just over the end", ["call set_input 0 0 end-19"], ["set_input:", "the tensor", "20 bytes"]),
    ("tensor at the top", ["call set_input 0 0 0xFFFFFFFF"], ["the tensor"]),
    ("tensor at the end", ["call set_input 0 0 end"], ["the tensor"]),
    *((name, [*commands, "call set_input 0 0 buf"], words) for name, commands, words in OUTSIDE_TENSOR),
    ("data of a context", [*CORRECT, *tensor(data="end-15"), "call set_input c 0 buf"], ["the tensor's data"]),
    ("buffer just over the end", ["call get_output 0 0 end-15 16 buf"], ["get_output:", "the buffer", "16 bytes"]),
    ("buffer at the top", ["call get_output 0 0 0xFFFFFFFF 1 buf"], ["the buffer"]),
    ("buffer wraps around", ["call get_output 0 0 0xFFFFFFF0 32 buf"], ["the buffer"]),
    ("no buffer beyond the end", ["call get_output 0 0 end+1 0 buf"], ["the buffer", "0 bytes"]),
    ("buffer of 4294967295 bytes", ["call get_output 0 0 buf 0xFFFFFFFF buf"], ["the buffer"]),
    ("size over the end", ["call get_output 0 0 buf 16 end-3"], ["the size written", "4 bytes"]),
    ("size at the top", ["call get_output 0 0 buf 16 0xFFFFFFFF"], ["the size written"]),
    ("buffer of a context", [*CORRECT, "call get_output c 0 end-15 16 buf"], ["the buffer"]),
    ("size of a context", [*CORRECT, "call get_output c 0 buf 16 end-3"], ["the size written"]),
    ("text just over the end", ["call last_error end-3 4 buf"], ["last_error:", "the buffer"]),
    ("no text beyond the end", ["call last_error end+1 0 buf"], ["last_error:", "the buffer"]),
    ("text's length over the end", ["call last_error buf 4 end-3"], ["last_error:", "the length"]),
    ("port's name over the end", ["call find_port 0 0 end-3 4 buf"], ["find_port:", "the name"]),
    ("no port's name beyond the end", ["call find_port 0 0 end+1 0 buf"], ["find_port:", "the name"]),
    ("port's index over the end", ["call find_port 0 0 buf 1 end-3"], ["find_port:", "the index"]),
    ("inputs just over the end", ["call infer 0 end-39 2 buf 0"], ["infer:", "the inputs", "40 bytes"]),
    ("inputs at the top", ["call infer 0 0xFFFFFFFF 1 buf 0"], ["the inputs"]),
    ("no inputs beyond the end", ["call infer 0 end+1 0 buf 0"], ["the inputs", "0 bytes"]),
    ("as many inputs as can be", ["call infer 0 buf 0xFFFFFFFF buf 0"], ["the inputs", "85899345900 bytes"]),
    ("inputs whose size wraps around", ["call infer 0 buf 0xCCCCCCCD buf 0"], ["the inputs", "68719476740 bytes"]),
    ("outputs just over the end", ["call infer 0 buf 0 end-11 1"], ["infer:", "the outputs", "12 bytes"]),
    ("outputs at the top", ["call infer 0 buf 0 0xFFFFFFFC 1"], ["the outputs"]),
    ("as many outputs as can be", ["call infer 0 buf 0 buf 0xFFFFFFFF"], ["the outputs", "51539607540 bytes"]),
    *((f"infer: {name}", [*CORRECT, *commands, "call infer c buf 1 buf+512 0"], ["infer:", *words])
      for name, commands, words in OUTSIDE_TENSOR),
    ("second input over the end", [*CORRECT, *two_inputs(second="end-15"), *results(("buf+600", 16)),
                                   "call infer c buf 2 buf+512 1"], ["infer:", "the tensor's data", "16 bytes"]),
    ("output over the end", [*CORRECT, *two_inputs(), *results(("end-15", 16)), "call infer c buf 2 buf+512 1"],
     ["infer:", "the buffer", "16 bytes"]),
    ("output wraps around", [*CORRECT, *two_inputs(), *results(("0xFFFFFFF0", 32)), "call infer c buf 2 buf+512 1"],
     ["infer:", "the buffer"]),
    ("output of 4294967295 bytes", [*CORRECT, *two_inputs(), *results(("buf", "0xFFFFFFFF")),
                                    "call infer c buf 2 buf+512 1"], ["infer:", "the buffer"]),
    ("no output beyond the end", [*CORRECT, *two_inputs(), *results(("end+1", 0)), "call infer c buf 2 buf+512 1"],
     ["infer:", "the buffer", "0 bytes"]),
    ("text's length at the top", ["call last_error buf 4 0xFFFFFFFF"], ["last_error:", "the length"]),
]


class CallsOutsideMemory(Case):
    def test_trap(self):
        self.assertEqual(len({name for name, *_ in OUTSIDE}), len(OUTSIDE))
        for name, commands, words in OUTSIDE:
            with self.subTest(name):
                result = session(*commands, "error")
                self.assert_trapped(result, "session.wasm", "outside the guest's memory", *words)
                self.assertEqual(result.errnos, [0] * (len(commands) - 1), "only the last call is wrong")

    def test_quiet_does_not_hide_a_trap(self):
        result = session("call load_by_name end+1 0 buf", options=["--quiet"])
        self.assert_trapped(result, "the name")

    def test_up_to_the_very_end(self):
        """The last byte of memory is the guest's own."""
        result = session(
            *CORRECT, *tensor(data="end-16"), f"bytes end-16 {floats(1, 1, 1, 1)}", "call set_input c 0 buf",
            "compute c", "call get_output c 0 end-16 16 buf", "show end-16 16", "call get_output c 0 buf 16 end-4",
            "show end-4 4", "call load_by_name end 0 end-4", "call load_by_name end-1 1 end-4",
        )
        self.assert_alive(result)
        self.assertEqual(result.errnos[len(CORRECT):], [0] * 14 + [NOT_FOUND] * 2)
        self.assertEqual(result.answers[-5][2], floats(11, 21, 31, 41))
        self.assertEqual(result.answers[-3][2], pack("I", 16))


class Overlapping(Case):
    """infer lets a runtime read a guest's memory and write it at once: never the same."""

    def infer(self, commands, call, *more):
        result = session(*CORRECT, *commands, call, *more)
        self.assert_alive(result)
        return result

    def test_outputs_over_inputs(self):
        for place, capacity in [("buf+128", 16), ("buf+143", 16), ("buf+113", 16), ("buf+196", 4), ("buf", "end-buf"),
                                ("0", "end")]:
            with self.subTest(place=place, capacity=capacity):
                result = self.infer([*two_inputs(), *results((place, capacity))], "call infer c buf 2 buf+512 1",
                                    "show buf+128 16")
                self.assertEqual(result.errnos[-2], INVALID_ARGUMENT)
                self.assertRegex(result.complaints[0], "infer: invalid_argument: the memory of .* overlaps that of")
                self.assertEqual(result.answers[-1][2], floats(1, 2, 3, 4))

    def test_outputs_over_descriptions(self):
        """They have been read: a guest that has its outputs put there harms itself alone."""
        for place in ("buf", "buf+20", "buf+32", "buf+64", "buf+500", "buf+512", "buf+516", "buf+520"):
            with self.subTest(place):
                result = self.infer([*two_inputs(), *results((place, 16))], "call infer c buf 2 buf+512 1",
                                    *CORRECT[2:])
                self.assertEqual(result.code, 0)
                self.assertEqual(result.errnos, [0] * len(result.errnos))
                self.assertEqual(result.answers[-1][3], CORRECT_ANSWERS[-1][2])

    def test_descriptions_over_each_other(self):
        """Inputs that are their own descriptions, and the same memory as every input."""
        result = self.infer([*two_inputs("buf", "buf"), *results(("buf+600", 16))], "call infer c buf 2 buf+512 1",
                            *two_inputs("buf+128", "buf+128"), "call infer c buf 2 buf+512 1", "show buf+600 16")
        self.assertEqual(result.errnos, [0] * len(result.errnos))
        self.assertEqual(result.answers[-1][2], floats(2, 4, 6, 8))

    def test_counts(self):
        for inputs, outputs in [(3, 1), (2, 2), (100, 1), (2, 1000), (3000, 5000)]:
            with self.subTest(inputs=inputs, outputs=outputs):
                result = self.infer([*two_inputs(), *results(("buf+600", 16))],
                                    f"call infer c buf {inputs} buf+512 {outputs}", *CORRECT[2:])
                self.assertIn(INVALID_ARGUMENT, result.errnos)
                self.assertRegex(result.complaints[0], "infer: invalid_argument: there is no (input 2|output 1): ")
                self.assertEqual(result.answers[-1][3], CORRECT_ANSWERS[-1][2])

    def test_handles(self):
        for handle in ("0", "g", "c+1", "0xFFFFFFFF", "c-65536"):
            with self.subTest(handle):
                result = self.infer([*two_inputs(), *results(("buf+600", 16))], f"call infer {handle} buf 2 buf+512 1")
                self.assertEqual(result.errnos[-1], INVALID_ARGUMENT)
                self.assertIn("infer: invalid_handle: ", result.complaints[0])


@unittest.skipUnless(LIBRARY, "WASINN_WASMTIME_LIBRARY is not set")
class OddMemories(Case):
    """Guests whose memory is not there, or not as it should be. Each traps if it does not see what it should."""

    IMPORTS = """
        (import "wasi_ephemeral_nn" "load" (func $load (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_ephemeral_nn" "load_by_name" (func $load_by_name (param i32 i32 i32) (result i32)))
        (import "wasi_ephemeral_nn" "init_execution_context" (func $init (param i32 i32) (result i32)))
        (import "wasi_ephemeral_nn" "set_input" (func $set_input (param i32 i32 i32) (result i32)))
        (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
        (import "wasi_ephemeral_nn" "get_output" (func $get_output (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasinn" "last_error" (func $last_error (param i32 i32 i32) (result i32)))
        (import "wasinn" "find_port" (func $find_port (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasinn" "infer" (func $infer (param i32 i32 i32 i32 i32) (result i32)))"""

    def run_text(self, name, text):
        return run("run", self.write(f"{name}.wasm", assembled(f"(module {self.IMPORTS} {text})")))

    @staticmethod
    def expecting(call, errno):
        return f'(func (export "_start") (if (i32.ne (call {call}) (i32.const {errno})) (then unreachable)))'

    def test_wasi_in_a_64_bit_memory(self):
        """wasi-nn has no use for it, but printing works as it does without wasinn."""
        text = """
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") i64 1)
            (data (i64.const 8) "\\20\\00\\00\\00\\03\\00\\00\\00") (data (i64.const 32) "hi\\n")
            (func (export "_start")
              (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0))))"""
        result = self.run_text("wide", text)
        self.assert_succeeded(result)
        self.assertEqual(result.out, "hi\n")

    def test_every_function_without_memory(self):
        for function, count in [("load", 5), ("load_by_name", 3), ("init", 2), ("set_input", 3), ("compute", 1),
                                ("get_output", 5), ("last_error", 3), ("find_port", 5), ("infer", 5)]:
            call = f"${function}{' (i32.const 0)' * count}"
            for memory in ("", "(memory 1)", '(memory (export "other") 1)', '(func (export "memory"))'):
                with self.subTest(function=function, memory=memory):
                    result = self.run_text("memoryless", f"{memory} {self.expecting(call, MISSING_MEMORY)}")
                    self.assert_ended(result, 0, "missing_memory", "no memory")

    def test_shared_memory(self):
        result = self.run_text("shared", '(memory (export "memory") 1 1 shared) ' +
                               self.expecting("$compute (i32.const 0)", MISSING_MEMORY))
        self.assert_alive(result)
        self.assertIn(result.code, (0, NOT_STARTED), "it may be refused as a whole, or see missing_memory")
        self.assertEqual(len(result.complaints), 1)
        self.assertRegex(result.err, "share")

    def test_memory_of_no_bytes(self):
        call = "$load (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)"
        result = self.run_text("nothing", f'(memory (export "memory") 0) {self.expecting(call, 0)}')
        self.assert_trapped(result, "the graph's handle")
        result = self.run_text("nothing", f'(memory (export "memory") 0) {self.expecting("$compute (i32.const 0)", 1)}')
        self.assert_ended(result, 0, "invalid_handle")

    def test_call_from_the_start_function(self):
        result = self.run_text("start", '(memory (export "memory") 1) (func (export "_start")) (start $s) '
                               "(func $s (if (i32.ne (call $compute (i32.const 9)) (i32.const 1)) (then unreachable)))")
        self.assert_ended(result, 0, "compute: invalid_handle", "9")

    def test_trap_from_the_start_function(self):
        result = self.run_text("start", '(memory (export "memory") 1) (func (export "_start")) (start $s) '
                               "(func $s (drop (call $load_by_name (i32.const -1) (i32.const 1) (i32.const 0))))")
        self.assert_trapped(result, "load_by_name", "outside the guest's memory")

    def test_read_without_memory(self):
        path = self.write("read.wasm", assembled("""(module
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (func (export "_start")
              (drop (call $read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))))"""))
        self.assert_trapped(run("run", path), "missing required memory export")


# ---- Floods and leaks ----------------------------------------------------------------------------------


class Floods(Case):
    def rows(self, words):
        """session's repeat: [(errno, times), ...]"""
        return [(int(words[i]), int(words[i + 1][1:])) for i in range(1, len(words), 2)]

    def test_loads_until_busy(self):
        result = session(f"repeat 70 {ADD}", "context g", *CORRECT[2:], options=["--quiet"])
        self.assert_succeeded(result)
        self.assertEqual(self.rows(result.answers[0]), [(0, 64), (BUSY, 6)])
        self.assertEqual(result.answers[-1][3], CORRECT_ANSWERS[-1][2])
        self.assertLess(result.peak, 1 << 20)

    def test_loads_by_name_until_busy(self):
        options = ["--model", f"add={FIXTURES / 'add.xml'}"]
        result = session("repeat 70 name add", *CORRECT[1:], options=options)
        self.assert_alive(result)
        self.assertEqual(self.rows(result.answers[0]), [(0, 64), (BUSY, 6)])
        self.assertIn("load_by_name: busy: ", result.complaints[0])
        self.assertEqual(result.answers[-1][3], CORRECT_ANSWERS[-1][2])

    def test_contexts_until_busy(self):
        result = session(ADD, "repeat 300 context g", *CORRECT[2:])
        self.assert_alive(result)
        self.assertEqual(self.rows(result.answers[1]), [(0, 256), (BUSY, 44)])
        self.assertIn("init_execution_context: busy: execution contexts open: 256, the limit", result.complaints[0])
        self.assertEqual(result.answers[-1][3], CORRECT_ANSWERS[-1][2])

    def test_contexts_until_too_large(self):
        """Each promises 256 MiB of output; 4 GiB in all is the limit."""
        result = session(load("large"), "repeat 20 context g", "repeat 20 context g", *CORRECT)
        self.assert_alive(result)
        self.assertEqual(self.rows(result.answers[1]), [(0, 15), (TOO_LARGE, 5)])
        self.assertEqual(self.rows(result.answers[2]), [(TOO_LARGE, 20)])
        self.assertEqual(result.answers[-1][3], CORRECT_ANSWERS[-1][2])

    def test_thousands_of_failures(self):
        result = session("repeat 5000 compute 7", "repeat 3000 name none", *CORRECT)
        self.assert_alive(result)
        self.assertEqual(self.rows(result.answers[0]), [(INVALID_ARGUMENT, 5000)])
        self.assertEqual(self.rows(result.answers[1]), [(NOT_FOUND, 3000)])
        self.assertEqual(len(result.complaints), 101)
        self.assertIn("not shown", result.complaints[-1])
        self.assertEqual(result.answers[-1][3], CORRECT_ANSWERS[-1][2])

    def test_text_that_would_write_on_the_terminal(self):
        for name, piece in [
            ("escape sequences", "%1b[2J%1b]0;title%07"),
            ("control characters", "%00%01%08%0b%7f%9b"),
            ("line breaks", "a%0awasinn: forged%0d%0a"),
            ("bidirectional text", "%e2%80%ae%e2%81%a6"),
            ("C1 controls", "%c2%9b2J"),
            ("percent signs", "%25n%25s"),
            ("letters", "abcdefghij"),
        ]:
            with self.subTest(name):
                text = (piece * (10000 // len(piece) + 1))[: 10000 // len(piece) * len(piece)]
                result = session(f"name {text}", "error", f"name x{text}", *CORRECT)
                self.assert_alive(result)
                self.assertEqual(result.code, 0)
                self.assertEqual(len(result.complaints), 2, result.err)
                self.assertLess(len(result.raw_err), 2 * 2048)
                self.assertNotRegex(result.err, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2066\ufffd]")
                text = bytes.fromhex(result.answers[1][3])
                self.assertLess(len(text), 2048)
                self.assertNotRegex(text.decode(), "[\x00-\x1f\x7f-\x9f\u202e\u2066]")
                self.assertEqual(result.answers[-1][3], CORRECT_ANSWERS[-1][2])

    @unittest.skipIf(SANITIZED, "memory is not measured with a sanitizer")
    def test_no_leak_in_use(self):
        def peak(times):
            result = session(
                load("shapes"), "context g", f"repeat {times} input c 0 1 1x64x64x3 @circle.f32",
                f"repeat {times} compute c", f"repeat {times} output c 0 20", f"repeat {times} output c 0 2",
                f"repeat {times} compute 5", options=["--quiet"],
            )
            self.assert_succeeded(result)
            return result.peak

        few, many = peak(100), peak(2000)
        self.assertLess(many - few, 8 << 10, "1900 rounds took that many KiB")

    @unittest.skipIf(SANITIZED, "memory is not measured with a sanitizer")
    def test_no_leak_in_failing_loads(self):
        self.write("cut.xml", (FIXTURES / "shapes.xml").read_bytes()[:9000])

        def peak(times):
            result = session(
                f"repeat {times} load 0 0 made/cut.xml shapes.bin", f"repeat {times} load 1 0 shapes.bin",
                f"repeat {times} load 0 0 shapes.bin shapes.bin", load("wide"), f"repeat {times} context g",
                options=["--quiet", "--dir", f"{self.temporary}::made"],
            )
            self.assert_alive(result)
            self.assertEqual(self.rows(result.answers[0]), [(RUNTIME_ERROR, times)])
            self.assertEqual(self.rows(result.answers[4]), [(TOO_LARGE, times)])
            return result.peak

        few, many = peak(20), peak(220)
        self.assertLess(many - few, 12 << 10, "200 loads of 129 KB took that many KiB")

    def test_dynamic_inputs_are_charged_once(self):
        """600 times 12 MB would be more than the limit of 4 GiB."""
        result = session(load("dynamic"), "context g", "grow 300", *tensor(data="end-12000000", size=12000000),
                         "word buf+32 1000000", "word buf+36 3", "repeat 600 call set_input c 0 buf")
        self.assert_succeeded(result)
        self.assertEqual(self.rows(result.answers[-1]), [(0, 600)])


if __name__ == "__main__":
    unittest.main()
