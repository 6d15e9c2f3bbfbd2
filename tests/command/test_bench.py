"""wasinn bench: what it measures, and on what; that guest and native infer the same; bad models and inputs.

No time is looked at, except that it is one. WASINN, WASINN_FIXTURES as in command.py.
"""

import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import time
import unittest
import xml.dom.minidom

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import command
from command import FIXTURES, USAGE, Case, run

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
QUICK = ("--seconds", "0.01", "--instances", "1")
ARMS = ("native", "guest", "native infer", "guest infer")


def bench(model, *options, quick=QUICK, **settings):
    return run("bench", model, *quick, *options, **settings)


class Bench(Case):
    def measured(self, model, *options, quick=QUICK, **settings):
        result = bench(model, "--json", *options, quick=quick, **settings)
        self.assert_succeeded(result)
        return json.loads(result.out)

    def set_up(self, model, *options, **settings):
        """The only one."""
        found = self.measured(model, *options, **settings)
        self.assertEqual(len(found["set_ups"]), 1)
        return found["set_ups"][0]

    def assert_figures(self, figure):
        """They hold together, and every arm's outputs are the native ones."""
        arms = {arm["arm"]: arm for arm in figure["arms"]}
        self.assertLessEqual({"native", "guest"}, set(arms))
        self.assertLessEqual(set(arms), set(ARMS))
        self.assertGreaterEqual(figure["rounds"], 6)
        for arm in arms.values():
            self.assertTrue(arm["equal"], arm)
            self.assertGreaterEqual(arm["inferences"], figure["rounds"] * figure["instances"])
            times = [arm[name] for name in ("min_ns", "p50_ns", "p90_ns", "p99_ns", "max_ns")]
            self.assertEqual(times, sorted(times))
            self.assertGreater(times[0], 0)
            self.assertGreater(arm["per_second"], 0)
        pairs = [(ratio["arm"], ratio["against"]) for ratio in figure["ratios"]]
        self.assertIn(("guest", "native"), pairs)
        for ratio in figure["ratios"]:
            for what in ("time", "rate"):
                one = ratio[what]
                self.assertTrue(0 < one["low"] <= one["ratio"] <= one["high"], one)
                self.assertEqual(one["apart"], not one["low"] <= 1 <= one["high"])

    # ---- Models

    def test_models_of_each_format(self):
        models = [FIXTURES / "add.xml", FIXTURES / "onnx" / "add.onnx", FIXTURES / "tensorflow" / "add.pb",
                  FIXTURES / "tensorflow" / "add", FIXTURES / "tensorflowlite" / "add.tflite",
                  FIXTURES / "shapes.xml", FIXTURES / "models" / "shapes.onnx", FIXTURES / "models" / "shapes.tflite",
                  FIXTURES / "models" / "shapes_sm"]
        for model in models:
            with self.subTest(model=model.name):
                found = self.set_up(model)
                self.assert_figures(found["figures"][0])
                sizes = {"f32": 4}
                for port in found["inputs"] + found["outputs"]:
                    elements = 1
                    for dim in port["shape"]:
                        elements *= dim
                    self.assertEqual(port["bytes"], elements * sizes[port["type"]])

    def test_each_backend(self):
        model = FIXTURES / "onnx" / "add.onnx"
        for backend in ("openvino", "onnxruntime"):
            for words in ((f"{model},backend={backend}",), (model, "--backend", f"onnx={backend}")):
                found = self.set_up(*words)
                self.assertEqual(found["backend"], backend)
                self.assertEqual(found["encoding"], "onnx")
                self.assert_figures(found["figures"][0])

    def test_types(self):
        for kind in ("bf16", "boolean", "f16", "f32", "f64", "i16", "i32", "i64", "i8", "u16", "u32", "u64", "u8"):
            with self.subTest(type=kind):
                found = self.set_up(FIXTURES / f"types_{kind}.xml")
                self.assertEqual(found["inputs"][0]["type"], "bool" if kind == "boolean" else kind)
                self.assert_figures(found["figures"][0])

    def test_ports(self):
        for model, inputs, outputs in (("many", 8, 8), ("two_outputs", 1, 2), ("no_inputs", 0, 1), ("scalar", 1, 1),
                                       ("empty", 1, 1), ("unnamed", 1, 1)):
            with self.subTest(model=model):
                found = self.set_up(FIXTURES / f"{model}.xml")
                self.assertEqual((len(found["inputs"]), len(found["outputs"])), (inputs, outputs))
                self.assert_figures(found["figures"][0])

    def test_open_dimensions(self):
        model = FIXTURES / "dynamic.xml"
        port = self.set_up(model)["inputs"][0]
        self.assertTrue(port["assumed"])
        self.assertEqual(port["shape"], [1, 3])
        for name in (port["name"], "0"):
            found = self.set_up(model, "--shape", f"{name}=5,3")
            self.assertEqual([found["inputs"][0]["shape"], found["outputs"][0]["shape"]], [[5, 3], [5, 3]])
            self.assertFalse(found["inputs"][0]["assumed"])
            self.assert_figures(found["figures"][0])
        result = bench(model)
        self.assert_succeeded(result)
        self.assertIn("open dimensions are the least", result.out)

    def test_open_rank(self):
        model = FIXTURES / "onnx" / "dynamic_rank.onnx"
        self.assert_ended(bench(model), 1, "any number of dimensions", "--shape 'x=")
        found = self.set_up(model, "--shape", "x=2x3")
        self.assertEqual(found["inputs"][0]["shape"], [2, 3])
        self.assert_figures(found["figures"][0])

    # ---- Settings

    def test_options_are_told(self):
        model = f"{FIXTURES / 'add.xml'},precision=f32,threads=1"
        found = self.set_up(model, "--option", "openvino:streams=1", "--option", "openvino:threads=2")
        options = found["options"]
        self.assertEqual((options["precision"], options["threads"], options["streams"]), ("f32", "1", "1"))
        self.assertIsNone(options["hint"])
        result = bench(model)
        self.assertIn("precision: f32", result.out)
        self.assertRegex(result.out, r"settings +hint, streams: the runtime's default")

    def test_instances(self):
        found = self.measured(FIXTURES / "add.xml", quick=("--seconds", "0.01", "--instances", "3,1,2"))
        one, several = found["set_ups"]
        self.assertEqual([figure["instances"] for figure in one["figures"]], [1])
        self.assertEqual([figure["instances"] for figure in several["figures"]], [3, 2])
        self.assertEqual((one["options"]["hint"], several["options"]["hint"]), (None, "throughput"))
        for figure in one["figures"] + several["figures"]:
            self.assert_figures(figure)

    @unittest.skipIf(command.SANITIZED, "the memory that it takes is multiplied")
    def test_more_than_there_is_memory_for(self):
        """An output of 256 MiB, several times for each of 1024 guests, of which two are made."""
        result = bench(FIXTURES / "large.xml", quick=("--seconds", "0.01", "--instances", "1024"))
        self.assert_ended(result, 1, "--instances 1024: each guest takes", "bytes of memory")

    def test_hint_of_the_operator(self):
        many = ("--seconds", "0.01", "--instances", "2")
        for words in ((f"{FIXTURES / 'add.xml'},hint=latency",),
                      (FIXTURES / "add.xml", "--option", "openvino:hint=latency")):
            self.assertEqual(self.set_up(*words, quick=many)["options"]["hint"], "latency")
        found = self.set_up(FIXTURES / "onnx" / "add.onnx", quick=many)
        self.assertNotIn("hint", found["options"])

    def test_cache(self):
        model, folder = FIXTURES / "shapes.xml", self.temporary / "cache"
        self.assertFalse(self.set_up(model)["load"]["cached"])
        environment = {"WASINN_CACHE": str(folder)}
        self.assertFalse(self.set_up(model, environment=environment)["load"]["cached"])
        self.assertFalse(folder.exists(), "no cache is the default")
        found = [self.set_up(model, "--cache", str(folder)) for _ in range(2)]
        self.assertEqual([one["load"]["cached"] for one in found], [False, True])
        for one in found:
            self.assert_figures(one["figures"][0])
        self.assertFalse(self.set_up(model, "--cache", str(folder), "--no-cache")["load"]["cached"])
        self.assert_ended(bench(model, "--cache", str(self.write("file"))), 1, "file")

    # ---- Inputs

    def test_input_files(self):
        a = self.write("a.f32", struct.pack("<4f", 1, 2, 3, 4))
        b = self.write("b.f32", struct.pack("<4f", 5, 6, 7, 8))
        ports = self.set_up(FIXTURES / "add.xml")["inputs"]
        self.assertEqual([port["file"] for port in ports], [None, None])
        for words in (("--input", a, "--input", b), ("--input", f"b={b}", "--input", a),
                      ("--input", f"1={b}", "--input", f"0={a}")):
            found = self.set_up(FIXTURES / "add.xml", *words)
            self.assertEqual([port["file"] for port in found["inputs"]], [str(a), str(b)])
            self.assert_figures(found["figures"][0])

    def test_input_values_matter(self):
        """The input of this model is the length of its output."""
        for model in (FIXTURES / "expand.xml", FIXTURES / "onnx" / "expand.onnx"):
            port = self.set_up(model)["inputs"][0]
            self.assertIn(port["type"], ("i32", "i64"))
            for length in (1, 7, 1000):
                data = self.write("length", struct.pack("<i" if port["type"] == "i32" else "<q", length))
                found = self.set_up(model, "--input", data)
                self.assertEqual(found["outputs"][0]["shape"], [length])
                self.assert_figures(found["figures"][0])

    def test_wrong_inputs(self):
        model = FIXTURES / "add.xml"
        short = self.write("short.f32", b"\0" * 12)
        long = self.write("long.f32", b"\0" * 20)
        fits = self.write("fits.f32", b"\0" * 16)
        self.assert_ended(bench(model, "--input", short), 1, "short.f32", "12 bytes", "16", "'a', f32 [2,2]")
        self.assert_ended(bench(model, "--input", f"b={long}"), 1, "long.f32", "20 bytes", "'b', f32 [2,2]")
        self.assert_ended(bench(model, "--input", self.temporary / "none"), 1, "none", "No such file")
        self.assert_ended(bench(model, "--input", self.temporary), 1, str(self.temporary))
        self.assert_ended(bench(model, "--input", f"c={fits}"), 1, "no input 'c'", "0 'a', 1 'b'")
        self.assert_ended(bench(model, "--input", fits, "--input", fits, "--input", fits), 1, "only 2 inputs")
        self.assert_ended(bench(model, "--input", f"a={fits}", "--input", f"0={fits}"), 1, "file already")
        self.assert_ended(bench(FIXTURES / "no_inputs.xml", "--input", fits), 1, "only 0 inputs")
        open_size = bench(FIXTURES / "dynamic.xml", "--input", self.write("two.f32", b"\0" * 24))
        self.assert_ended(open_size, 1, "24 bytes", "give its --shape")

    def test_wrong_shapes(self):
        model = FIXTURES / "dynamic.xml"
        for shape, word in (("x=3", "wants f32 [?,3]"), ("x=2,4", "wants"), ("y=1,3", "no input 'y'"),
                            ("x=a", "whole numbers"), ("x=1,,3", "whole numbers"), ("x=-1,3", "whole numbers"),
                            ("x=1,3,", "whole numbers"), (f"x={'1,' * 17}1", "whole numbers"),
                            ("x=9999999999999999,3", "whole numbers")):
            self.assert_ended(bench(model, "--shape", shape), 1, "--shape", word)
        self.assert_ended(bench(model, "--shape", "x=1,3", "--shape", "0=1,3"), 1, "has one already")
        self.assert_ended(bench(model, "--shape", "x=999999999999,3"), 1, "more than a guest can have")
        self.assert_ended(bench(FIXTURES / "add.xml", "--shape", "a=2,3"), 1, "wants f32 [2,2]")

    # ---- What cannot be

    def test_bad_models(self):
        self.assert_ended(bench(self.temporary / "none.onnx"), 1, "none.onnx")
        self.assert_ended(bench(self.write("text.onnx", "no model")), 1, "text.onnx")
        self.assert_ended(bench(self.write("empty.xml", "")), 1)
        self.assert_ended(bench(self.write("bad.xml", "<net></net>"), "--json"), 1, "wasinn: ")
        self.assert_ended(bench(FIXTURES / "onnx" / "unknown_operator.onnx"), 1, "Frobnicate")
        self.assert_ended(bench(FIXTURES / "models" / "tiny-q8_0.gguf"), 1, "ggml")
        self.assert_ended(bench(FIXTURES / "onnx" / "huge_input.onnx"), 1, "more than a guest can have")

    def test_usage(self):
        model = FIXTURES / "add.xml"
        self.assert_ended(run("bench"), USAGE, "expected MODEL", "wasinn bench --help")
        self.assert_ended(run("bench", model, model), USAGE, "besides")
        self.assert_ended(run("bench", "/"), USAGE, "file or folder")
        self.assert_ended(run("bench", ""), USAGE, "file or folder")
        self.assert_ended(run("bench", model, "--nonsense"), USAGE, "--nonsense")
        self.assert_ended(run("bench", f"{model},threads"), USAGE, "KEY=VALUE")
        self.assert_ended(run("bench", model, "--backend", "x"), USAGE, "--backend")
        self.assert_ended(run("bench", f"{model},backend=none"), 1, "none")
        self.assert_ended(run("bench", f"{model},depth=3"), 1, "depth")
        self.assert_ended(run("bench", model, "--backends", self.temporary / "none"), 1, "--backends")
        for wrong in ("0", "1025", "", "1,", ",1", "1,1", "x", "1 2", "-1", ",".join(map(str, range(1, 18)))):
            self.assert_ended(run("bench", model, "--instances", wrong), USAGE, "--instances")
        for wrong in ("0", "-1", "x", "", "nan", "inf", "3601", "1s"):
            self.assert_ended(run("bench", model, "--seconds", wrong), USAGE, "--seconds")
        for wrong in ("x", "=1", ""):
            self.assert_ended(run("bench", model, "--shape", wrong), USAGE, "--shape")
        for wrong in ("", "-"):
            self.assert_ended(run("bench", model, "--plot", wrong), USAGE, "--plot")

    def interrupted(self, number, *options, model="add.xml", times=1):
        """What it says on standard error when the signal comes so many times."""
        process = subprocess.Popen(
            [command.WASINN, "bench", FIXTURES / model, "--seconds", "600", "--instances", "1,2", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=command.variables({}))
        # It blocks no signal, and catches them once it measures, or has a file to remove.
        status, end = pathlib.Path(f"/proc/{process.pid}/status"), time.monotonic() + command.LONGEST
        caught = 0
        while not caught >> (number - 1) & 1 and time.monotonic() < end:
            found = re.search(r"SigCgt:\s*(\w+)", status.read_text())
            caught = int(found.group(1), 16) if found else 0
            time.sleep(0.01)
        for i in range(times):
            # A slow model is in its first inference by then, which the first signal does not end.
            time.sleep(0.02 if i else 2 * (times - 1))
            process.send_signal(number)
        out, err = process.communicate(timeout=command.LONGEST)
        self.assertEqual((process.returncode, out), (-number, b""))
        return err

    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self.assertEqual(self.interrupted(number), b"wasinn: bench: interrupted\n")
            for model, times in (("add.xml", 1), ("slow.xml", 2)):
                self.interrupted(number, "--plot", self.temporary / "plot.svg", model=model, times=times)
            self.assertEqual(list(self.temporary.iterdir()), [])

    # ---- What is told

    def test_table(self):
        result = bench(FIXTURES / "add.xml", quick=("--seconds", "0.01", "--instances", "1,2"))
        self.assert_succeeded(result)
        for line in result.out.splitlines():
            self.assertLessEqual(len(line), max(80, len("model     ") + len(str(FIXTURES / "add.xml, openvino"))), line)
        for word in ("model ", "runtime   openvino ", "settings ", "load ", "input 0 ", "output 0", "1 guest:",
                     "2 guests at once:", "native", "guest", "guest / native", "hint: throughput", "bit for bit"):
            self.assertIn(word, result.out)
        self.assertRegex(result.out, r"(?m)^ +min +p50 +p90 +p99 +max +per second$")

    def test_names_are_escaped(self):
        name = self.temporary / "a\x1b[31m,b.xml"
        name.write_bytes((FIXTURES / "add.xml").read_bytes())
        name.with_suffix(".bin").write_bytes(b"")
        result = bench(str(name).replace(",", ",,"))
        self.assert_succeeded(result)
        self.assertNotIn("\x1b", result.out)
        self.assertIn("\\x1b[31m,b.xml", result.out)

    def test_keys_are_documented(self):
        page = (ROOT / "docs" / "reference.md").read_text()
        text = page[page.index("`wasinn bench --json`"):page.index("`wasinn cache --json`")]

        def keys(value):
            if isinstance(value, list):
                for one in value:
                    yield from keys(one)
            elif isinstance(value, dict):
                for key, one in value.items():
                    yield key
                    if key != "options":
                        yield from keys(one)

        found = set(keys(self.measured(FIXTURES / "add.xml")))
        self.assertGreater(len(found), 30)
        for key in found:
            self.assertIn(f"`{key}`", text)

    def test_plot(self):
        plot = self.temporary / "plot.svg"
        model = self.temporary / "a<&\">.xml"
        model.write_bytes((FIXTURES / "add.xml").read_bytes())
        model.with_suffix(".bin").write_bytes(b"")
        for counts in ("1", "1,2,3"):
            result = bench(model, "--plot", plot, quick=("--seconds", "0.01", "--instances", counts))
            self.assert_succeeded(result)
            document = xml.dom.minidom.parse(str(plot))
            self.assertEqual(document.documentElement.tagName, "svg")
            texts = [node.firstChild.data for node in document.getElementsByTagName("text")]
            self.assertIn("native", texts)
            self.assertIn("guest", texts)
            self.assertTrue(any('a<&">.xml' in text for text in texts), texts)
            self.assertEqual(sum("guest" in text and "at once" in text and ";" not in text for text in texts),
                             counts.count(","))
            arms = sum(text in ARMS for text in texts)
            paths = document.getElementsByTagName("path")
            self.assertEqual(len(paths), arms * (counts.count(",") + 1))
            self.assertEqual(len(document.getElementsByTagName("circle")), len(paths))
            box = [float(number) for number in document.documentElement.getAttribute("viewBox").split()]
            for path in paths:
                self.assert_drawn(path.getAttribute("d"), box)

    def assert_drawn(self, path, box):
        """Numbers within the picture, from left to right and from below up."""
        parts = re.findall(r"([MHV])([-\d. ]+)", path)
        self.assertEqual("".join(letter + numbers for letter, numbers in parts), path)
        x, y = map(float, parts[0][1].split())
        for letter, number in parts[1:]:
            if letter == "H":
                self.assertGreaterEqual(float(number), x)
                x = float(number)
            else:
                self.assertLessEqual(float(number), y)
                y = float(number)
        self.assertTrue(0 <= y and x <= box[2], path)

    def test_plot_that_cannot_be_written(self):
        """That is told before anything is measured."""
        many = ("--seconds", "3600", "--instances", "1")
        result = bench(FIXTURES / "add.xml", "--plot", self.temporary / "none" / "plot.svg", quick=many)
        self.assertEqual(result.code, 1)
        self.assertEqual(len(result.complaints), 1)
        self.assertIn("plot.svg", result.complaints[0])


if __name__ == "__main__":
    unittest.main()
