"""Makes the Debian package, installs it into a root of its own, runs what is in it, removes it again.

    deb_test.py BUILD ROOT WASMTIME_INCLUDE WASMTIME_LIBRARY GUEST MODEL
"""

import ctypes
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
build, root, wasmtime_include, wasmtime_library, guest, model = (Path(word).resolve() for word in sys.argv[1:7])
# Neither a variable nor the loader leads to an OpenVINO of the build.
clean = {"PATH": os.environ["PATH"], "WASINN_CACHE": "off"}


def run(*command, **options):
    print("$", *command, flush=True)
    return subprocess.run([str(word) for word in command], check=True, text=True, **options)


def output(*command, env=None):
    return run(*command, stdout=subprocess.PIPE, env=env or clean).stdout


def make(out):
    """At the fastest: the size is not looked at."""
    command = ["scripts/deb.py", "--build", build / "deb", "--out", out, "--jobs", "2", "--level", "0"]
    run(sys.executable, *command, cwd=root)
    return next(out.glob("wasinn_*.deb"))


def everything(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


class Root:
    """A folder that dpkg takes for the root of a system; where it may not, the package is only unpacked there."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "var/lib/dpkg/info").mkdir(parents=True)
        (folder / "var/lib/dpkg/updates").mkdir()
        (folder / "var/lib/dpkg/status").touch()
        self.by_dpkg = os.getuid() == 0

    def dpkg(self, *words):
        forced = "--force-not-root,depends,bad-path"
        command = ["dpkg", f"--root={self.folder}", forced, *words]
        run(*command, stdout=subprocess.DEVNULL, stderr=None if words[0] == "--install" else subprocess.DEVNULL)

    def install(self, package):
        if self.by_dpkg:
            self.dpkg("--install", package)
            status = output("dpkg-query", f"--admindir={self.folder}/var/lib/dpkg", "-W", "-f", "${db:Status-Abbrev}")
            assert status.strip() == "ii", status
        else:
            print("skipped: dpkg --install: only root can; unpacking instead")
            run("dpkg", "-x", package, self.folder)

    def remove(self):
        if self.by_dpkg:
            self.dpkg("--purge", "wasinn")
            left = {path for path in everything(self.folder) if not path.startswith("var")}
            assert left <= {"etc"}, left


def check_control(package):
    fields = dict(re.findall(r"^([A-Z][\w-]*): (.*)$", output("dpkg-deb", "--field", package), re.M))
    assert fields["Package"] == "wasinn" and package.name.startswith(f"wasinn_{fields['Version']}_"), fields
    assert "libc6 (>= " in fields["Depends"] and "libstdc++6" in fields["Depends"], fields
    owners = {line.split()[1] for line in output("dpkg-deb", "--contents", package).splitlines()}
    assert owners == {"root/root"}, owners


def check_files(tree):
    """Nothing tells where it was built, nothing is looked for elsewhere, nothing has symbols for debuggers."""
    for path in sorted(tree.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        contents = path.read_bytes()
        assert os.fsencode(root) not in contents and os.fsencode(build) not in contents, path
        if contents.startswith(b"\x7fELF"):
            dynamic, sections = output("readelf", "-dW", path), output("readelf", "-SW", path)
            paths = ":".join(re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", dynamic)).split(":")
            assert all(one.startswith("$ORIGIN") or not one for one in paths), (path, paths)
            assert ".symtab" not in sections and ".debug_" not in sections, path
    documents = tree / "usr/share/doc/wasinn"
    text = (documents / "copyright").read_text()
    for part in ("onnxruntime", "openvino", "wasmtime", "stb_image_resize", "xxhash", "yyjson"):
        assert f"\n{part}\n{'=' * len(part)}\n" in text, part
    for name in ("man/man1/wasinn.1.gz", "bash-completion/completions/wasinn", "doc/wasinn/changelog.gz"):
        assert (tree / "usr/share" / name).is_file(), name


def check_command(tree):
    command = tree / "usr/bin/wasinn"
    text = output(command, "--version")
    assert f"({tree}/usr/" in text, text
    assert output(command, "run", "--model", f"scalar={model}", guest, "scalar") == "42\n"


def check_libraries(tree, work):
    """A host is compiled against the package, and finds the package's OpenVINO by its shared library."""
    folder = next((tree / "usr/lib").rglob("libwasinn.so")).parent
    library = ctypes.CDLL(str(folder / "libwasinn.so"))
    library.wasinn_version.restype = ctypes.c_char_p
    assert re.fullmatch(rb"\d+\.\d+\.\d+", library.wasinn_version())
    if not shutil.which("pkg-config"):
        print("skipped: pkg-config is not installed")
        return
    variables = {**clean, "PKG_CONFIG_PATH": str(folder / "pkgconfig")}
    flags = shlex.split(output("pkg-config", "--cflags", "--libs", "wasinn-wasmtime", env=variables))
    source = tree / "usr/share/wasinn/examples/embed.c"
    wasmtime = [f"-I{wasmtime_include}", f"-L{wasmtime_library.parent}", "-lwasmtime"]
    run(*shlex.split(os.environ.get("CC", "cc")), "-o", work / "host", source, *flags, *wasmtime)
    variables = {**clean, "LD_LIBRARY_PATH": f"{folder}:{wasmtime_library.parent}"}
    assert output(work / "host", guest, "scalar", model, env=variables) == "42\n"


def main():
    for tool in ("dpkg", "dpkg-deb", "dpkg-shlibdeps", "readelf", "strip"):
        if not shutil.which(tool):
            print(f"skipped: {tool} is not installed")
            return SKIPPED
    if not (build / "wasinn-openvino").exists():
        print("skipped: wasinn was built with an OpenVINO of its own place, which does not go into a package")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="wasinn deb ") as name:
        folder = Path(name).resolve()
        package = make(folder)
        check_control(package)
        system = Root(folder / "root")
        system.install(package)
        check_files(folder / "root")
        check_command(folder / "root")
        check_libraries(folder / "root", folder)
        system.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
