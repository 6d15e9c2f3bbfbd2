"""`wasinn run --cache`: compiled models are found again, and what is found is what the files say now.

WASINN_MODELS is the folder of alexnet, which scripts/make_model.py makes; without it those tests are skipped.
"""

import ctypes
import json
import os
import pathlib
import resource
import shutil
import signal
import tempfile
import time
import unittest
from unittest import mock

from cache_entries import TAIL, Elsewhere, keep, library, opened, parts
from cache_models import (
    ADD, SHAPES, SMALL, Model, asking, ended, large, settle, small, start, use, words,
)
from command import Case, FIXTURES, GUESTS, SANITIZED, guest, run

ALEXNET = pathlib.Path(os.environ.get("WASINN_MODELS", "/nonexistent")) / "alexnet"
MADE = pathlib.Path(tempfile.mkdtemp(prefix="wasinn-models-"))
unittest.addModuleCleanup(shutil.rmtree, MADE, ignore_errors=True)


def setUpModule():
    """All models are made before any is used, so that there is one time to wait until they are kept."""
    global LARGE, LINKED, CHANGING
    MADE.chmod(0o755)
    LARGE = large(MADE / "large")
    LINKED = make_linked(MADE / "linked")
    CHANGING = make_changing(MADE / "changing")
    settle(*FIXTURES.iterdir(), *(path for path in MADE.rglob("*")))


class Cached(Case):
    def setUp(self):
        super().setUp()
        self.cache = self.temporary / "cache"

    def use(self, models, *options, code=0, **more):
        """A run with the cache. `models`: a dictionary, or one model."""
        models = {"net": models} if isinstance(models, Model) else models
        result = use(models, "--cache", self.cache, *options, **more)
        self.assertEqual(result.code, code, result.said)
        return result

    def right(self, models):
        """What is printed without a cache."""
        result = use({"net": models} if isinstance(models, Model) else models, "--no-cache")
        self.assertEqual((result.code, result.said), (0, []))
        for line in result.out.splitlines():
            self.assertEqual(line.split(" ")[1], "0", result.out)
        return result.out

    def check(self, result, out, how, said=0):
        self.assertEqual(result.out, out)
        self.assertEqual(set(result.how.values()), {how}, result.how)
        self.assertEqual(len(result.said), said, result.said)

    def entries(self, folder=None):
        return sorted((folder or self.cache).glob("model-*.cached"))

    def entry(self):
        found = self.entries()
        self.assertEqual(len(found), 1)
        return found[0]

    def left(self):
        return sorted(self.cache.glob(".*"))

    def check_whole(self, count):
        """That many compiled models, nothing damaged, nothing left over."""
        self.assertEqual(len(self.entries()), count)
        self.assertEqual(self.left(), [])
        self.assert_succeeded(run("cache", "check", "--cache", self.cache))


class Found(Cached):
    def test_small_models(self):
        right = self.right(SMALL)
        self.check(self.use(SMALL), right, "compiled")
        self.check_whole(len(SMALL))
        before = {path: path.stat().st_ino for path in self.entries()}
        for path in before:
            os.utime(path, (1, 1))
        self.check(self.use(SMALL), right, "cached")
        for path, number in before.items():
            self.assertEqual(path.stat().st_ino, number, "it was written again")
            self.assertGreater(path.stat().st_mtime, 1, "it was not used")
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_each_alone(self):
        """Then it is loaded ahead, beside the guest."""
        for name in ("add", "digits-lite", "add-graph"):
            with self.subTest(name):
                right = self.right(SMALL[name])
                self.check(self.use(SMALL[name]), right, "compiled")
                self.check(self.use(SMALL[name]), right, "cached")

    def test_options(self):
        models = {name: SMALL[name] for name in ("shapes", "shapes-lite")}
        for count, option in enumerate(("threads=1", "precision=f32", "hint=throughput", "hint=latency", "mmap=yes"), 1):
            with self.subTest(option):
                chosen = f"--option=openvino:{option}"
                right = use(models, "--no-cache", chosen).out
                self.check(self.use(models, chosen), right, "compiled")
                self.check(self.use(models, chosen), right, "cached")
                self.check_whole(2 * count)
        both = ("--option=openvino:threads=1", "--option=openvino:precision=f32")
        for how in ("compiled", "cached"):
            self.check(self.use(models, *both), right, how)
        self.check_whole(12)

    def test_guests_at_once(self):
        """Their hint is another one."""
        options = ["run", "--stats=json", "--cache", self.cache, f"--model=scalar={FIXTURES / 'scalar.xml'}"]
        for count, more in ((1, []), (8, ["--instances", "4", "--repeat", "2"])):
            for how in ("compiled", "cached"):
                found = ended(start([*options, *more, guest("double")]))
                self.assertEqual((found.code, found.out), (0, "42\n" * count))
                self.check(found, found.out, how)
        self.check_whole(2)

    def test_large(self):
        right = self.right(LARGE)
        self.check(self.use(LARGE), right, "compiled")
        self.check_whole(1)
        for _ in range(3):
            self.check(self.use(LARGE), right, "cached")

    @unittest.skipUnless(ALEXNET.exists(), f"there is no {ALEXNET}: python3 scripts/make_model.py alexnet")
    def test_alexnet(self):
        """244 MB, of which some bits change."""
        model = asking(ALEXNET / "varied" / "model.xml", [f"input c 0 1 1x3x224x224 @{ALEXNET / 'tensor.f32'}"])
        first = self.use(model, f"--dir={ALEXNET}")
        self.check(first, first.out, "compiled")
        self.assertEqual({line.split(" ")[1] for line in first.out.splitlines()}, {"0"})
        self.check_whole(1)
        self.check(self.use(model, f"--dir={ALEXNET}"), first.out, "cached")
        size = self.entry().stat().st_size
        self.assertGreater(size, 200 << 20)
        for at in (0, size // 2):
            with self.subTest(at=at):
                flip(self.entry(), at)
                self.check(self.use(model, f"--dir={ALEXNET}"), first.out, "compiled", said=1)
                self.check(self.use(model, f"--dir={ALEXNET}"), first.out, "cached")

    def test_profiles_are_apart(self):
        """Layers are measured in a model that is compiled for that."""
        trace = self.temporary / "trace.json"
        right = self.right(ADD)
        self.check(self.use(ADD, "--profile", trace), right, "compiled")
        self.assertEqual(self.entries(), [])
        self.use(ADD)
        before = self.entry().read_bytes()
        os.utime(self.entry(), (1, 1))
        self.check(self.use(ADD, "--profile", trace), right, "compiled")
        self.assertEqual((self.entry().stat().st_mtime, self.entry().read_bytes()), (1, before))


# ---- Files under several names


class OtherRuntime(Cached):
    def test_another_build_of_the_same_version(self):
        listed = json.loads(run("backends", "--json").out)["backends"]
        library = pathlib.Path(next(one["library"] for one in listed if one["name"] == "openvino")).resolve()
        folder = self.temporary / "runtime"
        folder.mkdir()
        for part in library.parent.iterdir():
            if part != library:
                (folder / part.name).symlink_to(part)
        runtime = folder / library.name
        right = self.right(ADD)
        with mock.patch.dict(os.environ, WASINN_OPENVINO=str(runtime)):
            for _ in range(2):
                # A new file in the place of the old one, as an installation has it.
                shutil.copy(library, self.temporary / "new")
                (self.temporary / "new").rename(runtime)
                self.check(self.use(ADD), right, "compiled")
                self.check(self.use(ADD), right, "cached")
            os.utime(runtime, (1, 1))
            self.check(self.use(ADD), right, "compiled")
            self.check(self.use(ADD), right, "cached")
        self.check_whole(3)


def make_linked(folder):
    one = small(folder / "one")
    other = small(folder / "other", values=(9, 9, 9, 9))
    made = {"one": one}
    for name, make in (("hard", os.link), ("soft", os.symlink)):
        (folder / name).mkdir()
        for ending in ("xml", "bin"):
            make(one.path.with_suffix(f".{ending}"), folder / name / f"{name}.{ending}")
        made[name] = Model(folder / name / f"{name}.xml", one.commands)
    (folder / "folder").symlink_to(folder / "one")
    made["folder"] = Model(folder / "folder", one.commands)
    # The same xml with other weights.
    (folder / "mixed").mkdir()
    os.link(one.path, folder / "mixed" / "model.xml")
    shutil.copy(other.path.with_suffix(".bin"), folder / "mixed" / "model.bin")
    made["mixed"] = Model(folder / "mixed" / "model.xml", one.commands)
    return made


class Links(Cached):
    def test_the_same_files(self):
        same = {name: model for name, model in LINKED.items() if name != "mixed"}
        right = {name: self.right({name: model}) for name, model in LINKED.items()}
        self.assertEqual(len({text.split("\n", 1)[1] for text in right.values()}), 2)
        self.assertEqual(self.use({"one": same["one"]}).how, {"one": "compiled"})
        for name, model in same.items():
            with self.subTest(name):
                self.check(self.use({name: model}), right[name], "cached")
        self.check_whole(1)
        self.check(self.use({"mixed": LINKED["mixed"]}), right["mixed"], "compiled")
        self.check(self.use({"mixed": LINKED["mixed"]}), right["mixed"], "cached")
        self.check_whole(2)

    def test_at_once(self):
        """Cold, by all names in one process."""
        right = self.right(LINKED)
        self.assertEqual(self.use(LINKED).out, right)
        self.check_whole(2)
        self.check(self.use(LINKED), right, "cached")


# ---- Files that change


def overwrite(path, data, *, times=False):
    """In place; with `times` these are those that it had."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(data)
    assert path.stat().st_size == before.st_size and path.stat().st_ino == before.st_ino
    if times:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path, data, *, times=False):
    before, new = path.stat(), path.with_suffix(".new")
    new.write_bytes(data)
    if times:
        os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.rename(path)


def edited(path, old, new):
    data = path.read_bytes()
    assert data.count(old) == 1 and len(old) == len(new)
    return data.replace(old, new)


def make_changing(folder):
    """By its name: a model, and what changes it."""
    made = {}
    other = small(folder / "other", values=(9, -9, 9, -9))
    minimum = small(folder / "minimum", "Minimum")
    files = {"bin": other.path.with_suffix(".bin").read_bytes(), "xml": minimum.path.read_bytes()}
    for way in (overwrite, replace):
        for times in (False, True):
            for ending, data in files.items():
                name = f"{ending} {way.__name__} {times}".replace(" ", "-")
                model = small(folder / name)
                made[name] = model, lambda p=model.path.with_suffix(f".{ending}"), d=data, w=way, t=times: w(p, d, times=t)
    for name, fixture in (("lite", "tensorflowlite/scalar.tflite"), ("graph", "tensorflow/scalar.pb")):
        path = folder / f"{name}{pathlib.Path(fixture).suffix}"
        shutil.copy(FIXTURES / fixture, path)
        model = asking(path, ["input c 0 1 - 0000a841"])
        made[name] = model, lambda p=path: overwrite(p, edited(p, b"\0\0\0\x40", b"\0\0\x40\x40"), times=True)

    model = small(folder / "moved")
    made["moved"] = Model(folder / "moved", model.commands), lambda: (
        (folder / "moved").rename(folder / "moved-away"), (folder / "other").rename(folder / "moved"))
    model = small(folder / "linked")
    (folder / "link").symlink_to(folder / "linked")
    made["link"] = Model(folder / "link" / "model.xml", model.commands), lambda: (
        (folder / "link").unlink(), (folder / "link").symlink_to(folder / "minimum"))

    shutil.copytree(FIXTURES / "models" / "shapes_sm", folder / "saved")
    weights = folder / "saved" / "variables" / "variables.data-00000-of-00001"
    made["saved"] = (asking(folder / "saved" / "saved_model.pb", ["input c 0 1 1x64x64x3 @circle.f32"]),
                     lambda: overwrite(weights, weights.read_bytes()[4096:8192], times=True))
    return made


class Changes(Cached):
    def test_new_answers(self):
        models = {name: model for name, (model, _) in CHANGING.items()}
        old = self.right(models)
        self.check(self.use(models), old, "compiled")
        found = self.use(models)
        self.assertEqual(found.out, old)
        self.assertEqual({name for name, how in found.how.items() if how != "cached"}, {"saved"},
                         "the weights of a SavedModel are files that nobody has looked at")
        for _, change in CHANGING.values():
            change()
        new = self.right(models)
        for name in models:
            self.assertNotEqual(self.part(old, name, models), self.part(new, name, models), name)
        for when in ("at once", "and again", "when they are kept", "when they are found"):
            with self.subTest(when):
                if when == "when they are kept":
                    settle(*(path for path in (MADE / "changing").rglob("*")))
                found = self.use(models)
                for name in models:
                    self.assertEqual(self.part(found.out, name, models), self.part(new, name, models), name)
                self.assertEqual(found.said, [])
                if when == "at once":
                    self.assertEqual(set(found.how.values()), {"compiled"}, found.how)
        self.assertEqual({name for name, how in found.how.items() if how != "cached"}, {"saved"})

    def part(self, out, name, models):
        """What one of the models has printed."""
        lines, at = out.splitlines(), 0
        for one, model in models.items():
            count = 2 + len(model.commands)
            if one == name:
                return lines[at:at + count]
            at += count

    def test_just_written(self):
        """It might be written again, and nobody could tell."""
        model = small(self.temporary / "fresh")
        right = self.right(model)
        for _ in range(2):
            self.check(self.use(model), right, "compiled")
            self.assertEqual(self.entries(), [])
        ahead = time.time() + 3600
        os.utime(model.path, (ahead, ahead))
        self.check(self.use(model), right, "compiled")
        self.assertEqual(self.entries(), [])


# ---- Entries that are not what they were


def flip(path, at):
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x20]))


class Damage(Cached):
    def places(self, path):
        """The first byte, the middle and the last of the content, what describes it, and all that the tail has."""
        data = path.read_bytes()
        content, size = len(parts(data)[0]), len(data)
        return sorted({0, content // 2, content - 1, content, content + 40, size - TAIL.size - 1,
                       *(size - TAIL.size + at for at in (0, 8, 16, 20, 24, 40, TAIL.size - 1))})

    def test_small(self):
        right = self.right(SHAPES)
        self.use(SHAPES)
        for at in self.places(self.entry()):
            with self.subTest(at=at):
                flip(self.entry(), at)
                found = self.use(SHAPES)
                self.check(found, right, "compiled", said=1)
                self.assertIn(self.entry().name, found.said[0])
                self.check_whole(1)
        self.check(self.use(SHAPES), right, "cached")

    def test_large(self):
        right = self.right(LARGE)
        self.use(LARGE)
        size = self.entry().stat().st_size
        for at in (0, (8 << 20) + 5, size // 2, size - TAIL.size - 2000, size - TAIL.size - 1, size - 1):
            with self.subTest(at=at):
                flip(self.entry(), at)
                found = self.use(LARGE)
                self.check(found, right, "compiled", said=1)
                self.assertIn(self.entry().name, found.said[0])
                self.check_whole(1)
        self.check(self.use(LARGE), right, "cached")

    def test_cut(self):
        right = self.right(SHAPES)
        self.use(SHAPES)
        size = self.entry().stat().st_size
        for left in (0, 1, TAIL.size, size // 2, size - TAIL.size, size - 1, size + 1):
            with self.subTest(left=left):
                os.truncate(self.entry(), left)
                self.check(self.use(SHAPES), right, "compiled", said=1)
                self.assertEqual(self.entry().stat().st_size, size)

    def test_several_at_once(self):
        """One line, whatever there is to be said."""
        models = {name: SMALL[name] for name in ("add", "shapes", "digits-lite")}
        right = self.right(models)
        self.use(models)
        for path in self.entries():
            flip(path, 0)
        self.check(self.use(models), right, "compiled", said=1)
        self.check(self.use(models), right, "cached")

    def test_swapped(self):
        models = {name: SMALL[name] for name in ("add", "shapes")}
        right = self.right(models)
        self.use(models)
        one, other = self.entries()
        data = one.read_bytes(), other.read_bytes()
        one.write_bytes(data[1])
        other.write_bytes(data[0])
        self.check(self.use(models), right, "compiled")
        self.check(self.use(models), right, "cached")
        self.check_whole(2)

    @unittest.skipIf(SANITIZED, "Python cannot load a library with a sanitizer in it")
    def test_what_this_runtime_does_not_take(self):
        """Whole, under the right key: as another OpenVINO, or a mistake of ours, would have left it."""
        for model in (SHAPES, LARGE):
            right = self.right(model)
            shutil.rmtree(self.cache, ignore_errors=True)
            self.use(model)
            path = self.entry()
            content, kind, key, label = parts(path.read_bytes())
            self.assertEqual(content.count(b";ov=20"), 1)
            noise = bytes(range(256)) * (len(content) // 256)
            others = {"version": content.replace(b";ov=20", b";ov=19"), "cut": content[: len(content) // 2], "noise": noise,
                      "empty": b"", "short": b"x" * 24, "no end": content[:-24] + b"\xff" * 24,
                      "longer": content + content[:100], "zeros": bytes(len(content))}
            for name in list(others)[: 3 if model is LARGE else None]:
                other = others[name]
                with self.subTest(name, size=len(content)):
                    keep(self.cache, kind, key, label, other)
                    self.assertEqual(parts(path.read_bytes())[0], other)
                    self.check(self.use(model), right, "compiled")
                    self.check(self.use(model), right, "cached")


# ---- The folder


MODULES = 20000  # with a limit as low as this those of the guests are not kept; below it the engine itself cannot run


def limited(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class Folders(Elsewhere, Cached):
    def test_read_only(self):
        folder = self.folder_of_nobody()
        arguments = ["--cache", folder, f"--model=scalar={FIXTURES / 'scalar.xml'}", GUESTS / "double.wasm"]
        folder.chmod(0o500)
        result = self.as_nobody(*arguments)
        self.assertEqual((result.returncode, result.stdout), (0, "42\n"), result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertIn("nothing is kept", result.stderr)
        self.assertEqual(list(folder.iterdir()), [])
        folder.chmod(0o700)
        self.assertEqual(self.as_nobody(*arguments).stderr, "")
        (entry,) = self.entries(folder)
        before = entry.stat()
        folder.chmod(0o500)
        result = self.as_nobody("--stats=json", *arguments)
        self.assertEqual((result.returncode, result.stdout), (0, "42\n"), result.stderr)
        self.assertIn('"cached"', result.stderr.replace('"module":"cached"', ""))
        self.assertEqual(entry.stat().st_ino, before.st_ino)
        # It stays where it is, damaged as it is, and that is what is said.
        flip(entry, 0)
        for _ in range(2):
            result = self.as_nobody(*arguments)
            self.assertEqual((result.returncode, result.stdout), (0, "42\n"), result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertRegex(result.stderr, f"{entry.name}.* cannot be removed")

    def test_no_room(self):
        """For the modules, for the model, and for just what comes behind it."""
        right = self.right(SHAPES)
        self.use(SHAPES)
        size = self.entry().stat().st_size
        content = len(parts(self.entry().read_bytes())[0])
        for limit in (MODULES, content // 2, content - 10, content, content + 10, size - 1):
            with self.subTest(limit):
                shutil.rmtree(self.cache)
                found = self.use(SHAPES, preexec_fn=limited(limit))
                self.check(found, right, "compiled", said=1)
                self.assertIn("not kept", found.said[0])
                self.assertEqual((self.entries(), self.left()), ([], []))
        self.check(self.use(SHAPES, preexec_fn=limited(size)), right, "compiled")
        self.check(self.use(SHAPES, preexec_fn=limited(MODULES)), right, "cached")

    def test_no_room_for_a_large_one(self):
        right = self.right(LARGE)
        found = self.use(LARGE, preexec_fn=limited(30 << 20))
        self.check(found, right, "compiled", said=1)
        self.assertIn("not kept", found.said[0])
        self.check_whole(0)

    def test_no_room_for_what_bench_compiles(self):
        """It is told although it is written beside what is measured."""
        process = start(["bench", LARGE.path, "--seconds", "0.01", "--instances", "1", "--cache", self.cache],
                        preexec_fn=limited(30 << 20))
        found = ended(process)
        self.assertEqual((found.code, len(found.said)), (0, 1), found.said)
        self.assertIn("not kept", found.said[0])
        self.check_whole(0)

    def test_full_disk(self):
        right = self.right(SHAPES)
        arguments = [f"--model=net={SHAPES.path}", GUESTS / "session.wasm", "name net", "context g", *SHAPES.commands]
        for size, kept in (("20k", 0), ("180k", 0), ("290k", 0), ("600k", 1)):
            with self.subTest(size):
                result = self.mounted(
                    f'mkdir -p "$1/disk"; mount -t tmpfs -o size={size},mode=700 none "$1/disk"\n'
                    'one="$1"; wasinn="$2"; shift 3\n'
                    f'for i in 1 2; do "$wasinn" run --cache "$one/disk" "--dir={FIXTURES}::." "$@"; done\n'
                    'ls -A "$one/disk" | grep -v "^module" || true', *arguments)
                kept_lines = result.stdout[2 * len(right):].splitlines()
                self.assertEqual((result.returncode, result.stdout[:2 * len(right)]), (0, right * 2), result.stderr)
                # Where there is room for one, it is the model or the guest's module, whichever comes first.
                self.assertIn(len(kept_lines), (kept, 1), result.stdout)
                self.assertRegex(result.stderr, r"\A(wasinn: cache '.*': .* not kept: .*\n){2}\Z" if not kept else r"\A\Z")
                shutil.rmtree(self.temporary / "disk")

    def test_cold_at_once(self):
        for model, rounds in ((ADD, 3), (SMALL["shapes-lite"], 2), (LARGE, 1)):
            right = self.right(model)
            for _ in range(rounds):
                shutil.rmtree(self.cache, ignore_errors=True)
                for found in [ended(process) for process in self.hosts(model)]:
                    self.assertEqual((found.code, found.out, found.said), (0, right, []))
                self.check_whole(1)
                self.check(self.use(model), right, "cached")

    def test_damaged_at_once(self):
        for model in (SHAPES, LARGE):
            right = self.right(model)
            shutil.rmtree(self.cache, ignore_errors=True)
            self.use(model)
            flip(self.entry(), self.entry().stat().st_size // 2)
            for found in [ended(process) for process in self.hosts(model)]:
                self.assertEqual((found.code, found.out), (0, right))
                self.assertLessEqual(len(found.said), 1)
            self.check_whole(1)
            self.check(self.use(model), right, "cached")

    def hosts(self, model):
        return [start(words({"net": model}, "--cache", self.cache)) for _ in range(6)]

    @unittest.skipIf(SANITIZED, "Python cannot load a library with a sanitizer in it")
    def test_bound(self):
        """Too small for one model, or for two."""
        functions = library()
        functions.wasinn_host_preload.restype = ctypes.c_int
        self.use(ADD)
        size = self.entry().stat().st_size
        shutil.rmtree(self.cache)
        for most, kept in ((size // 2, 0), (size + size // 2, 1), (3 * size, 2)):
            with self.subTest(most):
                cache, host = opened(functions, self.cache, most), ctypes.c_void_p()
                self.assertEqual(functions.wasinn_host_new(ctypes.byref(host)), 0)
                functions.wasinn_host_set_cache(host, cache)
                for name, model in (("one", ADD), ("other", SMALL["scalar"])):
                    status = functions.wasinn_host_add_model(host, name.encode(), os.fsencode(model.path), 0, 0)
                    self.assertEqual(status, 0)
                    self.assertEqual(functions.wasinn_host_preload(host, name.encode()), 0)
                    functions.wasinn_cache_wait(cache)
                text = ctypes.create_string_buffer(1024)
                problem = functions.wasinn_cache_problem(cache, text, ctypes.c_size_t(1024))
                functions.wasinn_host_free(host)
                functions.wasinn_cache_free(cache)
                self.assertEqual(bool(problem & 0xFF), kept == 0)
                if kept == 0:
                    self.assertRegex(text.value.decode(), rf"add\.xml' is not kept: \d+ bytes; the cache may have {most} in all")
                self.check_whole(kept)


# ---- Hosts that are stopped on their way


class Stopped(Cached):
    def stopped(self, prepare, seen):
        """A host that stands still while `seen` is true of it. It may have gone on by then; after that there is another one."""
        for _ in range(50):
            prepare()
            process = start(words({"net": LARGE}, "--cache", self.cache))
            self.addCleanup(self.end, process)
            while process.poll() is None:
                if not seen(process.pid):
                    time.sleep(0.0005)
                    continue
                process.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
                if process.poll() is None and seen(process.pid):
                    return process
                process.send_signal(signal.SIGCONT)
            ended(process)
        return self.fail("it was never seen")

    def end(self, process):
        if process.poll() is None:
            process.kill()
            process.communicate()

    def go_on(self, process):
        process.send_signal(signal.SIGCONT)
        return ended(process)

    def clear(self):
        shutil.rmtree(self.cache, ignore_errors=True)

    def fill(self):
        if not self.cache.exists() or not self.entries():
            self.use(LARGE)

    def writes(self, least):
        """Whether a compiled model is on its way, of which so much has been written; modules are smaller."""
        def seen(_):
            try:
                return any(path.stat().st_size >= least for path in self.left())
            except OSError:
                return False
        return seen

    def has_mapped(self, pid):
        try:
            return "/model-" in pathlib.Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
        except OSError:
            return False

    def age(self):
        for path in self.left():
            os.utime(path, (1, 1))

    def test_killed_while_it_writes(self):
        right, right_large = self.right(ADD), self.right(LARGE)
        for least in (1 << 20, 12 << 20, 30 << 20):
            with self.subTest(least):
                process = self.stopped(self.clear, self.writes(least))
                process.kill()
                self.assertEqual(ended(process).code, -signal.SIGKILL)
                self.assertEqual(self.entries(), [])
                self.assertIn(len(self.left()), (1, 2))  # the guest's module may be begun too
                self.assert_succeeded(run("cache", "check", "--cache", self.cache))
                self.check(self.use(LARGE), right_large, "compiled")
                self.check(self.use(LARGE), right_large, "cached")
                self.assertIn(len(self.left()), (1, 2), "it may be somebody's who has just begun")
                self.age()
                self.check(self.use(ADD), right, "compiled")
                self.check_whole(2)

    def test_killed_at_any_time(self):
        right = self.right(ADD)
        for i in range(16):
            process = start(words({"net": ADD}, "--cache", self.cache))
            time.sleep(0.004 * i)
            process.kill()
            ended(process)
            for path in self.entries():
                path.unlink()
        self.check(self.use(ADD), right, "compiled")
        self.check(self.use(ADD), right, "cached")
        self.age()
        self.assert_succeeded(run("cache", "check", "--cache", self.cache))
        self.check_whole(1)

    def test_what_is_left_over_is_no_entry(self):
        right = self.right(ADD)
        self.use(ADD)
        self.entry().rename(self.cache / ".unfinished-1-1")
        self.check(self.use(ADD), right, "compiled")
        self.check(self.use(ADD), right, "cached")

    def test_a_slow_writer(self):
        """What it has begun is left alone, however old that is, and in the end it is kept."""
        right = self.right(LARGE)
        process = self.stopped(self.clear, self.writes(1 << 20))
        (begun,) = self.left()
        self.age()
        self.check(self.use(LARGE), right, "compiled")
        self.assertEqual(self.left(), [begun])
        self.check(self.use(LARGE), right, "cached")
        before = self.entry().stat().st_ino
        self.check(self.go_on(process), right, "compiled")
        self.assertNotEqual(self.entry().stat().st_ino, before)
        self.check_whole(1)
        self.check(self.use(LARGE), right, "cached")

    def test_folder_removed(self):
        """While the model is being written, and while it is had from there."""
        right = self.right(LARGE)
        for prepare, seen, how, said in ((self.clear, self.writes(1 << 20), "compiled", 1),
                                         (self.fill, self.has_mapped, "cached", 0)):
            with self.subTest(how):
                process = self.stopped(prepare, seen)
                self.clear()
                result = self.go_on(process)
                # A guest's module may have been kept before or not: that is told in either case.
                self.assertIn(len(result.said), (said, 1), result.said)
                self.check(result, right, how, len(result.said))
                self.assertFalse(self.cache.exists())

    def test_entry_replaced_while_it_is_in_use(self):
        right = self.right(LARGE)
        process = self.stopped(self.fill, self.has_mapped)
        new = self.temporary / "new"
        new.write_bytes(b"something else")
        new.rename(self.entry())
        self.check(self.go_on(process), right, "cached")


if __name__ == "__main__":
    unittest.main()
