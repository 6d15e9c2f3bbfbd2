"""Installs into a new folder, builds the example hosts against it by pkg-config and by CMake, runs their tests with
what was built, uninstalls.

    install_test.py BUILD ROOT WASMTIME_INCLUDE WASMTIME_LIBRARY GUEST MODEL
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

build, root, wasmtime_include, wasmtime_library, guest, model = (Path(word).resolve() for word in sys.argv[1:7])
wasmtime_folder = wasmtime_library.parent

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


def output(*command, **options):
    return run(*command, stdout=subprocess.PIPE, **options).stdout


def examples_of(prefix):
    return prefix / "share" / "wasinn" / "examples"


def test_examples(folder, prefix):
    """The prefix's libraries are found by the run path or by this."""
    places = {"LD_LIBRARY_PATH": f"{prefix / 'lib'}:{wasmtime_folder}", "WASINN_EXAMPLES": str(folder)}
    environment = {**os.environ, **places}
    run(sys.executable, root / "tests" / "command" / "test_embed.py", env=environment)


def build_with_pkg_config(prefix, work):
    if not shutil.which("pkg-config"):
        print("skipped: pkg-config is not installed")
        return
    environment = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    flags = shlex.split(output("pkg-config", "--cflags", "--libs", "wasinn-wasmtime", env=environment))
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


def main():
    with tempfile.TemporaryDirectory(prefix="wasinn install ") as folder:
        first, prefix, work = Path(folder) / "first", Path(folder) / "moved", Path(folder) / "work"
        manifest = Path(folder) / "install_manifest.txt"
        work.mkdir()
        run("cmake", "--install", build, "--prefix", first, stdout=subprocess.DEVNULL)
        shutil.move(build / "install_manifest.txt", manifest)
        # What was installed names no place of its own.
        first.rename(prefix)
        assert "Wasmtime" in output(prefix / "bin" / "wasinn", "--version")
        assert output(prefix / "bin" / "wasinn", "run", "--model", f"scalar={model}", guest, "scalar") == "42\n"
        build_with_pkg_config(prefix, work)
        build_with_cmake(prefix, work)
        prefix.rename(first)
        run("cmake", f"-DMANIFEST={manifest}", "-P", root / "cmake" / "uninstall.cmake", stdout=subprocess.DEVNULL)
        left = [path for path in first.rglob("*") if not path.is_dir() or path.name == "wasinn"]
        assert not left, left


if __name__ == "__main__":
    main()
