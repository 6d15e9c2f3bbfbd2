"""Builds the guests of the examples that are in other languages than C, each in a folder that outlives the build
folders of CMake, so that it is done once. Unavailable says what cannot be had here; a guest that does not compile, or
whose lock file does not fit, is an AssertionError."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = "wasm32-wasip1"
NODE = 20
# In the words of cargo and npm.
NO_NETWORK = re.compile(r"Could not|Couldn't|network|timed? ?out|ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT", re.I)


class Unavailable(Exception):
    """Why a language cannot be had here, and what to install."""


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=600, **options)


def check(result, what):
    if result.returncode != 0:
        last_words = "\n".join((result.stdout + result.stderr).splitlines()[-20:])
        raise AssertionError(f"{what}: {last_words}")


def check_download(result, what):
    """Without a network the language cannot be had; any other failure is one of ours."""
    if result.returncode != 0:
        for line in result.stderr.splitlines():
            if NO_NETWORK.search(line):
                raise Unavailable(f"{what} could not be downloaded: {line.strip()}")
    check(result, what)


@contextlib.contextmanager
def locked(folder):
    """Two build folders may be tested at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def rust_compilers():
    """rustup's or the system's own, then that of scripts/deps.py."""
    own = os.environ.get("RUSTC") or shutil.which("rustc")
    return [Path(path) for path in (own, ROOT / "deps" / "rust" / "bin" / "rustc") if path and Path(path).exists()]


def has_target(compiler):
    sysroot = run(str(compiler), "--print", "sysroot").stdout.strip()
    return bool(sysroot) and (Path(sysroot) / "lib" / "rustlib" / TARGET).is_dir()


def rust(folder):
    """classify.wasm of examples/classify-rust."""
    if not shutil.which("cargo"):
        raise Unavailable("no cargo: install Rust")
    compiler = next(filter(has_target, rust_compilers()), None)
    if not compiler:
        raise Unavailable(f"no Rust for {TARGET}: rustup target add {TARGET}, or python3 scripts/deps.py rust")
    # Copied, so that no lock file appears beside the sources.
    source = folder / "source"
    # Flags that somebody has set for programs of this machine are not for this one.
    environment = {name: value for name, value in os.environ.items() if "RUSTFLAGS" not in name}
    environment["RUSTC"] = str(compiler)
    with locked(folder):
        shutil.copytree(ROOT / "examples" / "classify-rust", source, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target"))
        fetched = run("cargo", "fetch", "--target", TARGET, cwd=source, env=environment)
        check_download(fetched, "the crates of examples/classify-rust")
        built = run("cargo", "build", "--offline", "--release", "--target", TARGET, "--target-dir",
                    str(folder), cwd=source, env=environment)
    check(built, "examples/classify-rust")
    return folder / TARGET / "release" / "classify.wasm"


def digest(paths):
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def assemblyscript(folder):
    """classify.wasm of examples/classify-assemblyscript."""
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            raise Unavailable(f"no {tool}: install Node.js {NODE} or newer, with npm")
    version = run("node", "--version").stdout.strip()
    found = re.match(r"v(\d+)\.", version)
    if not found or int(found[1]) < NODE:
        raise Unavailable(f"node is {version}: install Node.js {NODE} or newer")
    source = ROOT / "examples" / "classify-assemblyscript"
    packages = [source / name for name in ("package.json", "package-lock.json", ".npmrc")]
    sources = [*packages, source / "asconfig.json", *sorted(source.glob("assembly/*.ts"))]
    with locked(folder):
        # The sources are copied, so that nothing appears beside them.
        stamp, wanted = folder / "made-from", digest(sources)
        guest = folder / "build" / "classify.wasm"
        if guest.exists() and stamp.exists() and stamp.read_text() == wanted:
            return guest
        stamp.unlink(missing_ok=True)
        for path in sources:
            (folder / path.relative_to(source)).parent.mkdir(exist_ok=True)
            shutil.copy(path, folder / path.relative_to(source))
        installed = run("npm", "ci", "--no-audit", "--no-fund", "--fetch-retries=0", cwd=folder)
        check_download(installed, "the packages of examples/classify-assemblyscript")
        check(run("npm", "run", "build", cwd=folder), "examples/classify-assemblyscript")
        stamp.write_text(wanted)
    return guest
