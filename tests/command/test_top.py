"""`wasinn top`: the highest values of raw outputs, checked with numpy.

WASINN is the command, WASINN_FIXTURES models, WASINN_PYTHON a folder with numpy and Pillow.
"""

import json
import os
import pathlib
import random
import re
import resource
import shutil
import struct
import subprocess
import tempfile
import threading
import unittest

from test_tensor import NO_PILLOW
from test_view import FIXTURES, SIZES, TYPES, numbers, raw

if not NO_PILLOW:
    import numpy

BAR = re.compile(r" *([^ ]+(?: %)?) (█*)(·*) (.*)")


def top(*arguments, **options):
    return subprocess.run(
        [os.environ["WASINN"], "top", *map(str, arguments)], capture_output=True, timeout=120, **options
    )


def f32(*values):
    return struct.pack(f"={len(values)}f", *values)


@unittest.skipIf(NO_PILLOW, NO_PILLOW)
class TopTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def ranks(self, data, *options, nans=0):
        """What JSON says of values, in bytes."""
        result = top("-", "--json", *options, input=data)
        self.assertEqual((0, nans > 0), (result.returncode, bool(result.stderr)), result.stderr)
        ranks = json.loads(result.stdout)
        self.assertEqual(list(range(1, len(ranks) + 1)), [rank["rank"] for rank in ranks])
        for rank in ranks:
            self.assertEqual(["rank", "class", "label", "value"], list(rank))
        return ranks

    def classes(self, data, *options, **checks):
        return [rank["class"] for rank in self.ranks(data, *options, **checks)]

    def bars(self, data, *options):
        """Text, length of the bar, and name of each line."""
        result = top("-", *options, input=data)
        self.assertEqual(0, result.returncode, result.stderr)
        found = [BAR.fullmatch(line).groups() for line in result.stdout.decode().splitlines()]
        self.assertTrue(all(len(full) + len(empty) == 40 for _, full, empty, _ in found), found)
        return [(text, len(full), name) for text, full, _, name in found]

    def fails(self, code, words, *arguments, **options):
        result = top(*arguments, **options)
        lines = result.stderr.decode().splitlines(keepends=True)
        self.assertEqual((code, 1, b""), (result.returncode, len(lines), result.stdout), lines)
        self.assertTrue(lines[0].startswith("wasinn: ") and lines[0].endswith("\n"), lines)
        for word in words if isinstance(words, tuple) else (words,):
            self.assertIn(word, lines[0])


class Ranks(TopTest):
    def test_bars(self):
        data = f32(0.125, 0.5, 0.0625, 0.25, 0.0, 0.0625)
        bars = [("50.0 %", 20, "class 1"), ("25.0 %", 10, "class 3"), ("12.5 %", 5, "class 0")]
        bars += [("6.2 %", 3, "class 2"), ("6.2 %", 3, "class 5")]
        self.assertEqual(bars, self.bars(data))
        line = " 50.0 % " + 20 * "█" + 20 * "·" + " class 1\n"
        self.assertEqual(line, top("-", "--count", 1, input=data).stdout.decode())
        self.assertEqual([("100.0 %", 40, "class 0")], self.bars(f32(1)))

    def test_bars_of_scores(self):
        """Numbers as they are, and bars relative to the best."""
        bars = [("8", 40, "class 1"), ("4", 20, "class 0"), ("0.5", 3, "class 3"), ("-8", 0, "class 2")]
        self.assertEqual(bars, self.bars(f32(4, 8, -8, 0.5)))
        bars = [("-1", 40, "class 1"), ("-3", 20, "class 0"), ("-5", 0, "class 2"), ("-inf", 0, "class 3")]
        self.assertEqual(bars, self.bars(f32(-3, -1, -5, -numpy.inf)))
        bars = [("inf", 40, "class 1"), ("1e+30", 0, "class 0")]
        self.assertEqual(bars, self.bars(f32(1e30, numpy.inf)))
        self.assertEqual([("-3", 40, "class 0"), ("-3", 40, "class 1")], self.bars(f32(-3, -3)))
        most = 1.7976931348623157e308
        bars = [("-1", 40, "class 1"), (f"{-most / 2:.6g}", 20, "class 2"), (f"{-most:.6g}", 0, "class 0")]
        self.assertEqual(bars, self.bars(struct.pack("=3d", -most, -1, -most / 2), "--type", "f64"))
        lines = top("-", input=f32(100, 5.25, -7)).stdout.decode().splitlines()
        self.assertEqual(
            ["100 █", "5.25 █", "-7 ·"], [line.strip()[: line.strip().index(" ") + 2] for line in lines]
        )
        self.assertEqual(1, len({len(line) for line in lines}))

    def test_all_types(self):
        generator = numpy.random.default_rng(1)
        for type in TYPES:
            low = 0 if type[0] == "u" or type == "bool" else -100
            data = raw(
                numpy.rint(generator.uniform(low, 100, 50)) if type != "bool" else numpy.arange(50) % 3, type
            )
            values = numbers(data, type)
            expected = sorted(range(50), key=lambda i: (-values[i], i))
            with self.subTest(type=type):
                ranks = self.ranks(data, "--type", type, "--count", 50)
                self.assertEqual(expected, [rank["class"] for rank in ranks])
                self.assertEqual([values[i] for i in expected], [rank["value"] for rank in ranks])
                self.assertEqual({None}, {rank["label"] for rank in ranks})
                for count in (1, 2, 7, 49):
                    self.assertEqual(expected[:count], self.classes(data, "--type", type, "--count", count))

    def test_64_bits_are_exact(self):
        for type, values in (
            ("i64", [2**62, 2**62 + 1, -(2**63), 2**63 - 1]),
            ("u64", [2**64 - 2, 2**64 - 1, 0]),
        ):
            data = numpy.array(values, type[0] + "8").tobytes()
            expected = sorted(values, reverse=True)
            self.assertEqual(expected, [rank["value"] for rank in self.ranks(data, "--type", type)])
            self.assertEqual(
                [str(value) for value in expected], [bar[0] for bar in self.bars(data, "--type", type)]
            )

    def test_floats_keep_their_value(self):
        values = [0.1, 1e-45, 3.4028234663852886e38, 1 / 3]
        ranks = self.ranks(f32(*values))
        self.assertEqual(
            sorted(numpy.array(values, "f4").astype("f8"), reverse=True), [r["value"] for r in ranks]
        )

    def test_equal_values(self):
        self.assertEqual([0, 1, 2, 3, 4], self.classes(f32(*[0.5] * 100)))
        self.assertEqual([0, 1, 2], self.classes(f32(0.0, -0.0, 0.0)))
        data = f32(*([1, 2] * 50))
        self.assertEqual([*range(1, 100, 2), *range(0, 100, 2)], self.classes(data, "--count", 100))

    def test_count(self):
        generator = numpy.random.default_rng(2)
        values = generator.integers(0, 1000, 10000).astype("f4")
        expected = sorted(range(10000), key=lambda i: (-values[i], i))
        for count in (1, 5, 999, 9999, 10000, 10001, 67108864):
            self.assertEqual(expected[:count], self.classes(values.tobytes(), "--count", count))
        self.assertEqual(expected[:5], self.classes(values.tobytes()))
        self.assertEqual([0], self.classes(f32(7)))

    def test_nan(self):
        nan, inf = numpy.nan, numpy.inf
        data = f32(nan, 1, -inf, nan, 3, inf)
        self.assertEqual([5, 4, 1, 2], self.classes(data, nans=2))
        self.assertEqual([None, 3, 1, None], [rank["value"] for rank in self.ranks(data, nans=2)])
        for options in ((), ("--json",), ("--softmax",)):
            result = top("-", *options, input=data)
            self.assertEqual(
                (0, b"wasinn: stdin: 2 of 6 values are NaN, and left out\n"),
                (result.returncode, result.stderr),
            )
            self.fails(1, ("NaN", "each of 3"), "-", *options, input=f32(nan, nan, nan))
        self.assertEqual(["class 5", "class 4"], [bar[2] for bar in self.bars(data, "--count", 2)])

    def test_softmax(self):
        generator = numpy.random.default_rng(3)
        for type in ("f32", "f64", "f16", "i8", "i64"):
            data = raw(generator.uniform(-30, 30, 1000), type)
            values = numbers(data, type)
            powers = numpy.exp(values - values.max())
            expected = powers / powers.sum()
            ranks = self.ranks(data, "--type", type, "--softmax", "--count", 1000)
            order = sorted(range(1000), key=lambda i: (-values[i], i))
            self.assertEqual(order, [rank["class"] for rank in ranks])
            numpy.testing.assert_allclose([rank["value"] for rank in ranks], expected[order], rtol=1e-12)
            self.assertAlmostEqual(1, sum(rank["value"] for rank in ranks), places=12)

    def test_softmax_of_extremes(self):
        inf = numpy.inf
        cases = [([1e38, 1e38, -1e38], [0.5, 0.5, 0]), ([-1e38, -2e38], [1, 0]), ([0, 0, 0, 0], [0.25] * 4)]
        cases += [([inf, 1, inf], [0.5, 0.5, 0]), ([-inf, -inf], [0.5, 0.5]), ([-inf, 3], [1, 0]), ([5], [1])]
        for values, expected in cases:
            with self.subTest(values=values):
                self.assertEqual(expected, [rank["value"] for rank in self.ranks(f32(*values), "--softmax")])
        self.assertEqual(
            [("75.0 %", 30, "class 1"), ("25.0 %", 10, "class 0")],
            self.bars(struct.pack("=2d", 0, numpy.log(3)), "--type", "f64", "--softmax"),
        )


class Labels(TopTest):
    def setUp(self):
        super().setUp()
        self.labels = self.folder / "labels.txt"

    def named(self, text, values=(3, 1, 2)):
        self.labels.write_bytes(text)
        data = f32(*values)
        bars = [bar[2] for bar in self.bars(data, "--labels", self.labels)]
        return bars, [rank["label"] for rank in self.ranks(data, "--labels", self.labels)]

    def test_lines(self):
        for text in (
            b"a\nb b\nc\n",
            b"a\nb b\nc",
            b"a\r\nb b\r\nc\r\n",
            b"a\r\nb b\r\nc",
            b"\xef\xbb\xbfa\nb b\nc",
        ):
            self.assertEqual((["a", "c", "b b"],) * 2, self.named(text))
        self.assertEqual((["", "", "b"],) * 2, self.named(b"\nb\n\n"))
        self.assertEqual(([""],) * 2, self.named(b"\n", [1]))

    def test_unicode(self):
        names = ["Käse", "日本", "🧀"]
        self.assertEqual(([names[0], names[2], names[1]],) * 2, self.named("\n".join(names).encode()))

    def test_hostile(self):
        """Nothing reaches the terminal that could do something there."""
        text = b"\x1b[31mred\x07\n\xff\xfe\n\xe2\x80\xaeevil"
        bars, labels = self.named(text)
        self.assertEqual([r"\x1b[31mred\x07", r"\xe2\x80\xaeevil", r"\xff\xfe"], bars)
        self.assertEqual(["\x1b[31mred\x07", "\u202eevil", r"\xff\xfe"], labels)
        shown = top("-", "--json", "--labels", self.labels, input=f32(3, 1, 2)).stdout
        self.assertTrue(all(byte == 10 or 32 <= byte < 127 for byte in shown), shown)
        bars, labels = self.named(b"a\0b\nx\ty\n" + b"long" * 5000)
        self.assertEqual([r"a\x00b", "x y"], [bars[0], bars[2]])
        self.assertEqual(["a\0b", "long" * 5000, "x\ty"], labels)
        self.assertLess(len(bars[1]), 1100)

    def test_other_number_of_lines(self):
        for text, lines in ((b"", 0), (b"a", 1), (b"a\nb\n", 2), (b"a\nb\nc\n\n", 4), (b"a\nb\nc\nd", 4)):
            self.labels.write_bytes(text)
            words = (str(self.labels), f" {lines} lines, expected 3", "stdin")
            self.fails(1, words, "-", "--labels", self.labels, input=f32(3, 1, 2))

    def test_from_stdin(self):
        values = self.folder / "values"
        values.write_bytes(f32(1, 2))
        result = top(values, "--labels", "-", "--count", 1, input=b"a\nb")
        self.assertTrue(result.stdout.decode().endswith(" b\n"), result)
        self.fails(2, "only one", "-", "--labels", "-", input=b"")

    def test_not_readable(self):
        data = {"input": f32(1)}
        self.fails(1, ("none", "No such file"), "-", "--labels", self.folder / "none", **data)
        self.fails(1, ("folder",), "-", "--labels", self.folder, **data)
        self.fails(1, ("/dev/zero", "limit of 67108864"), "-", "--labels", "/dev/zero", **data)
        self.labels.write_bytes(b"")
        os.truncate(self.labels, 10 << 30)
        self.fails(1, (str(self.labels), "limit of 67108864"), "-", "--labels", self.labels, **data)


class Input(TopTest):
    def test_sizes(self):
        self.fails(1, ("stdin", "empty", "f32"), "-", input=b"")
        for type in TYPES:
            if SIZES[type] > 1:
                data = bytes(2 * SIZES[type] + 1)
                words = ("stdin", f"{len(data)} bytes", f"values of {type}, {SIZES[type]} bytes")
                self.fails(1, words, "-", "--type", type, input=data)

    def test_fixtures(self):
        for path in sorted(pathlib.Path(FIXTURES).iterdir()):
            if not path.is_file():
                continue
            data = path.read_bytes()
            with self.subTest(path=path.name):
                if not data:
                    self.fails(1, (str(path), "empty"), path)
                    continue
                ranks = json.loads(top(path, "--type", "u8", "--json", "--count", 3).stdout)
                expected = sorted(range(len(data)), key=lambda i: (-data[i], i))[:3]
                self.assertEqual(expected, [rank["class"] for rank in ranks])
                if len(data) % 4:
                    self.fails(1, (f"{len(data)} bytes", "f32"), path)

    def test_random_bytes(self):
        generator = random.Random(4)
        for type in TYPES:
            for options in ((), ("--json",), ("--softmax",)):
                data = generator.randbytes(60 * SIZES[type])
                result = top("-", "--type", type, "--count", 60, *options, input=data)
                self.assertEqual(0, result.returncode, result.stderr)
                nans = numpy.count_nonzero(numpy.isnan(numbers(data, type)))
                self.assertEqual(int(nans > 0), result.stderr.count(b"\n"))
                if options == ("--json",):
                    self.assertEqual(60 - nans, len(json.loads(result.stdout)))
                else:
                    self.assertEqual(60 - nans, result.stdout.count(b"\n"))

    def test_a_huge_file(self):
        path = self.folder / "huge"
        path.touch()
        os.truncate(path, 10 << 30)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        for type in ("f32", "u8", "f64"):
            self.fails(1, (str(path), f"limit of {SIZES[type] << 26}"), path, "--type", type)
            with path.open("rb") as file:
                self.fails(1, ("stdin", f"limit of {SIZES[type] << 26}"), "-", "--type", type, stdin=file)
        # Kibibytes: it was not read.
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, max(before, 200 << 10))

    def test_the_largest(self):
        path = self.folder / "largest"
        path.write_bytes(b"\0\1")
        os.truncate(path, 64 << 20)
        result = top(path, "--type", "u8", "--count", 2, "--json")
        self.assertEqual([1, 0], [rank["class"] for rank in json.loads(result.stdout)])
        os.truncate(path, (64 << 20) + 1)
        self.fails(1, "limit of 67108864", path, "--type", "u8")

    def test_not_a_file_of_values(self):
        self.fails(1, (str(self.folder), "folder"), self.folder)
        self.fails(1, ("none", "No such file"), self.folder / "none")
        self.fails(1, ("/dev/null", "empty"), "/dev/null")
        self.fails(1, ("/dev/zero", "limit of 67108864"), "/dev/zero", "--type", "u8")
        self.fails(1, ("\\x1b", "No such file"), "no\x1bfile")

    def test_pipes(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for given, code in ((f32(1, 2, 3), 0), (f32(1, 2, 3)[:-1], 1), (b"", 1), (bytes(4 * 99999), 0)):
            writer = threading.Thread(target=pipe.write_bytes, args=(given,))
            writer.start()
            result = top(pipe)
            writer.join()
            self.assertEqual((code, code), (result.returncode, result.stderr.count(b"\n")), result.stderr)

    def test_a_file_that_shrinks_or_vanishes(self):
        path = self.folder / "values"
        done = threading.Event()

        def disturb():
            generator = random.Random(6)
            while not done.is_set():
                with path.open("wb") as file:
                    file.truncate(1 << 22)
                    file.truncate(generator.choice((1 << 21, 3, 0)))
                if generator.random() < 0.5:
                    path.unlink()

        thread = threading.Thread(target=disturb)
        thread.start()
        try:
            for _ in range(40):
                result = top(path)
                lines = result.stderr.count(b"\n")
                self.assertIn((result.returncode, lines), ((0, 0), (1, 1)), result.stderr)
        finally:
            done.set()
            thread.join()

    def test_no_rights(self):
        secret = self.folder / "secret"
        secret.write_bytes(f32(1))
        secret.chmod(0)
        self.folder.chmod(0o755)
        options = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        try:
            self.fails(1, (str(secret), "Permission denied"), secret, **options)
        except PermissionError:
            self.skipTest("the command cannot be run by the user nobody, and root has all rights")

    def test_stdout_is_full(self):
        for options in ((), ("--json",), ("--count", "20000"), ("--help",)):
            with open("/dev/full", "wb") as full:
                result = subprocess.run(
                    [os.environ["WASINN"], "top", "-", *options],
                    input=bytes(80000),
                    stdout=full,
                    stderr=subprocess.PIPE,
                )
            self.assertEqual((1, 1), (result.returncode, result.stderr.count(b"\n")), result.stderr)
            self.assertIn(b"No space", result.stderr)


class Usage(TopTest):
    def test_help_shows_what_works(self):
        result = top("--help")
        self.assertEqual((0, b""), (result.returncode, result.stderr))
        text = result.stdout.decode()
        examples = [line.strip() for line in text.splitlines() if line.startswith("  wasinn top ")]
        self.assertEqual(2, len(examples))
        (self.folder / "output.f32").write_bytes(f32(0.5, 0.25))
        (self.folder / "labels.txt").write_bytes(b"one\ntwo\n")
        (self.folder / "scores.f16").write_bytes(raw([1, 5, 3, 2], "f16"))
        for example in examples:
            command = example.replace("wasinn", f"'{os.environ['WASINN']}'", 1)
            result = subprocess.run(command, shell=True, cwd=self.folder, capture_output=True)
            self.assertEqual((0, b""), (result.returncode, result.stderr), example)
            self.assertTrue(result.stdout)
        self.assertEqual(text, top("-h").stdout.decode())
        whole = subprocess.run([os.environ["WASINN"], "help", "top"], capture_output=True)
        self.assertEqual((0, text), (whole.returncode, whole.stdout.decode()))
        main = subprocess.run([os.environ["WASINN"], "--help"], capture_output=True).stdout
        self.assertIn(b"wasinn top IN", main)

    def test_wrong(self):
        for value in ("0", "-1", "x", "", "1.5", "5 ", "+5", " 5", "67108865", "99999999999999999999", "0x5"):
            self.fails(2, (f"--count {value}", "1 to 67108864"), "in", f"--count={value}")
        for value in ("other", "F32", "", "f8"):
            self.fails(2, ("--type", "f32"), "in", "--type", value)
        self.fails(2, "expected IN")
        self.fails(2, "second", "in", "second")
        self.fails(2, "--unknown", "in", "--unknown")
        self.fails(2, "-u", "in", "-u")
        self.fails(2, "--labels", "in", "--labels")
        self.fails(2, "--json=1", "in", "--json=1")
        self.fails(2, "\\x1b", "in", "--\x1b[31m")


if __name__ == "__main__":
    unittest.main(verbosity=2)
