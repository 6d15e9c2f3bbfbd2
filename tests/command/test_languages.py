"""The example in Rust and AssemblyScript does what the one in C does: test_languages.py LANGUAGE...

WASINN is the command, WASINN_GUESTS the folder of classify.wasm compiled from C, WASINN_LANGUAGES a folder for those
of the other languages, WASINN_MODELS that of efficientnet-lite0, WASINN_PHOTOGRAPHS a folder of photographs. A
language that cannot be had here is skipped; the exit code is 77 where none could be.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import languages

WASINN = os.environ["WASINN"]
GUESTS = pathlib.Path(os.environ["WASINN_GUESTS"])
LANGUAGES = pathlib.Path(os.environ["WASINN_LANGUAGES"])
PHOTOGRAPHS = pathlib.Path(os.environ["WASINN_PHOTOGRAPHS"])
MODEL = pathlib.Path(os.environ["WASINN_MODELS"]) / "efficientnet-lite0"
TENSOR = "--shape 1x3x224x224 --order rgb --mean 127 --scale 128".split()
SKIPPED = 77


def run(*arguments):
    result = subprocess.run([WASINN, *map(os.fspath, arguments)], capture_output=True, timeout=120)
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def classify(guest, fixture, *arguments, options=()):
    return run("run", *options, "--mapdir", f"fixture::{fixture}", guest, *arguments)


class Language:
    """The tests of one language, which `build` builds."""

    @classmethod
    def setUpClass(cls):
        for needed, how in [(MODEL / "model.xml", "scripts/make_model.py"),
                            (PHOTOGRAPHS / "coffee.png", "scripts/deps.py photographs")]:
            if not needed.exists():
                raise unittest.SkipTest(f"no {needed}: python3 {how}")
        try:
            cls.guest = cls.build(LANGUAGES / cls.__name__.lower())
        except languages.Unavailable as reason:
            raise unittest.SkipTest(str(reason)) from None
        cls.c = GUESTS / "classify.wasm"
        cls.fixture = pathlib.Path(tempfile.mkdtemp(prefix="wasinn-languages-"))
        cls.addClassCleanup(shutil.rmtree, cls.fixture)
        for name in ("model.xml", "model.bin", "labels.txt"):
            shutil.copyfile(MODEL / name, cls.fixture / name)
        code, _, errors = run("tensor", PHOTOGRAPHS / "coffee.png", cls.fixture / "tensor.f32", *TENSOR)
        assert code == 0, errors

    def folder(self, **changes):
        """Links to the files, with other bytes in some of them, and without those that are None."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="wasinn-languages-"))
        self.addCleanup(shutil.rmtree, folder)
        for path in self.fixture.iterdir():
            if path.name.replace(".", "_") not in changes:
                os.link(path, folder / path.name)
        for name, data in changes.items():
            if data is not None:
                (folder / name.replace("_", ".")).write_bytes(data)
        return folder

    def assert_same(self, fixture, *arguments):
        code, out, errors = classify(self.guest, fixture, *arguments)
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(len(out.splitlines()), 5)
        self.assertEqual(out, classify(self.c, fixture, *arguments)[1])
        return out

    def assert_failed(self, fixture, *arguments, words):
        """One line and exit code 1, and C's line has the same words."""
        for guest in (self.c, self.guest):
            code, out, errors = classify(guest, fixture, *arguments, options=["--quiet"])
            self.assertEqual((code, out), (1, ""), errors)
            self.assertEqual(len(errors.splitlines()), 1, errors)
            for word in words:
                self.assertIn(word.lower(), errors.lower())

    def test_labels(self):
        self.assertIn("espresso", self.assert_same(self.fixture, "fixture/labels.txt").splitlines()[0])

    def test_no_labels(self):
        self.assertIn("class 967", self.assert_same(self.fixture).splitlines()[0])

    def test_odd_labels(self):
        """Fewer lines than classes, lines of other systems, and letters that are not ASCII."""
        lines = "".join(f"größe {i}\r\n" for i in range(968)).encode()
        self.assertIn("größe 967", self.assert_same(self.folder(labels_txt=lines), "fixture/labels.txt"))

    def test_a_missing_file(self):
        for name in ("model_xml", "model_bin", "tensor_f32"):
            with self.subTest(name):
                path = f"fixture/{name.replace('_', '.')}"
                self.assert_failed(self.folder(**{name: None}), words=[f"{path}: No such file or directory"])
        self.assert_failed(self.fixture, "fixture/names", words=["fixture/names: No such file or directory"])
        self.assert_failed(self.fixture, "elsewhere", words=["elsewhere: "])

    def test_a_bad_model(self):
        self.assert_failed(self.folder(model_xml=b"no xml"), words=["load: ", "runtime error"])
        self.assert_failed(self.folder(model_bin=b""), words=["load: ", "runtime error"])

    def test_a_bad_tensor(self):
        self.assert_failed(self.folder(tensor_f32=b"1234"), words=["set_input: ", "invalid argument"])
        self.assert_failed(self.folder(tensor_f32=b""), words=["set_input: ", "invalid argument"])


class Rust(Language, unittest.TestCase):
    build = staticmethod(languages.rust)


class AssemblyScript(Language, unittest.TestCase):
    build = staticmethod(languages.assemblyscript)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    if result.wasSuccessful() and result.testsRun == 0:
        sys.exit(SKIPPED)
    sys.exit(not result.wasSuccessful())
