"""`wasinn tensor --as ...`: tensors that become pictures again, checked with numpy and Pillow.

WASINN is the command, WASINN_PHOTOGRAPHS a folder of photographs, WASINN_FIXTURES models, WASINN_PYTHON a folder with
numpy and Pillow.
"""

import io
import itertools
import os
import pathlib
import random
import resource
import struct
import subprocess
import threading
import unittest

from test_tensor import NO_PILLOW, PHOTOGRAPHS, RGB, TensorTest, chunk, exif, jpeg, png, wasinn

if not NO_PILLOW:
    import numpy
    from PIL import Image

FIXTURES = os.environ.get("WASINN_FIXTURES")
TYPES = "f16 f32 f64 bf16 u8 i32 i64 i8 u16 i16 u32 u64 bool".split()
SIZES = {"f16": 2, "f32": 4, "f64": 8, "bf16": 2, "bool": 1}
SIZES.update({kind + bits: int(bits) // 8 for kind in "iu" for bits in ("8", "16", "32", "64")})
NAN, WHITE, BLACK = (220, 50, 47), (255, 255, 255), (0, 0, 0)
# Viridis, each fifteenth of 256.
VIRIDIS = [
    (68, 1, 84),
    (72, 23, 105),
    (71, 42, 122),
    (67, 61, 132),
    (61, 78, 138),
    (53, 94, 141),
    (46, 109, 142),
]
VIRIDIS += [(41, 123, 142), (35, 137, 142), (31, 151, 139), (33, 165, 133), (46, 179, 124), (70, 192, 111)]
VIRIDIS += [(101, 203, 94), (137, 213, 72), (176, 221, 47), (216, 226, 25), (253, 231, 37)]
MIDDLE = (33, 144, 141)
# Okabe and Ito's.
CLASSES = [BLACK, (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0)]
CLASSES += [(204, 121, 167)]


def raw(values, type):
    """An array as raw elements of a type."""
    values = numpy.asarray(values)
    if type == "bf16":
        # The nearest, halves to even; numbers that fit f32.
        bits = values.astype("f4").view("u4").astype("u8")
        kept = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
        return numpy.where(numpy.isnan(values), 0x7FC0, kept).astype("u2").tobytes()
    if type == "bool":
        return (values != 0).tobytes()
    name = type[0] + str(SIZES[type])
    with numpy.errstate(over="ignore"):
        return values.astype(name).tobytes()


def numbers(data, type):
    """Raw elements as f64."""
    if type == "bf16":
        with numpy.errstate(invalid="ignore"):
            return (numpy.frombuffer(data, "u2").astype("u4") << 16).view("f4").astype("f8")
    if type == "bool":
        return numpy.frombuffer(data, "u1").astype("f8")
    with numpy.errstate(invalid="ignore"):
        return numpy.frombuffer(data, type[0] + str(SIZES[type])).astype("f8")


def scale_colours(places):
    """The colours at places from 0 to 1."""
    at = numpy.clip(places, 0, 1) * 17
    step = numpy.minimum(at.astype(int), 16)
    table = numpy.array(VIRIDIS, "f8")
    share = (at - step)[..., None]
    return numpy.floor(table[step] + (table[step + 1] - table[step]) * share + 0.5)


def lab(colour):
    """OKLab."""
    r, g, b = (v / 3294.6 if v <= 10.31475 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour)
    m = [0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b]
    m += [0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b]
    m += [0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b]
    long, medium, short = (max(v, 0) ** (1 / 3) for v in m)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def apart(one, other):
    return sum((a - b) ** 2 for a, b in zip(lab(one), lab(other))) ** 0.5


def flat(width, height, value):
    """A PNG of one grey."""
    file = io.BytesIO()
    Image.new("L", (width, height), value).save(file, "PNG")
    return file.getvalue()


@unittest.skipIf(NO_PILLOW, NO_PILLOW)
class ViewTest(TensorTest):
    def view(self, data, kind, shape, *options, told=None):
        """The pixels of the picture that a tensor, in bytes, becomes."""
        options += ("--verbose",) if told is not None else ()
        result = wasinn("-", "-", "--as", kind, "--shape", shape, *options, input=data)
        self.assertEqual(0, result.returncode, result.stderr)
        lines = result.stderr.decode().splitlines()
        self.assertEqual([] if told is None else told, lines[1:])
        with Image.open(io.BytesIO(result.stdout)) as picture:
            self.assertEqual("PNG", picture.format)
            self.assertIn(picture.mode, ("L", "RGB"))
            if told is not None:
                begin = f"stdout: PNG, {picture.width}x{picture.height} pixels, of "
                self.assertEqual(begin, lines[0][: len(begin)])
            return numpy.asarray(picture).astype("f8")

    def shows(self, expected, *arguments, **options):
        found = self.view(*arguments, **options)
        numpy.testing.assert_array_equal(found, numpy.asarray(expected, "f8"))

    def view_fails(self, words, data, kind, shape, *options):
        self.fails(1, words, "-", "-", "--as", kind, "--shape", shape, *options, input=data)


class Pictures(ViewTest):
    def test_layouts_and_orders(self):
        planes = bytes([1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12])
        pixels = bytes(range(1, 13))
        colours = numpy.arange(1, 13).reshape(2, 2, 3)
        u8 = ("--type", "u8")
        self.shows(colours, planes, "picture", "1x3x2x2", *u8)
        self.shows(colours, planes, "picture", "3,2,2", *u8)
        self.shows(colours, pixels, "picture", "1x2x2x3", *u8, "--layout", "nhwc")
        self.shows(colours, pixels, "picture", "2x2x3", *u8, "--layout", "nhwc")
        self.shows(colours[:, :, ::-1], planes, "picture", "1x3x2x2", *u8, "--order", "bgr")
        self.shows(
            colours[:, :, ::-1], pixels, "picture", "1x2x2x3", *u8, "--layout", "nhwc", "--order", "bgr"
        )
        grey = numpy.arange(1, 13).reshape(3, 4)
        self.shows(grey, pixels, "picture", "1x1x3x4", *u8)
        self.shows(grey, pixels, "picture", "1x3x4x1", *u8, "--layout", "nhwc", "--order", "grey")

    def test_all_types(self):
        generator = numpy.random.default_rng(1)
        for type, (channels, scale, mean) in itertools.product(
            TYPES, ((1, 1, 0), (3, 2, 100), (3, -0.5, 3.25), (1, 58.395, 123.675))
        ):
            with self.subTest(type=type, channels=channels, scale=scale, mean=mean):
                low = 0 if type[0] in "ub" and type != "bf16" else -120
                data = raw(generator.uniform(low, 120, (channels, 9, 7)), type)
                expected = numpy.rint(numbers(data, type) * scale + mean).clip(0, 255)
                expected = expected.reshape(channels, 9, 7).transpose(1, 2, 0)
                options = ("--type", type, "--scale", scale, "--mean", mean)
                self.shows(
                    expected if channels == 3 else expected[:, :, 0],
                    data,
                    "picture",
                    f"1x{channels}x9x7",
                    *options,
                )

    def test_mean_and_scale_of_each_channel(self):
        data = raw([1, 2, 3], "f32")
        options = ("--mean", "10,20,30", "--scale", "1,10,50")
        self.shows([[[11, 40, 180]]], data, "picture", "1x3x1x1", *options)
        self.shows([[[180, 40, 11]]], data, "picture", "1x3x1x1", *options, "--order", "bgr")

    def test_numbers_outside(self):
        values = [-1, -0.5, 0.5, 1.5, 255.5, 256, -numpy.inf, numpy.inf, numpy.nan, 7]
        told = ["5 of 10 numbers were outside 0 to 255", "1 of 10 numbers were NaN"]
        self.shows(
            [[0, 0, 0, 2, 255, 255, 0, 255, 0, 7]], raw(values, "f32"), "picture", "1x1x1x10", told=told
        )
        self.shows([[3]], raw([3], "f32"), "picture", "1x1x1x1", told=[])

    @unittest.skipIf(not PHOTOGRAPHS, "WASINN_PHOTOGRAPHS is not set")
    def test_photographs_come_back(self):
        """Exactly from floats, within a level from bf16; from integers where scaling leaves them."""
        normalised = ("--mean", "123.675,116.28,103.53", "--scale", "58.395,57.12,57.375")
        one = ("--mean", 127, "--scale", 128)
        cases = [(type, scaling, 0) for type in ("f64", "f32", "f16") for scaling in ((), one, normalised)]
        cases += [("bf16", (), 0), ("bf16", one, 0), ("bf16", normalised, 0), ("bf16", ("--scale", 200), 1)]
        cases += [(type, (), 0) for type in ("u8", "i32", "i64")]
        layouts = itertools.cycle(itertools.product(("nchw", "nhwc"), ("rgb", "bgr")))
        for path in sorted(pathlib.Path(PHOTOGRAPHS).glob("*.[jp][pn]g")):
            with Image.open(path) as photograph:
                mode = photograph.mode
                pixels = numpy.asarray(photograph).astype("f8")
            # Pillow cuts 16 bits to 8.
            if mode not in ("L", "RGB") or (path.suffix == ".png" and path.read_bytes()[24] == 16):
                continue
            for type, scaling, most in cases:
                layout, order = next(layouts)
                channels = 3 if mode == "RGB" else 1
                if channels == 1 and scaling == normalised:
                    continue
                height, width = pixels.shape[:2]
                shape = (
                    f"1x{channels}x{height}x{width}" if layout == "nchw" else f"1x{height}x{width}x{channels}"
                )
                options = ("--type", type, "--layout", layout, *scaling)
                options += ("--order", order) if channels == 3 else ()
                with self.subTest(path=path.name, options=options):
                    tensor = wasinn(path, "-", "--shape", shape, *options).stdout
                    self.assertEqual(width * height * channels * SIZES[type], len(tensor))
                    back = self.view(tensor, "picture", shape, *options)
                    self.assertLessEqual(abs(back - pixels).max(), most)


class Maps(ViewTest):
    def test_colours(self):
        places = numpy.arange(18)
        self.shows([VIRIDIS], raw(places, "u8"), "map", "1x18", "--type", "u8")
        between = numpy.linspace(-3, 9, 1000).reshape(25, 40)
        self.shows(scale_colours((between + 3) / 12), raw(between, "f64"), "map", "25x40", "--type", "f64")

    def test_scale_is_ordered_for_every_eye(self):
        """Lightness rises all along, which is seen without red or green cones too."""
        row = self.view(raw(numpy.arange(256), "u8"), "map", "1x256", "--type", "u8")[0]
        lightness = [lab(colour)[0] for colour in row]
        # Rounding to whole levels costs a little.
        self.assertGreater(numpy.diff(lightness).min(), -0.001)
        self.assertGreater(lightness[-1] - lightness[0], 0.5)
        steps = numpy.diff(lightness[:: 255 // 10])
        self.assertGreater(steps.min(), 0.02)

    def test_shapes_and_types(self):
        expected = scale_colours(numpy.array([[0, 0.25, 0.5], [0.75, 1, 0]]))
        values = [[0, 25, 50], [75, 100, 0]]
        shapes = [("2x3",), ("1x2x3",), ("1x1x2x3",), ("1,2,3,1",), ("2x3x1",)]
        shapes += [
            ("1x2x3x1", "--layout", "nhwc"),
            ("2x3", "--layout", "nhwc"),
            ("1x1x2x3", "--layout", "nchw"),
        ]
        for type, (shape, *layout) in itertools.product(TYPES, shapes):
            with self.subTest(type=type, shape=shape):
                if type == "bool":
                    expected_bool = numpy.array(
                        [[VIRIDIS[0], *VIRIDIS[-1:] * 2], [*VIRIDIS[-1:] * 2, VIRIDIS[0]]]
                    )
                    self.shows(expected_bool, raw(values, type), "map", shape, "--type", type, *layout)
                else:
                    self.shows(expected, raw(values, type), "map", shape, "--type", type, *layout)

    def test_signs_and_extremes(self):
        for type in TYPES:
            if type[0] == "i":
                low, high = -(2 ** (8 * SIZES[type] - 1)), 2 ** (8 * SIZES[type] - 1) - 1
            elif type[0] == "u":
                low, high = 0, 2 ** (8 * SIZES[type]) - 1
            else:
                continue
            data = numpy.array([low, high], type[0] + str(SIZES[type])).tobytes()
            told = [f"{name} from {float(low):.9g} to {float(high):.9g}" for name in ("numbers", "colours")]
            self.shows([[VIRIDIS[0], VIRIDIS[-1]]], data, "map", "1x2", "--type", type, told=told)

    def test_what_is_not_finite(self):
        values = raw([numpy.nan, 1, numpy.inf, 3, -numpy.inf, -numpy.nan], "f32")
        told = [
            "numbers from 1 to 3",
            "colours from 1 to 3",
            "NaN (red): 2",
            "inf (white): 1",
            "-inf (black): 1",
        ]
        expected = [[NAN, VIRIDIS[0], WHITE, VIRIDIS[-1], BLACK, NAN]]
        self.shows(expected, values, "map", "1x6", told=told)
        for type in ("f16", "bf16", "f64"):
            values = raw([numpy.nan, 1, numpy.inf, 3, -numpy.inf, numpy.nan], type)
            self.shows(expected, values, "map", "1x6", "--type", type)
        told = ["no finite number", "NaN (red): 1", "inf (white): 1"]
        self.shows([[NAN, WHITE]], raw([numpy.nan, numpy.inf], "f32"), "map", "1x2", told=told)

    def test_small_floats(self):
        """Every f16 and bf16 is read as what it is."""
        bits = numpy.arange(65536, dtype="u2")
        for type in ("f16", "bf16"):
            values = (
                numpy.frombuffer(bits.tobytes(), "f2").astype("f8")
                if type == "f16"
                else numbers(bits, "bf16")
            )
            finite = values[numpy.isfinite(values)]
            for low, high in ((finite.min(), finite.max()), (-1e-5, 1e-5), (-3, 2)):
                with numpy.errstate(all="ignore"):
                    places = (values / 4 - low / 4) / (high / 4 - low / 4)
                expected = scale_colours(numpy.nan_to_num(places))
                expected[numpy.isnan(values)] = NAN
                expected[values == numpy.inf] = WHITE
                expected[values == -numpy.inf] = BLACK
                options = ("--type", type, "--range", f"{float(low)!r},{float(high)!r}")
                self.shows(expected.reshape(256, 256, 3), bits.tobytes(), "map", "256x256", *options)

    def test_constant(self):
        told = ["numbers from 5 to 5", "colours from 5 to 5"]
        self.shows([[MIDDLE] * 3] * 2, raw([5] * 6, "f32"), "map", "2x3", told=told)
        self.shows([[MIDDLE]], raw([0], "f32"), "map", "1x1")

    def test_range(self):
        values = raw([-5, 0, 1, 2, 9, numpy.inf], "f32")
        told = ["numbers from -5 to 9", "colours from 0 to 2", "inf (white): 1"]
        low, high = VIRIDIS[0], VIRIDIS[-1]
        expected = [[low, low, MIDDLE, high, high, WHITE]]
        self.shows(expected, values, "map", "1x6", "--range", "0,2", told=told)
        self.shows([[MIDDLE]], raw([-1], "f32"), "map", "1x1", "--range", "-2,0")

    def test_wide_and_narrow_ranges(self):
        most, least = 1.7976931348623157e308, 5e-324
        for values in (
            [-most, 0, most],
            [0, least, 2 * least],
            [-2 * least, 0, 2 * least],
            [1e300, 2e300, 3e300],
        ):
            self.shows([[VIRIDIS[0], MIDDLE, VIRIDIS[-1]]], raw(values, "f64"), "map", "1x3", "--type", "f64")


class Classes(ViewTest):
    def test_numbers_in_all_shapes_and_types(self):
        values = [[0, 1, 2], [7, 5, 1]]
        expected = [[CLASSES[value] for value in row] for row in values]
        expected_bool = [[CLASSES[value > 0] for value in row] for row in values]
        shapes = [("2x3",), ("1x2x3",), ("1x1x2x3",), ("1x2x3x1",), ("2x3x1",)]
        shapes += [("1x2x3", "--layout", "nhwc"), ("1x2x3x1", "--layout", "nhwc")]
        for type, (shape, *layout) in itertools.product(TYPES, shapes):
            with self.subTest(type=type, shape=shape):
                wanted = expected_bool if type == "bool" else expected
                self.shows(wanted, raw(values, type), "classes", shape, "--type", type, *layout)

    def test_scores_in_all_shapes_and_types(self):
        generator = numpy.random.default_rng(2)
        scores = generator.integers(0, 100, (8, 5, 6))
        for type in TYPES:
            kept = scores > 50 if type == "bool" else scores
            best = numpy.argmax(kept, 0)
            expected = numpy.array(CLASSES)[best]
            planes, together = raw(kept, type), raw(kept.transpose(1, 2, 0), type)
            with self.subTest(type=type):
                self.shows(expected, planes, "classes", "8x5x6", "--type", type)
                self.shows(expected, planes, "classes", "1x8x5x6", "--type", type, "--layout", "nchw")
                self.shows(expected, together, "classes", "1x5x6x8", "--type", type, "--layout", "nhwc")
                self.shows(expected, together, "classes", "5x6x8", "--type", type, "--layout", "nhwc")

    def test_a_named_layout_is_believed(self):
        """A picture of one column or row may have scores."""
        column = raw([[[0], [9]], [[5], [0]], [[1], [1]]], "f32")
        self.shows([[CLASSES[1]], [CLASSES[0]]], column, "classes", "1x3x2x1", "--layout", "nchw")
        row = raw([[[0, 5, 1], [9, 0, 1]]], "f32")
        self.shows([[CLASSES[1], CLASSES[0]]], row, "classes", "1x1x2x3", "--layout", "nhwc")

    def test_equal_scores_and_nan(self):
        nan, inf = numpy.nan, numpy.inf
        scores = [
            [nan, nan, nan, -inf, 2, 0, nan],
            [nan, -inf, 1, -inf, 2, -0.0, inf],
            [nan, nan, 3, nan, 2, 0, inf],
        ]
        best = [NAN, CLASSES[1], CLASSES[2], CLASSES[0], CLASSES[0], CLASSES[0], CLASSES[1]]
        told = ["class 0: 42.86 %", "class 1: 28.57 %", "class 2: 14.29 %", "NaN (red): 14.29 %"]
        for type in ("f32", "f64", "f16", "bf16"):
            self.shows([best], raw(scores, type), "classes", "1x3x1x7", "--type", type, told=told)

    def test_scores_of_64_bits_are_compared_exactly(self):
        for type, numbers_of in (
            ("i64", (2**62, 2**62 + 1)),
            ("u64", (2**64 - 2, 2**64 - 1)),
            ("i64", (-2, -1)),
        ):
            low, high = numbers_of
            data = numpy.array([[low, high, low], [high, low, low]], type[0] + "8").tobytes()
            self.shows([[CLASSES[1], BLACK, BLACK]], data, "classes", "2x1x3", "--type", type)

    def test_colours_can_be_told_apart(self):
        row = self.view(raw(numpy.arange(300), "u16"), "classes", "1x300", "--type", "u16")[0]
        colours = [tuple(map(int, colour)) for colour in row]
        self.assertEqual(CLASSES, colours[:8])
        self.assertEqual(256, len(set(colours[:256])))
        self.assertEqual(colours[1:45], colours[256:])
        pairs = {
            count: min(itertools.starmap(apart, itertools.combinations(colours[:count], 2)))
            for count in (8, 21, 81)
        }
        for count, least in ((8, 0.13), (21, 0.1), (81, 0.05)):
            self.assertGreater(pairs[count], least, count)
        self.assertGreater(min(lab(colour)[0] for colour in colours[1:]), 0.35)
        self.assertEqual(
            colours,
            [
                tuple(map(int, c))
                for c in self.view(raw(range(300), "i32"), "classes", "1x300", "--type", "i32")[0]
            ],
        )

    def test_shares(self):
        values = raw([0] * 5 + [3] * 2 + [65535], "i64")
        told = ["class 0: 62.50 %", "class 3: 25.00 %", "class 65535: 12.50 %"]
        self.view(values, "classes", "2x4", "--type", "i64", told=told)

    def test_not_a_class(self):
        wrong = [
            (0.5, "f32"),
            (-1, "i32"),
            (65536, "u32"),
            (numpy.nan, "f64"),
            (numpy.inf, "f16"),
            (-1, "i8"),
        ]
        wrong += [(2**63, "u64"), (-0.25, "bf16")]
        for value, type in wrong:
            words = ("stdin", f"{value:.9g}", "row 1, column 2", "whole", "65535")
            with self.subTest(value=value, type=type):
                self.view_fails(words, raw([1, 1, 1, 1, 1, value], type), "classes", "2x3", "--type", type)


class Over(ViewTest):
    """Laid over a picture."""

    def setUp(self):
        super().setUp()
        self.photo = self.folder / "photo"

    def write(self, data):
        self.photo.write_bytes(data)

    def test_sizes(self):
        """As many pixels a cell as do not enlarge the picture."""
        cases = [
            ((64, 48), "4x4", (), 12),
            ((64, 48), "4x8", (), 8),
            ((64, 48), "4x8", ("--fit", "stretch"), 8),
        ]
        cases += [((63, 47), "4x4", (), 11), ((63, 47), "4x4", ("--fit", "crop", "--resize", 5), 9)]
        cases += [
            ((3, 3), "4x4", (), 1),
            ((64, 48), "4x4", ("--resize", 48), 1),
            ((64, 48), "4x4", ("--resize", 24), 2),
        ]
        cases += [((64, 48), "48x64", (), 1), ((9000, 30), "1x300", (), 13), ((5000, 3), "3x3", (), 1)]
        cases += [((5000, 5), "1x1", ("--fit", "stretch"), 5)]
        for (width, height), shape, options, zoom in cases:
            self.write(flat(width, height, 9))
            rows, columns = map(int, shape.split("x"))
            with self.subTest(width=width, height=height, shape=shape, options=options):
                data = bytes(rows * columns)
                found = self.view(data, "classes", shape, "--type", "u8", "--over", self.photo, *options)
                self.assertEqual((rows * zoom, columns * zoom, 3), found.shape)
                self.assertTrue((found == 9).all())

    def test_limit(self):
        self.write(flat(4999, 4999, 9))
        found = self.view(b"\1\0\0\0\0\0", "map", "2x3", "--type", "u8", "--over", self.photo, "--opacity", 0)
        self.assertEqual((2 * 1365, 3 * 1365, 3), found.shape)

    def test_opacity(self):
        self.write(png([[(10, 20, 31)] * 2], RGB))
        laid = ("classes", "1x2", "--type", "u8", "--over", self.photo)
        under = numpy.array([10, 20, 31], "f8")
        for options, share in (
            ((), 0.5),
            (("--opacity", 0), 0),
            (("--opacity", 1), 1),
            (("--opacity", "0.3"), 0.3),
        ):
            colour = numpy.floor(numpy.array(CLASSES[2]) * share + under * (1 - share) + 0.5)
            self.shows([[under, colour]], b"\0\2", *laid, *options)
            colour = numpy.floor(numpy.array([VIRIDIS[0], NAN]) * share + under * (1 - share) + 0.5)
            values = raw([1, numpy.nan], "f32")
            self.shows([colour], values, "map", "1x2", "--range", "1,2", "--over", self.photo, *options)
        both_nan = raw([[numpy.nan, 1], [numpy.nan, 2]], "f32")
        colour = numpy.floor(numpy.array(NAN) * 0.5 + under * 0.5 + 0.5)
        mixed = numpy.floor(numpy.array(CLASSES[1]) * 0.5 + under * 0.5 + 0.5)
        self.shows([[colour, mixed]], both_nan, "classes", "2x1x2", "--over", self.photo)

    def test_classes_are_whole_cells(self):
        self.write(png([[100] * 30] * 20))
        values = numpy.array([[0, 1, 2], [3, 4, 0]])
        colours = numpy.array(CLASSES, "f8")[values]
        expected = numpy.floor(colours * 0.5 + 50 + 0.5)
        expected[values == 0] = 100
        expected = expected.repeat(10, 0).repeat(10, 1)
        self.shows(expected, raw(values, "u8"), "classes", "2x3", "--type", "u8", "--over", self.photo)

    def test_maps_are_interpolated(self):
        generator = numpy.random.default_rng(3)
        for rows, columns, zoom in ((3, 4, 8), (1, 5, 7), (6, 1, 5), (1, 1, 9)):
            self.write(flat(columns * zoom, rows * zoom, 0))
            values = generator.uniform(-3, 8, (rows, columns))
            data = raw(values, "f64")
            at = [numpy.clip((numpy.arange(n * zoom) + 0.5) / zoom - 0.5, 0, n - 1) for n in (rows, columns)]
            low = [a.astype(int) for a in at]
            high = [numpy.minimum(a + 1, n - 1) for a, n in zip(low, (rows, columns))]
            y, x = (a - b for a, b in zip(at, low))
            top = values[low[0]][:, low[1]] * (1 - x) + values[low[0]][:, high[1]] * x
            bottom = values[high[0]][:, low[1]] * (1 - x) + values[high[0]][:, high[1]] * x
            between = top * (1 - y)[:, None] + bottom * y[:, None]
            least, most = (values.min(), values.max()) if values.size > 1 else (-5, 9)
            options = (
                "--type",
                "f64",
                "--over",
                self.photo,
                "--opacity",
                1,
                "--range",
                f"{least:.17g},{most:.17g}",
            )
            found = self.view(data, "map", f"{rows}x{columns}", *options)
            # A sum in another order may fall on the other side of a half.
            difference = abs(found - scale_colours((between - least) / (most - least)))
            self.assertLessEqual(difference.max(), 1)
            self.assertLess(numpy.count_nonzero(difference), 3)

    def test_what_is_not_finite_stays_in_its_cells(self):
        self.write(png([[0] * 40] * 40))
        values = numpy.ones((4, 4))
        values[1, 1], values[2, 3], values[0, 3] = numpy.nan, numpy.inf, -numpy.inf
        expected = numpy.full((4, 4, 3), MIDDLE)
        expected[1, 1], expected[2, 3], expected[0, 3] = NAN, WHITE, BLACK
        expected = expected.repeat(10, 0).repeat(10, 1)
        options = ("--over", self.photo, "--opacity", 1)
        self.shows(expected, raw(values, "f32"), "map", "1x1x4x4", *options)

    def test_framed_as_for_the_model(self):
        """With one pixel a cell, what is under the cells is what the model's tensor has."""
        rows = [[(7 * x % 256, 11 * y % 256, (x + y) % 256) for x in range(61)] for y in range(45)]
        pictures = [png(rows, RGB)]
        pictures += [png(rows, RGB, before=chunk(b"eXIf", exif(orientation))) for orientation in (3, 6, 8)]
        pictures += [jpeg([[(10, 20, 200), (90, 5, 60)], [(0, 255, 7), (33, 44, 55)]] * 3, exif(5))]
        pictures += [png([[257 * (x + y) for x in range(50)] for y in range(50)], depth=16)]
        for data, options in itertools.product(
            pictures, (("--fit", "crop"), ("--fit", "stretch"), ("--resize", 44), ("--resize", 90))
        ):
            self.write(data)
            shape = "33x41" if "--resize" in options else "45x37"
            tensor = wasinn(self.photo, "-", "--shape", f"1x{shape}x3", "--layout", "nhwc", *options).stdout
            height, width = map(int, shape.split("x"))
            expected = numpy.floor(numbers(tensor, "f32").reshape(height, width, 3) + 0.5)
            for kind in ("map", "classes"):
                under = ("--over", self.photo, "--opacity", 0, *options)
                with self.subTest(options=options, kind=kind):
                    self.shows(expected, bytes(height * width), kind, shape, "--type", "u8", *under)

    @unittest.skipIf(not PHOTOGRAPHS, "WASINN_PHOTOGRAPHS is not set")
    def test_photographs(self):
        """Several pixels a cell: the cut is the one of the model's tensor, to the pixel, against Pillow."""
        for name, (height, width), shorter in itertools.product(
            ("chelsea.png", "coffee.png", "rocket.jpg"), ((14, 14), (27, 40), (40, 33)), (None, 47)
        ):
            path = pathlib.Path(PHOTOGRAPHS) / name
            with Image.open(path) as photograph:
                photograph = photograph.convert("RGB")
            size = photograph.size
            scale = shorter / min(size) if shorter else max(width / size[0], height / size[1])
            zoom = min(size) // shorter if shorter else min(size[0] // width, size[1] // height)
            self.assertGreater(zoom, 4)
            resized = (round(size[0] * scale), round(size[1] * scale))
            left, top = (resized[0] - width) // 2, (resized[1] - height) // 2
            enlarged = photograph.resize((resized[0] * zoom, resized[1] * zoom), Image.Resampling.BICUBIC)
            box = (left * zoom, top * zoom, (left + width) * zoom, (top + height) * zoom)
            under = numpy.asarray(enlarged.crop(box)).astype("f8")
            generator = numpy.random.default_rng(4)
            classes = generator.integers(0, 8, (height, width))
            colours = numpy.array(CLASSES, "f8")[classes].repeat(zoom, 0).repeat(zoom, 1)
            share = numpy.where(classes > 0, 0.4, 0.0).repeat(zoom, 0).repeat(zoom, 1)[:, :, None]
            expected = numpy.floor(colours * share + under * (1 - share) + 0.5)
            options = ("--opacity", "0.4", "--type", "u8") + (("--resize", shorter) if shorter else ())
            with self.subTest(name=name, height=height, shorter=shorter):
                found = self.view(
                    raw(classes, "u8"), "classes", f"{height}x{width}", "--over", path, *options
                )
                self.assertEqual(expected.shape, found.shape)
                difference = abs(found - expected)
                self.assertLessEqual(difference.max(), 2)
                self.assertLess(difference.mean(), 0.01)

    def test_photograph_from_stdin(self):
        values = self.folder / "values"
        values.write_bytes(b"\0\0")
        out = self.folder / "out.png"
        arguments = (values, out, "--as", "classes", "--shape", "1x2", "--type", "u8", "--over", "-")
        self.assertEqual(0, wasinn(*arguments, input=png([[4, 5]])).returncode)
        with Image.open(out) as picture:
            self.assertEqual([(4, 4, 4), (5, 5, 5)], [picture.getpixel((x, 0)) for x in (0, 1)])

    def test_bad_photographs(self):
        for data, words in ((b"", "empty"), (b"text", "JPEG or PNG"), (png([[1, 2]])[:-20], "PNG")):
            self.write(data)
            out = self.folder / "out.png"
            arguments = ("-", out, "--as", "map", "--shape", "1x2", "--type", "u8", "--over", self.photo)
            self.fails(1, (str(self.photo), words), *arguments, input=b"ab")
            self.fails(1, ("none", "No such file"), *arguments[:-1], "none", input=b"ab")
            self.assertFalse(out.exists())
        self.write(flat(400, 300, 0))
        arguments = ("-", "-", "--as", "map", "--shape", "224x448", "--type", "u8", "--over", self.photo)
        self.fails(1, ("--resize 224", "--resize 336"), *arguments, "--resize", 224, input=bytes(224 * 448))


class Sizes(ViewTest):
    def test_hints(self):
        cases = [
            (24, "f32", "2x3", None),
            (6, "f32", "2x3", "--type u8, i8 or bool"),
            (48, "f32", "2x3", "--type f64, i64 or u64, or a --shape of 2 times"),
        ]
        cases += [
            (12, "u8", "2x3", "--type f16, bf16, u16 or i16, or a --shape of 2 times"),
            (24, "u8", "2x3", "f32, i32 or u32"),
        ]
        cases += [
            (72, "f32", "2x3", "a --shape of 3 times the elements"),
            (25, "f32", "2x3", ""),
            (3, "f32", "2x3", ""),
            (0, "f32", "2x3", ""),
        ]
        path = self.folder / "values"
        for size, type, shape, hint in cases:
            path.write_bytes(bytes(size))
            arguments = (path, self.folder / "out", "--as", "map", "--shape", shape, "--type", type)
            if hint is None:
                self.assertEqual(0, wasinn(*arguments).returncode)
                (self.folder / "out").unlink()
                continue
            words = (str(path), f" {size} bytes", f"expected {6 * SIZES[type]} for {type} [2,3]", hint)
            self.fails(1, words, *arguments)
            if not hint:
                self.assertNotIn(b"fits", wasinn(*arguments).stderr)
            self.assertEqual(["values"], [entry.name for entry in self.folder.iterdir()])

    def test_fixtures(self):
        """No file is read as another size than its own; each can be seen as bytes of its size."""
        paths = sorted(path for path in pathlib.Path(FIXTURES).iterdir() if path.is_file())
        self.assertGreater(len(paths), 20)
        for path, kind in itertools.product(paths, ("picture", "map", "classes")):
            size = path.stat().st_size
            with self.subTest(path=path.name, kind=kind):
                self.fails(
                    1, (f"{size} bytes", "expected 4624"), path, "-", "--as", kind, "--shape", "1x1x34x34"
                )
                if 0 < size <= 16384:
                    result = wasinn(path, "-", "--as", kind, "--shape", f"1x1x1x{size}", "--type", "u8")
                    self.assertEqual((0, b""), (result.returncode, result.stderr))
                    with Image.open(io.BytesIO(result.stdout)) as picture:
                        self.assertEqual((size, 1), picture.size)
        shape = pathlib.Path(FIXTURES) / "ring.f32"
        self.assertEqual(
            (64, 64, 3), self.view(shape.read_bytes(), "picture", "1x3x64x64", "--scale", 255).shape
        )

    def test_random_bytes(self):
        """Any bytes are numbers of some kind; those that are no classes are said."""
        generator = random.Random(5)
        for type, kind in itertools.product(TYPES, ("picture", "map", "classes")):
            for shape in ("1x3x5x6", "1x1x5x6"):
                if kind == "map" and shape == "1x3x5x6":
                    continue
                count = 90 if shape == "1x3x5x6" else 30
                data = generator.randbytes(count * SIZES[type])
                result = wasinn("-", "-", "--as", kind, "--shape", shape, "--type", type, input=data)
                lines = result.stderr.count(b"\n")
                self.assertIn((result.returncode, lines), ((0, 0), (1, 1)), result.stderr)
                if result.returncode == 1:
                    self.assertEqual(("classes", "1x1x5x6", b""), (kind, shape, result.stdout))

    def test_pipes(self):
        data = bytes(24)
        words = ("stdin", "expected 24 for f32 [2,3]")
        for given in (b"", b"1", data[:23]):
            self.view_fails((f" {len(given)} bytes", *words), given, "map", "2x3")
        for given in (data + b"1", data * 2, data * 9999):
            self.view_fails(("more than 24 bytes", *words), given, "map", "2x3")
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for given, code in ((data, 0), (data[:-1], 1)):
            writer = threading.Thread(target=pipe.write_bytes, args=(given,))
            writer.start()
            result = wasinn(pipe, "-", "--as", "map", "--shape", "2x3")
            writer.join()
            self.assertEqual((code, code), (result.returncode, result.stderr.count(b"\n")), result.stderr)

    def test_a_file_from_its_middle(self):
        path = self.folder / "values"
        path.write_bytes(bytes(100))
        with path.open("rb") as file:
            os.lseek(file.fileno(), 76, os.SEEK_SET)
            result = wasinn("-", "-", "--as", "map", "--shape", "2x3", stdin=file)
        self.assertEqual((0, b""), (result.returncode, result.stderr))

    def test_a_huge_file(self):
        """Its size is looked at, not its bytes."""
        path = self.folder / "huge"
        with path.open("wb") as file:
            file.truncate(10 << 30)
        for kind in ("picture", "map", "classes"):
            arguments = (path, self.folder / "out", "--as", kind, "--shape", "1x1x100x100")
            words = (str(path), "10737418240 bytes", "expected 40000")
            self.fails(1, words, *arguments)
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_inblock
            with path.open("rb") as file:
                self.fails(1, ("stdin", "10737418240 bytes"), "-", *arguments[1:], stdin=file)
            self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_inblock - before, 1 << 20)
        self.assertEqual(["huge"], [entry.name for entry in self.folder.iterdir()])

    def test_not_a_file_of_numbers(self):
        shape = ("--as", "map", "--shape", "2x3")
        self.fails(1, (str(self.folder), "folder"), self.folder, "-", *shape)
        self.fails(1, ("none", "No such file"), self.folder / "none", "-", *shape)
        self.fails(1, ("/dev/zero", "more than 24 bytes"), "/dev/zero", "-", *shape)
        self.fails(1, ("/dev/null", "0 bytes"), "/dev/null", "-", *shape)
        secret = self.folder / "secret"
        secret.write_bytes(bytes(24))
        secret.chmod(0)
        self.folder.chmod(0o755)
        options = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        try:
            self.fails(1, (str(secret), "Permission denied"), secret, "-", *shape, **options)
        except PermissionError:
            self.skipTest("the command cannot be run by the user nobody, and root has all rights")

    def test_fewer_bytes_than_promised(self):
        """The kernel's files tell another size than can be read."""
        for path in map(
            pathlib.Path, ("/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/profiling")
        ):
            if path.exists() and path.stat().st_size == 4096:
                size = len(path.read_bytes())
                self.assertLess(size, 4096)
                words = (str(path), f" {size} bytes", "expected 4096")
                self.fails(1, words, path, "-", "--as", "map", "--shape", "64x64", "--type", "u8")
                return
        self.skipTest("no file of the kernel's that tells 4096 bytes and has fewer")

    def test_a_file_that_shrinks_or_vanishes(self):
        path, out = self.folder / "values", self.folder / "out"
        done = threading.Event()

        def disturb():
            generator = random.Random(6)
            while not done.is_set():
                with path.open("wb") as file:
                    file.truncate(1 << 22)
                    file.truncate(generator.choice((1 << 22, 1 << 21, 0)))
                if generator.random() < 0.5:
                    path.unlink()

        thread = threading.Thread(target=disturb)
        thread.start()
        try:
            for _ in range(40):
                result = wasinn(path, out, "--as", "classes", "--shape", "1024x1024")
                lines = result.stderr.count(b"\n")
                self.assertIn((result.returncode, lines), ((0, 0), (1, 1)), result.stderr)
                self.assertEqual(result.returncode == 0, out.exists())
                out.unlink(missing_ok=True)
        finally:
            done.set()
            thread.join()
        self.assertIn([entry.name for entry in self.folder.iterdir()], (["values"], []))


class Output(ViewTest):
    def setUp(self):
        super().setUp()
        self.values = self.folder / "values"
        self.values.write_bytes(b"\0\1\2\3")
        self.photo = self.folder / "photo.png"
        self.photo.write_bytes(png([[1, 2], [3, 4]]))
        self.out = self.folder / "out.png"
        self.options = ("--as", "classes", "--shape", "2x2", "--type", "u8")

    def files(self):
        return sorted(entry.name for entry in self.folder.iterdir())

    def test_silence_and_verbosity(self):
        result = wasinn(self.values, self.out, *self.options)
        self.assertEqual((0, b"", b""), (result.returncode, result.stdout, result.stderr))
        first = self.out.read_bytes()
        result = wasinn(self.values, self.out, *self.options, "--verbose")
        lines = [f"{self.out}: PNG, 2x2 pixels, of u8 [2,2]", *(f"class {i}: 25.00 %" for i in range(4))]
        self.assertEqual(
            (0, lines, b""), (result.returncode, result.stdout.decode().splitlines(), result.stderr)
        )
        self.assertEqual(first, self.out.read_bytes())
        with self.values.open("rb") as file:
            self.assertEqual(first, wasinn("-", "-", *self.options, stdin=file).stdout)

    def test_same_file(self):
        link, hard = self.folder / "link", self.folder / "hard"
        link.symlink_to(self.photo.name)
        hard.hardlink_to(self.values)
        before = self.values.read_bytes(), self.photo.read_bytes()
        for out in (self.values, hard):
            self.fails(2, (out.name, "IN"), self.values, out, *self.options)
        for out in (self.photo, link, self.folder / "." / "photo.png"):
            self.fails(2, (out.name, "--over"), self.values, out, *self.options, "--over", self.photo)
        self.assertEqual(before, (self.values.read_bytes(), self.photo.read_bytes()))
        self.assertEqual(["hard", "link", "photo.png", "values"], self.files())

    def test_not_writable(self):
        self.fails(1, ("/dev/full", "No space"), self.values, "/dev/full", *self.options)
        with open("/dev/full", "wb") as full:
            result = subprocess.run(
                [os.environ["WASINN"], "tensor", self.values, "-", *self.options],
                stdout=full,
                stderr=subprocess.PIPE,
            )
            self.assertEqual((1, 1), (result.returncode, result.stderr.count(b"\n")), result.stderr)
            self.assertIn(b"No space", result.stderr)
            result = subprocess.run(
                [os.environ["WASINN"], "tensor", self.values, self.out, *self.options, "--verbose"],
                stdout=full,
                stderr=subprocess.PIPE,
            )
            self.assertEqual((1, 1), (result.returncode, result.stderr.count(b"\n")), result.stderr)
        self.fails(1, (str(self.folder), "directory"), self.values, self.folder, *self.options)
        self.fails(1, "cannot write the picture", self.values, self.folder / "none" / "out", *self.options)
        self.fails(1, "cannot write the picture", self.values, "", *self.options)

    def test_read_only_folder(self):
        locked = self.folder / "locked"
        locked.mkdir()
        locked.chmod(0o555)
        self.folder.chmod(0o755)
        options = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        try:
            words = (str(locked), "Permission denied")
            self.fails(1, words, self.values, locked / "out", *self.options, **options)
        except PermissionError:
            self.skipTest("the command cannot be run by the user nobody, and root has all rights")
        self.assertEqual([], list(locked.iterdir()))

    def test_full_disk(self):
        """Nothing half-written is left, and what was there stays."""
        self.out.write_bytes(b"old")
        noise = self.folder / "noise"
        noise.write_bytes(random.Random(7).randbytes(10000))

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        options = {"preexec_fn": limit, "restore_signals": False}
        for out, kind in itertools.product((self.out, self.folder / "new"), ("map", "classes", "picture")):
            words = (str(out), "cannot write the picture", "File too large")
            self.fails(
                1, words, noise, out, "--as", kind, "--shape", "1x1x100x100", "--type", "u8", **options
            )
        self.assertEqual(["noise", "out.png", "photo.png", "values"], self.files())
        self.assertEqual(b"old", self.out.read_bytes())

    def test_failure_leaves_the_old_picture(self):
        self.out.write_bytes(b"old")
        self.values.write_bytes(b"\0\1\2")
        self.fails(1, "3 bytes", self.values, self.out, *self.options)
        self.values.write_bytes(struct.pack("<4f", 0, 1, 2, 0.5))
        self.fails(1, "0.5", self.values, self.out, *self.options[:4])
        self.assertEqual(b"old", self.out.read_bytes())

    def test_link_and_permissions(self):
        self.out.write_bytes(b"old")
        self.out.chmod(0o640)
        link = self.folder / "link"
        link.symlink_to(self.out.name)
        self.assertEqual(0, wasinn(self.values, link, *self.options).returncode)
        self.assertTrue(link.is_symlink())
        self.assertEqual((0o640, b"\x89PNG"), (self.out.stat().st_mode & 0o777, self.out.read_bytes()[:4]))

    def test_large(self):
        """The largest shape there is."""
        path = self.folder / "large"
        with path.open("wb") as file:
            file.truncate(8192 * 8192)
        result = wasinn(path, self.out, "--as", "classes", "--shape", "8192x8192", "--type", "bool")
        self.assertEqual((0, b""), (result.returncode, result.stderr))
        self.assertEqual(struct.pack(">II", 8192, 8192), self.out.read_bytes()[16:24])


class Usage(ViewTest):
    def test_directions(self):
        """Options that do not belong are refused."""
        shape = ("in", "out", "--shape", "1x1x8x8")
        values = {
            "--order": "grey",
            "--mean": 1,
            "--scale": 1,
            "--fit": "crop",
            "--resize": 8,
            "--range": "0,1",
        }
        values.update({"--over": "photo", "--opacity": 1})
        allowed = {
            None: ("--order", "--mean", "--scale", "--fit", "--resize"),
            "picture": ("--order", "--mean", "--scale"),
        }
        allowed.update({"map": ("--range", "--over"), "classes": ("--over",)})
        for kind, (name, value) in itertools.product(allowed, values.items()):
            chosen = ("--as", kind) if kind else ()
            with self.subTest(kind=kind, name=name):
                if name in allowed[kind]:
                    self.fails(1, "No such file", *shape, *chosen, name, value)
                else:
                    self.fails(2, f"tensor: {name}: expected only with", *shape, *chosen, name, value)
        for kind, name in itertools.product(("map", "classes"), ("--fit", "--resize", "--opacity")):
            self.fails(1, "No such file", *shape, "--as", kind, "--over", "photo", name, values[name])

    def test_values(self):
        map = ("in", "out", "--as", "map", "--shape", "1x1x8x8")
        for value in ("", "1", "1,", ",1", "1,1", "2,1", "1,2,3", "nan,1", "0,inf", "a,b", "1,2 ", "1;2"):
            self.fails(2, ("--range", "LOW,HIGH"), *map, "--range", value)
        for value in ("", "-0.1", "1.1", "nan", "x", "0.5x", "50%"):
            self.fails(2, ("--opacity", "0 to 1"), *map, "--over", "photo", "--opacity", value)
        for value in ("", "tensor", "Map", "class"):
            self.fails(2, ("--as", "picture, map or classes"), *map[:2], *map[4:], "--as", value)
        for value in ("other", "F32", "", "f8", "u4"):
            self.fails(2, ("--type", "or bool"), *map, "--type", value)
        self.fails(2, "--resize 7", *map, "--over", "photo", "--resize", 7)
        self.fails(2, "crop", *map, "--over", "photo", "--resize", 9, "--fit", "stretch")
        self.fails(2, "only one", "-", *map[1:], "--over", "-")

    def test_shapes(self):
        shapes = {
            "map": {
                "1 channel": "1x3x8x8 3x8x8 1x8x8x3",
                "batch": "2x1x8x8",
                "2 to 4": "8 1x1x8x8x1 8x8y",
                "16384": "8x0 8x16385 x",
            },
            "classes": {
                "batch": "2x1x8x8",
                "2 to 4": "8 1x1x1x8x8",
                "67108864": "16384x8192",
                "16384": "ax8",
            },
            "picture": {"1 or 3": "1x2x8x8", "3 or 4": "8x8", "fits --layout nhwc": "8x8x3"},
        }
        for kind, cases in shapes.items():
            for words, wrong in cases.items():
                for shape in wrong.split():
                    with self.subTest(kind=kind, shape=shape):
                        self.fails(2, (words, shape), "in", "out", "--as", kind, "--shape", shape)
        fits = "does not fit --layout {}, but fits --layout {}".format
        map = ("in", "out", "--as", "map", "--shape")
        self.fails(2, fits("nchw", "nhwc"), *map, "1x8x8x1", "--layout", "nchw")
        self.fails(2, fits("nhwc", "nchw"), *map, "1x1x8x8", "--layout", "nhwc")
        self.fails(2, "--shape", "in", "out", "--as", "map")


if __name__ == "__main__":
    unittest.main(verbosity=2)
