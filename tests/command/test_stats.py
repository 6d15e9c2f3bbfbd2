"""`wasinn run --stats` and `--profile`: what they count is exact, and holds when the guest fails. No time is asserted."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest
from collections import defaultdict

from command import (
    ADD, CORRECT, F32, FIXTURES, LONGEST, NOT_STARTED, TIMED_OUT, TRAPPED, USAGE, WASINN, Case, floats, guest, input_of,
    load, run, session,
)

REFERENCE = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference.md").read_text(encoding="utf-8")
ADD_BYTES = sum((FIXTURES / name).stat().st_size for name in ("add.xml", "add.bin"))
TITLE = "wasinn: where the time went"

# a + b twice, with an input of the wrong shape, an output that does not fit, and the text of that.
COMMANDS = [
    *CORRECT,
    input_of(0, F32, "2x3", floats(1, 2, 3, 4, 5, 6)),
    "compute c",
    "output c 0 15",
    "error",
]
TEXT = "output 0 has 16 bytes, the buffer 15"
EXPECTED = {
    "load": (1, 0, ADD_BYTES),
    "init_execution_context": (1, 0, 0),
    "set_input": (3, 1, 32),
    "compute": (2, 0, 0),
    "get_output": (2, 1, 16),
    "last_error": (1, 0, len(TEXT)),
}


def figures(result):
    """The JSON, which is the last line."""
    return json.loads(result.complaints[-1])


def calls(facts):
    return {call["name"]: (call["count"], call["failed"], call["copied_bytes"]) for call in facts["calls"]}


def table(text, title):
    """The rows below a line that begins with the title, split into words."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip().startswith(title))
    rows = []
    for line in lines[start + 1 :]:
        if not line.startswith("    "):
            break
        rows.append(line.split())
    return rows


class Figures(Case):
    def check_order(self, facts):
        for call in facts["calls"]:
            times = [call[f"{key}_ns"] for key in ("min", "p50", "p90", "p99", "max")]
            self.assertEqual(times, sorted(times), call)
            self.assertLessEqual(call["max_ns"], call["total_ns"])
            self.assertLessEqual(call["total_ns"], call["count"] * call["max_ns"])
        guests = facts["guests"]
        self.assertEqual(guests["calls_ns"], sum(call["total_ns"] for call in facts["calls"]))
        self.assertLessEqual(guests["instantiate_ns"] + guests["own_ns"] + guests["calls_ns"], guests["wall_ns"])
        parts = ["before_main_ns", "prepare_ns", "engine_ns", "module_ns", "link_ns", "end_ns", "other_ns"]
        self.assertEqual(sum(facts[key] for key in parts) + guests["wall_ns"], facts["total_ns"])

    def test_json(self):
        result = session(*COMMANDS, options=["--stats=json", "--quiet"])
        self.assertEqual((result.code, len(result.complaints)), (0, 1))
        facts = figures(result)
        self.assertEqual(calls(facts), EXPECTED)
        self.check_order(facts)
        self.assertEqual([facts[key] for key in ("copied_in_bytes", "copied_out_bytes", "copied_both_ways_bytes")],
                         [ADD_BYTES + 32, 16 + len(TEXT), 0])
        self.assertEqual((facts["exit_code"], facts["profiled"]), (0, False))
        self.assertIn(facts["module"], ("compiled", "cached"))
        self.assertEqual((facts["guests"]["count"], facts["guests"]["running"]), (1, 0))
        (model,) = facts["models"]
        self.assertEqual((model["name"], model["count"]), ("", 1))
        self.assertEqual(model["total_ns"], model["max_ns"])
        self.assertGreater(model["held_bytes"], 0)
        self.assertEqual([runtime["backend"] for runtime in facts["runtimes"]], ["openvino"])
        self.assertRegex(facts["runtimes"][0]["version"], r"^20\d\d\.")
        self.assertGreater(facts["peak_memory_bytes"], facts["anonymous_memory_bytes"])
        self.assertGreater(facts["anonymous_memory_bytes"], 0)

    def test_named_models_are_shared(self):
        model = FIXTURES / "add.xml"
        result = session(*3 * ["name one"], "name other", "name none",
                         options=["--stats=json", "--quiet", "--model", f"one={model}", "--model", f"other={model}"])
        facts = figures(result)
        self.assertEqual(calls(facts), {"load_by_name": (5, 1, 14)})
        told = {(model["name"], model["how"] == "shared"): model["count"] for model in facts["models"]}
        self.assertEqual(told[("one", False)], 1)
        self.assertEqual(told[("one", True)], 2)
        self.assertEqual(sum(model["count"] for model in facts["models"] if model["name"] == "other"), 1)
        self.check_order(facts)

    def test_text_says_the_same(self):
        result = session(*COMMANDS, options=["--stats", "--quiet"])
        self.assertEqual(result.code, 0)
        lines = result.complaints
        self.assertEqual(lines[0], TITLE)
        self.assertTrue(all(line.startswith("  ") for line in lines[1:]), result.err)
        for line in lines:
            self.assertLessEqual(len(line), 80, line)
        counted = {row[0]: (int(row[1]), int(row[2]), int(row[5])) for row in table(result.err, "wasi-nn calls")}
        self.assertEqual({row[6] for row in table(result.err, "wasi-nn calls")}, {"B"})
        self.assertEqual(counted, EXPECTED)
        times = table(result.err, "each of them")
        self.assertEqual([row[0] for row in times], list(EXPECTED))
        for row in times:
            self.assertEqual(len(row), 11)
            self.assertLessEqual(set(row[2::2]), {"ns", "µs", "ms", "s"})
        for words in (r"before main +[\d.]+ ms", r"engine ", r"module .* (compiled|cached)$", r"guests .* 1 guest$",
                      r"runtime openvino .* 20\d\d\.", r"model from bytes .*, holds ", r"together +[\d.]+ ",
                      rf"copied: {ADD_BYTES + 32} B into the host, {16 + len(TEXT)} B out of it",
                      r"memory: [\d.]+ MB at most; anonymous at the end: [\d.]+ [kM]B"):
            self.assertRegex(result.err, rf"(?m)^ +{words}")

    def test_failed_calls_are_explained_as_ever(self):
        result = session(*COMMANDS, options=["--stats"])
        self.assertEqual(result.complaints[2], TITLE)
        self.assertIn("set_input: invalid_argument", result.complaints[0])
        self.assertIn(TEXT, result.complaints[1])

    def test_keys_are_documented(self):
        def keys(value):
            if isinstance(value, dict):
                return set(value) | set().union(*map(keys, value.values()))
            return set().union(*map(keys, value)) if isinstance(value, list) else set()

        told = keys(figures(session(*CORRECT, options=["--stats=json"])))
        self.assertGreater(len(told), 30)
        section = REFERENCE.split("\n## JSON\n")[1]
        for key in told:
            self.assertIn(f"`{key}`", section)

    def test_many_calls(self):
        """The percentiles of some thousand calls, in order and between the least and the greatest."""
        facts = figures(session(*CORRECT, "repeat 5000 compute c", options=["--stats=json"]))
        self.assertEqual(calls(facts)["compute"], (5001, 0, 0))
        self.check_order(facts)


class Endings(Case):
    def test_no_call_at_all(self):
        result = run("run", "--stats", guest("streams"), "exit", "7")
        self.assertEqual((result.code, result.complaints[0]), (7, TITLE))
        self.assertNotIn("wasi-nn calls", result.err)
        self.assertNotIn("runtime", result.err)
        facts = figures(run("run", "--stats=json", guest("streams"), "exit", "7"))
        self.assertEqual((facts["calls"], facts["models"], facts["runtimes"]), ([], [], []))
        self.assertEqual((facts["exit_code"], facts["guests"]["count"], facts["guests"]["calls_ns"]), (7, 1, 0))

    def test_trap(self):
        result = session(*CORRECT, "call get_output c0 0 0xFFFFFFF0 64 buf", options=["--stats=json"])
        self.assertEqual(result.code, TRAPPED)
        self.assertIn("trapped", result.complaints[0])
        facts = figures(result)
        self.assertEqual(calls(facts)["get_output"], (2, 1, 16))
        self.assertEqual((facts["exit_code"], facts["guests"]["count"]), (TRAPPED, 1))

    def test_guest_that_cannot_be_started(self):
        for data, words in [(b"\0asm\1\0\0\0\xff", "not valid"), (b"\0asm\1\0\0\0", "_start"), (b"", "empty")]:
            with self.subTest(words):
                result = run("run", "--stats=json", self.write("guest.wasm", data))
                self.assertEqual((result.code, len(result.complaints)), (NOT_STARTED, 2), result.err)
                self.assertIn(words, result.complaints[0])
                facts = figures(result)
                self.assertEqual((facts["exit_code"], facts["guests"]["count"]), (NOT_STARTED, 0))

    def test_timeout(self):
        result = run("run", "--timeout", "0.5", "--stats=json", guest("streams"), "loop")
        self.assertEqual((result.code, len(result.complaints)), (TIMED_OUT, 2))
        self.assertIn("--timeout", result.complaints[0])
        facts = figures(result)
        self.assertEqual((facts["exit_code"], facts["guests"]["count"], facts["guests"]["running"]), (TIMED_OUT, 1, 0))

    def test_timeout_of_a_guest_that_cannot_be_ended(self):
        profile = self.temporary / "trace.json"
        with subprocess.Popen(
            [WASINN, "run", "--timeout", "0.5", "--stats=json", "--profile", profile, guest("streams"), "wait"],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:
            process.wait(LONGEST)
            lines = process.stderr.read().splitlines()
        self.assertEqual((process.returncode, len(lines)), (TIMED_OUT, 2), lines)
        facts = json.loads(lines[-1])
        self.assertEqual((facts["guests"]["count"], facts["guests"]["running"]), (1, 1))
        self.assertGreater(facts["guests"]["own_ns"], 0)
        spans = [event for event in json.loads(profile.read_text())["traceEvents"] if event["ph"] == "X"]
        (running,) = [span for span in spans if span["name"] == "guest"]
        self.assertEqual(running["args"]["how"], "running")

    def test_usage(self):
        self.assert_ended(run("run", "--stats=xml", "x.wasm"), USAGE, "--stats 'xml'", "--stats=json")
        self.assert_ended(run("run", "--stats", "--nonsense", "x.wasm"), USAGE, "--nonsense")
        self.assert_ended(run("run", "--profile"), USAGE, "--profile", "value")
        self.assert_ended(run("run", "--profile", "", guest("streams"), "exit", "0"), USAGE, "--profile", "file")
        self.assert_ended(run("run", "--profile", "-", guest("streams"), "exit", "0"), USAGE, "--profile -", "file")


class Profiles(Case):
    def profile(self, *commands, options=()):
        path = self.temporary / "trace.json"
        result = session(*commands, options=["--profile", path, *options])
        self.assertEqual([entry.name for entry in self.temporary.iterdir()], ["trace.json"])
        return result, json.loads(path.read_text(encoding="utf-8"))

    def spans(self, trace):
        return [event for event in trace["traceEvents"] if event["ph"] == "X"]

    def check_nesting(self, trace):
        """Each span of a lane lies within the one around it, and beside the others there. Times are whole nanoseconds."""
        lanes = defaultdict(list)
        for span in self.spans(trace):
            begin, length = (round(span[key] * 1000) for key in ("ts", "dur"))
            self.assertGreaterEqual(begin, 0)
            self.assertGreaterEqual(length, 0)
            lanes[(span["pid"], span["tid"])].append((begin, -length, span["name"]))
        for lane in lanes.values():
            ends = []
            for begin, length, name in sorted(lane):
                while ends and ends[-1] <= begin:
                    ends.pop()
                if ends:
                    self.assertLessEqual(begin - length, ends[-1], name)
                if length:
                    ends.append(begin - length)
        named = {event["tid"] for event in trace["traceEvents"] if event["name"] == "thread_name"}
        self.assertEqual(named, {tid for _, tid in lanes})

    def test_session(self):
        result, trace = self.profile(*COMMANDS, options=["--quiet"])
        self.assert_succeeded(result)
        self.check_nesting(trace)
        found = defaultdict(list)
        for span in self.spans(trace):
            found[span["cat"]].append(span["name"])
        self.assertEqual(found["process"], ["before main", "prepare", "engine", "module", "link", "end"])
        self.assertEqual(found["guest"], ["instantiate", "guest"])
        self.assertEqual(found["runtime"], ["runtime openvino"])
        self.assertEqual(found["model"], ["model from bytes"])
        self.assertEqual(len(found["call"]), 10)
        self.assertEqual({name: found["call"].count(name) for name in found["call"]},
                         {name: count for name, (count, _, _) in EXPECTED.items()})
        self.assertEqual(len(found["layer"]), 2)
        copied = [span["args"]["bytes"] for span in self.spans(trace) if span["name"] == "set_input"]
        self.assertEqual(copied, [16, 16, 0])
        self.assertEqual(trace["otherData"]["dropped_spans"], 0)

    def test_several_guests(self):
        """Each has a lane, in which its runs follow one another; the model is loaded once."""
        inputs = [input_of(index, F32, "2x2", floats(1, 2, 3, 4)) for index in (0, 1)]
        options = ["--instances", "3", "--repeat", "4", "--stats=json", "--model", f"add={FIXTURES}/add.xml"]
        result, trace = self.profile("name add", "context g", *inputs, *5 * ["compute c"], "output c 0 16", options=options)
        self.assertEqual((result.code, len(result.complaints)), (0, 1), result.err)
        facts = figures(result)
        self.assertEqual((facts["guests"]["count"], facts["guests"]["running"], facts["profiled"]), (12, 0, True))
        self.assertEqual(calls(facts), {
            "load_by_name": (12, 0, 36), "init_execution_context": (12, 0, 0), "set_input": (24, 0, 384),
            "compute": (60, 0, 0), "get_output": (12, 0, 192),
        })
        # The command loads it ahead, unless the guests are faster.
        loads = {model["how"] == "shared": model["count"] for model in facts["models"]}
        self.assertEqual(loads[False], 1)
        self.assertIn(loads[True], (11, 12))
        self.assertLessEqual(facts["guests"]["p50_ns"], facts["guests"]["p99_ns"])
        self.assertLessEqual(facts["guests"]["p99_ns"], facts["guests"]["max_ns"])
        self.check_nesting(trace)
        lanes = defaultdict(list)
        for span in self.spans(trace):
            lanes[span["tid"]].append(span["name"])
        # The thread that loads the model ahead, unless the guests are faster, is none of theirs.
        ahead = {lane: found for lane, found in lanes.items() if lane > 3}
        self.assertLessEqual(len(ahead), 1)
        for found in ahead.values():
            self.assertLessEqual(set(found), {"runtime openvino", "model add"})
        self.assertEqual(set(lanes) - set(ahead), {0, 1, 2, 3})
        for lane in (1, 2, 3):
            self.assertEqual({name: lanes[lane].count(name) for name in ("instantiate", "guest", "compute")},
                             {"instantiate": 4, "guest": 4, "compute": 20})
        names = {event["tid"]: event["args"]["name"] for event in trace["traceEvents"] if event["name"] == "thread_name"}
        self.assertEqual({lane: name for lane, name in names.items() if lane < 4},
                         {0: "process", 1: "guest 1", 2: "guest 2", 3: "guest 3"})

    def test_layers_lie_in_their_compute(self):
        shapes = [load("shapes"), "context g", f"input c 0 {F32} 1x64x64x3 @square.f32"]
        result, trace = self.profile(*shapes, *3 * ["compute c"], options=["--stats"])
        self.assertEqual(result.answers[2][1], "0", result.err)
        self.assertEqual(result.complaints[0], TITLE + ", slowed by --profile, which measures every layer")
        self.check_nesting(trace)
        computes = [span for span in self.spans(trace) if span["name"] == "compute"]
        layers = [span for span in self.spans(trace) if span["cat"] == "layer"]
        self.assertEqual(len(computes), 3)
        for compute, names in zip(computes, [("c0", "c1", "c2", "g3", "y"), ("c0",), ("c0",)]):
            begin, end = compute["ts"], compute["ts"] + compute["dur"]
            inside = [layer["name"] for layer in layers if begin <= layer["ts"] and layer["ts"] + layer["dur"] <= end + 1e-6]
            # As the model calls them, whatever the runtime puts behind that. Later, some may be too fast to be told.
            for name in names:
                self.assertEqual(len([layer for layer in inside if re.match(rf"{name}\b", layer)]), 1, (name, inside))
        for layer in layers:
            self.assertGreaterEqual(layer["args"]["duration_ns"], 0)
            self.assertTrue(layer["args"]["kind"])

    def test_names_are_escaped(self):
        result, trace = self.profile("name a\"b\\%09c", options=["--model", f'a"b\\\tc={FIXTURES}/add.xml'])
        self.assertEqual((result.code, result.errnos), (0, [0]))
        self.assertEqual({span["name"] for span in self.spans(trace) if span["cat"] == "model"}, {'model a"b\\ c'})

    def test_runtime_that_tells_no_layers(self):
        path = self.temporary / "trace.json"
        model = FIXTURES / "models" / "shapes.onnx"
        result = session("name shapes", "context g", f"input c 0 {F32} 1x64x64x3 @square.f32", "compute c",
                         options=["--profile", path, "--model", f"shapes={model},backend=onnxruntime"])
        self.assertEqual(result.errnos, [0, 0, 0, 0], result.err)
        spans = self.spans(json.loads(path.read_text()))
        self.assertEqual(len([span for span in spans if span["name"] == "compute"]), 1)
        self.assertEqual([span for span in spans if span["cat"] == "layer"], [])

    def test_failing_guests(self):
        for code, arguments in [(TRAPPED, ["unreachable"]), (3, ["exit", "3"])]:
            path = self.temporary / "trace.json"
            result = run("run", "--profile", path, guest("streams"), *arguments)
            self.assertEqual(result.code, code)
            self.check_nesting(json.loads(path.read_text()))

    def test_unwritable(self):
        for path, words in [
            (self.temporary / "none" / "trace.json", "No such file"),
            (self.temporary, "trace"),
        ]:
            with self.subTest(path):
                result = run("run", "--profile", path, guest("streams"), "arguments", "begun")
                self.assert_ended(result, NOT_STARTED, str(path), "cannot write the profile")
                self.assertEqual(result.out, "")

    def test_unwritable_for_this_user(self):
        path = self.write("trace.json", "before")
        path.chmod(0o444)
        if os.access(path, os.W_OK):
            self.skipTest("this user may write everything")
        self.assert_ended(run("run", "--profile", path, guest("streams"), "exit", "0"), NOT_STARTED, "Permission denied")
        self.assertEqual(path.read_text(), "before")

    def test_disk_that_is_full(self):
        """The guest has run by then: its code comes before ours."""
        for code, expected in [("0", 1), ("9", 9)]:
            result = run("run", "--profile", "/dev/full", guest("streams"), "exit", code)
            self.assert_ended(result, expected, "/dev/full: cannot write the profile: No space left")

    def test_old_file_stays_until_the_new_one_is_whole(self):
        path = self.write("trace.json", "before")
        path.chmod(0o640)
        process = subprocess.Popen([WASINN, "run", "--profile", path, guest("streams"), "wait"],
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        with process:
            end = time.monotonic() + LONGEST
            while len(list(self.temporary.iterdir())) < 2 and time.monotonic() < end:
                time.sleep(0.01)
            self.assertEqual(path.read_text(), "before")
            process.send_signal(signal.SIGTERM)
        self.assertEqual(process.returncode, -signal.SIGTERM)
        self.assertEqual([entry.name for entry in self.temporary.iterdir()], ["trace.json"])
        self.assertEqual(path.read_text(), "before")
        self.assertEqual(run("run", "--profile", path, guest("streams"), "exit", "0").code, 0)
        self.assertIn("traceEvents", json.loads(path.read_text()))
        self.assertEqual(path.stat().st_mode & 0o777, 0o640)


if __name__ == "__main__":
    unittest.main()
