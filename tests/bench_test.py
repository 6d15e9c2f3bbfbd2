# SPDX-License-Identifier: Apache-2.0
"""The benchmark's harness: its statistics on numbers whose answers are known, its tables and plot, and a run of tiny
rounds. No time is looked at.

WASINN_BUILD is the build folder, with the command and the native programs. Exits with 77 where there is no compiler for
the guest, or no OpenVINO to link the native program with.
"""

import json
import os
import pathlib
import random
import re
import stat
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ["WASINN_BUILD"])
PEER = ROOT / "deps" / "peer" / "wasmtime"
sys.path.insert(0, str(ROOT / "bench"))

import measures  # noqa: E402
import paired  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
import rows  # noqa: E402
from program import Failure, Program  # noqa: E402

TINY = ["--rounds", "2", "--turn", "0.002"]

# Does what a program of the benchmark does, with an output of its own: {digest} is told for it.
OTHER_PEER = """\
#!{python}
import sys
if sys.argv[1:] == ["--version"]:
    print("wasmtime 0.0.0")
    sys.exit()
import ctypes, os
ctypes.CDLL(os.environ["LD_LIBRARY_PATH"].split(":")[0] + "/libopenvino_c.so")
ANSWERS = {{
    "load": '{{"load":1,"session":1}}',
    "run": '{{"samples":1,"calls":1,"total":1,"min":1,"p50":1,"p90":1,"p99":1,"max":1,"digest":"{digest}"}}',
    "phases": '{{"input":1,"compute":1,"output":1,"clock":1,"digest":"{digest}"}}',
}}
for line in sys.stdin:
    print(ANSWERS[line.split()[0]], flush=True)
"""


def bench(*words):
    command = [sys.executable, ROOT / "bench" / "run.py", "--build", BUILD, "--work", BUILD / "bench-test", *words]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)


class Statistics(unittest.TestCase):
    def test_medians(self):
        self.assertEqual(paired.median([3, 1, 2]), 2)
        self.assertEqual(paired.median([4, 1, 2, 3]), 2.5)
        self.assertEqual(paired.percentile(range(1, 101), 0.99), 99)
        self.assertEqual(paired.percentile([7], 0.99), 7)

    def test_intervals(self):
        """Those of the sign test's tables."""
        for count, low, high, covered in [
            (3, 1, 3, 0.75), (5, 1, 5, 0.9375), (6, 1, 6, 0.96875), (8, 1, 8, 0.9921875),
            (9, 2, 8, 0.9609375), (12, 3, 10, 0.9614), (15, 4, 12, 0.9648), (20, 6, 15, 0.9586),
        ]:
            with self.subTest(count=count):
                found = paired.interval(range(count, 0, -1))
                self.assertEqual(found[:2], (low, high))
                self.assertAlmostEqual(found[2], covered, places=4)

    def test_coverage(self):
        """Such intervals have the true median as often as they say."""
        source = random.Random(5)
        for count in (6, 9, 15):
            found = [paired.interval([source.expovariate(1) for _ in range(count)]) for _ in range(4000)]
            inside = sum(low <= 0.6931 <= high for low, high, _ in found) / len(found)
            self.assertAlmostEqual(inside, found[0][2], delta=0.02)

    def test_comparisons(self):
        ours, theirs = [2, 4, 6, 8, 10, 12], [1, 2, 3, 4, 5, 6]
        self.assertEqual(paired.compare(ours, theirs, "ratio")["values"], [2] * 6)
        self.assertEqual(paired.compare(ours, theirs, "difference")["median"], 3.5)
        self.assertEqual(paired.compare(ours, None, "value")["high"], 12)
        self.assertEqual(paired.compare([1, None], [1, 2], "ratio")["values"], [1])
        self.assertIsNone(paired.compare([None], [1], "ratio"))

    def test_verdicts(self):
        found = {"low": 0.9, "high": 1.1, "coverage": 0.96}
        for goal, wanted in [
            (("most", 1.1), "met"), (("most", 0.8), "not met"), (("most", 1.0), "cannot be told"),
            (("least", 0.9), "met"), (("least", 1.2), "not met"), (("least", 1.0), "cannot be told"),
        ]:
            self.assertEqual(paired.verdict(found, goal), wanted, goal)
        self.assertFalse(paired.apart(found, 1))
        self.assertTrue(paired.apart(found, 1.2))
        few = {**found, "coverage": 0.75}
        self.assertEqual(paired.verdict(few, ("most", 2)), "too few rounds to tell")

    def test_orders(self):
        arms = ["a", "b", "c"]
        orders = [measures.rotated(arms, turn) for turn in range(6)]
        for place in range(3):
            self.assertEqual(sorted(order[place] for order in orders), ["a", "a", "b", "b", "c", "c"])

    def test_outputs(self):
        outputs = measures.Outputs()
        outputs.see("native", {"digest": "1"})
        outputs.see("ours", {"digest": "1"})
        with self.assertRaisesRegex(Failure, "outputs differ: native has 1, peer has 2"):
            outputs.see("peer", {"digest": "2"})

    def test_together(self):
        windows = [
            {"samples": 2, "first": 0, "last": 500_000_000, "microseconds": [1, 3]},
            {"samples": 4, "first": 0, "last": 1_000_000_000, "microseconds": [5, 7]},
        ]
        found = measures._together(windows, 0)
        self.assertEqual(found["rate"], 6)
        self.assertEqual((found["p50"], found["p99"], found["tail"]), (5000, 7000, 1.4))


class Programs(unittest.TestCase):
    def told(self, script):
        program = Program("that", [sys.executable, "-c", script], timeout=20)
        try:
            program.answer()
            return program.end()
        finally:
            program.kill()

    def test_failures(self):
        for script, wanted in [
            ("import sys; sys.exit('no model')", "that: ended with 1: no model"),
            ("import os; os.abort()", "that: was ended by signal 6"),
            ("print('hello')", "that: answered b'hello.n', which is not JSON"),
            ("print('{}'); import sys; sys.exit(3)", "that: ended with 3"),
            ("print('{}\\n{}')", "that: said more"),
        ]:
            with self.subTest(script=script), self.assertRaisesRegex(Failure, wanted):
                self.told(script)
        with self.assertRaisesRegex(Failure, "^that: /nonexistent: No such file"):
            Program("that", ["/nonexistent"])

    def test_hanging(self):
        program = Program("that", [sys.executable, "-c", "import time; time.sleep(600)"], timeout=0.2)
        with self.assertRaisesRegex(Failure, "that: was not done after 0.2 s"):
            program.answer()


def some_results():
    """Of all rows, with numbers that have nothing to do with them."""
    source = random.Random(3)
    entries = []
    for row in rows.ROWS:
        found = []
        for one in row.comparisons:
            values = [source.uniform(0.05, 3) for _ in range(9)]
            low, high, covered = paired.interval(values)
            entry = {"text": one.text, "of": one.of, "against": one.against, "how": one.how, "values": values,
                     "median": paired.median(values), "low": low, "high": high, "coverage": covered}
            if one.goal:
                entry.update(goal={one.goal[0]: one.goal[1]}, verdict=paired.verdict(entry, one.goal))
            found.append(entry)
        arms = {arm: {"time": [source.uniform(1, 1e9) for _ in range(9)]} for arm in row.arms}
        entries.append({"row": row.name, "title": row.title, "notes": ["a note"], "arms": arms, "comparisons": found})
    return {
        "when": "2026-01-02T03:04:05+00:00", "commit": "0123456", "seconds": 1, "quick": False, "disturbed": ["add"],
        "machine": {"cpu": "one", "cores": 2, "flags": [], "memory": 2**34, "kernel": "6", "architecture": "x86_64"},
        "versions": {"wasinn": "0", "openvino": "1-2"}, "load_at_start": [0, 0, 0], "load_at_end": [1, 1, 1],
        "rows": entries,
    }


class Report(unittest.TestCase):
    def test_amounts(self):
        for value, unit, wanted in [
            (6200, "ns", "6.20 µs"), (30, "ns", "0.0300 µs"), (2.05e6, "ns", "2.05 ms"), (1.234e9, "ns", "1.23 s"),
            (244e6, "B", "244 MB"), (484.2, "1/s", "484/s"), (1.55, "", "1.55"), (0, "ns", "0 µs"),
        ]:
            self.assertEqual(report.amount(value, unit), wanted)

    def test_tables(self):
        results = some_results()
        text = report.markdown(results)
        for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
            self.assertEqual(len({line.count("|") for line in block.splitlines()}), 1, block)
        for row in rows.ROWS:
            self.assertIn(f"| {row.title} |", text)
        self.assertIn("disturbed", text)
        # What goes through a file is the same.
        self.assertEqual(report.markdown(json.loads(json.dumps(results))), text)

    def test_readme_part(self):
        text = f"before\n{report.BEGIN}formerly\n{report.END}after\n"
        new = report.with_part(text, some_results())
        self.assertTrue(new.startswith("before\n") and new.endswith("after\n") and "formerly" not in new)
        self.assertEqual(report.with_part(new, some_results()), new)
        with self.assertRaises(ValueError):
            report.with_part("no part", None)

    def test_written(self):
        """README.md, and the tables and plot of the results, are as the JSON has it."""
        self.assertEqual(report.differences(), [])

    def test_plot(self):
        """It is XML, inside its frame, and no text lies upon another."""
        picture = ElementTree.fromstring(plot.draw(some_results()))
        width, height = (float(word) for word in picture.get("viewBox").split()[2:])
        boxes = []
        for text in picture.iter("{http://www.w3.org/2000/svg}text"):
            long, x, y = plot.width_of(text.text), float(text.get("x")), float(text.get("y"))
            left = x - long / 2 if text.get("text-anchor") == "middle" else x
            boxes.append((left, y - plot.FONT, left + long, y, text.text))
        for left, top, right, bottom, text in boxes:
            self.assertTrue(0 <= left and right <= width and 0 <= top and bottom <= height, text)
        for one in range(len(boxes)):
            for other in boxes[:one]:
                left, top, right, bottom, text = boxes[one]
                apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
                self.assertTrue(apart, f"{text} and {other[4]}")
        ratios = sum(one.how == "ratio" for row in rows.ROWS for one in row.comparisons)
        marks = [mark for mark in picture.iter("{http://www.w3.org/2000/svg}circle") if mark.get("class") == "ink"]
        self.assertEqual(len(marks), ratios)


class Runs(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def run_with(self, peer, *names):
        return bench(*TINY, "--peer", peer, "--to", self.folder / "results", *names)

    def results(self):
        text = (self.folder / "results" / "latest.json").read_text()
        ElementTree.parse(self.folder / "results" / "latest.svg")
        self.assertIn("2x2 add", (self.folder / "results" / "latest.md").read_text())
        return json.loads(text)

    def other_peer(self, digest):
        path = self.folder / "wasmtime"
        path.write_text(OTHER_PEER.format(python=sys.executable, digest=digest))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def test_without_peer(self):
        """Its absence is told in a line, and only its comparisons are missing."""
        result = self.run_with("/nonexistent/wasmtime", "add", "start-add")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        self.assertRegex(result.stdout, r"(?m)^bench: no peer: /nonexistent/wasmtime is not there .*; going on without$")
        add, start = self.results()["rows"]
        self.assertEqual(set(add["arms"]), {"native", "ours"})
        self.assertEqual([one["against"][0] for one in add["comparisons"]], ["native"])
        self.assertTrue(all(value > 0 for value in add["arms"]["ours"]["time"]))
        self.assertEqual([one["how"] for one in start["comparisons"]], ["difference"])
        self.assertTrue(any("no peer" in note for note in add["notes"]))

    @unittest.skipUnless(PEER.exists(), "no peer: python3 scripts/deps.py peer")
    def test_with_peer(self):
        result = self.run_with(PEER, "add", "start-add")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        add, start = self.results()["rows"]
        self.assertEqual(set(add["arms"]), {"native", "ours", "peer"})
        self.assertEqual([len(one["values"]) for one in add["comparisons"]], [2, 2])
        self.assertEqual(len(start["comparisons"]), 3)
        self.assertRegex(self.results()["versions"]["peer"], r"^wasmtime \d+\.\d+")

    def test_outputs_that_differ(self):
        """A peer that computes something else makes no figures; other rows go on."""
        result = self.run_with(self.other_peer("0123456789abcdef"), "add", "large")
        self.assertEqual(result.returncode, 1)
        wanted = r"outputs differ: \w+ has [0-9a-f]{16}, \w+ has [0-9a-f]{16}\n"
        self.assertRegex(result.stderr, f"^bench: add: {wanted}bench: large: {wanted}$")
        for entry in self.results()["rows"]:
            self.assertIn("0123456789abcdef", entry["error"])
            self.assertEqual((entry["arms"], entry["comparisons"]), ({}, []))
        self.assertIn("error: outputs differ", (self.folder / "results" / "latest.md").read_text())

    def test_wrong_words(self):
        result = bench("nothing")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "^bench: there is no row nothing; there are one-efficientnet, .*\n$")
        result = subprocess.run(
            [sys.executable, ROOT / "bench" / "run.py", "--build", self.folder],
            capture_output=True, text=True, timeout=60,
        )
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "^bench: .*/wasinn does not run: build it with make\n$")


if __name__ == "__main__":
    if not (ROOT / "deps" / "zig" / "zig").exists() and not os.environ.get("WASINN_GUEST_CC"):
        print("skipped: no compiler for WebAssembly: python3 scripts/deps.py zig, or set WASINN_GUEST_CC")
        sys.exit(77)
    if not (BUILD / "bench" / "native_openvino").exists():
        print("skipped: the native program was not built: there was no libopenvino_c.so to link it with")
        sys.exit(77)
    unittest.main()
