"""Runs the commands of a page of documentation, so that it cannot say what is not so.

A `console` block has commands, lines that begin with "$ ", each followed by what it prints; a line that ends with a
backslash goes on in the next, and lines that begin with "> " go on with the command above them. A command that the page shows without output must succeed; one with output must print
that: the same lines, in which "…" stands for any text, and for any number of lines where it is alone. A `python` block
that begins with "# NAME.py" is written to that file.

The commands run one after the other in one shell, in a folder that looks like the checkout's root, with the build
folder's programs in build/; what they write there is not written to the checkout.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
# What a page's commands may read of the checkout.
SHOWN = ("deps", "docs", "examples", "guest", "include", "scripts", "tests")


def sections(path):
    """The blocks (language, text) under each heading of the second level."""
    parts = re.split(r"^## (.*)\n", path.read_text(encoding="utf-8"), flags=re.M)
    return {name: FENCE.findall(text) for name, text in zip(parts[1::2], parts[2::2])}


def commands(text):
    """(command, [printed line, ...]) of a console block."""
    found = []
    for line in text.splitlines():
        if found and found[-1][0].endswith("\\"):
            found[-1] = (f"{found[-1][0]}\n{line.removeprefix('> ')}", [])
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
        elif line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def pattern(lines):
    """What matches the output that a page shows."""
    words = [r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n" for line in lines]
    return re.compile("".join(words))


def absent(model):
    """What of the parts that a page begins with is not there, and how to get it; None where all is."""
    for needed, how in [
        (model / "model.xml", "scripts/make_model.py"),
        (ROOT / "deps" / "photographs" / "coffee.png", "scripts/deps.py photographs"),
        (ROOT / "deps" / "zig" / "zig", "scripts/deps.py zig"),
    ]:
        if not needed.exists():
            return f"no {needed}: python3 {how}"
    return None


class Shell:
    """A shell in a folder of its own, made to look like the checkout's root."""

    def __init__(self, folder, built):
        """`built`: what is to be found in build/, each with where it is."""
        self.folder = pathlib.Path(folder)
        for name in SHOWN:
            if (ROOT / name).exists():
                (self.folder / name).symlink_to(ROOT / name)
        for name, place in built.items():
            link = self.folder / "build" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(place)
        # The page's python3 is the one that deps/ was filled for.
        programs = self.folder / ".programs"
        programs.mkdir()
        (programs / "python3").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        (programs / "python3").chmod(0o755)
        self.process = subprocess.Popen(
            ["bash"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}, encoding="utf-8", errors="replace",
        )

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def run(self, command):
        """The exit code of a command, and what it printed."""
        end = "--- that was it:"
        self.process.stdin.write(f"{command}\nprintf '\\n{end} %d\\n' $?\n")
        self.process.stdin.flush()
        printed = ""
        for line in self.process.stdout:
            if line.startswith(end):
                return int(line.split()[-1]), printed.removesuffix("\n")
            printed += line
        raise AssertionError(f"the shell ended in `{command}`: {printed}")

    def follow(self, blocks):
        """Do what some blocks of a page say, and return what each command printed."""
        printed = []
        for language, text in blocks:
            name = re.match(r"# (\S+\.py)\n", text)
            if language == "python" and name:
                (self.folder / name[1]).write_text(text, encoding="utf-8")
            elif language == "console":
                printed += [self.check(command, lines) for command, lines in commands(text)]
        return printed

    def check(self, command, lines):
        code, printed = self.run(command)
        print(f"$ {command}\n{printed}", end="", flush=True)
        if lines and not pattern(lines).fullmatch(printed):
            raise AssertionError(f"`{command}` printed\n{printed}and the page says\n" + "\n".join(lines))
        if not lines and code != 0:
            raise AssertionError(f"`{command}`: exit code {code}: {printed}")
        return printed
