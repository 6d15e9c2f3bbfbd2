#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Put the parts wasinn is built, tested and shown with into deps/.

    python3 scripts/deps.py NAME...    make sure that these parts are there
    python3 scripts/deps.py --list     show every part, and whether it is there

With --optional, a part that cannot be had is said to be so, and is no failure.

Parts come from the Python and Rust package registries, and one from Debian's packages, through their own clients, pip,
cargo and apt-get, so a mirror, a proxy or a certificate that those are set up for is used here too. deps.json holds the
versions and checksums.
"""

import argparse
import ast
import fcntl
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEPS = ROOT / "deps"
STAMPS = DEPS / ".stamps"
PINS = json.loads((ROOT / "scripts" / "deps.json").read_text())


class Problem(Exception):
    """Something the user has to know, in one line."""


def say(text):
    print(text, flush=True)


# The machine and the interpreter at hand


def machine():
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())


def python_version():
    """The version wheels are chosen by, or None where none of the pinned ones can be imported."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return None
    return "%d.%d" % sys.version_info[:2]


# What to fetch


def suits_machine(wheel):
    return "machine" not in wheel or (sys.platform == "linux" and wheel["machine"] == machine())


def suits_python(wheel):
    return "python" not in wheel or python_version() in wheel["python"].split()


def pinned_pythons(part):
    return sorted(
        {version for wheel in PINS[part]["wheels"] for version in wheel.get("python", "").split()},
        key=lambda version: [int(number) for number in version.split(".")],
    )


def wheels_of(part):
    """The wheels of a part for this machine and interpreter; a list for each set of them that would do, best first."""
    wheels = PINS[part].get("wheels", [])
    here = [wheel for wheel in wheels if suits_machine(wheel)]
    if wheels and not any("machine" in wheel for wheel in here) and any("machine" in wheel for wheel in wheels):
        raise Problem(
            f"{part}: only Linux on x86_64 and aarch64 has prebuilt files, and this is "
            f"{platform.system()} on {platform.machine()}: install it yourself"
        )
    names = {wheel["name"] for wheel in wheels}
    chosen = [wheel for wheel in here if suits_python(wheel)]
    if {wheel["name"] for wheel in chosen} == names:
        return [chosen]
    if part in ("openvino", "onnxruntime"):
        # Every wheel holds the same libraries and headers, which is all that the C code needs.
        return [[wheel] for wheel in reversed(here)]
    versions = pinned_pythons(part)
    raise Problem(
        f"{part}: has no packages for this Python ({platform.python_implementation()} "
        f"{platform.python_version()}): run it with CPython {versions[0]} to {versions[-1]}"
    )


def debs_of(part):
    """The Debian packages of a part for this machine."""
    debs = PINS[part].get("debs", [])
    here = [deb for deb in debs if suits_machine(deb)]
    if debs and not here:
        raise Problem(f"{part}: its packages are for {debs[0]['machine']} only, and this is {platform.machine()}")
    return here


def identity(part, wheels):
    """What a stamp says: another version, checksum or list of files is another part."""
    files = wheels + PINS[part].get("crates", []) + debs_of(part)
    return {
        "version": PINS[part]["version"],
        "files": PINS[part].get("files", []),
        "sha256": [file["sha256"] for file in files],
    }


def read_stamp(part):
    try:
        return json.loads((STAMPS / part).read_text())
    except (OSError, ValueError):
        return None


def is_present(part):
    stamp = read_stamp(part)
    if not stamp or not all((DEPS / path).exists() for path in stamp["paths"]):
        return False
    return any(identity(part, wheels) == stamp["identity"] for wheels in wheels_of(part))


# Downloading


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def run(command, show=False, **options):
    """Run a command, its output kept for an error message, or shown where somebody watches a terminal."""
    shown = None if show and sys.stdout.isatty() else subprocess.PIPE
    return subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=shown,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        **options,
    )


def reason(result):
    """The line of a failed command's output that says most."""
    lines = [line.strip() for line in ((result.stdout or "") + (result.stderr or "")).splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    text = (errors or lines or [f"exit code {result.returncode}"])[0 if errors else -1]
    text = text.split(":", 1)[1].strip() if text.lower().startswith("error:") else text
    if "Caused by:" in lines:
        text += f": {lines[-1]}"
    return text


def download_wheels(part, wheels, folder):
    """Download wheels with pip into a folder and return their paths."""
    pip = [sys.executable, "-m", "pip"]
    if run(pip + ["--version"]).returncode != 0:
        raise Problem(
            f"{part}: needs pip to be downloaded, and {sys.executable} has none: "
            "install it (Debian: python3-pip; elsewhere: python3 -m ensurepip)"
        )
    folder.mkdir()
    requirements = folder.with_suffix(".txt")
    requirements.write_text(
        "".join(f"{wheel['name']}=={wheel['version']} --hash=sha256:{wheel['sha256']}\n" for wheel in wheels)
    )
    command = pip + ["download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += ["--disable-pip-version-check", "--dest", folder, "--requirement", requirements]
    if not sys.stdout.isatty():
        command.append("--quiet")
    # Named only for a wheel that is not for this interpreter, as otherwise pip would not look whether it runs here.
    foreign = [wheel for wheel in wheels if "python_tag" in wheel or not suits_python(wheel)]
    if foreign:
        version = foreign[0].get("python_tag") or foreign[0]["python"].split()[0]
        command += ["--python-version", version]
        for name in foreign[0]["platform"].split():
            command += ["--platform", name]
    result = run(command, show=True)
    if result.returncode != 0:
        if "DO NOT MATCH THE HASHES" in result.stderr:
            raise Problem(f"{part}: what pip downloaded does not have the checksum pinned in scripts/deps.json")
        if "Retrying (" in result.stderr:
            raise Problem(f"{part}: pip could not reach its package index: is there a network, or a proxy to set?")
        raise Problem(f"{part}: pip could not download it: {reason(result)}")
    paths = {sha256(path): path for path in folder.iterdir()}
    try:
        return [paths[wheel["sha256"]] for wheel in wheels]
    except KeyError:
        raise Problem(f"{part}: what pip downloaded does not have the checksum pinned in scripts/deps.json") from None


def cached_crates(crate):
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    return sorted(home.glob(f"registry/cache/*/{crate['name']}-{crate['version']}.crate"))


def matching_crate(crate):
    for path in cached_crates(crate):
        if sha256(path) == crate["sha256"]:
            return path
    return None


def download_crate(part, crate, folder):
    """Have cargo download one crate into its own cache and return the path of it there."""
    found = matching_crate(crate)
    if found:
        return found
    name = f"{crate['name']} {crate['version']}"
    for path in cached_crates(crate):
        raise Problem(f"{part}: {path} does not have the checksum pinned in scripts/deps.json: delete it and try again")
    if not shutil.which("cargo"):
        raise Problem(f"{part}: needs cargo to download {name}: install Rust's cargo (Debian: cargo) and try again")
    folder.mkdir()
    result = run(["cargo", "info", f"{crate['name']}@{crate['version']}"], cwd=folder)
    if result.returncode != 0 and not matching_crate(crate) and "no such" in result.stderr:
        # A cargo older than 1.82 downloads a crate only with all that it depends on, as a dependency of a package.
        (folder / "src").mkdir()
        (folder / "src" / "lib.rs").touch()
        (folder / "Cargo.toml").write_text(
            '[package]\nname = "scratch"\nversion = "0.0.0"\nedition = "2018"\n\n'
            f'[dependencies]\n{crate["name"]} = "={crate["version"]}"\n\n[workspace]\n'
        )
        result = run(["cargo", "fetch"], cwd=folder)
    found = matching_crate(crate)
    if found:
        return found
    if cached_crates(crate):
        raise Problem(f"{part}: the {name} that cargo downloaded does not have the checksum pinned in scripts/deps.json")
    raise Problem(f"{part}: cargo could not download {name}: {reason(result)}")


def download_debs(part, debs, folder):
    """Download Debian packages with apt-get into a folder and return their paths."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    if (system.get("ID"), system.get("VERSION_ID")) != ("debian", PINS[part]["debian"]):
        here = system.get("PRETTY_NAME", platform.system())
        raise Problem(f"{part}: its packages are those of Debian {PINS[part]['debian']}, and this is {here}")
    missing = [name for name in ("apt-get", "dpkg-deb") if not shutil.which(name)]
    if missing:
        raise Problem(f"{part}: needs {' and '.join(missing)} to be downloaded: install Debian's apt and dpkg")
    folder.mkdir()
    download = ["download", *(f"{deb['name']}={deb['version']}" for deb in debs)]
    # Root's apt-get would become another user, who may not write here.
    apt = ["apt-get", "-o", "APT::Sandbox::User=root", "-qq"]
    result = run([*apt, *download], cwd=folder)
    if result.returncode != 0:
        # The machine's lists may be old or absent, and are not ours to renew.
        lists = folder.with_name("apt-lists")
        (lists / "partial").mkdir(parents=True)
        apt += ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={folder.with_name('apt-cache')}"]
        updated = run([*apt, "update"])
        result = run([*apt, *download], cwd=folder) if updated.returncode == 0 else updated
    if result.returncode != 0:
        raise Problem(f"{part}: apt-get could not download it: {reason(result).removeprefix('E: ')}")
    paths = {sha256(path): path for path in folder.glob("*.deb")}
    try:
        return [paths[deb["sha256"]] for deb in debs]
    except KeyError:
        raise Problem(f"{part}: what apt-get brought does not have the checksum pinned in scripts/deps.json") from None


# Unpacking


def unpack_deb(part, deb, folder):
    result = run(["dpkg-deb", "--extract", deb, folder])
    if result.returncode != 0:
        raise Problem(f"{part}: {deb.name} could not be unpacked: {reason(result)}")


def unpack_wheel(wheel, folder, wanted=lambda name: True):
    with zipfile.ZipFile(wheel) as archive:
        for item in archive.infolist():
            if item.is_dir() or not wanted(item.filename):
                continue
            path = archive.extract(item, folder)
            mode = (item.external_attr >> 16) & 0o777
            if mode:
                os.chmod(path, mode | 0o600)


def unpack_crate(crate, folder, below):
    """Unpack what a crate has below one of its folders."""
    with tarfile.open(crate, "r:gz") as archive:
        for item in archive:
            path = Path(*Path(item.name).parts[1:])
            if not item.isfile() or ".." in path.parts or Path(below) not in [path, *path.parents]:
                continue
            target = folder / path.relative_to(below)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.extractfile(item) as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file)


# Each part: from downloaded files to what goes into deps/. `out` is laid out like deps/; the paths that are
# to be replaced there as a whole are returned.


def make_wasmtime(wheels, crates, out, scratch):
    unpack_wheel(wheels[0], out / "python", lambda name: name.startswith("wasmtime/"))
    (out / "wasmtime" / "lib").mkdir(parents=True)
    unpack_wheel(wheels[0], scratch, lambda name: name.endswith("/LICENSE"))
    next(scratch.rglob("LICENSE")).rename(out / "wasmtime" / "LICENSE")
    library = next((out / "python").rglob("_libwasmtime.so"))
    library.rename(out / "wasmtime" / "lib" / "libwasmtime.so")
    # The Python binding, which a test uses as a host in another language, keeps to the same copy.
    library.symlink_to("../../../wasmtime/lib/libwasmtime.so")
    include = out / "wasmtime" / "include"
    unpack_crate(crates[0], include, "include")
    # The prebuilt library has every feature; this one takes something away.
    conf = (include / "wasmtime" / "conf.h.in").read_text()
    conf = conf.replace(
        "#cmakedefine WASMTIME_FEATURE_DISABLE_LOGGING", "/* #undef WASMTIME_FEATURE_DISABLE_LOGGING */"
    )
    (include / "wasmtime" / "conf.h").write_text(conf.replace("#cmakedefine ", "#define "))
    (include / "wasmtime" / "conf.h.in").unlink()
    return ["wasmtime", "python/wasmtime"]


def make_openvino(wheels, crates, out, scratch):
    return make_python(wheels, crates, out, scratch)


def make_onnxruntime(wheels, crates, out, scratch):
    unpack_wheel(wheels[0], out / "python")
    part = out / "onnxruntime"
    (part / "lib").mkdir(parents=True)
    capi = out / "python" / "onnxruntime" / "capi"
    library = next(capi.glob("libonnxruntime.so.*"))
    library.rename(part / "lib" / library.name)
    # The name that it says it has, by which a program that is linked with it looks for it.
    (part / "lib" / "libonnxruntime.so.1").symlink_to(library.name)
    # The Python package, which tests compare with, has the same code once more, in a library of its own.
    library.symlink_to(f"../../../onnxruntime/lib/{library.name}")
    for name in ("LICENSE", "ThirdPartyNotices.txt"):
        shutil.copy(out / "python" / "onnxruntime" / name, part)
    return ["onnxruntime", *sorted(f"python/{path.name}" for path in (out / "python").iterdir())]


def make_python(wheels, crates, out, scratch):
    for wheel in wheels:
        unpack_wheel(wheel, out / "python")
    return sorted(f"python/{path.name}" for path in (out / "python").iterdir())


IMAGES_CMAKE = """\
cmake_minimum_required(VERSION 3.20)
project(images C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
file(GLOB z_sources z/*.c)
add_library(z STATIC ${z_sources})
target_compile_definitions(z PRIVATE HAVE_UNISTD_H=1)
file(GLOB png_sources png/*.c)
list(FILTER png_sources EXCLUDE REGEX "/(pngtest|example)[.]c$")
configure_file(png/scripts/pnglibconf.h.prebuilt png/pnglibconf.h COPYONLY)
add_library(png STATIC ${png_sources})
# Plain C only: it is fast enough, and hostile files meet less code.
target_compile_definitions(png PRIVATE PNG_ARM_NEON_OPT=0 PNG_INTEL_SSE_OPT=0)
target_include_directories(png PRIVATE z ${CMAKE_CURRENT_BINARY_DIR}/png)
"""


def make_images(wheels, crates, out, scratch):
    if not shutil.which("cmake"):
        raise Problem("images: needs CMake to be built: install it (Debian: cmake) and try again")
    jpeg, png, zlib = crates
    sources = scratch / "sources"
    unpack_crate(jpeg, sources / "jpeg", "libjpeg-turbo")
    unpack_crate(png, sources / "png", "vendor")
    unpack_crate(zlib, sources / "z", "src/zlib")
    (sources / "CMakeLists.txt").write_text(IMAGES_CMAKE)

    def build(what, source, target, *options):
        say(f"images: building {what}")
        binary = scratch / what.split()[0]
        jobs = str(os.cpu_count() or 1)
        configure = ["cmake", "-S", source, "-B", binary, "-DCMAKE_BUILD_TYPE=Release", *options]
        for command in (configure, ["cmake", "--build", binary, "--config", "Release", "--parallel", jobs, *target]):
            result = run(command)
            if result.returncode != 0:
                sys.stderr.write("".join((result.stdout + result.stderr).splitlines(True)[-20:]))
                raise Problem(f"images: {what} could not be built: see above")
        return binary

    assembler = any(shutil.which(name) for name in ("nasm", "yasm")) or machine() != "x86_64"
    jpeg_build = build(
        "libjpeg-turbo" if assembler else "libjpeg-turbo (without SIMD, as nasm is not installed)",
        sources / "jpeg",
        ["--target", "jpeg-static"],
        "-DENABLE_SHARED=OFF",
        "-DWITH_TURBOJPEG=OFF",
        "-DCMAKE_POSITION_INDEPENDENT_CODE=ON",
        f"-DWITH_SIMD={'ON' if assembler else 'OFF'}",
    )
    png_build = build("libpng and zlib", sources, [])

    # A folder of headers for each, so that one library's from here goes with the system's of the other.
    lib, licences = out / "images" / "lib", out / "images" / "licences"
    jpeg_include, png_include = out / "images" / "include" / "jpeg", out / "images" / "include" / "png"
    for folder in (lib, licences, jpeg_include, png_include):
        folder.mkdir(parents=True)
    for name in ("jpeglib.h", "jmorecfg.h", "jerror.h"):
        shutil.copy(sources / "jpeg" / "src" / name, jpeg_include)
    shutil.copy(jpeg_build / "jconfig.h", jpeg_include)
    for header in ("png/png.h", "png/pngconf.h", "z/zlib.h", "z/zconf.h"):
        shutil.copy(sources / header, png_include)
    shutil.copy(png_build / "png" / "pnglibconf.h", png_include)
    for folder, name in ((jpeg_build, "libjpeg.a"), (png_build, "libpng.a"), (png_build, "libz.a")):
        shutil.copy(next(folder.rglob(name)), lib)
    shutil.copy(sources / "jpeg" / "LICENSE.md", licences / "libjpeg-turbo.md")
    shutil.copy(sources / "jpeg" / "README.ijg", licences / "libjpeg.txt")
    shutil.copy(sources / "z" / "LICENSE", licences / "zlib.txt")
    # The crate has left libpng's licence file out, but its header has the licence in it.
    text = (sources / "png" / "png.h").read_text(errors="replace")
    (licences / "libpng.txt").write_text(text[: text.index("*/")].replace("/*", "  ", 1))
    return ["images"]


def make_stb(wheels, crates, out, scratch):
    unpack_crate(crates[0], scratch, "vendor/stb")
    (out / "stb").mkdir()
    (scratch / "stb_image_resize.h").rename(out / "stb" / "stb_image_resize.h")
    return ["stb"]


def make_yyjson(wheels, crates, out, scratch):
    unpack_crate(crates[0], scratch, "yyjson")
    (out / "yyjson").mkdir()
    for path in (scratch / "src" / "yyjson.c", scratch / "src" / "yyjson.h", scratch / "LICENSE"):
        path.rename(out / "yyjson" / path.name)
    return ["yyjson"]


def make_xxhash(wheels, crates, out, scratch):
    unpack_crate(crates[0], scratch, "src/c")
    (out / "xxhash").mkdir()
    for path in (scratch / "xxhash.h", scratch / "LICENSE"):
        path.rename(out / "xxhash" / path.name)
    return ["xxhash"]


def make_zig(wheels, crates, out, scratch):
    unpack_wheel(wheels[0], scratch, lambda name: name.startswith("ziglang/"))
    (scratch / "ziglang").rename(out / "zig")
    return ["zig"]


def make_photographs(wheels, crates, out, scratch):
    files = PINS["photographs"]["files"]
    unpack_wheel(wheels[0], scratch, lambda name: name.startswith("skimage/data/"))
    data = scratch / "skimage" / "data"
    (out / "photographs").mkdir()
    for name in files:
        (data / name).rename(out / "photographs" / name)
    # scikit-image says where each picture is from, and its terms, where the function that loads it is documented.
    notes = [f"From scikit-image {PINS['photographs']['wheels'][0]['version']}, which says of them:\n"]
    source = (data / "_fetchers.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            used = [name for name in files if f"data/{name}" in (ast.get_source_segment(source, node) or "")]
            if used:
                notes.append(f"{' '.join(used)}\n\n{ast.get_docstring(node)}\n")
    (out / "photographs" / "SOURCES.txt").write_text("\n\n".join(notes), encoding="utf-8")
    return ["photographs"]


def make_labels(wheels, crates, out, scratch):
    unpack_wheel(wheels[0], scratch, lambda name: name == "torchvision/models/_meta.py")
    tree = ast.parse((scratch / "torchvision" / "models" / "_meta.py").read_text(encoding="utf-8"))
    labels = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and [getattr(t, "id", "") for t in node.targets] == ["_IMAGENET_CATEGORIES"]:
            labels = ast.literal_eval(node.value)
    if len(labels) != 1000:
        raise Problem(f"labels: expected 1000 names in torchvision's list and found {len(labels)}")
    (out / "labels").mkdir()
    (out / "labels" / "imagenet.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    return ["labels"]


def make_efficientnet(wheels, crates, out, scratch):
    unpack_wheel(wheels[0], scratch, lambda name: name.endswith((".pth", "/LICENSE")))
    (out / "efficientnet").mkdir()
    for path in [*scratch.rglob("*.pth"), *scratch.rglob("LICENSE")]:
        path.rename(out / "efficientnet" / path.name)
    return ["efficientnet"]


def take_out(wheel, scratch, wanted, folder):
    """Move the wanted files of a wheel into a new folder, without the folders that they lie in there."""
    unpack_wheel(wheel, scratch, lambda name: name.endswith(wanted))
    folder.mkdir()
    for path in [path for path in scratch.rglob("*") if path.is_file()]:
        path.rename(folder / path.name)


def make_silero(wheels, crates, out, scratch):
    take_out(wheels[0], scratch, (".onnx", "/LICENSE"), out / "silero")
    return ["silero"]


def make_speech(wheels, crates, out, scratch):
    take_out(wheels[0], scratch, ("/sample.wav", "/sample.rttm", "/LICENSE"), out / "speech")
    return ["speech"]


def make_pitch(wheels, crates, out, scratch):
    take_out(wheels[0], scratch / "files", (".onnx", ".tflite", "/LICENSE", "/NOTICE"), out / "pitch")
    unpack_wheel(wheels[0], scratch / "saved", lambda name: "/nmp/" in name)
    next((scratch / "saved").rglob("nmp")).rename(out / "pitch" / "saved_model")
    return ["pitch"]


def make_faces(wheels, crates, out, scratch):
    take_out(wheels[0], scratch, (".tflite", "/LICENSE"), out / "faces")
    return ["faces"]


def make_peer(wheels, crates, out, scratch):
    take_out(wheels[0], scratch, ("wasmtime_cli/wasmtime", "wasmtime_cli/LICENSE"), out / "peer")
    (out / "peer" / "wasmtime").chmod(0o755)
    return ["peer"]


def make_format(wheels, crates, out, scratch):
    unpack_wheel(wheels[0], scratch, lambda name: name.endswith("/clang-format"))
    (out / "format").mkdir()
    program = next(scratch.rglob("clang-format"))
    program.chmod(0o755)
    program.rename(out / "format" / "clang-format")
    return ["format"]


RUSTC = """\
#!/bin/sh
# Debian's compiler, which looks for its libraries among the system's.
root=$(cd "$(dirname "$0")/.." && pwd) || exit
LD_LIBRARY_PATH="$root/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export LD_LIBRARY_PATH
exec "$root/libexec/rustc" --sysroot "$root" "$@"
"""


def make_rust(wheels, debs, out, scratch):
    """Debian's rustc with a standard library for wasm32-wasip1, laid out as rustup lays out its own."""
    if not shutil.which("cargo"):
        raise Problem("rust: needs cargo to build its standard library: install Rust's cargo and try again")
    for deb in debs:
        unpack_deb("rust", deb, scratch)
    usr, rust = scratch / "usr", out / "rust"
    rustlib, host = rust / "lib" / "rustlib", f"{machine()}-unknown-linux-gnu"
    for folder in (rust / "bin", rust / "libexec", rustlib / host / "bin"):
        folder.mkdir(parents=True)
    (usr / "bin" / "rustc").rename(rust / "libexec" / "rustc")
    (rust / "bin" / "rustc").write_text(RUSTC)
    (rust / "bin" / "rustc").chmod(0o755)
    for library in (usr / "lib" / f"{machine()}-linux-gnu").glob("*.so*"):
        library.rename(rust / "lib" / library.name)
    (usr / "lib" / "rustlib" / host / "lib").rename(rustlib / host / "lib")
    shutil.copy(usr / "lib" / "llvm-19" / "bin" / "lld", rustlib / host / "bin" / "rust-lld")
    found = run([rust / "bin" / "rustc", "--version"])
    if found.returncode != 0:
        raise Problem(f"rust: Debian's rustc does not run here: {reason(found)}")

    say("rust: building its standard library for wasm32-wasip1, about a minute")
    # The standard library uses features that are not stable, and only it may.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RUSTC", "CARGO_ENCODED"))}
    environment["RUSTC"], environment["RUSTC_BOOTSTRAP"] = str(rust / "bin" / "rustc"), "1"
    environment["RUSTFLAGS"] = "-Zforce-unstable-if-unmarked"
    command = ["cargo", "build", "--quiet", "--locked", "--release", "--package", "std", "--target", "wasm32-wasip1"]
    result = run(
        [*command, "--target-dir", scratch / "std"],
        cwd=usr / "src" / f"rustc-{PINS['rust']['version']}" / "library",
        env=environment,
    )
    if result.returncode != 0:
        sys.stderr.write("".join(result.stderr.splitlines(True)[-20:]))
        raise Problem("rust: its standard library could not be built: see above")
    target = rustlib / "wasm32-wasip1" / "lib"
    (target / "self-contained").mkdir(parents=True)
    for library in (scratch / "std" / "wasm32-wasip1" / "release" / "deps").glob("*.rlib"):
        library.rename(target / library.name)
    for name in ("crt1-command.o", "crt1-reactor.o", "libc.a"):
        (usr / "lib" / "wasm32-wasi" / name).rename(target / "self-contained" / name)
    licences = rust / "licences"
    licences.mkdir()
    for name in ("rustc-web", "libllvm19", "wasi-libc"):
        shutil.copy(usr / "share" / "doc" / name / "copyright", licences / f"{name}.txt")
    return ["rust"]


MAKERS = {
    "wasmtime": make_wasmtime,
    "openvino": make_openvino,
    "onnxruntime": make_onnxruntime,
    "images": make_images,
    "stb": make_stb,
    "yyjson": make_yyjson,
    "xxhash": make_xxhash,
    "python": make_python,
    "zig": make_zig,
    "photographs": make_photographs,
    "labels": make_labels,
    "efficientnet": make_efficientnet,
    "silero": make_silero,
    "speech": make_speech,
    "pitch": make_pitch,
    "faces": make_faces,
    "peer": make_peer,
    "format": make_format,
    "rust": make_rust,
}


# Bringing a part into deps/


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


def put_in_place(part, wheels, out, paths):
    """Swap the finished part in. The stamp goes first and comes last, so a half-swapped part counts as missing."""
    STAMPS.mkdir(exist_ok=True)
    old = read_stamp(part)
    (STAMPS / part).unlink(missing_ok=True)
    for path in sorted({*(old["paths"] if old else []), *paths}):
        remove(DEPS / path)
    for path in paths:
        (DEPS / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).rename(DEPS / path)
    stamp = out / "stamp"
    stamp.write_text(json.dumps({"identity": identity(part, wheels), "paths": paths}, indent=1) + "\n")
    stamp.rename(STAMPS / part)


def bring(part, work):
    wheels = wheels_of(part)[0]
    crates = PINS[part].get("crates", [])
    title = f"{part} ({PINS[part]['version']})"
    started = time.monotonic()
    say(f"{title}: fetching, {PINS[part]['megabytes']:g} MB")
    work.mkdir(parents=True)
    out, scratch = work / "out", work / "scratch"
    out.mkdir()
    scratch.mkdir()
    crate_paths = [download_crate(part, crate, work / f"cargo-{crate['name']}") for crate in crates]
    wheel_paths = download_wheels(part, wheels, work / "pip") if wheels else []
    debs = debs_of(part)
    deb_paths = download_debs(part, debs, work / "apt") if debs else []
    paths = MAKERS[part](wheel_paths, crate_paths or deb_paths, out, scratch)
    put_in_place(part, wheels, out, paths)
    folders = " ".join(sorted({f"deps/{path.split('/')[0]}" for path in paths}))
    say(f"{title}: in {folders}, {time.monotonic() - started:.0f} s")


def bring_all(parts, quiet=False):
    missing = [part for part in parts if not is_present(part)]
    if missing:
        DEPS.mkdir(exist_ok=True)
        with open(DEPS / ".lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("waiting for another run of scripts/deps.py to finish")
                fcntl.flock(lock, fcntl.LOCK_EX)
            # Whatever is left here is of a run that was killed, since this one holds the lock.
            unfinished = DEPS / ".unfinished"
            remove(unfinished)
            try:
                for part in missing:
                    if not is_present(part):
                        bring(part, unfinished / part)
            finally:
                remove(unfinished)
    present = [part for part in parts if part not in missing]
    if present and not quiet:
        say(f"already in deps/: {' '.join(present)}")
    for part in ("openvino", "onnxruntime"):
        if part in parts and not quiet and python_version() not in pinned_pythons(part):
            say(f"{part}: works for C, but this Python ({platform.python_version()}) cannot import it")


def show_list():
    rows = [("PART", "VERSION", "LICENCE", "DOWNLOAD", "STATE", "FOR")]
    for part, pin in PINS.items():
        try:
            state = "present" if is_present(part) else "other version" if read_stamp(part) else "absent"
        except Problem:
            state = "not for this machine"
        rows.append((part, pin["version"], pin["licence"], f"{pin['megabytes']:g} MB", state, pin["for"]))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def main():
    parser = argparse.ArgumentParser(description="Put the parts wasinn is built, tested and shown with into deps/.")
    parser.add_argument("parts", nargs="*", metavar="NAME", help=", ".join(MAKERS))
    parser.add_argument("--list", action="store_true", help="show every part, and whether it is there")
    parser.add_argument("--quiet", action="store_true", help="say nothing of parts that are there already")
    parser.add_argument("--optional", action="store_true", help="where a part cannot be had, say why and go on")
    arguments = parser.parse_args()
    for part in arguments.parts:
        if part not in MAKERS:
            parser.error(f"there is no part '{part}'; there are {', '.join(MAKERS)}")
    if arguments.list:
        show_list()
    elif arguments.parts:
        try:
            bring_all(list(dict.fromkeys(arguments.parts)), arguments.quiet)
        except Problem as problem:
            if not arguments.optional:
                raise
            say(f"deps: {problem}; going on without")
    else:
        parser.error("name the parts to fetch, or use --list")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        print("\ndeps: interrupted; nothing half-done is left", file=sys.stderr)
        sys.exit(130)
    except Problem as problem:
        sys.exit(f"deps: {problem}")
    except (OSError, zipfile.BadZipFile, tarfile.TarError) as problem:
        sys.exit(f"deps: {problem}")
