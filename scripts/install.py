#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Install what was built, all or nothing, and take it away again.

    python3 scripts/install.py install BUILD PREFIX
    python3 scripts/install.py uninstall PREFIX

DESTDIR in the environment goes before PREFIX, for those who make packages. PREFIX/share/wasinn/installed.json says which
files and folders are the installation's; the prefix may be moved before it is uninstalled.
"""

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath

RECORD = PurePosixPath("share/wasinn/installed.json")
NEW, OLD = ".wasinn-new", ".wasinn-old"
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Problem(Exception):
    """Something the user has to know, in one line."""


def shown(path):
    """A path as it can stand in one line."""
    text = os.fspath(path)
    return text if text.isprintable() else ascii(text)


def read_record(root):
    try:
        record = json.loads((root / RECORD).read_text(encoding="utf-8"))
        paths = [PurePosixPath(name) for name in record["files"] + record["folders"]]
        if any(path.is_absolute() or ".." in path.parts for path in paths):
            raise ValueError
        if not all(isinstance(name, str) for name in record["above"]):
            raise ValueError
        return record
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        why = getattr(problem, "strerror", None) or "not what `make install` wrote"
        raise Problem(f"{shown(root / RECORD)}: {why}") from None


def put_into(stage, build, prefix):
    """Have CMake install below a folder of ours, so that nothing can go wrong at the place where it is to go."""
    manifest = Path(build) / "install_manifest.txt"
    mine = not manifest.exists()
    result = subprocess.run(
        ["cmake", "--install", build, "--prefix", prefix],
        env={**os.environ, "DESTDIR": stage},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if mine:
        manifest.unlink(missing_ok=True)
    if result.returncode != 0:
        lines = [line.strip() for line in result.stdout.splitlines() if line.strip()]
        raise Problem(" ".join(lines[-2:]) or "cmake --install failed")
    root = Path(stage + prefix)
    return root, sorted(path.relative_to(root) for path in root.rglob("*") if path.is_symlink() or not path.is_dir())


class Installation:
    """Every step is noted before the next, so that all of them can be taken back."""

    def __init__(self, root):
        self.root = root
        self.folders = []  # made, outer ones first
        self.files = []  # written, under their new names
        self.swapped = []  # (path, whether there was one before)

    def make_folder(self, folder):
        missing = []
        while not folder.is_dir():
            if os.path.lexists(folder):
                raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(folder))
            missing.append(folder)
            folder = folder.parent
        for folder in reversed(missing):
            folder.mkdir()
            self.folders.append(folder)
            folder.chmod(0o755)

    def begin(self, name):
        """The path to write one file to, in its folder."""
        path = self.root / name
        self.make_folder(path.parent)
        if path.is_dir() and not path.is_symlink():
            raise IsADirectoryError(errno.EISDIR, "there is a folder where a file is to go", str(path))
        new = path.with_name(path.name + NEW)
        new.unlink(missing_ok=True)
        self.files.append(path)
        return new

    def add(self, name, source):
        new = self.begin(name)
        if source.is_symlink():
            new.symlink_to(os.readlink(source))
        else:
            shutil.copyfile(source, new)
            new.chmod(source.stat().st_mode & 0o777)

    def record(self, earlier, names):
        """What is the installation's: also the folders that an earlier one made, which this one found there."""
        new = self.begin(RECORD)
        inside = [folder for folder in self.folders if self.root in folder.parents]
        above = [str(folder) for folder in self.folders if folder not in inside]
        folders = {folder.relative_to(self.root).as_posix() for folder in inside}
        text = {
            "files": [name.as_posix() for name in names] + [str(RECORD)],
            "folders": sorted(folders | set(earlier["folders"])),
            "above": sorted({*above, *earlier["above"]}),
        }
        new.write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")
        new.chmod(0o644)

    def finish(self):
        # A moment, in which nobody stops this: only what the system refuses is taken back.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        for path in self.files:
            before = path.is_symlink() or path.exists()
            self.swapped.append((path, before))
            if before:
                path.rename(path.with_name(path.name + OLD))
            path.with_name(path.name + NEW).rename(path)
        swapped, self.swapped, self.files, self.folders = self.swapped, [], [], []
        for path, before in swapped:
            if before:
                with contextlib.suppress(OSError):
                    path.with_name(path.name + OLD).unlink()

    def take_back(self):
        for path, before in reversed(self.swapped):
            old = path.with_name(path.name + OLD)
            if not before:
                path.unlink(missing_ok=True)
            elif os.path.lexists(old):
                old.replace(path)
        for path in self.files:
            path.with_name(path.name + NEW).unlink(missing_ok=True)
        for folder in reversed(self.folders):
            folder.rmdir()


def install(build, prefix, destination):
    root = Path(destination + prefix)
    earlier = read_record(root) or {"files": [], "folders": [], "above": []}
    installation = Installation(root)
    place = build if os.access(build, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="stage-", dir=place) as stage:
        source, names = put_into(os.path.abspath(stage), build, prefix)
        try:
            for name in names:
                installation.add(name, source / name)
            installation.record(earlier, names)
            installation.finish()
        except BaseException:
            installation.take_back()
            raise
        size = sum((source / name).lstat().st_size for name in names)
    for name in set(earlier["files"]) - {name.as_posix() for name in names} - {str(RECORD)}:
        (root / name).unlink(missing_ok=True)
    print(f"installed {len(names)} files, {size / 1e6:.0f} MB, in {shown(root)}")


def uninstall(prefix, destination):
    root = Path(destination + prefix)
    record = read_record(root)
    if not record:
        raise Problem(f"no installation in {shown(root)}: there is no {RECORD}; name its PREFIX")
    # The record goes last: when something cannot be removed, the rest can be tried again.
    files = [name for name in record["files"] if name != str(RECORD)]
    for name in [*files, str(RECORD)]:
        (root / name).unlink(missing_ok=True)
    folders = [root / name for name in record["folders"]]
    folders += [Path(name) for name in record["above"] if Path(name) in [root, *root.parents]]
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        try:
            folder.rmdir()
        except OSError:
            # Somebody else has put something there, or has removed it.
            continue
    print(f"removed {len(files)} files from {shown(root)}")


def stop(number, _frame):
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise Problem(f"stopped by {signal.Signals(number).name}")


def main():
    words = sys.argv[1:]
    if [*words[:1], len(words)] not in (["install", 3], ["uninstall", 2]) or not words[-1]:
        sys.exit(__doc__)
    for number in SIGNALS:
        signal.signal(number, stop)
    prefix = os.path.abspath(words[-1])
    destination = os.environ.get("DESTDIR", "")
    destination = os.path.abspath(destination).rstrip("/") if destination else ""
    undone = "nothing was installed" if words[0] == "install" else "nothing more was removed"
    try:
        if words[0] == "install":
            install(words[1], prefix, destination)
        else:
            uninstall(prefix, destination)
    except Problem as problem:
        sys.exit(f"{words[0]}: {problem}; {undone}")
    except OSError as problem:
        where = shown(problem.filename2 or problem.filename or destination + prefix).removesuffix(NEW)
        rights = {"install": ": choose another PREFIX, or become root", "uninstall": ": become root"}[words[0]]
        hint = rights if isinstance(problem, PermissionError) else ""
        sys.exit(f"{words[0]}: {where}: {problem.strerror}; {undone}{hint}")


if __name__ == "__main__":
    main()
