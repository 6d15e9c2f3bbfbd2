# SPDX-License-Identifier: Apache-2.0
"""The curves' harness: pictures and page on numbers that have nothing to do with them, the page as it is written, and a
run of tiny rounds. No time is looked at.

WASINN_BUILD is the build folder, with the command and the native programs. Exits with 77 where there is no compiler for
the guest, or no OpenVINO to link the native program with.
"""

import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock
from xml.etree import ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ["WASINN_BUILD"])
sys.path.insert(0, str(ROOT / "bench"))

import curve_measures  # noqa: E402
import curve_page  # noqa: E402
import curve_plot  # noqa: E402
import curves  # noqa: E402
import plot  # noqa: E402

METRICS = {
    "tensor": ("time", "input", "compute", "output"),
    "model": ("start", "load", "again"),
    "guests": ("rate", "p50", "p99", "proportional", "linear"),
    "threads": ("rate", "p50", "p99", "proportional", "linear"),
}
SVG = "{http://www.w3.org/2000/svg}"


def run(*words):
    command = [sys.executable, ROOT / "bench" / "curves.py", *words]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)


def some_results(points=None, rounds=6, seed=3):
    source = random.Random(seed)
    found = []
    for curve in curve_measures.CURVES:
        entries = [
            {"x": point, "label": curve.label(point), "arms": {
                arm: {metric: [source.uniform(0.5, 2) * 10 ** source.uniform(3, 9)] * (rounds - 1) + [1e6]
                      for metric in METRICS[curve.name]}
                for arm in curve.arms
            }}
            for point in curve.points[:points]
        ]
        found.append({"curve": curve.name, "title": curve.title, "rounds": rounds, "seconds": 1.0, "others": 0.0,
                      "points": entries})
    return {
        "when": "2026-01-02T03:04:05+00:00", "commit": "0123456", "seconds": 1, "quick": True, "disturbed": ["model"],
        "machine": {"cpu": "one", "cores": 2, "flags": [], "memory": 2**34, "kernel": "6", "architecture": "x86_64"},
        "versions": {"wasinn": "0", "openvino": "1-2"}, "load_at_start": [0, 0, 0], "load_at_end": [1, 1, 1],
        "settings": {"latency": {"INFERENCE_PRECISION_HINT": "bf16"}}, "curves": found,
    }


def boxes_of(picture):
    found = []
    for text in picture.iter(f"{SVG}text"):
        long, x, y = plot.width_of(text.text), float(text.get("x")), float(text.get("y"))
        left = x - long * {"middle": 0.5, "end": 1}.get(text.get("text-anchor"), 0)
        found.append((left, y - plot.FONT, left + long, y, text.text))
    return found


class Pictures(unittest.TestCase):
    def check(self, text):
        """It is XML, inside its frame, no text lies upon another, and each point has its mark."""
        picture = ElementTree.fromstring(text)
        width, height = (float(word) for word in picture.get("viewBox").split()[2:])
        boxes = boxes_of(picture)
        for number, (left, top, right, bottom, words) in enumerate(boxes):
            self.assertTrue(0 <= left and right <= width and 0 <= top and bottom <= height, words)
            for other in boxes[:number]:
                apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
                self.assertTrue(apart, f"{words} and {other[4]}")
        return picture

    def test_drawn(self):
        for points, seed in ((None, 3), (None, 4), (2, 5), (1, 6)):
            for curve in some_results(points, seed=seed)["curves"]:
                with self.subTest(curve=curve["curve"], points=points):
                    chart = curve_page.chart(curve)
                    picture = self.check(curve_plot.draw(chart))
                    points_of = sum(len(line.points) for panel in chart.panels for line in panel.lines)
                    marks = [one for one in picture.iter(f"{SVG}path") if "mark" in one.get("class")]
                    legend = len({line.name for panel in chart.panels for line in panel.lines})
                    self.assertEqual(len(marks), points_of + legend)

    def test_published(self):
        results = curves.newest()
        for curve in results["curves"] if results else []:
            self.check(curve_plot.draw(curve_page.chart(curve)))

    def test_places(self):
        """Higher is more, further right is larger, and every value is inside."""
        for logarithmic in (True, False):
            line = curve_plot.Line("one", 0, [(1, 3, 2, 4), (4, 30, 20, 40), (64, 700, 650, 811)])
            ticks = [(x, str(x)) for x, *_ in line.points]
            panel = curve_plot.Panel("", "", ticks, [line], str, logarithmic)
            frame = curve_plot.Frame(panel, 0, 400, 0)
            across = [frame.x(x) for x, *_ in line.points]
            upright = [frame.y(value) for value in (2, 3, 4, 20, 30, 40, 650, 700, 811)]
            self.assertEqual(across, sorted(across))
            self.assertEqual(upright, sorted(upright, reverse=True))
            self.assertTrue(frame.left < across[0] and across[-1] < frame.right)
            self.assertTrue(frame.top <= upright[-1] and upright[0] <= frame.bottom)

    def test_ticks(self):
        self.assertEqual(curve_plot.upright_ticks(0, 600, False), [0, 100, 200, 300, 400, 500, 600])
        self.assertEqual(curve_plot.upright_ticks(0.9, 3, True), [0.5, 1, 2, 5])
        for low, high in ((1, 1), (0.3, 4e9), (7, 7.1), (2, 2e3)):
            for logarithmic in (True, False):
                ticks = curve_plot.upright_ticks(low, high, logarithmic)
                self.assertTrue(ticks[0] <= low and high <= ticks[-1] and 2 <= len(ticks) <= 14, ticks)


class Page(unittest.TestCase):
    def test_written(self):
        """docs/performance.md and the pictures are as curves.json has it."""
        self.assertEqual(curves.differences(), [])

    def test_differences(self):
        """A figure or a picture that was changed by hand is told, and --report's way mends it."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            page = folder / "performance.md"
            page.write_text(curve_page.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
            with mock.patch.object(curve_page, "PAGE", page), mock.patch.object(curves.report, "RESULTS", folder):
                curves.write(some_results(), folder)
                curves.update_page()
                self.assertEqual(curves.differences(), [])
                page.write_text(page.read_text(encoding="utf-8").replace(" µs", " ms", 1), encoding="utf-8")
                (folder / "curves-guests.svg").write_text("")
                self.assertEqual(curves.differences(), ["docs/performance.md", "bench/results/curves-guests.svg"])
                curves.write(curves.newest(), folder)
                curves.update_page()
                self.assertEqual(curves.differences(), [])

    def test_parts(self):
        text = curve_page.PAGE.read_text(encoding="utf-8")
        for results in (some_results(), some_results(1), some_results(2)):
            new = curve_page.with_parts(text, results)
            self.assertEqual(curve_page.with_parts(new, json.loads(json.dumps(results))), new)
            self.assertIn("bf16", new)
            self.assertIn("disturbed", new)
            for curve in results["curves"]:
                self.assertIn(f"(../bench/results/curves-{curve['curve']}.svg)", new)
            for block in re.findall(r"(?:^\|.*\n)+", new, re.M):
                self.assertEqual(len({line.count("|") for line in block.splitlines()}), 1, block)
        self.assertEqual(curve_page.with_parts(new, None).count(curve_page.NOTHING), 5)
        with self.assertRaisesRegex(ValueError, "has no part between"):
            curve_page.with_parts("no part", None)

    def test_errors(self):
        """A point without figures is told, and the rest is there."""
        results = some_results()
        for curve in results["curves"]:
            curve["points"][0] = {"x": 1, "label": "the first", "arms": {}, "error": "outputs differ"}
            self.assertIn("* the first: outputs differ\n", curve_page.curve_part(curve))
            curve_plot.draw(curve_page.chart(curve))
            curve["points"] = curve["points"][:1]
            self.assertEqual(curve_page.curve_part(curve), "* the first: outputs differ\n")

    def test_links(self):
        text = curve_page.PAGE.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)]+)\)", text):
            path, _, anchor = target.partition("#")
            page = curve_page.PAGE.parent / path if path else curve_page.PAGE
            self.assertTrue(page.exists(), target)
            if anchor:
                heads = re.findall(r"(?m)^#+ (.*)$", page.read_text(encoding="utf-8"))
                self.assertIn(anchor, {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads})


class Models(unittest.TestCase):
    def test_made(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            for _ in range(2):
                model = curve_measures.weights(folder, 1 << 20)
                self.assertEqual(model.parts[1].stat().st_size, 1 << 20)
                self.assertEqual((model.inputs[0][1], model.output, model.input_bytes()), ("1x512", 2048, 2048))
            relu = curve_measures.relu(folder, 4096)
            self.assertEqual((relu.inputs[0][1], relu.output, relu.input_bytes()), ("1024", 4096, 4096))
        self.assertTrue(all(round((size // 4) ** 0.5) ** 2 * 4 == size for size in curve_measures.WEIGHTS))

    def test_numbers(self):
        found = {most: curve_measures.numbers_up_to(most) for most in (1, 2, 3, 4, 6, 8)}
        self.assertEqual(found, {1: (1,), 2: (1, 2), 3: (1, 2, 3), 4: (1, 2, 4), 6: (1, 2, 4, 6), 8: (1, 2, 4, 8)})


class Runs(unittest.TestCase):
    def test_tiny(self):
        """Every curve's first points, with every arm's outputs held to one."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            result = run("--build", BUILD, "--work", BUILD / "curves-test", "--to", folder, "--rounds", "2",
                         "--points", "2", "--turn", "0.01")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            results = json.loads((folder / "curves.json").read_text())
            self.assertEqual([one["curve"] for one in results["curves"]], [one.name for one in curve_measures.CURVES])
            for curve, wanted in zip(results["curves"], curve_measures.CURVES):
                ElementTree.parse(folder / f"curves-{curve['curve']}.svg")
                self.assertEqual([point["x"] for point in curve["points"]], list(wanted.points[:2]))
                for point in curve["points"]:
                    self.assertEqual(set(point["arms"]), set(wanted.arms))
                    values = [value for arm in point["arms"].values() for metric in arm.values() for value in metric]
                    self.assertTrue(values and all(value >= 0 for value in values))
                self.assertIn("| ", curve_page.curve_part(curve))

    def test_wrong_words(self):
        result = run("nothing")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "^curves: there is no curve nothing; there are tensor, .*\n$")
        result = run("--build", "/nonexistent", "--work", BUILD / "curves-test")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, "^curves: .*/wasinn does not run: build it with make\n$")


if __name__ == "__main__":
    if not (ROOT / "deps" / "zig" / "zig").exists() and not os.environ.get("WASINN_GUEST_CC"):
        print("skipped: no compiler for WebAssembly: python3 scripts/deps.py zig, or set WASINN_GUEST_CC")
        sys.exit(77)
    if not (BUILD / "bench" / "native_openvino").exists():
        print("skipped: the native program was not built: there was no libopenvino_c.so to link it with")
        sys.exit(77)
    unittest.main()
