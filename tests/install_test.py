"""Installs into a new folder, builds the smallest host against it by pkg-config and by CMake, runs it, uninstalls.

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

PROJECT = """
cmake_minimum_required(VERSION 3.20)
project(host C)
find_package(wasinn 0.1 REQUIRED)
foreach(kind wasmtime wasmtime_static)
  add_executable(host_${kind} SOURCE)
  target_include_directories(host_${kind} PRIVATE WASMTIME_INCLUDE)
  target_link_directories(host_${kind} PRIVATE WASMTIME_FOLDER)
  target_link_libraries(host_${kind} PRIVATE wasinn::${kind} -lwasmtime)
endforeach()
"""


def run(*command, **options):
    print("$", *command, flush=True)
    return subprocess.run([str(word) for word in command], check=True, text=True, **options)


def output(*command, **options):
    return run(*command, stdout=subprocess.PIPE, **options).stdout


def check_host(host, prefix):
    """The prefix's libraries are found by the run path or by this; the model is found by its name."""
    environment = {**os.environ, "LD_LIBRARY_PATH": f"{prefix / 'lib'}:{wasmtime_folder}"}
    assert output(host, guest, f"scalar={model}", env=environment) == "42\n", host


def build_with_pkg_config(prefix, work):
    if not shutil.which("pkg-config"):
        print("skipped: pkg-config is not installed")
        return
    environment = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    flags = shlex.split(output("pkg-config", "--cflags", "--libs", "wasinn-wasmtime", env=environment))
    compiler = shlex.split(os.environ.get("CC", "cc"))
    host = work / "host"
    source = prefix / "share" / "wasinn" / "examples" / "embed.c"
    wasmtime = [f"-I{wasmtime_include}", f"-L{wasmtime_folder}", "-lwasmtime"]
    run(*compiler, "-o", host, source, *flags, *wasmtime)
    check_host(host, prefix)


def build_with_cmake(prefix, work):
    project = PROJECT.replace("SOURCE", f'"{prefix}/share/wasinn/examples/embed.c"')
    project = project.replace("WASMTIME_INCLUDE", f'"{wasmtime_include}"')
    project = project.replace("WASMTIME_FOLDER", f'"{wasmtime_folder}"')
    (work / "CMakeLists.txt").write_text(project)
    run("cmake", "-S", work, "-B", work / "build", f"-DCMAKE_PREFIX_PATH={prefix}", stdout=subprocess.DEVNULL)
    run("cmake", "--build", work / "build", stdout=subprocess.DEVNULL)
    for kind in ("wasmtime", "wasmtime_static"):
        check_host(work / "build" / f"host_{kind}", prefix)


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
