"""`wasinn tensor`: pictures that this file makes itself, and photographs against Pillow.

WASINN is the command, WASINN_PHOTOGRAPHS a folder of photographs, WASINN_PYTHON one with numpy and Pillow.
"""

import bisect
import io
import itertools
import os
import pathlib
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib
from fractions import Fraction

WASINN = os.environ["WASINN"]
PHOTOGRAPHS = os.environ.get("WASINN_PHOTOGRAPHS")
if os.environ.get("WASINN_PYTHON"):
    sys.path.insert(0, os.environ["WASINN_PYTHON"])
try:
    import numpy
    from PIL import Image, ImageOps

    NO_PILLOW = None
except ImportError as error:
    NO_PILLOW = f"numpy and Pillow are needed: {error}"

FORMATS = {"f32": "f", "f64": "d", "f16": "e", "u8": "B", "i32": "i", "i64": "q", "bf16": "H"}
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


# ---- Making pictures -----------------------------------------------------------------------------------


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pack_row(samples, depth):
    if depth == 16:
        return struct.pack(f">{len(samples)}H", *samples)
    bits = "".join(format(sample, f"0{depth}b") for sample in samples)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def png(rows, colour=GREY, depth=8, interlaced=False, before=b"", after=b"", size=None):
    """A PNG of rows of pixels, each a number or a tuple. `before` and `after` are chunks around the data."""
    height, width = len(rows), len(rows[0])
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)]
        passes += [(0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b""
    for left, top, across, down in passes:
        for row in rows[top::down]:
            samples = []
            for pixel in row[left::across]:
                samples += pixel if isinstance(pixel, tuple) else [pixel]
            if samples:
                raw += b"\0" + pack_row(samples, depth)
    width, height = size or (width, height)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + before + chunk(b"IDAT", zlib.compress(raw)) + after + chunk(b"IEND", b"")


def exif(orientation, order="<", kind=3, count=1):
    tag = struct.pack(order + "HHI", 0x0112, kind, count) + struct.pack(order + "HH", orientation, 0)
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    other = struct.pack(order + "HHII", 0x010F, 2, 4, 0)
    return start + struct.pack(order + "H", 2) + other + tag + bytes(4)


def jpeg(blocks, exif_block=None):
    """A JPEG of rows of blocks of 8x8 pixels of one colour each: a number, or a tuple of components."""
    first = blocks[0][0] if isinstance(blocks[0][0], tuple) else (blocks[0][0],)
    components = len(first)

    def segment(marker, data):
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data

    data = b"\xff\xd8"
    if exif_block is not None:
        data += segment(0xE1, b"Exif\0\0" + exif_block)
    # Adobe's marker: the components are the colours themselves.
    data += segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    data += segment(0xDB, b"\0" + bytes([8] * 64))
    frame = b"".join(bytes([i + 1, 0x11, 0]) for i in range(components))
    data += segment(0xC0, struct.pack(">BHHB", 8, 8 * len(blocks), 8 * len(blocks[0]), components) + frame)
    # Twelve codes of four bits for the mean, one of one bit for "no other coefficients".
    data += segment(0xC4, b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12)))
    data += segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0")
    scan = b"".join(bytes([i + 1, 0]) for i in range(components))
    data += segment(0xDA, bytes([components]) + scan + b"\0\x3f\0")
    bits, previous = "", [128] * components
    for block in itertools.chain(*blocks):
        for i, value in enumerate(block if isinstance(block, tuple) else (block,)):
            step = value - previous[i]
            previous[i] = value
            length = abs(step).bit_length()
            bits += format(length, "04b")
            if length:
                bits += format(step if step > 0 else step + (1 << length) - 1, f"0{length}b")
            bits += "0"
    bits += "1" * (-len(bits) % 8)
    packed = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    return data + packed.replace(b"\xff", b"\xff\0") + b"\xff\xd9"


# ---- Running the command -------------------------------------------------------------------------------


def wasinn(*arguments, **options):
    return subprocess.run(
        [WASINN, "tensor", *map(str, arguments)], capture_output=True, timeout=120, **options
    )


def bf16(value):
    """The nearest bf16, the even one of two that are as near."""

    def number(bits):
        return (
            Fraction(2) ** 128
            if bits == 0x7F80
            else Fraction(*struct.unpack(">f", struct.pack(">HH", bits, 0)))
        )

    size = abs(Fraction(value))
    above = min(bisect.bisect_left(range(0x7F80), size, key=number), 0x7F80)
    nearest = min((max(above - 1, 0), above), key=lambda bits: (abs(number(bits) - size), bits % 2))
    return nearest | (0x8000 if value < 0 else 0)


class TensorTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def tensor(self, picture, shape, *options, type="f32"):
        """The numbers of the tensor that a picture, in bytes, becomes."""
        result = wasinn("-", "-", "--shape", shape, "--type", type, *options, input=picture)
        self.assertEqual((0, b""), (result.returncode, result.stderr))
        return [number for number, in struct.iter_unpack("=" + FORMATS[type], result.stdout)]

    def gives(self, expected, picture, shape, *options, type="f32"):
        self.assertEqual(expected, self.tensor(picture, shape, *options, type=type))

    def fails(self, code, words, *arguments, **options):
        """The command fails with one line that has all the words."""
        result = wasinn(*arguments, **options)
        lines = result.stderr.decode().splitlines(keepends=True)
        self.assertEqual((code, 1, b""), (result.returncode, len(lines), result.stdout), lines)
        self.assertTrue(lines[0].startswith("wasinn: ") and lines[0].endswith("\n"), lines)
        for word in words if isinstance(words, tuple) else (words,):
            self.assertIn(word, lines[0])

    def picture_fails(self, words, data, *options):
        words = words if isinstance(words, tuple) else (words,)
        path = self.folder / "picture"
        path.write_bytes(data)
        out = self.folder / "out"
        self.fails(1, (str(path), *words), path, out, "--shape", "1x3x8x8", *options)
        self.assertFalse(out.exists())


class Numbers(TensorTest):
    ROWS = [[(1, 2, 3), (4, 5, 6)], [(7, 8, 9), (10, 11, 12)]]

    def test_layouts_and_orders(self):
        picture = png(self.ROWS, RGB)
        planes = [1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12]
        self.gives(planes, picture, "1x3x2x2")
        self.gives(planes, picture, "3,2,2")
        self.gives(list(range(1, 13)), picture, "1x2x2x3", "--layout", "nhwc")
        self.gives(list(range(1, 13)), picture, "2x2x3", "--layout", "nhwc")
        self.gives(planes[8:] + planes[4:8] + planes[:4], picture, "1x3x2x2", "--order", "bgr")
        self.gives(
            [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10], picture, "1x2x2x3", "--layout", "nhwc", "--order", "bgr"
        )

    def test_grey(self):
        colours = [[(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 20, 30)]]
        self.gives([76, 150, 29, 18], png(colours, RGB), "1x1x1x4")
        self.gives([76, 150, 29, 18], png(colours, RGB), "1x1x1x4", "--order", "grey")
        self.gives([5, 9, 5, 9, 5, 9], png([[5, 9]]), "1x3x1x2")

    def test_mean_and_scale(self):
        picture = png(self.ROWS, RGB)
        self.assertEqual((1 - 127) / 128, self.tensor(picture, "1x3x2x2", "--mean", 127, "--scale", 128)[0])
        options = ("--mean", "1,2,3", "--scale", "1,-2,4")
        self.gives([0, 3, 6, 9, 0, -1.5, -3, -4.5, 0, 0.75, 1.5, 2.25], picture, "1x3x2x2", *options)
        # The lists are in the order of --order.
        blue_first = self.tensor(picture, "1x3x2x2", *options, "--order", "bgr")
        self.assertEqual([3 - 1, 6 - 1, 9 - 1, 12 - 1], blue_first[:4])
        self.assertEqual([(1 - 3) / 4, (4 - 3) / 4, (7 - 3) / 4, (10 - 3) / 4], blue_first[8:])

    def test_integers(self):
        picture = png([[0, 1, 2, 3, 4, 5, 255]])
        self.gives([0, 0, 1, 2, 2, 2, 128], picture, "1x1x1x7", "--scale", 2, type="u8")
        self.gives([0, 0, 0, 2, 4, 6, 255], picture, "1x1x1x7", "--mean", 2, "--scale", 0.5, type="u8")
        self.gives([0, 0, -1, -2, -2, -2, -128], picture, "1x1x1x7", "--scale", -2, type="i32")
        for type, least, most in (("i32", -(2**31), 2**31 - 1), ("i64", -(2**63), 2**63 - 1)):
            numbers = self.tensor(picture, "1x1x1x7", "--mean", 2, "--scale", "1e-30", type=type)
            self.assertEqual([least, least, 0, most, most, most, most], numbers)
            numbers = self.tensor(picture, "1x1x1x7", "--mean", 2, "--scale", "1e-320", type=type)
            self.assertEqual([least, least, 0, most, most, most, most], numbers)

    def test_floats(self):
        picture = png([list(range(256))])
        generator = random.Random(1)
        cases = [(0, 1), (127.5, 127.5), (0, 2.0**25), (3, 2.0**26), (0.5, 2.0**24), (100, 1 / 512)]
        cases += [(0, 2.0**141), (7, 2.0**133), (100, 2.0**-121), (0, 2.0**-120 * 0.999)]
        cases += [(0, 1 / 257), (0, 1 / 256.99)]
        cases += [(generator.uniform(0, 255), 10 ** generator.uniform(-4, 9)) for _ in range(20)]
        cases += [(generator.randrange(256), 2.0 ** generator.uniform(-125, 140)) for _ in range(20)]
        for mean, scale in cases:
            expected = [(pixel - mean) / scale for pixel in range(256)]
            options = ("1x1x1x256", "--mean", repr(mean), "--scale", repr(scale))
            with self.subTest(mean=mean, scale=scale):
                self.gives(expected, picture, *options, type="f64")
                singles = [self.pack("=f", value) for value in expected]
                self.assertEqual(singles, [struct.pack("=f", v) for v in self.tensor(picture, *options)])
                halves = [self.pack("=e", value) for value in expected]
                self.assertEqual(
                    halves, [struct.pack("=e", v) for v in self.tensor(picture, *options, type="f16")]
                )
                self.gives([bf16(v) for v in expected], picture, *options, type="bf16")

    @staticmethod
    def pack(code, value):
        try:
            return struct.pack(code, value)
        except OverflowError:
            return struct.pack(code, float("inf") if value > 0 else float("-inf"))


class Decoding(TensorTest):
    def test_png_depths(self):
        for depth in (1, 2, 4, 8, 16):
            most = 2**depth - 1
            row = [0, most, most // 2, most // 3, 1]
            numbers = self.tensor(png([row], depth=depth), "1x1x1x5", type="f64")
            for sample, number in zip(row, numbers):
                self.assertAlmostEqual(sample * 255 / most, number, places=4)
        numbers = self.tensor(png([[(65535, 256, 1)]], RGB, 16), "1x3x1x1", type="f64")
        for expected, number in zip((255, 256 / 257, 1 / 257), numbers):
            self.assertAlmostEqual(expected, number, places=5)

    def test_png_palette(self):
        palette = chunk(b"PLTE", bytes([10, 20, 30, 40, 50, 60]))
        rows = [[0, 1, 1]]
        nhwc = ("1x1x3x3", "--layout", "nhwc")
        self.gives([10, 20, 30, 40, 50, 60, 40, 50, 60], png(rows, PALETTE, 1, before=palette), *nhwc)
        clear = palette + chunk(b"tRNS", b"\0")
        picture = png(rows, PALETTE, 8, before=clear)
        self.gives([255, 255, 255, 40, 50, 60, 40, 50, 60], picture, *nhwc)

    def test_png_alpha(self):
        """Transparency is laid on white."""
        picture = png([[(0, 255), (0, 0), (100, 51), (255, 7)]], GREY_ALPHA)
        self.gives([0, 255, 224, 255], picture, "1x1x1x4")
        picture = png([[(10, 20, 30, 255), (10, 20, 30, 0), (0, 100, 200, 51)]], RGBA)
        self.gives([10, 20, 30, 255, 255, 255, 204, 224, 244], picture, "1x1x3x3", "--layout", "nhwc")
        picture = png([[(0, 13107), (65535, 1)]], GREY_ALPHA, 16)
        self.gives([204, 255], picture, "1x1x1x2")
        picture = png([[7, 8]], before=chunk(b"tRNS", struct.pack(">H", 7)))
        self.gives([255, 8], picture, "1x1x1x2")

    def test_png_interlaced(self):
        for width, height in ((1, 1), (3, 2), (13, 11)):
            for colour, depth in ((GREY, 1), (GREY, 16), (RGB, 8), (RGBA, 8)):
                generator = random.Random(width)
                numbers = [generator.randrange(2**depth) for _ in range(width * height * SAMPLES[colour])]
                pixels = list(zip(*[iter(numbers)] * SAMPLES[colour]))
                rows = [pixels[y * width : (y + 1) * width] for y in range(height)]
                shape = f"1x3x{height}x{width}"
                plain, interlaced = (self.tensor(png(rows, colour, depth, i), shape) for i in (False, True))
                self.assertEqual(plain, interlaced)

    def test_jpeg_components(self):
        self.gives(([100] * 8 + [7] * 8) * 8, jpeg([[100, 7]]), "1x1x8x16")
        self.gives([50] * 192, jpeg([[50]]), "1x3x8x8")
        colours = jpeg([[(10, 20, 30), (200, 100, 0)]])
        nhwc = ("1x8x16x3", "--layout", "nhwc")
        self.gives(([10, 20, 30] * 8 + [200, 100, 0] * 8) * 8, colours, *nhwc)
        # Inks are stored inverted: 255 is none.
        inks = jpeg([[(255, 100, 0, 255), (255, 100, 0, 51)]])
        self.gives(([255, 100, 0] * 8 + [51, 20, 0] * 8) * 8, inks, *nhwc)

    def test_orientation(self):
        values = dict(zip("abcdef", (10, 50, 90, 130, 170, 210)))
        blocks = [[values[name] for name in row] for row in ("abc", "def")]
        all_shown = ("abcdef", "cbafed", "fedcba", "defabc", "adbecf", "daebfc", "fcebda", "cfbead")
        for (orientation, shown), order in itertools.product(enumerate(all_shown, 1), "<>"):
            expected = [values[name] for name in shown]
            width, height = (2, 3) if orientation >= 5 else (3, 2)
            block = exif(orientation, order)
            with self.subTest(orientation=orientation, order=order):
                self.gives(expected, png(blocks, after=chunk(b"eXIf", block)), f"1x1x{height}x{width}")
                numbers = self.tensor(jpeg(blocks, block), f"1x1x{8 * height}x{8 * width}")
                rows = [numbers[y * width * 8 : (y + 1) * width * 8] for y in range(4, 8 * height, 8)]
                self.assertEqual(expected, [number for row in rows for number in row[4::8]])

    def test_orientation_of_the_cut(self):
        """The cut is the one of the picture as shown, also where it cannot be in the very middle."""
        rows = [[0, 10, 20, 30, 40, 50]]
        first, last = [10, 20, 30], [40, 30, 20]
        for orientation, expected in ((1, first), (2, last), (6, first), (8, last)):
            shape = "1x1x3x1" if orientation >= 5 else "1x1x1x3"
            picture = png(rows, before=chunk(b"eXIf", exif(orientation)))
            self.assertEqual(expected, self.tensor(picture, shape, "--resize", 1), orientation)

    def test_broken_exif_is_ignored(self):
        whole = exif(6)
        broken = [whole[:length] for length in range(len(whole) - 4)]
        broken += [exif(0), exif(9), exif(6, kind=4), exif(6, count=2), b"XX" + whole[2:]]
        broken += [whole[:8] + b"\xff\xff" + whole[10:-20], whole[:4] + b"\xff\xff\xff\xff"]
        for block in broken:
            self.gives(([7] * 8 + [9] * 8) * 8, jpeg([[7, 9]], block), "1x1x8x16")


class Framing(TensorTest):
    def test_crop_without_scaling(self):
        rows = [[10 * y + x for x in range(6)] for y in range(5)]
        cut = self.tensor(png(rows), "1x1x3x3", "--resize", 5)
        self.assertEqual([row[x] for row in rows[1:4] for x in (1, 2, 3)], cut)

    def test_flat_pictures_stay_flat(self):
        for size in ((1, 1), (1, 300), (300, 1), (37, 53), (600, 400)):
            picture = png([[200] * size[0]] * size[1])
            for height, width in ((1, 1), (1, 300), (40, 30), (700, 300)):
                for fit in ("crop", "stretch"):
                    numbers = self.tensor(picture, f"1x1x{height}x{width}", "--fit", fit)
                    self.assertEqual([200] * height * width, numbers)

    def test_no_overshoot(self):
        rows = [[0] * 8 + [65535] * 8] * 16
        numbers = self.tensor(png(rows, depth=16), "1x1x50x50")
        self.assertEqual((0, 255), (min(numbers), max(numbers)))

    def test_16_bits_keep_their_precision(self):
        numbers = self.tensor(png([[0, 65535, 0, 65535]], depth=16), "1x1x1x3", "--fit", "stretch")
        self.assertTrue(any(number != round(number) for number in numbers))

    def test_resize_too_small(self):
        picture = png([[0] * 400] * 300)
        words = ("--resize 224", "299x224", "448x224", "--resize 336")
        self.fails(1, words, "-", "-", "--shape", "1x3x224x448", "--resize", 224, input=picture)
        self.tensor(picture, "1x3x224x448", "--resize", 336)


@unittest.skipIf(NO_PILLOW, NO_PILLOW)
@unittest.skipIf(not PHOTOGRAPHS, "WASINN_PHOTOGRAPHS is not set")
class AgainstPillow(TensorTest):
    def setUp(self):
        super().setUp()
        paths = sorted(pathlib.Path(PHOTOGRAPHS).glob("*.[jp][pn]g"))
        # Pillow cuts 16 bits to 8.
        self.paths = [path for path in paths if path.suffix == ".jpg" or path.read_bytes()[24] != 16]
        self.assertTrue(self.paths, f"no photographs in {PHOTOGRAPHS}")

    def test_photographs(self):
        cases = [(224, 224, "crop", 256), (224, 224, "crop", None), (224, 224, "stretch", None)]
        cases += [(300, 200, "crop", None), (90, 500, "crop", 600), (640, 640, "stretch", None)]
        largest, different, count = 0, 0, 0
        for path, case, mode in itertools.product(self.paths, cases, ("RGB", "L")):
            with self.subTest(path=path.name, case=case, mode=mode):
                difference = self.difference(path.read_bytes(), *case, mode)
                largest = max(largest, difference.max())
                different += numpy.count_nonzero(difference)
                count += difference.size
        print(
            f"\n{len(self.paths)} photographs against Pillow: the largest difference is {largest:g} of 255 "
            f"levels; {different} of {count} numbers differ, {1e6 * different / count:.0f} in a million"
        )

    def test_turned_photographs(self):
        with Image.open(self.paths[-1]) as photograph:
            picture = photograph.convert("RGB").crop((0, 0, 301, 200))
        for orientation in range(1, 9):
            tags = Image.Exif()
            tags[0x0112] = orientation
            for case in ((101, 64, "crop", 120), (100, 99, "stretch", None)):
                for options in ({"format": "JPEG", "progressive": True}, {"format": "PNG"}):
                    file = io.BytesIO()
                    picture.save(file, exif=tags, **options)
                    with self.subTest(orientation=orientation, case=case, **options):
                        self.difference(file.getvalue(), *case, "RGB")

    def test_inks(self):
        file = io.BytesIO()
        with Image.open(self.paths[-1]) as photograph:
            photograph.convert("CMYK").save(file, "JPEG")
        self.difference(file.getvalue(), 224, 224, "crop", 256, "RGB")

    def difference(self, data, width, height, fit, shorter, mode):
        with Image.open(io.BytesIO(data)) as picture:
            expected = self.pillow(picture, width, height, fit, shorter, mode)
        options = ("--layout", "nhwc", "--fit", fit) + (("--resize", shorter) if shorter else ())
        numbers = self.tensor(data, f"1x{height}x{width}x{len(mode)}", *options)
        difference = abs(numpy.reshape(numbers, expected.shape) - expected)
        self.assertLessEqual(difference.max(), 1)
        self.assertLess(difference.mean(), 0.002)
        return difference

    @staticmethod
    def pillow(picture, width, height, fit, shorter, mode):
        picture = ImageOps.exif_transpose(picture)
        if picture.has_transparency_data:
            picture = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        picture = picture.convert(mode)
        if fit == "stretch":
            # Which side Pillow scales first depends on its version.
            picture = picture.resize((width, picture.height), Image.Resampling.BICUBIC)
            return numpy.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), numpy.float64)
        scale = (
            shorter / min(picture.size) if shorter else max(width / picture.width, height / picture.height)
        )
        size = (round(picture.width * scale), round(picture.height * scale))
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        picture = picture.resize(size, Image.Resampling.BICUBIC)
        return numpy.asarray(picture.crop((left, top, left + width, top + height)), numpy.float64)


class BadPictures(TensorTest):
    def test_not_a_picture(self):
        cases = {
            b"": "empty",
            b"\0asm\1\0\0\0": "WebAssembly",
            b"GIF89a" + bytes(20): "GIF",
            b"RIFF\1\0\0\0WEBPVP8 ": "WebP",
            b"hello\nthere, world": "'hello there, wor'",
            b"\xff\xd8": "ff d8",
            bytes(3): "00 00 00",
            b"\x89PNG\r\n": "89 50 4e 47",
        }
        for data, words in cases.items():
            with self.subTest(data=data):
                self.picture_fails(("JPEG or PNG", words), data)

    def test_no_file(self):
        missing = self.folder / "missing\n.png"
        self.fails(1, ("missing .png", "No such file"), missing, "-", "--shape", "1x3x8x8")
        self.fails(1, (str(self.folder), "folder"), self.folder, "-", "--shape", "1x3x8x8")
        self.fails(1, ("stdin", "empty"), "-", "-", "--shape", "1x3x8x8", input=b"")
        self.fails(1, ("/dev/zero", "00 00"), "/dev/zero", "-", "--shape", "1x3x8x8")

    def test_truncated(self):
        generator = random.Random(1)
        rows = [[generator.randrange(256) for _ in range(20)] for _ in range(20)]
        pictures = [png(rows), png(rows, interlaced=True), jpeg([[0, 255, 3], [200, 7, 90]], exif(6))]
        for data in pictures:
            for length in range(8, len(data)):
                if data[:2] == b"\xff\xd8" and length >= len(data) - 2:
                    break
                result = wasinn("-", "-", "--shape", "1x3x8x8", input=data[:length])
                self.assertEqual(
                    (1, 1, b""), (result.returncode, result.stderr.count(b"\n"), result.stdout), length
                )
        self.picture_fails("ends too early", pictures[0][:100])
        self.picture_fails("Premature end", pictures[2][:-4])

    def test_corrupt(self):
        data = bytearray(png([[1, 2, 3]]))
        data[-13] ^= 1
        self.picture_fails("CRC", bytes(data))
        self.picture_fails("CRC", png([[1]], before=chunk(b"tEXt", b"a\0b")[:-1] + b"?"))
        self.picture_fails("PNG", png([[1, 2, 3]], size=(3, 9)))
        self.picture_fails("PNG", png([[1]], size=(0, 1)))
        self.picture_fails("JPEG", jpeg([[0, 255]]).replace(b"\xff\xda", b"\xff\xdb"))

    def test_huge(self):
        words = ("100000x1 pixels", "65500", "100000000")
        self.picture_fails(words, png([[0]], size=(100000, 1)))
        self.picture_fails("1x100000 pixels", png([[0]], size=(1, 100000)))
        self.picture_fails("2147483647x2147483647 pixels", png([[0]], RGBA, 16, size=(2**31 - 1, 2**31 - 1)))
        self.picture_fails("10001x10000 pixels", png([[0]], size=(10001, 10000)))
        small = jpeg([[0]])
        at = small.index(b"\xff\xc0") + 5
        for height, width, words in ((65000, 65000, "65000x65000 pixels"), (65535, 8, "65500")):
            self.picture_fails(words, small[:at] + struct.pack(">HH", height, width) + small[at + 4 :])

    def test_random_damage(self):
        generator = random.Random(1)
        rows = [[tuple(generator.randrange(256) for _ in range(4)) for _ in range(9)] for _ in range(9)]
        pictures = [png(rows, RGBA), jpeg([[(0, 99, 255), (7, 8, 9)]] * 2, exif(3))]
        for _ in range(150):
            data = bytearray(generator.choice(pictures))
            for _ in range(generator.randint(1, 5)):
                data[generator.randrange(len(data))] = generator.randrange(256)
            result = wasinn("-", "-", "--shape", "1x3x8x8", input=bytes(data))
            lines = result.stderr.count(b"\n")
            self.assertIn((result.returncode, lines), ((0, 0), (1, 1)), (bytes(data), result.stderr))


class Output(TensorTest):
    def setUp(self):
        super().setUp()
        self.picture = self.folder / "photo.png"
        self.picture.write_bytes(png([[1, 2], [3, 4]]))
        self.out = self.folder / "tensor.u8"
        self.arguments = (self.picture, self.out, "--shape", "1x1x2x2", "--type", "u8")

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_silence_and_verbosity(self):
        result = wasinn(*self.arguments)
        self.assertEqual((0, b"", b""), (result.returncode, result.stdout, result.stderr))
        self.assertEqual(b"\1\2\3\4", self.out.read_bytes())
        result = wasinn(*self.arguments, "--verbose")
        line = f"{self.out}: u8 [1,1,2,2], 4 bytes\n".encode()
        self.assertEqual((0, line, b""), (result.returncode, result.stdout, result.stderr))
        result = wasinn(self.picture, "-", *self.arguments[2:], "--verbose")
        self.assertEqual((b"\1\2\3\4", b"stdout: u8 [1,1,2,2], 4 bytes\n"), (result.stdout, result.stderr))

    def test_replaces_what_is_there(self):
        self.out.write_bytes(b"old and longer")
        self.out.chmod(0o640)
        link = self.folder / "link"
        link.symlink_to(self.out.name)
        self.assertEqual(0, wasinn(self.picture, link, *self.arguments[2:]).returncode)
        self.assertEqual(b"\1\2\3\4", self.out.read_bytes())
        self.assertTrue(link.is_symlink())
        self.assertEqual(0o640, self.out.stat().st_mode & 0o777)

    def test_link_that_leads_to_nothing_yet(self):
        link = self.folder / "link"
        link.symlink_to(self.out.name)
        self.assertEqual(0, wasinn(self.picture, link, *self.arguments[2:]).returncode)
        self.assertTrue(link.is_symlink())
        self.assertEqual(b"\1\2\3\4", self.out.read_bytes())

    def test_owner_stays(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        self.out.write_bytes(b"old")
        os.chown(self.out, 1234, 4321)
        self.assertEqual(0, wasinn(*self.arguments).returncode)
        self.assertEqual((1234, 4321), (self.out.stat().st_uid, self.out.stat().st_gid))

    def test_stopped_by_a_signal(self):
        """In the middle of its writing: nothing half-written is left."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            command = subprocess.Popen([WASINN, "tensor", self.picture, self.out, "--shape", "1x3x4096x4096"],
                                       preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
            for _ in range(20000):
                if any(path.name.startswith(".wasinn-") for path in self.folder.iterdir()):
                    command.send_signal(number)
                    break
            command.wait(60)
            self.assertFalse([name for name in self.files() if name.startswith(".wasinn-")])
            self.assertIn(command.returncode, (-number, 0))
            self.out.unlink(missing_ok=True)

    def test_permissions_of_a_new_file(self):
        self.assertEqual(0, wasinn(*self.arguments, umask=0o027).returncode)
        self.assertEqual(0o640, self.out.stat().st_mode & 0o777)

    def test_not_a_regular_file(self):
        result = wasinn(self.picture, "/dev/stdout", *self.arguments[2:])
        self.assertEqual((0, b"\1\2\3\4"), (result.returncode, result.stdout))
        self.fails(1, ("/dev/full", "No space"), self.picture, "/dev/full", *self.arguments[2:])
        self.fails(1, (str(self.folder), "directory"), self.picture, self.folder, *self.arguments[2:])

    def test_full_disk(self):
        """Nothing half-written is left, and what was there stays."""
        self.out.write_bytes(b"old")

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        # Python ignores SIGXFSZ, and so does the command then: writing fails instead.
        options = {"preexec_fn": limit, "restore_signals": False}
        for out in (self.out, self.folder / "new"):
            words = (str(out), "cannot write")
            self.fails(1, words, self.picture, out, "--shape", "1x3x64x64", **options)
        self.assertEqual(["photo.png", "tensor.u8"], self.files())
        self.assertEqual(b"old", self.out.read_bytes())

    def test_bad_folders(self):
        for out in (self.folder / "none" / "tensor", self.picture / "tensor", ""):
            self.fails(1, (str(out), "cannot write"), self.picture, out, *self.arguments[2:])

    def test_no_rights(self):
        locked = self.folder / "locked"
        locked.mkdir()
        locked.chmod(0o555)
        self.folder.chmod(0o755)
        options = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        try:
            words = (str(locked), "Permission denied")
            self.fails(1, words, self.picture, locked / "out", *self.arguments[2:], **options)
        except PermissionError:
            self.skipTest("the command cannot be run by the user nobody, and root has all rights")
        self.assertEqual([], list(locked.iterdir()))

    def test_failure_leaves_the_old_tensor(self):
        self.out.write_bytes(b"old")
        self.picture.write_bytes(self.picture.read_bytes()[:-20])
        self.fails(1, "photo.png", *self.arguments)
        self.assertEqual(b"old", self.out.read_bytes())

    def test_out_is_in(self):
        before = self.picture.read_bytes()
        self.fails(2, "photo.png", self.picture, self.folder / "." / "photo.png", "--shape", "1x3x2x2")
        self.assertEqual(before, self.picture.read_bytes())


class Usage(TensorTest):
    def test_help_shows_what_works(self):
        result = wasinn("--help")
        self.assertEqual((0, b""), (result.returncode, result.stderr))
        text = result.stdout.decode()
        examples = [
            line for line in text.replace("\\\n", " ").splitlines() if line.startswith("  wasinn tensor ")
        ]
        self.assertGreaterEqual(len(examples), 8)
        (self.folder / "photo.jpg").write_bytes(jpeg([[(10, 20, 30), (40, 50, 60)]]))
        (self.folder / "digit.png").write_bytes(png([[0, 255], [255, 0]]))
        (self.folder / "depth.f32").write_bytes(bytes(4 * 48 * 64))
        (self.folder / "scores.f32").write_bytes(bytes(4 * 21 * 56 * 56))
        for example in examples:
            command = example.strip().replace("wasinn", f"'{WASINN}'", 1)
            result = subprocess.run(command, shell=True, cwd=self.folder, capture_output=True)
            self.assertEqual((0, b"", b""), (result.returncode, result.stdout, result.stderr), example)
        self.assertEqual(text, wasinn("-h").stdout.decode())

    def test_shapes(self):
        fit = "does not fit --layout {}, but fits --layout {}".format
        shapes = {
            "16384": "0x3 axb x3x2x2 1x3x-1x5 1xx3x4 1x3x2x2x 1x3x16385x5 1x3x99999999999999999999x5",
            "3 or 4": "1 1x3 1x3x2x2x2 1x3x2x2y",
            "4 sizes": "1x3x224 1x1x224",
            "batch": "2x3x2x2",
            "1 or 3 channels": "1x2x5x5",
            "67108864": "1x3x16384x16384",
            fit("nchw", "nhwc"): "1x224x224x3 224x224x3",
        }
        for words, wrong in shapes.items():
            for shape in wrong.split():
                with self.subTest(shape=shape):
                    self.fails(2, (words, shape), "in", "out", "--shape", shape)
        self.fails(2, "16384", "in", "out", "--shape", "")
        self.fails(2, "16384", "in", "out", "--shape", "1x3x 2x2")
        self.fails(2, fit("nhwc", "nchw"), "in", "out", "--shape", "1x3x224x224", "--layout", "nhwc")

    def test_values(self):
        wrong = {
            "--type": ("i8", "F32", ""),
            "--order": ("gray", "grey", "cmyk"),
            "--layout": ("chw",),
            "--fit": ("fill",),
            "--mean": ("", "x", "nan", "inf", "1,2", "1,2,3,4", "1,", "1,,2", "1,2,3,", "1 ", "1e999"),
            "--scale": ("0", "-0.0", "1,0,1", "nan", "inf", "1e-999", "x"),
            "--resize": ("0", "-1", "x", "1.5", "65501", "223", "99999999999999999999"),
        }
        options = [(name, value) for name, values in wrong.items() for value in values]
        for name, value in options:
            with self.subTest(name=name, value=value):
                self.fails(2, (name, value), "in", "out", "--shape", "1x3x224x224", name, value)
        self.fails(2, "--resize", "in", "out", "--shape", "1x3x8x8", "--resize", 8, "--fit", "stretch")
        self.fails(2, "grey", "in", "out", "--shape", "1x1x8x8", "--order", "rgb")
        self.fails(2, "--mean", "in", "out", "--shape", "1x1x8x8", "--mean", "1,2,3")

    def test_arguments(self):
        self.fails(2, "IN and OUT")
        self.fails(2, "IN and OUT", "in", "--shape", "1x3x8x8")
        self.fails(2, "third", "in", "out", "third", "--shape", "1x3x8x8")
        self.fails(2, "--shape", "in", "out")
        self.fails(2, "--unknown", "in", "out", "--shape", "1x3x8x8", "--unknown")
        self.fails(2, "-u", "in", "out", "--shape", "1x3x8x8", "-u")
        self.fails(2, "--shape", "in", "out", "--shape")
        self.fails(2, "--verbose=1", "in", "out", "--shape", "1x3x8x8", "--verbose=1")
        self.fails(2, "\\x1b", "in", "out", "--shape", "1x3x8x8", "--\x1b[31m")


if __name__ == "__main__":
    unittest.main(verbosity=2)
