"""Compiles the guests of the tests and examples to WebAssembly: build_guests.py FOLDER

WASINN_GUEST_CC names the compiler; without it the one in deps/ is used. Exits with 77, "skipped", where there is none."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["-O2", "-s", "-Wall", "-Wextra", "-Werror", "-Iguest"]


def compiler():
    if os.environ.get("WASINN_GUEST_CC"):
        return shlex.split(os.environ["WASINN_GUEST_CC"])
    zig = ROOT / "deps" / "zig" / "zig"
    return [str(zig), "cc", "-target", "wasm32-wasi"] if zig.exists() else None


def is_newer(target, sources):
    return target.exists() and all(target.stat().st_mtime > source.stat().st_mtime for source in sources)


def main():
    folder = Path(sys.argv[1]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    command = compiler()
    if not command:
        print("skipped: no compiler for WebAssembly: python3 scripts/deps.py zig, or set WASINN_GUEST_CC")
        return 77
    header = ROOT / "guest" / "wasi_nn.h"
    for source in sorted([*ROOT.glob("tests/guests/*.c"), ROOT / "examples" / "classify.c", ROOT / "examples" / "infer.c"]):
        target = folder / (source.stem + ".wasm")
        if is_newer(target, [source, header]):
            continue
        print(f"{source.relative_to(ROOT)}", flush=True)
        half = target.with_suffix(".part.wasm")
        subprocess.run([*command, *FLAGS, "-o", str(half), str(source)], cwd=ROOT, check=True)
        half.rename(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
