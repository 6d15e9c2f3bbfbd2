"""The commands of docs/guests.md do what the page says.

WASINN is the command, WASINN_GUESTS the folder of compiled guests, WASINN_LANGUAGES a folder for those of other
languages than C, WASINN_MODELS that of efficientnet-lite0. What is absent is skipped; the exit code is 77 where nothing is left.
"""

import os
import pathlib
import shutil
import sys
import tempfile
import unittest

import page

sys.path.insert(0, str(pathlib.Path(__file__).parent / "command"))
import languages

WASINN = pathlib.Path(os.environ["WASINN"])
GUESTS = pathlib.Path(os.environ["WASINN_GUESTS"])
LANGUAGES = pathlib.Path(os.environ["WASINN_LANGUAGES"])
MODEL = pathlib.Path(os.environ["WASINN_MODELS"]) / "efficientnet-lite0"
SKIPPED = 77
PAGE = page.sections(page.ROOT / "docs" / "guests.md")


class GuestsPage(unittest.TestCase):
    def setUp(self):
        if page.absent(MODEL):
            self.skipTest(page.absent(MODEL))
        folder = tempfile.mkdtemp(prefix="wasinn-guests-")
        self.addCleanup(shutil.rmtree, folder)
        self.shell = page.Shell(
            folder, {"wasinn": WASINN, "guests": GUESTS, "models/efficientnet-lite0": MODEL}
        )
        self.addCleanup(self.shell.close)

    def follow(self, *headings):
        for heading in ("A model and a tensor", *headings):
            self.shell.follow(PAGE[heading])

    def test_every_section_is_followed(self):
        followed = {"A model and a tensor", "C", "Rust", "AssemblyScript", "Any other language", "Models in other formats",
                    "When something fails", "Large tensors, in one call", "Mistakes, and what wasinn says"}
        self.assertEqual(set(PAGE), followed)

    def test_c_and_what_goes_wrong(self):
        self.follow("C", "Any other language", "Models in other formats", "When something fails",
                    "Large tensors, in one call", "Mistakes, and what wasinn says")

    def test_rust(self):
        self.have(languages.rust)
        if not (page.ROOT / "deps" / "rust").is_dir():
            self.skipTest("rustup's own Rust is used, the page's is not there: python3 scripts/deps.py rust")
        self.follow("Rust")

    def test_assemblyscript(self):
        self.have(languages.assemblyscript)
        self.follow("AssemblyScript")

    def have(self, build):
        try:
            build(LANGUAGES / build.__name__)
        except languages.Unavailable as reason:
            self.skipTest(str(reason))


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    if result.wasSuccessful() and len(result.skipped) >= result.testsRun - 1:
        sys.exit(SKIPPED)
    sys.exit(not result.wasSuccessful())
