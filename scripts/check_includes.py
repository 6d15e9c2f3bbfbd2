#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that includes point along the flow of data and nowhere else: engine -> abi -> core -> backends.

Each room of src/ may include its own headers and those listed here."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# For each room: the project's headers that it may include, by prefix, and the libraries' headers. The innermost
# room counts.
RULES = {
    "src/os": (["os/"], []),
    "src/core": (
        ["core/", "os/", "wasinn/wasinn.h", "wasinn/backend.h", "wasinn/cache.h", "wasinn/engine.h"],
        ["xxhash.h"],
    ),
    "src/abi": (["abi/", "core/", "wasinn/wasinn.h", "wasinn/engine.h"], []),
    "src/engine/wasmtime": (
        ["engine/wasmtime/", "wasinn/wasinn.h", "wasinn/engine.h", "wasinn/wasmtime.h"],
        ["wasm.h", "wasmtime"],
    ),
    "src/backends/openvino": (
        ["backends/openvino/", "backends/find_library.h", "backends/formats.h", "backends/onnx_files.h",
         "backends/protobuf.h", "backends/tensorflow_files.h", "wasinn/wasinn.h", "wasinn/backend.h"],
        ["openvino/"],
    ),
    "src/backends/onnxruntime": (
        [
            *("backends/onnxruntime/", "backends/find_library.h", "backends/formats.h", "backends/onnx_files.h"),
            *("backends/onnx_functions.h", "backends/protobuf.h", "wasinn/wasinn.h", "wasinn/backend.h"),
        ],
        [],
    ),
    "src/backends": (["backends/", "os/", "wasinn/wasinn.h", "wasinn/backend.h"], []),
    "src/cli": (
        [
            *("ahead.h", "bench/", "cli.h", "colours.h", "elements.h", "file.h", "inspect/", "instance.h"),
            *("labels.h", "machine.h", "models.h", "module.h", "os/library.h", "os/processor.h", "picture.h"),
            *("png_out.h", "profile.h", "program.h", "run_cache.h", "run_options.h", "stats.h", "stats_facts.h", "tally.h", "tensor_options.h"),
            *("view.h", "wasinn/", "workers.h"),
        ],
        ["wasm.h", "wasi.h", "wasmtime", "jpeglib.h", "jerror.h", "png.h", "stb_image_resize.h", "yyjson.h"],
    ),
    "src/cli/bench": (
        ["bench.h", "stats.h", "cli/cli.h", "cli/elements.h", "cli/file.h", "cli/machine.h", "cli/models.h", "wasinn/"],
        ["wasm.h", "wasmtime", "yyjson.h"],
    ),
    "src/cli/inspect": (
        ["cli/cli.h", "cli/file.h", "cursor.h", "flatbuffer.h", "guest.h", "model.h", "onnx.h", "pickle.h",
         "protobuf.h", "reader.h", "subject.h", "tensorflow.h", "xml.h", "zip.h", "wasinn/wasinn.h", "wasinn/engine.h"],
        ["wasmtime", "yyjson.h"],
    ),
    "include/wasinn": (["wasinn/wasinn.h"], []),
    "include/wasinn/wasmtime.h": (["wasinn/wasinn.h"], ["wasm.h", "wasmtime"]),
}
LIBRARIES = ("wasm.h", "wasi.h", "wasmtime", "openvino/", "onnxruntime", "jpeglib.h", "jerror.h", "png.h", "stb_", "yyjson.h", "xxhash.h")


def rule_for(path):
    rooms = [room for room in RULES if path == room or path.startswith(room + "/")]
    return RULES[max(rooms, key=len)] if rooms else None


def problems(path, text):
    own, libraries = rule_for(path)
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line)
        if not found:
            continue
        quote, header = found.groups()
        if quote == "<" and not header.startswith(LIBRARIES):
            continue
        if not header.startswith(tuple(libraries if quote == "<" else own)):
            yield f"{path}:{number}: may not include {header}"


def main():
    count, found = 0, []
    for path in sorted([*ROOT.glob("src/**/*.[ch]"), *ROOT.glob("include/**/*.h")]):
        name = str(path.relative_to(ROOT))
        if not rule_for(name):
            found.append(f"{name}: in a folder that has no rule in scripts/check_includes.py")
            continue
        found += problems(name, path.read_text())
        count += 1
    for line in found:
        print(line)
    print(f"{count} files, {len(found)} wrong includes")
    return 1 if found or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
