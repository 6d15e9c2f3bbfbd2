"""The commands of docs/backends.md do what the page says.

WASINN is the command. The exit code is 77, "skipped", where one of the page's parts is absent.
"""

import os
import pathlib
import shutil
import sys
import tempfile
import unittest

import page

WASINN = pathlib.Path(os.environ["WASINN"])
PAGE = page.sections(page.ROOT / "docs" / "backends.md")
SKIPPED = 77


class BackendsPage(unittest.TestCase):
    def test_from_beginning_to_end(self):
        for needed, part in [("deps/zig/zig", "zig"), ("deps/onnxruntime/lib", "onnxruntime")]:
            if not (page.ROOT / needed).exists():
                self.skipTest(f"no {needed}: python3 scripts/deps.py {part}")
        folder = tempfile.mkdtemp(prefix="wasinn-backends-")
        self.addCleanup(shutil.rmtree, folder)
        shell = page.Shell(folder, {"wasinn": WASINN})
        self.addCleanup(shell.close)
        printed = [text for blocks in PAGE.values() for text in shell.follow(blocks)]
        self.assertGreater(len(printed), 20)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    sys.exit(SKIPPED if result.skipped else not result.wasSuccessful())
