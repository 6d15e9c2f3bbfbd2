"""cmake/Platform.cmake on machines that are not at hand: platform_test.py ROOT"""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(sys.argv[1]) / "cmake" / "Platform.cmake"
GOOD = {
    "SYSTEM_NAME": "Linux",
    "SYSTEM_PROCESSOR": "x86_64",
    "SIZEOF_VOID_P": "8",
    "C_BYTE_ORDER": "LITTLE_ENDIAN",
    "C_COMPILER_ID": "GNU",
    "C_COMPILER_VERSION": "9",
}


def check(accepted, text, *options, **changed):
    settings = [f"-DCMAKE_{name}={value}" for name, value in {**GOOD, **changed}.items()]
    result = subprocess.run(
        ["cmake", *settings, *options, "-P", SCRIPT], capture_output=True, text=True, check=False, timeout=60
    )
    said = " ".join((result.stdout + result.stderr).split())
    assert (result.returncode == 0) == accepted and text in said, (changed, said)
    print(said)


check(True, "Linux x86_64 with GNU 9: tried")
check(True, "Linux x86_64 with Clang 9: tried", C_COMPILER_ID="Clang")
check(True, "Linux aarch64 with GNU 9: tried in emulation only", SYSTEM_PROCESSOR="aarch64")
check(True, "not tried with this compiler", C_COMPILER_ID="Intel")
check(False, "this is FreeBSD", SYSTEM_NAME="FreeBSD")
check(False, "must be little-endian", C_BYTE_ORDER="BIG_ENDIAN", SYSTEM_PROCESSOR="s390x")
check(False, "64-bit", SIZEOF_VOID_P="4", SYSTEM_PROCESSOR="i686")
check(False, "not tried on riscv64: set WASINN_UNTRIED=ON", SYSTEM_PROCESSOR="riscv64")
check(True, "not tried", "-DWASINN_UNTRIED=ON", SYSTEM_PROCESSOR="riscv64")
check(False, "must be little-endian", "-DWASINN_UNTRIED=ON", C_BYTE_ORDER="BIG_ENDIAN")
