"""Installs into a new folder, runs the command there, builds the example hosts against it by pkg-config and by CMake, runs
their tests with what was built, uninstalls; and installs where that must fail.

    install_test.py BUILD ROOT WASMTIME_INCLUDE WASMTIME_LIBRARY GUEST MODEL
"""

import os
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

build, root, wasmtime_include, wasmtime_library, guest, model = (Path(word).resolve() for word in sys.argv[1:7])
wasmtime_folder = wasmtime_library.parent
# An installation has to do without what the build and other tests know.
clean = {name: value for name, value in os.environ.items() if "OPENVINO" not in name and name != "LD_LIBRARY_PATH"}
clean.pop("DESTDIR", None)
brought = (build / "wasinn-openvino").exists()

KINDS = ("wasmtime", "wasmtime_static")
PROJECT = """
cmake_minimum_required(VERSION 3.20)
project(hosts C)
find_package(wasinn 0.1 REQUIRED)
find_package(Threads REQUIRED)
file(GLOB sources "EXAMPLES/embed*.c")
foreach(kind KINDS)
  foreach(source IN LISTS sources)
    get_filename_component(name "${source}" NAME_WE)
    add_executable(${kind}_${name} "${source}")
    target_include_directories(${kind}_${name} PRIVATE "WASMTIME_INCLUDE")
    target_link_directories(${kind}_${name} PRIVATE "WASMTIME_FOLDER")
    target_link_libraries(${kind}_${name} PRIVATE wasinn::${kind} -lwasmtime Threads::Threads)
    set_target_properties(${kind}_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${kind} OUTPUT_NAME ${name})
  endforeach()
endforeach()
"""


def run(*command, **options):
    print("$", *command, flush=True)
    return subprocess.run([str(word) for word in command], check=True, text=True, **options)


def output(*command, env=None, **options):
    return run(*command, stdout=subprocess.PIPE, env=env or clean, **options).stdout


def installer(*words, **variables):
    """Code and the lines of standard error of scripts/install.py."""
    command = [sys.executable, str(root / "scripts" / "install.py"), *map(str, words)]
    print("$", *command, flush=True)
    result = subprocess.run(command, env={**clean, **variables}, stderr=subprocess.PIPE, text=True, check=False)
    return result.returncode, result.stderr.splitlines()


def install(prefix, **variables):
    assert installer("install", build, prefix, **variables) == (0, [])


def uninstall(prefix, **variables):
    assert installer("uninstall", prefix, **variables) == (0, [])


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# ---- What was installed


def environment(**more):
    """Where OpenVINO is the system's it is not installed, and the tests' one is used."""
    chosen = {} if brought else {"WASINN_OPENVINO": os.environ["WASINN_OPENVINO"]}
    return {**clean, **chosen, **more}


def examples_of(prefix):
    return prefix / "share" / "wasinn" / "examples"


def test_examples(folder, prefix):
    """The prefix's libraries are found by the run path or by this."""
    # A host that has the library within it is in another folder than the prefix's.
    if brought:
        (folder / "wasinn-openvino").symlink_to(prefix / "lib" / "wasinn" / "openvino")
    places = {"LD_LIBRARY_PATH": f"{prefix / 'lib'}:{wasmtime_folder}", "WASINN_EXAMPLES": str(folder)}
    run(sys.executable, root / "tests" / "command" / "test_embed.py", env=environment(**places))


def build_with_pkg_config(prefix, work):
    if not shutil.which("pkg-config"):
        print("skipped: pkg-config is not installed")
        return
    variables = {**clean, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    flags = shlex.split(output("pkg-config", "--cflags", "--libs", "wasinn-wasmtime", env=variables))
    compiler = shlex.split(os.environ.get("CC", "cc"))
    folder = work / "pkg-config"
    folder.mkdir()
    wasmtime = [f"-I{wasmtime_include}", f"-L{wasmtime_folder}", "-lwasmtime"]
    for source in sorted(examples_of(prefix).glob("embed*.c")):
        run(*compiler, "-o", folder / source.stem, source, *flags, *wasmtime, "-pthread")
    test_examples(folder, prefix)


def build_with_cmake(prefix, work):
    project = PROJECT.replace("KINDS", " ".join(KINDS)).replace("EXAMPLES", str(examples_of(prefix)))
    project = project.replace("WASMTIME_INCLUDE", str(wasmtime_include))
    project = project.replace("WASMTIME_FOLDER", str(wasmtime_folder))
    (work / "CMakeLists.txt").write_text(project)
    run("cmake", "-S", work, "-B", work / "build", f"-DCMAKE_PREFIX_PATH={prefix}", stdout=subprocess.DEVNULL)
    run("cmake", "--build", work / "build", stdout=subprocess.DEVNULL)
    for kind in KINDS:
        test_examples(work / "build" / kind, prefix)


def check_command(prefix, work):
    command = prefix / "bin" / "wasinn"
    link = work / "link to wasinn"
    link.symlink_to(command)
    for name in (command, link):
        text = output(name, "--version", env=environment())
        assert "Wasmtime" in text, text
        assert not brought or f"({prefix}/" in text, text
        assert output(name, "run", "--model", f"scalar={model}", guest, "scalar", env=environment()) == "42\n"


def check_backend(prefix, work):
    """A stranger's backend, of nothing but the installed headers, loads what a guest brings and what the host names."""
    folder = work / "backends"
    folder.mkdir()
    compiler = shlex.split(os.environ.get("CC", "cc"))
    command = [*compiler, "-shared", "-fPIC", f"-I{prefix / 'include'}", "-o", folder / "libwasinn-linear.so"]
    run(*command, examples_of(prefix) / "backend.c")
    (work / "line.txt").write_text("linear 2 3\n1 0 0.5 10\n0 1 0.5 20\n")
    x, y = struct.pack("<3f", 1, 2, 4).hex(), struct.pack("<2f", 13, 24).hex()
    for load in ("load 5 0 line.txt", "name line"):
        words = (load, "context g", f"input c 0 1 3 {x}", "compute c", "output c 0 64")
        options = ("--model", f"line={work / 'line.txt'}", "--dir", f"{work}::.")
        text = output(prefix / "bin" / "wasinn", "run", *options, guest.parent / "session.wasm", *words,
                      env=environment(WASINN_BACKENDS=str(folder)))
        assert text.splitlines()[-1] == f"output 0 8 {y}", text


def check_search(prefix, work):
    """A library with a version only, in a folder of the loader; unfit ones are passed over."""
    folder = work / "loader"
    folder.mkdir()
    good = (build / "wasinn-openvino") if brought else Path(os.environ["WASINN_OPENVINO"])
    for path in good.iterdir():
        (folder / path.name).symlink_to(path.resolve())
    name = max(path for path in folder.iterdir() if path.name.startswith("libopenvino_c.so"))
    if name.name == "libopenvino_c.so":
        name = name.rename(folder / "libopenvino_c.so.2641")
    # What is no version does not count.
    (folder / f"{name.name}.bak").write_text("not a library")
    variables = {**clean, "LD_LIBRARY_PATH": str(folder)}
    assert f"({name})" in output(prefix / "bin" / "wasinn", "--version", env=variables)
    for unfit in (name, folder / "libopenvino_c.so"):
        unfit.unlink(missing_ok=True)
        shutil.copy(next(build.rglob("libold_openvino.so")), unfit)
        text = output(prefix / "bin" / "wasinn", "--version", env=variables)
        assert (f"({prefix}/" in text) if brought else (f"{unfit}' is version 2025.3.0" in text), text


def check_contents(prefix, work):
    """Without what is for debuggers, no file tells where it was built."""
    for path in prefix.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.is_relative_to(prefix / "lib" / "wasinn"):
            continue
        contents = path.read_bytes()
        if contents.startswith((b"\x7fELF", b"!<arch>\n")):
            copy = work / "stripped"
            run("objcopy", "--strip-debug", path, copy)
            contents = copy.read_bytes()
        for place in (root, build):
            assert os.fsencode(place) not in contents, f"{path} names {place}"


def check_licences(prefix):
    licences = prefix / "share" / "doc" / "wasinn" / "licences"
    assert (licences / "stb_image_resize.txt").read_text().startswith("This software is available under 2 licenses")
    private = prefix / "lib" / "wasinn"
    texts = {"libwasmtime.so": "wasmtime.txt", "openvino": "openvino/LICENSE", "onnxruntime": "onnxruntime/ThirdPartyNotices.txt"}
    for part, text in texts.items():
        assert not (private / part).exists() or (licences / text).stat().st_size > 10000, part


def test_installation(folder):
    first, prefix, work = folder / "some" / "first", folder / "moved", folder / "work"
    work.mkdir()
    install(first)
    # What was installed names no place of its own.
    first.rename(prefix)
    check_command(prefix, work)
    if shutil.which("objcopy"):
        check_contents(prefix, work)
    check_backend(prefix, work)
    check_search(prefix, work)
    check_licences(prefix)
    build_with_pkg_config(prefix, work)
    build_with_cmake(prefix, work)
    uninstall(prefix)
    assert everything(prefix) == [], everything(prefix)


# ---- Leaving nothing


def test_uninstalling(folder):
    """Folders and files that were there stay, empty ones too; an installation over another is one."""
    (folder / "p" / "share" / "man").mkdir(parents=True)
    (folder / "p" / "lib" / "wasinn").mkdir(parents=True)
    (folder / "p" / "share" / "mine").write_text("mine")
    before = everything(folder)
    install(folder / "p")
    # A file of an earlier version, which this one has no more.
    record = folder / "p" / "share" / "wasinn" / "installed.json"
    record.write_text(record.read_text().replace('"bin/wasinn"', '"bin/wasinn", "bin/wasinn-old"'))
    (folder / "p" / "bin" / "wasinn-old").write_text("old")
    install(folder / "p")
    assert not (folder / "p" / "bin" / "wasinn-old").exists()
    uninstall(folder / "p")
    assert everything(folder) == before, everything(folder)
    code, lines = installer("uninstall", folder / "p")
    assert code == 1 and len(lines) == 1 and "no installation in" in lines[0], lines
    install("/opt/x", DESTDIR=str(folder / "d"))
    assert (folder / "d" / "opt" / "x" / "bin" / "wasinn").exists()
    uninstall("/opt/x", DESTDIR=str(folder / "d"))
    assert everything(folder) == before, everything(folder)


def test_taking_back(folder):
    """What was there is there again when the swap of the second of two files fails."""
    sys.path.insert(0, str(root / "scripts"))
    import install as script

    (folder / "p").mkdir()
    for name in ("a", "b"):
        (folder / name).write_text("new")
        (folder / "p" / name).write_text("old")
    installation = script.Installation(folder / "p")
    for name in ("a", "b"):
        installation.add(name, folder / name)
    (folder / "p" / ("b" + script.NEW)).unlink()
    try:
        installation.finish()
        raise AssertionError("the second file cannot be swapped")
    except FileNotFoundError:
        installation.take_back()
    assert everything(folder / "p") == ["a", "b"], everything(folder / "p")
    assert [(folder / "p" / name).read_text() for name in ("a", "b")] == ["old", "old"]


# ---- Failing


def refused(folder, prefix, why):
    before = everything(folder)
    code, lines = installer("install", build, prefix)
    assert code == 1 and len(lines) == 1, lines
    assert why in lines[0] and "nothing was installed" in lines[0], lines[0]
    assert everything(folder) == before, everything(folder)
    print(" ", lines[0])


def test_refusals(folder):
    (folder / "file").write_text("")
    refused(folder, folder / "file" / "below", "not a folder")
    refused(folder, "/proc/nowhere/wasinn", "No such file")
    # Found late, with most of it written.
    late = folder / "late"
    late.mkdir()
    (late / "share").write_text("")
    refused(folder, late, "not a folder")
    # Found at the very end, when files take the place of others.
    taken = folder / "taken" / "share" / "wasinn" / "guest" / "wasi_nn.h"
    taken.mkdir(parents=True)
    (folder / "taken" / "bin").mkdir()
    (folder / "taken" / "bin" / "wasinn").write_text("another program")
    refused(folder, folder / "taken", "there is a folder where a file is to go")
    assert (folder / "taken" / "bin" / "wasinn").read_text() == "another program"


def test_no_rights(folder):
    place = folder / "closed"
    place.mkdir(mode=0o555)
    if os.access(place, os.W_OK):
        print("skipped: no rights: root may write everywhere")
        return
    refused(folder, place, "become root")


def mounted(folder, name, options):
    place = folder / name
    place.mkdir()
    result = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=False)
    return place if result.returncode == 0 else None


def test_mounts(folder):
    """A place that is full after some of the files, and one that is read-only."""
    if os.getuid() != 0 or not shutil.which("mount"):
        print("skipped: full and read-only places: only root can mount them")
        return
    for name, options, why in (("full", "size=8m", "No space left"), ("fixed", "ro", "Read-only file system")):
        place = mounted(folder, name, options)
        if not place:
            print(f"skipped: {name}: may not mount")
            continue
        try:
            refused(folder, place / "prefix", why)
        finally:
            run("umount", place)


def main():
    for test in (test_installation, test_uninstalling, test_taking_back, test_refusals, test_no_rights, test_mounts):
        with tempfile.TemporaryDirectory(prefix="wasinn install ") as folder:
            test(Path(folder).resolve())


if __name__ == "__main__":
    main()
