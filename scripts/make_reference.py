#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the reference for the public headers with Doxygen: make_reference.py FOLDER [ROOT]

ROOT is the checkout whose headers are read. What is not documented is an error."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    folder = Path(sys.argv[1]).absolute()
    root = Path(sys.argv[2]).absolute() if len(sys.argv) > 2 else ROOT
    folder.mkdir(parents=True, exist_ok=True)
    version = re.search(r'define WASINN_VERSION "(.*)"', (root / "include/wasinn/wasinn.h").read_text()).group(1)
    variables = {"WASINN_DOCS": str(folder), "WASINN_VERSION": version, "WASINN_PYTHON": sys.executable}
    code = subprocess.run(["doxygen", "docs/Doxyfile"], cwd=root, env={**os.environ, **variables}).returncode
    if code == 0:
        print(f"{os.path.relpath(folder / 'index.html')}: the reference for wasinn {version}")
    return code


if __name__ == "__main__":
    sys.exit(main())
