"""wasinn cache: lists, checks and clears; damage, foreign files, folders that are not safe.

WASINN, WASINN_FIXTURES as in command.py.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import command
from command import FIXTURES, USAGE, Case, run

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Cache(Case):
    def setUp(self):
        super().setUp()
        self.folder = self.temporary / "cache"

    def cache(self, *words, **settings):
        return run("cache", *words, "--cache", self.folder, **settings)

    def told(self, *words, code=0, **settings):
        result = self.cache(*words, "--json", **settings)
        self.assertEqual(result.code, code, result.err)
        return json.loads(result.out)

    def fill(self, *names):
        """Keeps compiled models there, as hosts do."""
        for name in names:
            result = run("bench", FIXTURES / name, "--seconds", "0.01", "--instances", "1", "--cache", self.folder)
            self.assert_succeeded(result)

    def files(self):
        return sorted(self.folder.glob("*.cached"))

    def flip(self, path, offset):
        data = bytearray(path.read_bytes())
        data[offset] ^= 1
        path.write_bytes(data)

    # ---- Listing

    def test_list(self):
        self.fill("add.xml", "shapes.xml")
        found = self.told("list")
        self.assertEqual(found["folder"], str(self.folder))
        self.assertEqual(len(found["entries"]), 2)
        self.assertEqual({pathlib.Path(one["label"]).name for one in found["entries"]}, {"add.xml", "shapes.xml"})
        self.assertEqual({one["name"] for one in found["entries"]}, {path.name for path in self.files()})
        self.assertEqual(found["bytes"], sum(path.stat().st_size for path in self.files()))
        for one in found["entries"]:
            self.assertEqual((one["kind"], one["problem"], one["removed"]), ("model", None, False))
            self.assertEqual(one["bytes"], (self.folder / one["name"]).stat().st_size)
            self.assertLess(abs(one["used"] - time.time()), 3600)
        result = self.cache("list")
        self.assert_succeeded(result)
        for word in ("kind", "model", "add.xml", "shapes.xml", "2 entries", "of at most 4.3 GB"):
            self.assertIn(word, result.out)

    def test_last_used_first(self):
        self.fill("add.xml", "shapes.xml")
        for days, path in enumerate(self.files()):
            os.utime(path, (0, time.time() - 86400 * days))
        self.assertEqual([one["name"] for one in self.told("list")["entries"]], [path.name for path in self.files()])

    def test_keys_are_documented(self):
        self.fill("add.xml")
        found = self.told("list")
        page = (ROOT / "docs" / "reference.md").read_text()
        text = page[page.index("`wasinn cache --json`"):]
        for key in {*found, *found["entries"][0]}:
            self.assertIn(f"`{key}`", text)

    # ---- Checking

    def test_whole(self):
        self.fill("add.xml")
        result = self.cache("check")
        self.assert_succeeded(result)
        self.assertIn("1 entry", result.out)
        self.assertIn("0 damaged", result.out)

    def test_flipped_bits(self):
        self.fill("add.xml", "shapes.xml")
        good, bad = self.files()
        size = bad.stat().st_size
        whole = bad.read_bytes()
        # In the content, in what follows it, and in the end.
        for offset in (0, size // 2, size - 120, size - 60, size - 1):
            bad.write_bytes(whole)
            self.flip(bad, offset)
            with self.subTest(offset=offset - size):
                found = self.told("check", code=1)
                self.assertEqual({one["name"] for one in found["entries"] if one["problem"]}, {bad.name})
                self.assert_ended(self.cache("check"), 1, "1 of 2", "clear --damaged")
                self.assertIn(bad.name, self.cache("check").out)
        self.assertEqual(self.files(), [good, bad], "checking removes nothing")
        found = self.told("clear", "--damaged")
        self.assertEqual({one["name"]: one["removed"] for one in found["entries"]}, {good.name: False, bad.name: True})
        self.assertEqual(self.files(), [good])
        self.assert_succeeded(self.cache("check"))

    def test_cut_files(self):
        self.fill("add.xml")
        path = self.files()[0]
        whole = path.read_bytes()
        for size in (0, 1, 50, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:size])
            with self.subTest(size=size):
                found = self.told("check", code=1)
                self.assertTrue(found["entries"][0]["problem"])
                listed = self.told("list")
                self.assertTrue(listed["entries"][0]["problem"], "even without reading it whole")
        path.write_bytes(whole + b"more")
        self.told("check", code=1)

    # ---- Clearing

    def test_clear(self):
        self.fill("add.xml", "shapes.xml")
        result = self.cache("clear")
        self.assert_succeeded(result)
        self.assertIn("2 entries removed", result.out)
        self.assertIn("0 left", result.out)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertIn("0 entries removed", self.cache("clear").out)

    def test_older_than(self):
        self.fill("add.xml", "shapes.xml")
        old, new = self.files()
        os.utime(old, (0, time.time() - 3 * 86400))
        self.assertIn("0 entries removed", self.cache("clear", "--older-than", "4").out)
        self.assertIn("0 entries removed", self.cache("clear", "--older-than", "2", "--damaged").out)
        self.assertIn("1 entry removed", self.cache("clear", "--older-than", "2.5").out)
        self.assertEqual(self.files(), [new])

    def test_kind(self):
        self.fill("add.xml")
        self.assertIn("0 entries removed", self.cache("clear", "--kind", "module").out)
        self.assertIn("1 entry removed", self.cache("clear", "--kind", "model").out)

    def test_foreign_files_stay(self):
        self.fill("add.xml")
        entry = self.files()[0]
        outside = self.write("outside", b"precious")
        for name in ("readme.txt", "model.cached", "model-123.cached", ".hidden", entry.name + ".old"):
            (self.folder / name).write_bytes(b"mine")
        (self.folder / "folder").mkdir()
        (self.folder / "folder" / entry.name).write_bytes(b"mine")
        (self.folder / "link").symlink_to(outside)
        before = {path.name for path in self.folder.iterdir()} - {entry.name}
        self.assertEqual(len(self.told("list")["entries"]), 1)
        self.assert_succeeded(self.cache("clear"))
        self.assertEqual({path.name for path in self.folder.iterdir()}, before)
        self.assertEqual(outside.read_bytes(), b"precious")

    def test_links_and_others_in_the_place_of_entries(self):
        self.fill("add.xml")
        entry = self.files()[0]
        outside = self.write("outside", entry.read_bytes())
        link = self.folder / f"model-{'0' * 32}.cached"
        link.symlink_to(outside)
        pipe = self.folder / f"model-{'1' * 32}.cached"
        os.mkfifo(pipe)
        found = self.told("check", code=1)
        self.assertEqual({one["name"] for one in found["entries"] if one["problem"]}, {link.name, pipe.name})
        self.assert_succeeded(self.cache("clear"))
        self.assertEqual(self.files(), [])
        self.assertTrue(outside.exists(), "only the link goes")

    def test_a_folder_in_the_place_of_an_entry(self):
        self.folder.mkdir(mode=0o700)
        place = self.folder / f"model-{'2' * 32}.cached"
        place.mkdir()
        self.assert_ended(self.cache("clear"), 1, place.name)
        self.assertTrue(place.is_dir())

    def test_while_a_host_has_it_in_use(self):
        self.fill("shapes.xml")
        words = ["bench", FIXTURES / "shapes.xml", "--seconds", "0.3", "--instances", "1", "--json"]
        process = subprocess.Popen([command.WASINN, *words, "--cache", self.folder], stdout=subprocess.PIPE,
                                   env=command.variables({}))
        cleared = 0
        while process.poll() is None:
            found = self.told("clear")
            cleared += sum(one["removed"] for one in found["entries"])
        found = json.loads(process.stdout.read())
        process.stdout.close()
        self.assertEqual(process.returncode, 0)
        self.assertGreaterEqual(cleared, 1)
        for arm in found["set_ups"][0]["figures"][0]["arms"]:
            self.assertTrue(arm["equal"])
        self.told("clear")
        self.assertEqual(list(self.folder.iterdir()), [])

    # ---- Folders

    def test_none(self):
        result = self.cache("list")
        self.assert_ended(result, 1, str(self.folder), "No such file")
        self.assertFalse(self.folder.exists(), "looking makes none")
        home = {"HOME": str(self.temporary), "XDG_CACHE_HOME": None, "WASINN_CACHE": None}
        for environment, folder in ((home, self.temporary / ".cache" / "wasinn"),
                                    ({**home, "XDG_CACHE_HOME": str(self.temporary / "x")}, self.temporary / "x" / "wasinn"),
                                    ({**home, "WASINN_CACHE": str(self.temporary / "w")}, self.temporary / "w")):
            for action in ("list", "check", "clear"):
                result = run("cache", action, environment=environment)
                self.assert_succeeded(result)
                self.assertIn(f"{folder}: not there", result.out)
            self.assertEqual(json.loads(run("cache", "list", "--json", environment=environment).out)["entries"], [])
            self.assertFalse(folder.exists())
        self.assert_ended(run("cache", "list", environment={**home, "HOME": None}), 1, "names a folder")
        self.assert_ended(run("cache", "list", environment={**home, "WASINN_CACHE": "off"}), 1, "'off'")

    def test_folder_of_the_environment(self):
        self.fill("add.xml")
        result = run("cache", "list", environment={"WASINN_CACHE": str(self.folder)})
        self.assert_succeeded(result)
        self.assertIn("1 entry", result.out)

    def test_no_folder(self):
        self.write("cache", b"a file")
        self.assert_ended(self.cache("list"), 1, "not a folder")

    def test_unsafe_folders(self):
        self.fill("add.xml")
        for mode in (0o770, 0o707, 0o777, 0o1777):
            self.folder.chmod(mode)
            for action in ("list", "check", "clear"):
                self.assert_ended(self.cache(action), 1, "can be written by others")
        self.folder.chmod(0o700)
        self.temporary.chmod(0o777)
        self.assert_ended(self.cache("list"), 1, str(self.temporary), "can be written by others")
        self.temporary.chmod(0o700)
        self.assertEqual(len(self.files()), 1)
        self.assert_succeeded(self.cache("list"))

    @unittest.skipIf(os.geteuid() != 0, "only root can give a folder away")
    def test_folder_of_another_user(self):
        self.fill("add.xml")
        os.chown(self.folder, 65534, 65534)
        self.assert_ended(self.cache("list"), 1, "belongs to another user")

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_read_only(self):
        self.fill("add.xml")
        self.folder.chmod(0o500)
        self.addCleanup(self.folder.chmod, 0o700)
        self.assert_succeeded(self.cache("list"))
        self.assert_ended(self.cache("clear"), 1, "cannot be removed")
        self.assertEqual(len(self.files()), 1)

    def test_names_are_escaped(self):
        self.folder = self.temporary / "ca\x1bche"
        self.fill("add.xml")
        result = self.cache("list")
        self.assert_succeeded(result)
        self.assertNotIn("\x1b", result.out)

    def test_usage(self):
        self.assert_ended(run("cache"), USAGE, "list, check or clear")
        self.assert_ended(run("cache", "lst"), USAGE, "'lst'")
        self.assert_ended(run("cache", "list", "clear"), USAGE, "besides")
        self.assert_ended(run("cache", "list", "--cache", ""), USAGE, "--cache")
        self.assert_ended(run("cache", "clear", "--nonsense"), USAGE, "--nonsense")
        for words in (("--damaged",), ("--kind", "model"), ("--older-than", "1")):
            self.assert_ended(self.cache("check", *words), USAGE, "for clear")
        for wrong in ("x", "-1", "", "1d", "nan", "inf", "1e9"):
            self.assert_ended(self.cache("clear", "--older-than", wrong), USAGE, "--older-than")


if __name__ == "__main__":
    unittest.main()
