# SPDX-License-Identifier: Apache-2.0
"""The three arms, and how a program of each is started: native C, our host, and the Wasmtime command as the peer.

All three use the OpenVINO that our host finds, and the guest of the peer is the same file as ours.
"""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from program import Failure, Program

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "bench" / "programs"
GUEST_FLAGS = ["-O2", "-s", "-Wall", "-Wextra", "-Werror", "-Iguest", "-Wl,-z,stack-size=131072"]


def output_of(*command):
    """What a command prints; None where it is not there or fails."""
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout if found.returncode == 0 else None


class Kit:
    """What the arms are made of. `folder` is for what is made on the way."""

    def __init__(self, build, folder, peer=ROOT / "deps" / "peer" / "wasmtime"):
        self.build, self.folder = Path(build).absolute(), Path(folder).absolute()
        self.wasinn = self.build / "wasinn"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.caches = self.folder / "caches"
        self.help = output_of(self.wasinn, "run", "--help")
        if self.help is None:
            raise Failure(f"{self.wasinn} does not run: build it with make")
        self.libraries = self._libraries()
        self.has_cache = "--cache " in self.help
        self.has_instances = "--instances " in self.help
        self.has_infer = "wasi_nn_infer(" in (ROOT / "guest" / "wasi_nn.h").read_text()
        self.peer_program = Path(peer)
        self.peer_missing = self._look_for_peer()

    # What there is

    def _libraries(self):
        """The folders of the runtimes' libraries, by the backend's name."""
        backends = json.loads(output_of(self.wasinn, "backends", "--json") or '{"backends": []}')["backends"]
        return {one["name"]: Path(one["library"]).resolve() for one in backends if one["available"]}

    def _look_for_peer(self):
        """Why there is no peer; None where there is one."""
        if not self.peer_program.exists():
            return f"no peer: {self.peer_program} is not there (python3 scripts/deps.py peer)"
        self.peer_version = output_of(self.peer_program, "--version")
        if not self.peer_version:
            return f"no peer: {self.peer_program} does not run here"
        if "openvino" not in self.libraries:
            return "no peer: it has the backend openvino only, and there is no OpenVINO"
        # It looks for a name without a version.
        link = self.folder / "peer" / "libopenvino_c.so"
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(self.libraries["openvino"])
        return None

    def missing(self, arm):
        """Why an arm cannot run here, in one line; None where it can."""
        if arm.startswith("peer"):
            return self.peer_missing
        if arm.startswith("native"):
            runtime = "onnxruntime" if arm == "native-onnx" else "openvino"
            if not self.native_program(runtime).exists():
                return f"no native program: {self.native_program(runtime)} was not built"
        if arm == "ours-infer" and not self.has_infer:
            return "not in this build: wasi_nn_infer"
        return None

    def versions(self):
        lines = (output_of(self.wasinn, "--version") or "").splitlines()
        versions = dict(line.split(" (")[0].split(" ", 1) for line in lines if " " in line)
        if self.peer_missing is None:
            versions["peer"] = self.peer_version.split(" (")[0].strip()
        return versions

    # Made once

    def build_guests(self):
        compiler = os.environ.get("WASINN_GUEST_CC")
        zig = ROOT / "deps" / "zig" / "zig"
        command = shlex.split(compiler) if compiler else [str(zig), "cc", "-target", "wasm32-wasi"]
        sources = [*PROGRAMS.glob("*.[ch]"), ROOT / "guest" / "wasi_nn.h", Path(__file__)]
        for name, flags in (("guest", []), ("guest-infer", ["-DBENCH_INFER"])):
            target = self.folder / f"{name}.wasm"
            if (flags and not self.has_infer) or (
                target.exists() and all(target.stat().st_mtime > source.stat().st_mtime for source in sources)
            ):
                continue
            half = target.with_suffix(".part")
            try:
                subprocess.run(
                    [*command, *GUEST_FLAGS, *flags, "-o", half, PROGRAMS / "guest.c"], cwd=ROOT, check=True
                )
            except (OSError, subprocess.CalledProcessError) as problem:
                raise Failure(f"the guest cannot be compiled: {problem}: python3 scripts/deps.py zig") from None
            half.rename(target)

    def empty_cache(self, name):
        """A folder for a cache that has nothing in it."""
        shutil.rmtree(self.caches / name, ignore_errors=True)
        (self.caches / name).mkdir(parents=True)
        return self.caches / name

    def check_runtime(self, arm, program):
        """That a program which has loaded a model has the runtime's library that all have."""
        library = self.libraries["onnxruntime" if arm == "native-onnx" else "openvino"]
        if arm != "ours" and str(library) not in program.mapped():
            raise Failure(f"{arm}: does not run with {library}, as the others do")

    # Starting

    def native_program(self, runtime):
        return self.build / "bench" / f"native_{runtime}"

    def native(self, model, *options, runtime="openvino", blob=None, by_bytes=False, commands=(), label="native"):
        source = ["--model", model.file]
        if blob:
            source = ["--blob", blob]
        if by_bytes:
            source = ["--bytes", ",".join(str(path) for path in model.parts)]
        return Program(
            label,
            [self.native_program(runtime), *source, *model.words(model.data), *options, *_after(commands)],
            {"LD_LIBRARY_PATH": str(self.libraries[runtime].parent)},
        )

    def ours(self, model, *options, guest="guest", cache="ours", by_bytes=False, commands=(), label="ours"):
        command = [self.wasinn, "run"]
        if self.has_cache:
            command += ["--cache", self.caches / cache] if cache else ["--no-cache"]
        command += [*self._folders(model, by_bytes, "--dir"), *self._ours_model(model, by_bytes), *options]
        return Program(
            label,
            [*command, *self._guest(guest, model, by_bytes), *_after(commands)],
            {"WASINN_OPENVINO": str(self.libraries["openvino"])} if "openvino" in self.libraries else {},
        )

    def peer(self, model, *options, cache="peer", by_bytes=False, commands=(), label="peer"):
        command = [self.peer_program, "run", "-S", "nn", *self._folders(model, by_bytes, "--dir")]
        if not by_bytes:
            command += ["-S", f"nn-graph=openvino::{model.folder}"]
        libraries = [self.folder / "peer", self.libraries["openvino"].parent]
        return Program(
            label,
            [*command, *options, *self._guest("guest", model, by_bytes), *_after(commands)],
            {
                "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
                "XDG_CACHE_HOME": str(self.caches / cache),
                "RUST_BACKTRACE": "0",
            },
        )

    def start(self, arm, model, **how):
        """A program of an arm that stays and is asked: `arm` also says which way of it."""
        if arm == "native-onnx":
            return self.native(model, runtime="onnxruntime", label=arm, **how)
        if arm == "native-bound":
            return self.native(model, "--tensors", "bound", label=arm, **how)
        if arm == "native":
            return self.native(model, **how)
        if arm == "ours-infer":
            return self.ours(model, guest="guest-infer", label=arm, **how)
        return self.ours(model, **how) if arm == "ours" else self.peer(model, **how)

    @staticmethod
    def _folders(model, by_bytes, option):
        words = [option, f"{model.data}::data"]
        return [*words, option, f"{model.folder}::model"] if by_bytes else words

    @staticmethod
    def _ours_model(model, by_bytes):
        if by_bytes:
            return []
        if model.file.suffix == ".onnx":
            return ["--model", f"{model.name}={model.file},backend=onnxruntime"]
        return ["--nn-graph", f"openvino::{model.folder}"]

    def _guest(self, guest, model, by_bytes):
        source = ["--model", model.name]
        if by_bytes:
            source = ["--bytes", ",".join(f"model/{path.name}" for path in model.parts)]
        return [self.folder / f"{guest}.wasm", *source, *model.words("data")]


def _after(commands):
    return ["--", *commands] if commands else []
