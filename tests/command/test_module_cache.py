"""`wasinn run --cache`: compiled modules are found again, whatever has become of the folder; which folders are taken."""

import os
import pathlib
import shutil
import struct
import subprocess
import unittest

from cache_entries import DIGEST, TAIL, Elsewhere, keep, parts
from command import Case, FIXTURES, GUESTS, LIBRARY, LONGEST, NOT_STARTED, SANITIZED, USAGE, WASINN, assembled, guest, run

SAID = "streams.wasm\narguments\nhere\n"


class Cached(Case):
    def setUp(self):
        super().setUp()
        self.cache = self.temporary / "cache"

    def say(self, *options, environment={}, cache=None):
        """Runs a guest that says something; nothing is to be said of the cache."""
        result = self.say_anyhow("--cache", cache or self.cache, *options, environment=environment)
        self.assertEqual(result.err, "")
        return result

    def say_anyhow(self, *options, environment={}):
        result = run("run", *options, guest("streams"), "arguments", "here", environment=environment)
        self.assert_alive(result)
        self.assertEqual((result.code, result.out), (0, SAID), result.err)
        return result

    def entries(self, folder=None):
        return sorted((folder or self.cache).iterdir())

    def entry(self, label="streams.wasm"):
        """The one of the guest."""
        return next(path for path in self.entries() if label in parts(path.read_bytes())[3].decode())


class Entries(Cached):
    def test_found_again(self):
        self.say()
        before = {path: path.stat() for path in self.entries()}
        self.assertEqual(len(before), 2)  # the guest's, and that of short reads and writes
        for path in before:
            os.utime(path, (1, 1))
        self.say()
        for path, status in before.items():
            self.assertEqual(path.stat().st_ino, status.st_ino, "it was written again")
            self.assertGreater(path.stat().st_mtime, 1, "it was not used")
        self.assertEqual(self.entries(), sorted(before))

    def test_kept_for_the_user_alone(self):
        self.say()
        self.assertEqual(self.cache.stat().st_mode & 0o777, 0o700)
        for path in self.entries():
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_other_settings_are_other_code(self):
        self.say()
        self.say("--timeout", "100")
        self.assertEqual(len(self.entries()), 4)
        self.say()
        self.say("--timeout", "100")
        self.assertEqual(len(self.entries()), 4)

    @unittest.skipUnless(LIBRARY, "WASINN_WASMTIME_LIBRARY is not set")
    def test_other_bytes_are_another_guest(self):
        text = ('(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'
                '(memory (export "memory") 1) (func (export "_start") (call $exit (i32.const %d))))')
        for code in (3, 4, 3):
            path = self.write("guest.wasm", assembled(text % code))
            os.utime(path, (1, 1))  # as if it were the same
            self.assert_succeeded(run("run", "--cache", self.cache, path), code)
        self.assertEqual(len(self.entries()), 2)

    def test_traps_say_the_same(self):
        alone = run("run", "--no-cache", guest("streams"), "divide")
        for _ in range(2):
            result = run("run", "--cache", self.cache, guest("streams"), "divide")
            self.assertEqual((result.code, result.err), (alone.code, alone.err))

    def test_several_guests(self):
        for _ in range(2):
            result = run("run", "--cache", self.cache, "--instances", "8", "--model", f"scalar={FIXTURES / 'scalar.xml'}",
                         guest("double"))
            self.assert_succeeded(result)
            self.assertEqual(result.out, "42\n" * 8)


class Damage(Cached):
    def spoil(self, path, data):
        path.write_bytes(data)
        result = run("run", "--cache", self.cache, "--quiet", guest("streams"), "arguments", "here")
        self.assert_succeeded(result)
        self.assertEqual(result.out, SAID)

    def test_flipped_bits(self):
        self.say()
        for path in self.entries():
            whole = path.read_bytes()
            for at in sorted({0, 1, len(whole) - 1, *range(0, len(whole), len(whole) // 20),
                              *range(len(whole) - TAIL.size - DIGEST, len(whole), 5)}):
                with self.subTest(path.name, at=at):
                    self.spoil(path, whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1:])
                    self.assertEqual(len(path.read_bytes()), len(whole))
                    path.write_bytes(whole)

    def test_cut_and_longer(self):
        self.say()
        for path in self.entries():
            whole = path.read_bytes()
            for size in (0, 1, TAIL.size - 1, TAIL.size, len(whole) // 2, len(whole) - TAIL.size - DIGEST,
                         len(whole) - TAIL.size, len(whole) - 1):
                with self.subTest(path.name, size=size):
                    self.spoil(path, whole[:size])
            for other in (whole + b"\0", whole * 2, b"\0" * len(whole), b"\xff" * len(whole)):
                self.spoil(path, other)
            self.assertEqual(len(path.read_bytes()), len(whole))

    def test_one_in_the_place_of_another(self):
        self.say()
        one, other = self.entries()
        self.spoil(one, other.read_bytes())

    def test_what_is_no_file(self):
        self.say()
        for make in (lambda path: path.mkdir(), lambda path: path.symlink_to("/dev/zero"), os.mkfifo):
            path = self.entry()
            path.unlink()
            make(path)
            self.spoil(self.write("other"), b"")
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
            self.say()

    def test_it_is_said_where_a_cache_was_asked_for(self):
        self.say()
        path = self.entry()
        path.write_bytes(path.read_bytes()[:-1])
        result = self.say_anyhow("--cache", self.cache)
        self.assertEqual(len(result.complaints), 1, result.err)
        self.assertIn(path.name, result.err)

    @unittest.skipIf(SANITIZED, "Python cannot load a library with a sanitizer in it")
    def test_what_this_engine_does_not_take(self):
        """Whole, under the right key: as another Wasmtime would have left it."""
        self.say()
        path = self.entry()
        content, kind, key, label = parts(path.read_bytes())
        self.assertEqual(kind, b"module")
        name = content.index(b".wasmtime.engine")
        for other in (b"", b"\x7fELF", content[:1000], content[: len(content) // 2], self.of_another_version(content),
                      content[:name] + b".wasmtime.enginf" + content[name + 16:]):
            with self.subTest(size=len(other)):
                self.assertNotEqual(other, content)
                keep(self.cache, kind, key, label, other)
                self.assertEqual(parts(path.read_bytes())[0], other)
                self.say()
                self.assertEqual(len(parts(path.read_bytes())[0]), len(content), "it was not replaced")
                self.say()

    def of_another_version(self, content):
        """The section that says which engine made it begins with a format's number and the version's length."""
        sections, size, count, names = struct.unpack_from("<Q10xHHH", content, 0x28)
        heads = [struct.unpack_from("<IIQQQQ", content, sections + i * size) for i in range(count)]
        text = heads[names][4]
        for head in heads:
            title = content[text + head[0]:].split(b"\0")[0]
            if title == b".wasmtime.engine":
                at = head[4]
                length = content[at + 1]
                self.assertTrue(0 < length < 20)
                self.assertTrue(content[at + 2:at + 2 + length].decode()[0].isdigit())
                return content[:at + 2] + b"7" * length + content[at + 2 + length:]
        self.fail("there is no section that says which engine made it")


class Folders(Elsewhere, Cached):
    SAY = (GUESTS / "streams.wasm", "arguments", "here")

    def test_read_only_and_empty(self):
        folder = self.folder_of_nobody()
        folder.chmod(0o500)
        result = self.as_nobody("--cache", folder, *self.SAY)
        self.assertEqual((result.returncode, result.stdout), (0, SAID), result.stderr)
        self.assertIn("nothing is kept", result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertEqual(self.entries(folder), [])

    def test_read_only_and_full(self):
        folder = self.folder_of_nobody()
        self.assertEqual(self.as_nobody("--cache", folder, *self.SAY).stderr, "")
        before = [(path, path.stat().st_ino) for path in self.entries(folder)]
        self.assertEqual(len(before), 2)
        folder.chmod(0o500)
        result = self.as_nobody("--cache", folder, *self.SAY)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, SAID, ""))
        self.assertEqual([(path, path.stat().st_ino) for path in self.entries(folder)], before)

    def test_full_disk(self):
        for size in ("4k", "40k", "100k"):
            with self.subTest(size):
                result = self.mounted(
                    f'mkdir -p "$1/disk"; mount -t tmpfs -o size={size},mode=700 none "$1/disk"\n'
                    'for i in 1 2; do "$2" run --cache "$1/disk" "$3/streams.wasm" arguments here; done\n'
                    'ls -A "$1/disk" | grep -v cached || true')
                self.assertEqual((result.returncode, result.stdout), (0, SAID * 2), result.stderr)
                self.assertRegex(result.stderr, r"\A(wasinn: cache '.*': '.*' is not kept: .*\n){1,2}\Z")
                shutil.rmtree(self.temporary / "disk")

    def test_many_at_once(self):
        for _ in range(3):
            shutil.rmtree(self.cache, ignore_errors=True)
            command = [WASINN, "run", "--cache", self.cache, GUESTS / "streams.wasm", "arguments", "here"]
            running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
            for process in running:
                out, err = process.communicate(timeout=LONGEST)
                self.assertEqual((process.returncode, out.decode(), err.decode()), (0, SAID, ""))
            self.assertEqual(len(self.entries()), 2)
            self.assertTrue(all(path.name.endswith(".cached") for path in self.entries()))
            self.say()

    # ---- Beside what a guest may write to

    def refused(self, folder, *more, cache=None):
        for option in (("--dir-rw", f"{folder}::w"),):
            result = run("run", "--cache", cache or self.cache, "--dir", f"{FIXTURES}::.", *option, *more,
                         guest("streams"), "arguments", cwd=self.temporary)
            self.assert_ended(result, NOT_STARTED, "cache", "the guest may write to", str(folder))

    def test_in_a_folder_of_the_guests(self):
        self.say()
        inner = self.cache / "inner"
        inner.mkdir()
        (self.temporary / "link").symlink_to(self.temporary)
        (self.temporary / "elsewhere").mkdir()
        (self.temporary / "elsewhere" / "up").symlink_to("../cache")
        for folder in (self.temporary, self.cache, inner, "/", ".", "cache", "link", "elsewhere/up", "cache/inner/..",
                       f"{self.cache}/inner/../..", "elsewhere/../cache/inner"):
            with self.subTest(folder):
                self.refused(folder)
        for cache in ("cache", "link/cache", "elsewhere/up", "elsewhere/../cache"):
            with self.subTest(cache=cache):
                self.refused(self.temporary, cache=cache)

    def test_beside_a_folder_of_the_guests(self):
        beside = self.temporary / "cache-beside"
        beside.mkdir()
        self.say("--dir-rw", f"{beside}::w")
        self.say("--dir", f"{self.temporary}::r", "--mapdir", f"m::{self.cache}")

    def test_mounts(self):
        begin = ('mkdir -p "$1/own/cache" "$1/out/put" "$1/a b"\nchmod -R go= "$1"\n'
                 'try() { "$2" run --cache "$1/own/cache" --dir-rw "$4" "$3/streams.wasm" arguments && exit 99; }\n')
        for script in ('mount --bind "$1/own" "$1/out"; try "$1" "$2" "$3" "$1/out" || true',
                       'mount --bind "$1/own/cache" "$1/out"; try "$1" "$2" "$3" "$1/out" || true',
                       'mount --bind "$1/own" "$1/out/put"; try "$1" "$2" "$3" "$1/out" || true',
                       'mount --bind "$1/own/cache" "$1/out/put"; try "$1" "$2" "$3" "$1/out" || true',
                       'mount --bind "$1" "$1/out/put"; try "$1" "$2" "$3" "$1/out/put/own" || true',
                       'mkdir "$1/out/put/cache"; mount --bind "$1/out/put" "$1/own"; try "$1" "$2" "$3" "$1/out" || true',
                       'mkdir "$1/out/put/cache"; mount --bind "$1/out/put" "$1/own"; mount --bind "$1/out" "$1/a b"; '
                       'try "$1" "$2" "$3" "$1/a b" || true',
                       'mkdir "$1/out/a b"; mount --bind "$1/own" "$1/out/a b"; try "$1" "$2" "$3" "$1/out" || true'):
            with self.subTest(script):
                result = self.mounted(begin + script)
                self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)
                self.assertRegex(result.stderr, r"\Awasinn: the cache '.*' holds code, and the guest may write to '.*'\n\Z")
                for name in ("own", "out", "a b"):
                    shutil.rmtree(self.temporary / name)


class Choice(Cached):
    """Which folder it is, without --cache."""

    def setUp(self):
        super().setUp()
        self.home = self.temporary / "home"
        self.home.mkdir()
        self.environment = {"WASINN_CACHE": None, "XDG_CACHE_HOME": None, "HOME": str(self.home)}

    def test_defaults(self):
        other = self.temporary / "xdg"
        self.say_anyhow(environment=self.environment)
        self.assertEqual(len(self.entries(self.home / ".cache" / "wasinn")), 2)
        self.say_anyhow(environment={**self.environment, "XDG_CACHE_HOME": str(other)})
        self.assertEqual(len(self.entries(other / "wasinn")), 2)
        self.say_anyhow(environment={**self.environment, "WASINN_CACHE": str(self.cache)})
        self.assertEqual(len(self.entries()), 2)

    def test_none(self):
        for options, more in [(["--no-cache"], {}), ([], {"WASINN_CACHE": "off"}),
                              (["--no-cache"], {"WASINN_CACHE": str(self.cache)})]:
            with self.subTest(options, more=more):
                result = self.say_anyhow(*options, environment={**self.environment, **more})
                self.assertEqual(result.err, "")
                self.assertEqual(list(self.home.iterdir()), [])
                self.assertFalse(self.cache.exists())

    def test_an_option_goes_before_the_variable(self):
        self.say(environment={"WASINN_CACHE": "off"})
        self.assertEqual(len(self.entries()), 2)
        other = self.temporary / "other"
        self.say(environment={"WASINN_CACHE": str(other)})
        self.assertFalse(other.exists())

    def test_nowhere(self):
        file = self.write("file")
        for home in (None, "", "relative", "/dev/null", str(file), "/proc/absent"):
            with self.subTest(home):
                result = self.say_anyhow(environment={**self.environment, "HOME": home})
                self.assertEqual(result.err, "")

    def test_what_was_asked_for_must_be(self):
        file = self.write("file")
        unsafe = self.temporary / "unsafe"
        unsafe.mkdir()
        unsafe.chmod(0o777)
        for folder, word in [("", "empty"), (file, "file"), (file / "below", "file"), ("/proc/absent", "/proc"),
                             (unsafe, "written by others"), (unsafe / "below", "written by others"), ("x" * 5000, "long")]:
            with self.subTest(folder):
                result = run("run", "--cache", folder, guest("streams"), "arguments", "here")
                self.assert_ended(result, NOT_STARTED, word)
                if folder:
                    result = run("run", guest("streams"), "arguments", environment={"WASINN_CACHE": str(folder)})
                    self.assert_ended(result, NOT_STARTED, word)

    def test_both_options(self):
        for options in (["--cache", "x", "--no-cache"], ["--no-cache", "--cache", "x"]):
            self.assert_ended(run("run", *options, guest("streams")), USAGE, "--cache", "--no-cache")

    def test_the_default_is_told_where_it_is_not_safe(self):
        result = self.say_anyhow("--dir-rw", f"{self.home}::w", environment=self.environment)
        self.assertRegex(result.err, r"\Awasinn: no cache is used: the cache '.*' holds code, and the guest may write to '.*'\n\Z")
        folder = self.home / ".cache" / "wasinn"
        folder.chmod(0o777)
        result = self.say_anyhow(environment=self.environment)
        self.assertRegex(result.err, r"\Awasinn: no cache is used: .* can be written by others\n\Z")
        self.assertEqual(self.entries(folder), [])

    def test_the_default_says_nothing_else(self):
        """A damaged entry is made anew."""
        self.say_anyhow(environment=self.environment)
        for path in self.entries(self.home / ".cache" / "wasinn"):
            path.write_bytes(path.read_bytes()[1:])
        self.assertEqual(self.say_anyhow(environment=self.environment).err, "")


if __name__ == "__main__":
    unittest.main()
