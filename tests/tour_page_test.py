"""The commands of docs/tour.md do what the page says.

WASINN is the command, WASINN_MODELS the folder of efficientnet-lite0. The exit code is 77, "skipped", where one of
the page's parts is absent.
"""

import os
import pathlib
import shutil
import sys
import tempfile
import unittest

import page

WASINN = pathlib.Path(os.environ["WASINN"])
MODEL = pathlib.Path(os.environ["WASINN_MODELS"]) / "efficientnet-lite0"
PAGE = page.sections(page.ROOT / "docs" / "tour.md")
SKIPPED = 77


class TourPage(unittest.TestCase):
    def test_from_beginning_to_end(self):
        if page.absent(MODEL):
            self.skipTest(page.absent(MODEL))
        folder = tempfile.mkdtemp(prefix="wasinn-tour-")
        self.addCleanup(shutil.rmtree, folder)
        shell = page.Shell(folder, {"wasinn": WASINN, "models/efficientnet-lite0": MODEL})
        self.addCleanup(shell.close)
        printed = [text for blocks in PAGE.values() for text in shell.follow(blocks)]
        self.assertGreater(len(printed), 15)
        for name in ("seen.png", "map.png", "over.png"):
            picture = pathlib.Path(folder) / "tour" / name
            self.assertTrue(picture.read_bytes().startswith(b"\x89PNG"), name)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    sys.exit(SKIPPED if result.skipped else not result.wasSuccessful())
