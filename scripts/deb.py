#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make a Debian package of wasinn: built afresh for /usr, with the Wasmtime and OpenVINO that were fetched inside.

    python3 scripts/deb.py [--build FOLDER] [--out FOLDER] [--jobs N] [--level N] [CMake's options...]

The level is that of xz: 6 takes ten times as long as 1, for a sixth less. DEBFULLNAME and DEBEMAIL say who the maintainer
is, as for Debian's own tools.
"""

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from email.utils import formatdate
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What `cmake --install` takes; the tests are not built.
TARGETS = ("wasinn", "wasinn_static", "wasinn_shared", "wasinn_wasmtime_static", "wasinn_wasmtime_shared")
# The system has it where there is a GPU; without it that plugin alone cannot be opened.
OPTIONAL = {"libopenvino_intel_gpu_plugin.so": "ocl-icd-libopencl1 | libopencl1"}

SUMMARY = "run WebAssembly guests that use machine learning"
DESCRIPTION = """\
 wasinn is a host for wasi-nn: guests, which are WebAssembly programs, load
 models and compute with them, and OpenVINO does the work outside WebAssembly.
 .
 The package has the command wasinn, and the libraries libwasinn and
 libwasinn-wasmtime with headers for programs that embed WebAssembly.
"""

COPYRIGHT = """\
wasinn
======

Copyright the wasinn contributors.

Licensed under the Apache License, Version 2.0; you may not use it except in
compliance with the License. Unless required by applicable law or agreed to in
writing, it is distributed on an "AS IS" basis, WITHOUT WARRANTIES OR
CONDITIONS OF ANY KIND, either express or implied.

On Debian systems the full text of the Apache License, Version 2.0, is in
/usr/share/common-licenses/Apache-2.0. Where a text below has the terms of that
or another common license, the name of its file stands in their place.
"""
END = r".*?END OF TERMS AND CONDITIONS"
COMMON = {
    "Apache-2.0": re.compile(r"[ \t]*Apache License\s+Version 2\.0, January 2004" + END, re.S),
    "GPL-3": re.compile(r"[ \t]*GNU GENERAL PUBLIC LICENSE\s+Version 3, 29 June 2007" + END, re.S),
}


class Problem(Exception):
    """Something the user has to know, in one line."""


def say(text):
    print(text, flush=True)


def run(*command, **options):
    try:
        return subprocess.run([str(word) for word in command], check=True, text=True, errors="replace", **options)
    except FileNotFoundError:
        raise Problem(f"{command[0]} is not installed") from None
    except subprocess.CalledProcessError as failed:
        lines = [line for line in ((failed.stdout or "") + (failed.stderr or "")).splitlines() if line.strip()]
        raise Problem(f"{command[0]} failed" + (f": {lines[-1].strip()}" if lines else ": see above")) from None


def output(*command, **options):
    return run(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options).stdout.strip()


def need(program, package):
    if not shutil.which(program):
        raise Problem(f"{program} is missing, which makes packages: install it (Debian: {package})")


# ---- Building


def build(folder, jobs, options, multiarch):
    private = f"/usr/lib/{multiarch}/wasinn"
    settings = [
        "-DCMAKE_BUILD_TYPE=Release",
        "-DCMAKE_INSTALL_PREFIX=/usr",
        f"-DCMAKE_INSTALL_LIBDIR=lib/{multiarch}",
        f"-DWASINN_OPENVINO_DEFAULT={private}/openvino",
        f"-DWASINN_ONNXRUNTIME_DEFAULT={private}/onnxruntime",
        "-DWASINN_ZSH_DIR=share/zsh/vendor-completions",
        f"-DCMAKE_C_FLAGS_RELEASE=-O2 -DNDEBUG -ffile-prefix-map={ROOT}=.",
        f"-DWASINN_PYTHON={sys.executable}",
    ]
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    run("cmake", "-S", ROOT, "-B", folder, *settings, *options, env=environment)
    run("cmake", "--build", folder, "--parallel", jobs, "--target", *TARGETS, env=environment)


def version_of(folder):
    text = (folder / "CMakeCache.txt").read_text(encoding="utf-8", errors="replace")
    return re.search(r"^CMAKE_PROJECT_VERSION:STATIC=(.+)$", text, re.M).group(1)


# ---- The files of the package


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def files_of(tree):
    return sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())


def elf_files(tree):
    return [path for path in files_of(tree) if is_elf(path)]


def strip(tree):
    """OpenVINO's libraries come stripped, and with sections moved in a way that strip need not understand."""
    for path in elf_files(tree):
        if ".symtab" in output("readelf", "-SW", path):
            run("strip", "--strip-unneeded", "--remove-section=.comment", path)
    for path in tree.rglob("*.a"):
        run("strip", "--strip-debug", "--enable-deterministic-archives", path)


def check_run_paths(tree):
    for path in elf_files(tree):
        for folders in re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", output("readelf", "-dW", path)):
            foreign = [folder for folder in folders.split(":") if not folder.startswith("$ORIGIN")]
            if foreign:
                raise Problem(
                    f"{path.name} would look for libraries in {foreign[0]}: a package can have the Wasmtime that is "
                    "fetched, or one of the system's folders, not one of its own place"
                )


def compress(path):
    with gzip.GzipFile(f"{path}.gz", "wb", compresslevel=9, mtime=0) as file:
        file.write(path.read_bytes())
    path.unlink()


def read_text(path):
    contents = path.read_bytes()
    try:
        text = contents.decode("utf-8")
    except UnicodeDecodeError:
        text = contents.decode("latin-1")
    return text.replace("\r\n", "\n").strip("\n")


def write_copyright(documents):
    licences = documents / "licences"
    text = COPYRIGHT
    for path in files_of(licences):
        name = str(path.relative_to(licences).with_suffix("")).replace("/LICENSE", "").replace("/", ": ")
        words = read_text(path)
        for common, terms in COMMON.items():
            words = terms.sub(f"[/usr/share/common-licenses/{common}]", words)
        text += f"\n\n{name}\n{'=' * len(name)}\n\n{words}\n"
    shutil.rmtree(licences)
    (documents / "LICENSE").unlink()
    (documents / "copyright").write_text(text, encoding="utf-8")


def finish_documents(tree, version, maintainer, when):
    documents = tree / "usr/share/doc/wasinn"
    write_copyright(documents)
    changelog = documents / "changelog"
    changelog.write_text(
        f"wasinn ({version}) unstable; urgency=medium\n\n  * Made by `make deb`.\n\n"
        f" -- {maintainer}  {formatdate(when)}\n"
    )
    compress(changelog)
    for page in (tree / "usr/share/man").rglob("*.1"):
        compress(page)
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)


# ---- What dpkg is told


def depends(tree, scratch):
    """By dpkg-shlibdeps, which wants a source package around it and the package's DEBIAN folder."""
    (scratch / "debian").mkdir()
    (scratch / "debian" / "control").write_text("Source: wasinn\n\nPackage: wasinn\nArchitecture: any\n")
    libraries = sorted({path.parent for path in elf_files(tree) if ".so" in path.name})
    files = [path for path in elf_files(tree) if path.name not in OPTIONAL]
    command = ["dpkg-shlibdeps", "-O", *(f"-l{folder}" for folder in libraries), *(f"-e{path}" for path in files)]
    text = output(*command, cwd=scratch)
    found = re.search(r"^shlibs:Depends=(.+)$", text, re.M)
    if not found:
        raise Problem("dpkg-shlibdeps found nothing that wasinn depends on")
    return found.group(1)


def description(tree):
    private = {path.name for path in tree.glob("usr/lib/*/wasinn/*")}
    known = (("Wasmtime", "libwasmtime.so"), ("OpenVINO", "openvino"), ("ONNX Runtime", "onnxruntime"))
    parts = [name for name, file in known if file in private]
    listed = " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)
    return DESCRIPTION + (f" It brings its own {listed}.\n" if parts else "")


def write_control(tree, scratch, version, architecture, maintainer):
    control = tree / "DEBIAN"
    control.mkdir()
    files = files_of(tree)
    sums = "".join(f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n" for path in files)
    size = sum((path.lstat().st_size + 1023) // 1024 for path in tree.rglob("*"))
    suggests = [OPTIONAL[path.name] for path in files if path.name in OPTIONAL]
    (control / "control").write_text(
        f"Package: wasinn\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: {maintainer}\n"
        f"Installed-Size: {size}\nDepends: {depends(tree, scratch)}\n"
        + (f"Suggests: {', '.join(suggests)}\n" if suggests else "")
        + f"Section: science\nPriority: optional\nDescription: {SUMMARY}\n{description(tree)}"
    )
    (control / "md5sums").write_text(sums)
    (control / "shlibs").write_text(
        "".join(f"{name} 0 wasinn (>= {version})\n" for name in ("libwasinn", "libwasinn-wasmtime"))
    )
    # The loader's cache knows the new libraries, and forgets them.
    (control / "triggers").write_text("activate-noawait ldconfig\n")
    for path in control.iterdir():
        path.chmod(0o644)


def make_package(folder, out, level, maintainer, when):
    version = version_of(folder)
    architecture = output("dpkg-architecture", "-qDEB_HOST_ARCH")
    package = out / f"wasinn_{version}_{architecture}.deb"
    with tempfile.TemporaryDirectory(prefix="deb-", dir=out) as name:
        scratch = Path(name)
        tree, unfinished = scratch / "tree", scratch / package.name
        say("deb: collecting files")
        manifest = folder / "install_manifest.txt"
        run("cmake", "--install", folder, env={**os.environ, "DESTDIR": str(tree)}, stdout=subprocess.DEVNULL)
        manifest.unlink(missing_ok=True)
        tree.chmod(0o755)
        strip(tree)
        check_run_paths(tree)
        finish_documents(tree, version, maintainer, when)
        say("deb: finding what it depends on")
        write_control(tree, scratch, version, architecture, maintainer)
        size = sum(path.stat().st_size for path in files_of(tree))
        say(f"deb: compressing {size / 1e6:.0f} MB")
        command = ["dpkg-deb", "--root-owner-group", "-Zxz", f"-z{level}", "--build", tree, unfinished]
        output(*command, env={**os.environ, "SOURCE_DATE_EPOCH": str(when)})
        unfinished.rename(package)
    say(f"deb: {os.path.relpath(package)}, {package.stat().st_size / 1e6:.0f} MB")


def time_of_sources():
    """Of the last commit, so that a package of the same sources is the same."""
    if os.environ.get("SOURCE_DATE_EPOCH", "").isdigit():
        return int(os.environ["SOURCE_DATE_EPOCH"])
    git = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(git.stdout) if git.returncode == 0 and git.stdout.strip().isdigit() else int(time.time())


def main():
    parser = argparse.ArgumentParser(prog="deb.py", allow_abbrev=False)
    parser.add_argument("--build", default=ROOT / "build" / "deb", type=Path)
    parser.add_argument("--out", default=ROOT / "build", type=Path)
    parser.add_argument("--jobs", default=str(os.cpu_count() or 2))
    parser.add_argument("--level", default="1", choices=list("0123456789"))
    options, settings = parser.parse_known_args()
    name, address = os.environ.get("DEBFULLNAME", "wasinn"), os.environ.get("DEBEMAIL", "wasinn@localhost")
    maintainer = f"{name} <{address}>"
    try:
        if not re.fullmatch(r"[^<>\n]+ <[^<>\s]+@[^<>\s]+>", maintainer):
            raise Problem(f"{maintainer!r} is no maintainer: set DEBFULLNAME and DEBEMAIL")
        for program, package in (("dpkg-shlibdeps", "dpkg-dev"), ("dpkg-deb", "dpkg"), ("strip", "binutils")):
            need(program, package)
        out, folder = options.out.absolute(), options.build.absolute()
        out.mkdir(parents=True, exist_ok=True)
        build(folder, options.jobs, settings, output("dpkg-architecture", "-qDEB_HOST_MULTIARCH"))
        make_package(folder, out, options.level, maintainer, time_of_sources())
    except Problem as problem:
        sys.exit(f"deb: {problem}")
    except OSError as problem:
        sys.exit(f"deb: {problem.filename2 or problem.filename or ''}: {problem.strerror}")


if __name__ == "__main__":
    main()
