"""What --help, the man pages and the completions say of the command's options is the same; completions really run.

The environment has WASINN, the command.
"""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

WASINN = os.environ["WASINN"]
ROOT = Path(__file__).resolve().parent.parent
MAN = ROOT / "docs" / "man"
BASH, ZSH, FISH = (ROOT / "docs" / "completions" / name for name in ("wasinn.bash", "_wasinn", "wasinn.fish"))


def output(*words, **options):
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=60, **options).stdout


def commands():
    """Of `wasinn --help`; "wasinn COMMAND --help" and options are not commands."""
    return sorted(set(re.findall(r"^ +wasinn ([a-z]+) ", output(WASINN, "--help"), re.M)))


def help_options(command):
    """Options stand first in their lines, after a letter's form maybe; lines of examples go on with some as well."""
    text = output(WASINN, *([command] if command else []), "--help")
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z][a-z-]*)", text, re.M))


def man_options(command):
    lines = (MAN / f"wasinn-{command}.1").read_text().splitlines()
    items = [line for line in lines if line.startswith(".It Fl ")]
    return {f"--{name}" for line in items for name in re.findall(r"Fl Fl ([a-z][a-z-]*)", line)}


def bash_options(command):
    script = f". '{BASH}'; _wasinn_options {command}"
    return set(output("bash", "--norc", "-c", script).split())


def zsh_options(command):
    text = ZSH.read_text()
    block = re.search(rf"^  {command}\)\n(.*?)^    ;;$", text, re.M | re.S).group(1)
    return set(re.findall(r"(--[a-z][a-z-]*)(?:=?-?\[|\})", block))


def fish_options(command):
    pattern = rf"^complete -c wasinn -n '__wasinn_in {command}' (?:-s \w )?-l ([a-z-]+)"
    return {f"--{name}" for name in re.findall(pattern, FISH.read_text(), re.M)}


class Documentation(unittest.TestCase):
    def test_commands_are_found(self):
        self.assertLessEqual({"run", "tensor"}, set(commands()))

    def test_options(self):
        for command in commands():
            wanted = help_options(command)
            self.assertIn("--help", wanted)
            for options in (man_options, bash_options, zsh_options, fish_options):
                with self.subTest(command=command, where=options.__name__):
                    self.assertEqual(options(command), wanted)

    def test_commands_are_documented(self):
        page = (MAN / "wasinn.1").read_text()
        bash = output("bash", "--norc", "-c", f". '{BASH}'; echo $_wasinn_commands").split()
        for command in commands():
            with self.subTest(command=command):
                self.assertIn(f".Xr wasinn-{command} 1", page)
                self.assertIn(command, bash)
                self.assertRegex(ZSH.read_text(), rf"(?m)^    '{command}:")
                self.assertRegex(FISH.read_text(), rf"(?m)^complete .* -a {command} ")

    def test_exit_codes_and_variables(self):
        run = (MAN / "wasinn-run.1").read_text()
        for code in re.findall(r"\b(\d+) ", output(WASINN, "run", "--help").split("Exit codes:")[1]):
            self.assertIn(f".It {code}\n", run)
        for page in ("wasinn.1", "wasinn-run.1", "wasinn-inspect.1"):
            for name in ("WASINN_BACKENDS", "WASINN_OPENVINO", "WASINN_ONNXRUNTIME", "INTEL_OPENVINO_DIR"):
                with self.subTest(page=page, name=name):
                    self.assertIn(f".It Ev {name}", (MAN / page).read_text())


class ManPages(unittest.TestCase):
    def check(self, *command, ignored="referenced manual not found:"):
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        for page in sorted(MAN.glob("*.1")):
            result = subprocess.run([*command, str(page)], capture_output=True, text=True, check=False, timeout=60)
            lines = (result.stdout + result.stderr).splitlines()
            self.assertEqual([line for line in lines if ignored not in line], [], page.name)

    def test_mandoc(self):
        self.check("mandoc", "-T", "lint", "-W", "all")

    def test_groff(self):
        self.check("groff", "-mandoc", "-ww", "-z", "-Tutf8")


# ---- Completions, typed at a terminal


class Shell:
    """A shell whose `wasinn` says its arguments, so that what a completion made of a line can be read."""

    def __init__(self, arguments, setup, folder):
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "PS1": "", "LC_ALL": "C"}
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execvpe(arguments[0], arguments, environment)
        for line in [*setup, "wasinn() { printf '{%s}' \"$@\"; echo; }"]:
            self.send(line + "\n")
        self.say("echo read''y\n", "ready")

    def send(self, text):
        os.write(self.terminal, text.encode())

    def say(self, text, wanted, seconds=30):
        """Type, and read until the answer is there."""
        self.send(text)
        got, end = "", time.monotonic() + seconds
        while not re.search(wanted, got):
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"after {text!r}: no {wanted!r} in {got!r}")
            got += os.read(self.terminal, 4096).decode(errors="replace")
        return got

    def complete(self, line, key):
        self.number = getattr(self, "number", 0) + 1
        got = self.say(f"{line}{key}\necho en''d{self.number}\n", rf"end{self.number}\D")
        return re.findall(r"\{([^{}]*)\}", got)

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.terminal)


CASES = [
    # What is typed, and the arguments that one Tab makes of it.
    ("wasinn ten", ["tensor"]),
    ("wasinn --ver", ["--version"]),
    ("wasinn help ru", ["help", "run"]),
    ("wasinn run --nam", ["run", "--named-only"]),
    ("wasinn run gu", ["run", "guest.wasm"]),
    ("wasinn run --dir fol", ["run", "--dir", "folder/"]),
    ("wasinn run --mapdir a::fol", ["run", "--mapdir", "a::folder/"]),
    ("wasinn run --nn-graph openvino::fol", ["run", "--nn-graph", "openvino::folder/"]),
    ("wasinn run --model net=mod", ["run", "--model", "net=model.xml"]),
    ("wasinn run --models model.x", ["run", "--models", "model.xml"]),
    ("wasinn run --nn-graph tensorflowl", ["run", "--nn-graph", "tensorflowlite::"]),
    ("wasinn run --backend onn", ["run", "--backend", "onnx="]),
    ("wasinn run --backends fol", ["run", "--backends", "folder/"]),
    ("wasinn run --abi ol", ["run", "--abi", "old"]),
    ("wasinn run --stats=js", ["run", "--stats=json"]),
    ("wasinn run --stats gu", ["run", "--stats", "guest.wasm"]),
    ("wasinn run --profile model.x", ["run", "--profile", "model.xml"]),
    ("wasinn run --limit gra", ["run", "--limit", "graphs="]),
    ("wasinn run --cache fol", ["run", "--cache", "folder/"]),
    ("wasinn run --no-cache gu", ["run", "--no-cache", "guest.wasm"]),
    ("wasinn run --inst", ["run", "--instances"]),
    ("wasinn inspect --backends fol", ["inspect", "--backends", "folder/"]),
    ("wasinn backends --js", ["backends", "--json"]),
    ("wasinn backends --backends fol", ["backends", "--backends", "folder/"]),
    ("wasinn bench --no-c", ["bench", "--no-cache"]),
    ("wasinn bench --no-cache model.x", ["bench", "--no-cache", "model.xml"]),
    ("wasinn bench model.xml --backend onn", ["bench", "model.xml", "--backend", "onnx="]),
    ("wasinn bench model.xml --input x=pho", ["bench", "model.xml", "--input", "x=photo.jpg"]),
    ("wasinn bench model.xml --cache fol", ["bench", "model.xml", "--cache", "folder/"]),
    ("wasinn cache che", ["cache", "check"]),
    ("wasinn cache clear --dam", ["cache", "clear", "--damaged"]),
    ("wasinn cache --damaged --cache fol", ["cache", "--damaged", "--cache", "folder/"]),
    ("wasinn cache clear --kind modu", ["cache", "clear", "--kind", "module"]),
    ("wasinn run --quiet guest.wasm pho", ["run", "--quiet", "guest.wasm", "photo.jpg"]),
    ("wasinn tensor pho", ["tensor", "photo.jpg"]),
    ("wasinn tensor photo.jpg out --type bf", ["tensor", "photo.jpg", "out", "--type", "bf16"]),
    ("wasinn tensor photo.jpg out --layout=nh", ["tensor", "photo.jpg", "out", "--layout=nhwc"]),
    ("wasinn tensor --fit st", ["tensor", "--fit", "stretch"]),
    ("wasinn top out --so", ["top", "out", "--softmax"]),
]


class Completion(unittest.TestCase):
    def setUp(self):
        # Names with a blank, so that quoting is seen, too.
        scratch = tempfile.TemporaryDirectory(prefix="wasinn interface ")
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        (self.folder / "folder").mkdir()
        for name in ("guest.wasm", "guest.c", "model.xml", "photo.jpg", "my labels.txt"):
            (self.folder / name).touch()

    def shell(self, name, arguments, setup):
        if not shutil.which(name):
            self.skipTest(f"{name} is not installed")
        shell = Shell([name, *arguments], setup, self.folder)
        self.addCleanup(shell.close)
        return shell

    def check(self, shell, cases=CASES):
        for line, wanted in cases:
            with self.subTest(line=line):
                self.assertEqual(shell.complete(line, "\t"), wanted)

    def bash(self):
        return self.shell("bash", ["--norc", "--noprofile", "-i"], ["bind 'set bell-style none'", f". '{BASH}'"])

    def test_bash(self):
        self.check(self.bash())

    def test_bash_offers_every_option(self):
        shell = self.bash()
        for command in commands():
            with self.subTest(command=command):
                self.assertEqual(shell.complete(f"wasinn {command} --", "\x1b*")[1:], sorted(bash_options(command)))

    def test_bash_quotes_files(self):
        shell = self.bash()
        self.assertEqual(shell.complete("wasinn top --labels my", "\t"), ["top", "--labels", "my labels.txt"])
        self.assertEqual(shell.complete("wasinn run --shape ph", "\t"), ["run", "--shape", "ph"])

    def test_zsh(self):
        setup = [
            f"fpath=('{ZSH.parent}' $fpath)",
            "autoload -Uz compinit; compinit -u -D",
            "unset zle_bracketed_paste; unsetopt prompt_sp auto_remove_slash",
        ]
        self.check(self.shell("zsh", ["-f", "-i"], setup))

    def test_zsh_syntax(self):
        if not shutil.which("zsh"):
            self.skipTest("zsh is not installed")
        subprocess.run(["zsh", "-n", str(ZSH)], check=True, timeout=60)

    def test_fish(self):
        if not shutil.which("fish"):
            self.skipTest("fish is not installed")
        subprocess.run(["fish", "-n", str(FISH)], check=True, timeout=60)
        environment = {**os.environ, "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        for line, wanted in CASES:
            with self.subTest(line=line):
                script = f"source '{FISH}'; complete -C '{line}'"
                text = output("fish", "--no-config", "-c", script, cwd=self.folder, env=environment)
                self.assertIn(wanted[-1], [offer.split("\t")[0] for offer in text.splitlines()])


if __name__ == "__main__":
    unittest.main()
