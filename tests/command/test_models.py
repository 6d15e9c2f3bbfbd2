"""`wasinn run`: which models there are, which backends load them, and what the guest's numbers mean."""

import json
import os
import re
import unittest

from command import (
    CORRECT, CORRECT_ANSWERS, Case, F32, FIXTURES, GUESTS, INVALID_ARGUMENT, NOT_FOUND, NOT_STARTED, SUCCESS, USAGE,
    floats, guest, input_of, run, session,
)

# The example, and backends that refuse each model with all that they were asked for: tests/backends/telling.c.
EXAMPLE = os.path.join(os.environ["WASINN_LIBRARIES"], "example-backends")
TELLING = os.path.join(os.environ["WASINN_LIBRARIES"], "tests", "telling-backends")
ADD = FIXTURES / "add.xml"
AFTER, ANSWERS = CORRECT[1:], CORRECT_ANSWERS
LIMIT = 1 << 20


class Models(Case):
    def told(self, *options, name="a", environment={}):
        """What the telling backend was asked for when the guest loads a model."""
        result = session(f"name {name}", options=("--backends", TELLING, *options), environment=environment)
        self.assert_alive(result)
        self.assertEqual(len(result.complaints), 1, result.err)
        self.assertIn("load_by_name: runtime_error: ", result.complaints[0])
        return result.complaints[0][result.complaints[0].index("["):]

    def computes(self, *options, name="a"):
        result = session(f"name {name}", *AFTER, options=options)
        self.assert_succeeded(result)
        self.assert_answers(result, ANSWERS)

    def refused(self, code, options, *words):
        result = session(*CORRECT, options=options)
        self.assertEqual(result.out, "")
        self.assert_ended(result, code, *words)
        return result.complaints[0]


# ---- --model -------------------------------------------------------------------------------------------


class Model(Models):
    def test_encodings_and_targets(self):
        model = self.write("model")
        for encoding in ("onnx", "tensorflow", "pytorch", "tensorflowlite", "ggml"):
            self.assertEqual(self.told("--model", f"a={model},encoding={encoding}"), f"[one {encoding} cpu] {model}")
        for target in ("cpu", "gpu", "npu", "auto"):
            self.assertEqual(self.told("--model", f"a={model},target={target},encoding=onnx"),
                             f"[one onnx {target}] {model}")
        self.computes("--model", f"a={ADD},encoding=openvino,target=cpu,backend=openvino")
        self.computes("--model", f"a={ADD},encoding=autodetect")
        self.computes("--model", f"a={ADD}")

    def test_options_reach_the_backend(self):
        model = self.write("model")
        for options, told in [
            ("threads=4", "[threads=4]"),
            ("threads=4,mmap=yes", "[threads=4][mmap=yes]"),
            ("mmap=yes,target=cpu,threads=4", "[mmap=yes][threads=4]"),
            ("precision=a=b", "[precision=a=b]"),
            ("precision=a,,b,mmap=,,,threads=1", "[precision=a,b][mmap=,][threads=1]"),
            ("mmap=", "[mmap=]"),
        ]:
            with self.subTest(options):
                self.assertEqual(self.told("--model", f"a={model},encoding=onnx,{options}"),
                                 f"[one onnx cpu]{told} {model}")

    def test_commas_and_equals_in_paths_and_names(self):
        for name in ("x,y.onnx", ",", ",,", "a,encoding=ggml", "k=v", "x,"):
            with self.subTest(name):
                model = self.write(name)
                written = str(model).replace(",", ",,")
                self.assertEqual(self.told("--model", f"a={written},encoding=onnx"), f"[one onnx cpu] {model}")
        # A name is all that stands before the first =.
        for name in ("a,b", "a,,b", "a,threads", ",", "a::b"):
            with self.subTest(name):
                self.computes("--model", f"{name}={ADD},threads=1", name=name)

    def test_wrong_usage(self):
        many = ",".join(f"k{i}=1" for i in range(65))
        for text, words in [
            ("a", ["--model 'a'", "NAME=PATH"]),
            ("", ["NAME=PATH"]),
            ("=x", ["NAME=PATH"]),
            ("a=", ["NAME=PATH"]),
            ("a=,encoding=onnx", ["--model 'a=,encoding=onnx'", "NAME=PATH"]),
            ("a,b", ["--model 'a,b'", "NAME=PATH"]),
            ("a=x,", ["--model a", "''", "KEY=VALUE"]),
            ("a=x,onnx", ["--model a", "'onnx'", "KEY=VALUE", ",,"]),
            ("a=x,=1", ["KEY=VALUE"]),
            ("a=x,encoding=onx", ["--model a", "'onx' is not an encoding", "tensorflowlite"]),
            ("a=x,encoding=", ["'' is not an encoding"]),
            ("a=x,target=tpu", ["--model a", "'tpu' is not a target", "cpu, gpu, npu or auto"]),
            ("a=x,target=cpu,target=cpu", ["--model a", "'target' is given twice"]),
            ("a=x,threads=1,threads=2", ["--model a", "'threads' is given twice"]),
            (f"a=x,{many}", ["--model a", "more than 64"]),
        ]:
            with self.subTest(text):
                self.refused(USAGE, ["--model", text], *words)

    def test_refused_by_the_library(self):
        model = self.write("model")
        for options, words in [
            (["--model", f"a={model},encoding=onnx,colour=red"],
             ["model 'a'", "'one' has no option 'colour'", "threads, precision, mmap"]),
            (["--model", f"a={model},encoding=onnx,threads=some"], ["model 'a'", "'some'", "wanted a number"]),
            (["--model", f"a={model},encoding=onnx,backend=none"], ["model 'a'", "no backend 'none'", "one, two"]),
            (["--model", f"a={ADD},backend=one,encoding=openvino"], ["'one' does not load", "openvino"]),
            (["--model", f"a={ADD}", "--model", f"a={ADD}"], ["model 'a'", "already registered"]),
            (["--model", f"a={self.temporary / 'none'}"], ["model 'a'", "none", "No such file"]),
            (["--model", f"a={model}"], ["model 'a'", "the file is empty; wanted a model"]),
        ]:
            with self.subTest(options):
                self.refused(NOT_STARTED, ["--backends", TELLING, *options], *words)

    def test_a_line_for_names_of_any_bytes(self):
        result = run("run", "--model", b"a\n\x1b[1m\xff=x,b", guest("session"))
        self.assert_ended(result, USAGE, "\\x1b", "\\xff")


# ---- Backends ------------------------------------------------------------------------------------------


class Backends(Models):
    def setUp(self):
        super().setUp()
        self.model = self.write("m.onnx")
        self.options = ("--model", f"a={self.model},encoding=onnx")

    def test_the_example(self):
        line = self.write("line.txt", "linear 2 3\n1 0 0.5 10\n0 1 0.5 20\n")
        commands = ["name line", "context g", input_of(0, F32, "3", floats(1, 2, 4)), "compute c", "output c 0 64"]
        for model in (f"line={line}", f"line={line},backend=linear", f"line={line},encoding=autodetect"):
            for options in (["--backends", EXAMPLE, "--model", model], ["--model", model, f"--backends={EXAMPLE}"]):
                with self.subTest(options):
                    result = session(*commands, options=options)
                    self.assert_succeeded(result)
                    self.assert_answers(result, [[0], [0], [0], [0], [0, 8, floats(13, 24)]])
        self.refused(NOT_STARTED, ["--backends", EXAMPLE, "--model", f"line={line},threads=1"],
                     "'linear' has no option 'threads'", "none")
        self.refused(NOT_STARTED, ["--model", f"line={line}"], "no backend here knows", "linear 2")

    def test_folders(self):
        for folders in (["--backends", f"{EXAMPLE}:{TELLING}"], ["--backends", EXAMPLE, "--backends", TELLING]):
            with self.subTest(folders):
                result = session("name a", options=[*folders, *self.options])
                self.assertIn("[one onnx cpu]", result.err)
                line = self.refused(NOT_STARTED, [*folders, "--model", f"b={ADD},backend=none"])
                self.assertIn("linear, one, two", line)
        # They come before those of the environment.
        (self.temporary / "first").mkdir()
        os.symlink(os.path.join(TELLING, "libwasinn-two.so"), self.temporary / "first" / "libwasinn-two.so")
        result = session("name a", options=["--backends", self.temporary / "first", *self.options],
                         environment={"WASINN_BACKENDS": TELLING})
        self.assertIn("[two onnx cpu]", result.err)

    def test_wrong_folders(self):
        for text, code, words in [
            ("", USAGE, ["DIR[:DIR]"]),
            (":", USAGE, ["DIR[:DIR]"]),
            (f"{EXAMPLE}:", USAGE, ["DIR[:DIR]"]),
            (f"{EXAMPLE}::{TELLING}", USAGE, ["DIR[:DIR]"]),
            (f"{EXAMPLE}:{self.temporary}/none", NOT_STARTED, ["--backends", "none", "No such file"]),
            (f"{self.model}", NOT_STARTED, ["--backends", "m.onnx", "not a folder"]),
        ]:
            with self.subTest(text):
                self.refused(code, ["--backends", text], *words)

    def test_preference(self):
        self.assertEqual(self.told(*self.options), f"[one onnx cpu] {self.model}")
        self.assertEqual(self.told(*self.options, "--backend", "onnx=two"), f"[two onnx cpu] {self.model}")
        self.assertEqual(self.told("--backend", "ggml=two", *self.options), f"[one onnx cpu] {self.model}")
        own = ("--model", f"a={self.model},encoding=onnx,backend=one")
        self.assertEqual(self.told(*own, "--backend", "onnx=two"), f"[one onnx cpu] {self.model}")

    def test_preference_for_what_guests_bring(self):
        options = ["--backends", TELLING, "--dir", f"{self.temporary}::.", "--backend", "onnx=two"]
        result = run("run", *options, guest("session"), "load 1 0 m.onnx")
        self.assertIn("[two onnx cpu] bytes", result.err)

    def test_options(self):
        options = ("--option", "one:threads=2", "--option", "one:mmap=a:b=c", "--option", "two:threads=9")
        told = self.told(*self.options, *options)
        self.assertEqual(sorted(told.split(" ")[2].strip("]").replace("cpu]", "").strip("[").split("][")),
                         ["mmap=a:b=c", "threads=2"])
        # A model's own go before it.
        told = self.told(*options, "--model", f"a={self.model},encoding=onnx,threads=7")
        self.assertIn("[threads=7]", told)
        self.assertIn("[mmap=a:b=c]", told)
        self.assertNotIn("threads=2", told)

    def test_wrong_usage(self):
        for options, words in [
            (["--backend", "onnx"], ["--backend 'onnx'", "ENCODING=NAME"]),
            (["--backend", "=one"], ["ENCODING=NAME"]),
            (["--backend", "onnx="], ["ENCODING=NAME"]),
            (["--backend", "onx=one"], ["--backend 'onx=one'", "'onx' is not an encoding"]),
            (["--backend", "onnx=one", "--backend", "onnx=two"], ["two for onnx", "'one'", "'two'"]),
            (["--option", "threads=1"], ["--option 'threads=1'", "BACKEND:KEY=VALUE"]),
            (["--option", "one:threads"], ["BACKEND:KEY=VALUE"]),
            (["--option", "one:=1"], ["BACKEND:KEY=VALUE"]),
            (["--option", ":threads=1"], ["BACKEND:KEY=VALUE"]),
            (["--option", "one:threads=1", "--option", "one:threads=1"], ["'one:threads' is given twice"]),
            (["--abi", "new"], ["--abi 'new'", "auto, witx, wit or old"]),
            (["--abi", ""], ["--abi ''"]),
        ]:
            with self.subTest(options):
                self.refused(USAGE, options, *words)

    def test_refused_by_the_library(self):
        for options, words in [
            (["--backend", "onnx=none"], ["no backend 'none'", "one, two"]),
            (["--backend", "openvino=one"], ["'one' does not load", "openvino"]),
            (["--option", "none:threads=1"], ["no backend 'none'"]),
            (["--option", "one:colour=red"], ["'one' has no option 'colour'", "threads, precision, mmap"]),
            (["--option", "one:threads=some"], ["'some'", "wanted a number"]),
        ]:
            with self.subTest(options):
                self.refused(NOT_STARTED, ["--backends", TELLING, *options], *words)

    def test_wrong_usage_comes_first(self):
        """Nothing is looked for before the whole command line is understood."""
        self.refused(USAGE, ["--backends", "/none", "--model", "a=/none", "--abi", "new"], "--abi 'new'")
        result = run("run", "--model", "a=/none", "--help")
        self.assertEqual((result.code, result.err), (0, ""))

    def test_the_order_does_not_matter(self):
        options = [self.options, ("--backend", "onnx=two"), ("--option", "two:threads=3"), ("--backends", TELLING),
                   ("--models", str(self.write("m.json", '{"models": []}')))]
        for turn in range(len(options)):
            for order in (options[turn:] + options[:turn], (options[turn:] + options[:turn])[::-1]):
                with self.subTest([option[0] for option in order]):
                    flat = [word for option in order for word in option]
                    result = session("name a", options=flat)
                    self.assertIn("[two onnx cpu][threads=3]", result.err)


# ---- --nn-graph ----------------------------------------------------------------------------------------


class Folders(Models):
    def folder(self, *names):
        for name in names:
            self.write(f"net/{name}")
        return self.temporary / "net"

    def test_found(self):
        for encoding, names, found in [
            ("onnx", ["model.onnx", "other.onnx"], "model.onnx"),
            ("onnx", ["other.onnx", "labels.txt", "x.onnx.bak", ".onnx"], "other.onnx"),
            ("tensorflowlite", ["model.tflite", "b.tflite"], "model.tflite"),
            ("tensorflowlite", ["b.tflite", "b.pb"], "b.tflite"),
            ("tensorflow", ["saved_model.pb", "frozen.pb", "variables/x"], ""),
            ("tensorflow", ["frozen.pb", "b.tflite"], "frozen.pb"),
            ("tensorflow", ["model.pb", "frozen.pb"], "model.pb"),
            ("pytorch", ["net.pt"], "net.pt"),
            ("ggml", ["net.gguf"], "net.gguf"),
        ]:
            with self.subTest(encoding=encoding, names=names):
                folder = self.folder(*names)
                wanted = f"[one {encoding} cpu] {folder / found if found else folder}"
                self.assertEqual(self.told("--nn-graph", f"{encoding}::{folder}", name="net"), wanted)
                self.assertEqual(self.told("--nn-graph", f"{encoding}::{folder}//", name="net"), wanted)
                for name in names:
                    (folder / name).unlink()

    def test_not_found(self):
        for encoding, names, words in [
            ("onnx", ["a.tflite"], ["no model.onnx", "no other *.onnx"]),
            ("onnx", ["a.onnx", "b.onnx"], ["no model.onnx", "more than one *.onnx"]),
            ("onnx", ["model.onnx/x"], ["no model.onnx", "no other *.onnx"]),
            ("tensorflow", ["a.tflite"], ["no saved_model.pb", "no model.pb", "no other *.pb"]),
            ("tensorflowlite", [], ["no model.tflite", "no other *.tflite"]),
        ]:
            with self.subTest(encoding=encoding, names=names):
                folder = self.folder("labels.txt", *names)
                self.refused(NOT_STARTED, ["--backends", TELLING, "--nn-graph", f"{encoding}::{folder}"], "--nn-graph",
                             f"'{folder}'", *words)
                for path in sorted(folder.rglob("*"), reverse=True):
                    path.rmdir() if path.is_dir() else path.unlink()


class Formats(Models):
    """The same model in each format, by each way of naming it."""

    FILES = [("onnx", "add.onnx"), ("tensorflow", "add.pb"), ("tensorflowlite", "add.tflite"), ("tensorflow", "add")]

    def test_computed(self):
        for encoding, name in self.FILES:
            model = FIXTURES / encoding / name
            for options in (["--model", f"a={model}"], ["--model", f"a={model},encoding={encoding}"]):
                with self.subTest(options):
                    self.computes(*options)
            target = self.temporary / name.replace(".", "-") / (name if model.is_file() else "net")
            target.parent.mkdir()
            os.symlink(model, target)
            folder = target.parent if model.is_file() else target
            with self.subTest(folder=name):
                self.computes("--nn-graph", f"{encoding}::{folder}", name=folder.name)

    def test_listed(self):
        entries = [{"name": f"m{i}", "path": f"{encoding}-{name}"} for i, (encoding, name) in enumerate(self.FILES)]
        for encoding, name in self.FILES:
            os.symlink(FIXTURES / encoding / name, self.temporary / f"{encoding}-{name}")
        file = self.write("list.json", json.dumps({"models": entries}))
        for entry in entries:
            with self.subTest(entry["path"]):
                self.computes("--models", file, name=entry["name"])

    def test_backends_and_options(self):
        model = FIXTURES / "onnx" / "add.onnx"
        for backend in ("openvino", "onnxruntime"):
            with self.subTest(backend):
                if not re.search(rf"(?m)^{backend} \d", run("--version").out):
                    self.skipTest(f"no {backend} here")
                self.computes("--model", f"a={model},backend={backend},threads=1")
                self.computes("--model", f"a={model}", "--backend", f"onnx={backend}", "--option",
                              f"{backend}:threads=1")
                self.refused(NOT_STARTED, ["--model", f"a={model},backend={backend},colour=red"], "model 'a'",
                             f"'{backend}' has no option 'colour'", "threads")


# ---- --models ------------------------------------------------------------------------------------------


class Lists(Models):
    def listed(self, text, *words, line=None, name="list.json"):
        """The list is refused, with that line."""
        file = self.write(name, text)
        line = f"wasinn: {file}:{line}: " if line else "wasinn: "
        found = self.refused(NOT_STARTED, ["--backends", TELLING, "--models", file], *words)
        self.assertTrue(found.startswith(line), found)
        return found

    def test_all_members(self):
        model = self.write("m")
        options = {"threads": 4, "precision": "f32", "mmap": True}
        entry = {"name": "a", "path": str(model), "encoding": "onnx", "target": "npu", "backend": "two",
                 "options": options}
        file = self.write("list.json", json.dumps({"models": [entry]}))
        self.assertEqual(self.told("--models", file), f"[two onnx npu][threads=4][precision=f32][mmap=yes] {model}")

    def test_values_are_handed_on_as_they_are_written(self):
        self.write("m")
        for value, told in [
            ("1", "1"), ("-0", "-0"), ("0.10", "0.10"), ("1e400", "1e400"), ("-1.5E+3", "-1.5E+3"),
            ("123456789012345678901234567890", "123456789012345678901234567890"), ("true", "yes"), ("false", "no"),
            ('"a,b=c"', "a,b=c"), ('"\\u00e9\\t"', "é "), ('""', ""),
        ]:
            with self.subTest(value):
                text = '{"models":[{"name":"a","path":"m","encoding":"onnx","options":{"mmap":%s}}]}' % value
                self.assertIn(f"[mmap={told}]", self.told("--models", self.write("list.json", text)))

    def test_paths_are_seen_from_the_list(self):
        for name in ("add.xml", "add.bin"):
            self.write(f"sub/nets/{name}", (FIXTURES / name).read_bytes())
        for path in ("nets/add.xml", "./nets/../nets/add.xml", f"{self.temporary}/sub/nets/add.xml", "nets"):
            file = self.write("sub/list.json", json.dumps({"models": [{"name": "a", "path": path}]}))
            with self.subTest(path):
                self.computes("--models", file)
        file = self.write("sub/list.json", json.dumps({"models": [{"name": "a", "path": "nets/add.xml"}]}))
        for folder, named in ((self.temporary, "sub/list.json"), (self.temporary / "sub", "list.json"),
                              (self.temporary / "sub" / "nets", "../list.json")):
            with self.subTest(named):
                result = run("run", "--models", named, guest("session"), "name a", *AFTER, cwd=folder)
                self.assert_succeeded(result)

    def test_several(self):
        first = self.write("1.json", json.dumps({"models": [{"name": "a", "path": str(ADD)}]}))
        second = self.write("2/2.json", json.dumps({"models": [
            {"name": "b", "path": str(ADD)}, {"path": str(FIXTURES / "scalar.xml"), "name": "ünïcode"}]}))
        options = ["--models", first, "--model", f"c={ADD}", "--models", second, "--models",
                   self.write("empty.json", ' {"models" : [ ] } \n')]
        result = session("name a", "name b", "name c", "name ünïcode", "name d", options=options)
        self.assertEqual(result.errnos, [0, 0, 0, 0, NOT_FOUND])
        line = self.refused(NOT_STARTED, ["--models", first, "--models", first], "'a'", "already registered")
        self.assertIn("1.json:1: ", line)

    def test_mistakes(self):
        self.write("m")
        good = '{"name": "good", "path": "m", "encoding": "onnx"}'
        many = ", ".join(f'"k{i}": 1' for i in range(65))
        for text, line, words in [
            ("[]", 1, ["an array", "wanted an object"]),
            ("\n\n 5", 3, ["a number"]),
            ("\n{}", 2, ["'models' is missing"]),
            ('{\n"models": [],\n"model": []}', 3, ["no member 'model'"]),
            ('{\n"models": [],\n\n"models": []}', 4, ["'models' is given twice"]),
            ('{"a\\u0000": 1}', 1, ["no member"]),
            ('{\n"models": {}}', 2, ["'models' is an object"]),
            ('{"models": [\nnull]}', 2, ["models[0] is null"]),
            ('{"models": [\n%s,\n"x"]}' % good, 3, ["models[1] is a string"]),
            ('{"models": [\n%s,\n{"path": "m"}]}' % good, 3, ["models[1]", "'name' is missing"]),
            ('{"models": [\n%s,\n\n{\n"name": "b"}]}' % good, 4, ["model 'b'", "'path' is missing"]),
            ('{"models": [\n{"name": "b",\n"pat": "m"}]}', 3, ["model 'b'", "no member 'pat'", "options"]),
            ('{"models": [\n{"name": "b",\n"\\n": "m"}]}', 3, ["model 'b'", "no member"]),
            ('{"models": [\n{"name": "b", "path": "m",\n"name": "c"}]}', 3, ["'name' is given twice"]),
            ('{"models": [\n{"name": 7,\n"path": "m"}]}', 2, ["models[0]", "'name' is a number"]),
            ('{"models": [\n{"name": "b",\n"path": true}]}', 3, ["model 'b'", "'path' is true; wanted a string"]),
            ('{"models": [\n{"name": "b",\n"path": ""}]}', 3, ["model 'b'", "'path' is empty"]),
            ('{"models": [\n{"name": "b",\n"path": "m\\u0000.onnx"}]}', 3, ["'path' has a character 0"]),
            ('{"models": [\n{"name": "b\\u0000", "path": "m"}]}', 2, ["'name' has a character 0"]),
            ('{"models": [\n{"name": "b", "path": "m",\n"encoding": "onx"}]}', 3, ["model 'b'", "'onx' is not an"]),
            ('{"models": [\n{"name": "b", "path": "m",\n"target": "tpu"}]}', 3, ["model 'b'", "'tpu' is not a"]),
            ('{"models": [\n{"name": "b", "path": "m",\n"target": null}]}', 3, ["'target' is null"]),
            ('{"models": [\n{"name": "b", "path": "m",\n"options": []}]}', 3, ["'options' is an array"]),
            ('{"models": [{"name": "b", "path": "m", "options":\n{"a": "[{,",\n "b": {}}}]}', 3,
             ["option 'b' is an object"]),
            ('{"models": [{"name": "b", "path": "m", "options":\n{"a": 1,\n "b": "\\"",\n"a": 1}}]}', 4,
             ["option 'a' is given twice"]),
            ('{"models": [{"name": "b", "path": "m", "options": {\n"a\\u0000": 1}}]}', 2, ["character 0"]),
            ('{"models": [{"name": "b", "path": "m", "options": {\n%s}}]}' % many, 2, ["more than 64 options"]),
            # The library's.
            ('{"models": [\n%s,\n%s]}' % (good, good), 3, ["model 'good'", "already registered"]),
            ('{"models": [\n\n{"name": "",\n"path": "m"}]}', 3, ["the name is empty"]),
            ('{"models": [\n%s,\n{"name": "b", "path": "none"}]}' % good, 3, ["'b'", "none", "No such file"]),
            ('{"models": [\n%s,\n{"name": "b", "path": "m"}]}' % good, 3, ["'b'", "the file is empty"]),
            ('{"models": [\n{"name": "b", "path": "m", "encoding": "onnx",\n"options": {"colour": 1}}]}', 2,
             ["model 'b'", "'one' has no option 'colour'", "threads, precision, mmap"]),
            ('{"models": [\n{"name": "b", "path": "m", "encoding": "onnx",\n"backend": "three"}]}', 2,
             ["model 'b'", "no backend 'three'"]),
            # Strings that look like structure are none.
            ('{"models": [{"name": "],[{\\"\\\\", "path": "m", "encoding": "onnx"},\n5]}', 2, ["models[1]"]),
        ]:
            with self.subTest(text):
                self.listed(text, *words, line=line)

    def test_not_json(self):
        for text, line, column in [
            ('{"models": [\n  {"name": "a",}\n]}', 2, 15),
            ('{"models": [],}', 1, 14),
            ("{'models': []}", 1, 2),
            ('// list\n{"models": []}', 1, 1),
            ('{"models": [\n\n1 2]}', 3, 3),
            ('{"models": []}\n\nx', 3, 1),
            ('{"models": [NaN]}', 1, 13),
            ('{"models": [01]}', 1, None),
            ('{"models": [1.]}', 1, None),
            (" \n \n", None, None),
            ('\ufeff{"models": []}', 1, 1),
            (b'{"models": []}\0', 1, 15),
            (b'{"mod\0els": []}', 1, 6),
            (b'\0{"models": []}', 1, 1),
            (b'{"\xff": 1}', 1, 3),
            (b'{"models": [\n"\xc3("]}', 2, 2),
            (b'{"models": ["\xed\xa0\x80"]}', 1, 14),
            ('{"models": ["\\ud800"]}', 1, None),
            ('{"models": ["a\nb"]}', 1, None),
        ]:
            with self.subTest(text):
                found = self.listed(text, "not JSON", line=line)
                if column:
                    self.assertIn(f": column {column}: not JSON: ", found)

    def test_cut_at_every_byte(self):
        whole = '{"models": [\n{"name": "é", "path": "m", "options": {"a": [1e5, "\\n"]}}]}'.encode()
        for length in range(len(whole)):
            text = whole[:length]
            line = text.count(b"\n") + 1
            with self.subTest(length):
                found = self.listed(text, "list.json", "empty" if length == 0 else "not JSON")
                if length:
                    # A last byte that ends a line may be the last that is there.
                    self.assertRegex(found, rf"list\.json:({line}|{max(line - 1, 1)}): column \d+: ")

    def test_deep_nesting(self):
        for opening, closing in (("[", "]"), ('{"models":', "}"), ('{"models":[', "]}")):
            for depth in (100, 50000):
                for text in (opening * depth, opening * depth + "1" + closing * depth):
                    with self.subTest(opening=opening, depth=depth, whole=text != opening * depth):
                        self.listed(text, "list.json:1: ")

    def test_sizes(self):
        text = '{"models": []}'
        self.computes("--models", self.write("full.json", text + " " * (LIMIT - len(text))), "--model", f"a={ADD}")
        self.listed(text + " " * (LIMIT + 1 - len(text)), "list.json", "1 MiB")
        self.listed(b"[" * LIMIT, "list.json:1: ", "not JSON")
        self.listed('{"models":[{"name":"%s"}]}' % ("é" * (LIMIT // 2 - 100)), "'path' is missing", line=1)
        self.listed('{"models":[{"name":"a","path":"%s"}]}' % ("x" * (LIMIT - 100)), "model 'a'", line=1)
        self.listed('{"models":[{"name":"a","path":"m","options":{%s}}]}' % ",".join(
            f'"k{i}":1' for i in range(LIMIT // 20)), "more than 64", line=1)
        self.listed('{"models":[%s]}' % ",\n".join(["0"] * (LIMIT // 4)), "models[0]", line=1)

    def test_files_that_are_none(self):
        fifo = self.temporary / "fifo"
        os.mkfifo(fifo)
        for file, words in [
            (self.temporary, ["a folder"]),
            (fifo, ["not a regular file"]),
            ("/dev/zero", ["not a regular file"]),
            (self.temporary / "none", ["No such file"]),
            ("", ["No such file"]),
            ("-", ["No such file"]),
            (ADD / "x", ["Not a directory"]),
        ]:
            with self.subTest(file):
                line = self.refused(NOT_STARTED, ["--models", file], f"--models: '{file}'", *words)
                self.assertNotIn("not JSON", line)

    def test_unreadable(self):
        file = self.write("list.json", '{"models": []}')
        file.chmod(0)
        if os.access(file, os.R_OK):
            self.skipTest("this user may read everything")
        self.refused(NOT_STARTED, ["--models", file], "Permission denied")


# ---- --abi ---------------------------------------------------------------------------------------------


class Numbering(Models):
    """types_u8 and types_i64 of four elements: which numbers each generation has for them."""

    def taken(self, model, data, *options):
        commands = [f"load 0 0 {model}.xml {model}.bin", "context g"]
        commands += [input_of(0, number, "4", data) for number in range(8)]
        result = session(*commands, options=[*options, "--quiet"])
        self.assert_succeeded(result)
        self.assertEqual(result.errnos[:2], [SUCCESS, SUCCESS])
        self.assertLessEqual(set(result.errnos[2:]), {SUCCESS, INVALID_ARGUMENT})
        return {number for number in range(8) if result.errnos[2 + number] == SUCCESS}

    def test_types(self):
        for word, bytes_, longs in [
            (None, {2, 3, 4}, {5, 6}),
            ("auto", {2, 3, 4}, {5, 6}),
            ("witx", {3}, {5}),
            ("wit", {4}, {6}),
            ("old", {2}, set()),
        ]:
            with self.subTest(word):
                options = ["--abi", word] if word else []
                self.assertEqual(self.taken("types_u8", "01020304", *options), bytes_)
                self.assertEqual(self.taken("types_i64", "00" * 32, *options), longs)

    def test_encodings(self):
        """Encoding 6 is autodetect, ggml or nothing; with nothing that a backend knows, the reason tells which."""
        self.write("x", "what is this")
        for word, reason in [("witx", "encoding 6 is unknown"), ("wit", "no backend here knows"), ("old", "'ggml'")]:
            with self.subTest(word):
                result = run("run", "--abi", word, "--dir", f"{self.temporary}::.", GUESTS / "session.wasm",
                             "load 6 0 x")
                self.assertIn("load: invalid_encoding: ", result.err)
                self.assertIn(reason, result.err)

    def test_the_last_counts(self):
        self.assertEqual(self.taken("types_u8", "01020304", "--abi", "old", "--abi", "wit"), {4})


if __name__ == "__main__":
    unittest.main()
