"""wasinn backends: what is there, what is missing and why, for people and for programs."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from command import USAGE, Case, run

LIBRARIES = pathlib.Path(os.environ["WASINN_LIBRARIES"])
EXAMPLE = LIBRARIES / "example-backends"
UNFIT = LIBRARIES / "tests" / "unfit-backends"
ENCODINGS = ["openvino", "onnx", "tensorflow", "pytorch", "tensorflowlite", "ggml"]


def listed(*words, **environment):
    result = run("backends", "--json", *words, environment=environment)
    assert result.code == 0 and not result.err, result.err
    found = json.loads(result.out)
    return {one["name"]: one for one in found["backends"]}, found["encodings"]


class Listing(Case):
    def test_openvino(self):
        backends, encodings = listed()
        one = backends["openvino"]
        self.assertTrue(one["available"], one["problem"])
        self.assertRegex(one["version"], r"^20\d\d\.")
        self.assertTrue(os.path.exists(one["library"]) and os.path.exists(one["backend"]))
        self.assertIn("openvino", one["encodings"])
        self.assertIn("CPU", one["devices"])
        self.assertLessEqual({"threads", "precision"}, set(one["options"]))
        self.assertTrue(all(one["options"].values()))
        self.assertEqual(list(encodings), ENCODINGS)
        self.assertEqual(encodings["openvino"], ["openvino"])
        self.assertEqual((encodings["pytorch"], encodings["ggml"]), ([], []))
        for encoding, names in encodings.items():
            self.assertEqual(names, [name for name, one in backends.items() if one["available"] and encoding in one["encodings"]])

    def test_for_people(self):
        result = run("backends")
        self.assert_succeeded(result)
        backends, encodings = listed()
        for name, one in backends.items():
            self.assertIn(f"\n{name} {one['version']}\n" if one["available"] else f"{name}: not available", "\n" + result.out)
            for key, text in one["options"].items():
                self.assertRegex(result.out, rf"(?m)^  (options   )? +{key} +{text[:20]}")
        for encoding, names in encodings.items():
            self.assertRegex(result.out, rf"(?m)^{encoding} +{', or '.join(names) or 'nothing'}")
        self.assertLessEqual(max(len(line) for line in result.out.splitlines() if "/" not in line), 96)

    def test_missing_runtime(self):
        """It says what it looked for and which package has it; the others are still there."""
        empty = str(self.temporary)
        backends, encodings = listed(WASINN_OPENVINO=empty)
        one = backends["openvino"]
        self.assertEqual((one["available"], one["version"], one["library"], one["devices"]), (False, None, None, []))
        self.assertIn(empty, one["problem"])
        self.assertIn("openvino", one["package"])
        self.assertEqual(encodings["openvino"], [])
        result = run("backends", environment={"WASINN_OPENVINO": empty})
        self.assert_succeeded(result)
        self.assertIn("openvino: not available\n  why        ", result.out)
        self.assertRegex(result.out, r"  needs      .*openvino")
        self.assertRegex(result.out, r"(?m)^openvino +nothing here$")
        self.assertRegex(result.out, r"(?m)^pytorch +nothing in this version: convert the model .*docs/models\.md")
        self.assertRegex(result.out, r"(?m)^ggml +nothing in this version$")
        # What is long goes on below, in the same column; nothing of it is lost.
        why = re.search(r"(?m)^  why        (.*\n(?: {13}.*\n)*)", result.out)[1]
        self.assertEqual(" ".join(why.split()), " ".join(one["problem"].split()))

    def test_more_folders(self):
        for words, environment in [(("--backends", EXAMPLE), {}), ((), {"WASINN_BACKENDS": str(EXAMPLE)}),
                                   (("--backends", f"/nowhere:{EXAMPLE}"), {"WASINN_BACKENDS": str(UNFIT)})]:
            with self.subTest(words=words, environment=environment):
                backends, _ = listed(*words, **environment)
                self.assertEqual(next(iter(backends)), "linear", "chosen folders come first")
                one = backends["linear"]
                self.assertEqual((one["encodings"], one["devices"], one["options"]), (["autodetect"], ["CPU"], {}))
                self.assertEqual(one["backend"], str(EXAMPLE / "libwasinn-linear.so"))
                self.assertIn("openvino", backends)
        backends, _ = listed("--backends", "/nowhere", "--backends", EXAMPLE)
        self.assertIn("linear", backends, "the option may come more than once")
        self.assertNotIn("linear", listed()[0])

    def test_own_backend_instead(self):
        """Of two with one name the first counts."""
        shutil.copy(EXAMPLE / "libwasinn-linear.so", self.temporary / "libwasinn-linear.so")
        backends, _ = listed("--backends", f"{self.temporary}:{EXAMPLE}")
        self.assertEqual(backends["linear"]["backend"], str(self.temporary / "libwasinn-linear.so"))

    def test_unfit(self):
        backends, _ = listed("--backends", UNFIT)
        for name, problem in [("abi", "ABI version 2; wanted 1"), ("nothing", "no function wasinn_backend_table"),
                              ("null", "returns NULL"), ("incomplete", "lacks a required entry")]:
            one = backends[name]
            self.assertFalse(one["available"])
            self.assertIn(problem, one["problem"])
            self.assertIsNone(one["package"])
        self.assertTrue(backends["openvino"]["available"])

    def test_hostile_names(self):
        """A file's name reaches the terminal escaped."""
        (self.temporary / "libwasinn-\x1b[31mred\n.so").write_text("no library")
        (self.temporary / "libwasinn-.so").write_text("")
        (self.temporary / "libwasinn-folder.so").mkdir()
        os.mkfifo(self.temporary / "libwasinn-fifo.so")
        result = run("backends", "--backends", self.temporary)
        self.assert_succeeded(result)
        self.assertNotIn("\x1b", result.out)
        self.assertIn("\\x1b[31mred", result.out)
        self.assertIn("folder: not available", result.out)
        self.assertIn("fifo: not available", result.out)


class Usage(Case):
    def test_wrong(self):
        for words, why in [(("x",), "'x'"), (("--jsn",), "--jsn"), (("--backends",), "--backends"), (("--json=1",), "--json=1")]:
            result = run("backends", *words)
            self.assertEqual((result.code, result.out, len(result.complaints)), (USAGE, "", 1))
            self.assertIn(why, result.err)

    def test_stdout_that_is_full(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = subprocess.run([os.environ["WASINN"], "backends"], stdout=full, stderr=subprocess.PIPE, text=True,
                                    check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("stdout", result.stderr)


if __name__ == "__main__":
    unittest.main()
