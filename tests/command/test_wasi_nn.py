"""wasi-nn as guests see it: models by name, right sessions, wrong calls with their errno and words."""

import json
import os
import struct
import unittest

from command import (
    ADD, BUSY, CORRECT, CORRECT_ANSWERS, Case, F16, F32, F64, FIXTURES, I32, I64, INVALID_ARGUMENT,
    INVALID_ENCODING, NOT_FOUND, NOT_STARTED, RUNTIME_ERROR, TOO_LARGE, U8, UNSUPPORTED, builders, floats,
    guest, input_of, load, pack, run, session, set_tensor, tensor,
)

# ---- Models by name ------------------------------------------------------------------------------------


class NamedModels(Case):
    AFTER = CORRECT[1:]
    ANSWERS = CORRECT_ANSWERS

    def folder(self, name, **files):
        """A folder of copies of fixtures: model_xml="add.xml" is the copy of add.xml as model.xml."""
        for target, source in files.items():
            self.write(f"{name}/{target.replace('_', '.')}", (FIXTURES / source).read_bytes())
        return self.temporary / name

    def test_found(self):
        add = FIXTURES / "add.xml"
        whole = self.folder("whole", model_xml="add.xml", model_bin="add.bin", other_xml="scalar.xml")
        only = self.folder("only", other_xml="add.xml", other_bin="add.bin", notes_txt="add.xml")
        for options, name in [
            (["--model", f"a={add}"], "a"),
            (["--model", f"ünïcode={add}"], "ünïcode"),
            (["--model", f"with space={add}"], "with space"),
            (["--model", f"a={whole}"], "a"),
            (["--model", f"a={only}"], "a"),
            (["--model", f"b={FIXTURES / 'scalar.xml'}", "--model", f"a={add}"], "a"),
            (["--nn-graph", f"openvino::{whole}"], "whole"),
            (["--nn-graph", f"openvino::{whole}/"], "whole"),
            (["--nn-graph", f"openvino::{whole}/."], "whole"),
            (["--nn-graph", f"openvino::{only}", "--nn-graph", f"openvino::{whole}"], "only"),
        ]:
            with self.subTest(options):
                result = session(f"name {name}", *self.AFTER, options=options)
                self.assert_succeeded(result)
                self.assert_answers(result, self.ANSWERS)

    def test_named_as_the_link_is(self):
        os.symlink(self.folder("v3", model_xml="add.xml", model_bin="add.bin"), self.temporary / "current")
        result = session("name v3", "name current", options=["--nn-graph", f"openvino::{self.temporary}/current/"])
        self.assertEqual(result.errnos, [NOT_FOUND, 0])

    def test_folder_named_by_a_dot(self):
        whole = self.folder("whole", model_xml="add.xml", model_bin="add.bin")
        result = run("run", "--nn-graph", "openvino::.", guest("session"), "name whole", *self.AFTER, cwd=whole)
        self.assert_succeeded(result)
        self.assert_answers(result, self.ANSWERS)

    def test_many_times_and_in_turn(self):
        options = ["--model", f"add={FIXTURES / 'add.xml'}", "--model", f"scalar={FIXTURES / 'scalar.xml'}"]
        result = session("name scalar", "name add", *self.AFTER, "context g0", input_of(0, F32, "-", floats(4)),
                         "compute c", "output c 0 4", "name add", *self.AFTER, options=options)
        self.assert_succeeded(result)
        self.assert_answers(
            result, [[0], *self.ANSWERS, [0], [0], [0], [0, 4, floats(8)], *self.ANSWERS]
        )

    def test_refused_before_the_guest_starts(self):
        add, empty = FIXTURES / "add.xml", self.temporary / "empty"
        empty.mkdir()
        for options, words in [
            (["--model", f"a={self.temporary / 'none.xml'}"], ["none.xml", "No such file"]),
            (["--model", f"a={add}", "--model", f"a={FIXTURES / 'scalar.xml'}"], ["'a'", "already registered"]),
            (["--nn-graph", f"openvino::{empty}", "--model", f"empty={add}"], ["'empty'", "already registered"]),
            (["--model", f"empty={empty}"], ["'empty'", "a folder in which no backend here finds a model"]),
            (["--model", f"a={self.write('no-bytes', '')}"], ["'a'", "the file is empty"]),
            (["--nn-graph", f"openvino::{self.temporary / 'none'}"], ["none", "No such file"]),
            (["--nn-graph", f"openvino::{add}"], ["add.xml", "not a folder"]),
            (["--nn-graph", "openvino::"], ["No such file"]),
            (["--nn-graph", f"ggml::{self.write('ggml/a.gguf').parent}"], ["'ggml'", "no backend"]),
        ]:
            with self.subTest(options):
                result = session(*CORRECT, options=options)
                self.assertEqual(result.out, "")
                self.assert_ended(result, NOT_STARTED, *words)

    def test_name_that_is_not_utf8(self):
        result = run("run", b"--model", b"\xff=" + os.fsencode(FIXTURES / "add.xml"), guest("session"))
        self.assert_ended(result, NOT_STARTED, "UTF-8", "\\xff")

    def test_refused_when_the_guest_asks(self):
        broken = self.write("broken.xml", (FIXTURES / "add.xml").read_bytes()[:-200])
        self.write("broken.bin")
        for path, words in [
            (self.write("empty/notes.txt").parent, ["empty", "model.xml"]),
            (self.folder("two", a_xml="add.xml", b_xml="add.xml"), ["more than one .xml"]),
            (self.folder("alone", model_xml="add.xml"), ["the weights", "model.bin", "No such file"]),
            (self.write("model.onnx", b"onnx"), ["model.onnx", ".xml"]),
            (self.write("hello.xml", b"hello"), ["hello.xml' is not the xml of an OpenVINO model"]),
            (self.write("nothing.xml"), ["nothing.xml", "it is empty"]),
            (broken, ["broken.xml"]),
        ]:
            with self.subTest(path.name):
                result = session("name a", "name a", *CORRECT, options=["--model", f"a={path},encoding=openvino"])
                self.assert_alive(result)
                self.assert_answers(result, [[RUNTIME_ERROR], [RUNTIME_ERROR], *CORRECT_ANSWERS])
                for word in ["load_by_name: runtime_error: ", *words]:
                    self.assertIn(word, result.complaints[0])
                self.assertEqual(len(result.complaints), 2)

    def test_no_models_of_their_own(self):
        options = ["--named-only", "--model", f"add={FIXTURES / 'add.xml'}"]
        result = session(ADD, "name add", *CORRECT[1:], options=options)
        self.assertEqual(result.errnos, [INVALID_ARGUMENT, 0, 0, 0, 0, 0, 0])
        self.assertEqual(len(result.complaints), 1)
        self.assertIn("load: security: this host takes no models from guests", result.complaints[0])

    def test_the_guest_does_not_learn_the_hosts_paths(self):
        broken = self.write("secret/model.xml", b"<net")
        self.write("secret/model.bin", b"")
        result = session("name broken", "error", options=["--model", f"broken={broken.parent}"])
        self.assertEqual(result.errnos, [RUNTIME_ERROR, 0])
        self.assertIn("secret", result.complaints[0])
        told = bytes.fromhex(result.answers[1][3]).decode()
        self.assertNotIn("secret", told)
        self.assertIn("the host's log says why", told)

    def test_names_that_are_not_registered(self):
        options = ["--model", f"add={FIXTURES / 'add.xml'}"]
        for name, errno in [
            ("none", NOT_FOUND),
            ("", NOT_FOUND),
            ("Add", NOT_FOUND),
            ("add ", NOT_FOUND),
            ("ad", NOT_FOUND),
            ("add%00", NOT_FOUND),
            ("%00add", NOT_FOUND),
            ("../../etc/passwd", NOT_FOUND),
            ("/etc/passwd", NOT_FOUND),
            (str(FIXTURES / "add.xml"), NOT_FOUND),
            ("add.xml", NOT_FOUND),
            ("preload:/etc/passwd", NOT_FOUND),
            ("%s%s%n%d", NOT_FOUND),
            ("%ff%fe", INVALID_ARGUMENT),
            ("add%80", INVALID_ARGUMENT),
            ("%c0%af", INVALID_ARGUMENT),
            ("%ed%a0%80", INVALID_ARGUMENT),
        ]:
            with self.subTest(name):
                text = name if "%n" not in name else name.replace("%", "%25")
                result = session(f"name {text}", "name add", *self.AFTER, options=options)
                self.assert_alive(result)
                self.assert_answers(result, [[errno], *self.ANSWERS])
                self.assertEqual(len(result.complaints), 1, result.err)
                self.assertIn("not UTF-8" if errno == INVALID_ARGUMENT else "no model is registered", result.err)

    def test_message_shows_the_whole_name(self):
        """Also what comes after a NUL: else the message would deny a name that there is."""
        result = session("name add%00x", "name %ffabc", options=["--model", f"add={FIXTURES / 'add.xml'}"])
        self.assertIn(r"'add\x00x'", result.complaints[0])
        self.assertIn(r"'\xffabc'", result.complaints[1])


# ---- Right sessions ------------------------------------------------------------------------------------

# Type of the model's port, the number that a guest sends, struct's code, values, the answer.
TYPES = [
    ("f16", F16, "e", (0.5, -2, 100, 0)),
    ("f32", F32, "f", (0.5, -2, 1024, 0)),
    ("f64", F64, "d", (0.5, -2, 1024, 0)),
    ("u8", U8, "B", (0, 1, 100, 127)),
    ("i32", I32, "i", (0, -1, 1000000, -7)),
    ("i64", I64, "q", (0, -1, 1000000, -7)),
    ("i8", U8, "b", (0, -1, 50, -64)),
    ("u32", I32, "I", (0, 1, 1000000, 7)),
    ("u64", I64, "Q", (0, 1, 1000000, 7)),
]


class Sessions(Case):
    def correct(self, commands, expected):
        result = session(*commands)
        self.assert_succeeded(result)
        self.assert_answers(result, expected)

    def test_add(self):
        self.correct(CORRECT, CORRECT_ANSWERS)

    def test_every_type_that_a_guest_can_name(self):
        for name, number, code, values in TYPES:
            with self.subTest(name):
                data, twice = pack(code, *values), pack(code, *(2 * v for v in values))
                self.correct(
                    [load(f"types_{name}"), "context g", input_of(0, number, "4", data), "compute c", "output c 0 64"],
                    [[0], [0], [0], [0], [0, len(data) // 2, twice]],
                )

    def test_bool_is_a_byte(self):
        self.correct(
            [load("types_boolean"), "context g", input_of(0, U8, "4", "000102ff"), "compute c", "output c 0 64"],
            [[0], [0], [0], [0], [0, 4, "01000000"]],
        )

    def test_types_that_no_number_stands_for(self):
        """Sixteen bits are sixteen bits, but those of one float are not another's, which has a number of its own in WIT."""
        for name in ("u16", "i16"):
            with self.subTest(name):
                self.correct([load(f"types_{name}"), "context g", input_of(0, F16, "4", pack("H", 3, 5, 255, 0)),
                              "compute c", "output c 0 8"],
                             [[0], [0], [0], [0], [0, 8, pack("H", 6, 10, 510, 0)]])
        result = session(load("types_bf16"), "context g", input_of(0, F16, "4", "00" * 8), *CORRECT)
        self.assert_alive(result)
        self.assert_answers(result, [[0], [0], [INVALID_ARGUMENT], *CORRECT_ANSWERS])
        self.assertIn("input 0 'x' wants bf16 [4], got f16 [4]", result.err)
        self.correct([load("types_bf16"), "context g", input_of(0, 3, "4", "803f0040803e0000"), "compute c", "output c 0 8"],
                     [[0], [0], [0], [0], [0, 8, "00408040003f0000"]])

    def test_scalar(self):
        self.correct(
            [load("scalar"), "context g", input_of(0, F32, "-", floats(21)), "compute c", "output c 0 4"],
            [[0], [0], [0], [0], [0, 4, floats(42)]],
        )

    def test_dynamic_shapes_in_turn(self):
        commands, expected = [load("dynamic"), "context g"], [[0], [0]]
        for rows in (2, 5, 1, 0, 3):
            values = [(-1) ** i * (i + 1) for i in range(3 * rows)]
            answer = floats(*(max(v, 0) for v in values))
            commands += [input_of(0, F32, f"{rows}x3", floats(*values)), "compute c", "output c 0 256"]
            expected += [[0], [0], [0, 12 * rows] + ([answer] if answer else [])]
        self.correct(commands, expected)

    def test_output_whose_size_is_known_late(self):
        commands, expected = [load("expand"), "context g"], [[0], [0]]
        for count in (3, 0, 1):
            commands += [input_of(0, I64, "1", pack("q", count)), "compute c", "output c 0 64"]
            expected += [[0], [0], [0, 4 * count] + (["00" * 4 * count] if count else [])]
        self.correct(commands, expected)

    def test_two_outputs(self):
        self.correct(
            [load("two_outputs"), "context g", input_of(0, F32, "4", floats(1, 2, 3, 4)), "compute c", "output c 1 4",
             "output c 0 16", "output c 1 4"],
            [[0], [0], [0], [0], [0, 4, floats(10)], [0, 16, floats(2, 3, 4, 5)], [0, 4, floats(10)]],
        )

    def test_many_inputs_in_any_order(self):
        commands, expected = [load("many"), "context g"], [[0], [0]]
        for i in (3, 0, 7, 1, 2, 6, 5, 4):
            commands.append(input_of(i, F32, "2", floats(i, 1)))
            expected.append([0])
        commands.append("compute c")
        expected.append([0])
        for i in range(8):
            commands.append(f"output c {i} 8")
            expected.append([0, 8, floats(i * (i + 1), i + 1)])
        self.correct(commands, expected)

    def test_no_inputs(self):
        self.correct([load("no_inputs"), "context g", "compute c", "output c 0 16"],
                     [[0], [0], [0], [0, 16, floats(1, 2, 3, 4)]])

    def test_ports_without_names(self):
        self.correct(
            [load("unnamed"), "context g", input_of(0, F32, "2", floats(1, 2)), "compute c", "output c 0 8"],
            [[0], [0], [0], [0], [0, 8, floats(3, 6)]],
        )

    def test_no_elements(self):
        self.correct([load("empty"), "context g", "input c 0 1 0x3 ", "compute c", "output c 0 0"],
                     [[0], [0], [0], [0], [0, 0]])

    def test_inputs_stay_set(self):
        self.correct(
            [*CORRECT, input_of(0, F32, "2x2", floats(0, 0, 0, 0)), "compute c", "output c 0 16", "compute c",
             "output c 0 16"],
            [*CORRECT_ANSWERS, [0], [0], [0, 16, floats(10, 20, 30, 40)], [0], [0, 16, floats(10, 20, 30, 40)]],
        )

    def test_output_is_that_of_the_last_compute(self):
        self.correct(
            [*CORRECT, input_of(0, F32, "2x2", floats(0, 0, 0, 0)), "output c 0 16", "output c 0 100"],
            [*CORRECT_ANSWERS, [0], CORRECT_ANSWERS[-1], CORRECT_ANSWERS[-1]],
        )

    def test_contexts_do_not_meet(self):
        commands = [ADD, "context g0", "context g0"]
        for context, value in ((0, 1), (1, 2)):
            for index in (0, 1):
                commands.append(f"input c{context} {index} 1 2x2 {floats(*[value] * 4)}")
        commands += ["compute c1", "compute c0", "output c0 0 16", "output c1 0 16"]
        self.correct(commands, [[0]] * 9 + [[0, 16, floats(*[2] * 4)], [0, 16, floats(*[4] * 4)]])

    def test_encodings_that_are_found_by_the_bytes(self):
        for encoding in (5, 6):
            with self.subTest(encoding):
                self.correct([f"load {encoding} 0 add.xml add.bin", *CORRECT[1:]], CORRECT_ANSWERS)

    def test_device_chosen_by_openvino(self):
        self.correct(["load 0 3 add.xml add.bin", *CORRECT[1:]], CORRECT_ANSWERS)

    def test_dirty_type_padding(self):
        self.correct(
            [*CORRECT, *tensor(kind="0xFFFFFF01"), f"bytes buf+64 {floats(5, 5, 5, 5)}", "call set_input c 0 buf",
             "compute c", "output c 0 16"],
            [*CORRECT_ANSWERS, *[[0]] * 10, [0, 16, floats(15, 25, 35, 45)]],
        )

    def test_memory_that_grows_and_moves(self):
        self.correct([ADD, "grow 2000", *CORRECT[1:], "grow 2000", *CORRECT],
                     [[0], [0], *CORRECT_ANSWERS[1:], [0], *CORRECT_ANSWERS])

    def test_shapes(self):
        labels = ["circle", "square", "triangle", "cross", "ring"]
        commands = [load("shapes"), "context g"]
        for label in labels:
            commands += [f"input c 0 1 1x64x64x3 @{label}.f32", "compute c", "output c 0 20"]
        result = session(*commands)
        self.assert_succeeded(result)
        for label, answer in zip(labels, result.answers[4::3]):
            self.assertEqual(answer[:3], ["output", "0", "20"])
            probabilities = struct.unpack("<5f", bytes.fromhex(answer[3]))
            self.assertAlmostEqual(sum(probabilities), 1, places=2)
            self.assertEqual(labels[probabilities.index(max(probabilities))], label)
            self.assertGreater(max(probabilities), 0.5)


# ---- Wrong calls that give an errno --------------------------------------------------------------------


SMALL = [*CORRECT, "bytes buf eeeeeeeeeeeeeeeeee"]  # before an output that does not fit
HAS_NPU = os.path.exists("/dev/accel")

# Before each: a graph g0 and a context c0 of `add`, without inputs. The last command is the wrong one: its errno, and
# words of what is on stderr.
WRONG = [
    # load: what the builders are
    ("no builders", ["load 0 0"], INVALID_ARGUMENT, ["load:", "no bytes"]),
    ("one builder", ["load 0 0 add.xml"], INVALID_ARGUMENT, ["two builders", "got 1"]),
    ("three builders", ["load 0 0 add.xml add.bin add.bin"], INVALID_ARGUMENT, ["two builders", "got 3"]),
    ("seventeen builders", ["call load buf 17 0 0 buf+200"], INVALID_ARGUMENT, ["17 builders"]),
    ("4294967295 builders", ["call load buf 0xFFFFFFFF 0 0 buf+200"], INVALID_ARGUMENT, ["4294967295 builders"]),
    ("536870913 builders: times 8 is 8", ["call load buf 0x20000001 0 0 buf+200"], INVALID_ARGUMENT, ["builders"]),
    ("no builders at the end of memory", ["call load end 0 0 0 buf"], INVALID_ARGUMENT, ["no bytes"]),
    ("empty builders at the end of memory", [*builders(("end", 0), ("end", 0)), "call load buf 2 0 0 buf+200"],
     RUNTIME_ERROR, ["builder 0, 0 bytes"]),
    ("xml and bin swapped", ["load 0 0 shapes.bin shapes.xml"], RUNTIME_ERROR, ["builder 1 is", "xml comes first"]),
    ("empty bin", ["load 0 0 shapes.xml add.bin"], RUNTIME_ERROR, ["OpenVINO"]),
    ("another model's bin", ["load 0 0 shapes.xml scalar.bin"], RUNTIME_ERROR, ["OpenVINO"]),
    ("text", ["load 0 0 make_fixtures.py add.bin"], RUNTIME_ERROR, ["not the xml"]),
    ("a model that the runtime refuses", ["load 0 0 dynamic_rank.xml dynamic_rank.bin"], RUNTIME_ERROR,
     ["OpenVINO", "dynamic rank"]),
    # load: encodings and targets
    ("onnx", ["load 1 0 add.xml"], RUNTIME_ERROR, ["the xml of an OpenVINO model", "ONNX"]),
    ("tensorflow", ["load 2 0 add.xml"], RUNTIME_ERROR, ["the xml of an OpenVINO model", "tensorflow"]),
    ("pytorch", ["load 3 0 add.xml"], INVALID_ENCODING, ["'pytorch'", "no backend"]),
    ("tensorflowlite", ["load 4 0 add.xml"], RUNTIME_ERROR, ["the xml of an OpenVINO model", "tensorflowlite"]),
    ("autodetect of nonsense", ["load 5 0 circle.f32"], INVALID_ENCODING, ["no backend here knows"]),
    ("autodetect of nothing", ["load 5 0 add.bin"], INVALID_ENCODING, ["without bytes"]),
    ("autodetect of one builder", ["load 6 0 add.xml"], INVALID_ENCODING, ["no backend here knows"]),
    ("gguf as 5", ["bytes buf+64 47475546", *builders(("buf+64", 4)), "call load buf 1 5 0 buf+200"], INVALID_ENCODING,
     ["'ggml'", "no backend"]),
    ("gguf as 6", ["bytes buf+64 47475546", *builders(("buf+64", 4)), "call load buf 1 6 0 buf+200"], INVALID_ENCODING,
     ["'ggml'", "no backend"]),
    ("encoding 7", ["load 7 0 add.xml add.bin"], INVALID_ENCODING, ["encoding 7"]),
    ("encoding 99", ["load 99 0 add.xml add.bin"], INVALID_ENCODING, ["encoding 99"]),
    ("encoding 4294967295", ["load 0xFFFFFFFF 0 add.xml add.bin"], INVALID_ENCODING, ["encoding 4294967295"]),
    ("target tpu", ["load 0 2 add.xml add.bin"], UNSUPPORTED, ["NPU"]),
    ("target 4", ["load 0 4 add.xml add.bin"], INVALID_ARGUMENT, ["target 4"]),
    ("target 99", ["load 0 99 add.xml add.bin"], INVALID_ARGUMENT, ["target 99"]),
    ("target 4294967295", ["load 0 0xFFFFFFFF add.xml add.bin"], INVALID_ARGUMENT, ["target"]),
    # handles
    ("graph 0", ["context 0"], INVALID_ARGUMENT, ["init_execution_context:", "not a graph"]),
    ("graph 4294967295", ["context 0xFFFFFFFF"], INVALID_ARGUMENT, ["not a graph"]),
    ("a context as graph", ["context c0"], INVALID_ARGUMENT, ["not a graph"]),
    ("the graph after the last", ["context g0+1"], INVALID_ARGUMENT, ["not a graph"]),
    ("a graph of another age", ["context g0+0x10000"], INVALID_ARGUMENT, ["not a graph"]),
    ("a graph of another kind", ["context g0+0x20000000"], INVALID_ARGUMENT, ["not a graph"]),
    ("a graph with a high bit", ["context g0+0x80000000"], INVALID_ARGUMENT, ["not a graph"]),
    ("context 0", ["compute 0"], INVALID_ARGUMENT, ["compute:", "not an execution context"]),
    ("context 4294967295", ["compute 0xFFFFFFFF"], INVALID_ARGUMENT, ["not an execution context"]),
    ("a graph as context", ["compute g0"], INVALID_ARGUMENT, ["not an execution context"]),
    ("a context of another age", ["compute c0+0x10000"], INVALID_ARGUMENT, ["not an execution context"]),
    ("a context with a high bit", ["compute c0+0x80000000"], INVALID_ARGUMENT, ["not an execution context"]),
    ("input of a graph", [*tensor(), "call set_input g0 0 buf"], INVALID_ARGUMENT, ["set_input:", "not an execution"]),
    ("input of nothing", [*tensor(), "call set_input 77 0 buf"], INVALID_ARGUMENT, ["set_input:", "not an execution"]),
    ("output of a graph", ["output g0 0 16"], INVALID_ARGUMENT, ["get_output:", "not an execution"]),
    ("output of nothing", ["output 77 0 16"], INVALID_ARGUMENT, ["get_output:", "not an execution"]),
    # ports
    ("input 2", [*tensor(), "call set_input c0 2 buf"], INVALID_ARGUMENT, ["no input 2", "2 inputs"]),
    ("input 4294967295", [*tensor(), "call set_input c0 0xFFFFFFFF buf"], INVALID_ARGUMENT, ["no input 4294967295"]),
    ("output 1", [*CORRECT, "output c 1 16"], INVALID_ARGUMENT, ["no output 1", "1 output"]),
    ("output 4294967295", [*CORRECT, "output c 0xFFFFFFFF 16"], INVALID_ARGUMENT, ["no output 4294967295"]),
    # tensors
    ("data too short", set_tensor(size=15), INVALID_ARGUMENT, ["input 0 'a'", "f32 [2,2] takes 16 bytes, got 15"]),
    ("data too long", set_tensor(size=17), INVALID_ARGUMENT, ["takes 16 bytes, got 17"]),
    ("no data", set_tensor(size=0), INVALID_ARGUMENT, ["takes 16 bytes, got 0"]),
    ("no data at the end of memory", set_tensor(data="end", size=0), INVALID_ARGUMENT, ["got 0"]),
    ("type 255", set_tensor(kind=255), INVALID_ARGUMENT, ["type 255"]),
    ("type 7", set_tensor(kind=7), INVALID_ARGUMENT, ["type 7"]),
    ("type i32", set_tensor(kind=I32), INVALID_ARGUMENT, ["wants f32 [2,2], got i32 [2,2]"]),
    ("type f16", set_tensor(kind=F16, size=8), INVALID_ARGUMENT, ["wants f32 [2,2], got f16 [2,2]"]),
    ("rank 0", set_tensor(rank=0, size=4), INVALID_ARGUMENT, ["wants f32 [2,2], got f32 []"]),
    ("rank 0, dimensions at the end", set_tensor(dims="end", rank=0, size=4), INVALID_ARGUMENT, ["got f32 []"]),
    ("rank 1", set_tensor(rank=1, size=8), INVALID_ARGUMENT, ["wants f32 [2,2], got f32 [2]"]),
    ("rank 16", set_tensor(rank=16), INVALID_ARGUMENT, ["wants f32 [2,2], got f32 [2,2,"]),
    ("rank 17", set_tensor(rank=17), INVALID_ARGUMENT, ["rank 17"]),
    ("rank 4294967295", set_tensor(rank="0xFFFFFFFF"), INVALID_ARGUMENT, ["rank 4294967295"]),
    ("rank 1073741825: times 4 is 4", set_tensor(rank="0x40000001"), INVALID_ARGUMENT, ["rank 1073741825"]),
    ("another shape of the same size", [*tensor(), "word buf+32 4", "word buf+36 1", "call set_input c0 0 buf"],
     INVALID_ARGUMENT, ["wants f32 [2,2], got f32 [4,1]"]),
    ("a dimension of 0", [*tensor(size=0), "word buf+32 0", "call set_input c0 0 buf"], INVALID_ARGUMENT,
     ["wants f32 [2,2], got f32 [0,2]"]),
    ("dimensions whose product is 0 in 32 bits",
     [*tensor(size=0), "word buf+32 0x10000", "word buf+36 0x10000", "call set_input c0 0 buf"], INVALID_ARGUMENT,
     ["got f32 [65536,65536]"]),
    ("sixteen dimensions of 4294967295",
     [*tensor(rank=16), f"bytes buf+32 {'ff' * 64}", "call set_input c0 0 buf"], INVALID_ARGUMENT,
     ["wants f32 [2,2]", "4294967295"]),
    ("dynamic, product beyond 32 bits",
     [load("dynamic"), "context g", *tensor(size=12), "word buf+32 0x55555556", "word buf+36 3",
      "call set_input c 0 buf"], INVALID_ARGUMENT, ["takes 17179869192 bytes, got 12"]),
    ("dynamic, wrong fixed dimension", [load("dynamic"), "context g", input_of(0, F32, "2x2", floats(1, 2, 3, 4))],
     INVALID_ARGUMENT, ["wants f32 [?,3], got f32 [2,2]"]),
    ("scalar of rank 1", [load("scalar"), "context g", input_of(0, F32, "1", floats(1))], INVALID_ARGUMENT,
     ["wants f32 [], got f32 [1]"]),
    # order
    ("compute without inputs", ["compute c0"], RUNTIME_ERROR, ["input 0 'a' has not been set"]),
    ("compute with one input", [f"input c0 0 1 2x2 {floats(1, 2, 3, 4)}", "compute c0"], RUNTIME_ERROR,
     ["input 1 'b' has not been set"]),
    ("output before compute", ["output c0 0 16"], RUNTIME_ERROR, ["get_output:", "output 0 'sum'", "no compute"]),
    ("output after a failed compute", ["compute c0", "output c0 0 16"], RUNTIME_ERROR, ["no compute"]),
    ("output after a compute that failed after one that did not",
     [load("expand"), "context g", input_of(0, I64, "1", pack("q", 2)), "compute c", "output c 0 8",
      input_of(0, I64, "1", pack("q", -1)), "compute c", "output c 0 8"], RUNTIME_ERROR, ["no compute"]),
    # buffers
    ("buffer one byte short", [*CORRECT, "output c 0 15"], TOO_LARGE, ["output 0 has 16 bytes, the buffer 15"]),
    ("buffer of 0 bytes", [*CORRECT, "output c 0 0"], TOO_LARGE, ["has 16 bytes, the buffer 0"]),
    ("buffer of 0 bytes at the end", [*CORRECT, "call get_output c 0 end 0 buf"], TOO_LARGE, ["the buffer 0"]),
    # the runtime fails while it computes
    ("a negative size", [load("expand"), "context g", input_of(0, I64, "1", pack("q", -1)), "compute c"],
     RUNTIME_ERROR, ["compute:", "OpenVINO"]),
    # limits on size
    ("an output above the limit", [load("wide"), "context g"], TOO_LARGE,
     ["init_execution_context:", "output 0 'y' is f32 [128,1024,1024]", "limit is 268435456"]),
    ("a model above the limit",
     ["grow 33000", *builders(("end-0x80800000", "0x80000001"), ("buf", 0)), "call load buf 2 0 0 buf+200"], TOO_LARGE,
     ["2147483649 bytes", "limit is 2147483648"]),
    ("an input above the limit",
     [load("dynamic"), "context g", "grow 5000", *tensor(data="end-270000000", size=268435464),
      "word buf+32 22369622", "word buf+36 3", "call set_input c 0 buf"], TOO_LARGE,
     ["f32 [22369622,3]", "limit is 268435456"]),
    ("too much in all", [load("large"), *["context g"] * 15, "grow 5200",
                         *builders(("buf+64", 1), ("end-340000000", 330000000)), "call load buf 2 0 0 buf+200"],
     TOO_LARGE, ["limit is 4294967296"]),
]


class WrongCalls(Case):
    def wrong(self, commands, errno, words):
        """After the wrong call the same guest still has a right session."""
        result = session(ADD, "context g", *commands, *CORRECT)
        self.assert_alive(result)
        self.assertEqual(result.code, 0, result.err)
        answers = result.answers
        self.assertEqual(len(answers), 2 + len(commands) + len(CORRECT), result.out)
        self.assertEqual(int(answers[1 + len(commands)][1]), errno, result.err)
        self.assertTrue(result.complaints, "nothing on stderr")
        line = result.complaints[-1]
        self.assertTrue(line.startswith("wasinn: "), line)
        for word in words:
            self.assertIn(word, line)
        after = [[int(w[1])] + [int(x) for x in w[2:3]] + w[3:] for w in answers[-len(CORRECT):]]
        self.assertEqual(after, CORRECT_ANSWERS, "the guest is not as well as before")

    def test_errno_and_words(self):
        self.assertEqual(len({name for name, *_ in WRONG}), len(WRONG))
        for name, commands, errno, words in WRONG:
            if name == "target tpu" and HAS_NPU:
                continue
            with self.subTest(name):
                self.wrong(commands, errno, words)

    def test_quiet(self):
        for options, lines in ([], 2), (["--quiet"], 0):
            with self.subTest(options):
                result = session("compute 5", "load 99 0 add.xml", *CORRECT, options=options)
                self.assert_alive(result)
                self.assert_answers(result, [[INVALID_ARGUMENT], [INVALID_ENCODING], *CORRECT_ANSWERS])
                self.assertEqual(len(result.complaints), lines, result.err)

    def test_nothing_is_written_on_failure(self):
        marked = "ee" * 4
        for name, commands in [
            ("load", ["load 0 0", "call load buf 0 0 0 buf+400"]),
            ("load_by_name", ["call load_by_name buf 4 buf+400"]),
            ("init_execution_context", ["call init_execution_context 77 buf+400"]),
            ("get_output", ["call get_output c0 0 buf+400 4 buf+404"]),
        ]:
            with self.subTest(name):
                result = session(ADD, "context g", f"bytes buf+400 {marked * 2}", *commands, "show buf+400 8")
                self.assert_alive(result)
                self.assertNotEqual(result.errnos[-2], 0)
                self.assertEqual(result.answers[-1], ["show", "0", marked * 2])

    def test_short_buffer_is_left_alone_and_the_size_told(self):
        result = session(*CORRECT, f"bytes buf {'ee' * 16}", "call get_output c 0 buf 15 buf+100", "show buf 16",
                         "show buf+100 4", "call get_output c 0 buf 16 buf+100", "show buf 16")
        self.assertEqual(result.answers[-5][1], str(TOO_LARGE))
        self.assertEqual(result.answers[-4][2], "ee" * 16)
        self.assertEqual(result.answers[-3][2], pack("I", 16))
        self.assertEqual(result.answers[-1][2], floats(11, 22, 33, 44))

    def test_a_large_buffer_is_written_as_far_as_the_output_goes(self):
        result = session(*CORRECT, f"bytes buf {'ee' * 20}", "call get_output c 0 buf 20 buf+100", "show buf 20")
        self.assert_succeeded(result)
        self.assertEqual(result.answers[-1][2], floats(11, 22, 33, 44) + "ee" * 4)

    def test_failed_set_input_keeps_the_former(self):
        result = session(*CORRECT, input_of(0, I32, "2x2", "00" * 16), input_of(0, F32, "2x2", "00" * 12), "compute c",
                         "output c 0 16")
        self.assertEqual(result.errnos[-4:-1], [INVALID_ARGUMENT, INVALID_ARGUMENT, 0])
        self.assertEqual(result.answers[-1][3], CORRECT_ANSWERS[-1][2])

    def test_a_file_named_in_the_bytes(self):
        """Some runtimes take such bytes for a path on the host."""
        for name, data in [
            ("preload", b"preload:/etc/passwd"),
            ("preload, padded", b"preload:/etc/passwd" + bytes(4096)),
            ("path", b"/etc/passwd\0"),
            ("entity", b'<?xml version="1.0"?><!DOCTYPE n [<!ENTITY x SYSTEM "file:///etc/passwd">]><net>&x;</net>'),
        ]:
            self.write("trick", data)
            for encoding in (0, 1, 5, 6):
                with self.subTest(name=name, encoding=encoding):
                    options = ["--dir", f"{self.temporary}::made"]
                    result = session(f"load {encoding} 0 made/trick made/trick", f"load {encoding} 0 made/trick",
                                     *CORRECT, options=options)
                    self.assert_alive(result)
                    self.assertNotIn(0, result.errnos[:2])
                    self.assert_answers(result, [[result.errnos[0]], [result.errnos[1]], *CORRECT_ANSWERS])
                    self.assertNotIn("root:", result.err + result.out)

    def test_cut_and_changed_models(self):
        commands, shapes = [], (FIXTURES / "shapes.xml").read_bytes()
        weights = (FIXTURES / "shapes.bin").read_bytes()
        for i in range(20):
            self.write(f"{i}.xml", shapes[: len(shapes) * i // 20])
            self.write(f"{i}.bin", weights[: len(weights) * i // 20])
            commands += [f"load 0 0 made/{i}.xml shapes.bin", f"load 0 0 shapes.xml made/{i}.bin"]
        for i, (old, new) in enumerate([
            (b'offset="32"', b'offset="99999999999"'),
            (b'size="864"', b'size="18446744073709551615"'),
            (b'shape="16, 3, 3, 3"', b'shape="-1, 3, 3, 3"'),
            (b'shape="16, 3, 3, 3"', b'shape="4294967296, 4294967296, 4294967296, 3"'),
            (b'type="Transpose"', b'type="Nonsense"'),
            (b'from-layer="41"', b'from-layer="4100"'),
            (b'from-layer="41"', b'from-layer="42"'),
            (b'version="11"', b'version="999999999999"'),
            (b"<layers>", b"<layers>" + b"<layer>" * 50000),
        ]):
            self.assertIn(old, shapes)
            self.write(f"changed{i}.xml", shapes.replace(old, new, 1))
            commands.append(f"load 0 0 made/changed{i}.xml shapes.bin")
        result = session(*commands, *CORRECT, options=["--dir", f"{self.temporary}::made"])
        self.assert_alive(result)
        self.assertEqual(result.code, 0, result.err)
        failed = result.errnos[: len(commands)]
        self.assertEqual(set(failed) - {0}, {RUNTIME_ERROR}, result.err)
        self.assertEqual([c for c, e in zip(commands, failed) if e == 0 and "changed7" not in c], [])
        self.assert_answers(result, [[e] for e in failed] + CORRECT_ANSWERS)


class Extensions(Case):
    """What wasinn adds to the specification: closing handles, and limits that its user sets."""

    def test_close(self):
        result = session(ADD, "context g", "call close c0", "compute c0", "call close c0", "call close g0", "context g0",
                         "call close 12345", *CORRECT)
        self.assertEqual(result.errnos, [0, 0, 0, 1, 1, 0, 1, 1, *[0] * len(CORRECT)])
        self.assertIn("close: invalid_handle: 12345 is not a handle of this guest", result.complaints[-1])

    def test_limits(self):
        result = session(ADD, ADD, options=["--limit", "graphs=1"])
        self.assertEqual(result.errnos, [0, BUSY])
        self.assertIn("graphs loaded: 1, the limit", result.complaints[0])
        result = session(ADD, "context g", options=["--limit", "tensor_bytes=15"])
        self.assertEqual(result.errnos, [0, TOO_LARGE])
        result = session(load("slow"), "context g", input_of(0, F32, "1", floats(1)), "compute c",
                         options=["--limit", "compute_ms=100"])
        self.assertEqual(result.errnos, [0, 0, 0, RUNTIME_ERROR])
        self.assertIn("compute: timeout: not finished within 100 ms", result.complaints[0])
        result = session(load("large"), "context g", options=["--limit", "tensor_bytes=unlimited"])
        self.assertEqual(result.errnos, [0, 0])


class LastError(Case):
    @staticmethod
    def text(words):
        return bytes.fromhex(words[3]).decode() if len(words) > 3 else ""

    def test_nothing_yet(self):
        result = session("error", *CORRECT, "error")
        self.assert_succeeded(result)
        self.assertEqual([result.answers[0], result.answers[-1]], [["error", "0", "0"]] * 2)

    def test_same_as_on_stderr(self):
        result = session("compute 5", "error", ADD, "error", "load 99 0 add.xml", "error", "error")
        lines = result.complaints
        self.assertEqual(f"wasinn: compute: invalid_handle: {self.text(result.answers[1])}", lines[0])
        self.assertEqual(self.text(result.answers[1]), self.text(result.answers[3]), "a success took the text away")
        self.assertEqual(f"wasinn: load: invalid_encoding: {self.text(result.answers[5])}", lines[1])
        self.assertEqual(result.answers[5], result.answers[6])
        self.assertEqual(len(lines), 2)

    def test_short_buffer(self):
        result = session("compute 5", "error", f"bytes buf {'ee' * 8}", "call last_error buf 5 buf+100", "show buf 8",
                         "show buf+100 4", "call last_error end 0 buf+100", "show buf+100 4")
        whole = bytes.fromhex(result.answers[1][3])
        self.assertEqual(result.errnos, [1, 0, 0, 0, 0, 0, 0, 0])
        self.assertEqual(result.answers[4][2], whole[:5].hex() + "ee" * 3)
        self.assertEqual(result.answers[5][2], pack("I", len(whole)))
        self.assertEqual(result.answers[7][2], pack("I", len(whole)))


class InOneCall(Case):
    """wasi_nn_infer of the header: the host's own call where the guest asks for it, else three."""

    EXPECTED = """both: 0, 16 bytes: 11 22 33 44
larger buffer: 0, 16 bytes: 11 22 33 44
smaller buffer: 7, 16 bytes
one: 0, 16 bytes: 2 4 6 8
shape: 1
type: 1
context: 1
again: 0, 16 bytes: 11 22 33 44
"""

    def test_both_ways(self):
        for name, call in (("at_once", "set_input"), ("at_once_here", "infer")):
            with self.subTest(name):
                result = run("run", "--model", f"add={FIXTURES / 'add.xml'}", guest(name))
                self.assert_alive(result)
                self.assertEqual(result.out, self.EXPECTED)
                self.assertEqual(len(result.complaints), 4)
                self.assertTrue(result.complaints[1].startswith(f"wasinn: {call}: invalid_argument: input 0 "), result.err)

    def test_who_needs_wasinn(self):
        """The guest that does without is one for any host."""
        for name, expected in (("at_once", False), ("at_once_here", True)):
            result = run("inspect", "--json", guest(name))
            self.assert_succeeded(result)
            imports = {(one["module"], one["name"]): one["served"] for one in json.loads(result.out)["imports"]}
            self.assertEqual(("wasinn", "infer") in imports, expected)
            self.assertTrue(all(imports.values()))


class PortsByName(unittest.TestCase):
    """find_port of module `wasinn`: a name, else a number."""

    def find(self, direction, name, model="load 0 0 add.xml add.bin"):
        text = name.encode()
        result = session(model, f"bytes buf {text.hex() or '00'}", "word buf+100 77",
                         f"call find_port g {direction} buf {len(text)} buf+100", "show buf+100 4")
        return result.errnos[3], struct.unpack("<I", bytes.fromhex(result.answers[4][2]))[0], result.complaints

    def test_names(self):
        for direction, name, index in [(0, "a", 0), (0, "b", 1), (1, "sum", 0), (0, "1", 1), (0, "0", 0), (1, "00", 0)]:
            with self.subTest(direction=direction, name=name):
                self.assertEqual(self.find(direction, name), (0, index, []))

    def test_merged_layers(self):
        """An output has the name that the model gives it, also where OpenVINO finds that it is that of a layer before."""
        self.assertEqual(self.find(1, "y", load("renamed")), (0, 0, []))
        errno, _, complaints = self.find(1, "a", load("renamed"))
        self.assertEqual(errno, INVALID_ARGUMENT)
        self.assertIn("there is 0 'y'", complaints[0])

    def test_refused(self):
        for direction, name, words in [(0, "c", "there is no input 'c'; there is 0 'a', 1 'b'"),
                                       (1, "a", "there is no output 'a'; there is 0 'sum'"),
                                       (0, "2", "'2'"), (0, "-1", "'-1'"), (0, "", "there is no input ''"),
                                       (0, "4294967296", "'4294967296'"), (0, "a\0", "'a\\x00'"), (0, "\x1b", "'\\x1b'"),
                                       (2, "a", "direction 2")]:
            with self.subTest(direction=direction, name=name):
                errno, index, complaints = self.find(direction, name)
                self.assertEqual((errno, index, len(complaints)), (INVALID_ARGUMENT, 77, 1))
                self.assertIn(words, complaints[0])

    def test_handle(self):
        for handle in ("0", "c"):
            with self.subTest(handle=handle):
                result = session(ADD, "context g", f"call find_port {handle} 0 buf 1 buf+100")
                self.assertEqual(result.errnos[2], INVALID_ARGUMENT)


if __name__ == "__main__":
    unittest.main()
