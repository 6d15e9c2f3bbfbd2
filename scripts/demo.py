#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Have a WebAssembly guest say what is in a photograph, from nothing but a built checkout.

Every command is shown before it runs, as it can be typed in the checkout's root.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = os.environ.get("PYTHON", "python3")

PARTS = ("zig", "photographs", "labels", "efficientnet", "python", "openvino")
MODEL = "build/models/efficientnet-lite0"
FOLDER = "build/demo"
TENSOR = f"{FOLDER}/tensor.f32"
GUEST = f"{FOLDER}/classify.wasm"
GUEST_SOURCES = ("examples/classify.c", "guest/wasi_nn.h")
# What the model was trained with: RGB in -1 to 1, the middle of the picture at 224 by 224.
TENSOR_OPTIONS = (
    "--shape 1x3x224x224 --type f32 --order rgb --layout nchw --mean 127 --scale 128 --fit crop --resize 256".split()
)


def heading(text):
    print(f"\n{text}", flush=True)


def run(*command):
    """Show a command and run it; it has said itself what went wrong, if anything did."""
    print(f"$ {shlex.join(command)}", flush=True)
    words = [sys.executable if command[0] == PYTHON else command[0], *command[1:]]
    try:
        code = subprocess.run(words, cwd=ROOT, check=False).returncode
    except OSError as problem:
        sys.exit(f"demo: {command[0]}: {problem.strerror}")
    if code != 0:
        sys.exit(code if code > 0 else 128 - code)


def is_newer(target, sources):
    try:
        made = (ROOT / target).stat().st_mtime
        return all((ROOT / source).stat().st_mtime < made for source in sources)
    except OSError:
        return False


def compile_guest():
    if is_newer(GUEST, [*GUEST_SOURCES, "deps/.stamps/zig"]):
        print(f"{GUEST} is newer than {' and '.join(GUEST_SOURCES)}: not compiled again", flush=True)
        return
    print("(the first time, zig also compiles its C library: half a minute)", flush=True)
    run("deps/zig/zig", "cc", "-target", "wasm32-wasi", "-O2", "-s", "-Iguest", "-o", GUEST, GUEST_SOURCES[0])


def image_path(name):
    """The picture as seen from the checkout's root, where the commands run."""
    path = Path(name).absolute()
    try:
        return str(path.relative_to(ROOT))
    except ValueError:
        return str(path)


def main():
    parser = argparse.ArgumentParser(description="Have a WebAssembly guest say what is in a photograph.")
    parser.add_argument(
        "--image",
        metavar="FILE",
        default=os.environ.get("WASINN_IMAGE"),
        help="a JPEG or PNG file (default: that of the variable WASINN_IMAGE, else a cup of coffee)",
    )
    arguments = parser.parse_args()
    image = image_path(arguments.image) if arguments.image else "deps/photographs/coffee.png"
    if not (ROOT / "build" / "wasinn").exists():
        sys.exit("demo: build/wasinn is not there yet: build it with make")

    heading("What the demo needs, fetched if it is not there")
    run(PYTHON, "scripts/deps.py", *PARTS)

    heading("The model, in OpenVINO's format")
    run(PYTHON, "scripts/make_model.py")

    heading("The folder that the guest sees")
    run("mkdir", "-p", FOLDER)
    run("cp", f"{MODEL}/model.xml", f"{MODEL}/model.bin", f"{MODEL}/labels.txt", FOLDER)

    heading("The picture, as the tensor that the model takes")
    run("build/wasinn", "tensor", image, TENSOR, *TENSOR_OPTIONS)

    heading("The guest, compiled to WebAssembly")
    compile_guest()

    heading("The guest, run: what is in the picture?")
    run("build/wasinn", "run", "--mapdir", f"fixture::{FOLDER}", GUEST, "fixture/labels.txt")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        sys.exit(130)
